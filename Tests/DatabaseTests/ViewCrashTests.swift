// Views on a disk, and the machine going off: at every call of a load with flushes, at every call of an
// opening that has to take commits from the log, and at every call of a rebuild. Whatever comes back, the
// view gives the answers of one that is made from the records, and its digest.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing
import TextSearch
import Views

/// The views that the suite is run with.
enum ViewKind: CaseIterable, Sendable {
  case keeping, text

  var name: String { make().name }

  func make() -> any View {
    switch self {
    case .keeping: KeepingView()
    case .text: NotesIndex.make()
    }
  }

  /// What the view of a snapshot answers otherwise than a scan of the notes does.
  func difference(_ snapshot: DatabaseSnapshot, _ notes: [UInt64: Note]) throws -> String? {
    switch self {
    case .keeping:
      let rows = snapshot.view(KeepingView.State.self)?.rows
      let expected = Dictionary(
        uniqueKeysWithValues: notes.values.map { ($0.primaryKey, FieldBinary.encode($0)) })
      return rows == expected ? nil : "other rows"
    case .text:
      guard let text = snapshot.view(TextSnapshot.self) else { return "no index" }
      return try NotesIndex.difference(text, notes)
    }
  }
}

/// The text index over the notes: the number of a note is its ordinal.
enum NotesIndex {
  static let schema = TextSchema(
    fields: [.init("owner", boost: 2), .init("text")], columns: [.init("length", .document)],
    keywords: ["tag"])

  static func make() -> TextIndex {
    TextIndex(schema: schema, tables: [Note.table.number]) { change in
      if let after = note(change.after) {
        [.put(ordinal: UInt32(truncatingIfNeeded: after.id), document: document(after))]
      } else if let before = note(change.before) {
        [.remove(ordinal: UInt32(truncatingIfNeeded: before.id))]
      } else {
        []
      }
    }
  }

  private static func note(_ bytes: [UInt8]?) -> Note? {
    bytes.flatMap { try? FieldBinary.decode(Note.self, from: $0.span.bytes) }
  }

  private static func document(_ note: Note) -> TextDocument {
    TextDocument(
      key: note.primaryKey, texts: ["owner": note.owner, "text": note.text],
      keywords: ["tag": note.tag.map { [$0] } ?? []],
      numbers: ["length": Int64(note.text.utf8.count)])
  }

  /// Asks for every owner, here and in an index made of the notes alone; scores and all.
  static func difference(_ index: TextSnapshot, _ notes: [UInt64: Note]) throws -> String? {
    let fresh = make()
    try fresh.rebuild(at: index.lsn) { body in
      for note in notes.values {
        let (key, value) = (note.primaryKey, FieldBinary.encode(note))
        body(Note.table.number, key.span.bytes, value.span.bytes)
      }
    }
    let expected = fresh.textSnapshot()
    for owner in 0..<7 {
      let fields = [TextMultiMatch.Field("owner", boost: 2), TextMultiMatch.Field("text")]
      let request = TextRequest(
        .multiMatch(TextMultiMatch(fields, "owner-\(owner)")), limit: 100)
      let (found, wanted) = (try index.search(request).hits, try expected.search(request).hits)
      guard wanted.count == notes.count || notes.isEmpty else { return "a poor query" }
      if found != wanted { return "owner-\(owner) finds \(found.count) of \(wanted.count)" }
    }
    return nil
  }
}

@Suite struct ViewCrashTests {
  static let transactions = 60

