// Compaction: what it keeps, how small it makes the file, when it refuses, and what a crash at any
// of its calls leaves.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct CompactTests {
  private static let plain = TableDescriptor(number: 9, name: "plain")

  /// Rows with keys of 16 bytes and values of 200.
  private static func configuration(_ disk: SimulatedDisk) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: 5)
    configuration.tables = workloadTables + [plain]
    configuration.segmentBytes = 4 << 20
    return configuration
  }

  private static func row(_ id: UInt64, _ random: inout SplitMix64) -> ([UInt8], [UInt8]) {
    (key(id, id ^ 0x5a5a), (0..<25).flatMap { _ in key(random.next()) })
  }

  private static func fill(
    _ database: Database, _ ids: [UInt64], _ random: inout SplitMix64
  ) throws {
    for start in stride(from: 0, to: ids.count, by: 500) {
      let rows = ids[start..<min(start + 500, ids.count)].map { row($0, &random) }
      _ = try database.writeBlocking { transaction in
        for (key, value) in rows { try transaction.put(plain, key: key, value: value) }
      }
    }
  }

  private static func expectSmall(_ disk: SimulatedDisk, hash: String, lsn: LSN) throws {
    let report = try Database.compact(configuration(disk))
    let bytes = UInt64(disk.contents("db/records.souk")?.count ?? 0)
    #expect(report.bytesAfter == bytes && report.bytesBefore > bytes)
    #expect(
      Double(bytes) <= 1.1 * Double(report.liveBytes), "\(bytes) bytes for \(report.liveBytes)")
    let database = try Database.open(configuration(disk))
    #expect(try database.contentHash() == (lsn, hash))
    #expect(try database.check(deep: true).findings.isEmpty)
    try database.close()
  }

  @Test func afterDeletingNearlyAllTheFileIsAsSmallAsTheRest() throws {
    let disk = SimulatedDisk()
    var random = SplitMix64(seed: 11)
    let database = try Database.create(Self.configuration(disk))
    try Self.fill(database, Array(0..<600_000), &random)
    try database.checkpoint()
    for start in stride(from: UInt64(0), to: 600_000, by: 1000) {
      _ = try database.writeBlocking { transaction in
        for id in start..<start + 1000 where id % 100 != 7 {
          _ = try transaction.delete(Self.plain, key: key(id, id ^ 0x5a5a))
        }
      }
    }
    let (lsn, hash) = try database.contentHash()
    try database.close()
    try Self.expectSmall(disk, hash: hash, lsn: lsn)
  }

  @Test func afterOverwritingAtRandomTheFileIsAsSmallAsTheRows() throws {
    let disk = SimulatedDisk()
    var random = SplitMix64(seed: 12)
    let database = try Database.create(Self.configuration(disk))
    try Self.fill(database, (0..<5000).shuffled(using: &random), &random)
    for _ in 0..<10 {
      try Self.fill(database, (0..<500).map { _ in random.next() % 5000 }, &random)
      try database.checkpoint()
    }
    let (lsn, hash) = try database.contentHash()
    try database.close()
    try Self.expectSmall(disk, hash: hash, lsn: lsn)
    // A second time there is nothing to gain, and nothing is changed.
    let before = disk.contents("db/records.souk")
    #expect {
      _ = try Database.compact(Self.configuration(disk))
    } throws: { error in
      guard case .refused(let reason)? = error as? DatabaseError else { return false }
      return reason.contains("would not make it smaller")
    }
    #expect(disk.contents("db/records.souk") == before)
    #expect(!disk.files.contains { $0.contains("compaction") })
  }

  @Test func aCrashAtAnyCallLeavesTheOldFileOrTheNewOneAndEveryCommit() throws {
    let seed = testSeed(77)
    let workload = Workload(seed: seed, count: 120)
    let original = SimulatedDisk()
    let session = Session.run(workload, on: original, seed: seed)
    #expect(session.acknowledged == 120)
    let rehearsal = original.restart(keeping: .none)
    rehearsal.startTrace()
    _ = try Database.compact(Database.simulated(rehearsal, seed: seed))
    let points = rehearsal.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    let (newBytes, oldBytes) = (
      rehearsal.contents("db/records.souk")?.count ?? 0,
      original.contents("db/records.souk")?.count ?? 0
    )
    var sizes: Set<Bool> = []
    for point in points {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = original.restart(keeping: .none)
        disk.crash(atCall: point, moment)
        _ = try? Database.compact(Database.simulated(disk, seed: seed))
        for subset in 0..<UInt64(scaled(ci: 3, nightly: 40)) {
          let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point) &* 31 &+ subset))
          sizes.insert((image.contents("db/records.souk")?.count ?? 0) < oldBytes)
          let problem = CrashTests.verify(image, workload, session, seed: seed)
          #expect(problem == nil, "seed \(seed), call \(point) \(moment), subset \(subset)")
          #expect(!image.files.contains { $0.contains("compaction") })
        }
      }
    }
    #expect(newBytes < oldBytes && sizes == [true, false])
  }
}
