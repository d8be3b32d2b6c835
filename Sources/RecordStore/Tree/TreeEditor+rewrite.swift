// Splits, merges and the growth and shrinking of the tree, all of them one operation: the cells of
// one or two neighbouring pages are gathered, cut into runs, and written to pages that take the old
// ones' place in the branch above.

import Bytes

extension TreeEditor {
  /// Keeps at least this part of a page free after a compaction, else splits: otherwise a page that
  /// is almost full would be compacted at every put.
  private var compactionSlack: Int { pageSize / 32 }
  /// Pages with fewer cells are compacted to the last byte: they cost little.
  private static var smallCount: Int { 8 }

  /// Writes the path's leaf anew with one more cell.
  func rewriteLeaf(
    _ root: inout TreeRoot, inserting cell: LooseCell, at index: Int
  ) throws(StoreError) {
    let depth = path.count - 1
    gather(path[depth].page)
    run.insert(cell, at: index)
    let appending = index == run.count - 1 && isOnRightEdge(depth)
    let pages = try write(over: path[depth].page, appending: appending)
    try replace(&root, depth: depth, by: pages, removing: 0)
  }

  /// After a removal from the path's leaf: lets go of an empty page, relieves an underfull one.
  func settle(_ root: inout TreeRoot) throws(StoreError) {
    let depth = path.count - 1
    let leaf = path[depth].page
    if leaf.view.count == 0 {
      pages.retire(leaf.view.number)
      try replace(&root, depth: depth, by: [], removing: 0)
    } else if let relief = try relieve(depth) {
      try replace(&root, depth: depth, by: relief, removing: 1)
    }
  }

  private func isOnRightEdge(_ depth: Int) -> Bool {
    path[..<depth].allSatisfy { $0.index == $0.page.view.count - 1 }
  }

  /// Starts a run with the cells of `page`, from a copy of it.
  private func gather(_ page: MutablePage) {
    scratch.copyMemory(from: page.base, byteCount: pageSize)
    run.reset(level: page.view.level)
    run.append(page: PageView(scratch, size: pageSize))
  }

  /// Writes the run to `page` and as many new pages as it takes.
  private func write(
    over page: MutablePage, appending: Bool
  ) throws(StoreError) -> [Replacement] {
    run.prepare()
    bounds.removeAll(keepingCapacity: true)
    let limit = run.count > Self.smallCount ? pageSize - compactionSlack : pageSize
    run.partition(
      0..<run.count, pageSize: pageSize, limit: limit, appending: appending, into: &bounds)
    return try writeBounds([page])
  }

  /// Writes the runs of `bounds`, first to the given pages, then to new ones.
  private func writeBounds(_ targets: [MutablePage]) throws(StoreError) -> [Replacement] {
    var replacements: [Replacement] = []
    for (position, range) in bounds.enumerated() {
      var target: (page: MutablePage, number: UInt64)
      if position < targets.count {
        target = (targets[position], targets[position].view.number)
      } else {
        let (number, bytes) = try pages.newPage()
        target = (MutablePage(bytes, size: pageSize), number)
      }
      let separator = position == 0 ? [] : run.separator(at: range.lowerBound)
      replacements.append(Replacement(number: target.number, separator: separator))
      run.write(range, to: target.page, number: target.number)
    }
    return replacements
  }

  /// The path's page at `depth`, and `removed` children right of it, give way to `replacements`;
  /// the branches above follow, up to the root.
  private func replace(
    _ root: inout TreeRoot, depth: Int, by replacements: [Replacement], removing removed: Int
  ) throws(StoreError) {
    var depth = depth
    var replacements = replacements
    var removed = removed
    while depth > 0 {
      depth -= 1
      guard
        let above = try replaceChildren(depth, by: replacements, removing: removed)
      else { return try collapse(&root) }
      replacements = above
      removed = 0
      if replacements.count == 1 {
        guard let relief = try relieve(depth) else { return try collapse(&root) }
        replacements = relief
        removed = 1
      }
    }
    try replaceRoot(&root, by: replacements)
  }

  /// Does it in one branch. Nil when the branch needs no more care, else what takes its place.
  private func replaceChildren(
    _ depth: Int, by replacements: [Replacement], removing removed: Int
  ) throws(StoreError) -> [Replacement]? {
    let branch = path[depth].page
    let index = path[depth].index
    if let first = replacements.first {
      branch.setChild(PageReference(number: first.number, hash: 0), at: index)
    }
    switch (replacements.count, removed) {
    case (1, 0): return nil
    case (1, 1):
      branch.removeCell(at: index + 1)
      return [Replacement(number: branch.view.number, separator: [])]
    case (0, 0) where index > 0:
      branch.removeCell(at: index)
      return [Replacement(number: branch.view.number, separator: [])]
    case (2, 0):
      let fits = insert(replacements[1], into: branch, at: index + 1)
      if fits { return nil }
    default: break
    }
    return try rewriteBranch(depth, by: replacements, removing: removed)
  }

