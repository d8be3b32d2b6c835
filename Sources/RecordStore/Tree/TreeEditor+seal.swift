// Sealing: the pages of the group get their hashes, children before parents, so that one root
// reference vouches for the whole tree.
//
// All pages of one level are hashed before the level above, four at a time (XXH64.hashFour): a group
// of random keys has many leaves and as many branches.

import Bytes

extension TreeEditor {
  /// A page of the group that has no hash yet, and where the reference to it stands.
  struct Unsealed {
    var page: MutablePage
    /// Nil for the root.
    var parent: MutablePage?
    var index: Int
  }

  /// Hashes every page of the group under `root`, and writes the number of the tree into it.
  /// Afterwards none of them may be changed.
  public func seal(_ root: inout TreeRoot, tree: UInt32 = 0) throws(StoreError) {
    guard !root.isSealed else { return }
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    path.removeAll(keepingCapacity: true)
    unsealed.removeAll(keepingCapacity: true)
    unsealed.append(
      Unsealed(
        page: try unsealedPage(root.reference.number, level: root.level), parent: nil, index: 0))
    // Where each level begins in `unsealed`, the root's first.
    var starts = [0]
    for level in stride(from: root.level, to: 0, by: -1) {
      let range = starts[starts.count - 1]..<unsealed.count
      starts.append(range.upperBound)
      for place in range { try gatherUnsealed(under: unsealed[place].page, level: level - 1) }
    }
    var end = unsealed.count
    for start in starts.reversed() {
      sealPages(start..<end, tree: tree, root: &root)
      end = start
    }
  }

  private func gatherUnsealed(under page: MutablePage, level: Int) throws(StoreError) {
    for index in 0..<page.view.count {
      let child = page.view.child(index)
      guard child.hash == 0 else { continue }
      unsealed.append(
        Unsealed(page: try unsealedPage(child.number, level: level), parent: page, index: index))
    }
  }

  private func unsealedPage(
    _ number: UInt64, level: Int
  ) throws(StoreError) -> MutablePage {
    guard let bytes = pages.editable(number) else {
      throw StoreError.corrupt("page \(number) is not of this group")
    }
    let page = MutablePage(bytes, size: pageSize)
    guard page.view.level == level else {
      throw StoreError.corrupt("page \(number): level \(page.view.level), expected \(level)")
    }
    return page
  }

  /// Seals pages of one level and writes their hashes into the references to them.
  private func sealPages(_ places: Range<Int>, tree: UInt32, root: inout TreeRoot) {
    for place in places { unsealed[place].page.setTree(tree) }
    var next = places.lowerBound
    while next < places.upperBound {
      let count = min(4, places.upperBound - next)
      if count == 1 {
        note(PageValidator.hash(unsealed[next].page.bytes), of: unsealed[next], root: &root)
      } else {
        // A page that is missing in the last four is made up for by hashing another one again.
        let last = next + count - 1
        let (first, second) = (unsealed[next], unsealed[next + 1])
        let (third, fourth) = (unsealed[min(next + 2, last)], unsealed[last])
        let hashes = PageValidator.hashFour(
          first.page.base, second.page.base, third.page.base, fourth.page.base, size: pageSize)
        note(hashes.0, of: first, root: &root)
        note(hashes.1, of: second, root: &root)
        if count > 2 { note(hashes.2, of: third, root: &root) }
        if count > 3 { note(hashes.3, of: fourth, root: &root) }
      }
      next += count
    }
  }

  private func note(_ hash: UInt64, of unsealed: Unsealed, root: inout TreeRoot) {
    unsealed.page.setHash(hash)
    if let parent = unsealed.parent {
      parent.setChild(
        PageReference(number: unsealed.page.view.number, hash: hash), at: unsealed.index)
    } else {
      root.reference.hash = hash
    }
  }
}

extension MutablePage {
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: size) }

  func setTree(_ tree: UInt32) {
    base.storeBytes(of: tree.littleEndian, toByteOffset: PageLayout.treeOffset, as: UInt32.self)
  }

  func setHash(_ hash: UInt64) { store64(hash, size - PageLayout.trailerBytes) }

  /// Writes the tree's number and the hash into a complete page; gives the hash.
  func seal(tree: UInt32) -> UInt64 {
    setTree(tree)
    let hash = PageValidator.hash(bytes)
    setHash(hash)
    return hash
  }
}
