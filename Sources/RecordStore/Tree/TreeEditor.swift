// TreeEditor: puts and deletes by copy-on-write, once a page and group.
//
// Invariants
// 1. A reference with hash 0 leads to a page of the current group, which is changed in place. Any
//    other page is copied to a new one before its first change, and the old one retired.
// 2. Every page has at least one cell; an empty tree has no page.
// 3. If a call throws, the tree is no longer usable: the group is dropped with all its pages
//    (WorkingTrees.rollBack), there is no undo by hand.
// 4. Between two keys of `write`, `path` is the way to the first: owned pages whose cells have moved
//    since only in the leaf. Splits and merges empty it.
//
// A put: own the path (copy what is sealed) -> search the leaf -> insert in place, or rewrite the
// leaf as one or more pages -> hand the new pages to the branch above, which does the same.

import Bytes

/// Changes trees. One instance serves all trees of one writer; not for concurrent use.
public final class TreeEditor {
  struct Step {
    var page: MutablePage
    /// The child through which the path goes on; for a leaf the slot that is worked on.
    var index: Int
  }

  /// A page that takes a child's place in the branch above; the first keeps the old separator.
  struct Replacement {
    var number: UInt64
    var separator: [UInt8]
  }

  public let pages: any PageWriter
  let pageSize: Int
  /// Room for copies of two pages that are being rewritten.
  let scratch: UnsafeMutableRawPointer
  // Not checked for overlapping accesses while the process runs: one thread uses an editor, and none of
  // these is lent to anybody.
  @exclusivity(unchecked) var path: [Step] = []
  @exclusivity(unchecked) var run = CellRun()
  /// What `seal` has found; kept for its memory.
  @exclusivity(unchecked) var unsealed: [Unsealed] = []
  @exclusivity(unchecked) var bounds: [Range<Int>] = []

  public init(pages: any PageWriter) {
    self.pages = pages
    pageSize = pages.pageSize
    scratch = .allocate(byteCount: 2 * pages.pageSize, alignment: 16)
    path.reserveCapacity(PageLayout.depthMax)
  }

  deinit { scratch.deallocate() }

  /// Sets `key` to `value`; whether there was a value before.
  /// Errors: `.keyTooLong`, `.valueTooLong` (nothing changed); what the pages throw.
  @discardableResult
  public func put(
    _ root: inout TreeRoot, key: [UInt8], value: [UInt8]
  ) throws(StoreError) -> Bool {
    path.removeAll(keepingCapacity: true)
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    return try key.withBorrowedBytes { (key) throws(StoreError) -> Bool in
      try value.withBorrowedBytes { (value) throws(StoreError) -> Bool in
        try set(&root, key, value)
      }
    }
  }

  /// Removes `key`; whether it was there.
  @discardableResult
  public func delete(_ root: inout TreeRoot, key: [UInt8]) throws(StoreError) -> Bool {
    path.removeAll(keepingCapacity: true)
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    return try key.withBorrowedBytes { (key) throws(StoreError) -> Bool in
      try remove(&root, key)
    }
  }

  /// Puts and deletes entries of one tree in ascending order of the keys, each key once. What the ways to
  /// two keys have in common is gone once.
  func write(
    _ entries: [TransactionOverlay.Entry], _ range: Range<Int>, to root: inout TreeRoot
  ) throws(StoreError) {
    path.removeAll(keepingCapacity: true)
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    for entry in entries[range] {
      try entry.key.withBorrowedBytes { (key) throws(StoreError) in
        if let value = entry.value {
          try value.withBorrowedBytes { (value) throws(StoreError) in
            _ = try set(&root, key, value)
          }
        } else {
          _ = try remove(&root, key)
        }
      }
    }
  }

  /// The newest of the rows of each key in `range`, which are sorted and of one tree.
  func write(
    _ rows: ReplayRows, _ range: Range<Int>, to root: inout TreeRoot
  ) throws(StoreError) {
    path.removeAll(keepingCapacity: true)
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    for index in range where !rows.isReplaced(index) {
      try rows.withRow(index) { (key, value) throws(StoreError) in
        if let value {
          _ = try set(&root, key, value)
        } else {
          _ = try remove(&root, key)
        }
      }
    }
  }

  private func set(
    _ root: inout TreeRoot, _ key: BorrowedBytes, _ value: BorrowedBytes
  ) throws(StoreError) -> Bool {
    guard key.count <= KeyLimits.keyBytesMax else {
      throw StoreError.keyTooLong(bytes: key.count)
    }
    guard value.count <= KeyLimits.valueBytesMax else {
      throw StoreError.valueTooLong(bytes: value.count)
    }
    guard value.count > PageLayout.inlineValueBytesMax(pageSize: pageSize) else {
      return try insert(&root, key, UInt16(truncatingIfNeeded: value.count), value.start)
    }
    let payload = try OverflowValue.write([UInt8](value.buffer), to: pages)
    let info = UInt16(truncatingIfNeeded: payload.count) | PageLayout.overflowBit
    return try payload.withBorrowedBytes { (payload) throws(StoreError) in
      try insert(&root, key, info, payload.start)
    }
  }

