// ElasticAggregations: `aggs` to the engine's aggregations, with what is needed to show their results.

import Bytes
import Marketplace
import TextSearch

struct ElasticAggregation {
  enum Measure: Equatable { case minimum, maximum, average, sum, count, all }

  enum Shape: Equatable {
    /// Buckets in another order than the most frequent first: by key.
    case terms(size: Int, minimumCount: Int, byKeyDescending: Bool?)
    /// A flag's two values, which the engine counts as ranges: false, then true.
    case flag
    case ranges([Range], isKeyed: Bool)
    case histogram(digits: Int, isKeyed: Bool)
    case dates(isKeyed: Bool)
    /// Nil digits: a date.
    case measure(Measure, digits: Int?)
    case cardinality
    case filter
    /// One aggregation of the engine for each; nil: without names.
    case filters([String?])
    case topHits([ElasticSearch.SortShape], isSorted: Bool, ElasticSourceFilter)
  }

  struct Range: Equatable {
    var key: String
    var from: Double?
    var to: Double?
  }

  var name: String
  var shape: Shape
  var inner: [ElasticAggregation]
  /// What the engine is asked for, in its order.
  var requests: [TextAggregation]
}

struct ElasticAggregationParser {
  var query: ElasticQuery
  var origin: GeoPoint?

  private var mapping: ElasticMapping { query.mapping }

  init(query: ElasticQuery, origin: GeoPoint?) { (self.query, self.origin) = (query, origin) }

  mutating func parse(
    _ value: JSONValue, depth: Int
  ) throws(ElasticError) -> [ElasticAggregation] {
    guard depth < TextLimits.aggregationDepth else {
      throw .illegal("aggregations are nested at most \(TextLimits.aggregationDepth) deep")
    }
    guard case .object(let members) = value else { throw .parsing("[aggs] must be an object") }
    guard members.count <= TextLimits.aggregations else {
      throw .illegal("a search has at most \(TextLimits.aggregations) aggregations")
    }
    var aggregations: [ElasticAggregation] = []
    for member in members {
      var body = try ElasticMembers(member.value, of: member.name)
      var inner: [ElasticAggregation] = []
      if let value = body.take("aggs") ?? body.take("aggregations") {
        inner = try parse(value, depth: depth + 1)
      }
      try body.refuse("meta")
      guard let kind = body.takeAny() else {
        throw .parsing("[\(member.name)] names no kind of aggregation")
      }
      try body.finish()
      aggregations.append(try aggregation(member.name, kind, inner))
    }
    return aggregations
  }

  private mutating func aggregation(
    _ name: String, _ kind: JSONValue.Member, _ inner: [ElasticAggregation]
  ) throws(ElasticError) -> ElasticAggregation {
    var made: (shape: ElasticAggregation.Shape, kinds: [TextAggregation.Kind])
    switch kind.name {
    case "filter": made = (.filter, [.filter(try query.parse(kind.value))])
    case "filters": made = try filters(kind.value)
    default:
      var members = try ElasticMembers(kind.value, of: kind.name)
      made = try counts(kind.name, &members)
      try members.finish()
    }
    let requests = made.kinds.map { kind in
      var request = TextAggregation(name, kind)
      request.inner = inner.flatMap(\.requests)
      return request
    }
    return ElasticAggregation(name: name, shape: made.shape, inner: inner, requests: requests)
  }

  private mutating func counts(
    _ kind: String, _ members: inout ElasticMembers
  ) throws(ElasticError) -> (shape: ElasticAggregation.Shape, kinds: [TextAggregation.Kind]) {
    switch kind {
    case "terms": return try terms(&members)
    case "range": return try ranges(&members)
    case "histogram": return try histogram(&members)
    case "date_histogram": return try dates(&members)
    case "geo_distance": return try distances(&members)
    case "cardinality": return try cardinality(&members)
    case "top_hits": return try topHits(&members)
    case "min": return try measure(.minimum, &members)
    case "max": return try measure(.maximum, &members)
    case "avg": return try measure(.average, &members)
    case "sum": return try measure(.sum, &members)
    case "value_count": return try measure(.count, &members)
    case "stats": return try measure(.all, &members)
    default:
      throw .parsing("unknown aggregation [\(kind)]")
    }
  }

  typealias Made = (shape: ElasticAggregation.Shape, kinds: [TextAggregation.Kind])

  private func field(_ members: inout ElasticMembers) throws(ElasticError) -> ElasticField {
    guard let name = try members.text("field") else {
      throw .parsing("[\(members.clause)] requires [field]")
    }
    guard let field = mapping[name] else {
      throw .illegal("[\(members.clause)] is of [\(name)], which the index does not have")
    }
    return field
  }

  private func wrong(_ field: ElasticField, _ members: ElasticMembers) -> ElasticError {
    .illegal("[\(members.clause)] cannot be of [\(field.name)], which is \(field.type)")
  }

