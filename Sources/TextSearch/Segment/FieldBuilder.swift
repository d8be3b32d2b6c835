// FieldBuilder: the texts of one field, document by document, to its inverted index.
//
// Terms are found by open addressing over an arena. Every occurrence is kept as its term's number, in
// order; at the end one counting sort brings the occurrences of a term together, documents and positions
// still ascending, and they are written out.

import Bytes

struct FieldBuilder {
  private let analyser: Analyser
  private let keepsPositions: Bool

  private var arena: [UInt8] = []
  private var starts: [UInt32] = [0]
  private var hashes: [UInt32] = []
  private var slots = [UInt32](repeating: .max, count: 1_024)

  private var occurrences: [UInt32] = []
  private var positions: [UInt32] = []
  /// How many occurrences there are up to and with each document.
  private var ends: [UInt32] = []
  private var lengths: [UInt32] = []
  private var list = TermList()

  init(_ field: TextSchema.Field) {
    analyser = field.analyser
    keepsPositions = field.keepsPositions
  }

  /// The next document's text.
  mutating func add(_ text: String) {
    list.removeAll()
    analyser.analyse(text, into: &list)
    var length: UInt32 = 0
    var start = 0
    var last = UInt32.max
    for index in 0..<list.count {
      let end = list.ends[index]
      occurrences.append(find(start, end))
      start = end
      let position = list.positions[index]
      positions.append(position)
      // Terms that stand for one word count as one.
      if position != last { length += 1 }
      last = position
    }
    lengths.append(length)
    ends.append(UInt32(occurrences.count))
  }

  // MARK: Terms

  /// The number of the list's term at bytes `start ..< end`.
  @inline(__always)
  private mutating func find(_ start: Int, _ end: Int) -> UInt32 {
    let length = end - start
    let (hash, found) = list.bytes.withUnsafeBytes { bytes -> (UInt32, UInt32?) in
      let term = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let hash = UInt32(truncatingIfNeeded: XXH64.hash(term))
      let found = arena.withUnsafeBytes { arena -> UInt32? in
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != .max {
          let number = Int(slots[slot])
          let offset = Int(starts[number])
          if hashes[number] == hash, Int(starts[number + 1]) - offset == length,
            Self.isEqual(arena, offset, term)
          {
            return UInt32(number)
          }
          slot = (slot + 1) & (slots.count - 1)
        }
        return nil
      }
      return (hash, found)
    }
    return found ?? insert(start, end, hash)
  }

  @inline(__always)
  private static func isEqual(
    _ arena: UnsafeRawBufferPointer, _ offset: Int, _ term: UnsafeRawBufferPointer
  ) -> Bool {
    for index in 0..<term.count where arena[offset + index] != term[index] { return false }
    return true
  }

  private mutating func insert(_ start: Int, _ end: Int, _ hash: UInt32) -> UInt32 {
    let number = UInt32(hashes.count)
    hashes.append(hash)
    arena.append(contentsOf: list.bytes[start..<end])
    starts.append(UInt32(arena.count))
    if 2 * hashes.count > slots.count {
      slots = Array(repeating: .max, count: slots.count * 2)
      for number in hashes.indices { place(UInt32(number)) }
    } else {
      place(number)
    }
    return number
  }

  private mutating func place(_ number: UInt32) {
    var slot = Int(hashes[Int(number)]) & (slots.count - 1)
    while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = number
  }

  /// The terms' numbers in the order of their bytes.
  private func sortedTerms() -> [UInt32] {
    arena.withUnsafeBufferPointer { arena in
      func term(_ number: UInt32) -> Slice<UnsafeBufferPointer<UInt8>> {
        arena[Int(starts[Int(number)])..<Int(starts[Int(number) + 1])]
      }
      let heads = (0..<hashes.count).map { TermDictionary.head(term(UInt32($0))) }
      return (0..<UInt32(hashes.count)).sorted { left, right in
        heads[Int(left)] != heads[Int(right)]
          ? heads[Int(left)] < heads[Int(right)] : term(left).lexicographicallyPrecedes(term(right))
      }
    }
  }

  // MARK: Writing

  func finish() -> FieldIndex {
    let order = sortedTerms()
    // Where each term's occurrences begin, then end, in the sorted runs.
    var next = [Int](repeating: 0, count: hashes.count)
    for term in occurrences { next[Int(term)] += 1 }
    var total = 0
    for term in order { (next[Int(term)], total) = (total, total + next[Int(term)]) }
    // Document in the high half, position in the low one.
    let sorted = [UInt64](unsafeUninitializedCapacity: total) { sorted, count in
      var occurrence = 0
      for document in ends.indices {
        let high = UInt64(document) << 32
        let end = Int(ends[document])
        while occurrence < end {
          let term = Int(occurrences[occurrence])
          // Safe: each term has as many places as it has occurrences.
          sorted[next[term]] = high | UInt64(positions[occurrence])
          next[term] += 1
          occurrence += 1
        }
      }
      count = total
    }
    let norms = lengths.map(Norm.norm(ofLength:))
    var terms = TermDictionaryBuilder()
    var writer = PostingsWriter(norms: norms, keepsPositions: keepsPositions)
    var start = 0
    arena.withUnsafeBufferPointer { arena in
      for term in order {
        terms.append(
          UnsafeBufferPointer(
            rebasing: arena[Int(starts[Int(term)])..<Int(starts[Int(term) + 1])]))
        let end = next[Int(term)]
        Self.write(sorted[start..<end], keepsPositions, &writer)
        start = end
      }
    }
    return FieldIndex(
      terms: terms.finish(), postings: writer.finish(), norms: Frozen(norms),
      lengths: NarrowRun(lengths))
  }

  private static func write(
    _ occurrences: ArraySlice<UInt64>, _ keepsPositions: Bool, _ writer: inout PostingsWriter
  ) {
    var index = occurrences.startIndex
    while index < occurrences.endIndex {
      let document = UInt32(occurrences[index] >> 32)
      var end = index + 1
      while end < occurrences.endIndex, UInt32(occurrences[end] >> 32) == document { end += 1 }
      writer.add(document, count: UInt32(end - index))
      if keepsPositions {
        var last: UInt32 = 0
        for place in index..<end {
          let position = UInt32(truncatingIfNeeded: occurrences[place])
          writer.add(position: position - last)
          last = position
        }
      }
      index = end
    }
    writer.finishTerm()
  }
}
