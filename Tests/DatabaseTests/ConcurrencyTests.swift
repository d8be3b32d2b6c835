// Concurrency: many real threads on a real disk. Every commit counts itself in one row, so that a
// state of the database says by itself which commits it holds.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct ConcurrencyTests {
  static let threads = 32
  static let operations = 640

  /// What one thread did; its notes are its own.
  private struct Ledger: Sendable {
    var notes: [UInt64: Note] = [:]
    var lsns: [LSN] = []
    var problems: [String] = []
  }

  @Test func sessionsOnManyThreadsSeeOneSerialHistory() throws {
    let seed = testSeed(14)
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: workloadTables,
      views: [CountingView()], onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    configuration.limits.checkpointLogBytes = 1 << 20
    let database = try Database.create(configuration)
    let ledgers = Shared([Ledger](repeating: Ledger(), count: Self.threads))
    let workers = (0..<Self.threads).map { thread in
      Worker {
        let ledger = Self.session(thread, on: database, seed: seed)
        ledgers.update { $0[thread] = ledger }
      }
    }
    for worker in workers { worker.join() }

    let ended = ledgers.value
    let problems = ended.flatMap(\.problems)
    #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(5))")
    let lsns = ended.flatMap(\.lsns).sorted()
    #expect(lsns == (1...UInt64(lsns.count)).map { LSN($0) }, "LSNs are dense")
    #expect(lsns.count > Self.threads * Self.operations / 4)
    let expected = ended.reduce(into: [UInt64: Note]()) { $0.merge($1.notes) { first, _ in first } }
    #expect(try database.check(deep: true).findings == [])
    try database.close()

    configuration.views = [CountingView()]
    let again = try Database.open(configuration)
    let content = try again.workloadContent()
    #expect(content.notes == expected && content.count == lsns.count)
    #expect(try again.check(deep: true).findings == [])
    try again.close()
  }

  private static func session(_ thread: Int, on database: Database, seed: UInt64) -> Ledger {
    var random = SplitMix64(seed: seed &* 1000 &+ UInt64(thread))
    var ledger = Ledger()
    var last = LSN.zero
    for number in 0..<operations {
      do {
        if Bool.random(using: &random) {
          last = try write(thread, number, database, after: last, &ledger, &random)
        } else {
          let isFull = number % 32 == 1
          last = try read(thread, database, after: last, isFull: isFull, &ledger)
        }
      } catch {
        ledger.problems.append("thread \(thread), operation \(number): \(error)")
        return ledger
      }
    }
    return ledger
  }

  private static func write(
    _ thread: Int, _ number: Int, _ database: Database, after last: LSN, _ ledger: inout Ledger,
    _ random: inout SplitMix64
  ) throws -> LSN {
    let id = UInt64(thread * 100) + UInt64.random(in: 0..<40, using: &random)
    let note = Note(id: id, owner: "owner-\(thread)", text: "\(thread) \(number)")
    let isDeletion = Int.random(in: 0..<4, using: &random) == 0
    let committed = try database.writeBlocking { transaction in
      if isDeletion {
        _ = try transaction.delete(Note.self, note.primaryKey)
      } else {
        try transaction.put(note)
      }
      let count = try transaction.get(Progress.self, key("progress"))?.count ?? 0
      try transaction.put(Progress(count: count + 1))
      return count + 1
    }
    if UInt64(committed.value) != committed.lsn.rawValue {
      ledger.problems.append("commit \(committed.lsn) counted \(committed.value)")
    }
    if committed.lsn <= last { ledger.problems.append("LSN \(committed.lsn) after \(last)") }
    ledger.lsns.append(committed.lsn)
    ledger.notes[id] = isDeletion ? nil : note
    return committed.lsn
  }

  private static func read(
    _ thread: Int, _ database: Database, after last: LSN, isFull: Bool, _ ledger: inout Ledger
  ) throws -> LSN {
    let snapshot = database.snapshot()
    func expect(_ holds: Bool, _ what: String) {
      if !holds { ledger.problems.append("thread \(thread) at \(snapshot.lsn): \(what)") }
    }
    let view = snapshot.view(CountingView.State.self)
    expect(snapshot.lsn >= last, "seen \(last) before")
    expect(snapshot.records.lsn == snapshot.lsn && view?.lsn == snapshot.lsn, "two LSNs")
    let count = try snapshot.records.get(Progress.self, key("progress"))?.count ?? 0
    expect(UInt64(count) == snapshot.lsn.rawValue, "holds \(count) commits")
    expect(
      view?.rows == Int(snapshot.records.entryCount(tree: Note.table.descriptor.tree)),
      "the view counts otherwise")
    for id in UInt64(thread * 100)..<UInt64(thread * 100 + 40) {
      let found = try snapshot.records.get(Note.self, key(id))
      expect(found == ledger.notes[id], "note \(id) is not as written")
    }
    guard isFull else { return snapshot.lsn }
    var rows = 0
    try snapshot.records.forEach(Note.self) { _ in
      rows += 1
      return .next
    }
    expect(view?.rows == rows, "the view counts \(view?.rows ?? -1) rows, there are \(rows)")
    return snapshot.lsn
  }
}
