// PageLayout: what the bytes of a tree page mean. DataFormats/page.md is the same in prose.
//
//   0  u8   kind: 1 leaf, 2 branch
//   1  u8   level: 0 for a leaf, a branch is one above its children
//   2  u16  cell count n
//   4  u16  content start: offset of the lowest cell byte
//   6  u16  prefix length p
//   8  u16  fragmented bytes: holes between content start and the prefix
//  10  u16  zero
//  12  u32  number of the tree, 0 for the catalog
//  16  u64  page number
//  24  n slots of 6 bytes, in key order: u16 cell offset, u32 key head
//      free space, all zero
//      cells: u16 key suffix length, u16 payload length (bit 15: overflow), suffix, payload
//      p bytes: the prefix that every key of the page starts with
//  -8  u64  hash: XXH64 of all bytes before it, the same that references to the page carry
//
// Invariants
// 1. Everything little-endian, except the head: the first four bytes after the prefix, padded with
//    zeros, as a number whose order is the keys' order.
// 2. A branch's first cell has no key: it stands for everything below the second. Its suffix is
//    empty, its head zero, and the page's prefix is that of the other keys.
// 3. A leaf's payload is the value, or, with bit 15, u32 total length and 20 bytes an extent; a
//    branch's payload is the child's reference, 16 bytes.
// 4. Bytes that belong to nothing are zero, so that equal pages have equal bytes.
//
// The kernels use unsafe pointers (measured: three quarters of the instructions of a span) and
// trust the page: PageValidator proves every page that came from a disk before they see it.

/// Sizes and limits of the page format.
public enum PageLayout {
  public static let headerBytes = 24
  static let treeOffset = 12
  public static let trailerBytes = 8
  public static let slotBytes = 6
  public static let cellHeaderBytes = 4
  public static let referenceBytes = 16
  public static let extentReferenceBytes = 20
  /// Enough for 2^64 entries at the smallest fan-out in practice; a longer path is a damaged one.
  public static let depthMax = 12
  /// What one extent holds at most, so that a large value never needs a large contiguous run.
  public static let extentBytesMax = 1 << 20

  public static let pageSizeMin = 4096
  public static let pageSizeMax = 65536
  public static let pageSizeDefault = 8192

  static let leafKind: UInt8 = 1
  static let branchKind: UInt8 = 2
  static let overflowBit: UInt16 = 0x8000

  /// Powers of two from 4 KiB to 64 KiB.
  public static func isValid(pageSize: Int) -> Bool {
    pageSize >= pageSizeMin && pageSize <= pageSizeMax && pageSize & (pageSize - 1) == 0
  }

  /// A longer value goes to extents.
  public static func inlineValueBytesMax(pageSize: Int) -> Int { pageSize / 4 }
}

