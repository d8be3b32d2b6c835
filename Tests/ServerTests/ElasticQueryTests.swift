// Elasticsearch's query language as the text engine's expressions: each form, what is refused, and that
// nothing traps.

import Bytes
import Testing
import TextSearch

@testable import Server

@Suite struct ElasticQueryTests {
  private func json(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  private func query(_ text: String) throws -> TextExpression {
    var query = ElasticQuery(.products)
    return try query.parse(json(text))
  }

  private func refusal(_ text: String) -> ElasticError? {
    do {
      _ = try ElasticSearch.parse(json(text), .products)
      return nil
    } catch {
      return error as? ElasticError
    }
  }

  @Test func wordsBecomeMatches() throws {
    var match = TextMatch("title", "oak stool")
    match.allWords = true
    match.fuzziness = .auto
    #expect(
      try query(
        #"{"match":{"title":{"query":"oak stool","operator":"AND","fuzziness":"AUTO"}}}"#)
        == .match(match))
    #expect(try query(#"{"match":{"title":"oak"}}"#) == .match(TextMatch("title", "oak")))
    #expect(try query(#"{"match":{"nothing":"oak"}}"#) == .nothing)
    #expect(try query(#"{"match":{"brand":"Acme"}}"#) == .term(field: "brand", value: "Acme"))
    var multi = TextMultiMatch(
      [
        .init("title", boost: 3), .init("category", boost: 2), .init("description"),
      ], "lamp")
    multi.fuzziness = .auto
    #expect(
      try query(
        """
        {"multi_match":{"query":"lamp","fields":["title^3","category.name^2","description"],\
        "fuzziness":"AUTO"}}
        """) == .multiMatch(multi))
    multi.kind = .crossFields(tieBreaker: 0.3)
    multi.fuzziness = .none
    multi.minimumWords = 1
    #expect(
      try query(
        """
        {"multi_match":{"query":"lamp","fields":["title^3","category.name^2","description"],\
        "type":"cross_fields","tie_breaker":0.3}}
        """) == .multiMatch(multi))
    var phrase = TextPhrase("title", "oak stool")
    phrase.slop = 2
    #expect(
      try query(#"{"match_phrase":{"title":{"query":"oak stool","slop":2}}}"#) == .phrase(phrase))
    #expect(try query(#"{"prefix":{"brand":"Ac"}}"#) == .prefix(field: "brand", value: "Ac"))
    #expect(
      try query(#"{"fuzzy":{"title":{"value":"stol"}}}"#)
        == .fuzzy(field: "title", value: "stol", .auto))
  }

  @Test func valuesAreExactInTheColumnsUnits() throws {
    #expect(
      try query(#"{"range":{"price":{"gte":10,"lte":49.9}}}"#)
        == .range(column: "price", from: 100_000, to: 499_000))
    #expect(
      try query(#"{"range":{"price":{"gt":0.00001,"lt":"0.3"}}}"#)
        == .range(column: "price", from: 1, to: 2_999))
    #expect(
      try query(#"{"range":{"price":{"lt":0.00001,"gt":-0.00001}}}"#)
        == .range(column: "price", from: 0, to: 0))
    #expect(
      try query(#"{"range":{"price":{"gte":1e300}}}"#)
        == .range(column: "price", from: .max, to: nil))
    #expect(
      try query(#"{"term":{"inStock":true}}"#) == .range(column: "stock", from: 1, to: nil))
    #expect(
      try query(#"{"term":{"inStock":{"value":"false"}}}"#)
        == .range(column: "stock", from: nil, to: 0))
    #expect(
      try query(#"{"range":{"createdAt":{"gte":"2024-01-02","lte":"2024-01-02"}}}"#)
        == .range(column: "createdAt", from: 1_704_153_600_000_000, to: 1_704_239_999_999_999))
    #expect(try query(#"{"exists":{"field":"rating"}}"#) == .exists("rating"))
    let place = try #require(GeoPoint(degreesLatitude: 44.2, degreesLongitude: -72.5))
    #expect(
      try query(#"{"geo_distance":{"distance":"5mi","location":{"lat":44.2,"lon":-72.5}}}"#)
        == .withinDistance(of: place, metres: 5 * 1_609.344))
    #expect(
      try query(#"{"geo_distance":{"distance":"2 km","location":[-72.5,44.2]}}"#)
        == .withinDistance(of: place, metres: 2_000))
  }

  @Test func clausesNest() throws {
    var bool = TextBool()
    bool.should = [.match(TextMatch("title", "a")), .all, .nothing]
    bool.minimumShould = 2
    #expect(
      try query(
        """
        {"bool":{"should":[{"match":{"title":"a"}},{"match_all":{}},{"match_none":{}}],\
        "minimum_should_match":"-1"}}
        """) == .bool(bool))
    #expect(
      try query(#"{"constant_score":{"filter":{"match_all":{}},"boost":2}}"#)
        == .constant(.all, score: 2))
    #expect(
      try query(
        #"{"function_score":{"query":{"match_all":{}},"field_value_factor":{"field":"price"}}}"#)
        == .function(
          TextFunctionScore(
            .all, [(nil, .column("price", factor: 0.0001, modifier: .none, missing: 1))])))
  }

