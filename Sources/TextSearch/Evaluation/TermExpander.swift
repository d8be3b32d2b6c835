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
    var places: TermPlaces

    /// Standing documents that have it in the field.
    var frequency: Int { places.frequency }
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
    let itself = Variant(term: term, edits: 0, places: state.find(field, term))
    guard edits > 0 || isPrefix else { return [itself] }
    let question = Question(term: term, field: field, edits: edits, isPrefix: isPrefix)
    if let variants = known[question] { return variants }
    var others: [[UInt8]: Variant] = [:]
    if isPrefix {
      // The word itself is one of those that begin with it.
      let kept = PrefixTerms.best(
        state, field: field, prefix: term, limit: TextLimits.prefixExpansions)
      for term in kept {
        others[term.term] = Variant(term: term.term, edits: 1, places: term.places)
      }
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

  // MARK: Edits

  private func near(_ word: [UInt8], _ field: Int, _ most: Int) -> [Variant] {
    var found: [[UInt8]: Variant] = [:]
    let nowhere = TermPlaces(segments: state.segments.count)
    for (segment, view) in state.segments.enumerated() {
      view.segment.fields[field].terms.forEachTerm(near: word, edits: most) { number, term, edits in
        let frequency = view.documentFrequency(field: field, term: number)
        guard frequency > 0 else { return }
        let term = Array(term)
        found[term, default: Variant(term: term, edits: edits, places: nowhere)]
          .places.add(number, frequency: frequency, segment: segment)
      }
    }
    return Array(found.values)
  }
}
