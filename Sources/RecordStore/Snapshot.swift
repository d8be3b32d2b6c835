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
  public var trees: [UInt32] { pin.publication.roots.keys }

  /// How many entries a tree holds; kept with its root, so it costs nothing.
  public func entryCount(tree: UInt32) -> UInt64 {
    pin.publication.roots[tree]?.entryCount ?? 0
  }

  @inlinable
  public func withValue<Result>(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result? {
    var result: Result?
    try visit(tree: tree, key: key) { (value) throws(StoreError) in result = try body(value) }
    return result
  }

  /// Not generic, so that a caller in another module runs compiled code and not a template.
  @usableFromInline
  func visit(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Void
  ) throws(StoreError) {
    try requireLife()
    guard let root = pin.publication.roots[tree] else { return }
    _ = try TreeReader.visit(key, under: root, pin, body)
  }

  public func scan(
    tree: UInt32, _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    try requireLife()
    guard let root = pin.publication.roots[tree] else { return }
    try TreeReader(pages: pin, root: root).scan(range, reverse: reverse, body)
  }

  /// An empty tree has no page that would refuse.
  private func requireLife() throws(StoreError) {
    if pin.expired.load(ordering: .sequentiallyConsistent) { throw .snapshotExpired }
  }

  var publication: Publication { pin.publication }
  var pages: any PageReader { pin }
}