/// Bytes somebody else keeps alive.
package struct BorrowedBytes {
  package var start: UnsafeRawPointer
  package var count: Int

  @inline(__always)
  package init(start: UnsafeRawPointer, count: Int) {
    self.start = start
    self.count = count
  }

  /// Order as byte strings: negative, zero or positive. Eight bytes a step.
  @inline(__always)
  static func compare(_ left: BorrowedBytes, _ right: BorrowedBytes) -> Int {
    let common = min(left.count, right.count)
    var offset = 0
    while offset + 8 <= common {
      let a = left.start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let b = right.start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if a != b { return UInt64(bigEndian: a) < UInt64(bigEndian: b) ? -1 : 1 }
      offset += 8
    }
    while offset < common {
      let a = left.start.load(fromByteOffset: offset, as: UInt8.self)
      let b = right.start.load(fromByteOffset: offset, as: UInt8.self)
      if a != b { return a < b ? -1 : 1 }
      offset += 1
    }
    return left.count - right.count
  }

  /// The first four bytes as a number in key order, padded with zeros.
  @inline(__always)
  var head: UInt32 {
    if count >= 4 {
      return UInt32(bigEndian: start.loadUnaligned(as: UInt32.self))
    }
    var value: UInt32 = 0
    for index in 0..<4 {
      value <<= 8
      if index < count { value |= UInt32(start.load(fromByteOffset: index, as: UInt8.self)) }
    }
    return value
  }

  @inline(__always)
  func dropping(_ length: Int) -> BorrowedBytes {
    BorrowedBytes(start: start + length, count: count - length)
  }

  var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

  func load16(_ offset: Int) -> UInt16 {
    UInt16(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
  func load32(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
  func load64(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension Array where Element == UInt8 {
  /// Lends the bytes with a pointer that is never nil.
  @inline(__always)
  package func withBorrowedBytes<Result, Failure: Error>(
    _ body: (BorrowedBytes) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
      guard let start = buffer.baseAddress else {
        // No byte of this is ever read: the count is zero.
        var nothing: UInt64 = 0
        return try withUnsafePointer(to: &nothing) { (pointer) throws(Failure) -> Result in
          try body(BorrowedBytes(start: pointer, count: 0))
        }
      }
      return try body(BorrowedBytes(start: start, count: buffer.count))
    }
  }
}

/// Reads a page that is known to be well-formed.
package struct PageView {
  package let base: UnsafeRawPointer
  package let size: Int

  @inline(__always)
  package init(_ base: UnsafeRawPointer, size: Int) {
    self.base = base
    self.size = size
  }

  @inline(__always)
  func load16(_ offset: Int) -> Int {
    Int(UInt16(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }
  @inline(__always)
  func load64(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always) package var kind: UInt8 { base.load(as: UInt8.self) }
  @inline(__always) package var level: Int { Int(base.load(fromByteOffset: 1, as: UInt8.self)) }
  @inline(__always) package var isLeaf: Bool { level == 0 }
  @inline(__always) package var count: Int { load16(2) }
  @inline(__always) var contentStart: Int { load16(4) }
  @inline(__always) var prefixLength: Int { load16(6) }
  @inline(__always) var fragmentedBytes: Int { load16(8) }
  @inline(__always) package var number: UInt64 { load64(16) }
  /// The tree that the page was made for. References are what a reader trusts; this is for salvage,
  /// when a page has lost its parent.
  package var tree: UInt32 { UInt32(truncatingIfNeeded: load64(PageLayout.treeOffset)) }
  @inline(__always) var prefixStart: Int { size - PageLayout.trailerBytes - prefixLength }
  @inline(__always) var prefix: BorrowedBytes {
    BorrowedBytes(start: base + prefixStart, count: prefixLength)
  }

  /// Bytes between the slots and the cells.
  @inline(__always) var contiguousBytes: Int {
    contentStart - PageLayout.headerBytes - count * PageLayout.slotBytes
  }
  /// Bytes of the page that hold something, its frame included.
  var usedBytes: Int { size - contiguousBytes - fragmentedBytes }

  @inline(__always)
  func cell(_ index: Int) -> UnsafeRawPointer {
    base + load16(PageLayout.headerBytes + index * PageLayout.slotBytes)
  }
  @inline(__always)
  func head(_ index: Int) -> UInt32 {
    UInt32(
      littleEndian: base.loadUnaligned(
        fromByteOffset: PageLayout.headerBytes + 2 + index * PageLayout.slotBytes,
        as: UInt32.self))
  }
  /// The part of the key after the page's prefix.
  @inline(__always)
  package func suffix(_ index: Int) -> BorrowedBytes {
    let cell = cell(index)
    let length = UInt16(littleEndian: cell.loadUnaligned(as: UInt16.self))
    return BorrowedBytes(start: cell + PageLayout.cellHeaderBytes, count: Int(length))
  }
  /// Payload length, with the overflow bit.
  @inline(__always)
  func payloadInfo(_ index: Int) -> UInt16 {
    UInt16(littleEndian: cell(index).loadUnaligned(fromByteOffset: 2, as: UInt16.self))
  }
  @inline(__always)
  package func isOverflow(_ index: Int) -> Bool {
    payloadInfo(index) & PageLayout.overflowBit != 0
  }
  @inline(__always)
  package func payload(_ index: Int) -> BorrowedBytes {
    let suffix = suffix(index)
    return BorrowedBytes(
      start: suffix.start + suffix.count,
      count: Int(payloadInfo(index) & ~PageLayout.overflowBit))
  }
  @inline(__always)
  func cellBytes(_ index: Int) -> Int {
    PageLayout.cellHeaderBytes + suffix(index).count
      + Int(payloadInfo(index) & ~PageLayout.overflowBit)
  }
  /// A branch's child.
  @inline(__always)
  package func child(_ index: Int) -> PageReference {
    let payload = payload(index)
    return PageReference(number: payload.load64(0), hash: payload.load64(8))
  }

  /// The whole key, copied.
  package func key(_ index: Int) -> [UInt8] {
    [UInt8](prefix.buffer) + [UInt8](suffix(index).buffer)
  }

  /// The first slot from `first` whose key is not below `key`, and whether it is that key.
  @inline(__always)
  package func search(_ key: BorrowedBytes, from first: Int) -> (index: Int, found: Bool) {
    let prefix = prefix
    var rest = key
    if prefix.count > 0 {
      let start = BorrowedBytes(start: key.start, count: min(key.count, prefix.count))
      let order = BorrowedBytes.compare(start, prefix)
      if order < 0 { return (first, false) }
      if order > 0 { return (count, false) }
      rest = key.dropping(prefix.count)
    }
    let head = rest.head
    var low = lowerBound(head, first, count)
    guard low < count, self.head(low) == head else { return (low, false) }
    let order = BorrowedBytes.compare(suffix(low), rest)
    if order >= 0 { return (low, order == 0) }
    // Several keys share the head: search among them by the whole suffix.
    low += 1
    var high = head == UInt32.max ? count : lowerBound(head + 1, low, count)
    while low < high {
      let middle = (low + high) >> 1
      let order = BorrowedBytes.compare(suffix(middle), rest)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  /// The first slot in `first..<end` whose head is not below `head`.
  @inline(__always)
  private func lowerBound(_ head: UInt32, _ first: Int, _ end: Int) -> Int {
    var low = first
    var length = end - first
    while length > 1 {
      let half = length >> 1
      low += self.head(low + half - 1) < head ? half : 0
      length -= half
    }
    if length == 1, self.head(low) < head { low += 1 }
    return low
  }

  /// Whether the key in slot `index` is above `key`.
  @inline(__always)
  func isAbove(_ key: BorrowedBytes, _ index: Int) -> Bool {
    let prefix = prefix
    let start = BorrowedBytes(start: key.start, count: min(key.count, prefix.count))
    let order = BorrowedBytes.compare(start, prefix)
    if order != 0 { return order < 0 }
    return BorrowedBytes.compare(key.dropping(prefix.count), suffix(index)) < 0
  }

  /// The child of a branch under which `key` belongs.
  @inline(__always)
  package func childIndex(for key: BorrowedBytes) -> Int {
    let (index, found) = search(key, from: 1)
    return found ? index : index - 1
  }
}
