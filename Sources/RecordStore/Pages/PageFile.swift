// PageFile: the data file as pages, extents and meta blocks; every read is verified by its hash.
//
//   offset 0      meta block 0      offset 4096   meta block 1
//   n * page size                   page n, from `firstPage` on; page 0 is never valid
//
// Invariants
// 1. A page or extent whose hash does not fit is never handed out: one more read, then `corrupt`.
// 2. A hash that comes out as 0 is stored as 1, since 0 means "not sealed yet". A page ends with its
//    hash; that of an extent stands in the reference only.
// 3. Neighbouring pages go out in one write; nothing here syncs but `sync` and `grow`.

import Bytes
import CommitLog
import Disk
import Synchronization

/// Refuses a page whose bytes are not what a page looks like: (bytes, page number).
package typealias PageProof =
  @Sendable (UnsafeRawBufferPointer, UInt64) throws(StoreError) -> Void

/// Bytes in memory that belong to a page; valid as long as the caller says.
package struct PageBytes: @unchecked Sendable {
  package var number: UInt64
  package var start: UnsafeRawPointer
}

package final class PageFile: Sendable {
  /// 4 KiB to 64 KiB, powers of two: below, a page holds too few keys; above, offsets in a page do
  /// not fit 16 bits.
  package static let pageSizes: Set<Int> = [4096, 8192, 16384, 32768, 65536]
  /// Large enough that a spinning disk streams, small enough to be one buffer.
  private static let coalescedBytesMax = 256 << 10

  package let pageSize: Int
  private let file: any DiskFile
  private let isValid: PageProof
  private let lost = Atomic(false)

  /// Whether a sync has failed. The system may have forgotten any page that was written before it,
  /// so that a later sync that succeeds proves nothing.
  package var isLost: Bool { lost.load(ordering: .relaxed) }

  package init(file: any DiskFile, pageSize: Int, validate: @escaping PageProof) {
    self.file = file
    self.pageSize = pageSize
    isValid = validate
  }

  package static func firstPage(pageSize: Int) -> UInt64 {
    UInt64(max(1, 2 * MetaBlock.blockBytes / pageSize))
  }

  package var firstPage: UInt64 { Self.firstPage(pageSize: pageSize) }

  /// Of an extent or a free map.
  package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let hash = XXH64.hash(bytes)
    return hash == 0 ? 1 : hash
  }

  /// Whole pages in the file.
  package func pageCount() throws(StoreError) -> UInt64 {
    do { return try file.size() / UInt64(pageSize) } catch { throw StoreError(error) }
  }

  // MARK: Reading

  /// Fills `frame` with a page and proves it: hash, then the validator (number and structure).
  package func read(
    _ reference: PageReference, into frame: UnsafeMutableRawPointer
  ) throws(StoreError) {
    let number = reference.number
    guard number >= firstPage, let offset = offset(of: number) else {
      throw .corrupt("\(file.path): page \(number) is not a page number")
    }
    let buffer = UnsafeMutableRawBufferPointer(start: frame, count: pageSize)
    var found: UInt64 = 0
    for _ in 0..<2 {
      guard try fill(buffer, at: offset) else {
        throw .corrupt("\(file.path): page \(number) lies beyond the end of the file")
      }
      found = PageValidator.hash(UnsafeRawBufferPointer(buffer))
      let stored = buffer.loadUnaligned(
        fromByteOffset: pageSize - PageLayout.trailerBytes, as: UInt64.self)
      if found == reference.hash {
        found = UInt64(littleEndian: stored)
      }
      if found == reference.hash {
        try isValid(UnsafeRawBufferPointer(buffer), number)
        return
      }
    }
    throw .corrupt(
      "\(file.path): page \(number) has hash \(hex(found)), expected \(hex(reference.hash))")
  }

  package func read(_ extent: ExtentReference) throws(StoreError) -> [UInt8] {
    let first = extent.firstPage
    guard first >= firstPage, let offset = offset(of: first),
      extent.byteCount <= PageTable.pageCountMax
    else { throw .corrupt("\(file.path): extent at page \(first) is not an extent") }
    // Proved before the memory is asked for: a damaged length must not become an allocation.
    guard UInt64(pages(for: Int(extent.byteCount))) <= (try pageCount()) else {
      throw .corrupt("\(file.path): extent at page \(first) is longer than the file")
    }
    var found: UInt64 = 0
    for _ in 0..<2 {
      let bytes: [UInt8]?
      do { bytes = try file.read(Int(extent.byteCount), at: offset) } catch {
        throw StoreError(error)
      }
      guard let bytes else {
        throw .corrupt("\(file.path): extent at page \(first) lies beyond the end of the file")
      }
      found = bytes.withUnsafeBytes { Self.hash($0) }
      if found == extent.hash { return bytes }
    }
    throw .corrupt(
      "\(file.path): extent at page \(first) has hash \(hex(found)), expected \(hex(extent.hash))")
  }

  /// A page as it is, for salvage; false when the file ends before.
  func fillUnproved(
    _ buffer: UnsafeMutableRawBufferPointer, page number: UInt64
  ) throws(StoreError) -> Bool {
    guard let offset = offset(of: number) else { return false }
    return try fill(buffer, at: offset)
  }

  /// False when the file ends before.
  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoreError) -> Bool {
    do { return try file.read(into: buffer, at: offset) == buffer.count } catch {
      throw StoreError(error)
    }
  }

  // MARK: Writing

  /// Writes pages, given in ascending order, neighbours together.
  package func write(_ pages: ArraySlice<PageBytes>) throws(StoreError) {
    let runMax = Self.coalescedBytesMax / pageSize
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.coalescedBytesMax, alignment: MetaBlock.blockBytes)
    defer { buffer.deallocate() }
    var index = pages.startIndex
    while index < pages.endIndex {
      let first = pages[index].number
      var count = 0
      while index + count < pages.endIndex, count < runMax,
        pages[index + count].number == first + UInt64(count)
      {
        // In bounds: count < runMax, and runMax pages fit the buffer.
        UnsafeMutableRawBufferPointer(rebasing: buffer[(count * pageSize)...]).copyMemory(
          from: UnsafeRawBufferPointer(start: pages[index + count].start, count: pageSize))
        count += 1
      }
      try write(UnsafeRawBufferPointer(rebasing: buffer[..<(count * pageSize)]), atPage: first)
      index += count
    }
  }

  package func write(
    _ bytes: UnsafeRawBufferPointer, atPage first: UInt64
  ) throws(StoreError) {
    do { try file.write(bytes, at: first * UInt64(pageSize)) } catch { throw StoreError(error) }
  }

  package func write(_ bytes: [UInt8], atPage first: UInt64) throws(StoreError) {
    do { try file.write(bytes, at: first * UInt64(pageSize)) } catch { throw StoreError(error) }
  }

  package func sync() throws(StoreError) {
    do { try file.sync() } catch {
      lost.store(true, ordering: .relaxed)
      throw .disk("\(error)")
    }
  }

  /// Makes the file `pageCount` pages long, durably, before any of them is used.
  package func grow(to pageCount: UInt64) throws(StoreError) {
    do { try file.reserve(pageCount * UInt64(pageSize)) } catch { throw StoreError(error) }
    try sync()
  }

  /// The raw block of a slot; nil when the file is shorter.
  package static func readMeta(
    _ file: any DiskFile, slot: Int
  ) throws(StoreError) -> [UInt8]? {
    do {
      return try file.read(MetaBlock.blockBytes, at: MetaBlock.offset(slot: slot))
    } catch { throw StoreError(error) }
  }

  package func writeMeta(_ block: [UInt8], slot: Int) throws(StoreError) {
    do { try file.write(block, at: MetaBlock.offset(slot: slot)) } catch {
      throw StoreError(error)
    }
  }

  package func close() { file.close() }

  // MARK: Arithmetic

  package func pages(for byteCount: Int) -> Int { (byteCount + pageSize - 1) / pageSize }

  private func offset(of page: UInt64) -> UInt64? {
    let (offset, overflow) = page.multipliedReportingOverflow(by: UInt64(pageSize))
    return overflow || offset > UInt64(Int64.max) ? nil : offset
  }
}

extension StoreError {
  /// A full volume is a state that can be left; everything else is the disk's fault.
  package init(_ error: DiskError) {
    self = error.kind == .noSpace ? .readOnly("\(error)") : .disk("\(error)")
  }
}
