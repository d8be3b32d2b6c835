// FreeMap: what each page of the file is at a checkpoint, and its run-length form on disk.
//
// Format (DataFormats/free-map.md)
//   u64 pages the map speaks of (from page 0), then varints until the end, one a run:
//   run length << 2 | state        state 0 free, 1 in use, 2 retired
//   "Retired" pages belong to the checkpoint before only: free as soon as that one is gone.
//
// Invariants
// 1. The runs are not empty, neighbours differ in state, and their lengths add up to the page
//    count.
// 2. A page is never both in use and retired.
// 3. The pages that hold a free map are free in it: the meta blocks name them.

import Bytes

package struct FreeMap: Equatable, Sendable {
  package var pageCount: UInt64
  package var inUse: PageBits
  package var retired: PageBits

  package init(pageCount: UInt64) {
    self.pageCount = pageCount
    inUse = PageBits(count: pageCount)
    retired = PageBits(count: pageCount)
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: 256)
    writer.u64(pageCount)
    var page: UInt64 = 0
    while page < pageCount {
      let state: UInt64 = inUse[page] ? 1 : retired[page] ? 2 : 0
      let endUse = inUse.endOfRun(from: page, limit: pageCount)
      let endRetired = retired.endOfRun(from: page, limit: pageCount)
      let end = state == 1 ? endUse : state == 2 ? endRetired : min(endUse, endRetired)
      writer.varint((end - page) << 2 | state)
      page = end
    }
    return writer.bytes
  }

  /// Decodes a map of at most `pageCountMax` pages. Memory is bounded by that limit.
  package init(_ bytes: RawSpan, pageCountMax: UInt64) throws(DecodeError) {
    var reader = ByteReader(bytes)
    let count = try reader.u64("page count")
    guard count <= pageCountMax else { throw DecodeError(.overflow, "page count", at: 0) }
    self.init(pageCount: count)
    var page: UInt64 = 0
    var previous: UInt64 = 3
    while page < count {
      let at = reader.offset
      let word = try reader.varint("run")
      let (length, state) = (word >> 2, word & 3)
      guard length > 0, length <= count &- page, state < 3, state != previous else {
        throw DecodeError(.invalid, "run", at: at)
      }
      if state == 1 { inUse.set(page..<page &+ length) }
      if state == 2 { retired.set(page..<page &+ length) }
      previous = state
      page &+= length
    }
    try reader.finish("free map")
  }
}

/// One bit a page.
package struct PageBits: Equatable, Sendable {
  package private(set) var words: [UInt64]
  package private(set) var count: UInt64

  package init(count: UInt64) {
    self.count = count
    words = [UInt64](repeating: 0, count: Int((count + 63) / 64))
  }

  package subscript(page: UInt64) -> Bool {
    words[Int(page >> 6)] & (1 << (page & 63)) != 0
  }

  package mutating func extend(to newCount: UInt64) {
    guard newCount > count else { return }
    count = newCount
    let missing = Int((newCount + 63) / 64) - words.count
    words.append(contentsOf: repeatElement(0, count: missing))
  }

  package mutating func set(_ pages: Range<UInt64>) {
    for page in pages { words[Int(page >> 6)] |= 1 << (page & 63) }
  }

  package mutating func clear(_ pages: Range<UInt64>) {
    for page in pages { words[Int(page >> 6)] &= ~(1 << (page & 63)) }
  }

  package mutating func subtract(_ other: PageBits) {
    for index in 0..<min(words.count, other.words.count) { words[index] &= ~other.words[index] }
  }

  /// The first page after `start` whose bit differs from that of `start`, at most `limit`.
  package func endOfRun(from start: UInt64, limit: UInt64) -> UInt64 {
    let flip: UInt64 = self[start] ? ~0 : 0
    var index = Int(start >> 6)
    var word = (words[index] ^ flip) & (~0 << (start & 63))
    while word == 0 {
      index += 1
      if index >= words.count { return limit }
      word = words[index] ^ flip
    }
    return min(limit, UInt64(index * 64 + word.trailingZeroBitCount))
  }

  /// The first clear bit at or after `start`, nil when there is none.
  package func firstClear(from start: UInt64) -> UInt64? {
    guard start < count else { return nil }
    let page = self[start] ? endOfRun(from: start, limit: count) : start
    return page < count ? page : nil
  }

  package var setCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
