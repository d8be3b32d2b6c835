// What can be wrong with a view's files, and what cannot be written: an opening never stops for it, no
// answer changes, and the next flush puts it right.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing
import Views

@Suite struct ViewFileTests {
  private static let workload = Workload(seed: 7400, count: 60)
  private static let folder = "db/views/keeping"

  /// Opens what is there; the view must equal the records, and its files must be sound after a flush.
  /// `version` is that of the view's files.
  @discardableResult
  private func expectSound(
    _ disk: SimulatedDisk, count: Int, _ comment: Comment, version: UInt32 = 1,
    kind: ViewKind = .keeping
  ) throws -> ViewOrigin {
    func view() -> any View {
      version == 1 ? kind.make() : KeepingView(version: version)
    }
    var configuration = Database.simulated(disk, seed: 1)
    configuration.segmentBytes = 64 << 10
    configuration.views = [view()]
    let notices = Shared([String]())
    configuration.onNotice = { line in notices.update { $0.append(line) } }
    let database = try Database.open(configuration)
    let origin = database.viewReports()[0].origin
    #expect(try database.workloadContent().notes == Self.workload.states[count], comment)
    #expect(try ViewCrashTests.flaw(database, kind) == nil, comment)
    if case .rebuilt(_, let reason) = origin, reason != "it had no files" {
      #expect(notices.value.contains { $0.contains("view-rebuilt") }, comment)
    }
    database.flushViews()
    #expect(database.viewReports()[0].failure == nil, comment)
    let lsn = database.visibleLSN
    // As a kill would leave it.
    configuration.views = [view()]
    configuration.disk = disk.restart(keeping: .none)
    let again = try Database.open(configuration)
    #expect(again.viewReports()[0].origin == .loaded(lsn: lsn), comment)
    #expect(try ViewCrashTests.flaw(again, kind) == nil, comment)
    return origin
  }

  private func isRebuilt(_ origin: ViewOrigin) -> Bool {
    if case .rebuilt = origin { true } else { false }
  }

