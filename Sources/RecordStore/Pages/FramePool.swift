// FramePool: the memory of the page cache: frames, which of them are free, and the clock hand.
//
// Invariants
// 1. A frame is in one of: never used, free list, limbo, in use (`pages[i]` not 0).
// 2. A frame in limbo was taken out of the page table in the noted epoch and is handed out again
//    only when every reader of that epoch has left.
// 3. At most `budget` frames, unless none can be had otherwise; such extra frames are counted and
//    given back to the system as soon as they are free.

package struct FramePool: ~Copyable {
  /// Frames taken out of the table at once: one look at the reader slots serves them all.
  private static let evictionBatch = 32

  private let pageSize: Int
  let budget: Int
  /// Up to here frames are taken before others are evicted; at most the budget.
  var limit: Int
  private let arena: FrameArena
  /// The page in each frame, 0 for none: first the arena's frames that were ever used, in order,
  /// then, from `budget` on, the extra ones.
  private var pages: [UInt64] = []
  /// Extra frames; nil where one was given back.
  private var extras: [UnsafeMutableRawPointer?] = []
  private var extraIndexes: [UnsafeMutableRawPointer: Int32] = [:]
  private var vacant: [Int32] = []
  private var free: [Int32] = []
  private var limbo: [(epoch: UInt64, frame: Int32)] = []
  private var limboHead = 0
  private var hand = 0
  /// After a round that found nothing, this many frames are added before the next round.
  private var roundsOff = 0
  private(set) var evictions: UInt64 = 0
  private(set) var overBudget: UInt64 = 0

  init(pageSize: Int, budget: Int) {
    self.pageSize = pageSize
    // An index has 32 bits: with 8 KiB pages a cache of 16 TiB.
    self.budget = min(max(1, budget), Int(Int32.max / 2))
    limit = self.budget
    arena = FrameArena(frameBytes: pageSize, count: self.budget)
  }

  deinit {
    for case let extra? in extras { extra.deallocate() }
  }

  /// Frames that take memory.
  var frameCount: Int { min(pages.count, budget) + extraCount }
  var extraCount: Int { extraIndexes.count }

  /// A frame for `page`, not in the table yet.
  mutating func take(
    for page: UInt64, table: PageTable, epochs: ReadEpochs
  ) -> UnsafeMutableRawPointer {
    if free.isEmpty { reclaim(epochs) }
    if free.isEmpty, pages.count < limit { add() }
    // Evicts ahead of need: a reader cannot have back what it evicts itself in its own section.
    if free.count < Self.evictionBatch / 2, pages.count >= limit, limboCount == 0 {
      evict(table, epochs)
      reclaim(epochs)
    }
    if free.isEmpty, pages.count < budget { add() }
    let index = free.popLast() ?? addExtra()
    pages[Int(index)] = page
    return frame(Int(index))
  }

  private mutating func add() {
    pages.append(0)
    free.append(Int32(pages.count - 1))
  }

  /// A frame that nobody but the caller ever saw.
  mutating func giveBack(_ start: UnsafeMutableRawPointer) {
    release(index(of: start))
  }

  /// Frames, by address, that were just taken out of the table.
  mutating func unlink(_ addresses: [UInt], epochs: ReadEpochs) {
    let epoch = epochs.advance()
    for address in addresses {
      guard let start = UnsafeMutableRawPointer(bitPattern: address) else { continue }
      let index = index(of: start)
      pages[Int(index)] = 0
      limbo.append((epoch, index))
    }
  }

  private var limboCount: Int { limbo.count - limboHead }

  private mutating func reclaim(_ epochs: ReadEpochs) {
    guard limboCount > 0 else { return }
    let oldest = epochs.oldestActive()
    while limboHead < limbo.count, limbo[limboHead].epoch < oldest {
      release(limbo[limboHead].frame)
      limboHead += 1
    }
    if limboHead * 2 > limbo.count {
      limbo.removeFirst(limboHead)
      limboHead = 0
    }
  }

  /// One turn of the clock: takes unreferenced clean frames out of the table.
  private mutating func evict(_ table: PageTable, _ epochs: ReadEpochs) {
    if roundsOff > 0 {
      roundsOff -= 1
      return
    }
    var unlinked: [Int32] = []
    var steps = 2 * pages.count
    while steps > 0, unlinked.count < Self.evictionBatch {
      steps -= 1
      let index = hand
      hand = hand + 1 < pages.count ? hand + 1 : 0
      guard pages[index] != 0, let entry = table.entry(pages[index]) else { continue }
      let word = entry.pointee.load(ordering: .sequentiallyConsistent)
      let isHere = word & PageTable.addressMask == UInt(bitPattern: frame(index))
      guard isHere, word & PageTable.dirty == 0 else { continue }
      let isReferenced = word & PageTable.referenced != 0
      let swapped = entry.pointee.compareExchange(
        expected: word, desired: isReferenced ? word & ~PageTable.referenced : 0,
        ordering: .sequentiallyConsistent
      ).exchanged
      if swapped, !isReferenced {
        pages[index] = 0
        unlinked.append(Int32(index))
      }
    }
    if unlinked.isEmpty {
      roundsOff = pages.count / 8
      return
    }
    evictions += UInt64(unlinked.count)
    let epoch = epochs.advance()
    for index in unlinked { limbo.append((epoch, index)) }
  }

  private mutating func release(_ index: Int32) {
    pages[Int(index)] = 0
    guard Int(index) >= budget else { return free.append(index) }
    if let extra = extras[Int(index) - budget] {
      extraIndexes[extra] = nil
      extra.deallocate()
      extras[Int(index) - budget] = nil
      vacant.append(index)
    }
  }

  private mutating func addExtra() -> Int32 {
    overBudget += 1
    let extra = UnsafeMutableRawPointer.allocate(byteCount: pageSize, alignment: 64)
    let index: Int32
    if let reused = vacant.popLast() {
      index = reused
      extras[Int(index) - budget] = extra
    } else {
      index = Int32(pages.count)
      extras.append(extra)
      pages.append(0)
    }
    extraIndexes[extra] = index
    return index
  }

  private func frame(_ index: Int) -> UnsafeMutableRawPointer {
    if index < budget { return arena.frame(index) }
    guard let extra = extras[index - budget] else {
      preconditionFailure("frame \(index) was given back")
    }
    return extra
  }

  private func index(of start: UnsafeMutableRawPointer) -> Int32 {
    if let index = arena.index(start) { return Int32(index) }
    guard let index = extraIndexes[start] else {
      preconditionFailure("\(start) is no frame of this pool")
    }
    return index
  }
}
