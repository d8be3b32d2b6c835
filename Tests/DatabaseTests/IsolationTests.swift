// Isolation: 200 sessions read and write two registers at a time. Every transaction says which version
// it read and which it made; from these lists alone follows who must have come before whom.
//
// Two oracles that know nothing of each other
//  serial  the commits in the order of their LSNs, executed one after the other on a dictionary: every
//          read, in a transaction or in a snapshot, must be what the dictionary holds at its LSN
//  cycles  no LSN is looked at: who wrote a version comes before who read it and before who replaced
//          it, who read it before who replaced it, and a session's transactions in their order. The
//          history is serialisable when that graph has no cycle (Adya 1999; Jepsen's Elle).

import Bytes
import CommitLog
import Database
import Disk
import Foundation
import RecordStore
import Synchronization
import Testing

/// A register: which version it is, and the transaction that made it.
struct Register: Record, Equatable {
  var id: UInt64 = 0
  var version: UInt64 = 0
  var writer: UInt64 = 0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "version", &version)
    try visitor.field(3, "writer", &writer)
  }

  static let table = Table<Register>(number: 3, name: "registers")
  var primaryKey: [UInt8] { key(id) }
}

/// One transaction, or one look at a snapshot, as its session saw it.
struct Observation: Sendable {
  /// Unique and above 0.
  var id: UInt64
  var lsn: LSN
  /// The highest LSN that anybody had been answered when this began.
  var answeredBefore: LSN
  var reads: [Register]
  var isWrite: Bool
  /// Numbers of the moments at which it was asked for and answered, in the order of all sessions.
  var began = 0
  var ended = 0
}

@Suite struct IsolationTests {
  static let sessions = 200
  static let operations = scaled(ci: 1000, nightly: 50_000)
  static let registers: UInt64 = 60

  @Test func twoHundredSessionsMakeOneSerialHistory() throws {
    let seed = testSeed(1400)
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(),
      tables: workloadTables + [TableDescriptor(erasing: Register.table)],
      onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 4 << 20
    configuration.limits.checkpointLogBytes = 4 << 20
    let database = try Database.create(configuration)
    let histories = Shared([[Observation]](repeating: [], count: Self.sessions))
    let problems = Shared<[String]>([])
    let clock = AnsweredClock()
    let workers = (0..<Self.sessions).map { number in
      Worker {
        do {
          let history = try Self.session(number, on: database, clock, seed: seed)
          histories.update { $0[number] = history }
        } catch {
          problems.update { $0.append("session \(number): \(error)") }
        }
      }
    }
    for worker in workers { worker.join() }
    #expect(problems.value.isEmpty, "seed \(seed): \(problems.value.prefix(4))")
    let ended = histories.value
    let count = ended.reduce(0) { $0 + $1.count }
    #expect(count == Self.sessions * Self.operations)
    if let path = HistoryFile.path { try HistoryFile.write(ended, to: path) }
    let (violations, final) = Self.serialViolations(ended)
    #expect(violations.isEmpty, "seed \(seed): \(violations.count): \(violations.prefix(5))")
    let cyclic = Self.cycleViolations(ended)
    #expect(cyclic.isEmpty, "seed \(seed): \(cyclic.prefix(5))")
    try Self.expect(database, holds: final)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
    let again = try Database.open(configuration)
    try Self.expect(again, holds: final)
    try again.close()
  }

  /// The highest LSN that was answered to anybody, and the numbers of moments.
  private final class AnsweredClock: Sendable {
    private let highest = Mutex(LSN.zero)
    private let tickets = Atomic(0)
    func ticket() -> Int { tickets.add(1, ordering: .sequentiallyConsistent).oldValue }
    var now: LSN { highest.withLock { $0 } }
    func advance(to lsn: LSN) { highest.withLock { $0 = max($0, lsn) } }
  }

