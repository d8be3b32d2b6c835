// A rebuild beside the live view, and the comparison with the records: with writers at work on threads, of
// a view that is wrong, of one that lives in memory only, and cut short by a close.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing
import Views

@Suite struct ViewRebuildTests {
  private static let workload = Workload(seed: 7500, count: 60)

  private func opened(
    _ disk: SimulatedDisk, _ view: any View, creates: Bool = false
  ) throws -> Database {
    var configuration = Database.simulated(disk, seed: 1)
    configuration.segmentBytes = 64 << 10
    configuration.views = [view]
    return creates ? try Database.create(configuration) : try Database.open(configuration)
  }

  @Test func aWrongViewIsToldAndHealedForGood() throws {
    let disk = SimulatedDisk()
    let database = try opened(disk, KeepingView(losing: 31), creates: true)
    for number in 0..<40 { _ = try database.writeBlocking(Self.workload.body(number)) }
    // Its files are as wrong as it is.
    database.flushViews()
    let verified = try database.verifyView("keeping")
    #expect(!verified.isSound && verified.lsn == LSN(40))
    let findings = try database.check(deep: false).findings
    #expect(findings.count == 1 && findings[0].contains("souk engine rebuild keeping"))
    let wrong = database.snapshot()
    let steps = Shared([ViewProgress]())
    let rebuilt = try database.rebuildView("keeping") { step in steps.update { $0.append(step) } }
    #expect(rebuilt.digest == verified.expected && rebuilt.replacedDigest == verified.digest)
    #expect(rebuilt.failure == nil && rebuilt.lsn == LSN(40) && rebuilt.commits == 0)
    #expect(steps.value.map(\.step).contains(.reading) && steps.value.last?.step == .writing)
    #expect(try database.verifyView("keeping").isSound)
    #expect(try ViewCrashTests.flaw(database, .keeping) == nil)
    // Who still reads the old one goes on reading it.
    #expect(wrong.view(KeepingView.State.self)?.digest == verified.digest)
    // A power cut does not bring it back.
    let again = try opened(disk.restart(keeping: .none), KeepingView())
    #expect(again.viewReports()[0].origin == .loaded(lsn: LSN(40)))
    #expect(try ViewCrashTests.flaw(again, .keeping) == nil)
    try database.close()
  }

  @Test func aViewInMemoryIsRebuiltToo() throws {
    let disk = SimulatedDisk()
    let database = try opened(disk, CountingView(losing: 9), creates: true)
    for number in 0..<20 { _ = try database.writeBlocking(Self.workload.body(number)) }
    #expect(try !database.verifyView("counting").isSound)
    _ = try database.rebuildView("counting")
    #expect(try database.verifyView("counting").isSound)
    #expect(try database.check(deep: false).findings == [])
    database.flushViews()
    let report = database.viewReports()[0]
    #expect(!report.keepsFiles && report.files == nil && report.failure == nil)
    #expect(!disk.files.contains { $0.contains("views") })
    // Nobody keeps log for it.
    #expect(database.readers().logConsumers.isEmpty)
    try database.close()
  }

