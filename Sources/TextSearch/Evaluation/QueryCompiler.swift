// QueryCompiler: an expression to a plan, within the limits of a request.
//
// Boosts are pushed down to where scores arise. A clause whose score does not count is compiled all the
// same; what it would have scored is never looked at.

struct QueryCompiler {
  let state: IndexState
  private var clauses = 0
  private var wordCount = 0
  private var expander: TermExpander
  private(set) var scales: [FieldScale]

  init(_ state: IndexState) {
    self.state = state
    expander = TermExpander(state)
    scales = state.statistics.map(FieldScale.init)
  }

  mutating func compile(_ expression: TextExpression) throws(TextError) -> QueryPlan {
    try compile(expression, boost: 1, depth: 1)
  }

  private mutating func compile(
    _ expression: TextExpression, boost: Double, depth: Int
  ) throws(TextError) -> QueryPlan {
    guard depth <= TextLimits.depth else { throw .tooDeep }
    clauses += 1
    guard clauses <= TextLimits.clauses else { throw .tooManyClauses }
    switch expression {
    case .all: return .all(score: Float(boost))
    case .nothing: return .nothing
    case .match(let match): return try compile(match, boost)
    case .multiMatch(let match): return try compile(match, boost)
    case .phrase(let phrase): return try compile(phrase, boost)
    case .term(let field, let value): return try term(field, value, boost)
    case .terms(let field, let values):
      clauses += values.count / 16
      guard clauses <= TextLimits.clauses else { throw .tooManyClauses }
      return .lists(
        ListsPlan(source: try source(field), choice: .values(values.map { Array($0.utf8) })),
        score: Float(boost))
    case .prefix(let field, let value):
      return .lists(
        ListsPlan(source: try source(field), choice: .prefix(Array(value.utf8))),
        score: Float(boost))
    case .fuzzy(let field, let value, let fuzziness):
      return try fuzzy(field, value, fuzziness, boost)
    case .range(let name, let from, let to): return try range(name, from, to, boost)
    case .exists(let name): return try exists(name, boost)
    case .keys(let keys): return .keys(keys, score: Float(boost))
    case .withinDistance(let origin, let metres):
      guard metres >= 0, !metres.isNaN else { throw .invalidDistance }
      return .circle(
        GeoCircle(origin, metres: metres), GeoArea(around: origin, metres: metres),
        score: Float(boost))
    case .withinBox(let topLeft, let bottomRight):
      return .box(
        GeoArea(
          north: Int64(topLeft.latitude), west: Int64(topLeft.longitude),
          south: Int64(bottomRight.latitude), east: Int64(bottomRight.longitude)),
        score: Float(boost))
    case .bool(let bool): return try compile(bool, boost, depth)
    case .constant(let inner, let score):
      let plan = try compile(inner, boost: 1, depth: depth + 1)
      return .constant(plan, score: Float(try Self.factor(score * boost, "a constant score")))
    case .boosted(let inner, let factor):
      return try compile(
        inner, boost: try Self.factor(boost * factor, "a boost"), depth: depth + 1)
    case .function(let function): return try compile(function, boost, depth)
    }
  }

  static func factor(_ value: Double, _ what: String) throws(TextError) -> Double {
    guard value >= 0, value <= 1e12 else { throw .invalidNumber(what) }
    return value
  }

  private func field(_ name: String) throws(TextError) -> Int {
    guard let field = state.schema.field(name) else { throw .unknownField(name) }
    return field
  }

  /// A keyword column before a text field of the same name: its values are exact.
  private func source(_ name: String) throws(TextError) -> ListsPlan.Source {
    if let column = state.schema.keyword(name) { return .keyword(column) }
    return .field(try field(name))
  }

  // MARK: Clauses about values

  private mutating func term(
    _ name: String, _ value: String, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    let source = try source(name)
    guard case .field(let field) = source else {
      return .lists(
        ListsPlan(source: source, choice: .values([Array(value.utf8)])), score: Float(boost))
    }
    let list = list(field, Array(value.utf8), boost)
    return .words(WordsPlan(words: [.init(lists: [list])], minimum: 1))
  }

  private func range(
    _ name: String, _ from: Int64?, _ to: Int64?, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    guard let column = state.schema.column(name) else { throw .unknownColumn(name) }
    let low = max(from ?? .min, NumericCell.none + 1)
    let high = to ?? .max
    guard low <= high else { return .nothing }
    return .cells(CellReader(state.columns[column]), low...high, score: Float(boost))
  }

  private func exists(_ name: String, _ boost: Double) throws(TextError) -> QueryPlan {
    if let column = state.schema.keyword(name) {
      return .exists(.keyword(column), score: Float(boost))
    }
    if let field = state.schema.field(name) { return .exists(.field(field), score: Float(boost)) }
    if name == "location" { return .exists(.place, score: Float(boost)) }
    return try range(name, nil, nil, boost)
  }

