// Big numbers: a file beyond 4 GiB, the largest value and key, more cells than a page can count, and
// page numbers beyond 32 bits in every place that encodes them (test T35).

import Bytes
import CommitLog
import Disk
import Glibc
import RecordStore
import Testing

@Suite struct BigNumberTests {
  private static let pageBytes: UInt64 = 8192
  private static let table = TableDescriptor(number: 1, name: "plain")

  private static func write(
    _ store: RecordStore, lsn: UInt64, _ rows: [(key: [UInt8], value: [UInt8])]
  ) throws {
    let transaction = store.beginTransaction(time: Timestamp(microseconds: Int64(lsn))) { 1 }
    for (key, value) in rows { try transaction.put(table, key: key, value: value) }
    _ = try store.commit(transaction)
    try store.publish(lsn: LSN(lsn))
  }

  /// Makes the store of `file` look as if all below page `first` were in use, up to `count` pages:
  /// the file is sparse and takes no room.
  private static func enlarge(_ path: String, inUse first: UInt64, of count: UInt64) throws {
    let file = try PosixDisk().open(path, mode: .readWrite)
    defer { file.close() }
    try file.truncate(count * pageBytes)
    var map = FreeMap(pageCount: count)
    map.inUse.set(PageFile.firstPage(pageSize: Int(pageBytes))..<first)
    let bytes = map.encoded()
    let mapPage = first
    try file.write(bytes, at: mapPage * pageBytes)
    for slot in 0...1 {
      let block = try #require(try file.read(4096, at: MetaBlock.offset(slot: slot)))
      var meta = try MetaBlock.decode(block, slot: slot)
      meta.pageCount = count
      meta.freeMap = ExtentReference(
        firstPage: mapPage, byteCount: UInt32(bytes.count),
        hash: bytes.withUnsafeBytes { PageFile.hash($0) })
      try file.write(meta.encoded(), at: MetaBlock.offset(slot: slot))
    }
    try file.sync()
  }

  @Test func aFileBeyondFourGibibytesHoldsTheLargestValuesAndKeys() throws {
    var template = Array("/tmp/big-numbers-XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) } != nil
    }
    try #require(isMade)
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      try? PosixDisk().remove(folder + "/records.souk")
      try? PosixDisk().remove(folder)
    }
    let disk = PosixDisk()
    try RecordStore.create(
      disk: disk, folder: folder, databaseID: StoreHarness.databaseID, tables: [Self.table]
    ).close()
    let inUse = (4 << 30) / Self.pageBytes + 7
    try Self.enlarge(folder + "/records.souk", inUse: inUse, of: inUse + 40_000)

    let key = [UInt8](repeating: 0xab, count: KeyLimits.keyBytesMax)
    let value = (0..<KeyLimits.valueBytesMax).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    var (store, _) = try RecordStore.open(disk: disk, folder: folder, tables: [Self.table])
    try Self.write(store, lsn: 1, [(key, value)])
    try Self.write(store, lsn: 2, (0..<3000).map { (Bytes.key(UInt64($0)), [1, 2, 3]) })
    try store.checkpoint()
    store.close()
    let file = try disk.open(folder + "/records.souk", mode: .readOnly)
    let blocks = try (0...1).map { slot in
      try MetaBlock.decode(
        try #require(try file.read(4096, at: MetaBlock.offset(slot: slot))), slot: slot)
    }
    file.close()
    #expect(blocks.contains { $0.lsn == LSN(2) && $0.root.number > inUse })

    (store, _) = try RecordStore.open(disk: disk, folder: folder, tables: [Self.table])
    let snapshot = store.snapshot(purpose: "test")
    let found = try snapshot.withValue(tree: Self.table.tree, key: key) {
      (bytes) throws(StoreError) in
      bytes.withUnsafeBytes { [UInt8]($0) }
    }
    #expect(found == value)
    var count = 0
    try snapshot.scan(tree: Self.table.tree, KeyRange(), reverse: false) {
      (_, _) throws(StoreError) in
      count += 1
      return .next
    }
    #expect(count == 3001)
    store.close()
  }

  @Test func whatIsTooLargeIsRefusedBeforeAnythingChanges() throws {
    let store = try StoreHarness.create(StoreHarness.disk())
    let transaction = store.beginTransaction(time: .zero) { 1 }
    let (longKey, longValue) = (
      [UInt8](repeating: 1, count: KeyLimits.keyBytesMax + 1),
      [UInt8](repeating: 1, count: KeyLimits.valueBytesMax + 1)
    )
    #expect(throws: StoreError.keyTooLong(bytes: longKey.count)) {
      try transaction.put(StoreHarness.plain, key: longKey, value: [])
    }
    #expect(throws: StoreError.valueTooLong(bytes: longValue.count)) {
      try transaction.put(StoreHarness.plain, key: [1], value: longValue)
    }
    #expect(transaction.operations.isEmpty)
    StoreHarness.expectSound(store)
  }

  /// The smallest cells there are: a page of 64 KiB would have to count more than 16 bits hold, were
  /// not every cell at least ten bytes.
  @Test(arguments: [4096, 8192, 65536])
  func moreCellsThanAPageCanCountBecomePages(pageSize: Int) throws {
    let disk = StoreHarness.disk()
    var options = RecordStore.Options()
    options.pageSize = pageSize
    let store = try RecordStore.create(
      disk: disk, folder: StoreHarness.folder, databaseID: StoreHarness.databaseID,
      options: options, tables: StoreHarness.tables)
    let rows: [(key: [UInt8], value: [UInt8])] = (0..<70_000).map {
      (Array(Bytes.key(UInt32($0))[1...]), [])
    }
    try Self.write(store, lsn: 1, rows)
    try store.checkpoint()
    let snapshot = store.snapshot(purpose: "test")
    var found: [[UInt8]] = []
    try snapshot.scan(tree: StoreHarness.plain.tree, KeyRange(), reverse: false) {
      (key, _) throws(StoreError) in
      found.append(key.withUnsafeBytes { [UInt8]($0) })
      return .next
    }
    #expect(found == rows.map(\.key))
    #expect(store.check(deep: true).isSound)
  }

  @Test func pageNumbersBeyondThirtyTwoBitsSurviveEveryEncoding() throws {
    let numbers: [UInt64] = [0xffff_ffff, 0x1_0000_0000, 1 << 40, .max - 1]
    for number in numbers {
      // Beyond this a block is refused: no store gets there.
      let count = min(number, MetaBlock.countMax - 1)
      let meta = MetaBlock(
        pageSize: 8192, databaseID: StoreHarness.databaseID, sequence: count, lsn: LSN(count),
        time: .zero, pageCount: number, root: PageReference(number: number, hash: 9),
        freeMap: ExtentReference(firstPage: number, byteCount: .max, hash: 8))
      let slot = meta.slot
      #expect(try MetaBlock.decode(meta.encoded(), slot: slot) == meta)
      let root = TreeRoot(
        reference: PageReference(number: number, hash: 7), level: 3, entryCount: number)
      #expect(try TreeRoot(decoding: root.encoded.span.bytes) == root)
    }
  }
}
