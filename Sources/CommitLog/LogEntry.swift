// LogEntry: what one transaction leaves in the log. Logical after-images only: never a patch, never
// "now", never a random number, so that replay is deterministic and every engine reads the same.

import Bytes

/// A position in the log: dense, one a transaction, from 1. Zero is "before the first".
public struct LSN: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var rawValue: UInt64

  @inlinable
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public static let zero = LSN(0)
  public var next: LSN { LSN(rawValue + 1) }

  @inlinable
  public static func < (left: LSN, right: LSN) -> Bool { left.rawValue < right.rawValue }

  public var description: String { String(rawValue) }
}

/// One change. The numbers on disk are never reused: put 1, delete 2, event 3.
public enum Operation: Equatable, Sendable {
  /// `key` of `table` has `value` after this. `before` is there when the table's declaration asks for
  /// before-images and the key had a value.
  case put(table: UInt32, key: [UInt8], value: [UInt8], before: [UInt8]?)
  /// `key` of `table` is gone after this.
  case delete(table: UInt32, key: [UInt8], before: [UInt8]?)
  /// Appended to an event stream of the time-series engine.
  case event(stream: UInt32, payload: [UInt8])
}

/// One committed transaction.
public struct LogEntry: Equatable, Sendable {
  public var lsn: LSN
  /// The commit's time; never falls from one entry to the next.
  public var time: Timestamp
  /// Given by the caller, zero when there is none; for audit and for finding a request's commit.
  public var requestID: UUIDv7
  public var operations: [Operation]

  public init(lsn: LSN, time: Timestamp, requestID: UUIDv7 = .zero, operations: [Operation]) {
    self.lsn = lsn
    self.time = time
    self.requestID = requestID
    self.operations = operations
  }
}
