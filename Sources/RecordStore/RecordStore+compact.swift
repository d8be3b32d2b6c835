// Writing a store anew: every tree from its rows in key order, page behind page, nothing free in
// between. Compaction, backup and salvage all end here.
//
//   meta 0 | meta 1 | pages and extents in the order in which they are made | catalog | free map
//
// Invariants
// 1. The file is written from front to end and never read; its name is the caller's to give, after
//    the one sync in `finish`.
// 2. Both meta blocks name the one checkpoint that the file holds, so that the loss of either loses
//    nothing.
// 3. Pages are filled completely: at nine tenths a store of small records is more than 1.1 times as
//    large as they are. A page splits when the first row is added to it.

import Bytes
import CommitLog
import Disk

/// What a store that was written anew holds.
public struct WrittenStore: Equatable, Sendable {
  public var lsn: LSN
  /// Bytes of the file.
  public var fileBytes: UInt64 = 0
  /// Bytes of all keys and values.
  public var liveBytes: UInt64 = 0
  public var trees = 0
  public var entries: UInt64 = 0
  /// As `RecordStore.contentHash`.
  public var contentHash = ""
}

package final class StoreWriter: PageSink {
  /// What goes to the disk in one write; an extent fits in.
  private static let bufferBytes = PageLayout.extentBytesMax + PageLayout.pageSizeMax

  package let pageSize: Int
  private let file: any DiskFile
  private let buffer: UnsafeMutableRawBufferPointer
  /// The page at the start of the buffer, and the one behind its content.
  private var first: UInt64
  private var next: UInt64
  private var catalog: TreeBuilder?
  private var hasher = ContentHasher()
  private var written = WrittenStore(lsn: .zero)

  /// Writes to `file`, which is new and empty.
  package init(_ file: any DiskFile, pageSize: Int) {
    self.file = file
    self.pageSize = pageSize
    buffer = .allocate(byteCount: Self.bufferBytes, alignment: MetaBlock.blockBytes)
    first = PageFile.firstPage(pageSize: pageSize)
    next = first
  }

  deinit { buffer.deallocate() }

  /// Adds a tree; numbers ascend. `rows` appends its `entryCount` entries in key order.
  package func add(
    tree: UInt32, entryCount: UInt64,
    _ rows: (_ append: ([UInt8], [UInt8]) throws(StoreError) -> Void) throws(StoreError) -> Void
  ) throws(StoreError) {
    var builder = TreeBuilder(pages: self, tree: tree, fill: 1)
    hasher.begin(tree: tree, entryCount: entryCount)
    try rows { (key, value) throws(StoreError) in
      try builder.append(key: key, value: value)
      hasher.add(key.span.bytes, value.span.bytes)
      written.liveBytes += UInt64(key.count + value.count)
    }
    let root = try builder.finish()
    guard root.entryCount == entryCount else {
      throw .corrupt("tree \(tree) has \(root.entryCount) entries instead of \(entryCount)")
    }
    written.entries += root.entryCount
    guard !root.isEmpty else { return }
    written.trees += 1
    var catalog = catalog ?? TreeBuilder(pages: self, fill: 1)
    try catalog.append(key: key(tree), value: root.encoded)
    self.catalog = catalog
  }

  /// Completes the file as the checkpoint of `lsn`, and syncs it.
  package func finish(
    databaseID: UUIDv7, lsn: LSN, time: Timestamp
  ) throws(StoreError) -> WrittenStore {
    var root = TreeRoot.empty
    if var catalog { root = try catalog.finish() }
    var map = FreeMap(pageCount: next + 1)
    map.inUse.set(PageFile.firstPage(pageSize: pageSize)..<next)
    let mapBytes = map.encoded()
    let mapPage = try place(mapBytes.span.bytes)
    try flush()
    do {
      try file.reserve(next * UInt64(pageSize))
      for sequence in UInt64(0)...1 {
        let meta = MetaBlock(
          pageSize: pageSize, databaseID: databaseID, sequence: sequence, lsn: lsn, time: time,
          pageCount: next, root: root.reference,
          freeMap: ExtentReference(
            firstPage: mapPage, byteCount: UInt32(mapBytes.count),
            hash: mapBytes.withUnsafeBytes { PageFile.hash($0) }))
        try file.write(meta.encoded(), at: MetaBlock.offset(slot: meta.slot))
      }
      try file.sync()
    } catch { throw StoreError(error) }
    written.lsn = lsn
    written.fileBytes = next * UInt64(pageSize)
    written.contentHash = hasher.finish()
    return written
  }

  /// Bytes of the file so far.
  package var bytesWritten: UInt64 { next * UInt64(pageSize) }

  // MARK: PageSink

  package func newPage() throws(StoreError) -> (number: UInt64, bytes: UnsafeMutableRawPointer) {
    let slot = try room(pages: 1)
    return (next - 1, slot)
  }

  package func newExtent(_ bytes: RawSpan) throws(StoreError) -> ExtentReference {
    guard let byteCount = UInt32(exactly: bytes.byteCount), byteCount > 0 else {
      throw .valueTooLong(bytes: bytes.byteCount)
    }
    return ExtentReference(
      firstPage: try place(bytes), byteCount: byteCount,
      hash: bytes.withUnsafeBytes { PageFile.hash($0) })
  }

  /// The last page in the buffer is the one from `newPage`: nothing is placed in between.
  package func complete(_ number: UInt64, tree: UInt32) throws(StoreError) -> UInt64 {
    guard number == next - 1, number >= first, let base = buffer.baseAddress else {
      throw .corrupt("page \(number) is completed out of order")
    }
    return MutablePage(base + Int(number - first) * pageSize, size: pageSize).seal(tree: tree)
  }

  /// Copies bytes to whole pages of their own; gives the first.
  private func place(_ bytes: RawSpan) throws(StoreError) -> UInt64 {
    let count = (bytes.byteCount + pageSize - 1) / pageSize
    let slot = try room(pages: count)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { slot.copyMemory(from: start, byteCount: source.count) }
    }
    return next - UInt64(count)
  }

  /// Zeroed pages at the end of the buffer, which is emptied first when they do not fit.
  private func room(pages: Int) throws(StoreError) -> UnsafeMutableRawPointer {
    let bytes = pages * pageSize
    guard bytes <= buffer.count, let base = buffer.baseAddress else {
      throw .valueTooLong(bytes: bytes)
    }
    if Int(next - first) * pageSize + bytes > buffer.count { try flush() }
    let slot = base + Int(next - first) * pageSize
    slot.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    next += UInt64(pages)
    return slot
  }

  private func flush() throws(StoreError) {
    guard next > first else { return }
    let content = UnsafeRawBufferPointer(rebasing: buffer[..<(Int(next - first) * pageSize)])
    do { try file.write(content, at: first * UInt64(pageSize)) } catch { throw StoreError(error) }
    first = next
  }
}

