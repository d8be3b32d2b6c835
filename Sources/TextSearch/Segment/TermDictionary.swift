// TermDictionary: sorted byte strings, front-coded in blocks of sixteen.
//
// Invariants
// 1. Terms ascend by their bytes, without repeats; a term's number is its rank.
// 2. A block is, for each term: varint bytes shared with the term before (none for the first, whose
//    varint is left out), varint further bytes, those bytes. Block n begins at blockStarts[n].
// 3. heads[n] is the first eight bytes of block n's first term, big-endian, padded with zeros, so that
//    unequal heads order as their terms do and a search for the block touches no term.

package struct TermDictionary: Sendable {
  static let blockTerms = 16

  let count: Int
  let bytes: Frozen<UInt8>
  let blockStarts: Frozen<UInt32>
  let heads: Frozen<UInt64>
  let signatures = TermSignatures()

  var sizeBytes: Int { bytes.sizeBytes + blockStarts.sizeBytes + heads.sizeBytes }

  static func head(_ term: some Collection<UInt8>) -> UInt64 {
    var head: UInt64 = 0
    var shift: UInt64 = 56
    for byte in term.prefix(8) {
      head |= UInt64(byte) << shift
      shift &-= 8
    }
    return head
  }

  /// The last block whose first term is not above `term`; nil when `term` is below all.
  private func block(for term: [UInt8]) -> Int? {
    let head = Self.head(term)
    var low = 0
    var high = heads.count
    while low < high {
      let middle = (low + high) / 2
      let isAbove =
        heads[middle] != head
        ? heads[middle] > head : term.lexicographicallyPrecedes(firstTerm(middle))
      if isAbove { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? nil : low - 1
  }

  private func firstTerm(_ block: Int) -> UnsafeBufferPointer<UInt8> {
    var offset = Int(blockStarts[block])
    let length = readVarint(&offset)
    // Safe: a block's first entry lies in `bytes` (invariant 2).
    return UnsafeBufferPointer(start: bytes.base + offset, count: length)
  }

  @inline(__always)
  func readVarint(_ offset: inout Int) -> Int {
    var value = 0
    var shift = 0
    while true {
      let byte = bytes.base[offset]
      offset += 1
      value |= Int(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// The number of `term`, nil when it is not there.
  func find(_ term: [UInt8]) -> Int? {
    guard let block = block(for: term) else { return nil }
    var offset = Int(blockStarts[block])
    let end = min(count, (block + 1) * Self.blockTerms)
    // How many bytes of `term` the entry before begins with; the entry is below `term`.
    var common = 0
    for number in block * Self.blockTerms..<end {
      let shared = number == block * Self.blockTerms ? 0 : readVarint(&offset)
      let length = readVarint(&offset)
      defer { offset += length }
      // An entry that shares more is below as the one before was; one that shares less is above.
      if shared > common { continue }
      if shared < common { return nil }
      var index = 0
      while index < length, common < term.count, bytes.base[offset + index] == term[common] {
        index += 1
        common += 1
      }
      if index == length {
        if common == term.count { return number }
      } else if common == term.count || bytes.base[offset + index] > term[common] {
        return nil
      }
    }
    return nil
  }

  func term(_ number: Int) -> [UInt8] {
    var walker = TermWalker(self)
    walker.move(to: number)
    return walker.term
  }

  /// The numbers of the terms that begin with `prefix`.
  func range(ofPrefix prefix: [UInt8]) -> Range<Int> {
    var walker = TermWalker(self)
    guard walker.seek(prefix) else { return count..<count }
    let first = walker.number
    // The least string above all that begin so: the prefix with its last byte that can grow, grown.
    var bound = prefix
    while let last = bound.popLast() {
      guard last < 0xff else { continue }
      bound.append(last + 1)
      return walker.seek(bound) ? first..<walker.number : first..<count
    }
    return first..<count
  }
}

/// Makes a dictionary from ascending terms.
struct TermDictionaryBuilder {
  private var bytes: [UInt8] = []
  private var blockStarts: [UInt32] = []
  private var heads: [UInt64] = []
  private var last: [UInt8] = []
  private(set) var count = 0

  /// Appends a term above all others.
  mutating func append(_ term: UnsafeBufferPointer<UInt8>) {
    var shared = 0
    if count % TermDictionary.blockTerms == 0 {
      blockStarts.append(UInt32(bytes.count))
      heads.append(TermDictionary.head(term))
    } else {
      let most = min(last.count, term.count)
      while shared < most, last[shared] == term[shared] { shared += 1 }
      append(varint: shared)
    }
    append(varint: term.count - shared)
    bytes.append(contentsOf: term[shared...])
    last.removeAll(keepingCapacity: true)
    last.append(contentsOf: term)
    count += 1
  }

  mutating func append(_ term: [UInt8]) { term.withUnsafeBufferPointer { append($0) } }

  private mutating func append(varint value: Int) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  func finish() -> TermDictionary {
    TermDictionary(
      count: count, bytes: Frozen(bytes), blockStarts: Frozen(blockStarts), heads: Frozen(heads))
  }
}