  private func insert(
    _ root: inout TreeRoot, _ key: BorrowedBytes, _ info: UInt16, _ payload: UnsafeRawPointer
  ) throws(StoreError) -> Bool {
    let payloadBytes = Int(info & ~PageLayout.overflowBit)
    if root.isEmpty {
      let (number, bytes) = try pages.newPage()
      let leaf = MutablePage(bytes, size: pageSize)
      leaf.start(level: 0, number: number, prefix: 0)
      leaf.insertCell(at: 0, key: key, info: info, payload: payload)
      root = TreeRoot(
        reference: PageReference(number: number, hash: 0), level: 0, entryCount: 1)
      return false
    }
    let leaf = try ownPath(&root, key)
    let (index, found) = leaf.view.search(key, from: 0)
    if found {
      try retireExtents(leaf.view, index)
      if leaf.view.payloadInfo(index) == info {
        leaf.replacePayload(at: index, with: payload)
        return true
      }
      leaf.removeCell(at: index)
    } else {
      root.entryCount += 1
    }
    if leaf.hasRoom(for: key, payloadBytes: payloadBytes) {
      leaf.insertCell(at: index, key: key, info: info, payload: payload)
    } else {
      let cell = LooseCell(
        prefix: BorrowedBytes(start: key.start, count: 0), suffix: key, info: info,
        payload: payload)
      try rewriteLeaf(&root, inserting: cell, at: index)
      path.removeAll(keepingCapacity: true)
    }
    return found
  }

  /// A key that is not there costs a copy of the way to it, and changes nothing.
  private func remove(_ root: inout TreeRoot, _ key: BorrowedBytes) throws(StoreError) -> Bool {
    if root.isEmpty { return false }
    let leaf = try ownPath(&root, key)
    let (index, found) = leaf.view.search(key, from: 0)
    guard found else { return false }
    try retireExtents(leaf.view, index)
    leaf.removeCell(at: index)
    root.entryCount -= 1
    try settle(&root)
    path.removeAll(keepingCapacity: true)
    return true
  }

  private func retireExtents(_ leaf: PageView, _ index: Int) throws(StoreError) {
    guard leaf.isOverflow(index) else { return }
    guard let overflow = OverflowValue(leaf.payload(index)) else {
      throw StoreError.corrupt("page \(leaf.number): extents")
    }
    for index in 0..<overflow.extentCount { pages.retire(overflow.extent(index)) }
  }

  /// Makes every page on the way to `key` one of this group and notes the way in `path`. What `path`
  /// holds before is the way to a smaller key in the same tree, or nothing.
  private func ownPath(
    _ root: inout TreeRoot, _ key: BorrowedBytes
  ) throws(StoreError) -> MutablePage {
    if let leaf = sharedPath(key) { return leaf }
    if path.isEmpty {
      path.append(Step(page: try own(&root.reference, level: root.level), index: 0))
    }
    var level = root.level - path.count + 1
    var page = path[path.count - 1].page
    while level > 0 {
      level -= 1
      let index = page.view.childIndex(for: key)
      path[path.count - 1].index = index
      page = try ownChild(of: page, at: index, level: level)
      path.append(Step(page: page, index: 0))
    }
    return page
  }

  /// Cuts `path` off where the way to `key`, which is above that of the path, leaves it; gives the leaf
  /// when it does not.
  @inline(__always)
  private func sharedPath(_ key: BorrowedBytes) -> MutablePage? {
    guard let leaf = path.last else { return nil }
    for depth in 0..<path.count - 1 {
      let (branch, next) = (path[depth].page.view, path[depth].index + 1)
      // Beyond the last child the bound is the one of the branch above, which holds.
      guard next < branch.count, !branch.isAbove(key, next) else { continue }
      path.removeLast(path.count - 1 - depth)
      return nil
    }
    return leaf.page
  }

  @inline(__always)
  func ownChild(
    of page: MutablePage, at index: Int, level: Int
  ) throws(StoreError) -> MutablePage {
    let old = page.view.child(index)
    var reference = old
    let child = try own(&reference, level: level)
    if reference != old { page.setChild(reference, at: index) }
    return child
  }

  @inline(__always)
  private func own(
    _ reference: inout PageReference, level: Int
  ) throws(StoreError) -> MutablePage {
    let page: MutablePage
    if reference.hash == 0 {
      guard let bytes = pages.editable(reference.number) else {
        throw StoreError.corrupt("page \(reference.number) is not of this group")
      }
      page = MutablePage(bytes, size: pageSize)
    } else {
      let source = try pages.page(reference)
      let (number, bytes) = try pages.newPage()
      page = MutablePage(bytes, size: pageSize)
      page.copy(source, number: number)
      pages.retire(reference.number)
      reference = PageReference(number: number, hash: 0)
    }
    guard page.view.level == level else {
      throw StoreError.corrupt("page \(reference.number): level \(page.view.level)")
    }
    return page
  }
}