  static func configured(
    _ disk: SimulatedDisk, _ kind: ViewKind, seed: UInt64,
    onFatal: @escaping @Sendable (String) -> Void = { _ in }
  ) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: seed, onFatal: onFatal)
    adjust(&configuration, kind)
    return configuration
  }

  static func adjust(_ configuration: inout Database.Configuration, _ kind: ViewKind) {
    configuration.views = [kind.make()]
    configuration.segmentBytes = 64 << 10
  }

  /// A workload with flushes, and more checkpoints than usual, so that the log is let go.
  static func session(
    _ workload: Workload, _ kind: ViewKind, on disk: SimulatedDisk, seed: UInt64
  ) -> Session {
    Session.run(
      workload, on: disk, seed: seed, adjust: { adjust(&$0, kind) },
      care: { database, random in
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2: database.flushViews()
        case 3: try? database.checkpoint()
        default: break
        }
      })
  }

  struct Outcome: Sendable {
    var problem: String?
    /// The view was loaded from its files.
    var isLoaded = false
    var commitsFromLog: UInt64 = 0
  }

  /// Opens what is left, compares the view with the records, goes on, and opens again.
  static func verify(
    _ disk: SimulatedDisk, _ kind: ViewKind, _ workload: Workload, _ session: Session, seed: UInt64
  ) -> Outcome {
    var outcome = Outcome()
    do {
      if session.acknowledged == 0, try !disk.exists("db/records.souk") { return outcome }
      let database = try Database.open(configured(disk, kind, seed: seed))
      let report = database.viewReports()[0]
      if case .loaded(let lsn) = report.origin {
        outcome.isLoaded = true
        outcome.commitsFromLog = report.lsn.rawValue - lsn.rawValue
      }
      let (count, notes) = try database.workloadContent()
      guard count >= session.acknowledged, count <= session.submitted else {
        outcome.problem = "holds \(count) transactions of \(session.acknowledged) acknowledged"
        return outcome
      }
      guard notes == workload.states[count] else {
        outcome.problem = "content differs at \(count)"
        return outcome
      }
      outcome.problem = try flaw(database, kind)
      guard outcome.problem == nil, count < workload.transactions.count else { return outcome }
      // It goes on, is written, and comes back from its files.
      _ = try database.writeBlocking(workload.body(count))
      database.flushViews()
      if let failure = database.viewReports()[0].failure { outcome.problem = failure }
      try database.close()
      let again = try Database.open(configured(disk, kind, seed: seed))
      outcome.problem = try outcome.problem ?? flaw(again, kind)
      if again.viewReports()[0].origin != .loaded(lsn: again.visibleLSN) {
        outcome.problem = outcome.problem ?? "a clean stop left \(again.viewReports()[0].origin)"
      }
    } catch {
      outcome.problem = "\(error)"
    }
    return outcome
  }

  static func flaw(_ database: Database, _ kind: ViewKind) throws -> String? {
    let notes = try database.workloadContent().notes
    if let difference = try kind.difference(database.snapshot(), notes) { return difference }
    let findings = try database.check(deep: false).findings
    return findings.isEmpty ? nil : "\(findings)"
  }

  @Test(arguments: ViewKind.allCases)
  func aCrashAtEveryCallOfALoadLeavesAViewEqualToARebuild(_ kind: ViewKind) {
    let seed = testSeed(7100)
    let workload = Workload(seed: seed, count: Self.transactions)
    let whole = SimulatedDisk()
    whole.startTrace()
    #expect(Self.session(workload, kind, on: whole, seed: seed).acknowledged == Self.transactions)
    let points = whole.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    let subsets = UInt64(scaled(ci: 4, nightly: 400))
    let outcomes = onTwoThreads(points.count) { index in
      SimulatedDisk.Moment.allCases.flatMap { moment -> [Outcome] in
        let disk = SimulatedDisk()
        disk.crash(atCall: points[index], moment)
        let session = Self.session(workload, kind, on: disk, seed: seed)
        return (0..<subsets).map { subset in
          let image = disk.restart(
            keeping: .random(seed: seed &+ UInt64(points[index]) &* 31 &+ subset))
          var outcome = Self.verify(image, kind, workload, session, seed: seed)
          if let problem = outcome.problem {
            outcome.problem =
              "seed \(seed), call \(points[index]) \(moment), subset \(subset): \(problem)"
          }
          return outcome
        }
      }
    }
    Self.expect(outcomes, atLeast: scaled(ci: 1000, nightly: 100_000))
  }

  static func expect(_ outcomes: [Outcome], atLeast count: Int) {
    let problems = outcomes.compactMap(\.problem)
    #expect(problems.isEmpty, "\(problems.count): \(problems.prefix(6).joined(separator: "\n"))")
    #expect(outcomes.count >= count)
    // Else it would prove rebuilding only.
    let loaded = outcomes.count(where: \.isLoaded)
    let behind = outcomes.count { $0.commitsFromLog > 0 }
    #expect(loaded > outcomes.count / 3, "\(loaded) of \(outcomes.count) loaded")
    #expect(behind > outcomes.count / 10, "\(behind) of \(outcomes.count) took from the log")
  }

  /// A database whose view lags, with files of several flushes.
  static func lagging(_ workload: Workload, _ kind: ViewKind, seed: UInt64) throws -> SimulatedDisk
  {
    let disk = SimulatedDisk()
    let database = try Database.create(configured(disk, kind, seed: seed))
    for number in 0..<40 {
      _ = try database.writeBlocking(workload.body(number))
      if number % 9 == 8 { database.flushViews() }
      if number == 25 { try database.checkpoint() }
    }
    return disk.restart(keeping: .none)
  }

  private static func everything(_ count: Int) -> Session {
    var session = Session()
    (session.acknowledged, session.submitted) = (count, count)
    return session
  }

  @Test(arguments: ViewKind.allCases)
  func anOpeningCutShortIsRepeated(_ kind: ViewKind) throws {
    let seed = testSeed(7200)
    let workload = Workload(seed: seed, count: Self.transactions)
    let original = try Self.lagging(workload, kind, seed: seed)
    try Self.cutEverywhere(original, kind, workload, seed: seed, atLeast: 150) { disk in
      let database = try Database.open(Self.configured(disk, kind, seed: seed))
      guard database.viewReports()[0].origin == .loaded(lsn: LSN(36)) else {
        throw DatabaseError.refused("it was not loaded")
      }
      database.flushViews()
      try database.close()
    }
  }

  @Test(arguments: ViewKind.allCases)
  func aRebuildCutShortLeavesAViewOfTheSameAnswers(_ kind: ViewKind) throws {
    let seed = testSeed(7300)
    let workload = Workload(seed: seed, count: Self.transactions)
    let original = try Self.lagging(workload, kind, seed: seed)
    try Self.cutEverywhere(original, kind, workload, seed: seed, atLeast: 150) { disk in
      let database = try Database.open(Self.configured(disk, kind, seed: seed))
      let rebuilt = try database.rebuildView(database.viewNames[0])
      guard rebuilt.digest == rebuilt.replacedDigest, rebuilt.failure == nil else {
        throw DatabaseError.refused("\(rebuilt)")
      }
      guard database.viewReports()[0].files?.lsn == rebuilt.lsn else {
        throw DatabaseError.refused("not written")
      }
      try database.close()
    }
  }

  private static func cutEverywhere(
    _ original: SimulatedDisk, _ kind: ViewKind, _ workload: Workload, seed: UInt64,
    atLeast: Int, _ work: @escaping @Sendable (SimulatedDisk) throws -> Void
  ) throws {
    let rehearsal = original.clone()
    try work(rehearsal)
    let calls = rehearsal.callCount
    let subsets = UInt64(scaled(ci: 3, nightly: 300))
    let session = everything(40)
    let outcomes = onTwoThreads(calls) { call in
      SimulatedDisk.Moment.allCases.flatMap { moment in
        (0..<subsets).map { subset in
          let disk = original.clone()
          disk.crash(atCall: call, moment)
          _ = try? work(disk)
          let image = disk.restart(keeping: .random(seed: seed &+ UInt64(call) &* 31 &+ subset))
          var outcome = verify(image, kind, workload, session, seed: seed)
          if let problem = outcome.problem {
            outcome.problem = "seed \(seed), call \(call) \(moment), subset \(subset): \(problem)"
          }
          return outcome
        }
      }
    }
    let problems = outcomes.compactMap(\.problem)
    #expect(problems.isEmpty, "\(problems.count): \(problems.prefix(6).joined(separator: "\n"))")
    let loaded = outcomes.count(where: \.isLoaded)
    #expect(outcomes.count >= atLeast && loaded > 0)
  }
}
