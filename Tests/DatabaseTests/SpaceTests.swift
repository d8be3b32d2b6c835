// Space: a store whose rows are overwritten again and again, as fast as the writer can, stays below
// twice its rows' bytes; the checkpoints that keep it so are the database's own.

import Bytes
import Database
import Disk
import RecordStore
import Testing

@Suite struct SpaceTests {
  private static let rows = TableDescriptor(number: 9, name: "rows")
  private static let count: UInt64 = 40_000
  private static let liveBytes = count * 216

  private static func write(
    _ ids: [UInt64], to database: Database, _ random: inout SplitMix64
  ) throws {
    for start in stride(from: 0, to: ids.count, by: 200) {
      let batch = ids[start..<min(start + 200, ids.count)].map { id in
        (key(id, id), (0..<25).flatMap { _ in key(random.next()) })
      }
      _ = try database.writeBlocking { transaction in
        for (key, value) in batch { try transaction.put(rows, key: key, value: value) }
      }
    }
  }

  @Test func roundsOfRandomOverwritesStayBelowTwiceTheRows() throws {
    var random = SplitMix64(seed: testSeed(20))
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: [Self.rows],
      onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    // The rule is for stores of any size; the least is for convenience.
    configuration.limits.checkpointReplacedBytes = 1 << 20
    let database = try Database.create(configuration)
    try Self.write(Array(0..<Self.count), to: database, &random)
    for _ in 0..<scaled(ci: 10, nightly: 100) {
      let ids = (0..<Self.count).map { _ in random.next() % Self.count }
      try Self.write(ids, to: database, &random)
    }
    let info = database.storeInfo
    let fileBytes = info.pageCount * UInt64(info.pageSize)
    #expect(fileBytes <= 2 * Self.liveBytes, "\(fileBytes) bytes for \(Self.liveBytes)")
    let hash = try database.contentHash()
    #expect(try database.check(deep: true).findings.isEmpty)
    try database.close()

    let report = try Database.compact(configuration)
    #expect(Double(report.bytesAfter) <= 1.1 * Double(Self.liveBytes))
    let again = try Database.open(configuration)
    #expect(try again.contentHash() == hash)
    try again.close()
  }
}