extension RecordStore {
  /// Entries after which the progress is told.
  private static let progressEvery: UInt64 = 4096

  /// Writes the records of `snapshot` to the new file `path`, compactly, and syncs it. Its folder is
  /// the caller's to sync. Any thread. `progress` is told the bytes written so far.
  public func writeAnew(
    _ snapshot: Snapshot, disk: any Disk, path: String,
    progress: (UInt64) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) -> WrittenStore {
    let file: any DiskFile
    do { file = try disk.create(path) } catch { throw StoreError(error) }
    defer { file.close() }
    let writer = StoreWriter(file, pageSize: pager.pageSize)
    var entries: UInt64 = 0
    for tree in snapshot.trees {
      try writer.add(tree: tree, entryCount: snapshot.entryCount(tree: tree)) {
        (append) throws(StoreError) in
        try snapshot.scan(tree: tree, KeyRange(), reverse: false) {
          (key, value) throws(StoreError) in
          try append([UInt8](copying: key), [UInt8](copying: value))
          entries += 1
          if entries % Self.progressEvery == 0 { try progress(writer.bytesWritten) }
          return .next
        }
      }
      try progress(writer.bytesWritten)
    }
    return try writer.finish(databaseID: databaseID, lsn: snapshot.lsn, time: snapshot.time)
  }

