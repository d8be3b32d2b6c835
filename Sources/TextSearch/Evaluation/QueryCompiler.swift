// QueryCompiler: an expression to a plan, within the limits of a request.
//
// Boosts are pushed down to where scores arise. A clause whose score does not count is compiled all the
// same; what it would have scored is never looked at.

struct QueryCompiler {
  let state: IndexState
  var clauses = 0
  var wordCount = 0
  var expander: TermExpander
  let scales: [FieldScale]

  init(_ state: IndexState) {
    self.state = state
    expander = TermExpander(state)
    scales = state.scales ?? state.statistics.map(FieldScale.init)
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
      return .area(
        GeoCells(
          GeoArea(around: origin, metres: metres), GeoCircle(origin, metres: metres)),
        score: Float(boost))
    case .withinBox(let topLeft, let bottomRight):
      let box = GeoArea(
        north: Int64(topLeft.latitude), west: Int64(topLeft.longitude),
        south: Int64(bottomRight.latitude), east: Int64(bottomRight.longitude))
      return .area(GeoCells(box, nil), score: Float(boost))
    case .bool(let bool): return try compile(bool, boost, depth)
    case .best(let clauses, let tie):
      guard !clauses.isEmpty else { return .nothing }
      var plans: [QueryPlan] = []
      for clause in clauses {
        plans.append(try compile(clause, boost: boost, depth: depth + 1))
      }
      return .best(plans, tie: Float(min(1, try Self.factor(tie, "a tie breaker"))))
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

  func field(_ name: String) throws(TextError) -> Int {
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
