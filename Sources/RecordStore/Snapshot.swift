// Snapshot: the records as they were at one LSN, for as long as the value is held.
//
// Invariants
// 1. Nothing that is read through a snapshot changes, blocks the writer, or is blocked by it.
// 2. After its expiry every read throws `snapshotExpired`; none ever returns a later state.

import Bytes
import CommitLog

public final class Snapshot: RecordReader, Sendable {
  private let pin: SnapshotPin
  private let registry: SnapshotRegistry

  init(pin: SnapshotPin, registry: SnapshotRegistry) {
    self.pin = pin
    self.registry = registry
  }

  deinit { registry.unpin(pin) }

  public var lsn: LSN { pin.publication.lsn }
  /// The commit time of that LSN.
  public var time: Timestamp { pin.publication.time }
  /// Tree numbers that hold anything, ascending.
  public var trees: [UInt32] { pin.publication.roots.keys.sorted() }

  /// How many entries a tree holds; kept with its root, so it costs nothing.
  public func entryCount(tree: UInt32) -> UInt64 {
    pin.publication.roots[tree]?.entryCount ?? 0
  }

  public func withValue<Result>(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result? {
    try reader(tree)?.withValue(key, body)
  }

  public func scan(
    tree: UInt32, _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    try reader(tree)?.scan(range, reverse: reverse, body)
  }

  /// Nil for an empty tree. Throws when the snapshot has expired, empty tree or not.
  private func reader(_ tree: UInt32) throws(StoreError) -> TreeReader? {
    if pin.expired.load(ordering: .sequentiallyConsistent) { throw .snapshotExpired }
    return pin.publication.roots[tree].map { TreeReader(pages: pin, root: $0) }
  }

  var publication: Publication { pin.publication }
  var pages: any PageReader { pin }
}
