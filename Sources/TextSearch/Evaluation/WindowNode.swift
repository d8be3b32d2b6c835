// WindowNode: a plan bound to one segment, which answers window by window: 4,096 documents as bits, and
// a score for each. A window's scores stay in the first cache levels, and its matches come out in the
// order of ordinals, so columns are read forwards.
//
// Invariants
// 1. Windows come in ascending order; a node may be asked about the same window once only, except that
//    `evaluate` may follow `findMatches`.
// 2. When `evaluate` gives true, bits past the window's end are zero, and each set bit has its score, if
//    scores count at all. Elsewhere anything may stand among the scores: nothing clears them, for most
//    windows have few matches. When it gives false, there is no match and nothing may be read.

import Kernels

/// Documents `start ..< end` of a segment; `start` is a multiple of `Window.documents`.
struct Window {
  static let documents = 4_096
  static let words = documents / 64

  var start: Int
  var end: Int
  /// The bits of the documents that are asked about; nil: all. What a node says of others counts for nothing,
  /// and their scores need not be computed.
  var wanted: UnsafePointer<UInt64>?

  init(start: Int, count: Int) {
    self.start = start
    end = min(start + Self.documents, count)
  }
}

/// Memory for one window's bits and scores.
struct WindowBuffer {
  let bits: UnsafeMutablePointer<UInt64>
  let scores: UnsafeMutablePointer<Float>

  @inline(__always)
  func clearBits() { bits.update(repeating: 0, count: Window.words) }

  /// Whether any bit is set.
  func hasMatch() -> Bool {
    var all: UInt64 = 0
    for word in 0..<Window.words { all |= bits[word] }
    return all != 0
  }

  func matchCount() -> Int {
    var count = 0
    for word in 0..<Window.words { count &+= bits[word].nonzeroBitCount }
    return count
  }

  /// Sets the bits of the window's documents, and no others.
  func setAll(_ window: Window) {
    let count = window.end - window.start
    for word in 0..<Window.words {
      let rest = count - 64 * word
      bits[word] = rest >= 64 ? .max : rest <= 0 ? 0 : 1 << UInt64(rest) - 1
    }
  }

  /// The same score for each match.
  func fill(_ score: Float) {
    for word in 0..<Window.words where bits[word] != 0 {
      (scores + 64 * word).update(repeating: score, count: 64)
    }
  }
}

/// Calls `body` with 64 * word + n for each bit n of `bits`, ascending.
@inline(__always)
func forEachBit(_ bits: UInt64, _ word: Int, _ body: (Int) -> Void) {
  var rest = bits
  while rest != 0 {
    body(word << 6 | rest.trailingZeroBitCount)
    rest &= rest &- 1
  }
}

/// The memory of one search: freed as a whole.
final class SearchScratch {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var block: UnsafeMutableRawPointer?
  private var used = 0
  private static let blockBytes = 1 << 17

  deinit { for block in blocks { block.deallocate() } }

  private func take(_ bytes: Int) -> UnsafeMutableRawPointer {
    let size = (bytes + 63) & ~63
    if let block, used + size <= Self.blockBytes {
      defer { used += size }
      return block + used
    }
    let fresh = UnsafeMutableRawPointer.allocate(
      byteCount: max(size, Self.blockBytes), alignment: 64)
    blocks.append(fresh)
    (block, used) = (fresh, size)
    return fresh
  }

  /// Memory for `count` values, not set to anything. Safe: values are plain bits, and it lives as long as
  /// the scratch.
  func make<Value: BitwiseCopyable>(_ type: Value.Type, _ count: Int) -> UnsafeMutablePointer<Value>
  {
    take(count * MemoryLayout<Value>.stride).bindMemory(to: Value.self, capacity: count)
  }

  func makeBits() -> UnsafeMutablePointer<UInt64> { make(UInt64.self, Window.words) }

  func makeBuffer() -> WindowBuffer {
    WindowBuffer(bits: makeBits(), scores: make(Float.self, Window.documents))
  }
}

class WindowNode {
  /// Whether `restrict` looks at the given documents only, so that it is best asked last.
  var looksAtDocuments: Bool { false }

  /// Of nodes that look at documents: about how many pass. Nothing but the order of work depends on it.
  var guessedShare: Float { 0.5 }

  /// No more documents than this match.
  var documentsMost: Int { .max }

