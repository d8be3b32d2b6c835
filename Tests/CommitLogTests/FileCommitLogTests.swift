// What a commit log promises on a disk that behaves.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct FileCommitLogTests {
  @Test func whatIsAppendedIsReadAndReadAgainAfterReopening() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    #expect(log.durableLSN == .zero && log.oldestLSN == LSN(1))
    try log.append(Fixture.group(1...3))
    try log.append(Fixture.group(4...4))
    #expect(log.durableLSN == LSN(4))
    #expect(try Fixture.all(log) == Fixture.group(1...4))
    #expect(try Fixture.all(log, from: LSN(3)) == Fixture.group(3...4))
    #expect(try Fixture.all(log, from: LSN(5)) == [])
    try log.close()
    let (again, report) = try Fixture.open(disk)
    #expect(report.decision == .wentOn && report.entries == 4 && report.frames == 3)
    #expect(try Fixture.all(again) == Fixture.group(1...4))
    try again.append(Fixture.group(5...6))
    #expect(try Fixture.all(again) == Fixture.group(1...6))
  }

  @Test func aLogOfManySegmentsIsRecycledAndReopens() throws {
    let disk = SimulatedDisk()
    var log = try Fixture.create(disk)
    for lsn in 1...2000 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn)])
      if lsn % 97 == 0 { try log.prepareNextSegment() }
      if lsn % 300 == 0 { try log.release(below: LSN(lsn - 100)) }
      if lsn % 450 == 0 {
        try log.close()
        log = try Fixture.open(disk).log
        #expect(log.durableLSN == LSN(lsn))
      }
    }
    let oldest = log.oldestLSN
    #expect(oldest > LSN(1500) && oldest <= LSN(1700))
    #expect(try Fixture.all(log) == Fixture.group(oldest.rawValue...2000))
    #expect(throws: LogError.released(LSN(1))) { try Fixture.all(log, from: LSN(1)) }
    #expect(try disk.list("log").filter { $0.hasSuffix(".free") }.count <= 2)
  }

  /// What is done meanwhile comes after the write and before the sync, once, and not for nothing.
  @Test func whatIsDoneMeanwhileIsDoneBeforeTheSync() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    var before: [DiskCall.Kind] = []
    disk.startTrace()
    try log.append(Fixture.group(1...2)) {
      before = disk.trace.map(\.kind)
      #expect(log.durableLSN == .zero)
    }
    #expect(before == [.write] && disk.trace.map(\.kind) == [.write, .sync])
    #expect(log.durableLSN == LSN(2))
    try log.append([]) { Issue.record("nothing was appended") }
    var isDone = false
    disk.fail(.sync, skipping: 0, with: .inputOutput(5), effect: .none)
    #expect(throws: LogError.self) { try log.append(Fixture.group(3...3)) { isDone = true } }
    #expect(isDone && log.durableLSN == LSN(2))
    #expect(throws: LogError.self) {
      try log.append(Fixture.group(3...3)) { Issue.record("the log has failed") }
    }
    #expect(try Fixture.all(Fixture.open(disk.restart(keeping: .none)).log) == Fixture.group(1...2))
  }

  @Test func aTickProvesTheLastGroupOnce() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    #expect(!log.needsTick)
    try log.append(Fixture.group(1...1))
    #expect(log.needsTick)
    try log.tick()
    #expect(!log.needsTick)
    let calls = disk.callCount
    try log.tick()
    #expect(disk.callCount == calls)
  }

  @Test func aLogThatEndsInAGroupNeedsATickAfterReopening() throws {
    let (disk, _) = try Fixture.disk([1...2])
    let log = try Fixture.open(disk).log
    #expect(log.needsTick)
    try log.close()
    #expect(try !Fixture.open(disk).log.needsTick)
  }

  /// One that went on would leave a gap, which no later opening accepts.
  @Test func aReleaseThatFailedStopsAllOthers() throws {
    for effect in SimulatedDisk.Effect.allCases {
      for kind in [DiskCall.Kind.rename, .syncDirectory] {
        let disk = SimulatedDisk()
        let log = try Fixture.create(disk, 8 << 10)
        for lsn in 1...60 as ClosedRange<UInt64> {
          try log.append([Fixture.entry(lsn, valueBytes: 150)])
        }
        disk.fail(kind, effect: effect)
        for _ in 0..<3 {
          #expect(throws: LogError.self) { try log.release(below: LSN(60)) }
        }
        try log.append([Fixture.entry(61)])
        let after = disk.restart(keeping: .none)
        #expect(try Fixture.open(after, 8 << 10).log.durableLSN == LSN(61))
      }
    }
  }

  /// A crash right behind a release finds either its segment or a spare, and never a gap.
  @Test func eachReleasedSegmentIsGoneDurablyBeforeTheNext() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...60 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn, valueBytes: 150)])
    }
    disk.startTrace()
    try log.release(below: LSN(60))
    let kinds = disk.trace.map(\.kind)
    #expect(kinds.count > 4 && kinds.count % 2 == 0)
    for index in kinds.indices { #expect((kinds[index] == .syncDirectory) == (index % 2 == 1)) }
  }

  @Test func oneAppendIsOneWriteAndOneSync() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    disk.startTrace()
    try log.append(Fixture.group(1...5))
    #expect(disk.trace.map(\.kind) == [.write, .sync])
  }

  @Test func aGroupBeyondTheLimitIsRefusedAndTheLogGoesOn() throws {
    let log = try Fixture.create(SimulatedDisk())
    #expect(throws: LogError.self) { try log.append(Fixture.group(1...2, valueBytes: 20_000)) }
    try log.append(Fixture.group(1...2))
    #expect(try Fixture.all(log) == Fixture.group(1...2))
  }

  @Test func aForeignOrNewerLogIsRefused() throws {
    let disk = SimulatedDisk()
    _ = try Fixture.create(disk)
    #expect(throws: LogError.self) { _ = try Fixture.create(disk) }
    #expect {
      _ = try FileCommitLog.open(
        disk: disk, folder: "log", databaseID: .zero, options: Fixture.options(),
        time: Fixture.time)
    } throws: { error in
      if case LogError.foreign = error { true } else { false }
    }
  }

  @Test func readersRunBesideTheAppender() async throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for lsn in 1...1500 as ClosedRange<UInt64> {
          try log.append([Fixture.entry(lsn)])
          if lsn % 100 == 0 { try log.release(below: LSN(lsn / 2)) }
        }
      }
      for _ in 0..<2 {
        tasks.addTask {
          while log.durableLSN < LSN(1500) {
            let start = log.oldestLSN
            let durable = log.durableLSN
            var next = start
            do {
              try log.read(from: start) { entry in
                #expect(entry.lsn == next)
                #expect(copy entry == Fixture.entry(next.rawValue))
                next = next.next
              }
              #expect(next > durable)
            } catch LogError.released {}
          }
        }
      }
      try await tasks.waitForAll()
    }
  }

  /// Crash before and after every call of a workload; each crash with a few random subsets of what
  /// was unsynced. Nothing acknowledged is lost, nothing is invented, and the log goes on.
  @Test func aCrashAtEveryCallLosesNothingAcknowledged() throws {
    func run(_ disk: SimulatedDisk) -> (acknowledged: UInt64, submitted: UInt64, made: Bool) {
      var acknowledged: UInt64 = 0
      var submitted: UInt64 = 0
      var made = false
      do {
        let log = try Fixture.create(disk, 8 << 10)
        made = true
        for round in 0..<30 as Range<UInt64> {
          let group = Fixture.group(submitted + 1...submitted + 1 + round % 3)
          submitted += UInt64(group.count)
          try log.append(group)
          acknowledged = submitted
          if round % 5 == 4 { try log.tick() }
          if round % 7 == 6 { try log.prepareNextSegment() }
          if round % 9 == 8 {
            try log.release(below: LSN(acknowledged > 12 ? acknowledged - 12 : 0))
          }
        }
        try log.close()
      } catch {}
      return (acknowledged, submitted, made)
    }
    let whole = SimulatedDisk()
    _ = run(whole)
    var images = 0
    for call in 0..<whole.callCount {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = SimulatedDisk()
        disk.crash(atCall: call, moment)
        let (acknowledged, submitted, made) = run(disk)
        guard made else { continue }
        for subset in 0..<12 as Range<UInt64> {
          let image = disk.restart(
            keeping: subset == 0 ? .none : subset == 1 ? .all : .random(seed: subset &* 7919))
          images += 1
          let log = try Fixture.open(image, 8 << 10).log
          let durable = log.durableLSN.rawValue
          let place = "call \(call) \(moment) subset \(subset)"
          #expect(durable >= acknowledged && durable <= submitted, "\(place)")
          let expected =
            log.oldestLSN.rawValue <= durable
            ? Fixture.group(log.oldestLSN.rawValue...durable) : []
          #expect(try Fixture.all(log) == expected, "\(place)")
          try log.append([Fixture.entry(durable + 1)])
          let again = try Fixture.open(image.restart(keeping: .none), 8 << 10).log
          #expect(again.durableLSN.rawValue == durable + 1, "\(place)")
        }
      }
    }
    #expect(images > 1000)
  }
}
