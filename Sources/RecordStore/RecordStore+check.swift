// check: proves the whole store, and contentHash: what two stores with equal records agree on.
//
// What check proves
// 1. Every page that the published trees reach is well-formed, in order, and reached once.
// 2. Every page of the file is exactly one of: reached, retired, free, part of a free map.
// 3. Every index holds exactly the entries that its table's rows ask for.
// 4. deep: the bytes on the disk, not only those in memory, fit their hashes; extents too.
// 5. deep: the checkpoints of both meta blocks are whole, and no page of theirs counts as free.

import Bytes
import CommitLog

/// What `check` found.
public struct CheckReport: Equatable, Sendable {
  /// One sentence a flaw; empty for a sound store.
  public var problems: [String] = []
  public var trees = 0
  public var entries: UInt64 = 0
  /// Pages that the published trees reach, large values included.
  public var reachedPages: UInt64 = 0
  public var retiredPages: UInt64 = 0
  public var freePages: UInt64 = 0
  public var freeMapPages: UInt64 = 0

  public var isSound: Bool { problems.isEmpty }
}

extension RecordStore {
  /// Proves the store. On the writer's thread, between two groups.
  public func check(deep: Bool = false) -> CheckReport {
    precondition(!pager.hasOpenGroup, "check runs between two groups")
    var report = CheckReport()
    var reached = PageBits(count: pager.space.pageCount)
    let publication = registry.publication
    checkTrees(publication.catalog, "published", deep: deep, &reached, &report)
    report.reachedPages = UInt64(reached.setCount)
    checkAccounts(reached, &report)
    checkIndexes(publication, &report)
    if deep {
      for meta in pager.metas {
        guard let meta else { continue }
        checkCheckpoint(meta, &report)
      }
    }
    return report
  }

  private func checkTrees(
    _ catalog: PageReference, _ name: String, deep: Bool, _ reached: inout PageBits,
    _ report: inout CheckReport
  ) {
    let roots: [(name: String, root: TreeRoot)]
    do throws(StoreError) {
      roots = try namedRoots(catalog)
    } catch {
      report.problems.append("\(name) catalog: \(error)")
      return
    }
    report.trees = roots.count - 1
    let check = TreeCheck(pages: pager, readsExtents: deep)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: pager.pageSize, alignment: 64)
    defer { scratch.deallocate() }
    for (tree, root) in roots {
      if tree != "catalog" { report.entries += root.entryCount }
      do throws(StoreError) {
        try check.walk(root) { (item) throws(StoreError) in
          try mark(item, &reached)
          if deep, case .page(let reference, _) = item,
            pager.cache.dirty(reference.number) == nil
          {
            try pager.file.read(reference, into: scratch)
          }
        }
      } catch {
        report.problems.append("\(name) \(tree): \(error)")
      }
    }
  }

  private func namedRoots(
    _ catalog: PageReference
  ) throws(StoreError) -> [(name: String, root: TreeRoot)] {
    let root = try Catalog.root(of: catalog, pages: pager)
    let roots = try Catalog.roots(of: catalog, pages: pager)
    return [("catalog", root)]
      + roots.all.map { (name: "tree \($0.key)", root: $0.value) }
  }

  private func mark(_ item: TreeCheck.Item, _ reached: inout PageBits) throws(StoreError) {
    let run = pager.run(of: item)
    guard run.first >= pager.space.firstPage, run.first < reached.count,
      run.count <= reached.count - run.first
    else { throw .corrupt("page \(run.first) is not a page of the file") }
    for page in run.pages {
      guard !reached[page] else { throw .corrupt("page \(page) is reached twice") }
      guard pager.space.taken[page] else { throw .corrupt("page \(page) is in use and free") }
    }
    reached.set(run.pages)
  }

  private func checkAccounts(_ reached: PageBits, _ report: inout CheckReport) {
    var accounted = reached
    func account(_ run: PageRun, as name: String) {
      for page in run.pages {
        if accounted[page] {
          report.problems.append("page \(page) is \(name) and something else")
        } else if !pager.space.taken[page] {
          report.problems.append("page \(page) is \(name) and free")
        }
      }
      accounted.set(run.pages)
    }
    var retired: UInt64 = 0
    pager.lives.forEachRetired { life in
      account(life.run, as: "retired")
      retired += life.run.count
    }
    report.retiredPages = retired
    for meta in pager.metas + [pager.frozen?.meta] {
      guard let meta else { continue }
      let run = pager.mapRun(meta)
      account(run, as: "a free map's")
      report.freeMapPages += run.count
    }
    report.freePages = pager.space.freeCount
    for page in pager.space.firstPage..<pager.space.pageCount
    where pager.space.taken[page] && !accounted[page] {
      report.problems.append("page \(page) is taken and belongs to nothing")
    }
  }

  /// Every row's entries are in the index with the row's key, and the index has no others: the
  /// numbers agree and the entries of different rows differ.
  private func checkIndexes(_ publication: Publication, _ report: inout CheckReport) {
    for table in tables.values.sorted(by: { $0.number < $1.number }) where !table.indexes.isEmpty {
      var expected: [UInt32: UInt64] = [:]
      func reader(_ tree: UInt32) -> TreeReader {
        TreeReader(pages: pager, root: publication.roots[tree] ?? .empty)
      }
      do throws(StoreError) {
        try reader(table.tree).scan(KeyRange(), reverse: false) { (key, value) throws(StoreError) in
          let row = [UInt8](copying: key)
          let changes = try IndexChanges(
            in: table, key: row, before: nil, after: [UInt8](copying: value))
          for entry in changes.coming {
            let tree = table.tree(at: entry.place)
            expected[tree, default: 0] += 1
            guard try reader(tree).value(entry.key) == row else {
              throw StoreError.corrupt(
                "a row of \(table.name) is missing in \(table.indexes[entry.place].name)")
            }
          }
          return .next
        }
      } catch {
        report.problems.append("indexes of \(table.name): \(error)")
        continue
      }
      for index in table.indexes {
        let tree = table.tree + index.number
        let (found, wanted) = (reader(tree).root.entryCount, expected[tree] ?? 0)
        if found != wanted {
          report.problems.append(
            "index \(index.name) of \(table.name) has \(found) entries, its rows ask for \(wanted)")
        }
      }
    }
  }

  private func checkCheckpoint(_ meta: MetaBlock, _ report: inout CheckReport) {
    do throws(StoreError) {
      var reached = PageBits(count: pager.space.pageCount)
      let check = TreeCheck(pages: pager, readsExtents: true)
      for (_, root) in try namedRoots(meta.root) {
        try check.walk(root) { (item) throws(StoreError) in try mark(item, &reached) }
      }
      // Read when it is opened after a crash, and by nobody until then.
      if meta.freeMap.firstPage != 0 { _ = try pager.file.read(meta.freeMap) }
    } catch {
      report.problems.append("checkpoint \(meta.lsn) of meta block \(meta.slot): \(error)")
    }
  }

  // MARK: Content

  /// 32 hexadecimal digits over all trees, keys and values in order: equal for equal records,
  /// however they came there and wherever their pages lie. Any thread.
  public func contentHash(_ snapshot: Snapshot) throws(StoreError) -> String {
    var hasher = ContentHasher()
    for tree in snapshot.trees {
      hasher.begin(tree: tree, entryCount: snapshot.entryCount(tree: tree))
      try snapshot.scan(tree: tree, KeyRange(), reverse: false) { key, value in
        hasher.add(key, value)
        return .next
      }
    }
    return hasher.finish()
  }
}