  @Test(arguments: ViewKind.allCases)
  func whateverIsDamagedIsMadeFromTheRecords(_ kind: ViewKind) throws {
    let folder = "db/views/" + kind.name
    let seed = testSeed(7401)
    var random = SplitMix64(seed: seed)
    let original = try ViewCrashTests.lagging(Self.workload, kind, seed: seed)
    let manifest = try ViewFolder(original, path: folder).standing()
    let files = (manifest.files.map(\.name) + ["MANIFEST"]).map { folder + "/" + $0 }
    #expect(files.count > 2, "\(files)")
    #expect(
      try expectSound(original.clone(), count: 40, "whole", kind: kind) == .loaded(lsn: LSN(36)))
    for round in 0..<scaled(ci: 150, nightly: 20_000) {
      let disk = original.clone()
      let file = files[Int.random(in: 0..<files.count, using: &random)]
      let bytes = disk.contents(file) ?? []
      let harm = Int.random(in: 0..<6, using: &random)
      switch harm {
      case 0: disk.flipBit(file, bit: Int.random(in: 0..<bytes.count * 8, using: &random))
      case 1:
        disk.install(file, Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))))
      case 2: try disk.remove(file)
      case 3: disk.install(file, bytes + [0])
      case 4:
        disk.install(file, (0..<bytes.count).map { _ in UInt8.random(in: 0...255, using: &random) })
      default:
        // Two files have changed places.
        let other = files[file == files[0] ? 1 : 0]
        let content = disk.contents(other) ?? []
        disk.install(other, bytes)
        disk.install(file, content)
      }
      let origin = try expectSound(
        disk, count: 40, "seed \(seed), round \(round), harm \(harm)", kind: kind)
      #expect(isRebuilt(origin), "seed \(seed), round \(round), harm \(harm) to \(file)")
    }
  }

  @Test func filesOfAnotherDatabaseOrVersionAreNotBelieved() throws {
    let original = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 1)
    let stranger = try ViewCrashTests.lagging(
      Workload(seed: 9, count: 60), .keeping, seed: 2)
    let disk = original.clone()
    for file in disk.files where file.hasPrefix(Self.folder) { try disk.remove(file) }
    for file in stranger.files where file.hasPrefix(Self.folder) {
      disk.install(file, stranger.contents(file) ?? [])
    }
    #expect(isRebuilt(try expectSound(disk, count: 40, "foreign")))
    #expect(isRebuilt(try expectSound(original.clone(), count: 40, "newer", version: 2)))
    // A manifest of a newer format, its hash right.
    let newer = original.clone()
    var bytes = newer.contents(Self.folder + "/MANIFEST") ?? []
    bytes[8] = 9
    var writer = ByteWriter()
    writer.u64(XXH64.hash(Array(bytes.dropLast(8))))
    newer.install(Self.folder + "/MANIFEST", Array(bytes.dropLast(8)) + writer.bytes)
    #expect(isRebuilt(try expectSound(newer, count: 40, "newer format")))
  }

  /// The log was put back to an earlier state, or a disk lied: such files would hide what comes.
  @Test func filesAheadOfTheLogAreRemovedBeforeAnythingIsWritten() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 3)
    configuration.views = [KeepingView()]
    let database = try Database.create(configuration)
    for number in 0..<20 { _ = try database.writeBlocking(Self.workload.body(number)) }
    let earlier = disk.restart(keeping: .none)
    for number in 20..<30 { _ = try database.writeBlocking(Self.workload.body(number)) }
    database.flushViews()
    let mixed = earlier.clone()
    for file in disk.files where file.hasPrefix(Self.folder) {
      mixed.install(file, disk.contents(file) ?? [])
    }
    configuration.views = [KeepingView()]
    configuration.disk = mixed
    let again = try Database.open(configuration)
    guard case .rebuilt(_, let reason) = again.viewReports()[0].origin else {
      Issue.record("loaded from the future")
      return
    }
    #expect(reason.contains("the log ends at commit 20"))
    // Another history grows beyond the commit that the files were of, and the process dies.
    let other = Workload(seed: 77, count: 60)
    for number in 0..<15 {
      let note = Note(id: UInt64(number), owner: "other", text: "\(other.states.count)")
      _ = try again.writeBlocking { try $0.put(note) }
    }
    configuration.views = [KeepingView()]
    configuration.disk = mixed.restart(keeping: .none)
    let last = try Database.open(configuration)
    #expect(isRebuilt(last.viewReports()[0].origin))
    #expect(try ViewCrashTests.flaw(last, .keeping) == nil)
  }

  @Test func aViewThatLagsBehindTheLogIsMadeFromTheRecords() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 4)
    configuration.segmentBytes = 64 << 10
    configuration.views = [KeepingView()]
    let database = try Database.create(configuration)
    for number in 0..<10 { _ = try database.writeBlocking(Self.workload.body(number)) }
    try database.close()
    let flushed = disk.restart(keeping: .none)
    // Opened without its views nobody keeps the log for them.
    configuration.views = []
    let bare = try Database.open(configuration)
    for number in 10..<60 {
      _ = try bare.writeBlocking(Self.workload.body(number))
      if number % 9 == 0 { try bare.checkpoint() }
    }
    for _ in 0..<400 {
      _ = try bare.writeBlocking {
        try $0.put(Note(id: 1, text: String(repeating: "x", count: 999)))
      }
    }
    try bare.checkpoint()
    try bare.checkpoint()
    try bare.close()
    #expect(bare.opening.recoveredLSN == LSN(10))
    configuration.views = [KeepingView()]
    let again = try Database.open(configuration)
    guard case .rebuilt(_, let reason) = again.viewReports()[0].origin else {
      Issue.record("the log was kept: \(again.viewReports())")
      return
    }
    #expect(reason.contains("not kept any more"), "\(reason)")
    #expect(try ViewCrashTests.flaw(again, .keeping) == nil)
    // While it is opened with them it is kept, and the lag is told.
    configuration.disk = flushed
    configuration.views = [KeepingView()]
    let kept = try Database.open(configuration)
    for number in 10..<60 { _ = try kept.writeBlocking(Self.workload.body(number)) }
    for round in 0..<400 {
      _ = try kept.writeBlocking {
        try $0.put(Note(id: 1, text: String(repeating: "x", count: 999)))
      }
      if round % 100 == 0 { try kept.checkpoint() }
    }
    #expect(kept.viewReports()[0].lag == 450)
    #expect(kept.viewReports()[0].retainedBytes > 0)
    configuration.views = [KeepingView()]
    configuration.disk = flushed.restart(keeping: .none)
    let replayed = try Database.open(configuration)
    #expect(replayed.viewReports()[0].origin == .loaded(lsn: LSN(10)))
    #expect(try ViewCrashTests.flaw(replayed, .keeping) == nil)
  }

  @Test func aDeepCheckReadsTheFiles() throws {
    let original = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 9)
    func findings(_ disk: SimulatedDisk, harming: Bool) throws -> [String] {
      var configuration = Database.simulated(disk, seed: 9)
      configuration.segmentBytes = 64 << 10
      configuration.views = [KeepingView()]
      let file = try ViewFolder(disk, path: Self.folder).standing().files[0].name
      if !harming { disk.flipBit(Self.folder + "/" + file, bit: 99) }
      let database = try Database.open(configuration)
      #expect(try database.check(deep: true).findings.isEmpty == harming)
      if harming { disk.flipBit(Self.folder + "/" + file, bit: 99) }
      let found = try database.check(deep: true).findings
      #expect(try database.check(deep: false).findings == [])
      _ = try database.rebuildView("keeping")
      #expect(try database.check(deep: true).findings == [])
      return found
    }
    for harming in [true, false] {
      let found = try findings(original.clone(), harming: harming)
      #expect(found.count == 1 && found[0].contains("souk engine rebuild keeping"), "\(found)")
    }
  }

  /// A view that cannot be written holds the log up to a budget, and no further; it can be written again.
  @Test func aViewThatIsNeverWrittenHoldsTheLogUpToABudget() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 10)
    configuration.segmentBytes = 64 << 10
    configuration.limits.logRetainedBytes = 256 << 10
    configuration.views = [KeepingView()]
    let database = try Database.create(configuration)
    _ = try database.writeBlocking(Self.workload.body(0))
    database.flushViews()
    disk.fail(.create, with: .noPermission, lasting: true)
    database.flushViews()
    disk.clearFailures()
    func grow(_ count: Int) throws -> UInt64 {
      var most: UInt64 = 0
      for round in 0..<count {
        _ = try database.writeBlocking {
          try $0.put(Note(id: 1, text: String(repeating: "x", count: 2000)))
        }
        if round % 20 == 19 { try database.checkpoint() }
        most = max(most, database.viewReports()[0].retainedBytes)
      }
      return most
    }
    let most = try grow(600)
    #expect(most > 128 << 10 && most <= 384 << 10, "\(most)")
    #expect(database.readers().logConsumers.map(\.mustRebuild) == [true])
    configuration.disk = disk.restart(keeping: .none)
    configuration.views = [KeepingView()]
    let cut = try Database.open(configuration)
    #expect(isRebuilt(cut.viewReports()[0].origin))
    #expect(try ViewCrashTests.flaw(cut, .keeping) == nil)
    database.flushViews()
    #expect(database.readers().logConsumers.map(\.mustRebuild) == [false])
    #expect(try grow(30) <= 256 << 10)
    configuration.disk = disk.restart(keeping: .none)
    configuration.views = [KeepingView()]
    #expect(!isRebuilt(try Database.open(configuration).viewReports()[0].origin))
    try database.close()
  }

  // MARK: Writing

  @Test func commitsBesideAFlushAreInTheViewAndTakenFromTheLog() throws {
    let disk = SimulatedDisk()
    let database = Shared<Database?>(nil)
    let next = Shared(0)
    let write: @Sendable () -> Void = {
      guard let database = database.value else { return }
      for _ in 0..<3 where next.value < 50 {
        let number = next.value
        next.update { $0 += 1 }
        _ = try? database.writeBlocking(Self.workload.body(number))
      }
    }
    var configuration = Database.simulated(disk, seed: 5)
    configuration.views = [KeepingView(whileFlushing: write)]
    let opened = try Database.create(configuration)
    write()
    database.update { $0 = opened }
    write()
    var flushed: [LSN] = []
    while next.value < 50 {
      opened.flushViews()
      let report = opened.viewReports()[0]
      let files = try #require(report.files)
      #expect(report.failure == nil && files.lsn < report.lsn)
      flushed.append(files.lsn)
      #expect(try ViewCrashTests.flaw(opened, .keeping) == nil)
      configuration.disk = disk.restart(keeping: .none)
      configuration.views = [KeepingView()]
      let again = try Database.open(configuration)
      #expect(again.viewReports()[0].origin == .loaded(lsn: files.lsn))
      #expect(try ViewCrashTests.flaw(again, .keeping) == nil)
    }
    #expect(flushed.count > 5 && Set(flushed).count == flushed.count)
    database.update { $0 = nil }
  }

  /// Full, broken, for each call of a flush, once and again: writes go on, the view answers, what stood
  /// before still loads, and the next flush is whole.
  @Test func aFlushThatFailsHarmsNothing() throws {
    let original = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 6)
    func opened(_ disk: SimulatedDisk, _ notices: Shared<[String]>) throws -> Database {
      var configuration = Database.simulated(disk, seed: 6) { Issue.record("fatal: \($0)") }
      configuration.segmentBytes = 64 << 10
      configuration.views = [KeepingView()]
      configuration.onNotice = { line in notices.update { $0.append(line) } }
      return try Database.open(configuration)
    }
    let rehearsal = original.clone()
    let whole = try opened(rehearsal, Shared([]))
    let before = rehearsal.callCount
    whole.flushViews()
    let calls = rehearsal.callCount - before
    #expect(calls > 8)
    var failures = 0
    for error in [DiskError.Kind.noSpace, .inputOutput(5)] {
      for effect in SimulatedDisk.Effect.allCases {
        for call in 0..<calls {
          let comment: Comment = "\(error) \(effect) at call \(call)"
          let disk = original.clone()
          let notices = Shared([String]())
          let database = try opened(disk, notices)
          disk.fail(nil, skipping: call, with: error, effect: effect)
          database.flushViews()
          if database.viewReports()[0].failure != nil {
            failures += 1
            #expect(notices.value.contains { $0.contains("view-not-written") }, comment)
            let named = try ViewFolder(disk, path: Self.folder).standing().files.map(\.name)
            #expect(try Set(disk.list(Self.folder)) == Set(named + ["MANIFEST"]), comment)
          }
          _ = try database.writeBlocking(Self.workload.body(40))
          #expect(try ViewCrashTests.flaw(database, .keeping) == nil, comment)
          // What a power cut leaves now.
          let image = disk.restart(keeping: .random(seed: UInt64(call)))
          let cut = try opened(image, Shared([]))
          #expect(try ViewCrashTests.flaw(cut, .keeping) == nil, comment)
          #expect(cut.visibleLSN == LSN(41), comment)
          // And it goes on.
          database.flushViews()
          #expect(database.viewReports()[0].failure == nil, comment)
          let files = try disk.list(Self.folder)
          try database.close()
          let again = try opened(disk, Shared([]))
          #expect(again.viewReports()[0].origin == .loaded(lsn: LSN(41)), "\(comment), \(files)")
          #expect(try ViewCrashTests.flaw(again, .keeping) == nil, comment)
        }
      }
    }
    #expect(failures > calls * 2)
  }

  @Test func onAFullVolumeTheLastSpaceIsLeftToTheLog() throws {
    let disk = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 7)
    var configuration = Database.simulated(disk, seed: 7)
    configuration.segmentBytes = 64 << 10
    configuration.views = [KeepingView()]
    let database = try Database.open(configuration)
    disk.capacity = 1 << 40
    let used = (1 << 40) - (try disk.freeBytes("db"))
    disk.capacity = used + (100 << 10)
    database.flushViews()
    #expect(try #require(database.viewReports()[0].failure).contains("no space"))
    #expect(try disk.freeBytes("db") >= 100 << 10)
    _ = try database.writeBlocking(Self.workload.body(40))
    #expect(try ViewCrashTests.flaw(database, .keeping) == nil)
    disk.capacity = nil
    database.flushViews()
    #expect(database.viewReports()[0].failure == nil)
    #expect(database.viewReports()[0].files?.lsn == LSN(41))
    try database.close()
  }

  @Test func aBackupHoldsNoViewAndARestoreStartsWithout() throws {
    let disk = try ViewCrashTests.lagging(Self.workload, .keeping, seed: 8)
    var configuration = Database.simulated(disk, seed: 8)
    configuration.segmentBytes = 64 << 10
    configuration.views = [KeepingView()]
    let database = try Database.open(configuration)
    _ = try database.backup(to: "backup")
    try database.close()
    #expect(!disk.files.contains { $0.hasPrefix("backup/") && $0.contains("views") })
    configuration.path = "restored"
    configuration.views = []
    _ = try Database.restore(from: "backup", configuration)
    #expect(!disk.files.contains { $0.hasPrefix("restored/views") })
    configuration.views = [KeepingView()]
    let restored = try Database.open(configuration)
    #expect(isRebuilt(restored.viewReports()[0].origin))
    #expect(try ViewCrashTests.flaw(restored, .keeping) == nil)
    configuration.path = "saved"
    _ = try Database.salvage(from: "db", configuration)
    #expect(!disk.files.contains { $0.hasPrefix("saved/views") })
    configuration.views = [KeepingView()]
    #expect(try ViewCrashTests.flaw(try Database.open(configuration), .keeping) == nil)
  }
}
