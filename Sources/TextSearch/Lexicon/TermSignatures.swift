// TermSignatures: the letters of each term of a dictionary in 32 bits, so that a scan leaves only the few
// terms that can be one or two edits from a word. A scan of a hundred thousand takes some 30 µs, where a
// walk of an automaton through them visits a third of all beginnings.
//
// The signatures are four bytes a term, in memory only, made when a word is first looked for.

import Kernels
import Synchronization

final class TermSignatures: Sendable {
  private let made = Mutex<Frozen<UInt32>?>(nil)

  /// Of all terms of `dictionary`, which is always the same one.
  func all(_ dictionary: TermDictionary) -> Frozen<UInt32> {
    made.withLock { made in
      if let made { return made }
      var reader = TermReader(dictionary)
      let signatures = Frozen<UInt32>(
        (0..<dictionary.count).map { number in
          let term = reader.term(number)
          return kernels_signature(term.baseAddress, term.count)
        })
      made = signatures
      return signatures
    }
  }
}

/// Reads terms of a dictionary into memory of its own, quickest in ascending order.
struct TermReader: ~Copyable {
  private let bytes: UnsafePointer<UInt8>
  private let blockStarts: UnsafePointer<UInt32>
  private let memory: UnsafeMutablePointer<UInt8>
  private let dictionary: TermDictionary
  private var next = Int.max
  private var offset = 0
  private var length = 0

  init(_ dictionary: TermDictionary) {
    self.dictionary = dictionary
    bytes = dictionary.bytes.base
    blockStarts = dictionary.blockStarts.base
    memory = .allocate(capacity: Self.bytesMost)
  }

  deinit { memory.deallocate() }

  /// Of a term, and what a damaged one is cut to.
  private static let bytesMost = TermList.termBytesMax + 1

  /// The term of that number, which is there; good until the next call.
  mutating func term(_ number: Int) -> UnsafeBufferPointer<UInt8> {
    let block = number / TermDictionary.blockTerms
    if number < next || next / TermDictionary.blockTerms < block {
      next = block * TermDictionary.blockTerms
      offset = Int(blockStarts[block])
    }
    while next <= number { read() }
    return UnsafeBufferPointer(start: memory, count: length)
  }

  @inline(__always)
  private mutating func read() {
    var shared = 0
    if next % TermDictionary.blockTerms != 0 { shared = varint() }
    let more = varint()
    shared = min(shared, Self.bytesMost)
    let kept = min(more, Self.bytesMost - shared)
    // Safe: an entry's bytes lie in the dictionary's (invariant 2 there), and no more are kept than fit.
    if kept <= 16, shared + 16 <= Self.bytesMost, offset + 16 <= dictionary.bytes.count {
      UnsafeMutableRawPointer(memory + shared).copyMemory(from: bytes + offset, byteCount: 16)
    } else {
      (memory + shared).update(from: bytes + offset, count: kept)
    }
    offset += more
    length = shared + kept
    next += 1
  }

  @inline(__always)
  private mutating func varint() -> Int {
    let byte = bytes[offset]
    guard byte >= 0x80 else {
      offset += 1
      return Int(byte)
    }
    return dictionary.readVarint(&offset)
  }
}

extension TermDictionary {
  /// Calls `body` with each term that is at most `edits` from `word`: number, bytes, and how many edits.
  /// Terms ascend.
  func forEachTerm(
    near word: [UInt8], edits: Int, _ body: (Int, UnsafeBufferPointer<UInt8>, Int) -> Void
  ) {
    let automaton = EditAutomaton(word, edits: edits)
    let wanted = word.withUnsafeBufferPointer { kernels_signature($0.baseAddress, $0.count) }
    let all = signatures.all(self)
    var reader = TermReader(self)
    let least = word.count - 4 * edits
    let most = word.count + 4 * edits
    let chunk = 4_096
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: chunk + 1) { candidates in
      for start in stride(from: 0, to: all.count, by: chunk) {
        let found = kernels_near(
          all.base + start, min(chunk, all.count - start), wanted, UInt32(automaton.edits),
          candidates.baseAddress)
        for index in 0..<found {
          let number = start + Int(candidates[index])
          let term = reader.term(number)
          guard term.count >= least, term.count <= most, let edits = automaton.edits(within: term)
          else { continue }
          body(number, term, edits)
        }
      }
    }
  }
}

extension EditAutomaton {
  /// As `edits(to:)`, but ends as soon as there are too many.
  @inline(__always)
  func edits(within word: UnsafeBufferPointer<UInt8>) -> Int? {
    var state = start
    for byte in word {
      state = step(state, byte)
      guard canMatch(state) else { return nil }
    }
    return matchedEdits(state)
  }
}
