// ElasticSearch: the body of a `_search`: the request for the engine, and how its answer is to be shown.

import Bytes
import Marketplace
import TextSearch

struct ElasticSearch {
  /// How a hit's values of the order are shown and read back.
  enum SortShape: Equatable {
    case score
    case number(digits: Int)
    case date
    case keyword
    /// Metres of one unit.
    case distance(unit: Double)
  }

  var request: TextRequest
  var sorts: [SortShape] = []
  /// Whether the order was given; without one hits show no values of it.
  var isSorted = false
  /// Hits and their best carry their scores.
  var showsScores = true
  var showsTotal = true
  var source = ElasticSourceFilter()
  var aggregations: [ElasticAggregation] = []
  var highlight: ElasticHighlight?
  var suggest: ElasticSuggest?
  var fields: [ElasticFields] = []
  /// Hits carry their version, and the place of their last change.
  var showsVersion = false
  var showsSequence = false

  private static let sizeDefault = 10

  /// `query` holds the parameters of the path: `q` is not one of them.
  static func parse(
    _ value: JSONValue, _ mapping: ElasticMapping
  ) throws(ElasticError) -> ElasticSearch {
    var members = try ElasticMembers(value, of: "search")
    var query = ElasticQuery(mapping)
    try members.refuse(
      "knn", "rescore", "collapse", "pit", "runtime_mappings", "slice", "script_fields", "explain",
      "stored_fields", "terminate_after", "timeout", "stats", "ext", "retriever", "rank",
      "indices_boost")
    try members.require("profile", oneOf: ["false"])
    let expression = try members.take("query").map { (value) throws(ElasticError) in
      try query.parse(value)
    }
    var search = ElasticSearch(request: TextRequest(expression ?? .all))
    search.request.limit =
      try members.integer("size", 0...TextLimits.window) ?? Self.sizeDefault
    search.request.offset = try members.integer("from", 0...TextLimits.window) ?? 0
    guard search.request.limit + search.request.offset <= TextLimits.window else {
      throw .illegal(
        "Result window is too large: from + size must be at most \(TextLimits.window). "
          + "Page on with search_after")
    }
    search.request.postFilter = try members.take("post_filter").map {
      (value) throws(ElasticError) in try query.parse(value)
    }
    search.request.minimumScore = try members.number("min_score")
    if let total = members.take("track_total_hits") {
      search.showsTotal = total != .bool(false)
      search.request.countsTotal = search.showsTotal
    }
    if let source = members.take("_source") {
      search.source = try ElasticSourceFilter(source)
    }
    let tracksScores = try members.flag("track_scores") ?? false
    if let sort = members.take("sort") {
      try search.parseSort(sort, mapping)
      search.showsScores = tracksScores || search.sorts.contains(.score)
    } else {
      search.sorts = [.score]
    }
    if let after = members.take("search_after") { try search.parseAfter(after) }
    if let value = members.take("aggs") ?? members.take("aggregations") {
      try search.parseAggregations(value, &query)
    }
    try search.parseShown(&members, &query)
    try members.finish()
    return search
  }

  /// What a hit shows beside its document.
  private mutating func parseShown(
    _ members: inout ElasticMembers, _ query: inout ElasticQuery
  ) throws(ElasticError) {
    highlight = try members.take("highlight").map { (value) throws(ElasticError) in
      try ElasticHighlight.parse(value, &query)
    }
    suggest = try members.take("suggest").map { (value) throws(ElasticError) in
      try ElasticSuggest.parse(value, query.mapping)
    }
    for (name, allowsText) in [("fields", true), ("docvalue_fields", false)] {
      guard let value = members.take(name) else { continue }
      fields.append(
        try ElasticFields.parse(value, name, allowsText: allowsText, query.mapping))
    }
    showsVersion = try members.flag("version") ?? false
    showsSequence = try members.flag("seq_no_primary_term") ?? false
  }

  // MARK: Order

