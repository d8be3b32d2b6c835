// RecordStore: the records of one database in one file. Transactions go in through the one writer,
// snapshots come out on any thread, checkpoints run beside both. The log is not known here: the
// floor above appends the operations that `commit` returns and then calls `publish`.
//
//   writer      beginTransaction -> (work) -> commit ... -> seal(lsn) -> [log append] -> show(group)
//   recovery    open -> Replay.add(entry) ... -> Replay.finish
//   readers     snapshot
//   care        freeze (writer) -> writeFrozen (any thread) -> finish (writer)
//
// Invariants
// 1. What a snapshot shows was published, and nothing else is ever visible. Groups are shown in the
//    order in which they were sealed; the writer may be groups ahead of what is shown.
// 2. The file holds two whole checkpoints; replaying the log from either gives the same records.
// 3. No clock, no randomness, no threads: all that happens follows from the calls.
// 4. `trees`, `pager` and `lastTime` belong to the writer's thread; what other threads may call says
//    so and uses the registry, the cache or a mutex. That is why `@unchecked Sendable` holds.

import Bytes
import CommitLog
import Disk
import Synchronization

/// A group that the store has finished and readers do not see yet.
public struct SealedGroup: Sendable {
  let publication: Publication

  public var lsn: LSN { publication.lsn }
}

public final class RecordStore: @unchecked Sendable {
  public struct Options: Sendable {
    /// Only for `create`; a power of two from 4 KiB to 64 KiB.
    public var pageSize = PageLayout.pageSizeDefault
    /// Memory for pages. Dirty pages of a large burst may go beyond it for a while.
    public var cacheBytes = 64 << 20
    /// How long a snapshot may be read after a later state was published.
    public var snapshotSecondsMax: Int64 = 300
    /// How much of the file a snapshot's LSN may keep from being used again.
    public var snapshotBytesMax: UInt64 = 4 << 30

    public init() {}
  }

  /// Numbers that other threads ask for; copied after every group and checkpoint.
  struct Gauges {
    var newestCheckpoint = LSN.zero
    var olderCheckpoint = LSN.zero
    var pageCount: UInt64 = 0
    var freePages: UInt64 = 0
    var retiredPages: UInt64 = 0
    var dirtyPages = 0
    var supersededPages: UInt64 = 0
  }

  public static let fileName = "records.souk"

  public let databaseID: UUIDv7
  public let options: Options
  let tables: [UInt32: TableDescriptor]
  let pager: Pager
  let trees: WorkingTrees
  let registry: SnapshotRegistry
  let gauges = Mutex(Gauges())
  var lastTime: Timestamp
  private var lastSealed: LSN
  /// An error came out of the middle of a change: the working trees are not to be trusted.
  private var hasFailed = false

  init(
    databaseID: UUIDv7, options: Options, tables: [TableDescriptor], pager: Pager,
    trees: WorkingTrees, registry: SnapshotRegistry
  ) {
    self.databaseID = databaseID
    self.options = options
    self.tables = Self.byNumber(tables)
    self.pager = pager
    self.trees = trees
    self.registry = registry
    lastTime = registry.publication.time
    lastSealed = registry.publishedLSN
    updateGauges()
  }

  private static func byNumber(_ tables: [TableDescriptor]) -> [UInt32: TableDescriptor] {
    var result: [UInt32: TableDescriptor] = [:]
    for table in tables + [Transaction.ordinalsTable] {
      let replaced = result.updateValue(table, forKey: table.number)
      precondition(replaced == nil, "table number \(table.number) is declared twice")
    }
    return result
  }

  // MARK: The writer

  /// A transaction over all that has been committed, published or not. Dropping it undoes it.
  public func beginTransaction(
    time: Timestamp, random: @escaping () -> UInt64
  ) -> Transaction {
    lastTime = max(lastTime, time)
    return Transaction(trees: trees, time: time, random: random)
  }

  /// Applies a transaction and returns what to log; readers see it after `publish`.
  ///
  /// Throws `readOnly`, with nothing changed, when the volume is too full for it. After any other
  /// error the store refuses all further writes, until `rollBackGroup`.
  public func commit(_ transaction: Transaction) throws(StoreError) -> [Operation] {
    try requireHealth()
    let operations = transaction.operations
    guard !operations.isEmpty else { return [] }
    try pager.ensureFree(pagesNeeded(for: transaction.overlay))
    do {
      try trees.apply(transaction.overlay)
    } catch {
      hasFailed = true
      throw error
    }
    return operations
  }

