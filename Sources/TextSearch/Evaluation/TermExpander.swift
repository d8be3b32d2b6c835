// TermExpander: the terms that a word may stand for, over all segments: those that begin with it, or that
// are a few edits away.
//
// Which of too many are taken is decided by edits, then document frequency, then bytes, all of which are
// properties of the standing documents: the layout of segments does not matter.

struct TermExpander {
  struct Variant: Equatable {
    var term: [UInt8]
    /// Zero for the word itself. A term that goes on after a prefix counts as one.
    var edits: Int
    /// Standing documents that have it in the field.
    var frequency: Int
  }

  private struct Question: Hashable {
    var term: [UInt8]
    var field: Int
    var edits: Int
    var isPrefix: Bool
  }

  private let state: IndexState
  private var known: [Question: [Variant]] = [:]

  init(_ state: IndexState) { self.state = state }

  /// What a variant's score is multiplied with: an edit halves it.
  static func decay(_ variant: Variant) -> Double {
    switch variant.edits {
    case 0: 1
    case 1: 0.5
    default: 0.25
    }
  }

  static func edits(_ fuzziness: TextFuzziness, characters: Int) -> Int {
    switch fuzziness {
    case .none: 0
    case .edits(let edits): min(2, max(0, edits))
    case .auto: characters < 3 ? 0 : characters < 6 ? 1 : 2
    }
  }

  /// Best first; the word itself is always there, whether any document has it or not.
  mutating func variants(
    of term: [UInt8], field: Int, _ fuzziness: TextFuzziness, isPrefix: Bool
  ) -> [Variant] {
    // A byte that continues a character is none.
    let characters = term.count { $0 & 0xc0 != 0x80 }
    let edits = Self.edits(fuzziness, characters: characters)
    let itself = Variant(
      term: term, edits: 0, frequency: state.documentFrequency(field, term))
    guard edits > 0 || isPrefix else { return [itself] }
    let question = Question(term: term, field: field, edits: edits, isPrefix: isPrefix)
    if let variants = known[question] { return variants }
    var others: [[UInt8]: Variant] = [:]
    if isPrefix {
      for variant in prefixed(term, field) { others[variant.term] = variant }
    }
    if edits > 0 {
      for variant in near(term, field, edits) where others[variant.term] == nil {
        others[variant.term] = variant
      }
    }
    others[term] = nil
    let limit = isPrefix ? TextLimits.prefixExpansions : TextLimits.fuzzyExpansions
    let variants = [itself] + Self.best(Array(others.values), limit - 1)
    known[question] = variants
    return variants
  }

  private static func best(_ variants: [Variant], _ limit: Int) -> [Variant] {
    Array(
      variants.sorted { left, right in
        if left.edits != right.edits { return left.edits < right.edits }
        if left.frequency != right.frequency { return left.frequency > right.frequency }
        return left.term.lexicographicallyPrecedes(right.term)
      }.prefix(limit))
  }

  // MARK: Beginnings

  private func prefixed(_ prefix: [UInt8], _ field: Int) -> [Variant] {
    var frequencies: [[UInt8]: Int] = [:]
    for view in state.segments {
      let terms = view.segment.fields[field].terms
      let range = terms.range(ofPrefix: prefix)
      var walker = TermWalker(terms)
      walker.move(to: range.lowerBound)
      while walker.number < range.upperBound {
        frequencies[walker.term, default: 0] += view.documentFrequency(
          field: field, term: walker.number)
        walker.next()
      }
    }
    return frequencies.filter { $0.value > 0 }.map {
      Variant(term: $0.key, edits: 1, frequency: $0.value)
    }
  }

  // MARK: Edits

