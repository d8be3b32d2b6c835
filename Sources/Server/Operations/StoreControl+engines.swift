// The questions of `souk engine`: the views, what their files hold, whether they equal the records, and
// making one anew. Like those of `souk store` they are asked of a running server or of a stopped directory.

import Bytes
import Database
import TextSearch

/// `list`: every view, where it stands, and what its files hold.
public struct EngineListQuestion: StoreQuestion {
  public static let verb = "engine-list"
  public static let needsViews = true
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> EngineListReport {
    var report = EngineListReport()
    report.commit = database.visibleLSN.rawValue
    report.engines = database.viewReports().map { view in
      var line = EngineListReport.Engine()
      line.name = view.name
      line.commit = view.lsn.rawValue
      line.digest = view.digest.description
      line.rows = view.rows
      switch view.origin {
      case .loaded(let lsn): line.loadedAt = lsn.rawValue
      case .rebuilt(let lsn, let reason):
        line.rebuiltAt = lsn.rawValue
        line.reason = reason
      }
      line.filesCommit = view.files?.lsn.rawValue
      line.files = Int64(view.files?.count ?? 0)
      line.fileBytes = view.files?.bytes ?? 0
      line.lag = view.lag
      line.heldBytes = view.retainedBytes
      line.failure = view.failure
      line.flaw = view.flaw
      return line
    }
    if let text = database.snapshot().view(TextSnapshot.self) {
      report.text = EngineListReport.Text(text)
    }
    return report
  }
}

/// `rebuild`: makes a view anew from the records, beside the live one.
public struct EngineRebuildQuestion: StoreQuestion {
  public static let verb = "engine-rebuild"
  public static let needsViews = true
  public var name = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> EngineRebuildReport {
    let start = SystemClock.monotonicMicroseconds()
    let name = try database.viewName(orFail: name)
    let rebuilt = try database.rebuildView(name) { progress($0.text) }
    var report = EngineRebuildReport()
    report.name = rebuilt.name
    report.commit = rebuilt.lsn.rawValue
    report.rows = rebuilt.rows
    report.commits = rebuilt.commits
    report.digest = rebuilt.digest.description
    report.replacedDigest = rebuilt.replacedDigest.description
    report.wasSound = rebuilt.digest == rebuilt.replacedDigest
    report.micros = SystemClock.monotonicMicroseconds() - start
    report.failure = rebuilt.failure
    return report
  }
}

/// `verify`: compares a view with one that is made from the records of the same snapshot.
public struct EngineVerifyQuestion: StoreQuestion {
  public static let verb = "engine-verify"
  public static let needsViews = true
  public var name = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> EngineVerifyReport {
    let name = try database.viewName(orFail: name)
    let verified = try database.verifyView(name) { progress($0.text) }
    var report = EngineVerifyReport()
    report.name = verified.name
    report.commit = verified.lsn.rawValue
    report.rows = verified.rows
    report.digest = verified.digest.description
    report.expected = verified.expected.description
    report.isSound = verified.isSound
    return report
  }
}

extension Database {
  fileprivate func viewName(orFail name: String) throws(StoreFailure) -> String {
    let names = viewNames
    if names.contains(name) { return name }
    let nearest = NearestWord.find(name, in: names).map { "did you mean \($0)? " } ?? ""
    throw .usage(
      "there is no engine named \(name); \(nearest)there is \(names.joined(separator: ", "))")
  }
}

extension ViewProgress {
  /// For people.
  var text: String {
    switch step {
    case .reading: "reading rows: \(done) of \(total)"
    case .following: "taking commits from the log: \(done) of \(total)"
    case .writing: "writing its files"
    }
  }
}

// MARK: Reports

public struct EngineListReport: Fields {
  public var commit: UInt64 = 0
  public var engines: [Engine] = []
  /// A server answered, and has this process id.
  public var server: Int64?
  /// What the text engine has in memory.
  public var text: Text?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "engines", &engines)
    try visitor.field(3, "server", &server)
    try visitor.field(4, "text", &text)
  }

  /// The size of the index of the catalogue.
  public struct Text: Fields {
    public var documents: Int64 = 0
    /// Segments that change no more; the newest documents are beside them.
    public var segments: Int64 = 0
    public var segmentBytes: Int64 = 0

    public init() {}
    init(_ index: TextSnapshot) {
      documents = Int64(index.documentCount)
      segments = Int64(index.segmentCount)
      segmentBytes = Int64(index.segmentBytes)
    }

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "documents", &documents)
      try visitor.field(2, "segments", &segments)
      try visitor.field(3, "segmentBytes", &segmentBytes)
    }
  }

  public struct Engine: Fields {
    public var name = ""
    public var commit: UInt64 = 0
    public var digest = ""
    /// Of the tables that it follows.
    public var rows: UInt64 = 0
    /// The commit that its files held when it was loaded from them.
    public var loadedAt: UInt64?
    /// The commit of the records that it was made from instead, and why.
    public var rebuiltAt: UInt64?
    public var reason: String?
    /// The commit that its files hold now; nil when there are none.
    public var filesCommit: UInt64?
    public var files: Int64 = 0
    public var fileBytes: UInt64 = 0
    /// Commits that an opening now would take from the log.
    public var lag: UInt64 = 0
    public var heldBytes: UInt64 = 0
    /// Why its files could not be written the last time.
    public var failure: String?
    /// Why the files that it had are not used; they are replaced when it is written next.
    public var flaw: String?

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "commit", &commit)
      try visitor.field(3, "digest", &digest)
      try visitor.field(4, "rows", &rows)
      try visitor.field(5, "loadedAt", &loadedAt)
      try visitor.field(6, "rebuiltAt", &rebuiltAt)
      try visitor.field(7, "reason", &reason)
      try visitor.field(8, "filesCommit", &filesCommit)
      try visitor.field(9, "files", &files)
      try visitor.field(10, "fileBytes", &fileBytes)
      try visitor.field(11, "lag", &lag)
      try visitor.field(12, "heldBytes", &heldBytes)
      try visitor.field(13, "failure", &failure)
      try visitor.field(14, "flaw", &flaw)
    }
  }
}

public struct EngineRebuildReport: Fields {
  public var name = ""
  /// At which it took the place of the one before.
  public var commit: UInt64 = 0
  public var rows: UInt64 = 0
  /// Taken from the log behind the rows.
  public var commits: UInt64 = 0
  public var digest = ""
  public var replacedDigest = ""
  /// The one before had the same digest.
  public var wasSound = false
  public var micros: Int64 = 0
  /// Why its files could not be written; a server tries again.
  public var failure: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "commit", &commit)
    try visitor.field(3, "rows", &rows)
    try visitor.field(4, "commits", &commits)
    try visitor.field(5, "digest", &digest)
    try visitor.field(6, "replacedDigest", &replacedDigest)
    try visitor.field(7, "wasSound", &wasSound)
    try visitor.field(8, "micros", &micros)
    try visitor.field(9, "failure", &failure)
  }
}

public struct EngineVerifyReport: Fields {
  public var name = ""
  public var commit: UInt64 = 0
  public var rows: UInt64 = 0
  public var digest = ""
  /// What the records say.
  public var expected = ""
  public var isSound = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "commit", &commit)
    try visitor.field(3, "rows", &rows)
    try visitor.field(4, "digest", &digest)
    try visitor.field(5, "expected", &expected)
    try visitor.field(6, "sound", &isSound)
  }
}
