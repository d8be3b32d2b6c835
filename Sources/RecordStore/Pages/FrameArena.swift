// FrameArena: the memory of the page cache, reserved once and filled from its beginning.
//
//   frame i is at base + i * page size; base is a multiple of 2 MiB
//
// Page frames lie side by side without anything between them, so that the system can back them with
// pages of 2 MiB: a random get then rarely walks through the page tables of the processor.
// The price is paid while the cache fills: the system clears 2 MiB at the first write to any of it.
//
// Invariants
// 1. The address range is reserved, not taken: memory is used from the first write to a frame on.
// 2. The range lives as long as the arena.

import Glibc

struct FrameArena: ~Copyable {
  /// The large page of x86-64 and of arm64 with 4 KiB pages.
  private static let largePageBytes = 2 << 20

  let base: UnsafeMutableRawPointer
  let count: Int
  private let frameBytes: Int
  private let reservation: UnsafeMutableRawPointer
  private let reservedBytes: Int

  init(frameBytes: Int, count: Int) {
    self.frameBytes = frameBytes
    self.count = count
    let (bytes, overflow) = frameBytes.multipliedReportingOverflow(by: count)
    precondition(!overflow && bytes < 1 << 46, "a cache of \(count) pages of \(frameBytes) bytes")
    // Room to move the beginning to a multiple of a large page.
    reservedBytes = bytes + Self.largePageBytes
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let found = mmap(nil, reservedBytes, PROT_READ | PROT_WRITE, flags, -1, 0),
      found != MAP_FAILED
    else { preconditionFailure("no address range for \(reservedBytes) bytes of page cache") }
    reservation = found
    let mask = UInt(Self.largePageBytes - 1)
    base = found + Int((0 &- UInt(bitPattern: found)) & mask)
    // Advice: where it is refused, everything works, only slower.
    if bytes >= Self.largePageBytes { _ = madvise(base, bytes, MADV_HUGEPAGE) }
  }

  deinit { munmap(reservation, reservedBytes) }

  func frame(_ index: Int) -> UnsafeMutableRawPointer { base + index * frameBytes }

  /// The frame at this address; nil when it lies outside.
  func index(_ address: UnsafeMutableRawPointer) -> Int? {
    let offset = UInt(bitPattern: address) &- UInt(bitPattern: base)
    return offset < UInt(frameBytes * count) ? Int(offset) / frameBytes : nil
  }
}