  /// Opens the store in `folder` as a program that was just started would, proves every page of it,
  /// and compares its content with what was meant to be written. Throws `corrupt` otherwise.
  public static func prove(
    _ written: WrittenStore, disk: any Disk, folder: String, options: Options = Options(),
    tables: [TableDescriptor]
  ) throws(StoreError) {
    let store = try open(disk: disk, folder: folder, options: options, tables: tables).0
    defer { store.close() }
    let report = store.check(deep: true)
    guard report.isSound else {
      throw .corrupt("\(folder): the file just written: \(report.problems.joined(separator: "; "))")
    }
    let hash = try store.contentHash(store.snapshot(purpose: "proof"))
    guard hash == written.contentHash, store.publishedLSN == written.lsn else {
      throw .corrupt("\(folder): the file just written holds something else than was written")
    }
  }

  /// Pins the checkpoint that the older valid meta block holds: the earliest state from which the
  /// log is kept. On the writer's thread, so that the checkpoint cannot be let go meanwhile.
  public func olderCheckpointSnapshot(purpose: String) throws(StoreError) -> Snapshot {
    guard let meta = pager.olderMeta else { throw .corrupt("no valid meta block in memory") }
    let publication = Publication(
      lsn: meta.lsn, time: meta.time, catalog: meta.root,
      roots: try Catalog.roots(of: meta.root, pages: pager))
    return Snapshot(
      pin: registry.pin(purpose: purpose, pages: pager, earlier: publication), registry: registry)
  }

  /// A store of its own over the pages of a checkpoint's snapshot, to replay the log into: what it
  /// writes stays in memory. It is good for as long as the snapshot is held. Any thread.
  ///
  /// It is given a free map in which nothing is free, so that no page is written over.
  public func copyInMemory(
    of snapshot: Snapshot, disk: any Disk, folder: String
  ) throws(StoreError) -> RecordStore {
    let overlay = OverlayDisk(over: disk)
    let publication = snapshot.publication
    do {
      let file = try overlay.open(folder + "/" + Self.fileName, mode: .readWrite)
      defer { file.close() }
      let pageBytes = UInt64(pager.pageSize)
      let mapPage = (try file.size() + pageBytes - 1) / pageBytes
      var map = FreeMap(pageCount: mapPage + 1)
      map.inUse.set(pager.space.firstPage..<mapPage)
      let bytes = map.encoded()
      try file.reserve((mapPage + 1) * pageBytes)
      try file.write(bytes, at: mapPage * pageBytes)
      for sequence in UInt64(0)...1 {
        let meta = MetaBlock(
          pageSize: pager.pageSize, databaseID: databaseID, sequence: sequence,
          lsn: publication.lsn, time: publication.time, pageCount: mapPage + 1,
          root: publication.catalog,
          freeMap: ExtentReference(
            firstPage: mapPage, byteCount: UInt32(bytes.count),
            hash: bytes.withUnsafeBytes { PageFile.hash($0) }))
        try file.write(meta.encoded(), at: MetaBlock.offset(slot: meta.slot))
      }
    } catch { throw StoreError(error) }
    return try Self.open(
      disk: overlay, folder: folder, options: options, tables: declaredTables
    ).0
  }

  /// The tables as they were declared, ascending.
  public var declaredTables: [TableDescriptor] {
    tables.values.filter { $0.number != Transaction.ordinalsTable.number }
      .sorted { $0.number < $1.number }
  }
}

/// Hashes trees, keys and values in order: 32 hexadecimal digits that two stores with equal records
/// agree on, wherever their pages lie.
struct ContentHasher {
  /// Bytes of content that go through the hash at once.
  private static let chunkBytes = 1 << 16

  private var lanes: (UInt64, UInt64) = (0, 0x9e37_79b9_7f4a_7c15)
  private var chunk = ByteWriter(reserving: 2 * chunkBytes)

  mutating func begin(tree: UInt32, entryCount: UInt64) {
    chunk.u32(tree)
    chunk.u64(entryCount)
  }

  mutating func add(_ key: RawSpan, _ value: RawSpan) {
    chunk.varint(UInt64(key.byteCount))
    chunk.append(key)
    chunk.varint(UInt64(value.byteCount))
    chunk.append(value)
    if chunk.count >= Self.chunkBytes { flush() }
  }

  private mutating func flush() {
    lanes = (
      XXH64.hash(chunk.bytes, seed: lanes.0), XXH64.hash(chunk.bytes, seed: ~lanes.1)
    )
    chunk.bytes.removeAll(keepingCapacity: true)
  }

  mutating func finish() -> String {
    flush()
    return hex(lanes.0) + hex(lanes.1)
  }
}
