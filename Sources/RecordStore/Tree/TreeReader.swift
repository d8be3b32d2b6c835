// TreeReader: point gets in one tree. A descent costs a search a level; nothing is allocated and
// nothing is copied, the value is lent from its page. Scans are in TreeReader+scan.swift.
//
// Invariants
// 1. The level falls by one a step, so that a damaged reference cannot make a descent endless.
// 2. Pointers to pages are used within the read section that they were taken in.

import Bytes

/// Reads one tree as it is under one root. A value: as good as long as its root's pages are kept.
public struct TreeReader {
  public let pages: any PageReader
  public let root: TreeRoot

  public init(pages: any PageReader, root: TreeRoot) {
    self.pages = pages
    self.root = root
  }

  /// Calls `body` with the value of `key`, borrowed; nil when there is no such key.
  public func withValue<Result>(
    _ key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result? {
    if root.isEmpty { return nil }
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    return try key.withBorrowedBytes { (key) throws(StoreError) -> Result? in
      let leaf = try leaf(for: key)
      let (index, found) = leaf.search(key, from: 0)
      guard found else { return nil }
      return try Self.withPayload(leaf, index, pages, body)
    }
  }

  /// The value of `key`, copied.
  public func value(_ key: [UInt8]) throws(StoreError) -> [UInt8]? {
    try withValue(key) { (span) throws(StoreError) in [UInt8](copying: span) }
  }

  public func contains(_ key: [UInt8]) throws(StoreError) -> Bool {
    if root.isEmpty { return false }
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    return try key.withBorrowedBytes { (key) throws(StoreError) -> Bool in
      try leaf(for: key).search(key, from: 0).found
    }
  }

  /// The leaf under which `key` belongs; within a read section.
  @inline(__always)
  func leaf(for key: BorrowedBytes) throws(StoreError) -> PageView {
    let size = pages.pageSize
    var level = root.level
    var page = try Self.page(root.reference, level: level, size: size, pages)
    while level > 0 {
      level -= 1
      page = try Self.page(
        page.child(page.childIndex(for: key)), level: level, size: size, pages)
    }
    return page
  }

  @inline(__always)
  static func page(
    _ reference: PageReference, level: Int, size: Int, _ pages: any PageReader
  ) throws(StoreError) -> PageView {
    let page = PageView(try pages.page(reference), size: size)
    guard page.level == level else {
      throw StoreError.corrupt("page \(reference.number): level \(page.level), expected \(level)")
    }
    return page
  }

  @inline(__always)
  static func withPayload<Result>(
    _ leaf: PageView, _ index: Int, _ pages: any PageReader,
    _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let payload = leaf.payload(index)
    guard leaf.isOverflow(index) else { return try body(payload.buffer.bytes) }
    guard let overflow = OverflowValue(payload) else {
      throw StoreError.corrupt("page \(leaf.number): extents")
    }
    let value = try overflow.read(from: pages)
    return try body(value.span.bytes)
  }
}