  private static func session(
    _ number: Int, on database: Database, _ clock: AnsweredClock, seed: UInt64
  ) throws -> [Observation] {
    var random = SplitMix64(seed: seed &* 1009 &+ UInt64(number))
    var history: [Observation] = []
    for operation in 0..<operations {
      let id = UInt64(number * operations + operation + 1)
      // Half of them fight for a few registers.
      let most = Bool.random(using: &random) ? 4 : registers
      let first = UInt64.random(in: 0..<most, using: &random)
      let second = (first + 1 + UInt64.random(in: 0..<most - 1, using: &random)) % most
      let before = clock.now
      let began = clock.ticket()
      if Bool.random(using: &random) {
        let committed = try database.writeBlocking { transaction in
          try [first, second].map { register in
            let found = try transaction.get(Register.self, key(register)) ?? Register(id: register)
            try transaction.put(
              Register(id: register, version: found.version + 1, writer: id))
            return found
          }
        }
        clock.advance(to: committed.lsn)
        history.append(
          Observation(
            id: id, lsn: committed.lsn, answeredBefore: before, reads: committed.value,
            isWrite: true, began: began, ended: clock.ticket()))
      } else {
        let snapshot = database.snapshot()
        let reads = try [first, second, (first + 7) % registers].map { register in
          try snapshot.records.get(Register.self, key(register)) ?? Register(id: register)
        }
        history.append(
          Observation(
            id: id, lsn: snapshot.lsn, answeredBefore: before, reads: reads, isWrite: false,
            began: began, ended: clock.ticket()))
      }
    }
    return history
  }

  private static func expect(_ database: Database, holds final: [UInt64: Register]) throws {
    var found: [UInt64: Register] = [:]
    try database.snapshot().records.forEach(Register.self) { register in
      found[register.id] = register
      return .next
    }
    #expect(found == final)
  }

  // MARK: The oracles

  static func serialViolations(
    _ histories: [[Observation]]
  ) -> (violations: [String], final: [UInt64: Register]) {
    var violations: [String] = []
    for (number, history) in histories.enumerated() {
      var last = LSN.zero
      for seen in history {
        if seen.lsn < last || (seen.isWrite && seen.lsn == last) {
          violations.append("session \(number): LSN \(seen.lsn) after \(last)")
        }
        if seen.lsn < seen.answeredBefore {
          violations.append("session \(number): \(seen.lsn) hides \(seen.answeredBefore)")
        }
        last = seen.lsn
      }
    }
    let all = histories.flatMap(\.self)
    let writes = all.filter(\.isWrite).sorted { $0.lsn < $1.lsn }
    let looks = all.filter { !$0.isWrite }.sorted { $0.lsn < $1.lsn }
    var model: [UInt64: Register] = [:]
    var nextLook = looks.startIndex
    func look(below lsn: LSN?) {
      while nextLook < looks.endIndex, lsn.map({ looks[nextLook].lsn < $0 }) ?? true {
        let seen = looks[nextLook]
        for read in seen.reads where read != model[read.id] ?? Register(id: read.id) {
          violations.append(
            "snapshot at \(seen.lsn): \(read), not \(String(describing: model[read.id]))")
        }
        nextLook += 1
      }
    }
    for (index, write) in writes.enumerated() {
      if write.lsn != LSN(UInt64(index + 1)) { violations.append("no commit \(index + 1)") }
      look(below: write.lsn)
      for read in write.reads {
        if read != model[read.id] ?? Register(id: read.id) {
          violations.append(
            "commit \(write.lsn): \(read), not \(String(describing: model[read.id]))")
        }
        model[read.id] = Register(id: read.id, version: read.version + 1, writer: write.id)
      }
    }
    look(below: nil)
    return (violations, model)
  }

  private struct Version: Hashable {
    var register: UInt64
    var version: UInt64
  }

