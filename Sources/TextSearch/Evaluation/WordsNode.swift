// WordsNode: the words of a text in a segment, scored.

import Kernels

final class WordsNode: WindowNode {
  private struct List {
    var cursor: PostingsCursor
    let norms: UnsafePointer<UInt8>
    let inverse: UnsafePointer<Float>
    let weight: Float
    /// The first block that is not before the window of the last bound.
    var boundBlock = 0
    /// Where the cursor stood at the beginning of the window.
    var mark = (block: 0, next: 0)
  }

  private struct Word {
    var lists: Range<Int>
    var tie: Float
  }

  private let lists: UnsafeMutablePointer<List>
  private let listCount: Int
  private let words: [Word]
  private let minimum: Int
  private var isScored: Bool
  /// Of one block's postings.
  private let parts: UnsafeMutablePointer<Float>
  /// Those postings of a block that are wanted: documents, then counts.
  private let chosen: UnsafeMutablePointer<UInt32>
  /// Of a word with several lists; the second one only if ties count.
  private let best: WindowBuffer
  private let sum: WindowBuffer
  /// steps[n] are the documents that have had more than n of the words so far.
  private let steps: [UnsafeMutablePointer<UInt64>]
  private var pruning: Pruning?

  /// Nil when too few of the words are in the segment at all.
  init?(_ plan: WordsPlan, _ binder: SegmentBinder, isScored: Bool) {
    let scratch = binder.scratch
    var made: [List] = []
    var words: [Word] = []
    for word in plan.words {
      let start = made.count
      for list in word.lists {
        let field = binder.segment.fields[list.field]
        guard let term = list.places.number(in: binder.index) else { continue }
        made.append(
          List(
            cursor: PostingsCursor(
              field.postings, term: term,
              scratch: scratch.make(UInt32.self, 2 * Postings.blockDocuments)),
            norms: field.norms.base, inverse: binder.scales[list.field].inverse.base,
            weight: list.weight))
      }
      if made.count > start { words.append(Word(lists: start..<made.count, tie: word.tie)) }
    }
    guard words.count >= plan.minimum, !words.isEmpty else { return nil }
    lists = .allocate(capacity: made.count)
    lists.initialize(from: made, count: made.count)
    listCount = made.count
    self.words = words
    minimum = plan.minimum
    self.isScored = isScored
    parts = scratch.make(Float.self, Postings.blockDocuments)
    chosen = scratch.make(UInt32.self, 2 * Postings.blockDocuments)
    let hasGroups = words.contains { $0.lists.count > 1 }
    best = hasGroups || plan.minimum > 1 ? scratch.makeBuffer() : binder.spare
    sum = words.contains { $0.lists.count > 1 && $0.tie > 0 } ? scratch.makeBuffer() : best
    steps = plan.minimum > 1 ? (0..<plan.minimum).map { _ in scratch.makeBits() } : []
  }

  deinit {
    lists.deinitialize(count: listCount)
    lists.deallocate()
  }

  override var documentsMost: Int {
    (0..<listCount).reduce(0) { $0 + lists[$1].cursor.frequency }
  }

  // MARK: Bounds

  override func prune(by pruning: Pruning) { self.pruning = pruning }

  override func bound(_ window: Window) -> Float {
    var sum: Float = 0
    for word in words {
      var best: Float = 0
      var all: Float = 0
      for index in word.lists {
        let bound = bound(index, window)
        best = max(best, bound)
        all += bound
      }
      sum += word.tie > 0 ? best + word.tie * (all - best) : best
    }
    return sum
  }

  /// Zero when the list has no document in the window.
  private func bound(_ index: Int, _ window: Window) -> Float {
    let list = lists + index
    let (start, end) = (UInt32(window.start), UInt32(window.end))
    let count = list.pointee.cursor.blockCount
    var block = list.pointee.boundBlock
    while block < count, list.pointee.cursor.last(ofBlock: block) < start { block += 1 }
    list.pointee.boundBlock = block
    var most: Float = 0
    while block < count {
      let bound = list.pointee.cursor.bound(ofBlock: block)
      let weight = list.pointee.weight
      most = max(
        most,
        bound.count == Postings.countUnbounded
          ? weight
          : weight - weight / (1 + Float(bound.count) * list.pointee.inverse[Int(bound.norm)]))
      // Later blocks begin after this one's end.
      if list.pointee.cursor.last(ofBlock: block) >= end { break }
      block += 1
    }
    return most
  }

  // MARK: Windows

  override var canMatchFirst: Bool { isScored }

