// Writes: what a transaction leaves, what a refusal leaves, and who is told what, in simulation.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

private struct Refusal: Error {}

@Suite struct WriteTests {
  let disk = SimulatedDisk()

  private func note(_ id: UInt64, _ text: String = "text") -> Note {
    Note(id: id, owner: "owner", tag: "tag-\(id)", text: text)
  }

  private func create(_ change: (inout Database.Configuration) -> Void = { _ in }) throws
    -> Database
  {
    var configuration = Database.simulated(disk, seed: 1) { Issue.record("fatal: \($0)") }
    change(&configuration)
    return try Database.create(configuration)
  }

  private func insert(
    _ note: Note, into database: Database,
    answer: @escaping @Sendable (Result<Committed<Void>, any Error>) -> Void
  ) {
    database.write({ try $0.insert(note) }, completion: answer)
  }

  @Test func aTransactionThatThrowsLeavesNoTrace() throws {
    let database = try create()
    _ = try database.writeBlocking { try $0.put(note(1)) }
    let before = try database.contentHash()
    let files = disk.files.map { disk.contents($0) }
    #expect(throws: Refusal.self) {
      try database.writeBlocking { transaction in
        try transaction.put(note(1, "other"))
        try transaction.put(note(2))
        _ = try transaction.delete(Note.self, key(UInt64(1)))
        throw Refusal()
      }
    }
    #expect(try database.contentHash() == before)
    #expect(disk.files.map { disk.contents($0) } == files)
    #expect(try database.check(deep: true).findings == [])
  }

  @Test func aTransactionThatOnlyReadsMakesNoCommit() throws {
    let database = try create()
    let written = try database.writeBlocking { try $0.put(note(1)) }
    disk.startTrace()
    let read = try database.writeBlocking { try $0.get(Note.self, key(UInt64(1))) }
    #expect(read.value == note(1))
    #expect(read.lsn == written.lsn && database.visibleLSN == written.lsn)
    #expect(!disk.trace.contains { $0.kind.changes })
  }

  /// A refusal may rest on a write of its group that is not durable yet.
  @Test func aRefusalIsAnsweredWithItsGroup() throws {
    let database = try create()
    let answers = Shared<[String]>([])
    insert(note(1), into: database) { result in
      if case .success = result { answers.update { $0.append("yes") } }
    }
    insert(note(1), into: database) { result in
      guard case .failure(StoreError.uniqueViolation) = result else { return }
      answers.update { $0.append("no") }
    }
    #expect(answers.value == [])
    database.step()
    #expect(answers.value == ["yes", "no"])
  }

  @Test func aRefusalWhoseGroupIsLostIsNotAnsweredWithNo() throws {
    let fatal = Shared(0)
    var configuration = Database.simulated(disk, seed: 1) { _ in fatal.update { $0 += 1 } }
    configuration.limits.groupTransactions = 4
    let database = try Database.create(configuration)
    let answers = Shared<[String]>([])
    _ = try database.writeBlocking { try $0.put(Progress()) }
    disk.fail(.sync)
    for _ in 0..<6 {
      insert(note(1), into: database) { result in
        switch result {
        case .success: answers.update { $0.append("yes") }
        case .failure(DatabaseError.outcomeUnknown): answers.update { $0.append("unknown") }
        case .failure: answers.update { $0.append("no") }
        }
      }
    }
    while database.step() {}
    #expect(answers.value == Array(repeating: "unknown", count: 6))
    #expect(fatal.value == 1)
    #expect(throws: DatabaseError.self) { try database.writeBlocking { try $0.put(note(2)) } }
    #expect(database.snapshot().lsn == LSN(1))
  }

  @Test func nobodySeesACommitThatTheLogDoesNotHold() throws {
    let fatal = Shared(0)
    let database = try Database.create(
      Database.simulated(disk, seed: 1) { _ in fatal.update { $0 += 1 } })
    let shown = try database.writeBlocking { try $0.put(note(1)) }.lsn
    disk.startTrace()
    disk.fail(.write)
    #expect(throws: DatabaseError.self) { try database.writeBlocking { try $0.put(note(2)) } }
    #expect(disk.trace.last { $0.kind == .write }?.path.hasPrefix("db/log/") == true)
    #expect(fatal.value == 1)
    let snapshot = database.snapshot()
    #expect(snapshot.lsn == shown && database.visibleLSN == shown)
    #expect(try snapshot.records.get(Note.self, key(UInt64(2))) == nil)
    #expect(snapshot.view(CountingView.State.self)?.rows == 1)
  }

  @Test func tooManyWaitingWritesAreRefusedAndNothingElse() throws {
    let database = try create { $0.limits.queuedWrites = 3 }
    let answers = Shared<[Bool]>([])
    for id in 1...5 as ClosedRange<UInt64> {
      insert(note(id), into: database) { result in
        switch result {
        case .success: answers.update { $0.append(true) }
        case .failure(DatabaseError.overloaded): answers.update { $0.append(false) }
        case .failure(let error): Issue.record("\(error)")
        }
      }
    }
    #expect(answers.value == [false, false])
    database.step()
    #expect(answers.value == [false, false, true, true, true])
    #expect(try database.workloadContent().notes.keys.sorted() == [1, 2, 3])
  }

  @Test func closingRunsWhatIsQueuedAndRefusesWhatComesLater() throws {
    let database = try create()
    let answers = Shared(0)
    insert(note(1), into: database) { result in
      if case .success = result { answers.update { $0 += 1 } }
    }
    try database.close()
    #expect(answers.value == 1)
    do {
      _ = try database.writeBlocking { try $0.put(note(2)) }
      Issue.record("written after the end")
    } catch DatabaseError.closed {}
    let again = try Database.open(Database.simulated(disk.restart(keeping: .none), seed: 1))
    #expect(again.opening.replayedCommits == 0)
    #expect(try again.workloadContent().notes == [1: note(1)])
  }

  @Test func aGroupNeverOutgrowsAFrameOfTheLog() throws {
    let database = try create()
    let yes = Shared(0)
    let text = String(repeating: "x", count: 40_000)
    for id in 1...12 as ClosedRange<UInt64> {
      insert(note(id, text), into: database) { result in
        if case .success = result { yes.update { $0 += 1 } }
      }
    }
    database.step()
    #expect(yes.value == 12)
    do {
      _ = try database.writeBlocking { transaction in
        for id in 1...4 as ClosedRange<UInt64> { try transaction.put(note(id, "y" + text)) }
      }
      Issue.record("a transaction of 320 KB in a log of 128 KB")
    } catch StoreError.transactionTooLarge(let bytes, let limit) {
      #expect(bytes > limit)
    }
    _ = try database.writeBlocking { try $0.put(note(20)) }
    let again = try Database.open(Database.simulated(disk.restart(keeping: .none), seed: 1))
    #expect(try again.workloadContent().notes.count == 13)
    #expect(try again.check(deep: true).findings == [])
  }

  @Test func somebodyWhoWaitsForACommitIsToldWhenItShows() throws {
    let database = try create()
    let told = Shared<[LSN]>([])
    func wait(_ lsn: UInt64) {
      database.whenVisible(LSN(lsn)) {
        #expect(database.snapshot().lsn >= LSN(lsn))
        told.update { $0.append(LSN(lsn)) }
      }
    }
    wait(0)
    #expect(told.value == [LSN(0)])
    wait(2)
    wait(1)
    _ = try database.writeBlocking { try $0.put(note(1)) }
    #expect(told.value == [LSN(0), LSN(1)])
    _ = try database.writeBlocking { try $0.put(note(2)) }
    wait(2)
    #expect(told.value == [LSN(0), LSN(1), LSN(2), LSN(2)])
  }

  @Test func timeNeverFallsInTheLog() throws {
    let clock = Shared<Int64>(1000)
    let database = try create { configuration in
      configuration.now = {
        clock.update { $0 -= 10 }
        return Timestamp(microseconds: clock.value)
      }
    }
    var last = Timestamp.zero
    for id in 1...5 as ClosedRange<UInt64> {
      let committed = try database.writeBlocking { try $0.put(note(id)) }
      #expect(committed.time >= last && committed.lsn == LSN(id))
      last = committed.time
    }
  }
}
