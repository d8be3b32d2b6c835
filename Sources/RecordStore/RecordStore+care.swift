// What keeps a store healthy: checkpoints, the budgets of snapshots, and its numbers.

import Bytes
import CommitLog

/// The store in numbers.
public struct StoreInfo: Equatable, Sendable {
  public var databaseID: UUIDv7
  public var pageSize: Int
  /// Pages of the file, meta blocks included.
  public var pageCount: UInt64
  public var freePages: UInt64
  /// Pages that no tree needs any more and that a checkpoint or a snapshot still can reach.
  public var retiredPages: UInt64
  /// Pages that the file does not hold yet.
  public var dirtyPages: Int
  public var publishedLSN: LSN
  public var newestCheckpointLSN: LSN
  public var olderCheckpointLSN: LSN
  public var cache: CacheCounters
  public var snapshots: [SnapshotInfo]

  public struct CacheCounters: Equatable, Sendable {
    public var frames: Int
    public var framesBeyondBudget: Int
    public var misses: UInt64
    public var evictions: UInt64
    public var overBudget: UInt64
  }
}

extension RecordStore {
  // MARK: Checkpoints

  /// Begins a checkpoint of the published state. On the writer's thread. Nil when there is nothing
  /// new to write or another checkpoint is under way.
  ///
  /// `readOnly` when the volume has no room for the free map: try again later.
  public func freeze() throws(StoreError) -> FrozenCheckpoint? {
    try requireHealth()
    let publication = registry.publication
    guard publication.lsn != pager.newestMeta?.lsn else { return nil }
    defer { updateGauges() }
    pager.reclaim()
    return try pager.freeze(
      root: publication.catalog, lsn: publication.lsn, time: publication.time)
  }

  /// Makes a frozen checkpoint durable. On any thread, beside the writer.
  ///
  /// After an error the store goes on, and the next `freeze` begins anew, unless the checkpoint
  /// says `isLost`: then the process must stop.
  public func writeFrozen(_ checkpoint: FrozenCheckpoint) throws(StoreError) {
    try pager.writeFrozen(checkpoint)
  }

  /// Ends a checkpoint that was written, or drops one that failed. On the writer's thread.
  public func finish(_ checkpoint: FrozenCheckpoint) {
    pager.finish(checkpoint)
    updateGauges()
  }

  /// All three steps at once, on the writer's thread. False when there was nothing to write.
  @discardableResult
  public func checkpoint() throws(StoreError) -> Bool {
    guard let frozen = try freeze() else { return false }
    defer { finish(frozen) }
    try writeFrozen(frozen)
    return true
  }

  /// Any thread. The log must be kept from the LSN after this one.
  public var olderCheckpointLSN: LSN { gauges.withLock { $0.olderCheckpoint } }

  /// Any thread.
  public var hasUncheckpointedChanges: Bool {
    gauges.withLock { $0.newestCheckpoint } < registry.publishedLSN
  }

  /// Whether the trees have replaced so much of the newest checkpoint, at least `bytesLeast` and a
  /// fifth of what is in use, that another checkpoint keeps the file small: until then what was
  /// replaced cannot be used again. Any thread.
  public func isCheckpointWorthwhile(bytesLeast: Int) -> Bool {
    gauges.withLock { gauges in
      let inUse = gauges.pageCount - gauges.freePages - gauges.retiredPages
      return gauges.supersededPages >= max(UInt64(bytesLeast / pager.pageSize), inUse / 5)
    }
  }

  /// Makes sure that the file has room for a small transaction; `readOnly` when the volume has not.
  /// On the writer's thread.
  public func requireSpace() throws(StoreError) {
    try pager.ensureFree(UInt64(4 * PageLayout.depthMax))
  }

  // MARK: Snapshots

  /// Expires the snapshots that are beyond their budgets; their next read throws. Any thread.
  /// Returns what was expired, for the log. The published state itself never expires.
  @discardableResult
  public func expireSnapshots(now: Timestamp) -> [SnapshotInfo] {
    let limit = options.snapshotBytesMax / UInt64(pager.pageSize)
    let oldest = now.adding(seconds: -options.snapshotSecondsMax)
    let due = registry.snapshots.filter { snapshot in
      guard !snapshot.isExpired, let superseded = snapshot.supersededAt else { return false }
      return superseded < oldest || snapshot.heldPages > limit
    }
    registry.expire(due.map(\.id), closeEpoch: pager.cache.epochs.advance)
    return due
  }

  // MARK: Numbers

  func updateGauges() {
    let newest = pager.newestMeta?.lsn ?? .zero
    let older = pager.olderMeta?.lsn ?? .zero
    let retired = pager.lives.waitingCount
    gauges.withLock { gauges in
      gauges = Gauges(
        newestCheckpoint: newest, olderCheckpoint: older, pageCount: pager.space.pageCount,
        freePages: pager.space.freeCount, retiredPages: retired, dirtyPages: pager.dirtyCount,
        supersededPages: pager.supersededPages)
    }
  }

  /// Any thread; as of the last group or checkpoint.
  public func info() -> StoreInfo {
    let gauges = gauges.withLock { $0 }
    let cache = pager.cache.counters
    return StoreInfo(
      databaseID: databaseID, pageSize: pager.pageSize, pageCount: gauges.pageCount,
      freePages: gauges.freePages, retiredPages: gauges.retiredPages,
      dirtyPages: gauges.dirtyPages, publishedLSN: registry.publishedLSN,
      newestCheckpointLSN: gauges.newestCheckpoint, olderCheckpointLSN: gauges.olderCheckpoint,
      cache: StoreInfo.CacheCounters(
        frames: cache.frames, framesBeyondBudget: cache.framesBeyondBudget,
        misses: cache.misses, evictions: cache.evictions, overBudget: cache.overBudget),
      snapshots: registry.snapshots)
  }
}
