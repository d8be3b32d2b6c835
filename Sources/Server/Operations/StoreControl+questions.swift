// The questions of `souk store` that need a consistent database. Each is a record (its arguments), and
// answers itself from an open `Database`: in the server for a running one, in the command line for a
// stopped one. One code, one answer.

import Bytes
import CommitLog
import Database
import RecordStore

public protocol StoreQuestion: Fields {
  associatedtype Report: Fields
  /// The verb of `souk store`, and the last segment of the path.
  static var verb: String { get }
  /// The views must be there too; for a stopped database they are made from the records first.
  static var needsViews: Bool { get }
  /// Throws `StoreFailure` for what it is asked wrongly, else what the database throws.
  /// - Parameter progress: takes a line for people whenever there is something to tell.
  func answer(from database: Database, progress: (String) -> Void) throws -> Report
}

extension StoreQuestion {
  public static var needsViews: Bool { false }
}

public struct StoreInfoQuestion: StoreQuestion {
  public static let verb = "info"
  public static let needsViews = true
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreInfoReport {
    let snapshot = database.snapshot()
    let (info, opening) = (database.storeInfo, database.opening)
    var report = StoreInfoReport()
    report.data = database.path
    report.databaseID = database.databaseID
    report.commit = snapshot.lsn.rawValue
    report.lastCommitTime = snapshot.records.time
    report.newestCheckpoint = info.newestCheckpointLSN.rawValue
    report.olderCheckpoint = info.olderCheckpointLSN.rawValue
    report.replayedCommits = Int64(opening.replayedCommits)
    report.pageBytes = Int64(info.pageSize)
    report.pages = info.pageCount
    report.freePages = info.freePages
    report.retiredPages = info.retiredPages
    for (name, rows) in database.tableCounts(in: snapshot) {
      var table = StoreInfoReport.Table()
      table.name = name
      table.rows = rows
      report.tables.append(table)
    }
    for (name, digest) in database.viewStates(in: snapshot) {
      var view = StoreInfoReport.View()
      view.name = name
      view.digest = digest.description
      report.views.append(view)
    }
    return report
  }
}

public struct StoreCheckQuestion: StoreQuestion {
  public static let verb = "check"
  public static let needsViews = true
  public var isDeep = false
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "deep", &isDeep)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreCheckReport {
    progress(isDeep ? "reading every byte" : "checking")
    let check = try database.check(deep: isDeep)
    var report = StoreCheckReport()
    report.commit = check.lsn.rawValue
    report.isSound = check.findings.isEmpty
    report.isDeep = isDeep
    report.findings = check.findings
    report.trees = Int64(check.store.trees)
    report.entries = check.store.entries
    report.reachedPages = check.store.reachedPages
    report.retiredPages = check.store.retiredPages
    report.freePages = check.store.freePages
    report.views = Int64(check.views.count)
    return report
  }
}

public struct StoreStatsQuestion: StoreQuestion {
  public static let verb = "stats"
  /// Nil for all trees.
  public var tree: String?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "tree", &tree)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreStatsReport {
    let number = try tree.map { try database.treeNumber(orFail: $0) }
    progress("reading \(tree ?? "every tree")")
    let stats = try database.stats(tree: number)
    var report = StoreStatsReport()
    report.commit = stats.lsn.rawValue
    report.pageBytes = Int64(stats.pageSize)
    report.trees = stats.trees.map { tree in
      var line = StoreStatsReport.Tree()
      let shape = tree.shape
      line.tree = tree.number
      line.name = tree.name
      line.entries = shape.entries
      line.depth = Int64(shape.depth)
      line.leafPages = shape.leafPages
      line.branchPages = shape.branchPages
      line.overflowPages = shape.overflowPages
      line.overflowValues = shape.overflowValues
      line.keyBytes = shape.keyBytes
      line.valueBytes = shape.valueBytes
      line.usedBytes = shape.usedBytes
      // One digit says all there is to know.
      line.fillPercent = (shape.fillPercent(pageSize: stats.pageSize) * 10).rounded() / 10
      line.fanOut = (shape.fanOut * 10).rounded() / 10
      return line
    }
    return report
  }
}

