// AggregationCollector: the contract between a search and what counts its matches.
//
// A search goes through the segments one by one, and through a segment's matches in blocks, documents
// ascending. A collector counts by the segment's own numbers (of keyword values, say) and puts them
// together by name when the segment ends, so nothing is looked up by name for a document.
//
// For one search the calls are: (begin, collect…, end)…, finish. A segment without a match may be left
// out. Collectors are values of one search and are never shared between threads.

protocol AggregationCollector {
  /// A segment begins; blocks of its matches follow.
  mutating func begin(_ segment: SegmentColumns)
  /// Some of the segment's matches: each match of the search comes once.
  mutating func collect(_ block: DocumentBlock)
  /// The segment has no more matches.
  mutating func end()
  /// The result over all segments; called once, at the end.
  mutating func finish() -> TextAggregationResult
}

/// At most `DocumentBlock.documentsMost` matches of one segment. The buffers are only good during the call.
struct DocumentBlock {
  static let documentsMost = 4_096

  /// The numbers of the documents in their segment, ascending.
  let documents: UnsafeBufferPointer<UInt32>
  /// The shared ordinal of each.
  let ordinals: UnsafeBufferPointer<UInt32>
  /// The score of each.
  let scores: UnsafeBufferPointer<Float>

  var count: Int { documents.count }
}

/// What collectors see of a segment: values by the document's number in it.
struct SegmentColumns {
  let view: LiveSegment
  /// The place of the segment in the search's list of segments.
  let index: Int

  /// The values of keyword column `column` (its place in the schema): numbers per document, names by
  /// number.
  func keywords(_ column: Int) -> KeywordValues { view.segment.keywords[column] }
}

/// What a collector is made from, besides its part of the request. All of it is frozen with the search.
struct CollectorContext {
  let state: IndexState
  let origin: GeoPoint?

  /// A numeric column's cells by ordinal; `NumericCell.none` where there is no value.
  func cells(_ column: String) throws(TextError) -> CellReader<Int64> {
    guard let index = state.schema.column(column) else { throw .unknownColumn(column) }
    return CellReader(state.columns[index])
  }

  /// Packed places by ordinal (`GeoPoint(packed:)`).
  func places() -> CellReader<Int64> { CellReader(state.points) }
}

/// Says which documents of blocks an expression matches (`TextAggregation.Kind.filter`).
protocol BlockMatcher {
  mutating func begin(_ segment: SegmentColumns)
  /// The places in the block of the documents that match, ascending.
  mutating func matches(in block: DocumentBlock) -> [Int]
}

/// Keeps the best of the documents that it is offered (`TextAggregation.Kind.topHits`).
protocol BlockRanking {
  mutating func begin(_ segment: SegmentColumns)
  mutating func offer(_ block: DocumentBlock)
  /// In order, best first.
  mutating func finish() -> [TextHit]
}
