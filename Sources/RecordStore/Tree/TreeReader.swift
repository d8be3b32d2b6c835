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
    var result: Result?
    _ = try Self.visit(key, under: root, pages) { (value) throws(StoreError) in
      result = try body(value)
    }
    return result
  }

  /// The value of `key`, copied.
  public func value(_ key: [UInt8]) throws(StoreError) -> [UInt8]? {
    try withValue(key) { (span) throws(StoreError) in [UInt8](copying: span) }
  }

  public func contains(_ key: [UInt8]) throws(StoreError) -> Bool {
    try Self.visit(key, under: root, pages) { _ in }
  }

  /// Calls `body` with the value of `key` under `root`; false when there is no such key. Generic
  /// over the pages, so that for a snapshot every step of the descent is a direct call.
  static func visit<Pages: PageReader>(
    _ key: [UInt8], under root: TreeRoot, _ pages: Pages,
    _ body: (RawSpan) throws(StoreError) -> Void
  ) throws(StoreError) -> Bool {
    if root.isEmpty { return false }
    let ticket = pages.beginReading()
    defer { pages.endReading(ticket) }
    return try key.withBorrowedBytes { (key) throws(StoreError) -> Bool in
      let size = pages.pageSize
      var level = root.level
      var page = try Self.page(root.reference, level: level, size: size, pages)
      while level > 0 {
        level -= 1
        page = try Self.page(
          page.child(page.childIndex(for: key)), level: level, size: size, pages)
      }
      let (index, found) = page.search(key, from: 0)
      guard found else { return false }
      try Self.withPayload(page, index, pages, body)
      return true
    }
  }

  @inline(__always)
  static func page<Pages: PageReader>(
    _ reference: PageReference, level: Int, size: Int, _ pages: Pages
  ) throws(StoreError) -> PageView {
    let page = PageView(try pages.page(reference), size: size)
    guard page.level == level else {
      throw StoreError.corrupt("page \(reference.number): level \(page.level), expected \(level)")
    }
    return page
  }

  @inline(__always)
  static func withPayload<Pages: PageReader, Result>(
    _ leaf: PageView, _ index: Int, _ pages: Pages,
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
