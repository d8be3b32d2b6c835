// TermList: what an analyser found in one or more texts, in a few flat arrays.
//
// Invariants:
// 1. `ends`, `positions` and, if kept, `sources` have one entry for each term; `ends` grows strictly.
// 2. `positions` never falls. Terms that stand for one word share its position; a word that was left
//    out (a stop word) leaves a gap.
// 3. A term is 1 ... 255 bytes of valid UTF-8.
// 4. Between calls of an analyser nothing stands after the last end.

/// The terms of texts, in order, in one byte run.
struct TermList {
  static let termBytesMax = 255

  var bytes: [UInt8] = []
  /// Offset just past each term.
  var ends: [Int] = []
  /// The number of each term's word.
  var positions: [UInt32] = []
  /// Where each term's word stands in its text, as UTF-8 offsets; empty unless asked for.
  var sources: [Range<UInt32>] = []
  let keepsSources: Bool
  /// The number of the next word.
  var nextPosition: UInt32 = 0

  init(keepsSources: Bool = false) { self.keepsSources = keepsSources }

  var count: Int { ends.count }

  func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

  var terms: [[UInt8]] { (0..<count).map { Array(self[$0]) } }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    sources.removeAll(keepingCapacity: true)
    nextPosition = 0
  }

  /// Keeps phrases from reaching across two values of one field.
  mutating func skipPositions(_ count: UInt32) {
    nextPosition = nextPosition &+ count
  }

  /// Ends a term at the last byte.
  @inline(__always)
  mutating func close(position: UInt32, source: Range<UInt32>) {
    ends.append(bytes.count)
    positions.append(position)
    if keepsSources { sources.append(source) }
  }

  mutating func write(_ scalar: Unicode.Scalar) {
    let value = scalar.value
    switch value {
    case 0..<0x80: bytes.append(UInt8(truncatingIfNeeded: value))
    case 0x80..<0x800:
      bytes.append(0xc0 | UInt8(truncatingIfNeeded: value >> 6))
      writeTail(value)
    case 0x800..<0x10000:
      bytes.append(0xe0 | UInt8(truncatingIfNeeded: value >> 12))
      writeTail(value >> 6)
      writeTail(value)
    default:
      bytes.append(0xf0 | UInt8(truncatingIfNeeded: value >> 18))
      writeTail(value >> 12)
      writeTail(value >> 6)
      writeTail(value)
    }
  }

  private mutating func writeTail(_ bits: UInt32) {
    bytes.append(0x80 | UInt8(truncatingIfNeeded: bits) & 0x3f)
  }

  mutating func truncate(to count: Int) {
    if count < bytes.count { bytes.removeLast(bytes.count - count) }
  }
}
