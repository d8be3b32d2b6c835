// FacetCounter: the facets of a `TextQuery`, counted exactly over all matches. Keyword values are counted
// by their numbers in a segment, and by name only once a segment.

final class FacetCounter: AggregationCollector {
  private struct Keywords {
    var facet: Int
    var column: Int
    var top: Int
    /// By value number of the present segment.
    var local: [Int] = []
    var sums: [[UInt8]: Int] = [:]
  }

  private struct Ranges {
    var facet: Int
    var column: CellReader<Int64>
    var buckets: [Facet.Bucket]
    var counts: [Int]
  }

  private var keywords: [Keywords] = []
  private var ranges: [Ranges] = []
  private var segment: SegmentColumns?

  init(_ query: TextQuery, _ state: IndexState) throws(TextError) {
    for (facet, wanted) in query.facets.enumerated() {
      switch wanted {
      case .keywords(let name, let top):
        guard let column = state.schema.keyword(name) else { throw .unknownColumn(name) }
        keywords.append(Keywords(facet: facet, column: column, top: max(0, top)))
      case .ranges(let name, let buckets):
        guard let column = state.schema.column(name) else { throw .unknownColumn(name) }
        ranges.append(
          Ranges(
            facet: facet, column: CellReader(state.columns[column]), buckets: buckets,
            counts: Array(repeating: 0, count: buckets.count)))
      }
    }
  }

  func begin(_ segment: SegmentColumns) {
    self.segment = segment
    for index in keywords.indices {
      let count = segment.keywords(keywords[index].column).values.count
      keywords[index].local = Array(repeating: 0, count: count)
    }
  }

  func collect(_ block: DocumentBlock) {
    guard let segment else { return }
    for index in keywords.indices {
      let column = segment.keywords(keywords[index].column)
      for document in block.documents {
        for position in column.numbers(of: Int(document)) {
          keywords[index].local[Int(column.numbers[position])] += 1
        }
      }
    }
    for index in ranges.indices {
      for ordinal in block.ordinals {
        let value = ranges[index].column[ordinal]
        guard value != NumericCell.none else { continue }
        for (number, bucket) in ranges[index].buckets.enumerated() {
          if let from = bucket.from, value < from { continue }
          if let to = bucket.to, value >= to { continue }
          ranges[index].counts[number] += 1
        }
      }
    }
  }

  func end() {
    guard let segment else { return }
    for index in keywords.indices {
      let values = segment.keywords(keywords[index].column).values
      for (number, count) in keywords[index].local.enumerated() where count > 0 {
        keywords[index].sums[values.term(number), default: 0] += count
      }
    }
  }

  func finish() -> TextAggregationResult { .buckets([], others: 0) }

  func facets() -> [FacetCounts] {
    var results = [FacetCounts](
      repeating: .ranges([]), count: keywords.count + ranges.count)
    for counter in ranges { results[counter.facet] = .ranges(counter.counts) }
    for counter in keywords {
      let best = counter.sums.sorted { left, right in
        left.value != right.value
          ? left.value > right.value : left.key.lexicographicallyPrecedes(right.key)
      }
      results[counter.facet] = .keywords(
        best.prefix(counter.top).map {
          .init(value: String(decoding: $0.key, as: UTF8.self), count: $0.value)
        })
    }
    return results
  }
}
