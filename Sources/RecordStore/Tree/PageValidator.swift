// PageValidator: proves a page well-formed before the kernels of PageView touch it. Called for
// every page that comes from a disk; after it no read or search of the page leaves the page.
//
// What it proves, in this order
// 1. Header: known kind, level 0 exactly for leaves and below PageLayout.depthMax, reserved fields
//    zero, the expected page number, at least one cell.
// 2. Areas: slots, free space, cells and prefix follow one another inside the page.
// 3. Cells: within the cell area, disjoint; what they leave over is `fragmentedBytes` and zero.
// 4. Keys: ascending, at most KeyLimits.keyBytesMax with the prefix, heads as computed.
// 5. Payloads: inline values within the inline limit; extents that add up to their total; child
//    references with a number and a hash.
// Hashes come before it: PageFile compares them with the reference, salvage with the page's end.

import Bytes

public enum PageValidator {
  /// Throws `.corrupt` unless `bytes` is a well-formed sealed page with this number.
  public static func validate(
    _ bytes: UnsafeRawBufferPointer, expectedNumber: UInt64
  ) throws(StoreError) {
    try validate(bytes, expectedNumber: expectedNumber, isSealed: true)
  }

  /// An unsealed page may have children without a hash, and its own hashes are not set.
  package static func validate(
    _ bytes: UnsafeRawBufferPointer, expectedNumber: UInt64, isSealed: Bool
  ) throws(StoreError) {
    guard let base = bytes.baseAddress, PageLayout.isValid(pageSize: bytes.count) else {
      throw StoreError.corrupt("page \(expectedNumber): size \(bytes.count)")
    }
    let page = PageView(base, size: bytes.count)
    if let flaw = flaw(page, expectedNumber: expectedNumber, isSealed: isSealed) {
      throw StoreError.corrupt("page \(expectedNumber): \(flaw)")
    }
  }

  /// The hash that a page ends with and that references to it carry: XXH64 of all bytes before its
  /// last eight; 1 in place of 0, which means "not sealed yet" in a reference.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let hash = XXH64.hash(UnsafeRawBufferPointer(rebasing: bytes.dropLast(PageLayout.trailerBytes)))
    return hash == 0 ? 1 : hash
  }

  /// The hashes of four pages of `size` bytes, quicker than one after the other.
  static func hashFour(
    _ first: UnsafeRawPointer, _ second: UnsafeRawPointer, _ third: UnsafeRawPointer,
    _ fourth: UnsafeRawPointer, size: Int
  ) -> (UInt64, UInt64, UInt64, UInt64) {
    let hashes = XXH64.hashFour(
      first, second, third, fourth, count: size - PageLayout.trailerBytes)
    return (max(1, hashes.0), max(1, hashes.1), max(1, hashes.2), max(1, hashes.3))
  }

  /// Whether the page ends with the hash of its bytes: proof without a parent.
  public static func provesItself(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, PageLayout.isValid(pageSize: bytes.count) else {
      return false
    }
    return PageView(base, size: bytes.count).load64(bytes.count - PageLayout.trailerBytes)
      == hash(bytes)
  }

  private static func flaw(
    _ page: PageView, expectedNumber: UInt64, isSealed: Bool
  ) -> StaticString? {
    switch page.kind {
    case PageLayout.leafKind: guard page.level == 0 else { return "leaf with a level" }
    case PageLayout.branchKind:
      guard page.level > 0, page.level < PageLayout.depthMax else { return "branch level" }
    default: return "unknown kind"
    }
    guard page.load16(10) == 0 else { return "reserved bytes" }
    guard page.number == expectedNumber, expectedNumber != 0 else { return "page number" }
    guard page.count > 0 else { return "no cells" }
    let areaEnd = page.size - PageLayout.trailerBytes
    guard page.prefixLength <= KeyLimits.keyBytesMax, page.prefixLength <= areaEnd else {
      return "prefix length"
    }
    let slotsEnd = PageLayout.headerBytes + page.count * PageLayout.slotBytes
    guard slotsEnd <= page.contentStart, page.contentStart <= page.prefixStart else {
      return "areas overlap"
    }
    guard isZero(page, slotsEnd, page.contentStart) else { return "free bytes are not zero" }
    return flawInCells(page) ?? flawInKeys(page) ?? flawInPayloads(page, isSealed: isSealed)
  }

  private static func isZero(_ page: PageView, _ start: Int, _ end: Int) -> Bool {
    var offset = start
    while offset + 8 <= end {
      if page.load64(offset) != 0 { return false }
      offset += 8
    }
    while offset < end {
      if page.base.load(fromByteOffset: offset, as: UInt8.self) != 0 { return false }
      offset += 1
    }
    return true
  }

  /// Marks where cells start in a bit map of the page, then walks them in the order of their bytes:
  /// disjointness without sorting.
  private static func flawInCells(_ page: PageView) -> StaticString? {
    let areaEnd = page.prefixStart
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: page.size / 64) { starts in
      starts.initialize(repeating: 0)
      for index in 0..<page.count {
        let offset = page.load16(PageLayout.headerBytes + index * PageLayout.slotBytes)
        guard offset >= page.contentStart, offset <= areaEnd - PageLayout.cellHeaderBytes,
          page.cellBytes(index) <= areaEnd - offset
        else { return "cell out of bounds" }
        let bit = UInt64(1) << UInt64(offset & 63)
        guard starts[offset >> 6] & bit == 0 else { return "two cells at one place" }
        starts[offset >> 6] |= bit
      }
      var end = page.contentStart
      var holes = 0
      for word in 0..<starts.count {
        var bits = starts[word]
        while bits != 0 {
          let start = word << 6 + bits.trailingZeroBitCount
          bits &= bits - 1
          guard start >= end else { return "cells overlap" }
          guard isZero(page, end, start) else { return "hole is not zero" }
          holes += start - end
          let suffix = page.load16(start)
          let payload = page.load16(start + 2) & Int(~PageLayout.overflowBit)
          end = start + PageLayout.cellHeaderBytes + suffix + payload
        }
      }
      guard isZero(page, end, areaEnd) else { return "hole is not zero" }
      guard holes + areaEnd - end == page.fragmentedBytes else { return "fragmented bytes" }
      return nil
    }
  }

  private static func flawInKeys(_ page: PageView) -> StaticString? {
    var previous: BorrowedBytes?
    for index in 0..<page.count {
      let suffix = page.suffix(index)
      guard page.head(index) == suffix.head else { return "head" }
      if index == 0, page.level > 0 {
        guard suffix.count == 0 else { return "first cell of a branch has a key" }
        continue
      }
      guard page.prefixLength + suffix.count <= KeyLimits.keyBytesMax else { return "key length" }
      if let previous, BorrowedBytes.compare(previous, suffix) >= 0 { return "keys out of order" }
      previous = suffix
    }
    return nil
  }

  private static func flawInPayloads(_ page: PageView, isSealed: Bool) -> StaticString? {
    let inlineMax = PageLayout.inlineValueBytesMax(pageSize: page.size)
    for index in 0..<page.count {
      let payload = page.payload(index)
      if page.level > 0 {
        guard !page.isOverflow(index), payload.count == PageLayout.referenceBytes else {
          return "child reference"
        }
        let child = page.child(index)
        guard child.number != 0, child.hash != 0 || !isSealed else { return "child reference" }
      } else if page.isOverflow(index) {
        guard OverflowValue(payload) != nil else { return "extents" }
      } else if payload.count > inlineMax {
        return "inline value too long"
      }
    }
    return nil
  }
}
