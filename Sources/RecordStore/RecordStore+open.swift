// Opening and creating. The opening decides as this table says; "sound" means that the catalog, the
// first page of every tree and the free map could be read and fit their hashes.
//
//   newest meta   older meta   result
//   sound         any          the newest; an unsound or invalid older one is replaced next
//   not sound     sound        the older; the newest block is wiped, for its pages will be reused
//   map bad only  not sound    the newest, its free map rebuilt from the trees
//   not sound     map bad only the older, rebuilt; the newest block is wiped
//   otherwise                  refused, naming both reasons
//
// The log is kept back to the older meta block, so falling back loses nothing.

import Bytes
import CommitLog
import Disk

/// What opening found.
public struct StoreOpening: Equatable, Sendable {
  public var checkpointLSN: LSN
  public var checkpointTime: Timestamp
  /// The highest LSN that any valid meta block speaks of: the log had it.
  public var newestDurableLSN: LSN
  /// The meta block in use, 0 or 1.
  public var slot: Int
  public var sequence: UInt64
  /// Why the other block was not used; nil when it is valid and older.
  public var otherRejected: String?
  /// The free map was damaged and has been rebuilt by walking the trees.
  public var rebuiltFreeMap: Bool
}

extension RecordStore {
  private static let temporarySuffix = ".new"
  /// Pages of a new file: the smallest step of growth.
  private static let initialPages: UInt64 = 64

  /// Makes an empty store in an existing folder. The file gets its name when it is complete.
  public static func create(
    disk: any Disk, folder: String, databaseID: UUIDv7, options: Options = Options(),
    tables: [TableDescriptor]
  ) throws(StoreError) -> RecordStore {
    precondition(PageLayout.isValid(pageSize: options.pageSize))
    let path = folder + "/" + fileName
    let temporary = path + temporarySuffix
    do {
      guard try !disk.exists(path) else { throw StoreError.disk("\(path) exists already") }
      // Left behind by a creation that was cut short.
      if try disk.exists(temporary) { try disk.remove(temporary) }
      let file = try disk.create(temporary)
      try file.reserve(initialPages * UInt64(options.pageSize))
      for sequence in UInt64(0)...1 {
        let meta = MetaBlock(
          pageSize: options.pageSize, databaseID: databaseID, sequence: sequence, lsn: .zero,
          time: .zero, pageCount: initialPages, root: PageReference(number: 0, hash: 0),
          freeMap: ExtentReference(firstPage: 0, byteCount: 0, hash: 0))
        try file.write(meta.encoded(), at: MetaBlock.offset(slot: meta.slot))
      }
      try file.sync()
      file.close()
      try disk.rename(temporary, to: path)
      try disk.syncDirectory(folder)
    } catch let error as DiskError {
      throw StoreError(error)
    } catch let error as StoreError {
      throw error
    } catch {
      throw .disk("\(error)")
    }
    return try open(disk: disk, folder: folder, options: options, tables: tables).0
  }