  /// No document of the window scores more. Windows ascend.
  func bound(_ window: Window) -> Float { .infinity }

  /// From now on `evaluate` may leave out what `pruning` does not want.
  func prune(by pruning: Pruning) {}

  /// Whether `findMatches` can be asked.
  var canMatchFirst: Bool { false }

  /// Finds the window's matches alone; `evaluate` may follow for the same window. False: there are none.
  func findMatches(_ window: Window, _ bits: UnsafeMutablePointer<UInt64>) -> Bool { false }

  /// Finds the window's matches, and what they score.
  func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool { false }

  /// Takes the documents out of `bits` that do not match. `spare` is memory to work in.
  func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    guard evaluate(window, spare) else {
      bits.update(repeating: 0, count: Window.words)
      return
    }
    for word in 0..<Window.words { bits[word] &= spare.bits[word] }
  }
}

/// Every document. The search leaves out those that do not stand.
final class AllNode: WindowNode {
  private let score: Float

  init(score: Float) { self.score = score }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.setAll(window)
    buffer.fill(score)
    return true
  }

  override var looksAtDocuments: Bool { true }
  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {}
}

/// Documents that were found for the whole segment at once.
final class BitmapNode: WindowNode {
  private let bitmap: UnsafeMutablePointer<UInt64>
  private let score: Float

  /// A bitmap with no bit set and room for whole windows.
  static func makeBitmap(_ count: Int, _ scratch: SearchScratch) -> UnsafeMutablePointer<UInt64> {
    let words = (count + Window.documents - 1) / Window.documents * Window.words
    let bitmap = scratch.make(UInt64.self, max(1, words))
    bitmap.update(repeating: 0, count: words)
    return bitmap
  }

  init(_ bitmap: UnsafeMutablePointer<UInt64>, score: Float) {
    self.bitmap = bitmap
    self.score = score
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.bits.update(from: bitmap + window.start / 64, count: Window.words)
    guard buffer.hasMatch() else { return false }
    buffer.fill(score)
    return true
  }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    let own = bitmap + window.start / 64
    for word in 0..<Window.words { bits[word] &= own[word] }
  }
}

/// A filter that looks at each of the documents it is given: what remains of them has one score.
class FilterNode: WindowNode {
  private let score: Float

  init(score: Float) { self.score = score }

  override final var looksAtDocuments: Bool { true }

  override final func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.setAll(window)
    restrict(window, buffer.bits, buffer)
    guard buffer.hasMatch() else { return false }
    buffer.fill(score)
    return true
  }
}

/// Documents that are looked at one by one.
final class TestNode: FilterNode {
  private let test: (_ document: Int) -> Bool

  init(score: Float, _ test: @escaping (_ document: Int) -> Bool) {
    self.test = test
    super.init(score: score)
  }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    for word in 0..<Window.words where bits[word] != 0 {
      var kept = bits[word]
      forEachBit(bits[word], word) { slot in
        if !test(window.start + slot) { kept &= ~(1 << UInt64(slot & 63)) }
      }
      bits[word] = kept
    }
  }
}

/// Cells of a numeric column in a range.
final class RangeNode: FilterNode {
  private let reader: CellReader<Int64>
  private let range: ClosedRange<Int64>
  private let ordinals: UnsafePointer<UInt32>

  init(
    _ reader: CellReader<Int64>, _ range: ClosedRange<Int64>, _ ordinals: Frozen<UInt32>,
    score: Float
  ) {
    (self.reader, self.range) = (reader, range)
    self.ordinals = ordinals.base
    super.init(score: score)
  }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    reader.cells.keep(
      in: range, ordinals + window.start, bits, Window.words)
  }
}

/// Documents whose place is in an area, and in a circle.
final class AreaNode: FilterNode {
  private let places: PlaceIndex
  private let cells: GeoCells
  private let unsure: UnsafeMutablePointer<UInt64>

  /// Some document has a place.
  init(_ places: PlaceIndex, _ cells: GeoCells, score: Float, _ scratch: SearchScratch) {
    (self.places, self.cells) = (places, cells)
    unsure = scratch.makeBits()
    super.init(score: score)
  }

  override var guessedShare: Float { 0.1 }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    cells.restrict(
      places.cells.base + window.start, places.points.base + window.start, bits, unsure)
  }
}
