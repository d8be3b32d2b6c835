// PrefixTerms: of the terms that begin with some bytes, over all segments, those that most standing
// documents have. Short beginnings have thousands; the segments' dictionaries are sorted, so they are
// merged as they are walked, and only terms that may be kept are put together.
//
// Invariant: which are kept depends on frequency, then bytes, whatever the layout of segments.

struct PrefixTerms {
  struct Kept {
    var term: [UInt8]
    var places: TermPlaces
  }

  /// Where a segment's dictionary is read.
  private struct Head {
    var segment: Int
    var walker: TermWalker
    var end: Int
  }

  private let state: IndexState
  private let field: Int
  private let limit: Int
  private var heads: [Head] = []
  /// The heads that stand at the least term.
  private var least: [Int] = []
  /// The most frequent first, of equal ones the least bytes.
  private var kept: [Kept] = []

  /// The terms, the best first, `limit` of them at most.
  static func best(
    _ state: IndexState, field: Int, prefix: [UInt8], limit: Int
  ) -> [Kept] {
    var terms = PrefixTerms(state, field, prefix, limit)
    while terms.findLeast() { terms.take() }
    return terms.kept
  }

  private init(_ state: IndexState, _ field: Int, _ prefix: [UInt8], _ limit: Int) {
    self.state = state
    self.field = field
    self.limit = max(1, limit)
    for segment in state.segments.indices {
      let terms = state.segments[segment].segment.fields[field].terms
      let range = terms.range(ofPrefix: prefix)
      guard !range.isEmpty else { continue }
      var walker = TermWalker(terms)
      walker.move(to: range.lowerBound)
      heads.append(Head(segment: segment, walker: walker, end: range.upperBound))
    }
  }

  private mutating func findLeast() -> Bool {
    least.removeAll(keepingCapacity: true)
    for head in heads.indices {
      guard let first = least.first else {
        least.append(head)
        continue
      }
      if heads[head].walker.term == heads[first].walker.term {
        least.append(head)
      } else if heads[head].walker.term.lexicographicallyPrecedes(heads[first].walker.term) {
        least.removeAll(keepingCapacity: true)
        least.append(head)
      }
    }
    return !least.isEmpty
  }

  private func frequency(_ head: Int) -> Int {
    state.segments[heads[head].segment].documentFrequency(
      field: field, term: heads[head].walker.number)
  }

  /// Keeps the least term when it is frequent enough, and goes on behind it. What comes later has
  /// greater bytes, so of equal frequencies the earlier stays.
  private mutating func take() {
    var all = 0
    for head in least { all += frequency(head) }
    if all > 0, kept.count < limit || all > kept[kept.count - 1].places.frequency {
      var places = TermPlaces(segments: state.segments.count)
      for head in least {
        places.add(
          heads[head].walker.number, frequency: frequency(head), segment: heads[head].segment)
      }
      var place = kept.count
      while place > 0, kept[place - 1].places.frequency < all { place -= 1 }
      if kept.count == limit { kept.removeLast() }
      kept.insert(Kept(term: heads[least[0]].walker.term, places: places), at: place)
    }
    for head in least.reversed() {
      heads[head].walker.next()
      if heads[head].walker.number >= heads[head].end { heads.remove(at: head) }
    }
  }
}
