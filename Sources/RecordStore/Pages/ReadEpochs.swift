// ReadEpochs: tells when nobody can still hold a pointer into a frame that left the page table.
// Epoch-based reclamation (K. Fraser, "Practical lock-freedom", 2004, section 5.2.3).
//
// A reader marks a slot with the epoch of its beginning and clears it at its end. What is taken out
// of the page table in epoch e may be used again once every marked slot holds an epoch above e.
//
// Invariants
// 1. The epoch only rises. A slot holds an epoch that is not above the epoch of its oldest section.
// 2. Marking a slot, reading the page table, emptying a table entry and reading the slots are all
//    sequentially consistent: either the evictor sees the mark, or the reader sees the empty entry.
// 3. A slot is shared only when all are taken; it then keeps the oldest epoch (safe, only later).

import Synchronization

package final class ReadEpochs: @unchecked Sendable {
  /// Far above the threads of one process, so that slots are not shared.
  private static let slotCount = 128
  /// 128 bytes: two cache lines, since processors fetch lines in pairs.
  private static let slotStride = 16
  private static let countBits: UInt64 = 16
  private static let countMask: UInt64 = (1 << countBits) - 1

  // A pointer, since an array of atomics cannot live in a Swift array; freed in deinit only.
  private let slots: UnsafeMutablePointer<Atomic<UInt64>>
  private let epoch = Atomic<UInt64>(1)

  package init() {
    let count = Self.slotCount * Self.slotStride
    slots = .allocate(capacity: count)
    for index in 0..<count { (slots + index).initialize(to: Atomic(0)) }
  }

  deinit {
    slots.deinitialize(count: Self.slotCount * Self.slotStride)
    slots.deallocate()
  }

  /// Begins a section; sections nest and never wait for one another.
  package func begin() -> ReadTicket {
    let start = Self.threadHint()
    for step in 0..<Self.slotCount {
      let index = (start &+ step) & (Self.slotCount - 1)
      let mark = epoch.load(ordering: .sequentiallyConsistent) << Self.countBits | 1
      let slot = slots + index * Self.slotStride
      if slot.pointee.compareExchange(
        expected: 0, desired: mark, ordering: .sequentiallyConsistent
      ).exchanged {
        return ReadTicket(slot: index)
      }
    }
    return share(from: start)
  }

  private func share(from start: Int) -> ReadTicket {
    var index = start
    while true {
      let slot = slots + index * Self.slotStride
      let old = slot.pointee.load(ordering: .sequentiallyConsistent)
      let mark = epoch.load(ordering: .sequentiallyConsistent) << Self.countBits | 1
      let new = old == 0 ? mark : old + 1
      if old & Self.countMask < Self.countMask,
        slot.pointee.compareExchange(
          expected: old, desired: new, ordering: .sequentiallyConsistent
        ).exchanged
      {
        return ReadTicket(slot: index)
      }
      index = (index + 1) & (Self.slotCount - 1)
    }
  }

  package func end(_ ticket: ReadTicket) {
    let slot = slots + ticket.slot * Self.slotStride
    var old = slot.pointee.load(ordering: .relaxed)
    while true {
      precondition(old & Self.countMask > 0, "a read section was ended twice")
      let new = old & Self.countMask == 1 ? 0 : old - 1
      let (exchanged, now) = slot.pointee.compareExchange(
        expected: old, desired: new, ordering: .sequentiallyConsistent)
      if exchanged { return }
      old = now
    }
  }

  /// Closes the current epoch and returns it: what was unlinked so far is free once
  /// `oldestActive() > ` the returned value.
  package func advance() -> UInt64 {
    epoch.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
  }

  /// The epoch of the oldest open section; `UInt64.max` when there is none.
  package func oldestActive() -> UInt64 {
    var oldest = UInt64.max
    for index in 0..<Self.slotCount {
      let mark = (slots + index * Self.slotStride).pointee.load(
        ordering: .sequentiallyConsistent)
      if mark != 0 { oldest = min(oldest, mark >> Self.countBits) }
    }
    return oldest
  }

  /// A slot that this thread is likely to find free: threads have stacks far from one another.
  @inline(__always)
  private static func threadHint() -> Int {
    var marker: UInt8 = 0
    let address = withUnsafeMutablePointer(to: &marker) { UInt64(UInt(bitPattern: $0)) }
    return Int(truncatingIfNeeded: ((address >> 16) &* 0x9e37_79b9_7f4a_7c15) >> 57)
  }
}
