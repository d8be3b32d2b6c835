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
}
