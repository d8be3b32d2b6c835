// TermWalker: walks the terms of a dictionary, forward, decoding one entry after another.

/// A place in a dictionary, with the term that stands there. Moves forward.
struct TermWalker: SortedTerms {
  private let dictionary: TermDictionary
  private var offset = 0
  private(set) var number = 0
  /// The term at `number`; empty at the end.
  private(set) var term: [UInt8] = []

  /// At the first term.
  init(_ dictionary: TermDictionary) {
    self.dictionary = dictionary
    read()
  }

  var isAtEnd: Bool { number >= dictionary.count }

  private static var blockTerms: Int { TermDictionary.blockTerms }

  /// Reads the term at `number`, which follows the one that was read; how many bytes both begin with,
  /// which at a block's first term may be none.
  @discardableResult
  @inline(__always)
  private mutating func read() -> Int {
    guard number < dictionary.count else {
      term.removeAll(keepingCapacity: true)
      return 0
    }
    var shared = 0
    if number % Self.blockTerms == 0 {
      offset = Int(dictionary.blockStarts[number / Self.blockTerms])
    } else {
      shared = dictionary.readVarint(&offset)
    }
    let length = dictionary.readVarint(&offset)
    term.removeLast(term.count - min(shared, term.count))
    // Safe: an entry's bytes lie in the dictionary's (invariant 2 there).
    term.append(
      contentsOf: UnsafeBufferPointer(start: dictionary.bytes.base + offset, count: length))
    offset += length
    return shared
  }

  mutating func next() {
    guard !isAtEnd else { return }
    number += 1
    read()
  }

  mutating func nextShared() -> Int {
    guard !isAtEnd else { return 0 }
    number += 1
    guard number % Self.blockTerms == 0 else { return read() }
    let shared = sharedWithBlock()
    read()
    return shared
  }

  /// How many bytes `term` and the first term of the block at `number` both begin with.
  private func sharedWithBlock() -> Int {
    guard !isAtEnd else { return 0 }
    var start = Int(dictionary.blockStarts[number / Self.blockTerms])
    let length = dictionary.readVarint(&start)
    var shared = 0
    while shared < min(length, term.count), dictionary.bytes.base[start + shared] == term[shared] {
      shared += 1
    }
    return shared
  }

  /// Entries that share as much are passed without being put together; what they share stays in `term`.
  mutating func skip(sharing count: Int) -> Int {
    guard !isAtEnd else { return 0 }
    term.removeLast(max(0, term.count - count))
    while true {
      number += 1
      guard number % Self.blockTerms != 0, !isAtEnd else {
        leap()
        let shared = sharedWithBlock()
        if isAtEnd || shared < count {
          read()
          return shared
        }
        // The block's first term is passed as well.
        offset = Int(dictionary.blockStarts[number / Self.blockTerms])
        let length = dictionary.readVarint(&offset)
        offset += length
        continue
      }
      var peek = offset
      let shared = dictionary.readVarint(&peek)
      guard shared >= count else { return read() }
      let length = dictionary.readVarint(&peek)
      offset = peek + length
    }
  }

  /// At a block's beginning: goes to the last block before which all blocks begin with `term`.
  private mutating func leap() {
    guard !isAtEnd, !term.isEmpty, term.count <= 8 else { return }
    let shift = UInt64(8 * (8 - term.count))
    let wanted = TermDictionary.head(term) >> shift
    var block = number / Self.blockTerms
    while block + 1 < dictionary.heads.count, dictionary.heads.base[block + 1] >> shift == wanted {
      block += 1
    }
    number = block * Self.blockTerms
  }

  /// To the term of that number.
  mutating func move(to number: Int) {
    if number < self.number
      || number / TermDictionary.blockTerms > self.number / TermDictionary.blockTerms
    {
      self.number = number / TermDictionary.blockTerms * TermDictionary.blockTerms
      read()
    }
    while self.number < number && !isAtEnd { next() }
  }

  /// Moves to the first term, from here on, that is not below `bound`. False at the end.
  @discardableResult
  mutating func seek(_ bound: [UInt8]) -> Bool {
    guard !isAtEnd else { return false }
    let head = TermDictionary.head(bound)
    // The last block that begins below the bound.
    var low = number / TermDictionary.blockTerms + 1
    var high = dictionary.heads.count
    while low < high {
      let middle = (low + high) / 2
      if dictionary.heads[middle] < head { low = middle + 1 } else { high = middle }
    }
    if low - 1 > number / TermDictionary.blockTerms {
      number = (low - 1) * TermDictionary.blockTerms
      read()
    }
    while !isAtEnd, term.lexicographicallyPrecedes(bound) { next() }
    return !isAtEnd
  }
}