  /// Applies logged transactions again, all at once and in the order of their keys. Readers see them
  /// after `publish`.
  public func replay(_ entries: [LogEntry]) throws(StoreError) {
    for entry in entries { note(entry.time) }
    var rows = ReplayRows(entries)
    rows.sort()
    try replay(rows) { () throws(StoreError) in }
  }

  func note(_ time: Timestamp) { lastTime = max(lastTime, time) }

  /// `pause` is called now and then, and may publish; that shows some of the rows, so it is for when
  /// there are no readers.
  func replay(
    _ rows: ReplayRows, pause: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try requireHealth()
    do {
      try trees.replay(rows, tables: tables, pause: pause)
    } catch {
      hasFailed = true
      throw error
    }
  }

  /// A sync of the file failed, and nobody knows what the disk holds: the process must stop.
  public var isLost: Bool { pager.file.isLost }

  /// Whether the unsealed group has made so many pages, which cannot leave memory before it is sealed,
  /// that it had better be sealed.
  public var isGroupLarge: Bool { pager.isGroupLarge }

  /// Whether a `commit` or `replay` failed in the middle of its changes.
  public var needsRollBack: Bool { hasFailed }

  /// Forgets everything that was committed or replayed after the last `seal`, and with it the
  /// failure of one of them, or of the `seal` that should have ended it.
  public func rollBackGroup() {
    trees.rollBack()
    pager.rollBack()
    hasFailed = false
    updateGauges()
  }

  /// Does what of `seal` may fail for want of the disk, so that the rest may be done when there is no
  /// way back any more. When it throws, the group can be rolled back.
  public func beginSeal() throws(StoreError) {
    try requireHealth()
    do {
      try trees.beginSeal()
    } catch {
      hasFailed = true
      throw error
    }
  }

  /// Ends the group of the transactions up to `lsn`: its pages are hashed and change no more, and
  /// the next group may begin. Readers see nothing of it before `show`. When it throws, the group
  /// can be rolled back.
  public func seal(lsn: LSN) throws(StoreError) -> SealedGroup {
    try requireHealth()
    precondition(lsn > lastSealed, "LSN \(lsn) is sealed after \(lastSealed)")
    let catalog: PageReference
    do {
      catalog = try trees.seal()
    } catch {
      hasFailed = true
      throw error
    }
    pager.seal(lsn)
    lastSealed = lsn
    return SealedGroup(
      publication: Publication(lsn: lsn, time: lastTime, catalog: catalog, roots: trees.roots))
  }

  /// Makes a sealed group what readers see. On any thread, in the order of the LSNs.
  public func show(_ group: SealedGroup) { registry.publish(group.publication) }

  /// Takes back the pages that nobody can reach since the last groups were shown, and writes dirty
  /// pages early when they take too much of the cache. On the writer's thread, once a group.
  public func reclaim() throws(StoreError) {
    try pager.published(registry.publishedLSN)
    updateGauges()
  }

  /// Ends the group and shows it at once: for recovery, where the log has it already.
  public func publish(lsn: LSN) throws(StoreError) {
    if lsn == lastSealed, !pager.hasOpenGroup { return }
    show(try seal(lsn: lsn))
    try reclaim()
  }

  func requireHealth() throws(StoreError) {
    if hasFailed { throw .disk("the store has failed and must be opened again") }
  }

  /// Pages that applying may take at most: for every entry a leaf, the share of its branches and
  /// of a split; not more copies than there are pages; the new bytes twice, since pages may be half
  /// full; and a path with splits for each tree.
  private func pagesNeeded(for overlay: TransactionOverlay) -> UInt64 {
    var (entries, bytes, trees) = (0, 0, 0)
    var last: UInt32?
    for chunk in overlay.chunks {
      entries += chunk.count
      for entry in chunk {
        if entry.tree != last { trees += 1 }
        last = entry.tree
        let size = entry.key.count + (entry.value?.count ?? 0)
        bytes += size
        // A large value ends in extents, each of which may leave most of a page empty.
        if size > pager.pageSize / 4 { bytes += pager.pageSize * (1 + size >> 20) }
      }
    }
    let copies = min(UInt64(entries) * 3, pager.space.takenCount)
    let paths = UInt64(trees + 1) * UInt64(2 * PageLayout.depthMax)
    return copies + 3 * UInt64(bytes / pager.pageSize + 1) + paths
  }

  // MARK: Readers, on any thread

  /// Pins the published state.
  public func snapshot(purpose: String) -> Snapshot {
    Snapshot(pin: registry.pin(purpose: purpose, pages: pager), registry: registry)
  }

  public var publishedLSN: LSN { registry.publishedLSN }

  /// Closes the file. No reader, transaction or checkpoint may be under way.
  public func close() { pager.file.close() }
}
