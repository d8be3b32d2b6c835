// Pager: the page file seen by the trees. Readers get proved pages from the cache; the one writer
// makes and retires pages, group by group; checkpoints are in Pager+checkpoint.swift.
//
// Life of a group: newPage / retire ... -> the trees hash their new pages -> seal(lsn) ->
// published(lsn). Nothing that a group does touches a page that anybody else can reach.
//
// Invariants
// 1. A page is handed out only when nothing can reach what it held: no root of a live snapshot, of
//    either meta block, or of the checkpoint being written (PageLives).
// 2. The file is grown, and the growth synced, before a page of the new part is handed out.
// 3. Every page of the unsealed group is dirty and young; sealed pages never change.
// 4. The mutable properties belong to the writer's thread. Readers use `cache` and `registry` only,
//    and `writeFrozen` only what its checkpoint carries. That is why `@unchecked Sendable` holds.

import CommitLog

package final class Pager: PageWriter, @unchecked Sendable {
  /// The smallest step of growth: half a mebibyte, so that a small store stays small.
  private static let growthPagesMin: UInt64 = 64
  /// The largest: reserving a gibibyte takes a file system milliseconds.
  private static let growthBytesMax: UInt64 = 1 << 30
  /// The file grows by an eighth, so that the number of growths is logarithmic.
  private static let growthShift: UInt64 = 3

  /// What the unsealed group has done.
  struct Group {
    var born: [UInt64] = []
    var bornExtents: Set<PageRun> = []
    var retired: [PageRun] = []
    /// Born and retired in this group. Not handed out again before the seal: the tree may still
    /// be copying from them.
    var stillborn: [PageRun] = []
  }

  package let file: PageFile
  package let cache: PageCache
  package let registry: SnapshotRegistry
  package let pageSize: Int
  /// Half of the cache: the other half is left to what readers read.
  private var dirtyPagesMax: Int { max(1, cache.frameLimit / 2) }
  /// Half of the cache's memory is used by somebody else: for replays.
  var sharesMemory = false {
    didSet { cache.limitFrames(toHalf: sharesMemory) }
  }

  // These four are not checked for overlapping accesses while the process runs: they are the writer's
  // thread's, and asked several times for every page that a group makes.
  @exclusivity(unchecked) package internal(set) var space: FreeSpace
  @exclusivity(unchecked) package internal(set) var lives = PageLives()
  @exclusivity(unchecked) var group = Group()
  /// Dirty pages of sealed groups, and the LSN that retired them (`UInt64.max`: none).
  @exclusivity(unchecked) var dirty = PageMap<UInt64>()
  /// The valid meta blocks, by slot.
  package internal(set) var metas: [MetaBlock?]
  var frozen: FrozenCheckpoint?
  /// Pages of the newest checkpoint, or of the one being written, that the trees have replaced.
  package internal(set) var supersededPages: UInt64 = 0
  /// What `supersededPages` was before the checkpoint being written.
  var supersededBefore: UInt64 = 0

  package init(
    file: PageFile, cacheBytes: Int, registry: SnapshotRegistry, space: FreeSpace,
    metas: [MetaBlock?]
  ) {
    self.file = file
    self.registry = registry
    self.space = space
    self.metas = metas
    pageSize = file.pageSize
    cache = PageCache(file: file, budgetBytes: cacheBytes)
    cache.extend(to: space.pageCount)
  }

  package var isGroupLarge: Bool { group.born.count > dirtyPagesMax / 4 }
  package var dirtyCount: Int { dirty.count + group.born.count }
  package var hasOpenGroup: Bool {
    !group.born.isEmpty || !group.retired.isEmpty || !group.bornExtents.isEmpty
      || !group.stillborn.isEmpty
  }

  // MARK: Reading

  @inline(__always)
  package func beginReading() -> ReadTicket { cache.epochs.begin() }

  @inline(__always)
  package func endReading(_ ticket: ReadTicket) { cache.epochs.end(ticket) }

  package func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
    try cache.page(reference)
  }

  package func extent(_ reference: ExtentReference) throws(StoreError) -> [UInt8] {
    try file.read(reference)
  }

  // MARK: Writing

  package func newPage() throws(StoreError) -> (number: UInt64, bytes: UnsafeMutableRawPointer) {
    let number = try take()
    group.born.append(number)
    return (number, cache.insertYoung(number))
  }

  package func editable(_ number: UInt64) -> UnsafeMutableRawPointer? { cache.young(number) }

  package func retire(_ number: UInt64) {
    let run = PageRun(first: number, count: 1)
    if cache.young(number) != nil {
      group.stillborn.append(run)
    } else {
      group.retired.append(run)
    }
  }

  /// Written at once to its own place, which nothing on the disk refers to yet: a large value never
  /// fills the cache. The next checkpoint's sync covers it.
  package func newExtent(_ bytes: RawSpan) throws(StoreError) -> ExtentReference {
    guard let byteCount = UInt32(exactly: bytes.byteCount), byteCount > 0 else {
      throw .valueTooLong(bytes: bytes.byteCount)
    }
    let run = try takeRun(UInt64(file.pages(for: bytes.byteCount)))
    group.bornExtents.insert(run)
    let hash = try bytes.withUnsafeBytes { (buffer) throws(StoreError) -> UInt64 in
      try file.write(buffer, atPage: run.first)
      return PageFile.hash(buffer)
    }
    return ExtentReference(firstPage: run.first, byteCount: byteCount, hash: hash)
  }

  package func retire(_ extent: ExtentReference) {
    let run = PageRun(
      first: extent.firstPage, count: UInt64(file.pages(for: Int(extent.byteCount))))
    if group.bornExtents.remove(run) != nil {
      group.stillborn.append(run)
    } else {
      group.retired.append(run)
    }
  }

  // MARK: Groups

  /// Ends the group: from here on its pages are as unchangeable as all others.
  package func seal(_ lsn: LSN) {
    for number in group.born {
      cache.markSealed(number)
      dirty[number] = .max
      lives.born(PageRun(first: number, count: 1), at: lsn.rawValue)
    }
    for run in group.bornExtents { lives.born(run, at: lsn.rawValue) }
    let checkpoint = (frozen?.meta ?? newestMeta)?.lsn.rawValue ?? 0
    for run in group.retired {
      if run.count == 1, dirty[run.first] != nil { dirty[run.first] = lsn.rawValue }
      let birth = lives.retire(run, at: lsn.rawValue)
      if birth <= checkpoint { supersededPages += run.count }
    }
    let stillborn = group.stillborn
    group = Group()
    free(stillborn)
  }

  /// Drops the unsealed group as if it had never been.
  package func rollBack() {
    let (born, extents) = (group.born, group.bornExtents)
    let deadExtents = group.stillborn.filter { cache.young($0.first) == nil }
    group = Group()
    free(born.map { PageRun(first: $0, count: 1) } + extents + deadExtents)
  }

  /// The sealed groups up to `lsn` are visible: frees what nobody can reach any more, and writes
  /// dirty pages early when they take too much of the cache.
  package func published(_ lsn: LSN) throws(StoreError) {
    reclaim()
    if dirty.count > dirtyPagesMax { try writeEarly() }
  }

  /// Frees every retired page that no root in use can reach.
  package func reclaim() {
    let (published, pins) = pinned()
    free(lives.reclaim(pins: pins, published: published))
    registry.noteHeldPages(lives.waitingPages)
  }

  func pinned() -> (published: UInt64, pins: [UInt64]) {
    var (published, pins) = registry.pins(oldestSection: cache.epochs.oldestActive)
    for meta in metas { if let meta { pins.append(meta.lsn.rawValue) } }
    if let frozen { pins.append(frozen.meta.lsn.rawValue) }
    pins.sort()
    return (published, pins)
  }

  private func free(_ runs: [PageRun]) {
    guard !runs.isEmpty else { return }
    cache.drop(runs)
    for run in runs {
      for page in run.pages { dirty.remove(page) }
      lives.forget(run)
      space.release(run.pages)
    }
  }

  /// Sealed pages may go to their own place at any time: nothing on the disk refers to them before
  /// the next checkpoint, whose sync covers them. Those of a checkpoint under way are left to it.
  private func writeEarly() throws(StoreError) {
    let frozenLSN = frozen?.lsn.rawValue ?? 0
    let numbers =
      frozen == nil
      ? dirty.pages
      : dirty.pages.filter { number in
        (lives.births[number]?.lsn ?? 0) > frozenLSN
      }
    guard numbers.count > dirtyPagesMax / 2 else { return }
    let pages = numbers.sorted().compactMap { cache.dirty($0) }
    do {
      try file.write(pages[...])
    } catch StoreError.readOnly {
      // The volume is full: the pages stay where they are, beyond the budget if need be.
      return
    }
    for page in pages {
      dirty.remove(page.number)
      cache.markClean(page.number)
    }
  }

  // MARK: Space

  /// Makes sure that `count` pages can be had, so that what comes next cannot run out of space
  /// half-way. Throws `readOnly` when the volume is full.
  package func ensureFree(_ count: UInt64) throws(StoreError) {
    while space.freeCount < count { try grow(atLeast: count - space.freeCount) }
  }

  func take() throws(StoreError) -> UInt64 {
    if let page = space.take() { return page }
    try grow(atLeast: 1)
    guard let page = space.take() else {
      throw .readOnly("no free page after the file has grown")
    }
    return page
  }

  func takeRun(_ count: UInt64) throws(StoreError) -> PageRun {
    if let first = space.takeRun(count) { return PageRun(first: first, count: count) }
    try grow(atLeast: count)
    guard let first = space.takeRun(count) else {
      throw .readOnly("no \(count) free neighbours after the file has grown")
    }
    return PageRun(first: first, count: count)
  }

  private func grow(atLeast count: UInt64) throws(StoreError) {
    let size = space.pageCount
    let generous = min(
      max(Self.growthPagesMin, size >> Self.growthShift),
      Self.growthBytesMax / UInt64(pageSize))
    let (target, small) = (size + max(generous, count), size + count)
    guard target <= PageTable.pageCountMax else {
      throw .readOnly("the file has its largest size, \(size) pages")
    }
    do {
      try file.grow(to: target)
      extend(to: target)
    } catch StoreError.readOnly where small < target {
      // What is left of the volume may still do for what is needed now.
      try file.grow(to: small)
      extend(to: small)
    }
  }

  private func extend(to pageCount: UInt64) {
    cache.extend(to: pageCount)
    space.extend(to: pageCount)
  }
}