  private func insert(
    _ replacement: Replacement, into branch: MutablePage, at index: Int
  ) -> Bool {
    replacement.separator.withBorrowedBytes { key in
      guard branch.hasRoom(for: key, payloadBytes: PageLayout.referenceBytes) else { return false }
      let reference = Self.payload(of: replacement)
      reference.withBorrowedBytes { payload in
        branch.insertCell(
          at: index, key: key, info: UInt16(PageLayout.referenceBytes), payload: payload.start)
      }
      return true
    }
  }

  private static func payload(of replacement: Replacement) -> [UInt8] {
    var writer = ByteWriter(reserving: PageLayout.referenceBytes)
    writer.u64(replacement.number)
    writer.u64(0)
    return writer.bytes
  }

  private func rewriteBranch(
    _ depth: Int, by replacements: [Replacement], removing removed: Int
  ) throws(StoreError) -> [Replacement] {
    let branch = path[depth].page
    let index = path[depth].index
    gather(branch)
    let kept = replacements.isEmpty ? index : index + 1
    run.remove(kept..<index + 1 + removed)
    // The new cells' bytes must outlive the run: one block for all of them.
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: max(
        1, replacements.count * (PageLayout.referenceBytes + KeyLimits.keyBytesMax)),
      alignment: 8)
    defer { block.deallocate() }
    var offset = 0
    for (position, replacement) in replacements.enumerated().dropFirst() {
      let bytes = Self.payload(of: replacement) + replacement.separator
      bytes.withBorrowedBytes { (block + offset).copyMemory(from: $0.start, byteCount: $0.count) }
      let key = BorrowedBytes(
        start: block + offset + PageLayout.referenceBytes, count: replacement.separator.count)
      run.insert(
        LooseCell(
          prefix: BorrowedBytes(start: key.start, count: 0), suffix: key,
          info: UInt16(PageLayout.referenceBytes), payload: block + offset),
        at: index + position)
      offset += bytes.count
    }
    guard run.count > 0 else {
      pages.retire(branch.view.number)
      return []
    }
    let appending =
      replacements.count > 1 && removed == 0 && index + replacements.count == run.count
      && isOnRightEdge(depth)
    return try write(over: branch, appending: appending)
  }

  /// Merges an underfull page with a neighbour, or shares their cells evenly. Nil when there is
  /// nothing to do; else the pages that replace the left one, the right one being removed.
  private func relieve(_ depth: Int) throws(StoreError) -> [Replacement]? {
    guard depth > 0 else { return nil }
    let page = path[depth].page
    let isLonely = page.view.level > 0 && page.view.count == 1
    guard page.view.usedBytes < pageSize / 4 || isLonely else { return nil }
    let parent = path[depth - 1].page
    let index = path[depth - 1].index
    guard parent.view.count > 1 else { return nil }
    let hasRight = index + 1 < parent.view.count
    let sibling = try ownChild(
      of: parent, at: hasRight ? index + 1 : index - 1, level: page.view.level)
    let left = hasRight ? page : sibling
    let right = hasRight ? sibling : page
    let leftIndex = hasRight ? index : index - 1
    path[depth - 1].index = leftIndex
    gather(left)
    let rightCopy = scratch + pageSize
    rightCopy.copyMemory(from: right.base, byteCount: pageSize)
    let between = LooseCell(
      prefix: parent.view.prefix, suffix: parent.view.suffix(leftIndex + 1), info: 0,
      payload: rightCopy)
    run.append(page: PageView(rightCopy, size: pageSize), firstKey: between)
    run.prepare()
    bounds.removeAll(keepingCapacity: true)
    // A merged page keeps an eighth free, so that the next put does not split it again.
    let limit = pageSize - pageSize / 8
    run.partition(
      0..<run.count, pageSize: pageSize, limit: limit, appending: false, into: &bounds)
    guard bounds.count <= 2 else { return nil }
    if bounds.count == 1 { pages.retire(right.view.number) }
    return try writeBounds([left, right])
  }

  /// The root's page gave way to others: a new root above several, an empty tree for none.
  private func replaceRoot(
    _ root: inout TreeRoot, by replacements: [Replacement]
  ) throws(StoreError) {
    guard let first = replacements.first else {
      root = .empty
      return
    }
    root.reference = PageReference(number: first.number, hash: 0)
    guard replacements.count > 1 else { return try collapse(&root) }
    guard root.level + 1 < PageLayout.depthMax else {
      throw StoreError.corrupt("tree of page \(first.number): too deep")
    }
    let (number, bytes) = try pages.newPage()
    let branch = MutablePage(bytes, size: pageSize)
    branch.start(level: root.level + 1, number: number, prefix: 0)
    for (index, replacement) in replacements.enumerated() {
      guard insert(replacement, into: branch, at: index) else {
        throw StoreError.corrupt("page \(number): root without room")
      }
    }
    root.reference = PageReference(number: number, hash: 0)
    root.level += 1
  }

  /// A root branch with a single child gives way to it.
  private func collapse(_ root: inout TreeRoot) throws(StoreError) {
    while root.level > 0 {
      let page = try TreeReader.page(root.reference, level: root.level, size: pageSize, pages)
      guard page.count == 1 else { return }
      let child = page.child(0)
      pages.retire(root.reference.number)
      root.reference = child
      root.level -= 1
    }
  }
}
