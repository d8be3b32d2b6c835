// WorkingTrees: the writer's mutable state, all trees as the next group will leave them.
//
// Life of a group: any number of `apply` -> `seal` -> the pager publishes the catalog's reference
// and ends the group. If an `apply` or `seal` throws, `rollBack` forgets the group; the pager drops
// its pages and its retirements.
//
// Invariants
// 1. `roots` is complete: a tree that is not in it is empty.
// 2. Between groups every root is sealed, and `roots` is what the catalog holds.
// 3. Live transactions and replayed entries go through the same `apply` of an overlay.

import Bytes
import CommitLog

/// Not for concurrent use; belongs to the one writer.
public final class WorkingTrees {
  public let pages: any PageWriter
  /// Tree number to root, unsealed ones included. Snapshots copy it after `seal`.
  // Not checked for overlapping accesses while the process runs: see Transaction.
  @exclusivity(unchecked) public private(set) var roots: TreeRoots
  @exclusivity(unchecked) private var catalog: TreeRoot
  private let editor: TreeEditor
  /// Numbers of the trees that the group has changed, rising.
  @exclusivity(unchecked) private var changed: [UInt32] = []
  private var sealed: (roots: TreeRoots, catalog: TreeRoot)

  /// Opens the trees of a sealed catalog; page number 0 is a new store.
  public init(pages: any PageWriter, catalog: PageReference) throws(StoreError) {
    self.pages = pages
    self.catalog = try Catalog.root(of: catalog, pages: pages)
    roots = try Catalog.roots(of: catalog, pages: pages)
    editor = TreeEditor(pages: pages)
    sealed = (roots, self.catalog)
  }

  /// Reads a tree with all that has been applied.
  public func reader(_ tree: UInt32) -> TreeReader {
    TreeReader(pages: pages, root: roots[tree] ?? .empty)
  }

  /// Writes what a transaction has put and deleted, trees and keys in ascending order.
  public func apply(_ overlay: TransactionOverlay) throws(StoreError) {
    try apply(overlay) { () throws(StoreError) in }
  }

  /// Rows in one go, before `pause` is called again.
  private static let replayedAtOnce = 256

  /// Applies logged transactions again, merged.
  public func replay(
    _ entries: [LogEntry], tables: [UInt32: TableDescriptor]
  ) throws(StoreError) {
    var rows = ReplayRows(entries)
    rows.sort()
    try replay(rows, tables: tables) { () throws(StoreError) in }
  }

  /// Applies rows of the log, sorted, and what follows from them in the indexes.
  func replay(
    _ rows: ReplayRows, tables: [UInt32: TableDescriptor], pause: () throws(StoreError) -> Void
  ) throws(StoreError) {
    let indexes = try TransactionOverlay(indexing: rows, tables: tables, over: self)
    for range in rows.treeRanges {
      let number = rows.rows[range.lowerBound].tree
      for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.replayedAtOnce) {
        let end = min(range.upperBound, start + Self.replayedAtOnce)
        try change(number) { (root) throws(StoreError) in
          try editor.write(rows, start..<end, to: &root)
        }
        try pause()
      }
    }
    try apply(indexes, pause: pause)
  }

  /// `pause` is called now and then, with the trees in order; it may `seal`.
  private func apply(
    _ overlay: TransactionOverlay, pause: () throws(StoreError) -> Void
  ) throws(StoreError) {
    for chunk in overlay.chunks {
      var start = 0
      while start < chunk.count {
        let number = chunk[start].tree
        var end = start + 1
        while end < chunk.count, chunk[end].tree == number { end += 1 }
        try change(number) { (root) throws(StoreError) in
          try editor.write(chunk, start..<end, to: &root)
        }
        start = end
      }
      try pause()
    }
  }

  private func change(
    _ number: UInt32, _ body: (inout TreeRoot) throws(StoreError) -> Void
  ) throws(StoreError) {
    var root = roots[number] ?? .empty
    noteChange(of: number)
    // Kept in step even when a call throws, so that nothing reads a half-changed old root.
    defer { roots[number] = root }
    try body(&root)
  }

  private func noteChange(of number: UInt32) {
    var (low, high) = (0, changed.count)
    while low < high {
      let middle = (low + high) / 2
      if changed[middle] < number { low = middle + 1 } else { high = middle }
    }
    if low == changed.count || changed[low] != number { changed.insert(number, at: low) }
  }

  /// Makes the pages of the catalog that `seal` will change ones of the group: afterwards it reads none
  /// and takes none.
  public func beginSeal() throws(StoreError) {
    for number in changed {
      let key = Bytes.key(number)
      if let root = roots[number] {
        // Its hash follows; the length of the entry is the same.
        try editor.put(&catalog, key: key, value: root.encoded)
      } else {
        try editor.delete(&catalog, key: key)
      }
    }
  }

  /// Ends the group: hashes its pages and gives the reference of the catalog's root page.
  public func seal() throws(StoreError) -> PageReference {
    for number in changed {
      let key = Bytes.key(number)
      if var root = roots[number] {
        try editor.seal(&root, tree: number)
        roots[number] = root
        try editor.put(&catalog, key: key, value: root.encoded)
      } else {
        try editor.delete(&catalog, key: key)
      }
    }
    try editor.seal(&catalog)
    changed.removeAll(keepingCapacity: true)
    sealed = (roots, catalog)
    return catalog.reference
  }

  /// Forgets everything since the last `seal`.
  public func rollBack() {
    (roots, catalog) = sealed
    changed.removeAll(keepingCapacity: true)
  }
}
