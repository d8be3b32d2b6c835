// Workload: a deterministic sequence of transactions on notes, and the model of what each leaves.
// The model is a dictionary per commit: a recovered database must equal one of them.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore

struct Note: Record, Equatable {
  var id: UInt64 = 0
  var owner = ""
  var tag: String?
  var text = ""

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "owner", &owner)
    try visitor.field(3, "tag", &tag)
    try visitor.field(4, "text", &text)
  }

  static let table = Table<Note>(
    number: 1, name: "notes", logsBeforeImages: true, indexes: [byOwner, byTag])
  static let byOwner = Index<Note>(number: 1, name: "byOwner") { [key($0.owner)] }
  static let byTag = Index<Note>(number: 2, name: "byTag", isUnique: true) { note in
    note.tag.map { [key($0)] } ?? []
  }
  var primaryKey: [UInt8] { key(id) }
}

/// Says how many transactions of the workload the database holds.
struct Progress: Record {
  var name = "progress"
  var count: Int64 = 0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "count", &count)
  }

  static let table = Table<Progress>(number: 2, name: "progress")
  var primaryKey: [UInt8] { key(name) }
}

let workloadTables = [
  TableDescriptor(erasing: Note.table), TableDescriptor(erasing: Progress.table),
]

enum Change: Sendable {
  case put(Note)
  case delete(UInt64)
}

struct Workload: Sendable {
  /// The changes of each transaction.
  var transactions: [[Change]] = []
  /// `states[n]` is the content after n transactions.
  var states: [[UInt64: Note]] = [[:]]

  init(seed: UInt64, count: Int, keys: UInt64 = 64) {
    var random = SplitMix64(seed: seed)
    for number in 0..<count {
      var state = states[number]
      var changes: [Change] = []
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let id = UInt64.random(in: 0..<keys, using: &random)
        if UInt64.random(in: 0..<4, using: &random) == 0 {
          changes.append(.delete(id))
          state[id] = nil
        } else {
          let length = Int.random(in: 0..<3, using: &random) == 0 ? 3000 : 60
          let note = Note(
            id: id, owner: "owner-\(id % 7)", tag: id % 3 == 0 ? "tag-\(id)" : nil,
            text: String(
              repeating: Character(Unicode.Scalar(97 + UInt8(number % 26))),
              count: Int.random(in: 0..<length, using: &random)))
          changes.append(.put(note))
          state[id] = note
        }
      }
      transactions.append(changes)
      states.append(state)
    }
  }

  /// Transaction `number` (from 0) as a closure for `Database.write`. Refuses to run out of order, so
  /// that the database always holds the first so many, whatever else was refused.
  func body(_ number: Int) -> @Sendable (Transaction) throws -> Int {
    let changes = transactions[number]
    return { transaction in
      let count = try transaction.get(Progress.self, key("progress"))?.count ?? 0
      guard count == number else { throw OutOfOrder() }
      for change in changes {
        switch change {
        case .put(let note): try transaction.put(note)
        case .delete(let id): _ = try transaction.delete(Note.self, key(id))
        }
      }
      try transaction.put(Progress(count: Int64(number + 1)))
      return number
    }
  }
}

struct OutOfOrder: Error {}

/// Runs a workload in groups of one to four with a checkpoint now and then, on a disk that may fail.
/// What is refused is tried again. `care` is called between two groups. `reopens`: a creation that reported an error is followed by an
/// opening, as of a process that was killed in between.
struct Session: Sendable {
  /// The first so many transactions were answered with yes, before anything fatal.
  var acknowledged = 0
  var submitted = 0
  var refusals = 0
  var reasons: Set<String> = []
  var fatalLines: [String] = []
  /// Answers with yes after something fatal: there must be none.
  var answeredTooLate = 0

  var hasFailed: Bool { !fatalLines.isEmpty }

  static func run(
    _ workload: Workload, on disk: SimulatedDisk, seed: UInt64, refusalsMax: Int = 0,
    reopens: Bool = false, whenRefused: (Database, Session) -> Void = { _, _ in },
    adjust: (inout Database.Configuration) -> Void = { _ in },
    care: ((Database, inout SplitMix64) -> Void)? = nil
  ) -> Session {
    let session = Shared(Session())
    var configuration = Database.simulated(disk, seed: seed) { line in
      session.update { $0.fatalLines.append(line) }
    }
    adjust(&configuration)
    // A creation that failed after its last step is a database, and may be opened.
    guard
      let database = (try? Database.create(configuration))
        ?? (reopens ? try? Database.open(configuration) : nil)
    else { return session.value }
    var random = SplitMix64(seed: seed)
    while !disk.isCrashed {
      let now = session.value
      let next = now.acknowledged
      let left = workload.transactions.count - next
      guard left > 0, !now.hasFailed, now.refusals <= refusalsMax else { break }
      let group = next..<next + min(Int.random(in: 1...4, using: &random), left)
      let isRefused = Shared(false)
      submit(group, workload, database, session, isRefused)
      if Bool.random(using: &random) {
        database.step()
      } else {
        // As the threads do it: the next group executes while this one is on its way to the log.
        database.stepExecute()
        let next = group.upperBound..<min(group.upperBound + 2, workload.transactions.count)
        submit(next, workload, database, session, isRefused)
        database.stepExecute()
        while database.stepCommit() {}
      }
      if isRefused.value { whenRefused(database, session.value) }
      if Int.random(in: 0..<25, using: &random) == 0 { try? database.checkpoint() }
      care?(database, &random)
    }
    if !disk.isCrashed { try? database.close() }
    return session.value
  }

  /// What follows a refused transaction is refused for being out of order: only the first counts.
  private static func submit(
    _ group: Range<Int>, _ workload: Workload, _ database: Database, _ session: Shared<Session>,
    _ isRefused: Shared<Bool>
  ) {
    session.update { $0.submitted = max($0.submitted, group.upperBound) }
    for number in group {
      database.write(workload.body(number)) { result in
        session.update { session in
          switch result {
          case .success where session.hasFailed: session.answeredTooLate += 1
          case .success(let committed):
            session.acknowledged = max(session.acknowledged, committed.value + 1)
          case .failure(let error) where !isRefused.value:
            isRefused.update { $0 = true }
            session.refusals += 1
            if case StoreError.readOnly = error {
              session.reasons.insert("read-only")
            } else {
              session.reasons.insert("\(error)")
            }
          case .failure: break
          }
        }
      }
    }
  }
}

extension Database {
  /// How many transactions of a workload this database holds, and its notes.
  func workloadContent() throws -> (count: Int, notes: [UInt64: Note]) {
    let snapshot = snapshot()
    var notes: [UInt64: Note] = [:]
    try snapshot.records.forEach(Note.self) { note in
      notes[note.id] = note
      return .next
    }
    let progress = try snapshot.records.get(Progress.self, key("progress"))
    return (Int(progress?.count ?? 0), notes)
  }

  static func simulated(
    _ disk: SimulatedDisk, seed: UInt64, onFatal: @escaping @Sendable (String) -> Void = { _ in }
  ) -> Configuration {
    let clock = StepClock()
    let random = SharedRandom(seed: seed)
    var configuration = Configuration(
      path: "db", disk: disk, tables: workloadTables, now: { clock.next() },
      random: { random.next() }, onFatal: onFatal)
    configuration.views = [CountingView()]
    configuration.runsThreads = false
    configuration.cacheBytes = 2 << 20
    configuration.segmentBytes = 128 << 10
    return configuration
  }
}
