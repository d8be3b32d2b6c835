// FramePool: the memory of the page cache: frames, which of them are free, and the clock hand.
//
//   frame: page size bytes, then 64 bytes of which the first 4 hold the frame's index
//
// Invariants
// 1. A frame is in one of: free list, limbo, in use (`page` not 0).
// 2. A frame in limbo was taken out of the page table in the noted epoch and is handed out again
//    only when every reader of that epoch has left.
// 3. At most `budget` frames, unless none can be had otherwise; such extra frames are counted and
//    given back to the system as soon as they are free.

package struct FramePool: ~Copyable {
  /// One mebibyte of 8 KiB pages: few calls to the system, little unused.
  private static let chunkFrames = 128
  private static let trailerBytes = 64
  /// Frames taken out of the table at once: one look at the reader slots serves them all.
  private static let evictionBatch = 32

  struct Frame {
    var start: UnsafeMutableRawPointer
    var page: UInt64
    var isExtra: Bool
  }

  private let pageSize: Int
  let budget: Int
  private var frames: [Frame?] = []
  private var vacant: [Int32] = []
  private var free: [Int32] = []
  private var limbo: [(epoch: UInt64, frame: Int32)] = []
  private var limboHead = 0
  private var hand = 0
  /// After a round that found nothing, this many frames are added before the next round.
  private var roundsOff = 0
  private var chunks: [UnsafeMutableRawPointer] = []
  private(set) var frameCount = 0
  private(set) var extraCount = 0
  private(set) var evictions: UInt64 = 0
  private(set) var overBudget: UInt64 = 0

  init(pageSize: Int, budget: Int) {
    self.pageSize = pageSize
    self.budget = max(1, budget)
  }

  deinit {
    for chunk in chunks { chunk.deallocate() }
    for case let frame? in frames where frame.isExtra { frame.start.deallocate() }
  }

  /// A frame for `page`, not in the table yet.
  mutating func take(
    for page: UInt64, table: PageTable, epochs: ReadEpochs
  ) -> UnsafeMutableRawPointer {
    if free.isEmpty { reclaim(epochs) }
    if free.isEmpty, frameCount < budget { addChunk() }
    // Evicts ahead of need: a reader cannot have back what it evicts itself in its own section.
    if free.count < Self.evictionBatch / 2, frameCount >= budget, limboCount == 0 {
      evict(table, epochs)
      reclaim(epochs)
    }
    if free.isEmpty { addExtra() }
    let index = free.removeLast()
    guard let start = frames[Int(index)]?.start else {
      preconditionFailure("the free list holds a frame that was given back")
    }
    frames[Int(index)]?.page = page
    return start
  }

  /// A frame that nobody but the caller ever saw.
  mutating func giveBack(_ start: UnsafeMutableRawPointer) {
    let index = frameIndex(start)
    frames[Int(index)]?.page = 0
    release(index)
  }

  /// A frame that was just taken out of the table.
  mutating func unlink(_ start: UnsafeMutableRawPointer, epochs: ReadEpochs) {
    let index = frameIndex(start)
    frames[Int(index)]?.page = 0
    limbo.append((epochs.advance(), index))
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
    var steps = 2 * frames.count
    while steps > 0, unlinked.count < Self.evictionBatch {
      steps -= 1
      let index = hand
      hand = hand + 1 < frames.count ? hand + 1 : 0
      guard let frame = frames[index], frame.page != 0, let entry = table.entry(frame.page) else {
        continue
      }
      let word = entry.pointee.load(ordering: .sequentiallyConsistent)
      let isHere = word & PageTable.addressMask == UInt(bitPattern: frame.start)
      guard isHere, word & PageTable.dirty == 0 else { continue }
      let isReferenced = word & PageTable.referenced != 0
      let swapped = entry.pointee.compareExchange(
        expected: word, desired: isReferenced ? word & ~PageTable.referenced : 0,
        ordering: .sequentiallyConsistent
      ).exchanged
      if swapped, !isReferenced {
        frames[index]?.page = 0
        unlinked.append(Int32(index))
      }
    }
    if unlinked.isEmpty {
      roundsOff = frames.count / 8
      return
    }
    evictions += UInt64(unlinked.count)
    let epoch = epochs.advance()
    for index in unlinked { limbo.append((epoch, index)) }
  }

  private mutating func release(_ index: Int32) {
    if let frame = frames[Int(index)], frame.isExtra, frameCount > budget {
      frame.start.deallocate()
      frames[Int(index)] = nil
      vacant.append(index)
      frameCount -= 1
      extraCount -= 1
    } else {
      free.append(index)
    }
  }

  private mutating func addChunk() {
    let count = min(Self.chunkFrames, budget - frameCount)
    let stride = pageSize + Self.trailerBytes
    let chunk = UnsafeMutableRawPointer.allocate(byteCount: count * stride, alignment: 64)
    chunks.append(chunk)
    for index in 0..<count { add(chunk + index * stride, isExtra: false) }
  }

  private mutating func addExtra() {
    overBudget += 1
    extraCount += 1
    add(.allocate(byteCount: pageSize + Self.trailerBytes, alignment: 64), isExtra: true)
  }

  private mutating func add(_ start: UnsafeMutableRawPointer, isExtra: Bool) {
    let frame = Frame(start: start, page: 0, isExtra: isExtra)
    let index: Int32
    if let reused = vacant.popLast() {
      index = reused
      frames[Int(index)] = frame
    } else {
      index = Int32(frames.count)
      frames.append(frame)
    }
    (start + pageSize).storeBytes(of: index, as: Int32.self)
    frameCount += 1
    free.append(index)
  }

  private func frameIndex(_ start: UnsafeMutableRawPointer) -> Int32 {
    (start + pageSize).load(as: Int32.self)
  }
}
