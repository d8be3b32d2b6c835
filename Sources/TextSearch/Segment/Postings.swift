// Postings: for each term of a dictionary the documents that have it, how often, and where.
//
// A term's postings (DataFormats/text-segment.md):
//
//   one document, once    nothing; the document's number stands in `starts`
//   fewer than 128        u8 largest count (255: or more) | u8 least norm | tail
//   128 or more           a table of 16 bytes a block, then the blocks one after another
//
//   table entry   u32 last document | u32 offset of the block from the table's end
//                 u32 offset of its positions from the term's | u8 document bits | u8 count bits
//                 u8 largest count (255: or more) | u8 least norm
//   block         128 documents as differences less one, then 128 counts less one, packed
//   tail          up to 127 documents; for each varint (difference less one) << 1 | (count == 1), then
//                 varint count unless it is one
//
// A tail of a long list has a table entry too, with bits of zero. Positions are, for each document, as
// many varints as its count: the first position, then differences.
//
// Invariants
// 1. Documents of a term ascend strictly and are below the segment's count; counts are at least one.
// 2. A block's largest count and least norm bound every score in it, whatever the mean length is.

import Kernels

package struct Postings: Sendable {
  static let blockDocuments = 128
  static let entryBytes = 16
  static let onceBit: UInt32 = 1 << 31
  static let countUnbounded: UInt8 = 255

  /// How many documents have the term, and whether it has no bytes.
  let frequencies: TermFrequencies
  let starts: Frozen<UInt32>
  let bytes: Frozen<UInt8>
  /// Empty where no positions are kept.
  let positionStarts: Frozen<UInt32>
  let positions: Frozen<UInt8>

  @inline(__always)
  func frequency(_ term: Int) -> Int { frequencies[term] }

  var hasPositions: Bool { positionStarts.count > 0 }

  var sizeBytes: Int {
    frequencies.sizeBytes + starts.sizeBytes + bytes.sizeBytes + positionStarts.sizeBytes
      + positions.sizeBytes
  }
}

/// Makes postings, term by term, documents ascending.
struct PostingsWriter {
  private let norms: [UInt8]
  private let keepsPositions: Bool
  private var frequencies: [UInt32] = []
  private var starts: [UInt32] = []
  private var bytes: [UInt8] = []
  private var positionStarts: [UInt32] = []
  private(set) var positions: [UInt8] = []

  // The open term.
  private var frequency = 0
  private var documents = [UInt32](repeating: 0, count: Postings.blockDocuments)
  private var counts = [UInt32](repeating: 0, count: Postings.blockDocuments)
  private var buffered = 0
  private var before = UInt32.max
  private var blockPositions = 0
  private var table: [UInt8] = []
  private var data: [UInt8] = []
  private var positionStart = 0

  /// `norms` are those of the segment's documents; empty where nothing is scored.
  init(norms: [UInt8], keepsPositions: Bool) {
    self.norms = norms
    self.keepsPositions = keepsPositions
  }

  /// Bytes written so far.
  var count: Int { bytes.count + positions.count }

  @inline(__always)
  mutating func add(_ document: UInt32, count: UInt32) {
    if buffered == Postings.blockDocuments { writeBlock() }
    if buffered == 0 { blockPositions = positions.count - positionStart }
    documents[buffered] = document
    counts[buffered] = count
    buffered += 1
    frequency += 1
  }

  /// One varint of the last document's positions.
  @inline(__always)
  mutating func add(position: UInt32) {
    Self.append(varint: position, to: &positions)
  }

  /// All positions of the last document, as they stand elsewhere.
  mutating func add(positions copied: UnsafeBufferPointer<UInt8>) {
    positions.append(contentsOf: copied)
  }

  mutating func finishTerm() {
    defer {
      (frequency, buffered, before) = (0, 0, .max)
      table.removeAll(keepingCapacity: true)
      data.removeAll(keepingCapacity: true)
      positionStart = positions.count
    }
    if keepsPositions { positionStarts.append(UInt32(positionStart)) }
    if frequency == 1, counts[0] == 1 {
      frequencies.append(1 | Postings.onceBit)
      starts.append(documents[0])
      return
    }
    frequencies.append(UInt32(frequency))
    starts.append(UInt32(bytes.count))
    if buffered == Postings.blockDocuments { writeBlock() }
    if frequency < Postings.blockDocuments {
      let bound = self.bound
      bytes.append(bound.count)
      bytes.append(bound.norm)
      writeTail()
      bytes.append(contentsOf: data)
    } else {
      if buffered > 0 {
        writeEntry(documentBits: 0, countBits: 0)
        writeTail()
      }
      bytes.append(contentsOf: table)
      bytes.append(contentsOf: data)
    }
  }

  func finish() -> Postings {
    Postings(
      frequencies: TermFrequencies(frequencies), starts: Frozen(starts), bytes: Frozen(bytes),
      positionStarts: Frozen(positionStarts), positions: Frozen(positions))
  }

  // MARK: Blocks

  private var bound: (count: UInt8, norm: UInt8) {
    var most: UInt32 = 1
    var least = UInt8.max
    for index in 0..<buffered {
      most = max(most, counts[index])
      if !norms.isEmpty { least = min(least, norms[Int(documents[index])]) }
    }
    return (UInt8(min(most, UInt32(Postings.countUnbounded))), norms.isEmpty ? 0 : least)
  }

  private mutating func writeEntry(documentBits: UInt32, countBits: UInt32) {
    let bound = self.bound
    Self.append(documents[buffered - 1], to: &table)
    Self.append(UInt32(data.count), to: &table)
    Self.append(UInt32(blockPositions), to: &table)
    table.append(UInt8(documentBits))
    table.append(UInt8(countBits))
    table.append(bound.count)
    table.append(bound.norm)
  }

  private mutating func writeBlock() {
    var allGaps: UInt32 = 0
    var allCounts: UInt32 = 0
    var last = before
    var gaps = documents
    var excess = counts
    for index in 0..<Postings.blockDocuments {
      gaps[index] = documents[index] &- last &- 1
      excess[index] = counts[index] - 1
      allGaps |= gaps[index]
      allCounts |= excess[index]
      last = documents[index]
    }
    let documentBits = UInt32(32 - allGaps.leadingZeroBitCount)
    let countBits = UInt32(32 - allCounts.leadingZeroBitCount)
    writeEntry(documentBits: documentBits, countBits: countBits)
    let start = data.count
    data.append(contentsOf: repeatElement(0, count: 16 * Int(documentBits + countBits)))
    data.withUnsafeMutableBufferPointer { data in
      // Safe: sixteen bytes for each bit of width were appended.
      guard let base = data.baseAddress else { return }
      kernels_pack(gaps, documentBits, base + start)
      kernels_pack(excess, countBits, base + start + 16 * Int(documentBits))
    }
    before = last
    buffered = 0
  }

  private mutating func writeTail() {
    for index in 0..<buffered {
      let gap = documents[index] &- before &- 1
      before = documents[index]
      let isOnce = counts[index] == 1
      Self.append(varint: UInt64(gap) << 1 | (isOnce ? 1 : 0), to: &data)
      if !isOnce { Self.append(varint: counts[index], to: &data) }
    }
    buffered = 0
  }

  private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  @inline(__always)
  private static func append(varint value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
