// Inspection of an open store: the shape of its trees, and what becomes of the pages that no tree
// needs. Nothing here changes anything.

import Bytes
import CommitLog

/// One tree in numbers.
public struct TreeShape: Equatable, Sendable {
  public var entries: UInt64 = 0
  /// Pages from the root to a leaf; 0 for an empty tree.
  public var depth = 0
  public var leafPages: UInt64 = 0
  public var branchPages: UInt64 = 0
  /// Pages of the extents of large values.
  public var overflowPages: UInt64 = 0
  /// Values that lie in extents.
  public var overflowValues: UInt64 = 0
  /// Bytes of all keys, whole, and of all values.
  public var keyBytes: UInt64 = 0
  public var valueBytes: UInt64 = 0
  /// Bytes in leaves and branches that hold something, page frames included.
  public var usedBytes: UInt64 = 0
  /// Children of all branches together.
  public var children: UInt64 = 0

  public init() {}

  public var liveBytes: UInt64 { keyBytes + valueBytes }

  /// How full leaves and branches are, 0 to 100.
  public func fillPercent(pageSize: Int) -> Double {
    let bytes = Double(leafPages + branchPages) * Double(pageSize)
    return bytes == 0 ? 0 : 100 * Double(usedBytes) / bytes
  }

  /// Children of a branch on average; 0 without branches.
  public var fanOut: Double { branchPages == 0 ? 0 : Double(children) / Double(branchPages) }
}

/// Pages that no tree needs, and why some of them cannot be used again yet.
public struct FreeSpaceReport: Equatable, Sendable {
  /// Runs of `lengthMin` to `lengthMax` free neighbours.
  public struct RunBucket: Equatable, Sendable {
    public var lengthMin: UInt64
    public var lengthMax: UInt64
    public var runs: UInt64
    public var pages: UInt64
  }

  /// Retired pages that wait for everything that can read the state of `lsn`.
  public struct Waiting: Equatable, Sendable {
    public var lsn: LSN
    public var pages: UInt64
    /// `newest checkpoint`, `older checkpoint`, `snapshot 12 (backup)`; empty when they are about to
    /// be free.
    public var pinnedBy: [String]
  }

  public var pageSize: Int
  /// Of the file, meta blocks included.
  public var pageCount: UInt64
  public var freePages: UInt64 = 0
  public var retiredPages: UInt64 = 0
  /// By length, in powers of two; empty buckets are left out.
  public var runs: [RunBucket] = []
  /// By LSN.
  public var waiting: [Waiting] = []
}

extension Snapshot {
  /// Walks a whole tree. Any thread.
  public func shape(tree: UInt32) throws(StoreError) -> TreeShape {
    var shape = TreeShape()
    guard let root = publication.roots[tree] else { return shape }
    shape.entries = root.entryCount
    shape.depth = root.level + 1
    let (pages, size) = (self.pages, self.pages.pageSize)
    try TreeCheck(pages: pages).walk(root) { (item) throws(StoreError) in
      switch item {
      case .extent(let extent):
        shape.overflowPages += UInt64((Int(extent.byteCount) + size - 1) / size)
      case .page(let reference, _):
        let ticket = pages.beginReading()
        defer { pages.endReading(ticket) }
        shape.add(PageView(try pages.page(reference), size: size))
      }
    }
    return shape
  }
}

extension TreeShape {
  mutating func add(_ page: PageView) {
    usedBytes += UInt64(page.usedBytes)
    guard page.isLeaf else {
      branchPages += 1
      children += UInt64(page.count)
      return
    }
    leafPages += 1
    for index in 0..<page.count {
      keyBytes += UInt64(page.prefixLength + page.suffix(index).count)
      let payload = page.payload(index)
      if page.isOverflow(index), let overflow = OverflowValue(payload) {
        overflowValues += 1
        valueBytes += UInt64(overflow.totalBytes)
      } else {
        valueBytes += UInt64(payload.count)
      }
    }
  }
}

extension RecordStore {
  public var pageSize: Int { pager.pageSize }

  /// Numbers and names of all declared trees, the store's own included.
  public var treeNames: [UInt32: String] {
    var names: [UInt32: String] = [:]
    for table in tables.values {
      names[table.tree] = table.name
      for index in table.indexes {
        names[table.tree + index.number] = table.name + "." + index.name
      }
    }
    return names
  }

  /// Where the free pages are and what the retired ones wait for. On the writer's thread.
  public func freeSpace() -> FreeSpaceReport {
    var report = FreeSpaceReport(pageSize: pager.pageSize, pageCount: pager.space.pageCount)
    report.freePages = pager.space.freeCount
    let taken = pager.space.taken
    var buckets: [Int: (runs: UInt64, pages: UInt64)] = [:]
    var page = taken.firstClear(from: 0)
    while let first = page {
      let end = taken.endOfRun(from: first, limit: taken.count)
      let bucket = (end - first).bitWidth - (end - first).leadingZeroBitCount - 1
      let old = buckets[bucket] ?? (0, 0)
      buckets[bucket] = (old.runs + 1, old.pages + end - first)
      page = taken.firstClear(from: end)
    }
    report.runs = buckets.sorted { $0.key < $1.key }.map { bucket, count in
      FreeSpaceReport.RunBucket(
        lengthMin: 1 << UInt64(bucket), lengthMax: 2 << UInt64(bucket) - 1, runs: count.runs,
        pages: count.pages)
    }
    var waiting: [UInt64: UInt64] = [:]
    for (lsn, lives) in pager.lives.waiting {
      waiting[lsn] = lives.reduce(0) { $0 + $1.run.count }
    }
    for life in pager.lives.unpublished {
      waiting[registry.publishedLSN.rawValue, default: 0] += life.run.count
    }
    report.retiredPages = waiting.values.reduce(0, +)
    report.waiting = waiting.sorted { $0.key < $1.key }.map { lsn, pages in
      FreeSpaceReport.Waiting(lsn: LSN(lsn), pages: pages, pinnedBy: pinNames(LSN(lsn)))
    }
    return report
  }

  private func pinNames(_ lsn: LSN) -> [String] {
    var names: [String] = []
    if pager.newestMeta?.lsn == lsn { names.append("newest checkpoint") }
    if pager.olderMeta?.lsn == lsn { names.append("older checkpoint") }
    if pager.frozen?.meta.lsn == lsn { names.append("checkpoint under way") }
    for snapshot in registry.snapshots where snapshot.lsn == lsn {
      names.append("snapshot \(snapshot.id) (\(snapshot.purpose))")
    }
    return names
  }
}
