// AggregationPlan: the aggregations of a request, checked against the schema and the limits before the
// search begins, so that the collectors of any bucket can be made at any time without failing.

indirect enum AggregationPlan {
  case terms(column: Int, size: Int, inner: [AggregationPlan])
  case ranges(CellReader<Int64>, CellRanges, inner: [AggregationPlan])
  case histogram(CellReader<Int64>, BucketRule, minimumCount: Int, inner: [AggregationPlan])
  case distances(GeoPoint, CellReader<Int64>, [TextRange], inner: [AggregationPlan])
  case statistics(CellReader<Int64>)
  case cells(CellReader<Int64>)
  case keywords(column: Int)
  case filter(ExpressionMatcher, inner: [AggregationPlan])
  case hits(Ranking)
}

/// The aggregations of one search: its collectors, and what they share. Used by one thread.
final class AggregationRun {
  let plans: [AggregationPlan]
  /// Cells of one block, or numbers made from them; good until the next collector works.
  let numbers: UnsafeMutablePointer<Int64>
  private let scratch = SearchScratch()
  private var bucketsLeft = TextLimits.buckets

  init(
    _ aggregations: [TextAggregation], _ state: IndexState, origin: GeoPoint?
  ) throws(TextError) {
    var compiler = AggregationCompiler(state, origin)
    plans = try compiler.compile(aggregations, depth: 1)
    numbers = scratch.make(Int64.self, DocumentBlock.documentsMost)
  }

  /// More buckets were needed than a search may make: the results are not complete.
  private(set) var isOverLimit = false

  func makeCollectors() -> [any AggregationCollector] { plans.map(collector) }

  /// Whether one more bucket may be made.
  func takeBucket() -> Bool {
    guard bucketsLeft > 0 else {
      isOverLimit = true
      return false
    }
    bucketsLeft -= 1
    return true
  }

  /// The cells of a block's documents.
  func read(_ cells: CellReader<Int64>, _ block: DocumentBlock) -> UnsafeMutableBufferPointer<Int64>
  {
    let count = min(block.count, DocumentBlock.documentsMost)
    let ordinals = block.ordinals
    for place in 0..<count { numbers[place] = cells[ordinals[place]] }
    return UnsafeMutableBufferPointer(start: numbers, count: count)
  }

  func collector(_ plan: AggregationPlan) -> any AggregationCollector {
    switch plan {
    case .terms(let column, let size, let inner):
      inner.isEmpty
        ? TermsCollector(column: column, size: size)
        : NestedTermsCollector(column: column, size: size, InnerBuckets(inner, self), self)
    case .ranges(let cells, let ranges, let inner):
      RangesCollector(cells, ranges, InnerBuckets(inner, self), self)
    case .histogram(let cells, let rule, let minimumCount, let inner):
      HistogramCollector(cells, rule, minimumCount, InnerBuckets(inner, self), self)
    case .distances(let origin, let places, let ranges, let inner):
      DistancesCollector(origin, places, ranges, InnerBuckets(inner, self))
    case .statistics(let cells): StatisticsCollector(cells, self)
    case .cells(let cells): CellCardinality(cells, self)
    case .keywords(let column): KeywordCardinality(column: column)
    case .filter(let matcher, let inner): FilterCollector(matcher, InnerBuckets(inner, self))
    case .hits(let ranking): HitsCollector(ranking)
    }
  }
}

struct AggregationCompiler {
  private let state: IndexState
  private let context: CollectorContext
  private var count = 0

  init(_ state: IndexState, _ origin: GeoPoint?) {
    self.state = state
    context = CollectorContext(state: state, origin: origin)
  }

  mutating func compile(
    _ aggregations: [TextAggregation], depth: Int
  ) throws(TextError) -> [AggregationPlan] {
    count += aggregations.count
    guard count <= TextLimits.aggregations else { throw .tooManyAggregations }
    guard aggregations.isEmpty || depth <= TextLimits.aggregationDepth else {
      throw .tooManyAggregations
    }
    var plans: [AggregationPlan] = []
    for aggregation in aggregations {
      let inner = try compile(aggregation.inner, depth: depth + 1)
      plans.append(try plan(aggregation.kind, inner))
    }
    return plans
  }

  private func plan(
    _ kind: TextAggregation.Kind, _ inner: [AggregationPlan]
  ) throws(TextError) -> AggregationPlan {
    switch kind {
    case .terms(let name, let size):
      guard let column = state.schema.keyword(name) else { throw .unknownColumn(name) }
      guard size <= TextLimits.buckets else { throw .tooManyBuckets }
      return .terms(column: column, size: max(0, size), inner: inner)
    case .ranges(let name, let ranges):
      try check(ranges)
      return .ranges(try context.cells(name), CellRanges(ranges), inner: inner)
    case .histogram(let name, let interval, let offset, let minimumCount):
      guard interval > 0 else { throw .invalidNumber("a histogram's interval") }
      return .histogram(
        try context.cells(name), .interval(interval, offset: offset), minimumCount: minimumCount,
        inner: inner)
    case .calendar(let name, let calendar, let minimumCount):
      return .histogram(
        try context.cells(name), .months(calendar.months), minimumCount: minimumCount, inner: inner)
    case .distanceRanges(let ranges):
      try check(ranges)
      guard let origin = context.origin else { throw .invalidDistance }
      return .distances(origin, context.places(), ranges, inner: inner)
    case .filter(let expression):
      return .filter(try ExpressionMatcher(expression, state), inner: inner)
    default:
      // The others have no buckets for anything to be inside.
      guard inner.isEmpty else { throw .tooManyAggregations }
      return try measure(kind)
    }
  }

  private func measure(_ kind: TextAggregation.Kind) throws(TextError) -> AggregationPlan {
    switch kind {
    case .statistics(let name): return .statistics(try context.cells(name))
    case .cardinality(let name):
      if let column = state.schema.keyword(name) { return .keywords(column: column) }
      return .cells(try context.cells(name))
    case .topHits(let sort, let limit):
      guard (0...TextLimits.window).contains(limit) else { throw .limitOutOfRange(limit) }
      return .hits(try Ranking(sort, limit: limit, origin: context.origin, state))
    default: throw .tooManyAggregations
    }
  }

  private func check(_ ranges: [TextRange]) throws(TextError) {
    guard ranges.count <= TextLimits.buckets else { throw .tooManyBuckets }
    let isNumber = ranges.allSatisfy { $0.from?.isNaN != true && $0.to?.isNaN != true }
    guard isNumber else { throw .invalidNumber("a range's end") }
  }
}

extension TextAggregation.Calendar {
  var months: Int64 {
    switch self {
    case .month: 1
    case .quarter: 3
    case .year: 12
    }
  }
}
