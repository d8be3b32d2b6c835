// Salvage: what can still be proved of a damaged folder goes into a new database.
//
//   newest checkpoint's trees -> leaves that lost their parent -> older checkpoint, where the newest is
//   lost -> the log from the older checkpoint on, which makes all of it the state at the log's end
//
// Invariants
// 1. The damaged folder is only read.
// 2. No row is returned that was not a row of the state at `lsn`: rows of the older checkpoint are
//    taken only when the log leads from there to the newest one, and on.
// 3. Indexes are not salvaged but made anew from the rows.
//
// Limits. Without a valid meta block nothing is salvaged: no page says how old it is, and an outdated
// row would look like any other. A page that was replaced as a whole by its own older version is
// noticed by its parent's hash, but not when the parent is lost too. The rows of one table at a time
// and the log's last value of each key are held in memory. Events are not salvaged.

import Bytes
import CommitLog
import Disk
import RecordStore

public struct SalvageReport: Sendable {
  public struct Tree: Sendable {
    public var number: UInt32
    public var name: String
    /// Rows in the new database.
    public var rows = 0
    /// Rows of the newest checkpoint according to its catalog; nil when that is lost.
    public var rowsInCheckpoint: UInt64?
    /// Rows found on pages that had lost their parent, and in the older checkpoint.
    public var rowsFromOrphans = 0
    public var rowsFromOlderCheckpoint = 0
    /// Where rows may be missing. What was found there all the same is in the numbers above.
    public var lost: [LostRange] = []
  }

  /// The checkpoint that was salvaged, and the commit whose state the new database approaches.
  public var checkpointLSN: LSN
  public var lsn: LSN
  public var trees: [Tree] = []
  /// Commits that the log gave.
  public var commits: UInt64 = 0
  /// One sentence for each thing that was lost and is not a range of a tree.
  public var problems: [String] = []
}

extension Database {
  /// Makes a database of what can be proved of the damaged one in `folder`, at `configuration.path`,
  /// which must not exist or be empty. It has an identity of its own and starts its log anew.
  public static func salvage(
    from folder: String, _ configuration: Configuration
  ) throws(DatabaseError) -> SalvageReport {
    do {
      let source = try SalvageSource(folder, configuration)
      var target = try NewFolder(at: configuration.path, disk: configuration.disk)
      do {
        let report = try source.write(to: &target, configuration)
        try target.finish()
        return report
      } catch {
        target.abandon()
        throw error
      }
    } catch {
      throw DatabaseError(error)
    }
  }
}

private final class SalvageSource {
  /// Bytes of a transaction, and what a row takes in the log besides its own at most.
  private static let batchBytes = 1 << 20
  private static let rowBytesMost = 48

  private let folder: String
  private let disk: any Disk
  private let survey: StoreSurvey
  private let newest: MetaBlock
  /// Only when the log leads from it to the newest.
  private var older: MetaBlock?
  /// The log's last word on each key of each table; nil for a deleted one.
  private var changes: [UInt32: [[UInt8]: [UInt8]?]] = [:]
  private var report: SalvageReport

  init(_ folder: String, _ configuration: Database.Configuration) throws {
    self.folder = folder
    disk = configuration.disk
    survey = try StoreSurvey(disk: disk, folder: folder)
    newest = survey.metas[0]
    report = SalvageReport(checkpointLSN: newest.lsn, lsn: newest.lsn)
    let oldest = survey.metas.last ?? newest
    if try !readLog(from: oldest.lsn) {
      report.problems.append(
        "the log does not lead from commit \(oldest.lsn) to \(newest.lsn): commits after the "
          + "checkpoint are lost")
      changes = [:]
    } else if oldest != newest {
      older = oldest
    }
  }

  /// Takes the commits after `start` as far as they follow one another; whether they reach the newest
  /// checkpoint.
  private func readLog(from start: LSN) throws -> Bool {
    var last = start
    let log = LogInspector(disk: disk, folder: folder + "/log", databaseID: newest.databaseID)
    do {
      try log.walk(from: start.next) { item in
        switch item {
        case .entry(let entry):
          guard entry.lsn == last.next else { return false }
          last = entry.lsn
          for operation in entry.operations { note(operation) }
        case .finding(let finding):
          report.problems.append("log: \(finding)")
          return false
        case .file, .frame, .tail: break
        }
        return true
      }
    } catch {
      report.problems.append("log: \(error)")
    }
    guard last >= newest.lsn else { return false }
    report.lsn = last
    report.commits = last.rawValue - start.rawValue
    return true
  }

