// StoreFiles: the files of a data directory as they lie there, for the verbs that read them without
// opening the database, and for saying what is wrong when it does not open.
//
// Invariant: only reads; takes no lock but the one that a verb asks for.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Server

struct StoreFiles {
  let path: String
  let inspector: StoreInspector
  let report: StoreFilesReport

  /// Fails when there is nothing at `path` that could be a data directory.
  init(_ path: String) throws(VerbFailure) {
    self.path = path
    inspector = StoreInspector(path: path, disk: PosixDisk())
    report = inspector.info()
    let names = report.files.map(\.name)
    let isThere = names.contains(Self.recordsName) || names.contains { $0.hasPrefix("log/") }
    guard isThere else {
      do throws(DiskError) {
        _ = try PosixDisk().list(path)
      } catch {
        if error.kind != .notFound { throw VerbFailure(DatabaseError.disk(error)) }
      }
      throw VerbFailure(DatabaseError.notFound(path: path))
    }
  }

  static let recordsName = "records.souk"

  var log: LogInspector {
    LogInspector(
      disk: PosixDisk(), folder: path + "/log", databaseID: report.newest?.databaseID,
      evidence: LSN(report.newest?.lsn ?? 0))
  }

  /// Why the record store's file is no sound whole; nil when its head says that it is.
  func flawOfRecords(pageCount: UInt64) -> String? {
    guard let newest = report.newest else {
      let flaws = report.metas.compactMap(\.flaw)
      return "\(path)/\(Self.recordsName) has no valid meta block"
        + (flaws.isEmpty ? "" : " (\(Set(flaws).sorted().joined(separator: "; ")))")
    }
    guard newest.pageCount > pageCount else { return nil }
    return "\(path)/\(Self.recordsName) is cut short: it has \(pageCount) pages of "
      + "\(newest.pageCount)"
  }

  // MARK: Reading

  func pages() throws(VerbFailure) -> PageListing {
    do throws(DatabaseError) {
      return try inspector.pages()
    } catch {
      throw Installation.failure(error, at: path)
    }
  }

  func page(_ number: UInt64) throws(VerbFailure) -> PageReport {
    do throws(DatabaseError) {
      return try inspector.page(number)
    } catch {
      throw Installation.failure(error, at: path)
    }
  }

  /// Asks the log's files, of which there must be one at least.
  func readLog<Answer>(_ body: (LogInspector) throws -> Answer) throws(VerbFailure) -> Answer {
    do {
      let log = log
      guard try log.list().contains(where: { $0.kind == .segment }) else {
        throw LogError.corrupt(file: path + "/log", offset: 0, reason: "the log has no segment")
      }
      return try body(log)
    } catch let error as LogError {
      throw Installation.failure(.log(error), at: path)
    } catch {
      throw VerbFailure(StoreFailure.telling(error))
    }
  }

  // MARK: Damage

  /// That a part of the directory is gone while the others hold data: then no database opens, and
  /// none may be made anew here. An empty log alone is what an interrupted `init` leaves.
  static func missingPart(_ path: String) -> VerbFailure? {
    guard let files = try? StoreFiles(path) else { return nil }
    let parts = [recordsName, "log", "secrets"]
    let isThere = parts.map { (try? PosixDisk().exists(path + "/" + $0)) ?? true }
    guard let missing = isThere.firstIndex(of: false) else { return nil }
    let log = try? files.log.verify()
    guard isThere[0] || log.map({ $0.entries > 0 || !$0.isSound }) ?? false else { return nil }
    let rest = isThere[0] ? "its records" : "a log with \(log?.entries ?? 0) commits"
    return VerbFailure(
      "\(path) has \(rest) but no \(parts[missing]); nothing was changed; put it back, or bring a "
        + "backup back with `souk store restore`", .corrupt)
  }

  /// Everything that is wrong with the files of a directory that does not open, a sentence each.
  func findings() -> [String] {
    var findings = report.problems
    for meta in report.metas {
      if let flaw = meta.flaw { findings.append("meta block \(meta.slot): \(flaw)") }
    }
    if let listing = try? inspector.pages() {
      if report.newest != nil, let flaw = flawOfRecords(pageCount: listing.pageCount) {
        findings.append(flaw)
      }
      for page in listing.damaged {
        findings.append("page \(page.number) does not prove itself: \(page.flaw ?? "form")")
      }
    }
    if let verification = try? log.verify() {
      findings += verification.findings.map { "log: \($0)" }
    }
    // The records may open where a view cannot be made of them, or be read where pages are lost.
    if let records = try? Installation.inspect(path, withViews: false),
      let check = try? records.database.check(deep: true)
    {
      findings += check.findings
    }
    return findings
  }

  // MARK: The lock

  /// Holds the directory while a verb reads it that nobody may write to meanwhile. A directory
  /// without a lock file is in nobody's use, and gets none.
  static func hold(_ path: String, toDo what: String) throws(VerbFailure) -> (any DiskLock)? {
    do throws(DiskError) {
      guard try PosixDisk().exists(path + "/LOCK") else { return nil }
      return try PosixDisk().lock(path + "/LOCK")
    } catch {
      guard error.kind == .locked else { throw VerbFailure(DatabaseError.disk(error)) }
      throw VerbFailure("\(path) is in use by another process; stop it first to \(what)", .locked)
    }
  }
}