  /// Opens the newest sound checkpoint. Replay the log from its LSN on before anything else.
  ///
  /// Errors: `foreign`, `newerFormat`, `corrupt` when no checkpoint is sound, `disk`.
  public static func open(
    disk: any Disk, folder: String, options: Options = Options(), tables: [TableDescriptor]
  ) throws(StoreError) -> (RecordStore, StoreOpening) {
    let file: any DiskFile
    do {
      file = try disk.open(folder + "/" + fileName, mode: .readWrite)
      // Whatever the last process wrote is durable before it is believed.
      try file.sync()
    } catch { throw StoreError(error) }
    let metas = try readMetas(file)
    var reasons = metas.map(\.reason)
    let valid = metas.compactMap(\.meta).sorted { $0.sequence > $1.sequence }
    guard let newest = valid.first, let newestLSN = valid.map(\.lsn).max() else {
      throw .corrupt(reasons.compactMap { $0 }.joined(separator: "; "))
    }
    for rebuild in [false, true] {
      for meta in valid {
        do throws(StoreError) {
          let other = valid.first { $0.sequence < meta.sequence }
          let store = try load(
            file, meta, other: other, rebuild: rebuild, options: options, tables: tables)
          if meta != newest {
            // Its pages are free from now on, so it must never be opened again.
            try store.pager.file.writeMeta(
              [UInt8](repeating: 0, count: MetaBlock.blockBytes), slot: newest.slot)
            try store.pager.file.sync()
          }
          let opening = StoreOpening(
            checkpointLSN: meta.lsn, checkpointTime: meta.time, newestDurableLSN: newestLSN,
            slot: meta.slot, sequence: meta.sequence, otherRejected: reasons[1 - meta.slot],
            rebuiltFreeMap: rebuild)
          return (store, opening)
        } catch {
          // An error of the disk is no verdict on the checkpoint: nothing is wiped for it.
          guard case .corrupt(let reason) = error else { throw error }
          reasons[meta.slot] = reason
        }
      }
    }
    throw .corrupt(reasons.compactMap { $0 }.joined(separator: "; "))
  }

  private static func readMetas(
    _ file: any DiskFile
  ) throws(StoreError) -> [(meta: MetaBlock?, reason: String?)] {
    var found: [(meta: MetaBlock?, reason: String?)] = []
    var isForeign = 0
    for slot in 0...1 {
      do throws(StoreError) {
        guard let block = try PageFile.readMeta(file, slot: slot) else {
          throw StoreError.foreign("\(file.path) is too short for meta block \(slot)")
        }
        found.append((try MetaBlock.decode(block, slot: slot), nil))
      } catch {
        switch error {
        case .corrupt(let reason): found.append((nil, reason))
        case .foreign(let reason):
          isForeign += 1
          found.append((nil, reason))
        default: throw error
        }
      }
    }
    if isForeign == 2 { throw .foreign("\(file.path) is not a record store") }
    if let first = found[0].meta, let second = found[1].meta,
      first.databaseID != second.databaseID || first.pageSize != second.pageSize
    {
      throw .foreign("\(file.path): its meta blocks are of two databases")
    }
    return found
  }

  /// A store on the checkpoint `meta`; `corrupt` when it is not sound.
  private static func load(
    _ file: any DiskFile, _ meta: MetaBlock, other: MetaBlock?, rebuild: Bool, options: Options,
    tables: [TableDescriptor]
  ) throws(StoreError) -> RecordStore {
    let pageFile = PageFile(file: file, pageSize: meta.pageSize) {
      bytes, number throws(StoreError) in
      try PageValidator.validate(bytes, expectedNumber: number)
    }
    let pageCount = try pageFile.pageCount()
    guard meta.pageCount <= pageCount, pageCount <= PageTable.pageCountMax else {
      throw .corrupt(
        "meta block \(meta.slot): \(meta.pageCount) pages, the file has \(pageCount)")
    }
    let registry = SnapshotRegistry(
      Publication(lsn: meta.lsn, time: meta.time, catalog: meta.root, roots: TreeRoots()))
    let space = FreeSpace(firstPage: pageFile.firstPage, pageCount: pageCount)
    let pager = Pager(
      file: pageFile, cacheBytes: options.cacheBytes, registry: registry, space: space,
      metas: [nil, nil])
    let trees = try WorkingTrees(pages: pager, catalog: meta.root)
    try touchRoots(trees, pager)
    registry.publish(
      Publication(lsn: meta.lsn, time: meta.time, catalog: meta.root, roots: trees.roots))
    let map =
      rebuild
      ? try walkedMap(meta, other, pager, pageCount: pageCount)
      : try readMap(meta, pageFile, pageCountMax: pageCount)
    try pager.adopt(map, meta: meta, other: other)
    return RecordStore(
      databaseID: meta.databaseID, options: options, tables: tables, pager: pager, trees: trees,
      registry: registry)
  }

