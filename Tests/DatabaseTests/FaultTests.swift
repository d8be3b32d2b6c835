// Faults: every sync fails, every call fails once, the disk fills up, blocks go bad. The database
// refuses or stops; it never loses what it acknowledged and never shows what was not.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct FaultTests {
  static let seed = testSeed(611)
  static let workload = Workload(seed: seed, count: 60)

  /// The calls that the workload makes on a disk that does not fail.
  private func calls() -> [DiskCall] {
    let disk = SimulatedDisk()
    disk.startTrace()
    let session = Session.run(Self.workload, on: disk, seed: Self.seed)
    #expect(session.acknowledged == 60 && session.refusals == 0)
    return disk.trace
  }

  private func problem(_ disk: SimulatedDisk, _ session: Session, subset: UInt64) -> String? {
    if session.answeredTooLate > 0 { return "answered after a fatal error" }
    if session.fatalLines.count > 1 { return "stopped twice: \(session.fatalLines)" }
    if !session.hasFailed && session.acknowledged < 60 && session.submitted > 0 {
      return "gave up at \(session.acknowledged) without a word"
    }
    return CrashTests.verify(
      disk.restart(keeping: .random(seed: subset)), Self.workload, session, seed: Self.seed)
  }

  @Test func everyFailedSyncStopsOrRefusesAndLosesNothing() {
    let trace = calls()
    var failures: [String] = []
    var (runs, stops) = (0, 0)
    for kind in [DiskCall.Kind.sync, .syncDirectory] {
      for skipping in 0..<trace.count(where: { $0.kind == kind }) {
        for error in [DiskError.Kind.inputOutput(5), .noSpace] {
          for effect in [SimulatedDisk.Effect.none, .whole] {
            let disk = SimulatedDisk()
            disk.fail(kind, skipping: skipping, with: error, effect: effect)
            let session = Session.run(Self.workload, on: disk, seed: Self.seed, refusalsMax: 8)
            runs += 1
            stops += session.hasFailed ? 1 : 0
            if !disk.hasNoFailureLeft { failures.append("\(kind) \(skipping) never failed") }
            if let problem = problem(disk, session, subset: UInt64(runs)) {
              failures.append("\(kind) \(skipping) \(error) \(effect): \(problem)")
            }
          }
        }
      }
    }
    #expect(stops > 60, "of \(runs) runs")
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }

  @Test func everyCallMayFailOnce() {
    let trace = calls()
    var failures: [String] = []
    for number in trace.indices {
      for effect in [SimulatedDisk.Effect.none, .half] {
        let disk = SimulatedDisk()
        disk.fail(nil, skipping: number, effect: effect)
        // What a failed sync has forgotten no later one can make good.
        let kind = trace[number].kind
        let session = Session.run(
          Self.workload, on: disk, seed: Self.seed, refusalsMax: 8,
          reopens: effect == .half || (kind != .sync && kind != .syncDirectory))
        if let problem = problem(disk, session, subset: UInt64(number)) {
          failures.append("call \(number) \(trace[number]) \(effect): \(problem)")
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }

  @Test func everyReadOfAnOpeningMayFailOnce() throws {
    let disk = SimulatedDisk()
    let session = Session.run(Self.workload, on: disk, seed: Self.seed)
    let whole = disk.clone()
    whole.startTrace()
    #expect(CrashTests.verify(whole, Self.workload, session, seed: Self.seed) == nil)
    for number in whole.trace.indices {
      let copy = disk.clone()
      copy.fail(nil, skipping: number)
      // With the failure: an error, or the right answer. Without: the right answer.
      _ = try? Database.open(Database.simulated(copy, seed: Self.seed)).workloadContent()
      copy.clearFailures()
      let problem = CrashTests.verify(
        copy.restart(keeping: .none), Self.workload, session, seed: Self.seed)
      #expect(problem == nil, "call \(number) \(whole.trace[number])")
    }
  }

  @Test func aFullDiskRefusesWritesServesReadsAndGoesOn() throws {
    let workload = Workload(seed: Self.seed, count: 400, keys: 600)
    let disk = SimulatedDisk()
    disk.capacity = 900 << 10
    let rounds = Shared(0)
    let session = Session.run(workload, on: disk, seed: Self.seed, refusalsMax: 200) {
      database, session in
      rounds.update { $0 += 1 }
      let content = try? database.workloadContent()
      #expect(content?.count == session.acknowledged)
      #expect(content?.notes == workload.states[session.acknowledged])
      try? database.checkpoint()
      disk.capacity = (disk.capacity ?? 0) + (96 << 10)
    }
    #expect(rounds.value >= 3)
    #expect(session.fatalLines.isEmpty)
    #expect(session.reasons == ["read-only"], "\(session.reasons)")
    #expect(session.acknowledged == 400)
    disk.capacity = nil
    #expect(
      CrashTests.verify(disk.restart(keeping: .none), workload, session, seed: Self.seed) == nil)
  }

  @Test func aTransactionThatMeetsABadPageIsRefusedAloneAndItsGroupStands() throws {
    let disk = SimulatedDisk()
    let configuration = Database.simulated(disk, seed: 1) { Issue.record("\($0)") }
    func put(_ name: String, _ count: Int64) -> @Sendable (Transaction) throws -> Int64 {
      { transaction in
        try transaction.put(Progress(name: name, count: count))
        return count
      }
    }
    @Sendable func name(_ number: Int) -> String { "row-\(10_000 + number)" }
    do {
      let database = try Database.create(configuration)
      for start in stride(from: 0, to: 4000, by: 500) {
        _ = try database.writeBlocking { transaction in
          for number in start..<start + 500 { try transaction.put(Progress(name: name(number))) }
        }
      }
      try database.close()
    }
    let database = try Database.open(configuration)
    _ = try database.writeBlocking(put(name(0), 1))
    let outcomes = Shared<[String: Bool]>([:])
    disk.fail(.read, lasting: true)
    for (row, count) in [(0, Int64(2)), (3999, 3), (1, 4)] {
      database.write(put(name(row), count)) { result in
        let isCommitted = if case .success = result { true } else { false }
        outcomes.update { $0[name(row)] = isCommitted }
      }
    }
    database.step()
    disk.clearFailures()
    #expect(outcomes.value == [name(0): true, name(3999): false, name(1): true])
    _ = try database.writeBlocking(put(name(3998), 5))
    for image in [nil, disk.restart(keeping: .none)] {
      let open =
        try image.map { try Database.open(Database.simulated($0, seed: 1)) } ?? database
      let records = open.snapshot().records
      for (row, count) in [(0, Int64(2)), (3999, 0), (1, 4), (3998, 5)] {
        #expect(try records.get(Progress.self, key(name(row)))?.count == count, "row \(row)")
      }
      #expect(try open.check(deep: true).findings == [])
    }
  }

  /// Every page and both meta blocks in turn: the opening falls back, refuses, or a read says so;
  /// what comes out is never wrong.
  @Test func damageToOnePageFallsBackOrIsReported() throws {
    let disk = SimulatedDisk()
    _ = Session.run(Self.workload, on: disk, seed: Self.seed)
    let file = "db/records.souk"
    let newest = try Database.open(Database.simulated(disk.clone(), seed: 1)).opening.store.slot
    let blocks = (disk.contents(file)?.count ?? 0) / 4096
    var (fellBack, refused, unharmed) = (0, 0, 0)
    for block in 0..<blocks {
      let copy = disk.clone()
      copy.flipBit(file, bit: (block * 4096 + 40) * 8 + block % 8)
      do {
        let database = try Database.open(Database.simulated(copy, seed: 1))
        let content = try database.workloadContent()
        #expect(content.count == 60 && content.notes == Self.workload.states[60], "\(block)")
        if database.opening.store.slot != newest {
          fellBack += 1
          #expect(try database.check(deep: true).findings == [], "block \(block)")
        } else {
          unharmed += 1
        }
      } catch {
        refused += 1
      }
      if block < 2 { #expect(fellBack + unharmed == block + 1, "meta block \(block)") }
    }
    #expect(fellBack > 1, "\(refused) refused, \(unharmed) unharmed of \(blocks)")
  }

  /// The log reaches back to the older checkpoint, however many segments lie between the two.
  @Test func withoutTheNewestCheckpointTheLogHasEverythingSinceTheOlder() throws {
    let disk = SimulatedDisk()
    let workload = Workload(seed: Self.seed, count: 450)
    let database = try Database.create(Database.simulated(disk, seed: 1))
    for number in 0..<450 {
      _ = try database.writeBlocking(workload.body(number))
      if number % 150 == 149 { try database.checkpoint() }
    }
    #expect(disk.files.count { $0.hasPrefix("db/log/") } > 2, "the log has several segments")
    let image = disk.restart(keeping: .none)
    let opening = try Database.open(Database.simulated(image.clone(), seed: 1)).opening
    #expect(opening.checkpointLSN == LSN(450))
    image.flipBit("db/records.souk", bit: (opening.store.slot * 4096 + 40) * 8)
    let again = try Database.open(Database.simulated(image, seed: 1))
    #expect(again.opening.checkpointLSN == LSN(300) && again.opening.replayedCommits == 150)
    let content = try again.workloadContent()
    #expect(content.count == 450 && content.notes == workload.states[450])
    #expect(try again.check(deep: true).findings == [])
  }

  /// What a meta block leads to is durable before it, and it is before anything is built on it.
  @Test func aMetaBlockIsWrittenBetweenTwoSyncs() throws {
    let disk = SimulatedDisk()
    disk.startTrace()
    let database = try Database.create(Database.simulated(disk, seed: 1))
    for number in 0..<60 {
      _ = try database.writeBlocking(Self.workload.body(number))
      if number % 10 == 9 { try database.checkpoint() }
    }
    var isSynced = true
    var metaIsPending = false
    var metas = 0
    for call in disk.trace where call.path == "db/records.souk" {
      switch call.kind {
      case .sync: (isSynced, metaIsPending) = (true, false)
      case .write where call.offset < 8192:
        #expect(isSynced, "meta block \(metas) before its pages")
        (isSynced, metaIsPending) = (false, true)
        metas += 1
      case .write:
        #expect(!metaIsPending, "a page before meta block \(metas - 1) is durable")
        isSynced = false
      default: break
      }
    }
    #expect(metas == 6)
  }
}
