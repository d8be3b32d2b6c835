// Restoring and salvaging with the machine going off at every call: the new folder is there whole or
// not at all, and its source is as it was. And backup, restore, compaction and salvage once on a real
// file system, where every file that was opened is closed in the end.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct CareCrashTests {
  private static let count = 40

  /// A database as a crash leaves it, with a secret and, if asked for, a backup.
  private static func made(
    _ workload: Workload, seed: UInt64, withBackup: Bool
  ) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    _ = try database.secret(named: "token", byteCount: 32)
    for number in 0..<count {
      _ = try database.writeBlocking(workload.body(number))
      if number % 15 == 14 { try database.checkpoint() }
    }
    if withBackup { _ = try database.backup(to: "backup") }
    return disk.restart(keeping: .none)
  }

  /// Cuts `work` short at each of its calls. Whatever is at `target` then must be the whole database,
  /// and there when the work was reported as done; and the next attempt succeeds.
  private func cutEverywhere(
    _ original: SimulatedDisk, _ workload: Workload, seed: UInt64, source: String,
    _ work: @escaping @Sendable (SimulatedDisk) throws -> Void
  ) throws {
    func content(_ disk: SimulatedDisk) throws -> (notes: [UInt64: Note], token: [UInt8]?) {
      var configuration = Database.simulated(disk, seed: seed)
      configuration.path = "target"
      let database = try Database.open(configuration)
      #expect(try database.check(deep: true).findings == [])
      let notes = try database.workloadContent().notes
      // It goes on.
      _ = try database.writeBlocking { try $0.put(Note(id: 1)) }
      try database.close()
      return (notes, disk.contents("target/secrets/token"))
    }
    let expected = (
      notes: workload.states[Self.count], token: original.contents("db/secrets/token")
    )
    let before = original.files.filter { $0.hasPrefix(source) }.map { original.contents($0) }
    let rehearsal = original.clone()
    rehearsal.startTrace()
    try work(rehearsal)
    let points = rehearsal.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    let whole = try content(rehearsal)
    #expect(points.count > 20 && whole == expected)
    let subsets = UInt64(scaled(ci: 4, nightly: 60))
    var outcomes: [Bool: Int] = [:]
    for point in points {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = original.clone()
        disk.crash(atCall: point, moment)
        let isDone = (try? work(disk)) != nil
        for subset in 0..<subsets {
          let comment: Comment = "seed \(seed), call \(point) \(moment), subset \(subset)"
          let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point) &* 31 &+ subset))
          #expect(
            image.files.filter { $0.hasPrefix(source) }.map { image.contents($0) } == before,
            comment)
          let isThere = try image.exists("target")
          outcomes[isThere, default: 0] += 1
          #expect(isThere || !isDone, comment)
          if !isThere { try work(image) }
          let found = try content(image)
          #expect(found == expected, comment)
          #expect(try !image.exists("target.partial") || isThere, comment)
        }
      }
    }
    #expect(outcomes[true] ?? 0 > 0 && outcomes[false] ?? 0 > 0, "\(outcomes)")
  }

  @Test func aRestoreThatIsCutShortIsNotThere() throws {
    let seed = testSeed(262)
    let workload = Workload(seed: seed, count: Self.count)
    let original = try Self.made(workload, seed: seed, withBackup: true)
    try cutEverywhere(original, workload, seed: seed, source: "backup/") { disk in
      _ = try BackupTests.restored(disk, from: "backup", to: "target")
    }
  }

  @Test func aSalvageThatIsCutShortIsNotThere() throws {
    let seed = testSeed(272)
    let workload = Workload(seed: seed, count: Self.count)
    let original = try Self.made(workload, seed: seed, withBackup: false)
    try cutEverywhere(original, workload, seed: seed, source: "db/") { disk in
      var configuration = Database.simulated(disk, seed: 9)
      configuration.path = "target"
      _ = try Database.salvage(from: "db", configuration)
    }
  }

  @Test func onARealFileSystemCareKeepsTheContentAndClosesItsFiles() throws {
    let seed = testSeed(280)
    let workload = Workload(seed: seed, count: 300, keys: 400)
    let folder = try TemporaryFolder()
    func configuration(_ name: String) -> Database.Configuration {
      var configuration = Database.Configuration(
        path: folder.path + "/" + name, disk: PosixDisk(), tables: workloadTables,
        views: [CountingView()], onFatal: { Issue.record("fatal: \($0)") })
      configuration.segmentBytes = 256 << 10
      return configuration
    }
    func expectWhole(_ name: String, lsn: Int? = nil) throws {
      let database = try Database.open(configuration(name))
      let content = try database.workloadContent()
      #expect(content.notes == workload.states[lsn ?? 300], "\(name)")
      #expect(try database.check(deep: true).findings == [], "\(name)")
      // Somebody else is refused, and leaves nothing open.
      #expect {
        _ = try Database.open(configuration(name))
      } throws: { error in
        if case .locked? = error as? DatabaseError { true } else { false }
      }
      try database.close()
      #expect(openFiles(below: folder.path) == [], "\(name)")
    }
    let database = try Database.create(configuration("data"))
    #expect(openFiles(below: folder.path).count >= 2, "the count of open files sees the database's")
    _ = try database.secret(named: "token", byteCount: 32)
    for number in 0..<300 {
      _ = try database.writeBlocking(workload.body(number))
      if number % 60 == 59 { try database.checkpoint() }
    }
    let manifest = try database.backup(to: folder.path + "/backup")
    #expect(manifest.lastLSN == 300)
    try database.close()
    #expect(openFiles(below: folder.path) == [])

    let backup = folder.path + "/backup"
    _ = try Database.restore(from: backup, configuration("restored"))
    try expectWhole("restored")
    let earlier = manifest.range.lowerBound
    _ = try Database.restore(from: backup, configuration("earlier"), until: .lsn(earlier))
    try expectWhole("earlier", lsn: Int(earlier.rawValue))
    _ = try Database.salvage(from: folder.path + "/data", configuration("saved"))
    let saved = try Database.open(configuration("saved"))
    #expect(try saved.workloadContent().notes == workload.states[300])
    try saved.close()
    let report = try Database.compact(configuration("data"))
    #expect(report.bytesAfter < report.bytesBefore)
    try expectWhole("data")

    // What fails lets go as well.
    #expect(throws: DatabaseError.self) { _ = try Database.compact(configuration("data")) }
    #expect(throws: DatabaseError.self) {
      _ = try Database.restore(from: backup, configuration("data"))
    }
    let file = try PosixDisk().open(backup + "/records.souk", mode: .readWrite)
    try file.write([UInt8](repeating: 0xee, count: 64), at: 20_000)
    file.close()
    #expect(throws: DatabaseError.self) {
      _ = try Database.restore(from: backup, configuration("never"))
    }
    #expect(openFiles(below: folder.path) == [])
  }
}
