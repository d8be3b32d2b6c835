// PostingsCursor: walks the postings of one term, a block at a time.
//
// Invariants
// 1. While `block` is not past the end, documents[next ..< loaded] are the postings of the present block
//    that were not passed.
// 2. `documents` and `counts` hold 128 values each and belong to the search's scratch memory.
//
// Reads go to addresses that the postings' own checks vouch for (`SegmentDecoder` for those from a
// disk), so nothing is compared with an end here.

import Kernels

struct PostingsCursor {
  let frequency: Int
  let documents: UnsafeMutablePointer<UInt32>
  let counts: UnsafeMutablePointer<UInt32>
  /// Index of the next posting in the loaded block, and their number there.
  private(set) var next = 0
  private(set) var loaded = 0
  private(set) var block = 0
  /// Where the loaded block's positions begin, from the term's.
  private(set) var blockPositions = 0
  let blockCount: Int

  private let once: UInt32
  private let isOnce: Bool
  /// The table of a long list; else the bytes of a short one.
  private let table: UnsafePointer<UInt8>
  private let wholeBlocks: Int
  private let tailCount: Int
  /// Where the term's positions begin.
  let positions: UnsafePointer<UInt8>

  /// At the first posting. `scratch` has room for 256 values.
  init(_ postings: Postings, term: Int, scratch: UnsafeMutablePointer<UInt32>) {
    documents = scratch
    counts = scratch + Postings.blockDocuments
    frequency = postings.frequency(term)
    isOnce = postings.frequencies.isOnce(term)
    once = postings.starts[term]
    table = postings.bytes.base + (isOnce ? 0 : Int(once))
    positions =
      postings.positions.base + (postings.hasPositions ? Int(postings.positionStarts[term]) : 0)
    wholeBlocks = frequency / Postings.blockDocuments
    tailCount = frequency % Postings.blockDocuments
    blockCount = wholeBlocks + (tailCount > 0 ? 1 : 0)
    load(0)
  }

  var isAtEnd: Bool { block >= blockCount }
  /// The next document; meaningless at the end.
  @inline(__always)
  var document: UInt32 { documents[next] }
  @inline(__always)
  var count: UInt32 { counts[next] }

  // MARK: Table

  @inline(__always)
  private func word(_ block: Int, _ place: Int) -> UInt32 {
    UInt32(
      littleEndian: UnsafeRawPointer(table + block * Postings.entryBytes + place)
        .loadUnaligned(as: UInt32.self))
  }

  /// The last document of a block; the greatest number for the only block of a short list.
  @inline(__always)
  func last(ofBlock block: Int) -> UInt32 { wholeBlocks == 0 ? .max : word(block, 0) }

  /// A block's largest count (255: or more) and least norm.
  func bound(ofBlock block: Int) -> (count: UInt8, norm: UInt8) {
    if isOnce { return (1, 0) }
    guard wholeBlocks > 0 else { return (table[0], table[1]) }
    let entry = table + block * Postings.entryBytes
    return (entry[14], entry[15])
  }

  // MARK: Moving

  private mutating func load(_ target: Int) {
    block = target
    next = 0
    guard target < blockCount else {
      loaded = 0
      return
    }
    if isOnce {
      documents[0] = once
      counts[0] = 1
      loaded = 1
    } else if wholeBlocks == 0 {
      readTail(table + 2, before: .max)
    } else {
      let before = target == 0 ? UInt32.max : word(target - 1, 0)
      let data = table + blockCount * Postings.entryBytes + Int(word(target, 4))
      blockPositions = Int(word(target, 8))
      if target < wholeBlocks {
        let entry = table + target * Postings.entryBytes
        kernels_unpack_ascending(data, UInt32(entry[12]), before, documents)
        kernels_unpack_counts(data + 16 * Int(entry[12]), UInt32(entry[13]), counts)
        loaded = Postings.blockDocuments
      } else {
        readTail(data, before: before)
      }
    }
  }

  private mutating func readTail(_ data: UnsafePointer<UInt8>, before: UInt32) {
    var from = data
    var last = before
    for index in 0..<tailCount {
      let code = Self.varint(&from)
      last = last &+ UInt32(truncatingIfNeeded: code >> 1) &+ 1
      documents[index] = last
      counts[index] = code & 1 == 1 ? 1 : UInt32(truncatingIfNeeded: Self.varint(&from))
    }
    loaded = tailCount
  }

  @inline(__always)
  static func varint(_ from: inout UnsafePointer<UInt8>) -> UInt64 {
    var value = UInt64(from[0])
    from += 1
    guard value >= 0x80 else { return value }
    value &= 0x7f
    var shift: UInt64 = 7
    while true {
      let byte = UInt64(from[0])
      from += 1
      value |= (byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
  }

  /// Passes one posting.
  @inline(__always)
  mutating func advance() {
    next += 1
    if next == loaded { load(block + 1) }
  }

  /// Moves to the first posting, from here on, that is not before `target`.
  mutating func seek(_ target: UInt32) {
    guard !isAtEnd, document < target else { return }
    if documents[loaded - 1] < target {
      var candidate = block + 1
      while candidate < blockCount, last(ofBlock: candidate) < target { candidate += 1 }
      load(candidate)
      guard !isAtEnd else { return }
    }
    var low = next
    var high = loaded
    while low < high {
      let middle = (low + high) / 2
      if documents[middle] < target { low = middle + 1 } else { high = middle }
    }
    next = low
    if next == loaded { load(block + 1) }
  }

  /// Takes the loaded postings before `end` out: their first index and number. None at the end, and
  /// when the next posting is not before `end`. Call until it gives none.
  @inline(__always)
  mutating func take(before end: UInt32) -> (first: Int, count: Int) {
    guard next < loaded, documents[next] < end else { return (0, 0) }
    let first = next
    if documents[loaded - 1] < end {
      next = loaded
    } else {
      var low = next
      var high = loaded
      while low < high {
        let middle = (low + high) / 2
        if documents[middle] < end { low = middle + 1 } else { high = middle }
      }
      next = low
    }
    return (first, next - first)
  }

  /// Loads the next block when the present one was taken whole. The buffers change.
  @inline(__always)
  mutating func refill() {
    if next == loaded, block < blockCount { load(block + 1) }
  }

  /// Back to a posting that it stood at, or to the end.
  mutating func rewind(block target: Int, next place: Int) {
    if target != block { load(target) }
    next = place
  }

  // MARK: Positions

  /// The next document's positions, appended to `list`. Costs a walk from the block's beginning.
  func readPositions(into list: inout [UInt32]) {
    var from = positions + blockPositions
    for index in 0..<next { Self.skip(counts[index], &from) }
    var position: UInt32 = 0
    for _ in 0..<counts[next] {
      position = position &+ UInt32(truncatingIfNeeded: Self.varint(&from))
      list.append(position)
    }
  }

  /// Passes `count` varints.
  @inline(__always)
  static func skip(_ count: UInt32, _ from: inout UnsafePointer<UInt8>) {
    var rest = count
    while rest > 0 {
      if from[0] < 0x80 { rest -= 1 }
      from += 1
    }
  }
}
