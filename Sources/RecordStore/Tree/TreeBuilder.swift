// TreeBuilder: a tree from entries that come in key order, bottom-up, every page written once.
//
// Invariants
// 1. Each level holds back the cells of one page; when the next would go beyond the fill, they
//    become a page, and a reference to it a cell of the level above.
// 2. A sink that belongs to a group leaves the hashes to `TreeEditor.seal`; one that writes a file
//    from front to end gives each page's hash when the page is complete.

import Bytes

/// Builds one tree: `append` in ascending order, then `finish`.
public struct TreeBuilder {
  /// The page that a level is about to write.
  private struct Level {
    /// Key and payload of each cell, one after the other.
    var bytes: [UInt8] = []
    var cells: [(keyCount: Int, info: UInt16)] = []
    /// Of the cells that keep their key: all but a branch's first.
    var keyBytes = 0
    var payloadBytes = 0
    var firstKey: [UInt8] = []
    /// What tells this page from the one before it.
    var separator: [UInt8] = []
  }

  private let pages: any PageSink
  private let tree: UInt32
  private let fillBytes: Int
  private var levels: [Level] = []
  private var lastKey: [UInt8]?
  private var entryCount: UInt64 = 0

  /// `fill` is the part of a page that is used, 0.5...1; 1 for trees that only grow at their end.
  public init(pages: any PageSink, tree: UInt32 = 0, fill: Double = 0.9) {
    self.pages = pages
    self.tree = tree
    fillBytes = Int(Double(pages.pageSize) * min(1, max(0.5, fill)))
  }

  /// Errors: `.keyTooLong`, `.valueTooLong`; `.corrupt` for a key that is not above the last.
  public mutating func append(key: [UInt8], value: [UInt8]) throws(StoreError) {
    guard key.count <= KeyLimits.keyBytesMax else {
      throw StoreError.keyTooLong(bytes: key.count)
    }
    guard value.count <= KeyLimits.valueBytesMax else {
      throw StoreError.valueTooLong(bytes: value.count)
    }
    if let lastKey, !lastKey.isBelow(key) {
      throw StoreError.corrupt("the entries to build a tree from are out of order")
    }
    var payload = value
    var info = UInt16(truncatingIfNeeded: value.count)
    if value.count > PageLayout.inlineValueBytesMax(pageSize: pages.pageSize) {
      payload = try OverflowValue.write(value, to: pages)
      info = UInt16(truncatingIfNeeded: payload.count) | PageLayout.overflowBit
    }
    try add(key, payload, info, to: 0)
    lastKey = key
    entryCount += 1
  }

  /// Writes what is held back and gives the root; unsealed when the pages belong to a group.
  public mutating func finish() throws(StoreError) -> TreeRoot {
    guard entryCount > 0 else { return .empty }
    var level = 0
    while level < levels.count - 1 {
      try flush(level)
      level += 1
    }
    return TreeRoot(reference: try write(level), level: level, entryCount: entryCount)
  }

  private mutating func add(
    _ key: [UInt8], _ payload: [UInt8], _ info: UInt16, to level: Int
  ) throws(StoreError) {
    if level == levels.count { levels.append(Level()) }
    if !levels[level].cells.isEmpty, size(level, key, payload) > fillBytes { try flush(level) }
    if levels[level].cells.isEmpty {
      levels[level].separator = level > 0 ? key : Self.separator(lastKey, key)
    }
    let isKeyless = level > 0 && levels[level].cells.isEmpty
    if !isKeyless {
      if levels[level].cells.count == (level > 0 ? 1 : 0) { levels[level].firstKey = key }
      levels[level].keyBytes += key.count
    }
    levels[level].bytes += key
    levels[level].bytes += payload
    levels[level].cells.append((key.count, info))
    levels[level].payloadBytes += payload.count
  }

  /// Bytes of the level's page with one more cell.
  private func size(_ level: Int, _ key: [UInt8], _ payload: [UInt8]) -> Int {
    let content = levels[level]
    let keyed = content.cells.count + (level > 0 ? 0 : 1)
    let prefix = keyed < 2 ? 0 : Self.commonPrefix(content.firstKey, key)
    return PageLayout.headerBytes + PageLayout.trailerBytes
      + (content.cells.count + 1) * (PageLayout.slotBytes + PageLayout.cellHeaderBytes)
      + content.keyBytes + key.count - keyed * prefix + prefix
      + content.payloadBytes + payload.count
  }

  /// Writes the level's page and tells the level above.
  private mutating func flush(_ level: Int) throws(StoreError) {
    var reference = ByteWriter(reserving: PageLayout.referenceBytes)
    let separator = levels[level].separator
    let page = try write(level)
    reference.u64(page.number)
    reference.u64(page.hash)
    try add(separator, reference.bytes, UInt16(PageLayout.referenceBytes), to: level + 1)
  }

  private mutating func write(_ level: Int) throws(StoreError) -> PageReference {
    let (number, bytes) = try pages.newPage()
    let content = levels[level]
    content.bytes.withBorrowedBytes { source in
      var run = CellRun()
      run.reset(level: level)
      var start = source.start
      for cell in content.cells {
        let payload = start + cell.keyCount
        run.append(
          LooseCell(
            prefix: BorrowedBytes(start: start, count: 0),
            suffix: BorrowedBytes(start: start, count: cell.keyCount), info: cell.info,
            payload: payload))
        start = payload + Int(cell.info & ~PageLayout.overflowBit)
      }
      run.write(0..<run.count, to: MutablePage(bytes, size: pages.pageSize), number: number)
    }
    levels[level] = Level()
    return PageReference(number: number, hash: try pages.complete(number, tree: tree))
  }

  private static func commonPrefix(_ left: [UInt8], _ right: [UInt8]) -> Int {
    let limit = min(left.count, right.count)
    var length = 0
    while length < limit, left[length] == right[length] { length += 1 }
    return length
  }

  private static func separator(_ last: [UInt8]?, _ key: [UInt8]) -> [UInt8] {
    guard let last else { return [] }
    return Array(key.prefix(commonPrefix(last, key) + 1))
  }
}
