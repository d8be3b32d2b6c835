// SortedTerms: a walk over sorted terms, and the walk that an automaton takes through them: it goes on
// with what two neighbours share, and leaps over all terms that begin with what cannot match.

/// A place in a list of different terms that ascend by their bytes. Moves forward only.
protocol SortedTerms {
  /// The term here; empty at the end.
  var term: [UInt8] { get }
  var isAtEnd: Bool { get }
  /// Moves to the next term.
  mutating func next()
  /// Moves to the first term, from here on, that is not below `bound`. False at the end.
  @discardableResult
  mutating func seek(_ bound: [UInt8]) -> Bool
  /// Moves to the next term, and says how many bytes both begin with.
  mutating func nextShared() -> Int
  /// Moves to the next term that does not begin with the first `count` bytes of this one (one at least),
  /// and says how many bytes, fewer than `count`, both begin with.
  mutating func skip(sharing count: Int) -> Int
}

extension SortedTerms {
  mutating func nextShared() -> Int {
    let before = term
    next()
    return Self.shared(before, term)
  }

  mutating func skip(sharing count: Int) -> Int {
    let before = term
    var bound = Array(before.prefix(count))
    while let last = bound.popLast() {
      guard last < 0xff else { continue }
      bound.append(last + 1)
      seek(bound)
      return min(Self.shared(before, term), count - 1)
    }
    // Nothing is above a prefix of nothing but 0xff.
    while !isAtEnd { next() }
    return 0
  }

  static func shared(_ left: [UInt8], _ right: [UInt8]) -> Int {
    let most = min(left.count, right.count)
    var count = 0
    while count < most && left[count] == right[count] { count += 1 }
    return count
  }
}

/// How words are matched that may be mistyped.
struct FuzzyWalk {
  var edits: Int
  /// Letters that must be right.
  var prefixLetters = 0
  var firstLetterCountsTwice = false

  init(edits: Int, prefixLetters: Int = 0, firstLetterCountsTwice: Bool = false) {
    self.edits = edits
    self.prefixLetters = prefixLetters
    self.firstLetterCountsTwice = firstLetterCountsTwice
  }

  /// Calls `body` at each term that is at most `edits` from `word`, in the order of the terms, with how
  /// many. `terms` stands at its beginning; `body` must not move it.
  func forEachMatch<Terms: SortedTerms>(
    of word: [UInt8], in terms: inout Terms, _ body: (inout Terms, Int) -> Void
  ) {
    guard
      word.count <= EditAutomaton.lettersMost || Self.letters(of: word) <= EditAutomaton.lettersMost
    else {
      if terms.seek(word), terms.term == word { body(&terms, 0) }
      return
    }
    let automaton = EditAutomaton(
      word, edits: edits, firstLetterCountsTwice: firstLetterCountsTwice)
    let prefix = Self.prefix(of: word, letters: prefixLetters)
    if !prefix.isEmpty { terms.seek(prefix) }
    // The state after each byte of the present term; right up to `known` bytes.
    var states = [automaton.start]
    var known = 0
    while !terms.isAtEnd {
      let term = terms.term
      if !prefix.isEmpty && !term.starts(with: prefix) { return }
      var depth = known
      var state = states[depth]
      while depth < term.count {
        state = automaton.step(state, term[depth])
        guard automaton.canMatch(state) else { break }
        depth += 1
        if depth < states.count { states[depth] = state } else { states.append(state) }
      }
      if depth < term.count {
        known = terms.skip(sharing: depth + 1)
      } else {
        if let edits = automaton.matchedEdits(state) { body(&terms, edits) }
        known = terms.nextShared()
      }
    }
  }

  private static func letters(of word: [UInt8]) -> Int {
    word.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
  }

  private static func prefix(of word: [UInt8], letters: Int) -> [UInt8] {
    var left = letters
    return Array(
      word.prefix { byte in
        if byte & 0xc0 != 0x80 { left -= 1 }
        return left >= 0
      })
  }
}
