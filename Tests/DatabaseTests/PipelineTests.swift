// The writer's pipeline: one group is synced while the next executes. What holds for one group at a
// time must hold for two: order, refusals, the end, and whatever fails in between.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct PipelineTests {
  /// A database with its three threads on a simulated disk.
  private static func threaded(
    _ disk: SimulatedDisk, onFatal: @escaping @Sendable (String) -> Void = { _ in }
  ) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: 1, onFatal: onFatal)
    configuration.runsThreads = true
    return configuration
  }

  private static func put(_ id: UInt64, _ text: String = "text")
    -> @Sendable (Transaction) throws
    -> Void
  {
    { transaction in try transaction.put(Note(id: id, owner: "o", text: text)) }
  }

  /// The second transaction does not fit in the frame of the first, and has read what that wrote. When
  /// the first cannot be sealed, because the catalog cannot be read, the second must go with it.
  @Test func whatRestsOnAGroupThatCannotBeSealedIsRefusedWithIt() throws {
    let disk = SimulatedDisk()
    var configuration = Database.simulated(disk, seed: 1) { Issue.record("fatal: \($0)") }
    configuration.cacheBytes = 40 * 8192
    configuration.segmentBytes = 64 << 10
    do {
      let database = try Database.create(configuration)
      for id in 0..<600 as Range<UInt64> {
        _ = try database.writeBlocking(Self.put(id, String(repeating: "x", count: 1500)))
      }
      try database.close()
    }
    // The place of the failure that hits the seal is not known beforehand: all are tried.
    var hits = 0
    for skipping in 0..<12 {
      let copy = disk.clone()
      configuration.disk = copy
      let database = try Database.open(configuration)
      // Out of the cache goes the catalog, which only the opening has read.
      for _ in 0..<3 { _ = try database.contentHash() }
      let outcomes = Shared<[String]>([])
      let long = String(repeating: "y", count: 34_000)
      func note(_ name: String) -> @Sendable (Result<Committed<Void>, any Error>) -> Void {
        { result in
          let isCommitted = if case .success = result { true } else { false }
          outcomes.update { $0.append(name + (isCommitted ? " yes" : " no")) }
        }
      }
      database.write(Self.put(1000, long), completion: note("first"))
      database.write(
        { transaction in
          guard try transaction.get(Note.self, key(UInt64(1000))) != nil else { throw OutOfOrder() }
          try transaction.put(Note(id: 1001, owner: "o", text: long))
        }, completion: note("second"))
      copy.fail(.read, skipping: skipping)
      database.step()
      copy.clearFailures()
      let notes = try database.workloadContent().notes
      #expect(notes[1001] == nil || notes[1000] != nil, "read \(skipping) fails: \(outcomes.value)")
      #expect(outcomes.value.first == (notes[1000] == nil ? "first no" : "first yes"))
      #expect(outcomes.value.last == (notes[1001] == nil ? "second no" : "second yes"))
      if notes[1000] == nil { hits += 1 }
      #expect(try database.check(deep: true).findings == [])
      try database.close()
    }
    #expect(hits > 0, "no failure has hit the first transaction")
  }

  /// A failed checkpoint at the end loses nothing, and must not keep the folder locked or the threads
  /// alive.
  @Test func closingLetsGoAlsoWhenItsCheckpointFails() throws {
    for runsThreads in [false, true] {
      let disk = SimulatedDisk()
      var configuration = Self.threaded(disk)
      configuration.runsThreads = runsThreads
      let database = try Database.create(configuration)
      for id in 0..<20 as Range<UInt64> { _ = try database.writeBlocking(Self.put(id)) }
      disk.startTrace()
      disk.fail(.write, with: .noSpace)
      #expect(throws: DatabaseError.self) { try database.close() }
      let failed = disk.trace.first { $0.kind == .write }
      #expect(failed?.path == "db/records.souk", "the failure has hit the checkpoint")
      #expect(throws: DatabaseError.self) { try database.writeBlocking(Self.put(99)) }
      let again = try Database.open(configuration)
      #expect(try again.workloadContent().notes.count == 20)
      try again.close()
    }
  }

  @Test func answersComeInTheOrderOfTheCommits() throws {
    let disk = SimulatedDisk()
    var configuration = Self.threaded(disk)
    configuration.limits.groupTransactions = 16
    let database = try Database.create(configuration)
    let order = Shared<[LSN]>([])
    let threads = (0..<4).map { thread in
      Worker {
        for number in 0..<400 {
          let id = UInt64(thread * 1000 + number)
          if number % 10 == 9 {
            _ = try? database.writeBlocking(Self.put(id))
          } else {
            database.write(Self.put(id)) { result in
              if case .success(let commit) = result { order.update { $0.append(commit.lsn) } }
            }
          }
        }
      }
    }
    for thread in threads { thread.join() }
    try database.close()
    #expect(order.value.count == 4 * 360)
    #expect(zip(order.value, order.value.dropFirst()).allSatisfy { $0 < $1 })
  }

  /// Everybody gets an answer, and the right one: a write that was answered with yes is there, one that
  /// was refused because of the end is not.
  @Test func closingDuringLoadAnswersEverybodyTruthfully() throws {
    for round in 0..<20 {
      let disk = SimulatedDisk()
      let configuration = Self.threaded(disk) { Issue.record("fatal: \($0)") }
      let database = try Database.create(configuration)
      let (written, refused) = (Shared<Set<UInt64>>([]), Shared<Set<UInt64>>([]))
      let answers = Shared(0)
      let threads = (0..<4).map { thread in
        Worker {
          for number in 0..<600 {
            let id = UInt64(thread * 1000 + number)
            let note: @Sendable (Result<Committed<Void>, any Error>) -> Void = { result in
              answers.update { $0 += 1 }
              switch result {
              case .success: written.update { $0.insert(id) }
              case .failure(DatabaseError.closed): refused.update { $0.insert(id) }
              case .failure(let error): Issue.record("\(error)")
              }
            }
            if (number + thread) % 3 == 0 {
              note(Result { try database.writeBlocking(Self.put(id)) })
            } else {
              database.write(Self.put(id), completion: note)
            }
          }
        }
      }
      while answers.value < 40 * round { pauseBriefly() }
      try database.close()
      for thread in threads { thread.join() }
      #expect(answers.value == 2400)
      let again = try Database.open(configuration)
      let notes = try again.workloadContent().notes
      #expect(Set(notes.keys) == written.value, "round \(round)")
      #expect(refused.value.isDisjoint(with: written.value))
      try again.close()
    }
  }

  @Test func careDuringLoadHindersNobodyAndIsHinderedByNobody() throws {
    let disk = SimulatedDisk()
    var configuration = Self.threaded(disk) { Issue.record("fatal: \($0)") }
    configuration.limits.groupTransactions = 32
    let database = try Database.create(configuration)
    let isDone = Shared(false)
    let writers = (0..<3).map { thread in
      Worker {
        for number in 0..<500 {
          let id = UInt64(thread * 1000 + number % 50)
          do { _ = try database.writeBlocking(Self.put(id, "\(number)")) } catch {
            Issue.record("\(error)")
          }
        }
      }
    }
    let carers = (0..<2).map { _ in
      Worker {
        while !isDone.value {
          do {
            try database.checkpoint()
            let findings = try database.check(deep: false).findings
            if !findings.isEmpty { Issue.record("\(findings)") }
          } catch {
            Issue.record("\(error)")
          }
        }
      }
    }
    for thread in writers { thread.join() }
    isDone.update { $0 = true }
    for thread in carers { thread.join() }
    #expect(try database.workloadContent().notes.count == 150)
    #expect(database.visibleLSN == LSN(1500))
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }

  /// A call fails somewhere under four writing threads, while a group is in flight or not. Whatever was
  /// answered with yes is there after the restart, whatever the machine kept of the rest.
  @Test func aFailureUnderLoadLosesNothingThatWasAnswered() throws {
    let seed = testSeed(33)
    var random = SplitMix64(seed: seed)
    var stops = 0
    for round in 0..<scaled(ci: 120, nightly: 20_000) {
      let disk = SimulatedDisk()
      let fatal = Shared<[String]>([])
      var configuration = Self.threaded(disk) { line in fatal.update { $0.append(line) } }
      configuration.limits.groupTransactions = 8
      configuration.limits.checkpointLogBytes = 24 << 10
      let database = try Database.create(configuration)
      let kind: DiskCall.Kind? = [.sync, .write, nil][Int.random(in: 0..<3, using: &random)]
      let effect: SimulatedDisk.Effect = [.none, .half, .whole][
        Int.random(in: 0..<3, using: &random)]
      disk.fail(
        kind, skipping: Int.random(in: 0..<150, using: &random),
        with: Bool.random(using: &random) ? .inputOutput(5) : .noSpace, effect: effect)
      let written = Shared<[UInt64: String]>([:])
      let threads = (0..<4).map { thread in
        Worker {
          for number in 0..<80 {
            let (id, text) = (UInt64(thread * 1000 + number % 40), "\(number)")
            // One thread a note, and only the last of its writes is outstanding.
            guard (try? database.writeBlocking(Self.put(id, text))) != nil else {
              written.update { $0[id] = nil }
              continue
            }
            written.update { $0[id] = text }
          }
        }
      }
      for thread in threads { thread.join() }
      try? database.close()
      #expect(fatal.value.count <= 1, "\(fatal.value)")
      stops += fatal.value.count
      let image = disk.restart(keeping: .random(seed: random.next()))
      let again = try Database.open(Database.simulated(image, seed: 1))
      let notes = try again.workloadContent().notes
      for (id, text) in written.value where notes[id]?.text != text {
        Issue.record(
          "seed \(seed), round \(round), note \(id): \(notes[id]?.text ?? "none"), not \(text)")
      }
      #expect(try again.check(deep: true).findings == [])
      try again.close()
    }
    #expect(stops > 10, "the failures must hit something")
  }
}
