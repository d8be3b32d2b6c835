// RecordReader: what can be asked of the records, the same in a snapshot and inside a transaction.

import Bytes

/// A range of keys: from `lower` (inclusive) to `upper` (exclusive, nil for the end of the tree).
public struct KeyRange: Equatable, Sendable {
  public var lower: [UInt8]
  public var upper: [UInt8]?

  public init(from lower: [UInt8] = [], to upper: [UInt8]? = nil) {
    self.lower = lower
    self.upper = upper
  }

  /// Every key that starts with `prefix`.
  public init(prefix: [UInt8]) {
    lower = prefix
    upper = keyAfterPrefix(prefix)
  }
}

public enum ScanStep: Sendable {
  case next
  case stop
}

/// Point gets and ordered scans over trees. A tree that was never written is empty.
public protocol RecordReader: AnyObject {
  /// Calls `body` with the value of `key`, borrowed from the page; nil when there is no such key.
  func withValue<Result>(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result?

  /// Visits the pairs of a range in key order, or in reverse, until `body` says stop.
  func scan(
    tree: UInt32, _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError)
}