  @Test func whatIsNotThereIsRefusedByName() throws {
    for (body, type, part) in [
      (#"{"query":{"knn":{"field":"imageEmbedding"}}}"#, "illegal_argument_exception", "knn"),
      (#"{"knn":{}}"#, "illegal_argument_exception", "knn"),
      (#"{"query":{"span_term":{}}}"#, "parsing_exception", "span_term"),
      (#"{"query":{"match":{"title":{"query":"a","colour":1}}}}"#, "parsing_exception", "colour"),
      (#"{"from":9999,"size":2}"#, "illegal_argument_exception", "window"),
      (#"{"sort":"colour"}"#, "query_shard_exception", "colour"),
      (#"{"search_after":[1]}"#, "illegal_argument_exception", "sort"),
      (#"{"aggs":{"a":{"terms":{"field":"title"}}}}"#, "illegal_argument_exception", "title"),
      (#"{"aggs":{"a":{"scripted_metric":{}}}}"#, "parsing_exception", "scripted_metric"),
      (#"{"colour":1}"#, "parsing_exception", "colour"), ("[]", "parsing_exception", "search"),
    ] {
      let refused = try #require(refusal(body), "\(body)")
      #expect(refused.type == type && refused.reason.contains(part), "\(body): \(refused)")
      #expect(refused.json["error"]?["root_cause"] == .array([refused.cause]))
    }
    let many = Array(repeating: #"{"match_all":{}}"#, count: 1_100).joined(separator: ",")
    #expect(refusal(#"{"query":{"bool":{"should":["# + many + "]}}}")?.type == "too_many_clauses")
  }

  @Test func namesAreMatchedWithStars() {
    for (name, pattern, isMatch) in [
      ("category.name", "category.*", true), ("category.name", "*name", true),
      ("abc", "a*b*c*", true), ("abc", "a*d", false), ("", "*", true), ("title", "title", true),
      ("aaa", "*aa*b", false),
    ] {
      #expect(ElasticPattern.matches(name, pattern) == isMatch, "\(name) \(pattern)")
    }
  }

  @Test func cellsAreShownWithTheirDecimals() {
    for (cell, digits, text) in [
      (Int64(499_000), 4, "49.9"), (-5, 4, "-0.0005"), (0, 2, "0.0"), (7, 0, "7"),
      (.min, 3, "-9223372036854775.808"),
    ] {
      #expect(ElasticAnswer.decimal(cell, digits) == .number(text))
    }
  }

  @Test func noJSONTraps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix64(seed: seed)
    var understood = 0
    for _ in 0..<20_000 {
      let body = Self.randomBody(&random)
      do {
        _ = try ElasticSearch.parse(body, .products)
        understood += 1
      } catch {
        // Only a refusal with a reason comes out: the type says so.
        #expect(!error.reason.isEmpty, "seed \(seed)")
      }
    }
    #expect(understood > 0, "seed \(seed)")
  }

  // MARK: Random bodies

  private static let names = [
    "query", "size", "from", "sort", "search_after", "aggs", "_source", "bool", "must", "should",
    "filter", "must_not", "match", "multi_match", "term", "terms", "range", "exists", "field",
    "fields", "value", "gte", "lt", "title", "price", "location", "brand", "inStock", "createdAt",
    "geo_distance", "distance", "geo_bounding_box", "top_left", "bottom_right", "lat", "lon",
    "function_score", "functions", "gauss", "scale", "origin", "weight", "histogram", "interval",
    "date_histogram", "fixed_interval", "ranges", "to", "filters", "top_hits", "boost", "fuzziness",
    "minimum_should_match", "ids", "values", "_geo_distance", "order", "unit", "_score",
  ]

  private static func randomBody(_ random: inout SplitMix64) -> JSONValue {
    value(&random, depth: 0, isObject: true)
  }

  private static func value(
    _ random: inout SplitMix64, depth: Int, isObject: Bool = false
  ) -> JSONValue {
    let choice = isObject ? 0 : Int.random(in: 0..<(depth > 6 ? 5 : 10), using: &random)
    switch choice {
    case 1: return .bool(.random(using: &random))
    case 2:
      return .number(
        [
          "-1", "0", "1", "10000", "9223372036854775807", "1e308", "-0.00001", "1e-400",
          "99999999999999999999",
        ]
        .randomElement(using: &random) ?? "1")
    case 3:
      return .string(
        [
          "", "oak", "AUTO", "5mi", "now-1d", "-75%", "1,2", "POINT (1 2)", "month", "-1d",
          "title^x", "desc",
        ]
        .randomElement(using: &random) ?? "")
    case 4: return .null
    case 5:
      return .array(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth + 1) })
    default:
      var seen: Set<String> = []
      let members = (0..<Int.random(in: 0...2, using: &random)).compactMap {
        _ -> JSONValue.Member? in
        let name = names.randomElement(using: &random) ?? "query"
        return seen.insert(name).inserted ? .init(name, value(&random, depth: depth + 1)) : nil
      }
      return .object(members)
    }
  }
}