  private func number(
    _ members: inout ElasticMembers
  ) throws(ElasticError) -> (column: String, digits: Int) {
    let field = try field(&members)
    guard case .number(let column, let digits) = field.kind else { throw wrong(field, members) }
    return (column, digits)
  }

  // MARK: Buckets

  private func terms(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let field = try field(&members)
    let size = try members.integer("size", 1...TextLimits.buckets) ?? 10
    let minimum = try members.integer("min_doc_count", 1...Int(Int32.max)) ?? 1
    var byKey: Bool?
    if let order = members.take("order") {
      guard case .object(let keys) = order, let key = keys.first, keys.count == 1,
        let direction = key.value.text, ["asc", "desc"].contains(direction),
        key.name == "_key" || (key.name == "_count" && direction == "desc")
      else { throw .illegal("[terms] [order] must be by _key, or by _count, desc") }
      if key.name == "_key" { byKey = direction == "desc" }
    }
    // Counts are exact, however they are made.
    members.ignore("shard_size", "execution_hint", "collect_mode")
    try members.require("show_term_doc_count_error", oneOf: ["false"])
    let column: String
    switch field.kind {
    case .keyword(let name): column = name
    case .text(_, let name?, _): column = name
    case .flag(let name):
      return (.flag, [.ranges(column: name, [TextRange(to: 1), TextRange(from: 1)])])
    default: throw wrong(field, members)
    }
    // By key all values are needed before the first can be shown.
    return (
      .terms(size: size, minimumCount: minimum, byKeyDescending: byKey),
      [.terms(column: column, size: byKey == nil ? size : TextLimits.buckets)]
    )
  }

  private func ranges(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let (column, digits) = try number(&members)
    let (ranges, isKeyed) = try rangeList(&members)
    let cells = try ranges.map { (range) throws(ElasticError) in
      TextRange(
        from: try range.from.map { (end) throws(ElasticError) in try Self.cell(end, digits) },
        to: try range.to.map { (end) throws(ElasticError) in try Self.cell(end, digits) })
    }
    return (.ranges(ranges, isKeyed: isKeyed), [.ranges(column: column, cells)])
  }

  /// The least cell that is not below `value`.
  private static func cell(_ value: Double, _ digits: Int) throws(ElasticError) -> Double {
    guard let cell = DocumentCells.floor(.number("\(value)"), digits: digits) else {
      throw .illegal("[range] has an end that is no number")
    }
    return Double(cell.cell) + (cell.isExact ? 0 : 1)
  }

  private func rangeList(
    _ members: inout ElasticMembers
  ) throws(ElasticError) -> (ranges: [ElasticAggregation.Range], isKeyed: Bool) {
    guard case .array(let values)? = members.take("ranges"), !values.isEmpty,
      values.count <= TextLimits.clauses
    else { throw .parsing("[\(members.clause)] requires a list of [ranges]") }
    let isKeyed = try members.flag("keyed") ?? false
    var ranges: [ElasticAggregation.Range] = []
    for value in values {
      var range = try ElasticMembers(value, of: "ranges")
      let (from, to) = (try range.number("from"), try range.number("to"))
      let key = try range.text("key")
      try range.finish()
      func end(_ number: Double?) -> String { number.map { "\($0)" } ?? "*" }
      ranges.append(
        ElasticAggregation.Range(key: key ?? "\(end(from))-\(end(to))", from: from, to: to))
    }
    return (ranges, isKeyed)
  }

  private func histogram(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let (column, digits) = try number(&members)
    guard let value = members.take("interval"),
      let interval = DocumentCells.floor(value, digits: digits), interval.isExact, interval.cell > 0
    else {
      throw .illegal(
        "[histogram] requires an [interval] above zero, in steps of the field's digits")
    }
    var offset: Int64 = 0
    if let value = members.take("offset") {
      guard let cell = DocumentCells.floor(value, digits: digits), cell.isExact,
        (0..<interval.cell).contains(cell.cell)
      else { throw .illegal("[histogram] [offset] must be from zero to less than the interval") }
      offset = cell.cell
    }
    let minimum = try members.integer("min_doc_count", 0...Int(Int32.max)) ?? 0
    let isKeyed = try members.flag("keyed") ?? false
    return (
      .histogram(digits: digits, isKeyed: isKeyed),
      [
        .histogram(
          column: column, interval: interval.cell, offset: offset, minimumCount: minimum)
      ]
    )
  }

