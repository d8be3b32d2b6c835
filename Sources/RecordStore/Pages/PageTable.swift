// PageTable: page number -> frame, as an array of atomic words, so that a hit needs no lock and no
// hashing. The array grows in chunks that never move.
//
// An entry: 0 when the page is not in the cache, else the frame's address (a multiple of 64) and
//   bit 0  referenced since the clock hand last came by
//   bit 1  dirty: the file does not hold it yet, the frame must stay
//   bit 2  young: born in the group that is not sealed yet
//
// Invariants
// 1. A chunk is published before the first page number in it is handed out, and lives as long as
//    the table.
// 2. A frame's bytes are complete and verified before its entry is stored.

import Synchronization

package final class PageTable: @unchecked Sendable {
  package static let referenced: UInt = 1
  package static let dirty: UInt = 2
  package static let young: UInt = 4
  package static let addressMask: UInt = ~63

  /// Entries a chunk: half a megabyte of table for half a gigabyte of 8 KiB pages.
  private static let chunkEntries = 1 << 16
  /// Chunks: with 8 KiB pages this is 8 TiB of file.
  private static let chunkCount = 1 << 14
  package static let pageCountMax = UInt64(chunkEntries * chunkCount)

  // Pointers, since atomics cannot live in Swift arrays. Each directory word is the address of a
  // chunk or 0; chunks are freed in deinit only.
  private let directory: UnsafeMutablePointer<Atomic<UInt>>

  package init() {
    directory = .allocate(capacity: Self.chunkCount)
    for index in 0..<Self.chunkCount { (directory + index).initialize(to: Atomic(0)) }
  }

  deinit {
    for index in 0..<Self.chunkCount {
      chunk(index)?.deinitialize(count: Self.chunkEntries).deallocate()
    }
    directory.deinitialize(count: Self.chunkCount).deallocate()
  }

  /// Makes room for pages below `pageCount`; by the writer only.
  package func extend(to pageCount: UInt64) {
    precondition(pageCount <= Self.pageCountMax)
    var index = 0
    while UInt64(index * Self.chunkEntries) < pageCount {
      if chunk(index) == nil {
        let fresh = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: Self.chunkEntries)
        for entry in 0..<Self.chunkEntries { (fresh + entry).initialize(to: Atomic(0)) }
        (directory + index).pointee.store(UInt(bitPattern: fresh), ordering: .releasing)
      }
      index += 1
    }
  }

  /// The entry of a page; nil for a page beyond the file.
  @inline(__always)
  package func entry(_ page: UInt64) -> UnsafeMutablePointer<Atomic<UInt>>? {
    guard page < Self.pageCountMax else { return nil }
    guard let chunk = chunk(Int(page >> 16)) else { return nil }
    return chunk + Int(page & 0xffff)
  }

  @inline(__always)
  private func chunk(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt>>? {
    UnsafeMutablePointer(
      bitPattern: (directory + index).pointee.load(ordering: .acquiring))
  }
}