  override func findMatches(_ window: Window, _ bits: UnsafeMutablePointer<UInt64>) -> Bool {
    isScored = false
    defer { isScored = true }
    let hasMatch = evaluate(window, WindowBuffer(bits: bits, scores: best.scores))
    for index in 0..<listCount {
      let mark = lists[index].mark
      lists[index].cursor.rewind(block: mark.block, next: mark.next)
    }
    return hasMatch
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    if let pruning, pruning.least > 0, pruning.leavesOut(bound(window)) { return false }
    var wordsHere = 0
    for word in words {
      var isWordHere = false
      for index in word.lists where isHere(index, window) { isWordHere = true }
      if isWordHere { wordsHere += 1 }
    }
    guard wordsHere >= minimum else { return false }
    buffer.clearBits()
    for step in steps { step.update(repeating: 0, count: Window.words) }
    for word in words { add(word, window, buffer) }
    guard minimum > 1, let enough = steps.last else { return true }
    buffer.bits.update(from: enough, count: Window.words)
    return buffer.hasMatch()
  }

  /// Moves a cursor to the window, which may not be the one after the last; whether it has a posting there.
  @inline(__always)
  private func isHere(_ index: Int, _ window: Window) -> Bool {
    lists[index].cursor.seek(UInt32(window.start))
    lists[index].mark = (lists[index].cursor.block, lists[index].cursor.next)
    return !lists[index].cursor.isAtEnd && lists[index].cursor.document < UInt32(window.end)
  }

  private func add(_ word: Word, _ window: Window, _ buffer: WindowBuffer) {
    if word.lists.count == 1, minimum == 1 {
      add(word.lists.lowerBound, window, buffer)
      return
    }
    best.clearBits()
    if word.lists.count == 1 {
      add(word.lists.lowerBound, window, best)
    } else {
      addBest(word, window)
    }
    for place in 0..<Window.words {
      let found = best.bits[place]
      for step in steps.indices.dropFirst().reversed() {
        steps[step][place] |= steps[step - 1][place] & found
      }
      if let first = steps.first { first[place] |= found }
    }
    if isScored {
      kernels_merge_add(buffer.scores, buffer.bits, best.scores, best.bits, Window.words)
    } else {
      for place in 0..<Window.words { buffer.bits[place] |= best.bits[place] }
    }
  }

  private func addBest(_ word: Word, _ window: Window) {
    guard isScored, word.tie > 0 else {
      for index in word.lists { add(index, window, best, isMaximum: true) }
      return
    }
    sum.clearBits()
    for index in word.lists {
      take(index, window) { documents, scores, count in
        let start = UInt32(window.start)
        kernels_scatter_max(documents, scores, count, start, best.scores, best.bits)
        kernels_scatter_add(documents, scores, count, start, sum.scores, sum.bits)
      }
    }
    for place in 0..<Window.words {
      forEachBit(best.bits[place], place) { slot in
        best.scores[slot] += word.tie * (sum.scores[slot] - best.scores[slot])
      }
    }
  }

  @inline(__always)
  private func add(
    _ index: Int, _ window: Window, _ buffer: WindowBuffer, isMaximum: Bool = false
  ) {
    let start = UInt32(window.start)
    take(index, window) { documents, scores, count in
      if !isScored {
        kernels_scatter_bits(documents, count, start, buffer.bits)
      } else if isMaximum {
        kernels_scatter_max(documents, scores, count, start, buffer.scores, buffer.bits)
      } else {
        kernels_scatter_add(documents, scores, count, start, buffer.scores, buffer.bits)
      }
    }
  }

  /// The list's postings in the window, with their scores, in runs of at most a block.
  @inline(__always)
  private func take(
    _ index: Int, _ window: Window,
    _ body: (UnsafePointer<UInt32>, UnsafePointer<Float>, Int) -> Void
  ) {
    let list = lists + index
    while true {
      let (first, count) = list.pointee.cursor.take(before: UInt32(window.end))
      guard count > 0 else { return }
      let documents = list.pointee.cursor.documents + first
      if !isScored {
        body(documents, parts, count)
      } else if let wanted = window.wanted {
        let counts = chosen + Postings.blockDocuments
        let left = kernels_choose(
          documents, list.pointee.cursor.counts + first, count, UInt32(window.start), wanted,
          chosen,
          counts)
        score(list, chosen, counts, left)
        body(chosen, parts, left)
      } else {
        score(list, documents, list.pointee.cursor.counts + first, count)
        body(documents, parts, count)
      }
      list.pointee.cursor.refill()
    }
  }

  @inline(__always)
  private func score(
    _ list: UnsafeMutablePointer<List>, _ documents: UnsafePointer<UInt32>,
    _ counts: UnsafePointer<UInt32>, _ count: Int
  ) {
    kernels_scores(
      documents, counts, count, list.pointee.norms, list.pointee.inverse, list.pointee.weight,
      parts)
  }
}