  private mutating func parseSort(
    _ value: JSONValue, _ mapping: ElasticMapping
  ) throws(ElasticError) {
    var origin = request.origin
    let parsed = try Self.sort(value, mapping, &origin)
    request.origin = origin
    // Without a key, hits come as they were indexed, which is the engine's own last word.
    request.sort = parsed.keys
    sorts = parsed.shapes
    isSorted = true
  }

  static func sort(
    _ value: JSONValue, _ mapping: ElasticMapping, _ origin: inout GeoPoint?
  ) throws(ElasticError) -> (keys: [TextSort], shapes: [SortShape]) {
    let elements: [JSONValue] = if case .array(let all) = value { all } else { [value] }
    var keys: [TextSort] = []
    var shapes: [SortShape] = []
    for element in elements {
      let key = try Self.key(element, mapping, &origin)
      guard let key else { continue }
      keys.append(key.0)
      shapes.append(key.1)
    }
    guard keys.count <= TextLimits.sortKeys else {
      throw .illegal("[sort] takes at most \(TextLimits.sortKeys) keys")
    }
    return (keys, shapes)
  }

  private static func key(
    _ element: JSONValue, _ mapping: ElasticMapping, _ origin: inout GeoPoint?
  ) throws(ElasticError) -> (TextSort, SortShape)? {
    let name: String
    var order: String?
    if case .object(let members) = element, let member = members.first, members.count == 1 {
      name = member.name
      if name == "_geo_distance" { return try distance(member.value, mapping, &origin) }
      if case .object = member.value {
        var rest = try ElasticMembers(member.value, of: "sort")
        order = try rest.text("order")
        if let missing = try rest.text("missing"), missing != "_last" {
          throw .illegal("[sort] puts documents without [\(name)] last and nowhere else")
        }
        // Only fields that are there can be sorted on; single numbers and dates have no modes.
        rest.ignore("unmapped_type")
        try rest.require("mode", oneOf: ["min"])
        try rest.refuse("numeric_type", "format", "nested")
        try rest.finish()
      } else {
        order = try ElasticValue.text(member.value, "sort")
      }
    } else {
      name = try ElasticValue.text(element, "sort")
    }
    let descending = try descending(order, default: name == "_score")
    switch name {
    case "_score": return (.score(descending: descending), .score)
    case "_doc", "_shard_doc": return nil
    default: break
    }
    guard let field = mapping[name] else {
      throw ElasticError(
        "query_shard_exception", "No mapping found for [\(name)] in order to sort on")
    }
    switch field.kind {
    case .number(let column, let digits):
      return (.column(column, descending: descending), .number(digits: digits))
    case .date(let column): return (.column(column, descending: descending), .date)
    case .keyword(let column): return (.keyword(column, descending: descending), .keyword)
    case .text(_, let column?, _): return (.keyword(column, descending: descending), .keyword)
    default: throw .illegal("[sort] cannot order by [\(name)], which is \(field.type)")
    }
  }

  private static func descending(
    _ order: String?, default isDescending: Bool
  ) throws(ElasticError) -> Bool {
    switch order?.lowercased() {
    case nil: return isDescending
    case "asc": return false
    case "desc": return true
    default: throw .illegal("[sort] [order] must be asc or desc")
    }
  }

  private static func distance(
    _ value: JSONValue, _ mapping: ElasticMapping, _ origin: inout GeoPoint?
  ) throws(ElasticError) -> (TextSort, SortShape) {
    var members = try ElasticMembers(value, of: "_geo_distance")
    let descending = try descending(members.text("order"), default: false)
    let unit = try members.text("unit") ?? "m"
    members.ignore("mode", "distance_type", "ignore_unmapped")
    guard let metres = DocumentCells.metres(of: unit) else {
      throw .illegal("[_geo_distance] has no unit [\(unit)]")
    }
    let place = try ElasticQuery(mapping).place(&members)
    try members.finish()
    try setOrigin(place, &origin)
    return (.distance(descending: descending), .distance(unit: metres))
  }

  static func setOrigin(_ place: GeoPoint, _ origin: inout GeoPoint?) throws(ElasticError) {
    if let origin, origin != place {
      throw .illegal("a search measures distances in orders and aggregations from one place")
    }
    origin = place
  }

