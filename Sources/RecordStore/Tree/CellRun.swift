// CellRun: cells in key order that are about to be written to pages: the way of every split, merge
// and compaction. Its keys are kept in two parts (a page's prefix, a cell's suffix), borrowed from
// copies of the pages that are being rewritten.
//
// Invariants
// 1. `keyBytes[i]` and `payloadBytes[i]` are sums over the cells before i, so that the size of a
//    page made from any run of cells costs two subtractions and one prefix comparison.
// 2. One cell always fits a page: a key of 1 KiB and a quarter page of value (PageLayout).

/// A cell that is not in a page yet.
struct LooseCell {
  var prefix: BorrowedBytes
  var suffix: BorrowedBytes
  var info: UInt16
  var payload: UnsafeRawPointer

  @inline(__always) var keyCount: Int { prefix.count + suffix.count }
  @inline(__always) var payloadCount: Int { Int(info & ~PageLayout.overflowBit) }

  @inline(__always)
  func keyByte(_ index: Int) -> UInt8 {
    index < prefix.count
      ? prefix.start.load(fromByteOffset: index, as: UInt8.self)
      : suffix.start.load(fromByteOffset: index - prefix.count, as: UInt8.self)
  }

  func commonPrefix(with other: LooseCell) -> Int {
    let limit = min(keyCount, other.keyCount)
    var length = 0
    if prefix.start == other.prefix.start { length = min(prefix.count, other.prefix.count) }
    while length < limit, keyByte(length) == other.keyByte(length) { length += 1 }
    return length
  }

  /// Copies the key's bytes from `first` to its end.
  @inline(__always)
  func copyKey(from first: Int, to target: UnsafeMutableRawPointer) {
    if first < prefix.count {
      target.copyMemory(from: prefix.start + first, byteCount: prefix.count - first)
      (target + prefix.count - first).copyMemory(from: suffix.start, byteCount: suffix.count)
    } else {
      let skipped = first - prefix.count
      target.copyMemory(from: suffix.start + skipped, byteCount: suffix.count - skipped)
    }
  }

  /// The first `count` bytes of the key.
  func keyBytes(_ count: Int) -> [UInt8] { (0..<count).map(keyByte) }
}

struct CellRun {
  private(set) var cells: [LooseCell] = []
  private var keyBytes: [Int] = []
  private var payloadBytes: [Int] = []
  private(set) var level = 0

  var count: Int { cells.count }

  mutating func reset(level: Int) {
    cells.removeAll(keepingCapacity: true)
    self.level = level
  }

  mutating func append(_ cell: LooseCell) { cells.append(cell) }
  mutating func insert(_ cell: LooseCell, at index: Int) { cells.insert(cell, at: index) }
  mutating func remove(_ range: Range<Int>) { cells.removeSubrange(range) }
  mutating func replacePayload(at index: Int, with payload: UnsafeRawPointer) {
    cells[index].payload = payload
  }

  /// Appends the cells of a page; `firstKey` becomes the key of a branch's first cell.
  mutating func append(page: PageView, firstKey: LooseCell? = nil) {
    for index in 0..<page.count {
      var cell = LooseCell(
        prefix: page.prefix, suffix: page.suffix(index), info: page.payloadInfo(index),
        payload: page.payload(index).start)
      if index == 0, page.level > 0 {
        cell.prefix = firstKey?.prefix ?? BorrowedBytes(start: page.base, count: 0)
        cell.suffix = firstKey?.suffix ?? BorrowedBytes(start: page.base, count: 0)
      }
      cells.append(cell)
    }
  }

  /// Computes the sums; to be called between the last change and the first `size` or `partition`.
  mutating func prepare() {
    keyBytes.removeAll(keepingCapacity: true)
    payloadBytes.removeAll(keepingCapacity: true)
    var keys = 0
    var payloads = 0
    for cell in cells {
      keyBytes.append(keys)
      payloadBytes.append(payloads)
      keys += cell.keyCount
      payloads += cell.payloadCount
    }
    keyBytes.append(keys)
    payloadBytes.append(payloads)
  }

  /// The first cell of `range` that has a key once it is in a page.
  private func firstKeyed(_ range: Range<Int>) -> Int {
    level > 0 ? range.lowerBound + 1 : range.lowerBound
  }

