// RandomExpressions: expressions of every shape, from a seed.

import TextSearch

struct RandomExpressions {
  var random: Random

  mutating func chance(_ one: Int) -> Bool { random.below(one) == 0 }

  mutating func word() -> String {
    // Frequent words, rare ones, and some that are not there.
    "w\(chance(3) ? random.below(36) : min(random.below(30), random.below(30)))"
  }

  mutating func text(_ most: Int) -> String {
    (0..<random.below(most + 1)).map { _ in word() }.joined(separator: " ")
  }

  mutating func field() -> String { ["title", "category", "description"][random.below(3)] }

  mutating func fuzziness() -> TextFuzziness {
    [.none, .none, .auto, .edits(1), .edits(2)][random.below(5)]
  }

  mutating func place() -> GeoPoint {
    GeoPoint(
      latitude: Int32(random.below(1_800_000_001) - 900_000_000),
      longitude: Int32(random.below(3_600_000_001) - 1_800_000_000))
      ?? GeoPoint(latitude: 0, longitude: 0) ?? place()
  }

  mutating func expression(_ depth: Int) -> TextExpression {
    guard depth > 0, !chance(3) else { return leaf() }
    switch random.below(8) {
    case 0: return .constant(expression(depth - 1), score: Double(random.below(5)))
    case 1: return .boosted(expression(depth - 1), by: Double(random.below(9)) / 4)
    case 2: return .function(function(depth - 1))
    case 3: return .best(expressions(3, depth - 1), tieBreaker: Double(random.below(3)) / 4)
    default: return .bool(bool(depth - 1))
    }
  }

  private mutating func leaf() -> TextExpression {
    switch random.below(18) {
    case 0: return .all
    case 1: return chance(4) ? .nothing : .exists(["title", "price", "location"][random.below(3)])
    case 2, 3, 4: return .match(match())
    case 5, 6, 7: return .multiMatch(multiMatch())
    case 8, 9:
      var phrase = TextPhrase(["title", "description"][random.below(2)], text(3))
      phrase.slop = random.below(4)
      phrase.isLastPrefix = chance(4)
      return .phrase(phrase)
    case 10: return .term(field: field(), value: word())
    case 11: return .terms(field: field(), values: (0..<random.below(4)).map { _ in word() })
    case 12: return .prefix(field: field(), value: "w\(random.below(4))")
    case 13: return .fuzzy(field: field(), value: word(), fuzziness())
    case 14, 15:
      let from = chance(3) ? nil : Int64(random.below(50))
      let to = chance(3) ? nil : Int64(random.below(50))
      let column = ["price", "stock", "year"][random.below(3)]
      return .range(column: column, from: from, to: to)
    case 16:
      return .keys((0..<random.below(6)).map { _ in Shop.thingKey(UInt32(random.below(150))) })
    default:
      if chance(2) {
        return .withinDistance(of: place(), metres: Double(random.below(20_000_000)))
      }
      let corners = (place(), place())
      let top = max(corners.0.latitude, corners.1.latitude)
      let bottom = min(corners.0.latitude, corners.1.latitude)
      guard let first = GeoPoint(latitude: top, longitude: corners.0.longitude),
        let second = GeoPoint(latitude: bottom, longitude: corners.1.longitude)
      else { return .all }
      return .withinBox(topLeft: first, bottomRight: second)
    }
  }

  private mutating func match() -> TextMatch {
    var match = TextMatch(field(), text(4))
    match.allWords = chance(4)
    match.minimumWords = 1 + random.below(3)
    match.fuzziness = fuzziness()
    match.isLastPrefix = chance(5)
    return match
  }

  private mutating func multiMatch() -> TextMultiMatch {
    var match = TextMultiMatch(
      [.init("title", boost: 3), .init("category", boost: 2), .init("description")], text(4))
    let tie = Double(random.below(3)) / 4
    match.kind =
      [.bestFields(tieBreaker: tie), .mostFields, .crossFields(tieBreaker: tie)][
        random.below(3)]
    match.allWords = chance(4)
    match.minimumWords = 1 + random.below(2)
    match.fuzziness = fuzziness()
    match.isLastPrefix = chance(5)
    return match
  }

  private mutating func expressions(_ most: Int, _ depth: Int) -> [TextExpression] {
    (0..<random.below(most + 1)).map { _ in expression(depth) }
  }

  private mutating func bool(_ depth: Int) -> TextBool {
    var bool = TextBool()
    bool.must = expressions(2, depth)
    bool.should = expressions(3, depth)
    bool.filter = expressions(2, depth)
    bool.mustNot = chance(2) ? expressions(1, depth) : []
    if chance(3) { bool.minimumShould = random.below(3) }
    return bool
  }

  private mutating func function(_ depth: Int) -> TextFunctionScore {
    let functions: [(TextExpression?, TextFunctionScore.Function)] = (0..<random.below(3)).map {
      _ in
      let function: TextFunctionScore.Function
      switch random.below(4) {
      case 0: function = .weight(Double(random.below(8)) / 2)
      case 1:
        let modifiers: [TextFunctionScore.Function.Modifier] = [
          .none, .log1p, .ln1p, .sqrt, .square, .reciprocal,
        ]
        function = .column(
          ["price", "stock"][random.below(2)], factor: 0.5, modifier: modifiers[random.below(6)],
          missing: 1)
      case 2: function = .gaussColumn("price", origin: 20, scale: 10, offset: 2, decay: 0.5)
      default:
        function = .gaussDistance(
          place(), scaleMetres: 5_000_000, offsetMetres: 1_000, decay: 0.3)
      }
      return (chance(2) ? leaf() : nil, function)
    }
    var score = TextFunctionScore(expression(depth), functions)
    score.scoreMode = [.multiply, .sum, .average, .first, .max, .min][random.below(6)]
    score.boostMode = [.multiply, .replace, .sum, .average, .max, .min][random.below(6)]
    return score
  }
}