  private static func touchRoots(_ trees: WorkingTrees, _ pager: Pager) throws(StoreError) {
    for root in trees.roots.values {
      let ticket = pager.beginReading()
      defer { pager.endReading(ticket) }
      _ = try pager.page(root.reference)
    }
  }

  private static func readMap(
    _ meta: MetaBlock, _ file: PageFile, pageCountMax: UInt64
  ) throws(StoreError) -> FreeMap {
    guard meta.freeMap.byteCount > 0 else { return FreeMap(pageCount: meta.pageCount) }
    let bytes = try file.read(meta.freeMap)
    do {
      return try FreeMap(bytes.span.bytes, pageCountMax: pageCountMax)
    } catch {
      throw .corrupt("free map at page \(meta.freeMap.firstPage): \(error)")
    }
  }

  /// The free map as it follows from the trees of both checkpoints.
  private static func walkedMap(
    _ meta: MetaBlock, _ other: MetaBlock?, _ pager: Pager, pageCount: UInt64
  ) throws(StoreError) -> FreeMap {
    var map = FreeMap(pageCount: pageCount)
    map.inUse = try reachable(meta.root, pager, pageCount: pageCount)
    if let other {
      do throws(StoreError) {
        map.retired = try reachable(other.root, pager, pageCount: pageCount)
      } catch {
        // Nothing can be opened from a damaged tree, so nothing has to be kept for it.
        guard case .corrupt = error else { throw error }
      }
      map.retired.subtract(map.inUse)
    }
    return map
  }

  private static func reachable(
    _ catalog: PageReference, _ pager: Pager, pageCount: UInt64
  ) throws(StoreError) -> PageBits {
    var bits = PageBits(count: pageCount)
    let check = TreeCheck(pages: pager)
    let catalogRoot = try Catalog.root(of: catalog, pages: pager)
    let roots = try Catalog.roots(of: catalog, pages: pager)
    for root in [catalogRoot] + roots.values {
      try check.walk(root) { (item) throws(StoreError) in
        let run = pager.run(of: item)
        guard run.first < pageCount, run.count <= pageCount - run.first else {
          throw StoreError.corrupt("page \(run.first) lies beyond the end of the file")
        }
        bits.set(run.pages)
      }
    }
    return bits
  }
}

extension Pager {
  func run(of item: TreeCheck.Item) -> PageRun {
    switch item {
    case .page(let reference, _): PageRun(first: reference.number, count: 1)
    case .extent(let extent):
      PageRun(first: extent.firstPage, count: UInt64(file.pages(for: Int(extent.byteCount))))
    }
  }

  /// Takes over what the free map of an opened checkpoint says.
  func adopt(_ map: FreeMap, meta: MetaBlock, other: MetaBlock?) throws(StoreError) {
    for (isRetired, bits) in [(false, map.inUse), (true, map.retired)] {
      var page: UInt64 = 0
      while page < bits.count {
        let end = bits.endOfRun(from: page, limit: bits.count)
        if bits[page] {
          guard space.claim(page..<end) else {
            throw .corrupt("free map: pages \(page)..<\(end) are taken twice or no pages")
          }
          if isRetired {
            lives.adopt(PageRun(first: page, count: end - page), retiredAt: meta.lsn.rawValue)
          }
        }
        page = end
      }
    }
    metas = [nil, nil]
    for var owner in [meta, other].compactMap({ $0 }) {
      let run = mapRun(owner)
      let isInside = run.first < space.pageCount && run.count <= space.pageCount - run.first
      if run.count > 0, !isInside || !space.claim(run.pages) {
        guard owner != meta else { throw .corrupt("free map: it lies on pages in use") }
        // The older map is of no use any more; its pages belong to somebody else.
        owner.freeMap = ExtentReference(firstPage: 0, byteCount: 0, hash: 0)
      }
      metas[owner.slot] = owner
    }
    reclaim()
  }
}