  /// A compaction makes another file of the same commits: the view's files still fit.
  @Test func aCompactionLeavesTheFilesOfViewsAlone() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 1)
    configuration.views = [KeepingView()]
    let database = try Database.create(configuration)
    for number in 0..<60 {
      _ = try database.writeBlocking(Self.workload.body(number))
      if number % 20 == 19 { try database.checkpoint() }
    }
    try database.close()
    _ = try Database.compact(configuration)
    configuration.views = [KeepingView()]
    let again = try Database.open(configuration)
    #expect(again.viewReports()[0].origin == .loaded(lsn: LSN(60)))
    #expect(try ViewCrashTests.flaw(again, .keeping) == nil)
    try again.close()
  }

  @Test func onlyOneAtATimeAndOnlyWhatThereIs() throws {
    let database = try opened(SimulatedDisk(), KeepingView(), creates: true)
    for number in 0..<20 { _ = try database.writeBlocking(Self.workload.body(number)) }
    #expect {
      _ = try database.rebuildView("txet")
    } throws: { "\($0)" == "there is no view named txet; there is keeping" }
    #expect(throws: DatabaseError.self) { _ = try database.verifyView("") }
    let inner = Shared<String?>(nil)
    _ = try database.rebuildView("keeping") { _ in
      guard inner.value == nil else { return }
      do {
        _ = try database.rebuildView("keeping")
        inner.update { $0 = "done" }
      } catch {
        inner.update { $0 = "\(error)" }
      }
    }
    #expect(inner.value == "view keeping is being rebuilt; try again when that is done")
    try database.close()
    #expect {
      _ = try database.rebuildView("keeping")
    } throws: { error in
      if case .closed? = error as? DatabaseError { true } else { false }
    }
  }

  @Test func whatFailsLeavesTheLiveViewAndItsFiles() throws {
    let original = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 2)
    let rehearsal = original.clone()
    _ = try opened(rehearsal, KeepingView()).rebuildView("keeping")
    let calls = rehearsal.callCount
    for call in 0..<calls {
      for effect in SimulatedDisk.Effect.allCases {
        let comment: Comment = "call \(call), \(effect)"
        let disk = original.clone()
        guard let database = try? opened(disk, KeepingView()) else { continue }
        let first = disk.callCount
        guard call >= first else { break }
        disk.fail(nil, skipping: call - first, effect: effect)
        _ = try? database.rebuildView("keeping")
        #expect(try ViewCrashTests.flaw(database, .keeping) == nil, comment)
        let cut = try opened(
          disk.restart(keeping: .random(seed: UInt64(call))), KeepingView())
        #expect(try ViewCrashTests.flaw(cut, .keeping) == nil, comment)
        database.flushViews()
        try database.close()
        let again = try opened(disk, KeepingView())
        #expect(again.viewReports()[0].origin == .loaded(lsn: again.visibleLSN), comment)
        #expect(try ViewCrashTests.flaw(again, .keeping) == nil, comment)
      }
    }
  }

  /// Records and view of one snapshot.
  private static func difference(_ snapshot: DatabaseSnapshot) -> String? {
    guard let view = snapshot.view(KeepingView.State.self) else { return "no view" }
    do {
      var count = 0
      try snapshot.records.forEach(Note.self) { note in
        if view.rows[note.primaryKey] != nil { count += 1 }
        return .next
      }
      return view.lsn == snapshot.lsn && view.rows.count == count
        ? nil : "records and view differ at \(snapshot.lsn)"
    } catch {
      return "\(error)"
    }
  }

  /// Writers, readers, flushes by the keeper's thread and rebuilds, all at once on a real disk.
  @Test func besideWritersAndReadersNothingIsLost() throws {
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: workloadTables,
      views: [KeepingView()], onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    configuration.limits.checkpointLogBytes = 1 << 20
    configuration.limits.viewFlushLogBytes = 64 << 10
    let database = try Database.create(configuration)
    let isOver = Shared(false)
    let problems = Shared([String]())
    let writers = (0..<3).map { thread in
      Worker {
        var random = SplitMix64(seed: UInt64(thread))
        while !isOver.value {
          let note = Note(
            id: UInt64.random(in: 0..<300, using: &random), owner: "\(thread)",
            text: String(repeating: "t", count: Int.random(in: 0..<500, using: &random)))
          let deletes = Int.random(in: 0..<5, using: &random) == 0
          do {
            _ = try database.writeBlocking { transaction in
              if deletes {
                _ = try transaction.delete(Note.self, note.primaryKey)
              } else {
                try transaction.put(note)
              }
            }
          } catch {
            problems.update { $0.append("\(error)") }
            return
          }
        }
      }
    }
    let reader = Worker {
      while !isOver.value {
        if let problem = Self.difference(database.snapshot()) {
          problems.update { $0.append(problem) }
        }
      }
    }
    var last = LSN.zero
    for _ in 0..<scaled(ci: 12, nightly: 500) {
      let rebuilt = try database.rebuildView("keeping")
      #expect(rebuilt.digest == rebuilt.replacedDigest && rebuilt.failure == nil)
      #expect(rebuilt.lsn >= last)
      last = rebuilt.lsn
      #expect(try database.verifyView("keeping").isSound)
    }
    isOver.update { $0 = true }
    for worker in writers + [reader] { worker.join() }
    #expect(problems.value.isEmpty, "\(problems.value.prefix(5))")
    #expect(try database.check(deep: true).findings == [])
    let (lsn, hash) = try database.contentHash()
    try database.close()
    configuration.views = [KeepingView()]
    let again = try Database.open(configuration)
    #expect(again.viewReports()[0].origin == .loaded(lsn: lsn))
    #expect(try again.contentHash().hash == hash && again.verifyView("keeping").isSound)
    try again.close()
  }

  /// `close` ends a rebuild that is under way, and waits for its end.
  @Test func aCloseEndsARebuild() throws {
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: workloadTables,
      views: [KeepingView()], onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    let database = try Database.create(configuration)
    _ = try database.writeBlocking { transaction in
      for id in 0..<2000 as Range<UInt64> { try transaction.put(Note(id: id, owner: "o")) }
    }
    let isReading = Shared(false)
    let outcome = Shared("")
    let rebuild = Worker {
      do {
        _ = try database.rebuildView("keeping") { step in
          isReading.update { $0 = true }
          if step.done > 0 { pauseBriefly() }
        }
        outcome.update { $0 = "done" }
      } catch {
        outcome.update { $0 = "\(error)" }
      }
    }
    while !isReading.value { pauseBriefly() }
    try database.close()
    rebuild.join()
    #expect(["done", "the database is closed"].contains(outcome.value))
    configuration.views = [KeepingView()]
    let again = try Database.open(configuration)
    #expect(try again.verifyView("keeping").isSound)
    try again.close()
  }
}
