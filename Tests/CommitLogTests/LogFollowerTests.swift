// Followers see every durable entry once and in order, however the log rotates and is recycled, or
// are told that they came too late; retention keeps what they need, up to the budget.

import Bytes
import CommitLog
import Disk
import Synchronization
import Testing

/// What a closure was told, from any thread.
private final class Answers: Sendable {
  let list = Mutex<[Bool]>([])
  var all: [Bool] { list.withLock { $0 } }
  func add(_ answer: Bool) { list.withLock { $0.append(answer) } }
}

@Suite struct LogFollowerTests {
  func take(_ follower: inout LogFollower, atMost limit: Int = .max) throws -> [LogEntry] {
    var entries: [LogEntry] = []
    let count = try follower.take(atMost: limit) { entries.append(copy $0) }
    #expect(count == entries.count)
    return entries
  }

  @Test func aFollowerTakesEachEntryOnceInBatches() throws {
    let (_, log) = try Fixture.disk([1...3, 4...9], 8 << 10)
    var follower = LogFollower(log, after: LSN(2))
    #expect(try take(&follower, atMost: 3) == Fixture.group(3...5))
    #expect(follower.position == LSN(5))
    #expect(try take(&follower) == Fixture.group(6...9))
    #expect(try take(&follower).isEmpty && follower.position == LSN(9))
    try log.append(Fixture.group(10...11))
    #expect(try take(&follower) == Fixture.group(10...11))
    var ahead = LogFollower(log, after: LSN(.max))
    #expect(try take(&ahead).isEmpty)
  }

