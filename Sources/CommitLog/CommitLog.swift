// CommitLog: the one sequence of commits that all engines follow. This protocol is all that the
// floors above know; it says nothing of files, so that the log may live in a consensus engine.

import Bytes

/// An ordered, durable sequence of log entries with one appender and any number of readers.
public protocol CommitLog: AnyObject, Sendable {
  /// The last LSN that is certain to survive a crash.
  var durableLSN: LSN { get }
  /// The oldest LSN that can still be read; `durableLSN.next` when the log holds nothing.
  var oldestLSN: LSN { get }

  /// Appends one group as one unit and returns when it is durable. The first entry's LSN must be
  /// `durableLSN.next`, and the LSNs must be dense. One call at a time.
  ///
  /// After any error the outcome is unknown: the process must stop (exit 74) and recover.
  func append(_ group: [LogEntry]) throws(LogError)

  /// Calls `body` with each entry from `start` to the durable end, in order.
  func read(from start: LSN, _ body: (borrowing LogEntry) throws -> Void) throws

  /// Calls `body` once with true as soon as the entry `lsn` is durable, at once when it is; with false
  /// when that will not be, since the log was closed or has failed. It may be called under the
  /// appender's locks: it must be short, and neither append nor wait.
  func whenDurable(_ lsn: LSN, _ body: @escaping @Sendable (Bool) -> Void)

  /// Bytes of storage that are kept only so that entries from `lsn` on can be read; what the appender
  /// needs in any case does not count.
  func retainedBytes(from lsn: LSN) -> UInt64

  /// Entries below `lsn` are no longer needed by anybody; their space may be used again.
  func release(below lsn: LSN) throws(LogError)

  func close() throws(LogError)
}

/// Why the log cannot be opened, read or written.
public enum LogError: Error, Equatable, Sendable {
  /// Bytes that were durable are damaged. Nothing was changed.
  case corrupt(file: String, offset: UInt64, reason: String)
  /// Written by a newer version of the format.
  case newerFormat(file: String, version: UInt32)
  /// A foreign file, or one of another database.
  case foreign(file: String, reason: String)
  /// A reader asked for an entry that has been recycled.
  case released(LSN)
  /// The group is beyond the limit of one frame.
  case groupTooLarge(bytes: Int, limit: Int)
  case disk(String)
}

extension LogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .corrupt(let file, let offset, let reason): "\(file), byte \(offset): \(reason)"
    case .newerFormat(let file, let version):
      "\(file): format version \(version) is newer than this program"
    case .foreign(let file, let reason): "\(file): \(reason)"
    case .released(let lsn): "commit \(lsn) is not kept any more"
    case .groupTooLarge(let bytes, let limit):
      "a group of \(bytes) bytes; the largest has \(limit)"
    case .disk(let reason): reason
    }
  }
}
