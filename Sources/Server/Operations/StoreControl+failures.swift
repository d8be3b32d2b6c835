// StoreFailure: why a question about the storage is not answered, as one sentence for people (what,
// where, what to do next) and the exit code of the command line. The one place where the errors of the
// engines become both.

import Bytes
import CommitLog
import Database
import RecordStore

public struct StoreFailure: Error, Fields, Equatable {
  // The exit codes of the command line.
  static let failed: Int64 = 1
  static let usage: Int64 = 2
  static let locked: Int64 = 4
  static let corrupt: Int64 = 65
  static let inputOutput: Int64 = 74

  public var message = ""
  public var exitCode = failed

  public init() {}

  public init(_ message: String, exitCode: Int64 = 1) {
    self.message = message
    self.exitCode = exitCode
  }

  public static func usage(_ message: String) -> StoreFailure {
    StoreFailure(message, exitCode: usage)
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "message", &message)
    try visitor.field(2, "exitCode", &exitCode)
  }

  private static let next =
    "nothing was changed; `souk store check` says more, `souk store salvage --to FOLDER` saves what "
    + "can be read, `souk store restore` brings a backup back"
  private static let nextForDisk =
    "check the path, who may use it, and the disk; nothing was changed"

  public init(_ error: DatabaseError) {
    switch error {
    case .store(let error): self.init(error)
    case .log(let error): self.init(error)
    case .disk: self.init("\(error); \(Self.nextForDisk)", exitCode: Self.inputOutput)
    case .outcomeUnknown: self.init("\(error)", exitCode: Self.inputOutput)
    case .view: self.init("\(error); \(Self.next)", exitCode: Self.corrupt)
    case .backup, .secret: self.init("\(error)", exitCode: Self.corrupt)
    case .locked(let path):
      self.init(
        "\(path) is in use by another process; wait for it, or stop it", exitCode: Self.locked)
    default: self.init("\(error)")
    }
  }

  public init(_ error: StoreError) {
    switch error {
    case .corrupt(let reason):
      self.init("the record store is damaged: \(reason); \(Self.next)", exitCode: Self.corrupt)
    case .foreign(let reason):
      self.init(
        "records.souk is no record store of souk, or of another database: \(reason); nothing was "
          + "changed; put the right file back, or bring a backup back with `souk store restore`",
        exitCode: Self.corrupt)
    case .newerFormat(let version):
      self.init(
        "records.souk has format version \(version), which this souk does not know; nothing was "
          + "changed; run the newer souk", exitCode: Self.corrupt)
    case .record(let table, let cause):
      self.init(
        "a record of \(table) does not decode: \(cause); \(Self.next)", exitCode: Self.corrupt)
    case .disk(let reason):
      self.init("record store: \(reason); \(Self.nextForDisk)", exitCode: Self.inputOutput)
    case .readOnly(let reason):
      self.init(
        "the volume is full: \(reason); make room and try again", exitCode: Self.inputOutput)
    case .snapshotExpired:
      self.init("reading took longer than a snapshot may be held; try again on a quieter server")
    default: self.init("record store: \(error)")
    }
  }

  public init(_ error: LogError) {
    switch error {
    case .corrupt(let file, let offset, let reason):
      self.init(
        "the commit log is damaged: \(file), byte \(offset): \(reason); nothing was changed; "
          + "`souk store log verify` says more, `souk store salvage --to FOLDER` saves what can be "
          + "read, `souk store restore` brings a backup back", exitCode: Self.corrupt)
    case .foreign(let file, let reason):
      self.init(
        "\(file) is no log of this database: \(reason); nothing was changed; put the right file "
          + "back, or bring a backup back with `souk store restore`", exitCode: Self.corrupt)
    case .newerFormat(let file, let version):
      self.init(
        "\(file) has format version \(version), which this souk does not know; nothing was "
          + "changed; run the newer souk", exitCode: Self.corrupt)
    case .disk(let reason):
      self.init("commit log: \(reason); \(Self.nextForDisk)", exitCode: Self.inputOutput)
    default: self.init("commit log: \(error)")
    }
  }

  /// Any error that a question throws.
  public static func telling(_ error: any Error) -> StoreFailure {
    switch error {
    case let failure as StoreFailure: failure
    case let error as DatabaseError: StoreFailure(error)
    case let error as StoreError: StoreFailure(error)
    case let error as LogError: StoreFailure(error)
    default: StoreFailure("\(error)")
    }
  }
}
