// ElasticAnswer: what the engine answered, as Elasticsearch writes it.

import Bytes
import Marketplace
import TextSearch

struct ElasticAnswer {
  let index: any ElasticIndex

  static let shards = JSONValue.object([
    .init("total", .int(1)), .init("successful", .int(1)), .init("skipped", .int(0)),
    .init("failed", .int(0)),
  ])

  /// Of a write.
  static let written = JSONValue.object([
    .init("total", .int(1)), .init("successful", .int(1)), .init("failed", .int(0)),
  ])

  /// Answers one search; `took` is in milliseconds.
  func run(_ search: ElasticSearch) throws -> [JSONValue.Member] {
    let clock = ContinuousClock()
    let start = clock.now
    let response: TextResponse
    do {
      response = try index.text.search(search.request)
    } catch {
      throw ElasticError(error)
    }
    var hits: [JSONValue.Member] = []
    if search.showsTotal, let total = response.total { hits.append(Self.total(total)) }
    let best = search.showsScores && search.request.limit > 0 ? response.maximumScore : nil
    hits.append(.init("max_score", best.map(Self.number) ?? .null))
    hits.append(
      .init(
        "hits",
        .array(
          try response.hits.map {
            try hit(
              $0, search.source, search.isSorted ? search.sorts : nil,
              showsScore: search.showsScores, search)
          })))
    var members: [JSONValue.Member] = [
      .init("took", .int(Int64((clock.now - start) / .milliseconds(1)))),
      .init("timed_out", .bool(false)), .init("_shards", Self.shards),
      .init("hits", .object(hits)),
    ]
    if !search.aggregations.isEmpty {
      members.append(
        .init("aggregations", .object(try self.members(search.aggregations, response.aggregations)))
      )
    }
    if let suggest = search.suggest {
      members.append(.init("suggest", try suggest.json(index, search.source)))
    }
    return members
  }

  private static func total(_ count: Int) -> JSONValue.Member {
    .init("total", .object([.init("value", .int(Int64(count))), .init("relation", .string("eq"))]))
  }

  /// JSON has no infinity; a value that is none is null.
  static func number(_ value: Double) -> JSONValue { value.isFinite ? .number("\(value)") : .null }

  /// - Parameter search: what else a hit shows; nil for one of an aggregation.
  private func hit(
    _ hit: TextHit, _ source: ElasticSourceFilter, _ sorts: [ElasticSearch.SortShape]?,
    showsScore: Bool, _ search: ElasticSearch? = nil
  ) throws -> JSONValue {
    guard let document = try index.document(key: hit.key) else {
      throw MarketError(.internalError, "The index found a document that the records do not have.")
    }
    var members: [JSONValue.Member] = [
      .init("_index", .string(index.name)), .init("_id", .string(document.id)),
    ]
    if search?.showsVersion == true { members.append(.init("_version", .int(document.version))) }
    if search?.showsSequence == true {
      guard let sequence = document.sequence else {
        throw ElasticError.illegal("[seq_no_primary_term] is not kept for [\(index.name)]")
      }
      members += [.init("_seq_no", .int(sequence)), .init("_primary_term", .int(1))]
    }
    members.append(.init("_score", showsScore ? Self.number(hit.score) : .null))
    if source.isShown {
      members.append(.init("_source", source.apply(to: try document.source())))
    }
    if let search { try appendParts(of: document, search, to: &members) }
    if let sorts {
      var values = zip(hit.sortValues, sorts).map(Self.sortValue)
      values.append(.int(Int64(hit.ordinal)))
      members.append(.init("sort", .array(values)))
    }
    return .object(members)
  }

  private func appendParts(
    of document: ElasticDocument, _ search: ElasticSearch, to members: inout [JSONValue.Member]
  ) throws {
    if !search.fields.isEmpty {
      let source = try document.source()
      var values: [JSONValue.Member] = []
      for fields in search.fields {
        for value in fields.members(of: source, index.mapping)
        where !values.contains(where: { $0.name == value.name }) {
          values.append(value)
        }
      }
      if !values.isEmpty { members.append(.init("fields", .object(values))) }
    }
    if let highlight = search.highlight {
      let found = try highlight.members(
        of: search.request.expression, index.text, document.texts())
      if !found.isEmpty { members.append(.init("highlight", .object(found))) }
    }
  }

