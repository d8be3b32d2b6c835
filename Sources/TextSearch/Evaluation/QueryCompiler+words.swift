// The clauses of a query that look for words: their terms, readings and weights.

extension QueryCompiler {
  /// The distinct words of a text in a field: each the terms at one place, how often it was said, and
  /// where first. Counts against the limit.
  private mutating func words(
    _ field: Int, _ text: String
  ) throws(TextError) -> [(terms: [[UInt8]], repeats: Double)] {
    var words: [(terms: [[UInt8]], repeats: Double)] = []
    for word in try places(field, text) {
      if let known = words.firstIndex(where: { $0.terms == word.terms }) {
        words[known].repeats += 1
      } else {
        words.append((word.terms, 1))
      }
    }
    return words
  }

  /// The terms of a text by their place.
  private mutating func places(
    _ field: Int, _ text: String
  ) throws(TextError) -> [(position: UInt32, terms: [[UInt8]])] {
    var list = TermList()
    state.schema.fields[field].analyser.analyse(text, for: .query, into: &list)
    var places: [(position: UInt32, terms: [[UInt8]])] = []
    for index in 0..<list.count {
      let position = list.positions[index]
      if places.last?.position == position {
        places[places.count - 1].terms.append(Array(list.bytes[list.range(index)]))
      } else {
        places.append((position, [Array(list.bytes[list.range(index)])]))
      }
      guard places.count <= 16 * TextLimits.words else { throw .tooManyTerms }
    }
    var distinct: Set<[[UInt8]]> = []
    for place in places { distinct.insert(place.terms) }
    wordCount += distinct.count
    guard wordCount <= TextLimits.words else { throw .tooManyTerms }
    return places
  }

  /// One exact term of a field, with its own statistics.
  func list(_ field: Int, _ term: [UInt8], _ boost: Double) -> WordsPlan.List {
    list(field, term, state.find(field, term), boost)
  }

  private func list(
    _ field: Int, _ term: [UInt8], _ places: TermPlaces, _ boost: Double
  ) -> WordsPlan.List {
    let idf = FieldScale.idf(documents: scales[field].documents, frequency: places.frequency)
    return WordsPlan.List(
      field: field, term: term, places: places, weight: Float(boost * idf), idf: idf, boost: boost)
  }

  /// A word as postings lists: its terms themselves, or all that it may stand for.
  mutating func word(
    _ field: Int, _ terms: [[UInt8]], _ fuzziness: TextFuzziness, isPrefix: Bool, _ boost: Double
  ) -> WordsPlan.Word {
    var variants: [TermExpander.Variant] = []
    for term in terms {
      variants += expander.variants(of: term, field: field, fuzziness, isPrefix: isPrefix)
    }
    if variants.count == 1, variants[0].edits == 0 {
      return WordsPlan.Word(lists: [list(field, variants[0].term, variants[0].places, boost)])
    }
    // All are readings of one word: they share the statistics of the most frequent.
    let frequency = variants.map(\.frequency).max() ?? 0
    let idf = FieldScale.idf(documents: scales[field].documents, frequency: frequency)
    return WordsPlan.Word(
      lists: variants.map { variant in
        let decayed = boost * TermExpander.decay(variant)
        return WordsPlan.List(
          field: field, term: variant.term, places: variant.places,
          weight: Float(decayed * idf), idf: idf, boost: decayed)
      })
  }

  mutating func fuzzy(
    _ name: String, _ value: String, _ fuzziness: TextFuzziness, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    let field = try field(name)
    wordCount += 1
    guard wordCount <= TextLimits.words else { throw .tooManyTerms }
    let word = word(field, [Array(value.utf8)], fuzziness, isPrefix: false, boost)
    return .words(WordsPlan(words: [word], minimum: 1))
  }

  mutating func compile(
    _ match: TextMatch, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    let field = try field(match.field)
    let words = try words(field, match.text)
    return plan(
      field, words, boost, all: match.allWords, minimum: match.minimumWords,
      match.fuzziness, match.isLastPrefix)
  }

  private mutating func plan(
    _ field: Int, _ words: [(terms: [[UInt8]], repeats: Double)], _ boost: Double, all: Bool,
    minimum: Int, _ fuzziness: TextFuzziness, _ isLastPrefix: Bool
  ) -> QueryPlan {
    guard !words.isEmpty else { return .nothing }
    var plans: [WordsPlan.Word] = []
    for (index, entry) in words.enumerated() {
      plans.append(
        word(
          field, entry.terms, fuzziness, isPrefix: isLastPrefix && index == words.count - 1,
          boost * entry.repeats))
    }
    let needed = all ? plans.count : min(max(1, minimum), plans.count)
    return .words(WordsPlan(words: plans, minimum: needed))
  }

