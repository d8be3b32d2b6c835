// function_score: a query's score, changed by functions of the document.

import Bytes
import Marketplace
import TextSearch

extension ElasticQuery {
  mutating func function(
    _ body: JSONValue, _ depth: Int
  ) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "function_score")
    let query = try members.take("query").map { (value) throws(ElasticError) in
      try parse(value, depth: depth + 1)
    }
    var functions: [(TextExpression?, TextFunctionScore.Function)] = []
    if let value = members.take("functions") {
      guard case .array(let list) = value, list.count <= 64 else {
        throw .parsing("[function_score] [functions] must be a list of at most 64")
      }
      for element in list {
        var entry = try ElasticMembers(element, of: "functions")
        let filter = try entry.take("filter").map { (value) throws(ElasticError) in
          try parse(value, depth: depth + 1)
        }
        for function in try self.functions(&entry) { functions.append((filter, function)) }
        try entry.finish()
      }
    }
    let scoreMode = try members.text("score_mode") ?? "multiply"
    let boostMode = try members.text("boost_mode") ?? "multiply"
    if members.take("max_boost") != nil || members.take("min_score") != nil {
      throw .illegal("[function_score] supports neither [max_boost] nor [min_score]")
    }
    let boost = try self.boost(&members)
    for function in try self.functions(&members) { functions.append((nil, function)) }
    try members.finish()
    var score = TextFunctionScore(query ?? .all, functions)
    switch scoreMode {
    case "multiply": score.scoreMode = .multiply
    case "sum": score.scoreMode = .sum
    case "avg": score.scoreMode = .average
    case "first": score.scoreMode = .first
    case "max": score.scoreMode = .max
    case "min": score.scoreMode = .min
    default: throw .parsing("[function_score] has no [score_mode] \(scoreMode)")
    }
    switch boostMode {
    case "multiply": score.boostMode = .multiply
    case "replace": score.boostMode = .replace
    case "sum": score.boostMode = .sum
    case "avg": score.boostMode = .average
    case "max": score.boostMode = .max
    case "min": score.boostMode = .min
    default: throw .parsing("[function_score] has no [boost_mode] \(boostMode)")
    }
    return boosted(.function(score), boost)
  }

  /// The functions that an object names beside its filter.
  private func functions(
    _ members: inout ElasticMembers
  ) throws(ElasticError) -> [TextFunctionScore.Function] {
    var functions: [TextFunctionScore.Function] = []
    let weight = try members.number("weight")
    if let weight, weight < 0 { throw .illegal("[weight] must be zero or more") }
    if let value = members.take("field_value_factor") { functions.append(try factor(value)) }
    if let value = members.take("gauss") { functions.append(try gauss(value)) }
    guard functions.count <= 1 else {
      throw .illegal("a function is one of field_value_factor and gauss, with or without a weight")
    }
    if let weight {
      // A weight times a function is a factor of it; only a column's can be folded in.
      guard let function = functions.first else { return [.weight(weight)] }
      if case .column(let name, let factor, .none, let missing) = function {
        return [.column(name, factor: factor * weight, modifier: .none, missing: missing)]
      }
      throw .illegal("[weight] stands alone or beside a field_value_factor without a modifier")
    }
    return functions
  }

  private func factor(_ value: JSONValue) throws(ElasticError) -> TextFunctionScore.Function {
    var members = try ElasticMembers(value, of: "field_value_factor")
    let (column, digits) = try column(try members.text("field"), "field_value_factor")
    var factor = try members.number("factor") ?? 1
    let modifier = try members.text("modifier") ?? "none"
    let missing = try members.number("missing") ?? 1
    try members.finish()
    for _ in 0..<digits { factor /= 10 }
    let known: TextFunctionScore.Function.Modifier
    switch modifier {
    case "none": known = .none
    case "log1p": known = .log1p
    case "ln1p": known = .ln1p
    case "sqrt": known = .sqrt
    case "square": known = .square
    case "reciprocal": known = .reciprocal
    default: throw .illegal("[field_value_factor] has no [modifier] \(modifier)")
    }
    return .column(column, factor: factor, modifier: known, missing: missing)
  }

  private func column(
    _ name: String?, _ clause: String
  ) throws(ElasticError) -> (column: String, digits: Int) {
    guard let name else { throw .parsing("[\(clause)] requires [field]") }
    guard case .number(let column, let digits)? = mapping[name]?.kind else {
      throw .illegal("[\(clause)] needs a field that is a number, and [\(name)] is none")
    }
    return (column, digits)
  }

  private func gauss(_ value: JSONValue) throws(ElasticError) -> TextFunctionScore.Function {
    let (name, body) = try field(value, "gauss")
    var members = try ElasticMembers(body, of: "gauss")
    let decay = try members.number("decay") ?? 0.5
    guard decay > 0, decay < 1 else { throw .illegal("[gauss] [decay] must be between 0 and 1") }
    let (origin, scale, offset) = (
      members.take("origin"), members.take("scale"), members.take("offset")
    )
    try members.finish()
    guard let origin, let scale else { throw .parsing("[gauss] requires [origin] and [scale]") }
    switch mapping[name]?.kind {
    case .place?:
      guard let place = DocumentCells.place(origin), let metres = DocumentCells.distance(scale),
        metres > 0, let away = offset.map(DocumentCells.distance) ?? 0
      else { throw .parsing("[gauss] of a place needs a place and distances") }
      return .gaussDistance(place, scaleMetres: metres, offsetMetres: away, decay: decay)
    case .number(let column, let digits)?:
      guard let origin = ElasticValue.number(origin), let scale = ElasticValue.number(scale),
        scale > 0, let offset = offset.map(ElasticValue.number) ?? 0, offset >= 0
      else { throw .parsing("[gauss] of a number needs numbers, a [scale] above zero") }
      var unit = 1.0
      for _ in 0..<digits { unit *= 10 }
      return .gaussColumn(
        column, origin: origin * unit, scale: scale * unit, offset: offset * unit, decay: decay)
    default: throw .illegal("[gauss] needs a number or a place, and [\(name)] is neither")
    }
  }
}
