// Looking: into an open database, and at the files of one that is stopped or damaged.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct InspectorTests {
  private static func database(_ disk: SimulatedDisk) throws -> Database {
    let workload = Workload(seed: 31, count: 200, keys: 500)
    let database = try Database.create(Database.simulated(disk, seed: 31))
    for number in 0..<200 {
      _ = try database.writeBlocking(workload.body(number))
      if number % 50 == 49 { try database.checkpoint() }
    }
    _ = try database.secret(named: "token", byteCount: 32)
    return database
  }

  @Test func theNumbersOfTreesAndFreeSpaceAddUp() throws {
    let disk = SimulatedDisk()
    let database = try Self.database(disk)
    let content = try database.workloadContent()
    let stats = try database.stats()
    let notes = try #require(stats.trees.first { $0.name == "notes" })
    #expect(stats.trees.contains { $0.name == "notes.byOwner" } && notes.number == 256)
    #expect(notes.shape.entries == UInt64(content.notes.count))
    #expect(notes.shape.keyBytes == 8 * UInt64(content.notes.count) && notes.shape.depth == 2)
    #expect(notes.shape.overflowValues > 0 && notes.shape.overflowPages > 0)
    #expect(notes.shape.children == notes.shape.leafPages && notes.shape.branchPages == 1)
    let fill = notes.shape.fillPercent(pageSize: stats.pageSize)
    #expect(fill > 20 && fill <= 100)
    #expect(try database.stats(tree: 4711).trees.first?.shape == TreeShape())

    let held = database.snapshot()
    _ = try database.writeBlocking { try $0.put(Progress(name: "other", count: 1)) }
    let readers = database.readers()
    #expect(readers.readers.map(\.lsn) == [held.lsn, readers.lsn] && readers.lsn == LSN(201))
    let free = try database.freeSpace()
    #expect(free.runs.reduce(0) { $0 + $1.pages } == free.freePages)
    #expect(free.waiting.reduce(0) { $0 + $1.pages } == free.retiredPages)
    let report = try database.check(deep: true)
    #expect(free.freePages == report.store.freePages)
    #expect(free.retiredPages == report.store.retiredPages && free.retiredPages > 0)
    #expect(free.waiting.allSatisfy { !$0.pinnedBy.isEmpty })
    try database.close()
  }

  @Test func entriesAreReadRawInBothDirections() throws {
    let database = try Self.database(SimulatedDisk())
    let ids = try database.workloadContent().notes.keys.sorted()
    let tree = try #require(database.treeNumber("notes"))
    let scan = try database.scan(tree: tree, limit: 5)
    #expect(scan.entries.map(\.key) == ids.prefix(5).map { key($0) } && scan.hasMore)
    #expect(scan.entries.first?.keyText == "(\(ids[0]))")
    let last = try database.scan(tree: tree, limit: 9999, reverse: true)
    #expect(last.entries.map(\.key) == ids.reversed().map { key($0) } && !last.hasMore)
    let some = try database.scan(
      tree: tree, range: KeyRange(from: key(ids[3]), to: key(ids[7])), limit: 100)
    #expect(some.entries.count == 4)
    #expect(try database.get(tree: tree, key: key(ids[2]))?.value == scan.entries[2].value)
    #expect(try database.get(tree: tree, key: [1]) == nil)
    let owners = try database.scan(tree: 257, limit: 1)
    #expect(owners.entries.first?.keyText?.hasPrefix("(\"owner-0\", ") == true)
    #expect(owners.entries.first?.keyHex.hasPrefix("6f776e65722d300000") == true)
    #expect(database.treeNumber("nothing") == nil && database.treeNumber("257") == 257)
    try database.close()
  }

  @Test func theFilesAreShownAsTheyAre() throws {
    let disk = SimulatedDisk()
    try Self.database(disk).close()
    let before = disk.files.map { disk.contents($0) }
    let inspector = StoreInspector(path: "db", disk: disk)
    let info = inspector.info()
    #expect(info.problems.isEmpty && info.secrets == ["token"])
    #expect(info.metas.allSatisfy(\.isValid) && info.newest?.lsn == 200)
    #expect(info.files.contains { $0.name == "records.souk" && $0.bytes > 100_000 })
    #expect(info.files.contains { $0.name.hasPrefix("log/") })
    let listing = try inspector.pages()
    #expect(UInt64(listing.pages.count) == listing.pageCount && listing.damaged.isEmpty)
    #expect(listing.counts.reduce(0) { $0 + $1.pages } == listing.pageCount)
    // What the catalog's reference says is what the page is found to be.
    let catalog = try #require(info.newest?.catalog)
    let page = try inspector.page(catalog.number)
    #expect(page.kind == .leaf && page.tree == 0 && page.hash == catalog.hash)
    #expect(page.cells.map(\.key).contains(key(UInt32(256))))
    #expect(
      Set(listing.pages.filter { $0.kind == .leaf }.map(\.tree)).isSuperset(of: [0, 256, 257]))
    #expect(throws: DatabaseError.self) { _ = try inspector.page(listing.pageCount) }
    #expect(before == disk.files.map { disk.contents($0) })
  }

  @Test func damageIsNamedAndNothingMakesItTrap() throws {
    let seed = testSeed(32)
    var random = SplitMix64(seed: seed)
    let original = SimulatedDisk()
    try Self.database(original).close()
    let sound = try StoreInspector(path: "db", disk: original).pages()
    let size = original.contents("db/records.souk")?.count ?? 0
    for _ in 0..<scaled(ci: 60, nightly: 3000) {
      let disk = original.clone()
      let bit = Int.random(in: 0..<size * 8, using: &random)
      disk.flipBit("db/records.souk", bit: bit)
      let inspector = StoreInspector(path: "db", disk: disk)
      let number = UInt64(bit / 8 / sound.pageSize)
      let was = sound.pages[Int(number)]
      let page = try inspector.page(number)
      if was.kind == .leaf || was.kind == .branch {
        #expect(page.kind == .damaged || page.kind == .data, "seed \(seed), bit \(bit)")
      } else if was.kind == .meta, bit < 2 * 4096 * 8, bit % (4096 * 8) < 512 * 8 {
        #expect(inspector.info().metas.filter(\.isValid).count == 1, "seed \(seed), bit \(bit)")
      }
    }
    for _ in 0..<scaled(ci: 200, nightly: 20_000) {
      let garbage = (0..<4096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      _ = PageReport(garbage, number: 3, withCells: true)
      _ = MetaReport(garbage, slot: 0)
    }
    let empty = StoreInspector(path: "nowhere", disk: SimulatedDisk()).info()
    #expect(empty.newest == nil && empty.problems.count == 4)
  }
}
