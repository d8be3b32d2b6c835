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

  /// Runs the workload on `disk` until it ends or the disk crashes. Groups of one to four, a
  /// checkpoint now and then. Returns what was acknowledged and what was submitted.
  static func run(_ workload: Workload, on disk: SimulatedDisk, seed: UInt64)
    -> (acknowledged: Int, submitted: Int)
  {
    let acknowledged = Shared(0)
    var submitted = 0
    guard let database = try? Database.create(Database.simulated(disk, seed: seed)) else {
      return (0, 0)
    }
    var random = SplitMix64(seed: seed)
    while submitted < workload.transactions.count, !disk.isCrashed {
      let group = min(
        Int.random(in: 1...4, using: &random), workload.transactions.count - submitted)
      for number in submitted..<submitted + group {
        database.write(workload.body(number)) { result in
          if case .success(let committed) = result {
            acknowledged.update { max($0, committed.value + 1) }
          }
        }
      }
      submitted += group
      database.step()
      if Int.random(in: 0..<25, using: &random) == 0 { try? database.checkpoint() }
    }
    if !disk.isCrashed { try? database.close() }
    return (acknowledged.value, submitted)
  }

  /// Opens what is left and compares it with the model. Returns what is wrong, or nil.
  static func verify(
    _ disk: SimulatedDisk, _ workload: Workload, acknowledged: Int, submitted: Int, seed: UInt64
  ) -> String? {
    do {
      if acknowledged == 0, try !disk.exists("db/records.souk") { return nil }
      let database = try Database.open(Database.simulated(disk, seed: seed))
      let (count, notes) = try database.workloadContent()
      guard count >= acknowledged, count <= submitted else {
        return "holds \(count) transactions; \(acknowledged) acknowledged, \(submitted) submitted"
      }
      guard notes == workload.states[count] else { return "content differs at \(count)" }
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
    let ended = Self.run(workload, on: whole, seed: seed)
    #expect(ended == (Self.transactions, Self.transactions))
    #expect(
      Self.verify(
        whole.restart(keeping: .none), workload, acknowledged: Self.transactions,
        submitted: Self.transactions, seed: seed) == nil)
    let points = whole.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    #expect(points.count > Self.transactions / 2)

    var failures: [String] = []
    var images = 0
    for point in points {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = SimulatedDisk()
        disk.crash(atCall: point, moment)
        let (acknowledged, submitted) = Self.run(workload, on: disk, seed: seed)
        for subset in 0..<Self.subsetsPerCrash {
          images += 1
          let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point) &* 31 &+ subset))
          if let problem = Self.verify(
            image, workload, acknowledged: acknowledged, submitted: submitted, seed: seed)
          {
            failures.append("seed \(seed), call \(point) \(moment), subset \(subset): \(problem)")
          }
        }
      }
      if failures.count > 5 { break }
    }
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    print("crash images: \(images) over \(points.count) crash points, \(failures.count) failures")
  }
}
