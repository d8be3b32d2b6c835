// TreeCheck: visits every page and extent of a tree and proves the tree as a whole: what a
// validator of single pages cannot see. Used by `check`, to rebuild the free map, and in tests.
//
// It proves
// 1. every page well-formed (PageValidator), reached by its number, its level one below its parent;
// 2. every key at or above the separator left of it and below the one right of it;
// 3. every large value's extents readable, when asked to;
// 4. as many entries as the root says.

import Bytes

public struct TreeCheck {
  public enum Item: Sendable {
    case page(PageReference, level: Int)
    case extent(ExtentReference)
  }

  public let pages: any PageReader
  /// False for the writer's unsealed trees, whose references have no hashes yet.
  public let isSealed: Bool
  /// Read every extent, so that its hash is verified.
  public let readsExtents: Bool

  public init(pages: any PageReader, isSealed: Bool = true, readsExtents: Bool = false) {
    self.pages = pages
    self.isSealed = isSealed
    self.readsExtents = readsExtents
  }

  /// Visits the pages and extents of `root`'s tree, parents before children. Throws `.corrupt` at
  /// the first flaw; what was visited before it is sound.
  public func walk(
    _ root: TreeRoot, _ visit: (Item) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard !root.isEmpty else {
      guard root.entryCount == 0, root.level == 0 else {
        throw StoreError.corrupt("empty tree with \(root.entryCount) entries")
      }
      return
    }
    guard root.level < PageLayout.depthMax else {
      throw StoreError.corrupt("page \(root.reference.number): level \(root.level)")
    }
    var entryCount: UInt64 = 0
    try walk(
      root.reference, level: root.level, lower: nil, upper: nil, entryCount: &entryCount, visit)
    guard entryCount == root.entryCount else {
      throw StoreError.corrupt(
        "tree of page \(root.reference.number): \(entryCount) entries, expected "
          + "\(root.entryCount)")
    }
  }

  private struct Child {
    var reference: PageReference
    var lower: [UInt8]?
    var upper: [UInt8]?
  }

  /// Recursion is as deep as the tree: the level falls by one a call.
  private func walk(
    _ reference: PageReference, level: Int, lower: [UInt8]?, upper: [UInt8]?,
    entryCount: inout UInt64, _ visit: (Item) throws(StoreError) -> Void
  ) throws(StoreError) {
    var children: [Child] = []
    var extents: [ExtentReference] = []
    try read(
      reference, level: level, lower: lower, upper: upper, children: &children,
      extents: &extents, entryCount: &entryCount)
    try visit(.page(reference, level: level))
    for extent in extents {
      if readsExtents { _ = try pages.extent(extent) }
      try visit(.extent(extent))
    }
    for child in children {
      try walk(
        child.reference, level: level - 1, lower: child.lower, upper: child.upper,
        entryCount: &entryCount, visit)
    }
  }

  /// One page within one read section: what is below it is copied out.
  private func read(
    _ reference: PageReference, level: Int, lower: [UInt8]?, upper: [UInt8]?,
    children: inout [Child], extents: inout [ExtentReference], entryCount: inout UInt64
  ) throws(StoreError) {
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    let page = try TreeReader.page(reference, level: level, size: pages.pageSize, pages)
    try PageValidator.validate(
      UnsafeRawBufferPointer(start: page.base, count: page.size),
      expectedNumber: reference.number, isSealed: isSealed)
    let first = level > 0 ? 1 : 0
    if first < page.count {
      if let lower, page.key(first).isBelow(lower) {
        throw StoreError.corrupt("page \(reference.number): key below its separator")
      }
      if let upper, !page.key(page.count - 1).isBelow(upper) {
        throw StoreError.corrupt("page \(reference.number): key above its separator")
      }
    }
    for index in 0..<page.count {
      if level > 0 {
        children.append(
          Child(
            reference: page.child(index), lower: index == 0 ? lower : page.key(index),
            upper: index + 1 < page.count ? page.key(index + 1) : upper))
      } else if page.isOverflow(index), let overflow = OverflowValue(page.payload(index)) {
        for position in 0..<overflow.extentCount { extents.append(overflow.extent(position)) }
      }
    }
    if level == 0 { entryCount += UInt64(page.count) }
  }
}
