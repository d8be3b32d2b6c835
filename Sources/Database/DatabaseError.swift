// DatabaseError: why the database cannot be opened, or a call on it cannot be answered.

import CommitLog
import Disk
import RecordStore

public enum DatabaseError: Error, Sendable {
  /// There is no database in the folder.
  case notFound(path: String)
  /// The folder already holds a database.
  case alreadyExists(path: String)
  /// Another process has the folder open.
  case locked(path: String)
  case store(StoreError)
  case log(LogError)
  case disk(DiskError)
  /// Too many writes are waiting; nothing was done; try again.
  case overloaded
  /// The database is closing or closed; nothing was done.
  case closed
  /// The process is about to stop because the log could not be made durable. Whether the write is in
  /// the log is unknown: an idempotency key tells after the restart.
  case outcomeUnknown
  /// A view could not be rebuilt from the records.
  case view(name: String, reason: String)
  /// The folder that something new is to be written to holds something already.
  case notEmpty(path: String)
  /// It was not done, and the sentence says why; nothing was changed.
  case refused(String)
  /// A backup is not what its MANIFEST says, or has none.
  case backup(path: String, reason: String)
  /// A secret of the installation is damaged.
  case secret(path: String, reason: String)
  /// A commit was asked for that is not kept any more, or not there yet; the sentence says the range.
  case outOfRange(String)
  /// Something that no engine declares to throw.
  case unexpected(String)

  /// The error of an engine below as one of the database.
  init(_ error: any Error) {
    self =
      switch error {
      case let error as DatabaseError: error
      case let error as StoreError: .store(error)
      case let error as LogError: .log(error)
      case let error as DiskError: .disk(error)
      default: .unexpected("\(error)")
      }
  }
}

extension DatabaseError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let path):
      "no database in \(path); make one with `souk init --data \(path)`"
    case .alreadyExists(let path):
      "\(path) already holds a database; choose another folder, or serve this one"
    case .locked(let path):
      "\(path) is in use by a running server; stop it, or ask it with --url"
    case .store(let error): "record store: \(error)"
    case .log(let error): "commit log: \(error)"
    case .disk(let error): "disk: \(error)"
    case .overloaded: "too many writes are waiting; try again"
    case .closed: "the database is closed"
    case .outcomeUnknown: "the log could not be made durable; the outcome of the write is unknown"
    case .notEmpty(let path): "\(path) is not empty; name a folder that does not exist yet"
    case .refused(let reason), .outOfRange(let reason): reason
    case .backup(let path, let reason): "backup \(path): \(reason)"
    case .secret(let path, let reason):
      "\(path): \(reason); put the file back from a copy of the folder, or remove it: a new one is "
        + "made, and what was signed with it is not valid any more"
    case .unexpected(let reason): reason
    case .view(let name, let reason): "view \(name) cannot be rebuilt: \(reason)"
    }
  }
}
