// EditAutomaton: says of a word, byte by byte, whether it can still become one that is at most two edits
// from the pattern, and at the end how many it took. An edit is a letter more, a letter less, another
// letter, or two neighbours swapped (optimal string alignment: what was swapped is not edited again).
// Letters are Unicode scalars; words are UTF-8.
//
// The nondeterministic automaton of Wu and Manber (1992), "Fast text searching allowing errors", run
// over whole words: bit j of `rows[d]` says that the first j letters of the pattern may have been read
// with at most d edits. A swap is read off the row before the last letter.

struct EditAutomaton {
  /// Longer patterns match only themselves.
  static let lettersMost = 60
  static let editsMost = 2

  struct State {
    /// At most so many edits, for none, one and two; the row before; and the last letter's places.
    fileprivate var none: UInt64
    fileprivate var one: UInt64
    fileprivate var two: UInt64
    fileprivate var noneBefore: UInt64 = 0
    fileprivate var oneBefore: UInt64 = 0
    fileprivate var placesBefore: UInt64 = 0
    /// A scalar of several bytes is read: its bits so far, and how many bytes are missing.
    fileprivate var partial: UInt32 = 0
    fileprivate var missing: UInt8 = 0
    fileprivate var isFirst = true
    /// A wrong first letter counts as one edit more.
    fileprivate var penalty: UInt8 = 0
  }

  let edits: Int
  private let firstLetterCountsTwice: Bool
  private let first: UInt32
  private let accepting: UInt64
  private let mask: UInt64
  /// The places of each ASCII letter in the pattern, and of the others.
  private var ascii: [UInt64]
  private var others: [(scalar: UInt32, places: UInt64)] = []

  /// `edits` is 0 ... 2. With `firstLetterCountsTwice` a word that begins otherwise is one edit further.
  init(_ pattern: some Sequence<UInt8>, edits: Int, firstLetterCountsTwice: Bool = false) {
    let letters = Array(String(decoding: Array(pattern), as: UTF8.self).unicodeScalars)
    let isTooLong = letters.count > Self.lettersMost
    self.edits = isTooLong ? 0 : max(0, min(edits, Self.editsMost))
    self.firstLetterCountsTwice = firstLetterCountsTwice
    let kept = letters.prefix(Self.lettersMost)
    first = kept.first?.value ?? 0
    // A pattern that is too long accepts nothing here; see `matches`.
    accepting = isTooLong ? 0 : 1 << UInt64(kept.count)
    mask = (2 << UInt64(kept.count)) - 1
    ascii = [UInt64](repeating: 0, count: 128)
    for (place, letter) in kept.enumerated() {
      let bit = UInt64(1) << UInt64(place)
      if letter.value < 0x80 {
        ascii[Int(letter.value)] |= bit
      } else if let known = others.firstIndex(where: { $0.scalar == letter.value }) {
        others[known].places |= bit
      } else {
        others.append((letter.value, bit))
      }
    }
  }

  /// Before the first byte.
  var start: State {
    State(none: 1, one: 3 & mask, two: 7 & mask)
  }

  /// The state after `byte`. Between the bytes of a scalar nothing is decided.
  @inline(__always)
  func step(_ state: State, _ byte: UInt8) -> State {
    if byte < 0x80 && state.missing == 0 {
      return read(state, UInt32(byte), ascii[Int(byte)])
    }
    return stepOther(state, byte)
  }

  private func stepOther(_ state: State, _ byte: UInt8) -> State {
    var state = state
    if state.missing == 0 {
      state.missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
      state.partial = UInt32(byte & (byte < 0xe0 ? 0x1f : byte < 0xf0 ? 0x0f : 0x07))
      return state
    }
    state.partial = state.partial << 6 | UInt32(byte & 0x3f)
    state.missing -= 1
    guard state.missing == 0 else { return state }
    let scalar = state.partial
    return read(state, scalar, others.first { $0.scalar == scalar }?.places ?? 0)
  }

  @inline(__always)
  private func read(_ state: State, _ scalar: UInt32, _ places: UInt64) -> State {
    let (none, one, two) = (state.none, state.one, state.two)
    let swapped = places & (state.placesBefore >> 1)
    let nextNone = ((none & places) << 1) & mask
    // One letter more in the word; another letter; one letter less, before or after; a swap.
    let nextOne =
      ((one & places) << 1 | none | none << 1 | nextNone << 1 | (state.noneBefore & swapped) << 2)
      & mask
    let nextTwo =
      ((two & places) << 1 | one | one << 1 | nextOne << 1 | (state.oneBefore & swapped) << 2)
      & mask
    var next = State(none: nextNone, one: nextOne, two: nextTwo)
    (next.noneBefore, next.oneBefore, next.placesBefore) = (none, one, places)
    next.isFirst = false
    next.penalty = state.penalty
    if state.isFirst && firstLetterCountsTwice && scalar != first { next.penalty = 1 }
    return next
  }

  /// Whether more bytes may make a match.
  @inline(__always)
  func canMatch(_ state: State) -> Bool {
    switch edits - Int(state.penalty) {
    case 0: state.none != 0
    case 1: state.one != 0
    case 2: state.two != 0
    default: false
    }
  }

  /// The number of edits, if the word may end here.
  @inline(__always)
  func matchedEdits(_ state: State) -> Int? {
    guard state.missing == 0 else { return nil }
    let penalty = Int(state.penalty)
    if state.none & accepting != 0 { return penalty <= edits ? penalty : nil }
    if state.one & accepting != 0 { return 1 + penalty <= edits ? 1 + penalty : nil }
    if state.two & accepting != 0 { return 2 + penalty <= edits ? 2 + penalty : nil }
    return nil
  }

  /// The edits from the pattern to a whole word.
  func edits(to word: some Sequence<UInt8>) -> Int? {
    var state = start
    for byte in word { state = step(state, byte) }
    return matchedEdits(state)
  }
}
