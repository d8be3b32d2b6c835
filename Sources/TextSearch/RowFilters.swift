// RowFilters: which rows a query lets through.

struct RowFilters {
  private struct Range {
    var column: ChunkedColumn<Int64>
    var minimum: Int64
    var maximum: Int64
  }

  private var ranges: [Range] = []
  private var keywords: [(column: Int, values: [[UInt8]])] = []
  private var circle: (origin: GeoPoint, metres: Double)?
  private let points: ChunkedColumn<Int64>

  init(_ query: TextQuery, _ state: IndexState) throws(TextError) {
    points = state.points
    for range in query.ranges {
      guard let column = state.schema.column(range.column) else {
        throw .unknownColumn(range.column)
      }
      ranges.append(
        Range(
          column: state.columns[column], minimum: range.minimum ?? .min,
          maximum: range.maximum ?? .max))
    }
    for filter in query.keywords {
      guard let column = state.schema.keyword(filter.column) else {
        throw .unknownColumn(filter.column)
      }
      keywords.append((column, filter.anyOf.map { Array($0.utf8) }))
    }
    if let radius = query.radiusMetres {
      guard let origin = query.origin, radius >= 0 else { throw .invalidDistance }
      circle = (origin, radius)
    }
  }

  @inline(__always)
  func accepts(_ ordinal: UInt32) -> Bool {
    for range in ranges {
      let value = range.column[ordinal]
      if value < range.minimum || value > range.maximum { return false }
    }
    guard let circle else { return true }
    guard let point = GeoPoint(packed: points[ordinal]) else { return false }
    if circle.origin.isSurelyBeyond(circle.metres, from: point) { return false }
    return circle.origin.metres(to: point) <= circle.metres
  }

  /// The keyword filters in the numbers of one segment.
  func segmentFilter(_ segment: Segment) -> SegmentFilter {
    SegmentFilter(
      wanted: keywords.map { filter in
        (
          filter.column,
          filter.values.compactMap { value in
            segment.keywords[filter.column].values.find(value[...]).map { UInt32($0) }
          }
        )
      })
  }
}

struct SegmentFilter {
  /// For each filter, the column and the wanted values that the segment has.
  let wanted: [(column: Int, numbers: [UInt32])]

  @inline(__always)
  func accepts(_ document: Int, _ segment: Segment) -> Bool {
    for filter in wanted {
      let column = segment.keywords[filter.column]
      var found = false
      for index in column.numbers(of: document) where filter.numbers.contains(column.numbers[index])
      {
        found = true
        break
      }
      if !found { return false }
    }
    return true
  }
}
