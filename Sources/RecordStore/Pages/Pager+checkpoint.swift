// Checkpoints: the published tree becomes the one that the disk starts from, beside the writer.
//
//   freeze       writer's thread: notes root, LSN, the dirty pages and the free map; takes the
//                pages for the map. From here on the frozen root is pinned.
//   writeFrozen  any thread: pages, map, sync; the other meta block, sync.
//   finish       writer's thread: the pages are clean, the checkpoint before last is let go.
//   abandon      writer's thread, after an error before the meta block: nothing has changed.
//
// Invariants
// 1. The meta block is written only after everything that it leads to has been synced.
// 2. A page that either valid meta block can reach is never written.
// 3. writeFrozen reads only what freeze noted: the frames are dirty, hence stay; the pages are
//    pinned, hence are not freed; their bytes are sealed, hence do not change.

import Bytes
import CommitLog
import Synchronization

/// A checkpoint under way. Made by `freeze`, carried to `writeFrozen`, ended by `finish`.
public final class FrozenCheckpoint: Sendable {
  enum Stage: Equatable {
    case frozen
    case writing
    case durable
    /// An error before the meta block was touched.
    case failed
    /// An error in a sync or while the meta block was written: what the disk holds is unknown.
    case lost
  }

  let meta: MetaBlock
  /// Where the checkpoint before this one ends.
  public let previousLSN: LSN
  let pages: [PageBytes]
  let freeMap: [UInt8]
  let stage = Mutex<Stage>(.frozen)

  init(meta: MetaBlock, previousLSN: LSN, pages: [PageBytes], freeMap: [UInt8]) {
    self.meta = meta
    self.previousLSN = previousLSN
    self.pages = pages
    self.freeMap = freeMap
  }

  public var lsn: LSN { meta.lsn }
  /// A sync or the meta block failed: the process must stop, for nobody knows what the disk holds.
  public var isLost: Bool { stage.withLock { $0 == .lost } }
  /// Neither durable nor failed yet.
  public var isUnderWay: Bool { stage.withLock { $0 == .frozen || $0 == .writing } }
  /// Pages that are to be written, without the free map.
  public var pageCount: Int { pages.count }

  /// Does a part of the writing; an error leaves the checkpoint at `stage`.
  fileprivate func attempt(
    orEndAs stageAfterError: Stage, _ body: () throws(StoreError) -> Void
  ) throws(StoreError) {
    do throws(StoreError) {
      try body()
    } catch {
      stage.withLock { $0 = stageAfterError }
      throw error
    }
  }
}

extension Pager {
  package var newestMeta: MetaBlock? {
    metas.compactMap { $0 }.max { $0.sequence < $1.sequence }
  }

  /// The checkpoint that the older valid meta block holds, or the only one.
  package var olderMeta: MetaBlock? {
    metas.compactMap { $0 }.min { $0.sequence < $1.sequence }
  }

  /// Bytes written between two syncs of a checkpoint. One sync for all would hold up the log's own, on the
  /// same disk, for as long as everything takes; so commits wait for a chunk at most.
  private static let bytesASync = 128 << 10

  /// Begins a checkpoint of the published root; nil while another is under way.
  package func freeze(
    root: PageReference, lsn: LSN, time: Timestamp
  ) throws(StoreError) -> FrozenCheckpoint? {
    if let frozen {
      switch frozen.stage.withLock({ $0 }) {
      case .failed: abandon(frozen)
      case .durable: finish(frozen)
      case .frozen, .writing: return nil
      case .lost: throw .disk("an earlier checkpoint failed while it was made durable")
      }
    }
    precondition(lives.unpublished.isEmpty, "a group is sealed and not published")
    guard let newest = newestMeta else { throw .corrupt("no valid meta block in memory") }
    let (run, map) = try takeFreeMap(lsn: lsn.rawValue, newest: newest.lsn.rawValue)
    let reference = ExtentReference(
      firstPage: run.first, byteCount: UInt32(map.count),
      hash: map.withUnsafeBytes { PageFile.hash($0) })
    var numbers: [UInt64] = []
    dirty.visit { page, retired in
      // Born by the frozen root's time and not retired by it. An unknown birth is an old one.
      let isInside = (lives.births[page]?.lsn ?? 0) <= lsn.rawValue && retired > lsn.rawValue
      if isInside { numbers.append(page) }
    }
    numbers.sort()
    let meta = MetaBlock(
      pageSize: pageSize, databaseID: newest.databaseID, sequence: newest.sequence + 1, lsn: lsn,
      time: time, pageCount: space.pageCount, root: root, freeMap: reference)
    let checkpoint = FrozenCheckpoint(
      meta: meta, previousLSN: newest.lsn, pages: numbers.compactMap { cache.dirty($0) },
      freeMap: map)
    precondition(checkpoint.pages.count == numbers.count, "a dirty page has left the cache")
    frozen = checkpoint
    (supersededBefore, supersededPages) = (supersededPages, 0)
    return checkpoint
  }