  @Test func anEntryThatWasNotTakenComesAgain() throws {
    struct Refused: Error {}
    let (_, log) = try Fixture.disk([1...5])
    var follower = LogFollower(log, after: .zero)
    #expect(throws: Refused.self) {
      try follower.take { entry in if entry.lsn == LSN(3) { throw Refused() } }
    }
    #expect(follower.position == LSN(2))
    #expect(try take(&follower) == Fixture.group(3...5))
  }

  @Test func waitingEndsWithTheEntryOrWithTheLog() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    let (one, three, never) = (Answers(), Answers(), Answers())
    LogFollower(log, after: .zero).whenMore { one.add($0) }
    log.whenDurable(LSN(3)) { three.add($0) }
    log.whenDurable(LSN(9)) { never.add($0) }
    #expect(one.all.isEmpty)
    try log.append(Fixture.group(1...2))
    #expect(one.all == [true] && three.all.isEmpty)
    try log.append(Fixture.group(3...3))
    #expect(three.all == [true])
    log.whenDurable(LSN(2)) { one.add($0) }
    #expect(one.all == [true, true])
    disk.fail(.sync)
    #expect(throws: LogError.self) { try log.append(Fixture.group(4...4)) }
    #expect(never.all == [false])
    log.whenDurable(LSN(4)) { never.add($0) }
    #expect(never.all == [false, false])
    let closed = try Fixture.create(SimulatedDisk())
    closed.whenDurable(LSN(1)) { never.add($0) }
    try closed.close()
    #expect(never.all == [false, false, false] && one.all.count == 2 && three.all.count == 1)
  }

  /// A frame that is written and not synced is not shown; nor is it when its sync fails.
  @Test func onlyDurableEntriesAreSeen() throws {
    let (disk, log) = try Fixture.disk([1...2])
    var follower = LogFollower(log, after: .zero)
    #expect(try take(&follower).count == 2)
    disk.fail(.sync, effect: .whole)
    #expect(throws: LogError.self) { try log.append(Fixture.group(3...3)) }
    #expect(try take(&follower).isEmpty && log.durableLSN == LSN(2))
  }

  @Test func aFollowerThatIsTooLateIsTold() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    var follower = LogFollower(log, after: .zero)
    for lsn in 1...60 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn, valueBytes: 150)])
    }
    try log.release(below: LSN(40))
    #expect(throws: LogError.released(LSN(1))) { try follower.take { _ in } }
    // Also when it goes while it is being read.
    var other = LogFollower(log, after: LSN(log.oldestLSN.rawValue - 1))
    var next = log.oldestLSN.rawValue
    #expect {
      try other.take { entry in
        #expect(copy entry == Fixture.entry(entry.lsn.rawValue, valueBytes: 150))
        next += 1
        guard next < 200 else { return }
        for lsn in log.durableLSN.rawValue + 1...log.durableLSN.rawValue + 30 {
          try log.append([Fixture.entry(lsn, valueBytes: 150)])
        }
        try log.release(below: log.durableLSN)
      }
    } throws: { error in
      if case LogError.released = error { true } else { false }
    }
  }

  @Test func manyFollowersKeepUpWithAWriterThatRotatesAndReleases() async throws {
    let last: UInt64 = 3000
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    let retention = LogRetention(log)
    let names = (0..<4).map { "follower \($0)" }
    for name in names { retention.register(name, at: .zero) }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for (index, name) in names.enumerated() {
        tasks.addTask {
          var follower = LogFollower(log, after: .zero)
          while follower.position < LSN(last) {
            guard await follower.waitForMore() else { break }
            var next = follower.position.rawValue + 1
            try follower.take(atMost: 7 + 50 * index) { entry in
              if copy entry != Fixture.entry(next) { Issue.record("\(name) at \(next)") }
              next += 1
            }
            #expect(retention.advance(name, to: follower.position))
          }
          #expect(follower.position == LSN(last))
        }
      }
      tasks.addTask {
        for lsn in 1...last {
          try log.append([Fixture.entry(lsn)])
          guard lsn % 40 == 0 else { continue }
          #expect(try retention.release(checkpoint: LSN(lsn)).isEmpty)
          await Task.yield()
        }
      }
      try await tasks.waitForAll()
    }
    try retention.release(checkpoint: LSN(last))
    #expect(log.oldestLSN > LSN(last - 200))
    #expect(retention.report().allSatisfy { $0.lag == 0 && $0.retainedBytes == 0 })
  }

  // MARK: Retention

  func grow(_ log: FileCommitLog, to last: UInt64) throws {
    while log.durableLSN.rawValue < last {
      try log.append([Fixture.entry(log.durableLSN.rawValue + 1, valueBytes: 150)])
    }
  }

  @Test func theSlowestConsumerKeepsTheLogUpToTheBudget() throws {
    let log = try Fixture.create(SimulatedDisk(), 8 << 10)
    let retention = LogRetention(log, budgetBytes: 32 << 10)
    #expect(retention.register("slow", at: .zero) && retention.register("quick", at: .zero))
    try grow(log, to: 50)
    #expect(retention.advance("quick", to: LSN(50)))
    #expect(try retention.release(checkpoint: LSN(45)) == [])
    #expect(log.oldestLSN == LSN(1))
    #expect(retention.advance("slow", to: LSN(25)))
    #expect(try retention.release(checkpoint: LSN(45)) == [])
    #expect(log.oldestLSN > LSN(1) && log.oldestLSN <= LSN(26))
    let slow = try #require(retention.report().last)
    #expect(slow.name == "slow" && slow.lag == 25 && slow.retainedBytes > 0 && !slow.mustRebuild)
    try grow(log, to: 250)
    #expect(retention.report().last?.retainedBytes ?? 0 > 32 << 10)
    // Not while the checkpoint needs as much.
    #expect(try retention.release(checkpoint: LSN(25)) == [])
    #expect(retention.advance("quick", to: LSN(250)))
    #expect(try retention.release(checkpoint: LSN(240)) == ["slow"])
    #expect(log.oldestLSN > LSN(200) && log.oldestLSN <= LSN(241))
    #expect(
      !retention.advance("slow", to: LSN(250)) && retention.report().last?.mustRebuild == true)
    #expect(retention.report().last?.retainedBytes == 0)
    #expect(try retention.release(checkpoint: LSN(240)) == [])
    #expect(retention.register("slow", at: LSN(245)) && retention.advance("slow", to: LSN(250)))
  }

  @Test func whatIsGoneOrNeverWasMustBeRebuilt() throws {
    let log = try Fixture.create(SimulatedDisk(), 8 << 10)
    let retention = LogRetention(log)
    try grow(log, to: 100)
    try retention.release(checkpoint: LSN(80))
    #expect(!retention.register("late", at: LSN(3)))
    // Its entries may still be there, and may be recycled at any moment.
    #expect(!retention.register("released", at: LSN(79)))
    #expect(retention.register("on time", at: LSN(80)))
    #expect(!retention.register("of another log", at: LSN(101)))
    #expect(!retention.register("nonsense", at: LSN(.max)))
    #expect(!retention.advance("unknown", to: LSN(100)))
    #expect(retention.report().filter { !$0.mustRebuild }.map(\.name) == ["on time"])
    retention.remove("on time")
    try retention.release(checkpoint: LSN(100))
    #expect(log.oldestLSN > LSN(80) && retention.report().count == 4)
  }
}
