// ReplayRows: what logged transactions have put and deleted, waiting to be applied in the order of the
// keys. The bytes lie in blocks one after the other, with one small note a row: a batch has several
// hundred thousand rows, and an array for each key and value would be a third of its memory.
//
// Invariants
// 1. `rows` is in the order of the log until `sort`; then in the order of trees and keys, the newest of
//    the rows with one key last.
// 2. A row's key and value lie side by side in one block.

import Bytes
import CommitLog

struct ReplayRows {
  private static let blockBytes = 1 << 20

  struct Row {
    /// The first eight bytes of the key as a number in key order, missing ones as zero: keys are
    /// compared whole only where it is equal, for each of those comparisons is a cache miss.
    var head: UInt64
    var tree: UInt32
    var block: UInt32
    var offset: Int32
    var keyCount: Int32
    /// -1: deleted.
    var valueCount: Int32
  }

  private(set) var rows: [Row] = []
  private var blocks: [[UInt8]] = []

  /// Memory that a row takes besides its bytes.
  static let rowOverhead = MemoryLayout<Row>.stride

  init() {}

  init(_ entries: [LogEntry]) {
    for entry in entries { add(entry) }
  }

  /// Events are none of the trees' business.
  mutating func add(_ entry: LogEntry) {
    for operation in entry.operations {
      switch operation {
      case .put(let table, let key, let value, _): add(table, key, value)
      case .delete(let table, let key, _): add(table, key, nil)
      case .event: break
      }
    }
  }

  private mutating func add(_ table: UInt32, _ key: [UInt8], _ value: [UInt8]?) {
    let need = key.count + (value?.count ?? 0)
    if blocks.isEmpty || blocks[blocks.count - 1].count + need > Self.blockBytes {
      var block: [UInt8] = []
      block.reserveCapacity(max(Self.blockBytes, need))
      blocks.append(block)
    }
    let last = blocks.count - 1
    rows.append(
      Row(
        head: Self.head(key), tree: TableDescriptor.tree(of: table), block: UInt32(last),
        offset: Int32(blocks[last].count), keyCount: Int32(key.count),
        valueCount: value.map { Int32($0.count) } ?? -1))
    blocks[last] += key
    if let value { blocks[last] += value }
  }

  mutating func removeAll() {
    rows.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
  }

  mutating func sort() {
    // The blocks are not changed while they are compared.
    let blocks = blocks
    rows.sort { left, right in
      if left.tree != right.tree { return left.tree < right.tree }
      if left.head != right.head { return left.head < right.head }
      let order = Self.compare(left, right, blocks)
      if order != 0 { return order < 0 }
      return (left.block, left.offset) < (right.block, right.offset)
    }
  }

  /// The runs of rows of one tree, after `sort`.
  var treeRanges: [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    for index in 1..<max(1, rows.count) where rows[index].tree != rows[start].tree {
      ranges.append(start..<index)
      start = index
    }
    return rows.isEmpty ? [] : ranges + [start..<rows.count]
  }

  /// Whether a newer row of the same key follows, after `sort`.
  func isReplaced(_ index: Int) -> Bool {
    guard index + 1 < rows.count else { return false }
    let (row, next) = (rows[index], rows[index + 1])
    return row.tree == next.tree && row.head == next.head
      && Self.compare(row, next, blocks) == 0
  }

  /// Lends the key, and the value unless the row was deleted.
  @inline(__always)
  func withRow<Result>(
    _ index: Int,
    _ body: (_ key: BorrowedBytes, _ value: BorrowedBytes?) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let row = rows[index]
    return try blocks[Int(row.block)].withBorrowedBytes { (block) throws(StoreError) -> Result in
      let key = BorrowedBytes(start: block.start + Int(row.offset), count: Int(row.keyCount))
      guard row.valueCount >= 0 else { return try body(key, nil) }
      return try body(
        key, BorrowedBytes(start: key.start + key.count, count: Int(row.valueCount)))
    }
  }

  private static func compare(_ left: Row, _ right: Row, _ blocks: [[UInt8]]) -> Int {
    blocks[Int(left.block)].withBorrowedBytes { first in
      blocks[Int(right.block)].withBorrowedBytes { second in
        BorrowedBytes.compare(
          BorrowedBytes(start: first.start + Int(left.offset), count: Int(left.keyCount)),
          BorrowedBytes(start: second.start + Int(right.offset), count: Int(right.keyCount)))
      }
    }
  }

  private static func head(_ key: [UInt8]) -> UInt64 {
    var head: UInt64 = 0
    for index in 0..<8 { head = head << 8 | (index < key.count ? UInt64(key[index]) : 0) }
    return head
  }
}
