// StoreInspector: the files of a database as they lie there, open or stopped, sound or damaged.
//
// Invariants
// 1. No call writes, locks or syncs anything; no byte of any file makes it trap.
// 2. Beside a running server a page may be read while it is written: a flaw that a second look does
//    not show is none.

import Bytes
import Disk
import RecordStore

/// The folder of a database from the outside.
public struct StoreFilesReport: Sendable {
  public struct File: Equatable, Sendable {
    /// Inside the folder.
    public var name: String
    public var bytes: UInt64
  }

  public var path: String
  public var files: [File] = []
  /// Names only.
  public var secrets: [String] = []
  public var metas: [MetaReport] = []
  /// One sentence for each thing that cannot be read.
  public var problems: [String] = []

  /// The valid meta block with the highest sequence.
  public var newest: MetaReport? {
    metas.filter(\.isValid).max { $0.sequence < $1.sequence }
  }
}

/// Pages of the file by kind.
public struct PageListing: Sendable {
  public var pageSize: Int
  /// Of the file.
  public var pageCount: UInt64
  /// The pages that were asked for, without their cells.
  public var pages: [PageReport] = []
  /// How many of those are of each kind, in the order of `Kind.allCases`; kinds without any left out.
  public var counts: [(kind: PageReport.Kind, pages: UInt64)] {
    PageReport.Kind.allCases.compactMap { kind in
      let count = pages.count { $0.kind == kind }
      return count == 0 ? nil : (kind, UInt64(count))
    }
  }
  /// Those that have the header of a tree page and do not prove themselves.
  public var damaged: [PageReport] { pages.filter { $0.kind == .damaged } }
}

public struct StoreInspector: Sendable {
  private let path: String
  private let disk: any Disk
  private var storePath: String { path + "/" + DataDirectory.storeFile }

  /// Looks at the data folder `path`.
  public init(path: String, disk: any Disk) {
    self.path = path
    self.disk = disk
  }

  /// What is there; never throws, for what cannot be read is part of the answer.
  public func info() -> StoreFilesReport {
    var report = StoreFilesReport(path: path)
    for folder in ["", "log/"] + viewFolders() {
      do throws(DiskError) {
        for name in try disk.list(path + "/" + folder) { add(folder + name, to: &report) }
      } catch {
        report.problems.append("\(error)")
      }
    }
    do throws(DiskError) {
      report.secrets = try disk.list(path + "/" + DataDirectory.secretsName)
    } catch {
      report.problems.append("\(error)")
    }
    do throws(DiskError) {
      let file = try disk.open(storePath, mode: .readOnly)
      defer { file.close() }
      for slot in 0...1 {
        let range = MetaReport.range(slot: slot)
        report.metas.append(
          MetaReport(try file.read(range.count, at: range.offset), slot: slot))
      }
    } catch {
      report.problems.append("\(error)")
    }
    return report
  }

  /// What is not there is no problem: views keep files only to be opened faster.
  private func viewFolders() -> [String] {
    let views = DataDirectory.viewsName
    return ((try? disk.list(path + "/" + views)) ?? []).map { "\(views)/\($0)/" }
  }

  /// Folders have no size, and neither has what cannot be opened.
  private func add(_ name: String, to report: inout StoreFilesReport) {
    guard name != "log", name != DataDirectory.secretsName,
      let file = try? disk.open(path + "/" + name, mode: .readOnly)
    else { return }
    defer { file.close() }
    guard let bytes = try? file.size() else { return }
    report.files.append(StoreFilesReport.File(name: name, bytes: bytes))
  }

  /// The page size that a valid meta block says; the default when there is none.
  public var pageSize: Int { info().newest?.pageSize ?? PageLayout.pageSizeDefault }

  /// At most `limit` pages from page `first` on.
  public func pages(from first: UInt64 = 0, limit: Int = .max) throws(DatabaseError) -> PageListing
  {
    let pageSize = pageSize
    do {
      let file = try disk.open(storePath, mode: .readOnly)
      defer { file.close() }
      var listing = PageListing(
        pageSize: pageSize, pageCount: try file.size() / UInt64(pageSize))
      var number = first
      while number < listing.pageCount, listing.pages.count < limit {
        listing.pages.append(try look(file, number, pageSize, withCells: false))
        number += 1
      }
      return listing
    } catch {
      throw DatabaseError(error)
    }
  }

  /// One page with its cells; `refused` when the file has no such page.
  public func page(_ number: UInt64) throws(DatabaseError) -> PageReport {
    let pageSize = pageSize
    do {
      let file = try disk.open(storePath, mode: .readOnly)
      defer { file.close() }
      let pageCount = try file.size() / UInt64(pageSize)
      guard number < pageCount else {
        throw DatabaseError.refused(
          "\(storePath) has no page \(number): it has \(pageCount), of \(pageSize) bytes")
      }
      return try look(file, number, pageSize, withCells: true)
    } catch {
      throw DatabaseError(error)
    }
  }

  /// `number` is below the page count, so that its offset is one.
  private func look(
    _ file: any DiskFile, _ number: UInt64, _ pageSize: Int, withCells: Bool
  ) throws(DiskError) -> PageReport {
    let offset = number * UInt64(pageSize)
    var report = PageReport(
      try file.read(pageSize, at: offset) ?? [], number: number, withCells: withCells)
    if report.kind == .damaged {
      report = PageReport(
        try file.read(pageSize, at: offset) ?? [], number: number, withCells: withCells)
    }
    return report
  }
}