  // MARK: Continuing

  /// Values as hits show them: one for each key, and the document's number, which tells equal ones apart.
  private mutating func parseAfter(_ value: JSONValue) throws(ElasticError) {
    guard case .array(let values) = value, isSorted,
      values.count == sorts.count || values.count == sorts.count + 1
    else {
      throw .illegal("[search_after] needs [sort], and as many values as that has keys")
    }
    guard request.offset == 0 else {
      throw .illegal("[from] must be 0 when [search_after] is used")
    }
    var position = TextPosition(values: [], ordinal: .max)
    for (value, shape) in zip(values, sorts) {
      guard let value = Self.position(value, shape) else {
        throw .illegal("[search_after] has a value that its key cannot have")
      }
      position.values.append(value)
    }
    if values.count > sorts.count {
      guard let number = values[sorts.count].int64, let ordinal = UInt32(exactly: number) else {
        throw .illegal("[search_after] ends with the number that the hit's [sort] ends with")
      }
      position.ordinal = ordinal
    }
    request.after = position
  }

  private static func position(_ value: JSONValue, _ shape: SortShape) -> SortValue? {
    switch (shape, value) {
    case (.distance, .null): .metres(.infinity)
    case (_, .null): .missing
    case (.score, _): ElasticValue.number(value).map { .score($0) }
    case (.number(let digits), _):
      DocumentCells.floor(value, digits: digits).map { .number($0.cell) }
    case (.date, .string):
      DocumentCells.date(value).map { .number($0.from) }
    case (.date, _):
      // Milliseconds with their fraction.
      DocumentCells.floor(value, digits: 3).map { .number($0.cell) }
    case (.keyword, .string(let text)): .keyword(text)
    case (.keyword, _): nil
    case (.distance(let unit), _):
      ElasticValue.number(value).flatMap { $0 >= 0 ? .metres($0 * unit) : nil }
    }
  }

  // MARK: Aggregations

  private mutating func parseAggregations(
    _ value: JSONValue, _ query: inout ElasticQuery
  ) throws(ElasticError) {
    var parser = ElasticAggregationParser(query: query, origin: request.origin)
    aggregations = try parser.parse(value, depth: 0)
    request.origin = parser.origin
    request.aggregations = aggregations.flatMap(\.requests)
  }
}

/// Which members of a document are shown.
struct ElasticSourceFilter: Equatable {
  var isShown = true
  var includes: [String] = []
  var excludes: [String] = []

  init() {}

  init(_ value: JSONValue) throws(ElasticError) {
    switch value {
    case .bool(let flag): isShown = flag
    case .object:
      var members = try ElasticMembers(value, of: "_source")
      let includes = members.take("includes") ?? members.take("include")
      let excludes = members.take("excludes") ?? members.take("exclude")
      if let includes { self.includes = try ElasticValue.names(includes, "_source") }
      if let excludes { self.excludes = try ElasticValue.names(excludes, "_source") }
      try members.finish()
    default: includes = try ElasticValue.names(value, "_source")
    }
    guard includes.count + excludes.count <= 100 else {
      throw .illegal("[_source] takes at most 100 names")
    }
  }

  func apply(to document: JSONValue) -> JSONValue {
    if includes.isEmpty && excludes.isEmpty { return document }
    return filtered(document, "", isIncluded: includes.isEmpty) ?? .object([])
  }

  private func filtered(_ value: JSONValue, _ path: String, isIncluded: Bool) -> JSONValue? {
    guard case .object(let members) = value else { return isIncluded ? value : nil }
    var kept: [JSONValue.Member] = []
    for member in members {
      let name = path.isEmpty ? member.name : path + "." + member.name
      if excludes.contains(where: { ElasticPattern.matches(name, $0) }) { continue }
      let isNamed = isIncluded || includes.contains { ElasticPattern.matches(name, $0) }
      if let value = filtered(member.value, name, isIncluded: isNamed) {
        kept.append(.init(member.name, value))
      }
    }
    return kept.isEmpty && !isIncluded ? nil : .object(kept)
  }
}
