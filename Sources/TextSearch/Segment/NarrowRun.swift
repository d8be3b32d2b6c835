// NarrowRun: numbers that never change, each in as few bytes as the greatest of them needs. What a segment has
// for each document or term is mostly small; four bytes for each would be a third of the segment.

/// One, two or four bytes a number.
package struct NarrowRun: Sendable {
  enum Storage: Sendable {
    case bytes(Frozen<UInt8>)
    case halves(Frozen<UInt16>)
    case words(Frozen<UInt32>)
  }

  let storage: Storage
  let count: Int

  init(_ values: [UInt32]) {
    count = values.count
    switch values.max() ?? 0 {
    case 0...0xff: storage = .bytes(Frozen(values.map { UInt8(truncatingIfNeeded: $0) }))
    case 0...0xffff: storage = .halves(Frozen(values.map { UInt16(truncatingIfNeeded: $0) }))
    default: storage = .words(Frozen(values))
    }
  }

  @inline(__always)
  subscript(index: Int) -> UInt32 {
    switch storage {
    case .bytes(let values): UInt32(values[index])
    case .halves(let values): UInt32(values[index])
    case .words(let values): values[index]
    }
  }

  var array: [UInt32] { (0..<count).map { self[$0] } }

  var sizeBytes: Int {
    switch storage {
    case .bytes(let values): values.sizeBytes
    case .halves(let values): values.sizeBytes
    case .words(let values): values.sizeBytes
    }
  }
}

/// Where each of several parts that stand end to end begins; nothing is kept where all are equally long.
package struct PartStarts: Sendable {
  /// The number of parts.
  let count: Int
  /// The length of every part; nil: `starts` says.
  let length: Int?
  let starts: Frozen<UInt32>

  /// `starts` has one entry more than there are parts, the first being zero.
  init(_ starts: [UInt32]) {
    count = max(0, starts.count - 1)
    let first = count > 0 ? starts[1] : 0
    let areAlike = zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 == first }
    length = areAlike ? Int(first) : nil
    self.starts = Frozen(areAlike ? [] : starts)
  }

  @inline(__always)
  subscript(part: Int) -> Range<Int> {
    if let length { return part * length..<(part + 1) * length }
    return Int(starts[part])..<Int(starts[part + 1])
  }

  var sizeBytes: Int { starts.sizeBytes }
}

/// How many documents each term has: a byte, and for the few frequent ones the number elsewhere.
package struct TermFrequencies: Sendable {
  /// Zero: one document, once. 255: it stands in `many`.
  private let bytes: Frozen<UInt8>
  private let manyTerms: Frozen<UInt32>
  private let many: Frozen<UInt32>

  /// `values` are marked by `Postings.onceBit`.
  init(_ values: [UInt32]) {
    var manyTerms: [UInt32] = []
    var many: [UInt32] = []
    bytes = Frozen(
      values.enumerated().map { term, value in
        if value & Postings.onceBit != 0 { return 0 }
        if value < 255 { return UInt8(value) }
        manyTerms.append(UInt32(term))
        many.append(value)
        return 255
      })
    (self.manyTerms, self.many) = (Frozen(manyTerms), Frozen(many))
  }

  var count: Int { bytes.count }

  @inline(__always)
  func isOnce(_ term: Int) -> Bool { bytes[term] == 0 }

  @inline(__always)
  subscript(term: Int) -> Int {
    let byte = bytes[term]
    return byte == 255 ? frequent(term) : max(1, Int(byte))
  }

  private func frequent(_ term: Int) -> Int {
    var low = 0
    var high = manyTerms.count
    while low < high {
      let middle = (low + high) / 2
      if manyTerms[middle] < UInt32(term) { low = middle + 1 } else { high = middle }
    }
    return Int(many[low])
  }

  var sizeBytes: Int { bytes.sizeBytes + manyTerms.sizeBytes + many.sizeBytes }
}
