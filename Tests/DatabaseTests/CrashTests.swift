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
  static let subsetsPerCrash: UInt64 = 14

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

    // Two threads take every second point each; images know nothing of each other.
    let results = Shared([[String]](repeating: [], count: points.count))
    let workers = (0..<2).map { half in
      Worker {
        for index in stride(from: half, to: points.count, by: 2) {
          let failures = Self.failures(at: points[index], workload, seed: seed)
          results.update { $0[index] = failures }
        }
      }
    }
    for worker in workers { worker.join() }
    let failures = results.value.flatMap(\.self)
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }

  private static func failures(at point: Int, _ workload: Workload, seed: UInt64) -> [String] {
    var failures: [String] = []
    for moment in SimulatedDisk.Moment.allCases {
      let disk = SimulatedDisk()
      disk.crash(atCall: point, moment)
      let session = Session.run(workload, on: disk, seed: seed)
      for subset in 0..<subsetsPerCrash {
        let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point) &* 31 &+ subset))
        if let problem = verify(image, workload, session, seed: seed) {
          failures.append("seed \(seed), call \(point) \(moment), subset \(subset): \(problem)")
        }
      }
    }
    return failures
  }
}