  static func cycleViolations(_ histories: [[Observation]]) -> [String] {
    let all = histories.flatMap(\.self)
    var violations: [String] = []
    var writers: [Version: Int] = [:]
    for (node, seen) in all.enumerated() where seen.isWrite {
      for read in seen.reads {
        let made = Version(register: read.id, version: read.version + 1)
        if let other = writers.updateValue(node, forKey: made) {
          violations.append("\(made) was made by \(all[other].id) and by \(seen.id)")
        }
      }
    }
    var followers = [[Int32]](repeating: [], count: all.count)
    var waits = [Int32](repeating: 0, count: all.count)
    func order(_ first: Int, _ second: Int) {
      guard first != second else { return }
      followers[first].append(Int32(second))
      waits[second] += 1
    }
    for (node, seen) in all.enumerated() {
      for read in seen.reads {
        if read.version > 0 {
          let made = Version(register: read.id, version: read.version)
          guard let writer = writers[made], all[writer].id == read.writer else {
            violations.append("\(seen.id) read \(read), which nobody wrote")
            continue
          }
          order(writer, node)
        }
        let next = Version(register: read.id, version: read.version + 1)
        if let replacer = writers[next] { order(node, replacer) }
      }
    }
    var start = 0
    for history in histories where !history.isEmpty {
      for node in start..<start + history.count - 1 { order(node, node + 1) }
      start += history.count
    }
    var ready = all.indices.filter { waits[$0] == 0 }
    var done = 0
    while let node = ready.popLast() {
      done += 1
      for follower in followers[node] {
        waits[Int(follower)] -= 1
        if waits[Int(follower)] == 0 { ready.append(Int(follower)) }
      }
    }
    if done < all.count { violations.append("\(all.count - done) transactions are in cycles") }
    return violations
  }

  /// What is written out for other checkers is what was seen, in the order of the moments.
  @Test func aHistoryIsWrittenForOtherCheckers() throws {
    let write = Observation(
      id: 41, lsn: LSN(1), answeredBefore: .zero, reads: [Register(id: 7)], isWrite: true, began: 0,
      ended: 2)
    let look = Observation(
      id: 42, lsn: LSN(1), answeredBefore: .zero, reads: [Register(id: 7, version: 1, writer: 41)],
      isWrite: false, began: 1, ended: 3)
    let text = HistoryFile.json([[write], [look]])
    let events = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    #expect(events.map { $0["type"] as? String } == ["invoke", "invoke", "ok", "ok"])
    #expect(events.map { $0["process"] as? Int } == [0, 1, 0, 1])
    #expect(
      text.hasPrefix(
        #"[{"index": 0, "type": "invoke", "f": "txn", "process": 0, "value": [["r", 7, null], ["w", 7, 41]]}"#
      ))
    #expect(text.hasSuffix(#""process": 1, "value": [["r", 7, 41]]}]"# + "\n"))
  }

  /// The oracles see what they are for: lost updates, torn and stale reads, and write skew.
  @Test func theOraclesSeeEachAnomaly() {
    func register(_ id: UInt64, _ version: UInt64, _ writer: UInt64) -> Register {
      Register(id: id, version: version, writer: writer)
    }
    func seen(
      _ id: UInt64, _ lsn: UInt64, _ reads: [Register], isWrite: Bool = true, after: UInt64 = 0
    ) -> Observation {
      Observation(
        id: id, lsn: LSN(lsn), answeredBefore: LSN(after), reads: reads, isWrite: isWrite)
    }
    let fine = [[seen(1, 1, [register(0, 0, 0), register(1, 0, 0)])]]
    #expect(Self.serialViolations(fine).violations.isEmpty && Self.cycleViolations(fine).isEmpty)
    let lostUpdate = fine + [[seen(2, 2, [register(0, 0, 0)])]]
    #expect(!Self.serialViolations(lostUpdate).violations.isEmpty)
    #expect(!Self.cycleViolations(lostUpdate).isEmpty)
    let tornRead =
      fine + [[seen(2, 1, [register(0, 1, 1), register(1, 0, 0)], isWrite: false)]]
    #expect(!Self.serialViolations(tornRead).violations.isEmpty)
    #expect(!Self.cycleViolations(tornRead).isEmpty)
    let stale = fine + [[seen(2, 0, [register(0, 0, 0)], isWrite: false, after: 1)]]
    #expect(!Self.serialViolations(stale).violations.isEmpty)
    // Each read before the other's write: serial order or not, a cycle.
    let skew = [
      [seen(1, 1, [register(0, 0, 0)]), seen(2, 1, [register(1, 0, 0)], isWrite: false)],
      [seen(3, 2, [register(1, 0, 0)]), seen(4, 2, [register(0, 0, 0)], isWrite: false)],
    ]
    #expect(!Self.serialViolations(skew).violations.isEmpty)
    #expect(!Self.cycleViolations(skew).isEmpty)
  }
}