  private func note(_ operation: Operation) {
    switch operation {
    case .put(let table, let key, let value, _):
      changes[table, default: [:]].updateValue(.some(value), forKey: key)
    case .delete(let table, let key, _):
      changes[table, default: [:]].updateValue(.none, forKey: key)
    case .event: break
    }
  }

  func write(
    to target: inout NewFolder, _ configuration: Database.Configuration
  ) throws -> SalvageReport {
    var quiet = configuration
    quiet.path = target.path
    quiet.runsThreads = false
    quiet.views = []
    let database = try Database.create(quiet)
    let (roots, lostRoots) = survey.roots(newest)
    let olderRoots = older.map { survey.roots($0).roots } ?? [:]
    for lost in lostRoots {
      report.problems.append("catalog: page \(lost.page) is lost: \(lost.reason)")
    }
    let trees = Set(roots.keys).union(olderRoots.keys).filter { $0 & 0xff == 0 }
    for tree in trees.union(changes.keys.map { $0 << 8 }).sorted() {
      var found = SalvageReport.Tree(number: tree, name: database.treeName(tree))
      let rows = collect(
        tree, root: roots[tree], olderRoot: olderRoots[tree],
        isCatalogWhole: lostRoots.isEmpty, &found)
      let table =
        configuration.tables.first { $0.tree == tree }
        ?? TableDescriptor(number: tree >> 8, name: found.name)
      try load(rows, into: database, table, &found)
      report.trees.append(found)
    }
    try copySecrets(to: target)
    try database.close()
    return report
  }

  private func collect(
    _ tree: UInt32, root: TreeRoot?, olderRoot: TreeRoot?, isCatalogWhole: Bool,
    _ found: inout SalvageReport.Tree
  ) -> [[UInt8]: [UInt8]] {
    var rows: [[UInt8]: [UInt8]] = [:]
    var reached: Set<UInt64> = []
    if let root {
      found.rowsInCheckpoint = root.entryCount
      found.lost = survey.rows(root, reached: &reached) { rows[$0] = $1 }
    } else if !isCatalogWhole {
      found.lost = [LostRange(page: newest.root.number, from: [], to: nil, reason: "catalog")]
    }
    let ranges = found.lost
    if !ranges.isEmpty {
      func take(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        guard rows[key] == nil, ranges.contains(where: { $0.contains(key) }) else { return false }
        rows[key] = value
        return true
      }
      var orphans = 0
      let hasMap = survey.orphans(of: tree, newest, notIn: reached, &found.lost) {
        if take($0, $1) { orphans += 1 }
      }
      if !hasMap {
        report.problems.append("free map: it is lost, and with it what it proves of \(found.name)")
      }
      found.rowsFromOrphans = orphans
      if let olderRoot {
        var (fromOlder, ignored) = (0, Set<UInt64>())
        _ = survey.rows(olderRoot, reached: &ignored) { if take($0, $1) { fromOlder += 1 } }
        found.rowsFromOlderCheckpoint = fromOlder
      }
    }
    for (key, value) in changes[tree >> 8] ?? [:] { rows[key] = value }
    return rows
  }

  private func load(
    _ rows: [[UInt8]: [UInt8]], into database: Database, _ table: TableDescriptor,
    _ found: inout SalvageReport.Tree
  ) throws {
    let keys = rows.keys.sorted { $0.lexicographicallyPrecedes($1) }
    var batch: [(key: [UInt8], value: [UInt8])] = []
    var bytes = 0
    // A frame fits in a segment, with room to spare.
    let most = min(Self.batchBytes, database.configuration.segmentBytes / 4)
    func flush() throws {
      let full = batch
      _ = try database.writeBlocking { transaction in
        for row in full { try transaction.put(table, key: row.key, value: row.value) }
      }
      (batch, bytes) = ([], 0)
    }
    for key in keys {
      guard let value = rows[key] else { continue }
      let size = key.count + value.count + Self.rowBytesMost
      if !batch.isEmpty, bytes + size > most { try flush() }
      batch.append((key, value))
      bytes += size
    }
    if !batch.isEmpty { try flush() }
    found.rows = keys.count
  }

  private func copySecrets(to target: NewFolder) throws {
    let secrets = folder + "/" + DataDirectory.secretsName
    guard try disk.exists(secrets) else { return }
    for name in try disk.list(secrets) where !name.hasSuffix(".new") {
      let copy = DataDirectory.secretsName + "/" + name
      guard try !disk.exists(target.path + "/" + copy) else { continue }
      _ = try target.copy(secrets + "/" + name, from: disk, as: copy)
    }
    try disk.syncDirectory(target.path + "/" + DataDirectory.secretsName)
  }
}