  /// Takes pages for the free map as it is at `lsn`. The map does not contain itself, so only a
  /// growth of the file can change its size.
  private func takeFreeMap(
    lsn: UInt64, newest: UInt64
  ) throws(StoreError) -> (PageRun, [UInt8]) {
    while true {
      let map = freeMap(at: lsn, newest: newest).encoded()
      guard UInt32(exactly: map.count) != nil else {
        throw .readOnly("the free map has \(map.count) bytes")
      }
      let pageCount = space.pageCount
      let run = try takeRun(UInt64(file.pages(for: map.count)))
      if space.pageCount == pageCount { return (run, map) }
      space.release(run.pages)
    }
  }

  /// What each page is to a reader of the checkpoint `lsn` whose predecessor is `newest`.
  private func freeMap(at lsn: UInt64, newest: UInt64) -> FreeMap {
    var map = FreeMap(pageCount: space.pageCount)
    map.inUse = space.taken
    for number in group.born { map.inUse.clear(number..<number + 1) }
    for run in group.bornExtents { map.inUse.clear(run.pages) }
    for run in group.stillborn { map.inUse.clear(run.pages) }
    lives.births.visit { first, birth in
      if birth.lsn > lsn { map.inUse.clear(first..<first + birth.count) }
    }
    lives.forEachRetired { life in
      guard !life.contains(lsn) else { return }
      map.inUse.clear(life.run.pages)
      if life.contains(newest) { map.retired.set(life.run.pages) }
    }
    for meta in metas { if let meta { map.inUse.clear(mapRun(meta).pages) } }
    map.inUse.clear(0..<space.firstPage)
    return map
  }

  /// The pages that hold a meta block's free map.
  func mapRun(_ meta: MetaBlock) -> PageRun {
    PageRun(
      first: meta.freeMap.firstPage,
      count: UInt64(file.pages(for: Int(meta.freeMap.byteCount))))
  }

  /// Makes the checkpoint durable. On any thread; one at a time.
  ///
  /// `readOnly` and `disk` from before the meta block leave the store as it was. After an error
  /// with `isLost` the process must stop: what the disk holds is unknown.
  package func writeFrozen(_ checkpoint: FrozenCheckpoint) throws(StoreError) {
    let isMine = checkpoint.stage.withLock { stage in
      guard stage == .frozen else { return false }
      stage = .writing
      return true
    }
    precondition(isMine, "a checkpoint is written once")
    let chunk = Self.bytesASync / pageSize
    for first in stride(from: 0, to: checkpoint.pages.count, by: chunk) {
      let end = min(first + chunk, checkpoint.pages.count)
      try checkpoint.attempt(orEndAs: .failed) { () throws(StoreError) in
        try file.write(checkpoint.pages[first..<end])
      }
      guard end < checkpoint.pages.count else { break }
      try checkpoint.attempt(orEndAs: .lost) { () throws(StoreError) in try file.sync() }
    }
    try checkpoint.attempt(orEndAs: .failed) { () throws(StoreError) in
      try file.write(checkpoint.freeMap, atPage: checkpoint.meta.freeMap.firstPage)
    }
    try checkpoint.attempt(orEndAs: .lost) { () throws(StoreError) in
      try file.sync()
      try file.writeMeta(checkpoint.meta.encoded(), slot: checkpoint.meta.slot)
      try file.sync()
    }
    checkpoint.stage.withLock { $0 = .durable }
  }

  /// Takes note of a durable checkpoint, and frees what only the one before last could reach.
  package func finish(_ checkpoint: FrozenCheckpoint) {
    guard frozen === checkpoint else { return }
    switch checkpoint.stage.withLock({ $0 }) {
    case .failed: return abandon(checkpoint)
    case .frozen, .writing, .lost: return
    case .durable: break
    }
    frozen = nil
    for page in checkpoint.pages {
      dirty.remove(page.number)
      cache.markClean(page.number)
    }
    let slot = checkpoint.meta.slot
    let replaced = metas[slot]
    metas[slot] = checkpoint.meta
    if let replaced { releaseMap(replaced) }
    reclaim()
    let (published, pins) = pinned()
    lives.forgetBirths(upTo: min(pins.first ?? published, published))
  }

  /// Forgets a checkpoint that never reached its meta block.
  package func abandon(_ checkpoint: FrozenCheckpoint) {
    guard frozen === checkpoint else { return }
    frozen = nil
    supersededPages += supersededBefore
    releaseMap(checkpoint.meta)
    reclaim()
  }

  private func releaseMap(_ meta: MetaBlock) {
    let run = mapRun(meta)
    guard run.count > 0 else { return }
    cache.drop([run])
    space.release(run.pages)
  }
}
