// ElasticQuery: Elasticsearch's query language to the text engine's expressions.
//
// Invariants
// 1. No JSON makes it trap: depth and the number of clauses are bounded before the engine sees them.
// 2. What is not supported is refused by name, never left out in silence.

import Bytes
import Marketplace
import TextSearch

struct ElasticQuery {
  let mapping: ElasticMapping
  private var clauses = 0

  init(_ mapping: ElasticMapping) { self.mapping = mapping }

  mutating func parse(_ value: JSONValue, depth: Int = 0) throws(ElasticError) -> TextExpression {
    guard depth < TextLimits.depth else {
      throw .illegal("queries are nested at most \(TextLimits.depth) deep")
    }
    clauses += 1
    guard clauses <= TextLimits.clauses else {
      throw ElasticError(
        "too_many_clauses", "a query has at most \(TextLimits.clauses) clauses")
    }
    guard case .object(let members) = value, let member = members.first, members.count == 1 else {
      throw .parsing("a query is an object with one member, the name of its kind")
    }
    let body = member.value
    switch member.name {
    case "match_all": return try all(body)
    case "match_none": return .nothing
    case "bool": return try bool(body, depth)
    case "dis_max": return try best(body, depth)
    case "constant_score": return try constant(body, depth)
    case "function_score": return try function(body, depth)
    case "nested": return try nested(body, depth)
    case "match": return try match(body)
    case "match_phrase": return try phrase(body, "match_phrase", isPrefix: false)
    case "match_phrase_prefix": return try phrase(body, "match_phrase_prefix", isPrefix: true)
    case "match_bool_prefix": return try match(body, "match_bool_prefix", isPrefix: true)
    case "multi_match": return try multiMatch(body)
    case "term": return try term(body)
    case "terms": return try terms(body)
    case "prefix": return try prefix(body)
    case "fuzzy": return try fuzzy(body)
    case "range": return try range(body)
    case "exists": return try exists(body)
    case "ids": return try ids(body)
    case "geo_distance": return try distance(body)
    case "geo_bounding_box": return try box(body)
    case "knn":
      throw .illegal("[knn] needs the vector engine, which this server does not have yet")
    default: throw .parsing("unknown query [\(member.name)]")
    }
  }

  // MARK: Clauses of clauses

  private func all(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "match_all")
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(.all, boost)
  }

  private mutating func bool(_ body: JSONValue, _ depth: Int) throws(ElasticError) -> TextExpression
  {
    var members = try ElasticMembers(body, of: "bool")
    var bool = TextBool()
    bool.must = try parse(members.list("must"), depth)
    bool.should = try parse(members.list("should"), depth)
    bool.filter = try parse(members.list("filter"), depth)
    bool.mustNot = try parse(members.list("must_not"), depth)
    if let wanted = members.take("minimum_should_match") {
      bool.minimumShould = try Self.minimum(wanted, of: bool.should.count)
    }
    let boost = try self.boost(&members)
    try members.finish()
    if bool.must.isEmpty && bool.should.isEmpty && bool.filter.isEmpty {
      // Without anything to match, everything does that is not excluded.
      if bool.mustNot.isEmpty { return boosted(.all, boost) }
      bool.filter = [.all]
    }
    return boosted(.bool(bool), boost)
  }

  private mutating func parse(
    _ values: [JSONValue], _ depth: Int
  ) throws(ElasticError) -> [TextExpression] {
    var expressions: [TextExpression] = []
    for value in values { expressions.append(try parse(value, depth: depth + 1)) }
    return expressions
  }

  /// `2`, `-1`, `75%` or `-25%` of `count`.
  static func minimum(_ value: JSONValue, of count: Int) throws(ElasticError) -> Int {
    var wanted: Int?
    if let number = ElasticValue.integer(value) {
      wanted = number
    } else if case .string(let text) = value, text.hasSuffix("%"),
      let percent = Int(text.dropLast()), (-100...100).contains(percent)
    {
      let part = count * abs(percent) / 100
      wanted = percent < 0 ? -part : part
      if percent < 0, part == 0 { return count }
    }
    guard let wanted, abs(wanted) <= TextLimits.clauses else {
      throw .parsing("[minimum_should_match] must be a number of clauses or a percentage")
    }
    return wanted < 0 ? max(0, count + wanted) : wanted
  }

  private mutating func best(_ body: JSONValue, _ depth: Int) throws(ElasticError) -> TextExpression
  {
    var members = try ElasticMembers(body, of: "dis_max")
    let tie = try members.number("tie_breaker") ?? 0
    guard (0...1).contains(tie) else {
      throw .illegal("[dis_max] [tie_breaker] must be from 0 to 1")
    }
    let queries = try parse(members.list("queries"), depth)
    guard !queries.isEmpty else { throw .parsing("[dis_max] requires [queries]") }
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(.best(queries, tieBreaker: tie), boost)
  }

  private mutating func constant(
    _ body: JSONValue, _ depth: Int
  ) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "constant_score")
    guard let filter = members.take("filter") else {
      throw .parsing("[constant_score] requires a [filter]")
    }
    let score = try boost(&members)
    let expression = try parse(filter, depth: depth + 1)
    try members.finish()
    return .constant(expression, score: score)
  }

  /// Objects are kept flat, so what is inside one is asked for as what is beside it.
  private mutating func nested(
    _ body: JSONValue, _ depth: Int
  ) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "nested")
    guard try members.text("path") != nil, let query = members.take("query") else {
      throw .parsing("[nested] requires [path] and [query]")
    }
    members.ignore("score_mode", "ignore_unmapped")
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(try parse(query, depth: depth + 1), boost)
  }

  // MARK: Helpers

  func boost(_ members: inout ElasticMembers) throws(ElasticError) -> Double {
    try members.refuse("_name")
    let boost = try members.number("boost") ?? 1
    guard boost >= 0 else { throw .illegal("[\(members.clause)] [boost] must be zero or more") }
    return boost
  }

  func boosted(_ expression: TextExpression, _ boost: Double) -> TextExpression {
    boost == 1 ? expression : .boosted(expression, by: boost)
  }

  /// The one field of a clause and what is said of it.
  func field(
    _ body: JSONValue, _ clause: String
  ) throws(ElasticError) -> (name: String, value: JSONValue) {
    guard case .object(let members) = body, let member = members.first, members.count == 1 else {
      throw .parsing("[\(clause)] is an object with one member, the name of a field")
    }
    return (member.name, member.value)
  }

  /// A clause whose value stands alone or under `name` of an object.
  func members(
    _ value: JSONValue, _ clause: String, alone name: String
  ) throws(ElasticError) -> ElasticMembers {
    if case .object = value { return try ElasticMembers(value, of: clause) }
    return try ElasticMembers(.object([.init(name, value)]), of: clause)
  }

  func fuzziness(_ members: inout ElasticMembers) throws(ElasticError) -> TextFuzziness {
    try members.require("prefix_length", oneOf: ["0"])
    try members.require("max_expansions", oneOf: ["\(TextLimits.fuzzyExpansions)"])
    try members.require("fuzzy_transpositions", oneOf: ["true"])
    try members.require("transpositions", oneOf: ["true"])
    try members.refuse("fuzzy_rewrite", "rewrite")
    guard let value = members.take("fuzziness") else { return .none }
    if case .string(let text) = value, text.uppercased().hasPrefix("AUTO") { return .auto }
    guard let edits = ElasticValue.integer(value), (0...2).contains(edits) else {
      throw .illegal("[\(members.clause)] [fuzziness] must be AUTO, 0, 1 or 2")
    }
    return edits == 0 ? .none : .edits(edits)
  }
}