  private mutating func compile(
    _ bool: TextBool, _ boost: Double, _ depth: Int
  ) throws(TextError) -> QueryPlan {
    func plans(
      _ clauses: [TextExpression], _ compiler: inout QueryCompiler
    ) throws(TextError) -> [QueryPlan] {
      var plans: [QueryPlan] = []
      for clause in clauses {
        plans.append(try compiler.compile(clause, boost: boost, depth: depth + 1))
      }
      return plans
    }
    let isOptional = !bool.must.isEmpty || !bool.filter.isEmpty
    let minimum = bool.minimumShould ?? (isOptional || bool.should.isEmpty ? 0 : 1)
    let plan = BoolPlan(
      must: try plans(bool.must, &self), should: try plans(bool.should, &self),
      filter: try plans(bool.filter, &self), mustNot: try plans(bool.mustNot, &self),
      minimumShould: max(0, minimum))
    return plan.minimumShould > plan.should.count ? .nothing : .bool(plan)
  }

  private mutating func compile(
    _ function: TextFunctionScore, _ boost: Double, _ depth: Int
  ) throws(TextError) -> QueryPlan {
    var functions: [(filter: QueryPlan?, function: FunctionPlan.Function)] = []
    let query = try compile(function.query, boost: 1, depth: depth + 1)
    for entry in function.functions {
      var filter: QueryPlan?
      if let expression = entry.filter {
        filter = try compile(expression, boost: 1, depth: depth + 1)
      } else {
        clauses += 1
      }
      functions.append((filter, try compile(entry.function)))
    }
    guard clauses <= TextLimits.clauses else { throw .tooManyClauses }
    return .function(
      FunctionPlan(
        query: query, functions: functions, scoreMode: function.scoreMode,
        boostMode: function.boostMode, boost: boost))
  }

  private func compile(
    _ function: TextFunctionScore.Function
  ) throws(TextError) -> FunctionPlan.Function {
    func cells(_ name: String) throws(TextError) -> CellReader<Int64> {
      guard let column = state.schema.column(name) else { throw .unknownColumn(name) }
      return CellReader(state.columns[column])
    }
    /// 2σ² of a curve that is `decay` at `scale`.
    func spread(_ scale: Double, _ offset: Double, _ decay: Double) throws(TextError) -> Double {
      guard scale > 0, scale.isFinite, offset >= 0, offset.isFinite, decay > 0, decay < 1 else {
        throw .invalidNumber("a scale, offset or decay")
      }
      return -scale * scale / FunctionPlan.naturalLogarithm(decay)
    }
    switch function {
    case .weight(let weight): return .weight(try Self.factor(weight, "a weight"))
    case .column(let name, let factor, let modifier, let missing):
      guard factor.isFinite, missing.isFinite else { throw .invalidNumber("a factor") }
      return .column(try cells(name), factor: factor, modifier: modifier, missing: missing)
    case .gaussColumn(let name, let origin, let scale, let offset, let decay):
      guard origin.isFinite else { throw .invalidNumber("an origin") }
      return .gaussColumn(
        try cells(name), origin: origin, offset: offset,
        spread: try spread(scale, offset, decay))
    case .gaussDistance(let place, let scale, let offset, let decay):
      return .gaussDistance(place, offset: offset, spread: try spread(scale, offset, decay))
    }
  }
}

// MARK: Words

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
  private func list(_ field: Int, _ term: [UInt8], _ boost: Double) -> WordsPlan.List {
    let idf = FieldScale.idf(
      documents: scales[field].documents, frequency: state.documentFrequency(field, term))
    return WordsPlan.List(
      field: field, term: term, weight: Float(boost * idf), idf: idf, boost: boost)
  }

  /// A word as postings lists: its terms themselves, or all that it may stand for.
  private mutating func word(
    _ field: Int, _ terms: [[UInt8]], _ fuzziness: TextFuzziness, isPrefix: Bool, _ boost: Double
  ) -> WordsPlan.Word {
    var variants: [TermExpander.Variant] = []
    for term in terms {
      variants += expander.variants(of: term, field: field, fuzziness, isPrefix: isPrefix)
    }
    if variants.count == 1, variants[0].edits == 0 {
      return WordsPlan.Word(lists: [list(field, variants[0].term, boost)])
    }
    // All are readings of one word: they share the statistics of the most frequent.
    let frequency = variants.map(\.frequency).max() ?? 0
    let idf = FieldScale.idf(documents: scales[field].documents, frequency: frequency)
    return WordsPlan.Word(
      lists: variants.map { variant in
        let decayed = boost * TermExpander.decay(variant)
        return WordsPlan.List(
          field: field, term: variant.term, weight: Float(decayed * idf), idf: idf, boost: decayed)
      })
  }

  fileprivate mutating func fuzzy(
    _ name: String, _ value: String, _ fuzziness: TextFuzziness, _ boost: Double
  ) throws(TextError) -> QueryPlan {
    let field = try field(name)
    wordCount += 1
    guard wordCount <= TextLimits.words else { throw .tooManyTerms }
    let word = word(field, [Array(value.utf8)], fuzziness, isPrefix: false, boost)
    return .words(WordsPlan(words: [word], minimum: 1))
  }

  fileprivate mutating func compile(
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

  fileprivate mutating func compile(
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
        field: entry.field, term: entry.variant.term, weight: Float(decayed * idf), idf: idf,
        boost: decayed)
    }
    return WordsPlan.Word(lists: lists, tie: tie)
  }

  fileprivate mutating func compile(
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