  private func prefixLength(_ range: Range<Int>) -> Int {
    let first = firstKeyed(range)
    guard range.upperBound - first >= 2 else { return 0 }
    return cells[first].commonPrefix(with: cells[range.upperBound - 1])
  }

  /// Bytes of a page that holds these cells.
  func size(_ range: Range<Int>) -> Int {
    let first = firstKeyed(range)
    let prefix = prefixLength(range)
    let keys = keyBytes[range.upperBound] - keyBytes[min(first, range.upperBound)]
    let keyed = max(0, range.upperBound - first)
    return PageLayout.headerBytes + PageLayout.trailerBytes
      + range.count * (PageLayout.slotBytes + PageLayout.cellHeaderBytes)
      + payloadBytes[range.upperBound] - payloadBytes[range.lowerBound]
      + keys - keyed * prefix + prefix
  }

  /// Cuts `range` into pages of at most `pageSize`; into one only if it fits within `limit`.
  /// `appending` leaves the left page full, for keys that arrive in order.
  func partition(
    _ range: Range<Int>, pageSize: Int, limit: Int, appending: Bool, into bounds: inout [Range<Int>]
  ) {
    if range.count == 1 || size(range) <= limit {
      bounds.append(range)
      return
    }
    let least = level > 0 && range.count >= 4 ? 2 : 1
    var middle = range.upperBound - least
    if !appending || size(range.lowerBound..<middle) > pageSize {
      let start = weight(range.lowerBound)
      let half = start + (weight(range.upperBound) - start) / 2
      var low = range.lowerBound + least
      var high = range.upperBound - least
      while low < high {
        let probe = (low + high) / 2
        if weight(probe) < half { low = probe + 1 } else { high = probe }
      }
      middle = low
    }
    partition(
      range.lowerBound..<middle, pageSize: pageSize, limit: pageSize, appending: false,
      into: &bounds)
    partition(
      middle..<range.upperBound, pageSize: pageSize, limit: pageSize, appending: false,
      into: &bounds)
  }

  private func weight(_ index: Int) -> Int {
    keyBytes[index] + payloadBytes[index]
      + index * (PageLayout.slotBytes + PageLayout.cellHeaderBytes)
  }

  /// What distinguishes the pages left and right of cell `index`: for leaves the shortest prefix of
  /// its key that is above the key before it, for branches its key.
  func separator(at index: Int) -> [UInt8] {
    let cell = cells[index]
    guard level == 0 else { return cell.keyBytes(cell.keyCount) }
    return cell.keyBytes(min(cell.keyCount, cells[index - 1].commonPrefix(with: cell) + 1))
  }

  /// Writes the cells of `range` as the whole content of `page`.
  func write(_ range: Range<Int>, to page: MutablePage, number: UInt64) {
    let prefix = prefixLength(range)
    page.start(level: level, number: number, prefix: prefix)
    var offset = page.size - PageLayout.trailerBytes - prefix
    if prefix > 0 {
      let keyed = cells[firstKeyed(range)]
      for index in 0..<prefix {
        page.base.storeBytes(of: keyed.keyByte(index), toByteOffset: offset + index, as: UInt8.self)
      }
    }
    var slot = PageLayout.headerBytes
    let slotsEnd = slot + range.count * PageLayout.slotBytes
    for index in range {
      let cell = cells[index]
      let isKeyless = level > 0 && index == range.lowerBound
      let suffixCount = isKeyless ? 0 : cell.keyCount - prefix
      offset -= PageLayout.cellHeaderBytes + suffixCount + cell.payloadCount
      precondition(offset >= slotsEnd, "cells beyond their page")
      let target = page.base + offset
      target.storeBytes(of: UInt16(suffixCount).littleEndian, as: UInt16.self)
      target.storeBytes(of: cell.info.littleEndian, toByteOffset: 2, as: UInt16.self)
      if !isKeyless { cell.copyKey(from: prefix, to: target + PageLayout.cellHeaderBytes) }
      (target + PageLayout.cellHeaderBytes + suffixCount).copyMemory(
        from: cell.payload, byteCount: cell.payloadCount)
      page.store16(offset, slot)
      let suffix = BorrowedBytes(start: target + PageLayout.cellHeaderBytes, count: suffixCount)
      page.base.storeBytes(of: suffix.head.littleEndian, toByteOffset: slot + 2, as: UInt32.self)
      slot += PageLayout.slotBytes
    }
    page.store16(range.count, 2)
    page.store16(offset, 4)
  }
}
