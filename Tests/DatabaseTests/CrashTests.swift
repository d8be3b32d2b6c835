// The crash test: a workload of 500 transactions, the machine switched off at every write and every
// sync of it, and each time several random subsets of what was not synced survive. Whatever comes
// back must be a prefix of the history that holds everything that was acknowledged.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct CrashTests {
  static let transactions = 500
  static let subsetsPerCrash = scaled(ci: 15, nightly: 1500)
  /// What the test promises: section 5 of the tests' figures, see docs/testing.md.
  static let imagesLeast = scaled(ci: 20_000, nightly: 2_000_000)

  /// Opens what is left and compares it with the model. Returns what is wrong, or nil.
  static func verify(
    _ disk: SimulatedDisk, _ workload: Workload, _ session: Session, seed: UInt64
  ) -> String? {
    let (acknowledged, submitted) = (session.acknowledged, session.submitted)
    do {
      if acknowledged == 0, try !disk.exists("db/records.souk") {
        try Database.create(Database.simulated(disk, seed: seed)).close()
      }
      let database = try Database.open(Database.simulated(disk, seed: seed))
      let (count, notes) = try database.workloadContent()
      guard count >= acknowledged, count <= submitted else {
        return "holds \(count) transactions; \(acknowledged) acknowledged, \(submitted) submitted"
      }
      guard notes == workload.states[count] else { return "content differs at \(count)" }
      let view = database.snapshot().view(CountingView.State.self)
      guard view?.rows == notes.count else { return "the view has \(view?.rows ?? -1) rows" }
      let report = try database.check(deep: true)
      guard report.findings.isEmpty else { return "check: \(report.findings)" }
      // And it goes on: the next transaction commits, and is still there after a clean restart.
      if count < workload.transactions.count {
        _ = try database.writeBlocking(workload.body(count))
        let after = try database.workloadContent()
        guard after.notes == workload.states[count + 1] else { return "cannot go on at \(count)" }
      }
      try database.close()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func everyCrashLeavesAPrefixThatHoldsEverythingAcknowledged() throws {
    let seed = testSeed(2026)
    let workload = Workload(seed: seed, count: Self.transactions)
    let whole = SimulatedDisk()
    whole.startTrace()
    let ended = Session.run(workload, on: whole, seed: seed)
    #expect(ended.acknowledged == Self.transactions && ended.refusals == 0)
    #expect(Self.verify(whole.restart(keeping: .none), workload, ended, seed: seed) == nil)
    let points = whole.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    #expect(points.count > Self.transactions / 2)

    let images = points.count * SimulatedDisk.Moment.allCases.count * Self.subsetsPerCrash
    #expect(images >= Self.imagesLeast, "\(points.count) calls")

    let failures = onTwoThreads(points.count) { index in
      Self.failures(at: points[index], workload, seed: seed)
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }

  private static func failures(at point: Int, _ workload: Workload, seed: UInt64) -> [String] {
    var failures: [String] = []
    for moment in SimulatedDisk.Moment.allCases {
      let disk = SimulatedDisk()
      disk.crash(atCall: point, moment)
      let session = Session.run(workload, on: disk, seed: seed)
      for subset in 0..<UInt64(subsetsPerCrash) {
        let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point) &* 31 &+ subset))
        if let problem = verify(image, workload, session, seed: seed) {
          failures.append("seed \(seed), call \(point) \(moment), subset \(subset): \(problem)")
        }
      }
    }
    return failures
  }

  /// Where few units are unsynced nothing is left to chance: each of the 2^n subsets is an image.
  @Test func everySubsetOfFewUnsyncedUnitsIsRecovered() {
    let seed = testSeed(2027)
    let workload = Workload(seed: seed, count: 10, keys: 12)
    let whole = SimulatedDisk()
    whole.startTrace()
    #expect(Session.run(workload, on: whole, seed: seed).acknowledged == 10)
    let points = whole.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    let unitsMost = max(6, scaled(ci: 10, nightly: 14))
    let counts = onTwoThreads(points.count) { index in
      SimulatedDisk.Moment.allCases.flatMap { moment -> [(units: Int, failures: [String])] in
        let disk = SimulatedDisk()
        disk.crash(atCall: points[index], moment)
        let session = Session.run(workload, on: disk, seed: seed)
        let units = disk.unsyncedCount
        guard units <= unitsMost else { return [] }
        let failures = (0..<UInt64(1) << UInt64(units)).compactMap { mask -> String? in
          Self.verify(disk.restart(keeping: .mask(mask)), workload, session, seed: seed)
            .map { "seed \(seed), call \(points[index]) \(moment), mask \(mask): \($0)" }
        }
        return [(units, failures)]
      }
    }
    let failures = counts.flatMap(\.failures)
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
    let images = counts.reduce(0) { $0 + 1 << $1.units }
    #expect(
      images >= scaled(ci: 4000, nightly: 8000) && Set(counts.map(\.units)).count >= 6,
      "\(images) images")
  }
}