  mutating func compile(
    _ match: TextMultiMatch, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    var fields: [(field: Int, boost: Double)] = []
    for entry in match.fields {
      fields.append(
        (try field(entry.name), boost * (try Self.factor(entry.boost, "a field's boost"))))
    }
    if case .crossFields(let tie) = match.kind {
      return try crossFields(match, fields, Float(try Self.tie(tie)))
    }
    var plans: [QueryPlan] = []
    for entry in fields {
      let words = try words(entry.field, match.text)
      let plan = plan(
        entry.field, words, entry.boost, all: match.allWords, minimum: match.minimumWords,
        match.fuzziness, match.isLastPrefix)
      if case .nothing = plan { continue }
      plans.append(plan)
    }
    switch match.kind {
    case .bestFields(let tie): return .best(plans, tie: Float(try Self.tie(tie)))
    default: return .sum(plans)
    }
  }

  private static func tie(_ tie: Double) throws(TextError) -> Double {
    guard (0...1).contains(tie) else { throw .invalidNumber("a tie breaker of at most one") }
    return tie
  }

  /// Fields of one analyser are looked at as one; those of another are an alternative.
  private mutating func crossFields(
    _ match: TextMultiMatch, _ fields: [(field: Int, boost: Double)], _ tie: Float
  ) throws(TextError) -> QueryPlan {
    var groups: [[(field: Int, boost: Double)]] = []
    for entry in fields {
      let analyser = state.schema.fields[entry.field].analyser
      if let group = groups.firstIndex(where: {
        state.schema.fields[$0[0].field].analyser == analyser
      }) {
        groups[group].append(entry)
      } else {
        groups.append([entry])
      }
    }
    var plans: [QueryPlan] = []
    for group in groups {
      let words = try words(group[0].field, match.text)
      guard !words.isEmpty else { continue }
      var blended: [WordsPlan.Word] = []
      for (index, entry) in words.enumerated() {
        blended.append(
          crossWord(
            entry.terms, entry.repeats, group, match.fuzziness,
            isPrefix: match.isLastPrefix && index == words.count - 1, tie))
      }
      let needed =
        match.allWords ? blended.count : min(max(1, match.minimumWords), blended.count)
      plans.append(.words(WordsPlan(words: blended, minimum: needed)))
    }
    return plans.count == 1 ? plans[0] : .best(plans, tie: tie)
  }

  private mutating func crossWord(
    _ terms: [[UInt8]], _ repeats: Double, _ fields: [(field: Int, boost: Double)],
    _ fuzziness: TextFuzziness, isPrefix: Bool, _ tie: Float
  ) -> WordsPlan.Word {
    var variants: [(field: Int, boost: Double, variant: TermExpander.Variant)] = []
    for entry in fields {
      for term in terms {
        for variant in expander.variants(
          of: term, field: entry.field, fuzziness, isPrefix: isPrefix)
        {
          variants.append((entry.field, entry.boost, variant))
        }
      }
    }
    let frequency = variants.map(\.variant.frequency).max() ?? 0
    let documents = fields.map { scales[$0.field].documents }.max() ?? 0
    let idf = FieldScale.idf(documents: documents, frequency: frequency)
    let lists = variants.map { entry in
      let decayed = entry.boost * repeats * TermExpander.decay(entry.variant)
      return WordsPlan.List(
        field: entry.field, term: entry.variant.term, places: entry.variant.places,
        weight: Float(decayed * idf), idf: idf, boost: decayed)
    }
    return WordsPlan.Word(lists: lists, tie: tie)
  }

  mutating func compile(
    _ phrase: TextPhrase, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    let field = try field(phrase.field)
    let places = try places(field, phrase.text)
    guard let first = places.first else { return .nothing }
    var words: [PhrasePlan.Word] = []
    var idf = 0.0
    for (index, place) in places.enumerated() {
      let isPrefix = phrase.isLastPrefix && index == places.count - 1
      let word = word(field, place.terms, .none, isPrefix: isPrefix, 1)
      idf += word.lists.map(\.idf).max() ?? 0
      words.append(
        PhrasePlan.Word(offset: place.position - first.position, terms: word.lists.map(\.term)))
    }
    guard words.count > 1 else {
      return .words(
        WordsPlan(
          words: [
            word(field, first.terms, .none, isPrefix: phrase.isLastPrefix, boost)
          ], minimum: 1))
    }
    guard state.schema.fields[field].keepsPositions else { return .nothing }
    let slop = UInt32(min(max(0, phrase.slop), 1_000))
    return .phrase(
      PhrasePlan(
        field: field, words: words, slop: slop, weight: Float(boost * idf), idf: idf))
  }
}