  private func near(_ word: [UInt8], _ field: Int, _ most: Int) -> [Variant] {
    var found: [[UInt8]: Variant] = [:]
    for view in state.segments {
      var walk = EditWalk(word, most: most)
      walk.visit(view.segment.fields[field].terms) { term, number, edits in
        let frequency = view.documentFrequency(field: field, term: number)
        guard frequency > 0 else { return }
        found[term, default: Variant(term: term, edits: edits, frequency: 0)].frequency +=
          frequency
      }
    }
    return Array(found.values)
  }
}

/// Walks a dictionary's terms within some edits of a word: one row of the edit distance's table for each
/// character, shared by all terms with the same beginning; a beginning whose row holds nothing small
/// enough is jumped over. An edit is an insertion, a deletion, a substitution, or a swap of neighbours,
/// and no part is edited twice (optimal string alignment).
struct EditWalk {
  private let word: [UInt32]
  private let most: Int
  /// rows[n] after n characters of the term.
  private var rows: [[UInt8]]
  private var characters: [UInt32] = []
  /// Bytes of the term up to each character's end.
  private var ends: [Int] = []

  init(_ word: [UInt8], most: Int) {
    self.word = Self.decode(word)
    self.most = most
    rows = [(0...self.word.count).map { UInt8(min($0, 255)) }]
  }

  private static func decode(_ bytes: [UInt8]) -> [UInt32] {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
  }

  mutating func visit(
    _ dictionary: TermDictionary, _ body: (_ term: [UInt8], _ number: Int, _ edits: Int) -> Void
  ) {
    var walker = TermWalker(dictionary)
    var last: [UInt8] = []
    while !walker.isAtEnd {
      let term = walker.term
      var common = 0
      while common < min(term.count, last.count), term[common] == last[common] { common += 1 }
      while let end = ends.last, end > common { pop() }
      last = term
      if let dead = descend(term) {
        // Nothing that begins like this is near enough.
        var bound = Array(term[..<dead])
        while let byte = bound.popLast() {
          if byte < 0xff {
            bound.append(byte + 1)
            break
          }
        }
        if bound.isEmpty { return }
        walker.seek(bound)
        continue
      }
      let edits = Int(rows[rows.count - 1][word.count])
      if edits <= most { body(term, walker.number, edits) }
      walker.next()
    }
  }

  private mutating func pop() {
    ends.removeLast()
    characters.removeLast()
    rows.removeLast()
  }

  /// Adds the term's characters; the number of bytes after which no continuation is near enough.
  private mutating func descend(_ term: [UInt8]) -> Int? {
    var start = ends.last ?? 0
    while start < term.count {
      var end = start + 1
      while end < term.count, term[end] & 0xc0 == 0x80 { end += 1 }
      var character = UInt32(term[start])
      if end - start > 1 {
        character = Self.decode(Array(term[start..<end])).first ?? 0
      }
      if push(character, end) > most { return end }
      start = end
    }
    return nil
  }

  /// Adds a row; the least value in it, or in the row before, from which a swap may still come.
  private mutating func push(_ character: UInt32, _ end: Int) -> Int {
    let above = rows[rows.count - 1]
    let swapped = rows.count > 1 && !characters.isEmpty ? rows[rows.count - 2] : []
    let before = characters.last ?? 0
    var row = [UInt8](repeating: 0, count: word.count + 1)
    row[0] = UInt8(min(255, rows.count))
    var least = Int(row[0])
    for column in 1..<row.count {
      let letter = word[column - 1]
      var value = Int(above[column - 1]) + (letter == character ? 0 : 1)
      value = min(value, Int(above[column]) + 1, Int(row[column - 1]) + 1)
      if column > 1, !swapped.isEmpty, letter == before, word[column - 2] == character {
        value = min(value, Int(swapped[column - 2]) + 1)
      }
      row[column] = UInt8(min(255, value))
      least = min(least, value)
    }
    // A swap skips a row: what is not near now may be in the next one.
    let open = above.min().map { Int($0) + 1 } ?? least
    rows.append(row)
    characters.append(character)
    ends.append(end)
    return min(least, open)
  }
}