  private func dates(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let field = try field(&members)
    guard case .date(let column) = field.kind else { throw wrong(field, members) }
    let minimum = try members.integer("min_doc_count", 0...Int(Int32.max)) ?? 0
    let isKeyed = try members.flag("keyed") ?? false
    try members.refuse("format")
    try members.require("time_zone", oneOf: ["UTC", "Z", "+00:00"])
    let calendar = try members.text("calendar_interval")
    let fixed = try members.text("fixed_interval")
    func steps(_ seconds: Int64, offset: Int64 = 0) -> TextAggregation.Kind {
      .histogram(
        column: column, interval: seconds * 1_000_000, offset: offset * 1_000_000,
        minimumCount: minimum)
    }
    let kind: TextAggregation.Kind
    switch calendar {
    case "month"?, "1M"?: kind = .calendar(column: column, .month, minimumCount: minimum)
    case "quarter"?, "1q"?: kind = .calendar(column: column, .quarter, minimumCount: minimum)
    case "year"?, "1y"?: kind = .calendar(column: column, .year, minimumCount: minimum)
    // Weeks begin on Mondays; the first day of the count was a Thursday.
    case "week"?, "1w"?: kind = steps(604_800, offset: 345_600)
    case "day"?, "1d"?: kind = steps(86_400)
    case "hour"?, "1h"?: kind = steps(3_600)
    case "minute"?, "1m"?: kind = steps(60)
    case .some(let other):
      throw .illegal("[date_histogram] has no [calendar_interval] \(other)")
    case nil:
      guard let fixed, let unit = fixed.last, let seconds = DocumentCells.seconds(of: unit),
        let count = Int64(fixed.dropLast()), (1...1_000_000).contains(count)
      else {
        throw .illegal("[date_histogram] requires a [calendar_interval] or a [fixed_interval]")
      }
      kind = steps(seconds * count)
    }
    return (.dates(isKeyed: isKeyed), [kind])
  }

  private mutating func distances(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let field = try field(&members)
    guard field.kind == .place else { throw wrong(field, members) }
    guard let value = members.take("origin"), let place = DocumentCells.place(value) else {
      throw .parsing("[geo_distance] requires an [origin]")
    }
    try ElasticSearch.setOrigin(place, &origin)
    let unit = try members.text("unit") ?? "m"
    guard let metres = DocumentCells.metres(of: unit) else {
      throw .illegal("[geo_distance] has no unit [\(unit)]")
    }
    members.ignore("distance_type")
    let (ranges, isKeyed) = try rangeList(&members)
    let rings = ranges.map { range in
      TextRange(from: range.from.map { $0 * metres }, to: range.to.map { $0 * metres })
    }
    return (.ranges(ranges, isKeyed: isKeyed), [.distanceRanges(rings)])
  }

  private mutating func filters(_ value: JSONValue) throws(ElasticError) -> Made {
    var members = try ElasticMembers(value, of: "filters")
    var names: [String?] = []
    var kinds: [TextAggregation.Kind] = []
    switch members.take("filters") {
    case .object(let filters)?:
      for filter in filters {
        names.append(filter.name)
        kinds.append(.filter(try query.parse(filter.value)))
      }
    case .array(let filters)?:
      for filter in filters {
        names.append(nil)
        kinds.append(.filter(try query.parse(filter)))
      }
    default: throw .parsing("[filters] requires [filters]")
    }
    try members.finish()
    guard !kinds.isEmpty, kinds.count <= TextLimits.aggregations else {
      throw .illegal("[filters] takes 1 to \(TextLimits.aggregations) filters")
    }
    return (.filters(names), kinds)
  }

  // MARK: Measures

  private func measure(
    _ measure: ElasticAggregation.Measure, _ members: inout ElasticMembers
  ) throws(ElasticError) -> Made {
    let field = try field(&members)
    switch field.kind {
    case .number(let column, let digits):
      return (.measure(measure, digits: digits), [.statistics(column: column)])
    case .date(let column): return (.measure(measure, digits: nil), [.statistics(column: column)])
    default: throw wrong(field, members)
    }
  }

  private func cardinality(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let field = try field(&members)
    members.ignore("precision_threshold")
    switch field.kind {
    case .keyword(let column): return (.cardinality, [.cardinality(column: column)])
    case .text(_, let column?, _): return (.cardinality, [.cardinality(column: column)])
    case .number(let column, _): return (.cardinality, [.cardinality(column: column)])
    case .date(let column): return (.cardinality, [.cardinality(column: column)])
    default: throw wrong(field, members)
    }
  }

  private mutating func topHits(_ members: inout ElasticMembers) throws(ElasticError) -> Made {
    let size = try members.integer("size", 0...100) ?? 3
    var sort: (keys: [TextSort], shapes: [ElasticSearch.SortShape]) = (
      [.score(descending: true)], [.score]
    )
    var isSorted = false
    if let value = members.take("sort") {
      sort = try ElasticSearch.sort(value, mapping, &origin)
      isSorted = true
    }
    var source = ElasticSourceFilter()
    if let value = members.take("_source") { source = try ElasticSourceFilter(value) }
    try members.require("track_scores", oneOf: ["false"])
    return (
      .topHits(sort.shapes, isSorted: isSorted, source),
      [.topHits(sort: sort.keys, limit: size)]
    )
  }
}