  private static func sortValue(_ value: SortValue, _ shape: ElasticSearch.SortShape) -> JSONValue {
    switch (value, shape) {
    case (.score(let score), _): number(score)
    case (.keyword(let text), _): .string(text)
    case (.missing, _): .null
    case (.metres(let metres), .distance(let unit)): number(metres / unit)
    case (.metres(let metres), _): number(metres)
    case (.number(let cell), .number(let digits)): decimal(cell, digits)
    case (.number(let cell), .date): decimal(cell, 3)
    case (.number(let cell), _): .int(cell)
    }
  }

  /// A cell with its decimals, exact.
  static func decimal(_ cell: Int64, _ digits: Int) -> JSONValue {
    guard digits > 0 else { return .int(cell) }
    let text = String(cell.magnitude)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.utf8.count)) + text
    let whole = padded.dropLast(digits)
    var fraction = padded.suffix(digits)
    while fraction.count > 1, fraction.last == "0" { fraction = fraction.dropLast() }
    return .number("\(cell < 0 ? "-" : "")\(whole).\(fraction)")
  }

  // MARK: Aggregations

  private func members(
    _ aggregations: [ElasticAggregation], _ results: [TextAggregationResult]
  ) throws -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    var rest = results[...]
    for aggregation in aggregations {
      let own = Array(rest.prefix(aggregation.requests.count))
      rest = rest.dropFirst(aggregation.requests.count)
      members.append(.init(aggregation.name, .object(try value(aggregation, own))))
    }
    return members
  }

  private func value(
    _ aggregation: ElasticAggregation, _ results: [TextAggregationResult]
  ) throws -> [JSONValue.Member] {
    if case .filters(let names) = aggregation.shape {
      return try filters(names, aggregation, results)
    }
    switch results.first {
    case .buckets(let buckets, let others)?:
      return try self.buckets(aggregation, buckets, others: others)
    case .statistics(let count, let minimum, let maximum, let sum)?:
      guard case .measure(let measure, let digits) = aggregation.shape else { return [] }
      return ElasticMeasures(count: count, minimum: minimum, maximum: maximum, sum: sum)
        .members(measure, digits: digits)
    case .cardinality(let count)?: return [.init("value", .int(Int64(count)))]
    case .hits(let hits, let total)?: return [.init("hits", try topHits(aggregation, hits, total))]
    case nil: return []
    }
  }

  private func topHits(
    _ aggregation: ElasticAggregation, _ hits: [TextHit], _ total: Int
  ) throws -> JSONValue {
    guard case .topHits(let sorts, let isSorted, let source) = aggregation.shape else {
      return .null
    }
    let showsScore = sorts.contains(.score)
    let best = hits.map(\.score).max()
    return .object([
      Self.total(total),
      .init("max_score", showsScore ? best.map(Self.number) ?? .null : .null),
      .init(
        "hits",
        .array(
          try hits.map {
            try hit($0, source, isSorted ? sorts : nil, showsScore: showsScore)
          })),
    ])
  }

  private func buckets(
    _ aggregation: ElasticAggregation, _ buckets: [TextBucket], others: Int
  ) throws -> [JSONValue.Member] {
    switch aggregation.shape {
    case .terms(let size, let minimum, let descending):
      var shown = buckets.filter { $0.count >= minimum }
      var others = others
      if let descending {
        shown.sort { left, right in
          guard case .value(let left) = left.key, case .value(let right) = right.key else {
            return false
          }
          return descending ? left > right : left < right
        }
        others += shown.dropFirst(size).reduce(0) { $0 + $1.count }
        shown = Array(shown.prefix(size))
      }
      let list = try shown.map { try bucket(aggregation, Self.key($0.key), $0) }
      return [
        .init("doc_count_error_upper_bound", .int(0)),
        .init("sum_other_doc_count", .int(Int64(others))), .init("buckets", .array(list)),
      ]
    case .flag: return try flags(aggregation, buckets)
    case .ranges(let ranges, let isKeyed):
      let named = try zip(ranges, buckets).map { range, value in
        var key = [JSONValue.Member("key", .string(range.key))]
        if let from = range.from { key.append(.init("from", Self.number(from))) }
        if let to = range.to { key.append(.init("to", Self.number(to))) }
        return (range.key, try bucket(aggregation, key, value))
      }
      return [.init("buckets", Self.list(named, isKeyed: isKeyed))]
    case .histogram(let digits, let isKeyed):
      let named = try buckets.map { value in
        let key: JSONValue =
          if case .number(let cell) = value.key {
            Self.number(DocumentCells.value(Double(cell), digits: digits))
          } else { .null }
        return (
          String(decoding: key.bytes, as: UTF8.self),
          try bucket(aggregation, [.init("key", key)], value)
        )
      }
      return [.init("buckets", Self.list(named, isKeyed: isKeyed))]
    case .dates(let isKeyed):
      let named = try buckets.map { value in
        guard case .number(let micros) = value.key else { return ("", JSONValue.null) }
        let text = Timestamp(microseconds: micros).description
        let key: [JSONValue.Member] = [
          .init("key_as_string", .string(text)), .init("key", .int(micros / 1_000)),
        ]
        return (text, try bucket(aggregation, key, value))
      }
      return [.init("buckets", Self.list(named, isKeyed: isKeyed))]
    case .filter:
      guard let only = buckets.first else { return [] }
      return [.init("doc_count", .int(Int64(only.count)))]
        + (try members(aggregation.inner, only.inner))
    default: return []
    }
  }

  private func filters(
    _ names: [String?], _ aggregation: ElasticAggregation, _ results: [TextAggregationResult]
  ) throws -> [JSONValue.Member] {
    var named: [(String, JSONValue)] = []
    for (name, result) in zip(names, results) {
      guard case .buckets(let buckets, _) = result, let only = buckets.first else { continue }
      named.append((name ?? "", try bucket(aggregation, [], only)))
    }
    return [.init("buckets", Self.list(named, isKeyed: names.allSatisfy { $0 != nil }))]
  }

  /// A flag's values, the more frequent first.
  private func flags(
    _ aggregation: ElasticAggregation, _ buckets: [TextBucket]
  ) throws -> [JSONValue.Member] {
    let counted = buckets.enumerated().filter { $0.element.count > 0 }
      .sorted { $0.element.count > $1.element.count }
    let list = try counted.map { number, value in
      try bucket(
        aggregation,
        [
          .init("key", .int(Int64(number))),
          .init("key_as_string", .string(number == 0 ? "false" : "true")),
        ], value)
    }
    return [
      .init("doc_count_error_upper_bound", .int(0)), .init("sum_other_doc_count", .int(0)),
      .init("buckets", .array(list)),
    ]
  }

  private func bucket(
    _ aggregation: ElasticAggregation, _ key: [JSONValue.Member], _ bucket: TextBucket
  ) throws -> JSONValue {
    .object(
      key + [.init("doc_count", .int(Int64(bucket.count)))]
        + (try members(aggregation.inner, bucket.inner)))
  }

  private static func key(_ key: TextBucket.Key) -> [JSONValue.Member] {
    if case .value(let text) = key { [.init("key", .string(text))] } else { [] }
  }

  private static func list(_ named: [(String, JSONValue)], isKeyed: Bool) -> JSONValue {
    isKeyed
      ? .object(named.map { JSONValue.Member($0.0, $0.1) }) : .array(named.map(\.1))
  }
}

/// Count, least, greatest and sum of a column, as the measures that were asked for.
struct ElasticMeasures {
  var count: Int
  var minimum: Int64?
  var maximum: Int64?
  var sum: Double

  /// - Parameter digits: nil for a date, which is shown in milliseconds.
  func members(_ measure: ElasticAggregation.Measure, digits: Int?) -> [JSONValue.Member] {
    let digits = digits ?? 3
    func shown(_ cell: Double?) -> JSONValue {
      cell.map { ElasticAnswer.number(DocumentCells.value($0, digits: digits)) } ?? .null
    }
    let average = count > 0 ? sum / Double(count) : nil
    switch measure {
    case .minimum: return [.init("value", shown(minimum.map(Double.init)))]
    case .maximum: return [.init("value", shown(maximum.map(Double.init)))]
    case .average: return [.init("value", shown(average))]
    case .sum: return [.init("value", shown(sum))]
    case .count: return [.init("value", .int(Int64(count)))]
    case .all:
      return [
        .init("count", .int(Int64(count))), .init("min", shown(minimum.map(Double.init))),
        .init("max", shown(maximum.map(Double.init))), .init("avg", shown(average)),
        .init("sum", shown(sum)),
      ]
    }
  }
}
