// Sealing: the pages of the group get their hashes, children before parents, so that one root
// reference vouches for the whole tree.

import Bytes

extension TreeEditor {
  /// Hashes every page of the group under `root`, and writes the number of the tree into it.
  /// Afterwards none of them may be changed.
  public func seal(_ root: inout TreeRoot, tree: UInt32 = 0) throws(StoreError) {
    guard !root.isSealed else { return }
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    root.reference.hash = try sealPage(
      root.reference.number, level: root.level, tree: tree)
  }

  /// Recursion is as deep as the tree: the level falls by one a call.
  private func sealPage(
    _ number: UInt64, level: Int, tree: UInt32
  ) throws(StoreError) -> UInt64 {
    guard let bytes = pages.editable(number) else {
      throw StoreError.corrupt("page \(number) is not of this group")
    }
    let page = MutablePage(bytes, size: pageSize)
    guard page.view.level == level else {
      throw StoreError.corrupt("page \(number): level \(page.view.level), expected \(level)")
    }
    if level > 0 {
      for index in 0..<page.view.count {
        var child = page.view.child(index)
        if child.hash == 0 {
          child.hash = try sealPage(child.number, level: level - 1, tree: tree)
          page.setChild(child, at: index)
        }
      }
    }
    return page.seal(tree: tree)
  }
}

extension MutablePage {
  /// Writes the tree's number and the hash into a complete page; gives the hash.
  func seal(tree: UInt32) -> UInt64 {
    base.storeBytes(of: tree.littleEndian, toByteOffset: PageLayout.treeOffset, as: UInt32.self)
    let hash = PageValidator.hash(UnsafeRawBufferPointer(start: base, count: size))
    store64(hash, size - PageLayout.trailerBytes)
    return hash
  }
}