public struct StoreReadersQuestion: StoreQuestion {
  public static let verb = "readers"
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreReadersReport {
    let readers = database.readers()
    var report = StoreReadersReport()
    report.commit = readers.lsn.rawValue
    report.readers = readers.readers.map { reader in
      var line = StoreReadersReport.Reader()
      line.id = reader.id
      line.purpose = reader.purpose
      line.commit = reader.lsn.rawValue
      line.ageMicros = reader.ageMicros
      line.heldBytes = reader.heldBytes
      line.isExpired = reader.isExpired
      return line
    }
    report.logConsumers = readers.logConsumers.map { consumer in
      var line = StoreReadersReport.LogConsumer()
      line.name = consumer.name
      line.commit = consumer.position.rawValue
      line.lag = consumer.lag
      line.heldBytes = consumer.retainedBytes
      line.mustRebuild = consumer.mustRebuild
      return line
    }
    return report
  }
}

public struct StoreFreeQuestion: StoreQuestion {
  public static let verb = "free"
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreFreeReport {
    let space = try database.freeSpace()
    var report = StoreFreeReport()
    report.pageBytes = Int64(space.pageSize)
    report.pages = space.pageCount
    report.freePages = space.freePages
    report.retiredPages = space.retiredPages
    report.runs = space.runs.map { bucket in
      var line = StoreFreeReport.Runs()
      line.lengthMin = bucket.lengthMin
      line.lengthMax = bucket.lengthMax
      line.runs = bucket.runs
      line.pages = bucket.pages
      return line
    }
    report.waiting = space.waiting.map { waiting in
      var line = StoreFreeReport.Waiting()
      line.commit = waiting.lsn.rawValue
      line.pages = waiting.pages
      line.pinnedBy = waiting.pinnedBy
      return line
    }
    return report
  }
}

public struct StoreHashQuestion: StoreQuestion {
  public static let verb = "hash"
  /// The state after this commit; nil for the newest.
  public var commit: UInt64?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreHashReport {
    progress("reading every record")
    let found: (lsn: LSN, hash: String) =
      if let commit {
        try database.contentHash(at: LSN(commit))
      } else {
        try database.contentHash()
      }
    var report = StoreHashReport()
    report.commit = found.lsn.rawValue
    report.hash = found.hash
    return report
  }
}

public struct StoreBackupQuestion: StoreQuestion {
  public static let verb = "backup"
  /// An absolute path: the process that answers may be at home elsewhere.
  public var target = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "target", &target)
  }

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> StoreBackupReport {
    guard target.hasPrefix("/") else {
      throw StoreFailure.usage("the folder of a backup must be an absolute path, not \(target)")
    }
    let manifest = try database.backup(to: target) { state in
      let percent = min(100, state.bytesWritten / max(1, state.bytesExpected / 100))
      progress("backup: \(state.bytesWritten >> 20) MiB of records, about \(percent) %")
    }
    var report = StoreBackupReport()
    report.backup = target
    report.databaseID = manifest.databaseID
    report.firstCommit = manifest.recordsLSN
    report.firstTime = manifest.recordsTime
    report.lastCommit = manifest.lastLSN
    report.lastTime = manifest.lastTime
    report.files = Int64(manifest.files.count)
    report.bytes = manifest.files.reduce(0) { $0 + $1.bytes }
    return report
  }
}

extension Database {
  /// The tree of this name or number; a usage failure that names the nearest when there is none.
  func treeNumber(orFail text: String) throws(StoreFailure) -> UInt32 {
    if let number = treeNumber(text) { return number }
    let tables = StoreTable.all.map(\.descriptor)
    let names = tables.flatMap { table in
      [table.name] + table.indexes.map { table.name + "." + $0.name }
    }
    let hint = NearestWord.find(text, in: names).map { "; did you mean `\($0)`?" }
    throw .usage(
      "there is no tree “\(text)”" + (hint ?? "; `souk store stats` lists them all"))
  }
}
