// MeasureCollectors: what is said of all matches at once: statistics of a column, how many different
// cells it has, the best hits; and the matches that an expression matches too.

struct StatisticsCollector: AggregationCollector {
  private let cells: CellReader<Int64>
  private let run: AggregationRun
  private var count = 0
  private var minimum = Int64.max
  private var maximum = Int64.min
  /// Wide enough for any sum, so that the order of documents does not matter.
  private var sum: Int128 = 0

  init(_ cells: CellReader<Int64>, _ run: AggregationRun) { (self.cells, self.run) = (cells, run) }

  mutating func begin(_ segment: SegmentColumns) {}

  mutating func collect(_ block: DocumentBlock) {
    for value in run.read(cells, block) where value != NumericCell.none {
      count += 1
      minimum = min(minimum, value)
      maximum = max(maximum, value)
      sum += Int128(value)
    }
  }

  mutating func end() {}

  mutating func finish() -> TextAggregationResult {
    .statistics(
      count: count, minimum: count > 0 ? minimum : nil, maximum: count > 0 ? maximum : nil,
      sum: Double(sum))
  }
}

/// How many different cells of a column occur.
struct CellCardinality: AggregationCollector {
  /// Beyond so many, repeats are taken out.
  private static let roomLeast = 1 << 18

  private let cells: CellReader<Int64>
  private let run: AggregationRun
  private var seen: [Int64] = []
  private var room = roomLeast

  init(_ cells: CellReader<Int64>, _ run: AggregationRun) { (self.cells, self.run) = (cells, run) }

  mutating func begin(_ segment: SegmentColumns) {}

  mutating func collect(_ block: DocumentBlock) {
    for value in run.read(cells, block) where value != NumericCell.none { seen.append(value) }
    if seen.count > room {
      removeRepeats()
      room = max(Self.roomLeast, 2 * seen.count)
    }
  }

  private mutating func removeRepeats() {
    seen.sort()
    var kept = 0
    for index in seen.indices where kept == 0 || seen[index] != seen[kept - 1] {
      // The place was read before, or is this one.
      seen[kept] = seen[index]
      kept += 1
    }
    seen.removeLast(seen.count - kept)
  }

  mutating func end() {}

  mutating func finish() -> TextAggregationResult {
    removeRepeats()
    return .cardinality(seen.count)
  }
}

struct HitsCollector: AggregationCollector {
  private var ranking: Ranking
  private var total = 0

  init(_ ranking: Ranking) { self.ranking = ranking }

  mutating func begin(_ segment: SegmentColumns) { ranking.begin(segment) }

  mutating func collect(_ block: DocumentBlock) {
    ranking.offer(block)
    total += block.count
  }

  mutating func end() {}

  mutating func finish() -> TextAggregationResult { .hits(ranking.finish(), total: total) }
}

/// One bucket, range 0: the matches that the expression matches too.
struct FilterCollector: AggregationCollector {
  private let matcher: ExpressionMatcher
  private var inner: InnerBuckets
  private var count = 0
  private var others = 0

  init(_ matcher: ExpressionMatcher, _ inner: InnerBuckets) {
    (self.matcher, self.inner) = (matcher, inner)
  }

  mutating func begin(_ segment: SegmentColumns) {
    matcher.begin(segment)
    inner.begin(segment)
  }

  mutating func collect(_ block: DocumentBlock) {
    let places = matcher.matches(in: block)
    count += places.count
    others += block.count - places.count
    if !inner.isEmpty {
      inner.collect(block, places.map { InnerBuckets.Entry(bucket: 0, place: $0) })
    }
  }

  mutating func end() { inner.end() }

  mutating func finish() -> TextAggregationResult {
    .buckets(
      [TextBucket(key: .range(0), count: count, inner: inner.finish(0))], others: others)
  }
}

/// Evaluates an expression window by window. All buckets that ask about a window share the answer, for
/// their documents come block by block, and a block lies in one window.
final class ExpressionMatcher: BlockMatcher {
  private let plan: QueryPlan
  private let scales: [FieldScale]
  private let scratch = SearchScratch()
  private let buffer: WindowBuffer
  private var node: WindowNode?
  private var documentCount = 0
  private var segment: Int?
  private var windowStart: Int?
  private var hasMatch = false

  init(_ expression: TextExpression, _ state: IndexState) throws(TextError) {
    var compiler = QueryCompiler(state)
    plan = try compiler.compile(expression)
    scales = compiler.scales
    buffer = scratch.makeBuffer()
  }

  func begin(_ segment: SegmentColumns) {
    guard self.segment != segment.index else { return }
    self.segment = segment.index
    windowStart = nil
    documentCount = segment.view.segment.count
    node = SegmentBinder(segment.view, at: segment.index, scales, scratch)
      .bind(plan, isScored: false)
  }

  func matches(in block: DocumentBlock) -> [Int] {
    guard let first = block.documents.first, let node else { return [] }
    let start = Int(first) / Window.documents * Window.documents
    if windowStart != start {
      windowStart = start
      hasMatch = node.evaluate(Window(start: start, count: documentCount), buffer)
    }
    guard hasMatch else { return [] }
    return block.documents.indices.filter { place in
      let slot = Int(block.documents[place]) - start
      return buffer.bits[slot >> 6] >> UInt64(slot & 63) & 1 == 1
    }
  }
}
