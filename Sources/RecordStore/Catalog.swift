// Catalog: the tree of trees. Its key is a tree's number, u32 big-endian; its value the tree's root
// (TreeRoot, 32 bytes). A tree without entries is not in it. One page reference, the catalog's root
// page, thus vouches for the whole store.

import Bytes

public enum Catalog {
  /// The roots of all trees under a sealed catalog; number 0 is the catalog of a new store.
  public static func roots(
    of catalog: PageReference, pages: any PageReader
  ) throws(StoreError) -> TreeRoots {
    let tree = TreeReader(pages: pages, root: try root(of: catalog, pages: pages))
    var roots = TreeRoots()
    try tree.scan(KeyRange(), reverse: false) { (key, value) throws(StoreError) in
      do throws(DecodeError) {
        var number = KeyReader(key)
        roots[try number.read(UInt32.self)] = try TreeRoot(decoding: value)
        guard number.isAtEnd else { throw DecodeError(.invalid, "tree number", at: 4) }
      } catch {
        throw StoreError.corrupt("catalog \(catalog.number): \(error)")
      }
      return .next
    }
    return roots
  }

  /// The catalog as a tree. Its level stands in its root page, its entries are counted: there are a
  /// few hundred.
  public static func root(
    of catalog: PageReference, pages: any PageReader
  ) throws(StoreError) -> TreeRoot {
    guard catalog.number != 0 else { return .empty }
    let ticket = pages.beginReading()
    let level: Int
    do {
      defer { pages.endReading(ticket) }
      level = PageView(try pages.page(catalog), size: pages.pageSize).level
    }
    guard level < PageLayout.depthMax else {
      throw StoreError.corrupt("catalog \(catalog.number): level \(level)")
    }
    var root = TreeRoot(reference: catalog, level: level, entryCount: 0)
    var count: UInt64 = 0
    try TreeReader(pages: pages, root: root).scan(KeyRange(), reverse: false) { _, _ in
      count += 1
      return .next
    }
    root.entryCount = count
    return root
  }
}
