// TextSnapshot: the index frozen at one LSN. Here is a request; give me the hits.

import CommitLog
import Views

public final class TextSnapshot: ViewSnapshot {
  let state: IndexState

  init(_ state: IndexState) {
    var state = state
    state.scales = state.statistics.map(FieldScale.init)
    self.state = state
  }

  public var lsn: LSN { state.appliedLSN }
  public var digest: Digest { state.digest }
  /// Number of live documents.
  public var documentCount: Int { state.documentCount }
  public var segmentCount: Int { state.segments.count }

  /// Bytes that the segments hold.
  public var segmentBytes: Int { state.segments.reduce(0) { $0 + $1.segment.sizeBytes } }

  /// A cell of a numeric column. Nil for a column that is not there, and for a cell without a value.
  public func value(_ column: String, of ordinal: UInt32) -> Int64? {
    guard let index = state.schema.column(column) else { return nil }
    let value = state.columns[index][ordinal]
    return value == NumericCell.none ? nil : value
  }

  public func search(_ request: TextRequest) throws(TextError) -> TextResponse {
    let aggregations = try AggregationRun(request.aggregations, state, origin: request.origin)
    var search = try Search(request, state, aggregations.makeCollectors())
    let response = search.run()
    guard !aggregations.isOverLimit else { throw .tooManyBuckets }
    return response
  }

  /// How the document's score for the request comes about; nil when it does not match, or is not there.
  public func explain(
    _ ordinal: UInt32, _ request: TextRequest
  ) throws(TextError) -> ScoreExplanation? {
    try Explainer(request, state).explain(ordinal)
  }

  // MARK: Before requests

  public func search(_ query: TextQuery) throws(TextError) -> TextResult {
    guard (0...TextQuery.limitMax).contains(query.limit) else {
      throw .limitOutOfRange(query.limit)
    }
    let counter = try FacetCounter(query, state)
    let request = try query.request(state.schema)
    var search = try Search(request, state, query.facets.isEmpty ? [] : [counter])
    let response = search.run()
    return TextResult(
      hits: response.hits, total: response.total ?? 0, facets: counter.facets())
  }
}

extension TextQuery {
  fileprivate func request(_ schema: TextSchema) throws(TextError) -> TextRequest {
    var bool = TextBool()
    if text.unicodeScalars.allSatisfy({ $0.properties.isWhitespace }) {
      bool.filter.append(.all)
    } else {
      let fields = schema.fields.map { TextMultiMatch.Field($0.name, boost: $0.boost) }
      bool.must.append(.multiMatch(TextMultiMatch(fields, text)))
    }
    for range in ranges {
      bool.filter.append(.range(column: range.column, from: range.minimum, to: range.maximum))
    }
    for filter in keywords {
      guard schema.keyword(filter.column) != nil else { throw .unknownColumn(filter.column) }
      bool.filter.append(.terms(field: filter.column, values: filter.anyOf))
    }
    if let radiusMetres {
      guard let origin else { throw .invalidDistance }
      bool.filter.append(.withinDistance(of: origin, metres: radiusMetres))
    }
    var request = TextRequest(.bool(bool), limit: limit)
    request.sort = sort.map { key in
      switch key {
      case .score: .score(descending: true)
      case .ascending(let name): .column(name, descending: false)
      case .descending(let name): .column(name, descending: true)
      case .distance: .distance(descending: false)
      }
    }
    request.origin = origin
    request.after = after
    return request
  }
}
