// Salvage: pages are damaged at random places; every row on the others must come back, and nothing
// that comes back may be anything but a row of the last commit.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct SalvageTests {
  private static let count = 300

  private static func made(_ workload: Workload, _ seed: UInt64) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    for number in 0..<count {
      _ = try database.writeBlocking(workload.body(number))
      if number % 40 == 39 { try database.checkpoint() }
    }
    _ = try database.secret(named: "token", byteCount: 32)
    // As after a crash: the log holds what came after the last checkpoint.
    return disk.restart(keeping: .none)
  }

  /// Salvages, opens what came out, and gives it.
  private static func salvaged(
    _ disk: SimulatedDisk, _ comment: Comment
  ) throws -> (report: SalvageReport, notes: [UInt64: Note]) {
    let before = disk.files.filter { $0.hasPrefix("db/") }.map { disk.contents($0) }
    var configuration = Database.simulated(disk, seed: 9)
    configuration.path = "saved"
    let report = try Database.salvage(from: "db", configuration)
    let after = disk.files.filter { $0.hasPrefix("db/") }.map { disk.contents($0) }
    #expect(before == after, comment)
    let database = try Database.open(configuration)
    defer { try? database.close() }
    #expect(try database.check(deep: true).findings.isEmpty, comment)
    #expect(disk.contents("saved/secrets/token") == disk.contents("db/secrets/token"), comment)
    return (report, try database.workloadContent().notes)
  }

  @Test func everyRowOnAnUndamagedPageComesBackAndNothingElse() throws {
    let seed = testSeed(270)
    var random = SplitMix64(seed: seed)
    let workload = Workload(seed: seed, count: Self.count, keys: 2000)
    let original = try Self.made(workload, seed)
    let model = workload.states[Self.count]
    let inspector = StoreInspector(path: "db", disk: original)
    let pages = try inspector.pages()
    var (lostRows, orphans, olderRows, branches) = (0, 0, 0, 0)
    for round in 0..<scaled(ci: 120, nightly: 5000) {
      let disk = original.clone()
      var damagedKeys: Set<[UInt8]> = []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        // Every third time a branch, of which there are few.
        let candidates = pages.pages.filter { page in
          round % 3 == 0 ? page.kind == .branch : page.kind != .meta && page.kind != .empty
        }
        guard let page = candidates.randomElement(using: &random) else { continue }
        let at = Int(page.number) * pages.pageSize + Int.random(in: 0..<8192, using: &random)
        disk.damage(
          "db/records.souk", at: at,
          with: (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        branches += page.kind == .branch ? 1 : 0
        guard page.kind == .leaf, page.tree == 256 else {
          // A large value's extent costs its row.
          if page.kind == .data { damagedKeys.formUnion(model.keys.map { key($0) }) }
          continue
        }
        damagedKeys.formUnion(try inspector.page(page.number).cells.map(\.key))
        // The damage may reach into the next page.
        if let next = try? inspector.page(page.number + 1) {
          damagedKeys.formUnion(next.cells.map(\.key))
        }
      }
      let comment: Comment = "seed \(seed), round \(round)"
      let (report, notes) = try Self.salvaged(disk, comment)
      #expect(report.lsn == LSN(UInt64(Self.count)), comment)
      for (id, note) in notes { #expect(model[id] == note, comment) }
      let missing = model.keys.filter { notes[$0] == nil }
      #expect(missing.allSatisfy { damagedKeys.contains(key($0)) }, comment)
      let tree = try #require(report.trees.first { $0.number == 256 })
      #expect(
        missing.allSatisfy { id in tree.lost.contains { $0.contains(key(id)) } },
        "a missing row is not reported; \(comment)")
      lostRows += missing.count
      orphans += tree.rowsFromOrphans
      olderRows += tree.rowsFromOlderCheckpoint
    }
    // The test has seen what it is about.
    #expect(lostRows > 0 && orphans > 0 && olderRows > 0 && branches > 0)
  }

  @Test func aDamagedLogGivesTheCheckpointAndSaysSo() throws {
    let seed = testSeed(271)
    let workload = Workload(seed: seed, count: Self.count)
    let disk = try Self.made(workload, seed)
    for file in disk.files where file.hasPrefix("db/log/") {
      disk.damage(file, at: 0, with: [UInt8](repeating: 0xee, count: 4096))
    }
    #expect(throws: DatabaseError.self) {
      _ = try Database.open(Database.simulated(disk.clone(), seed: seed))
    }
    let (report, notes) = try Self.salvaged(disk, "seed \(seed)")
    #expect(report.lsn == report.checkpointLSN && report.lsn == LSN(280))
    #expect(notes == workload.states[280] && !report.problems.isEmpty)
  }

  @Test func withoutAMetaBlockNothingIsGuessed() throws {
    let disk = try Self.made(Workload(seed: 1, count: Self.count), 1)
    disk.damage("db/records.souk", at: 0, with: [UInt8](repeating: 0, count: 8192))
    #expect {
      _ = try Self.salvaged(disk, "")
    } throws: { error in
      "\(error)".contains("no meta block is valid")
    }
    #expect(try !disk.exists("saved"))
  }
}
