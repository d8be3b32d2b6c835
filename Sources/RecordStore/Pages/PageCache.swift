// PageCache: verified pages in memory, shared by all readers and the writer.
//
// A hit is two loads and no lock (PageTable). A miss takes a frame under the mutex, reads and proves
// the page outside it, and only then puts it into the table; of two readers that miss the same page
// at once, one throws its copy away.
//
// Invariants
// 1. What the table leads to is a proved page of that number, or one that the writer is making.
// 2. A page number is given to new content only after every root and every reader section that
//    could lead to the old content is gone (PageLives, ReadEpochs), so an entry needs no hash.
// 3. Dirty pages stay; the writer alone makes pages dirty and clean.

import Synchronization

package final class PageCache: @unchecked Sendable {
  package struct Counters: Equatable, Sendable {
    /// Frames that exist now, and how many of them are beyond the budget.
    public var frames = 0
    public var framesBeyondBudget = 0
    public var misses: UInt64 = 0
    public var evictions: UInt64 = 0
    /// How often no frame could be freed and one was added beyond the budget.
    public var overBudget: UInt64 = 0
  }

  package let file: PageFile
  package let epochs = ReadEpochs()
  private let table = PageTable()
  private let pool: Mutex<FramePool>
  private let misses = Atomic<UInt64>(0)
  /// How many frames are in use at most, as far as possible; the writer's.
  package private(set) var frameLimit: Int

  package init(file: PageFile, budgetBytes: Int) {
    self.file = file
    frameLimit = budgetBytes / file.pageSize
    pool = Mutex(FramePool(pageSize: file.pageSize, budget: budgetBytes / file.pageSize))
  }

  /// Pages below `pageCount` may be cached; by the writer only.
  package func extend(to pageCount: UInt64) { table.extend(to: pageCount) }

  /// The page's bytes; valid until the caller's read section ends.
  @inline(__always)
  func page(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
    if let entry = table.entry(reference.number) {
      let word = entry.pointee.load(ordering: .sequentiallyConsistent)
      if let start = UnsafeRawPointer(bitPattern: word & PageTable.addressMask) {
        if word & PageTable.referenced == 0 {
          // Lost when the entry changed meanwhile: then it is not this page any more.
          _ = entry.pointee.compareExchange(
            expected: word, desired: word | PageTable.referenced, ordering: .relaxed)
        }
        return start
      }
    }
    return try miss(reference)
  }

  @inline(never)
  private func miss(_ reference: PageReference) throws(StoreError) -> UnsafeRawPointer {
    guard let entry = table.entry(reference.number) else {
      throw .corrupt("page \(reference.number) lies beyond the end of the file")
    }
    misses.wrappingAdd(1, ordering: .relaxed)
    let frame = takeFrame(reference.number)
    do {
      try file.read(reference, into: frame)
    } catch {
      giveBack(frame)
      throw error
    }
    let (exchanged, current) = entry.pointee.compareExchange(
      expected: 0, desired: UInt(bitPattern: frame) | PageTable.referenced,
      ordering: .sequentiallyConsistent)
    if exchanged { return UnsafeRawPointer(frame) }
    giveBack(frame)
    guard let other = UnsafeRawPointer(bitPattern: current & PageTable.addressMask) else {
      preconditionFailure("a table entry changed from nothing to nothing")
    }
    return other
  }

  private func takeFrame(_ page: UInt64) -> UnsafeMutableRawPointer {
    let taken = pool.withLock { pool in
      UInt(bitPattern: pool.take(for: page, table: table, epochs: epochs))
    }
    guard let frame = UnsafeMutableRawPointer(bitPattern: taken) else {
      preconditionFailure("a frame has no address")
    }
    return frame
  }

  private func giveBack(_ frame: UnsafeMutableRawPointer) {
    let address = UInt(bitPattern: frame)
    pool.withLock { pool in
      if let frame = UnsafeMutableRawPointer(bitPattern: address) { pool.giveBack(frame) }
    }
  }

  // MARK: The writer's side

  /// Lends half of the frames' memory to somebody else, or takes it back; before many are in use.
  func limitFrames(toHalf: Bool) {
    pool.withLock { pool in
      pool.limit = toHalf ? max(1, pool.budget / 2) : pool.budget
    }
    frameLimit = pool.withLock { $0.limit }
  }

  /// A dirty, young page, its bytes undefined, in place of whatever the number meant before.
  package func insertYoung(_ number: UInt64) -> UnsafeMutableRawPointer {
    // Most numbers are new or were dropped when they became free.
    if let entry = table.entry(number), entry.pointee.load(ordering: .relaxed) != 0 {
      drop([PageRun(first: number, count: 1)])
    }
    let frame = takeFrame(number)
    let word =
      UInt(bitPattern: frame) | PageTable.referenced | PageTable.dirty | PageTable.young
    table.entry(number)?.pointee.store(word, ordering: .sequentiallyConsistent)
    return frame
  }

  /// The page when it was born in the unsealed group.
  @inline(__always)
  package func young(_ number: UInt64) -> UnsafeMutableRawPointer? {
    guard let word = table.entry(number)?.pointee.load(ordering: .relaxed),
      word & PageTable.young != 0
    else { return nil }
    return UnsafeMutableRawPointer(bitPattern: word & PageTable.addressMask)
  }

  /// The bytes of a dirty page.
  package func dirty(_ number: UInt64) -> PageBytes? {
    guard let word = table.entry(number)?.pointee.load(ordering: .relaxed),
      word & PageTable.dirty != 0,
      let start = UnsafeRawPointer(bitPattern: word & PageTable.addressMask)
    else { return nil }
    return PageBytes(number: number, start: start)
  }

  /// The group of the page is sealed: from here on its bytes never change.
  package func markSealed(_ number: UInt64) { clear(PageTable.young, number) }

  /// The file holds the page: its frame may be taken.
  package func markClean(_ number: UInt64) { clear(PageTable.dirty, number) }

  private func clear(_ bit: UInt, _ number: UInt64) {
    table.entry(number)?.pointee.bitwiseAnd(~bit, ordering: .sequentiallyConsistent)
  }

  /// Forgets the pages; their frames are used again when the present readers have left.
  package func drop(_ runs: [PageRun]) {
    var frames: [UInt] = []
    for run in runs {
      for number in run.pages {
        guard let entry = table.entry(number), entry.pointee.load(ordering: .relaxed) != 0 else {
          continue
        }
        let word = entry.pointee.exchange(0, ordering: .sequentiallyConsistent)
        if word != 0 { frames.append(word & PageTable.addressMask) }
      }
    }
    guard !frames.isEmpty else { return }
    pool.withLock { $0.unlink(frames, epochs: epochs) }
  }

  package var counters: Counters {
    pool.withLock { pool in
      Counters(
        frames: pool.frameCount, framesBeyondBudget: max(0, pool.frameCount - pool.budget),
        misses: misses.load(ordering: .relaxed), evictions: pool.evictions,
        overBudget: pool.overBudget)
    }
  }
}
