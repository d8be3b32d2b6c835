// TermsCollector: how often each value of a keyword column occurs. Within a segment values are counted by
// their numbers; their names are looked at when the segment ends, and only if there is a second one.

struct TermsCollector: AggregationCollector {
  private let column: Int
  private let size: Int
  private var values: KeywordValues?
  /// By value number of the present segment.
  private var counts: [UInt32] = []
  private var sums = NamedCounts()

  init(column: Int, size: Int) { (self.column, self.size) = (column, size) }

  mutating func begin(_ segment: SegmentColumns) {
    let values = segment.keywords(column)
    self.values = values
    counts = [UInt32](repeating: 0, count: values.values.count)
  }

  mutating func collect(_ block: DocumentBlock) {
    guard let values else { return }
    switch values.numbers.storage {
    case .bytes(let numbers): count(block, values.starts, numbers)
    case .halves(let numbers): count(block, values.starts, numbers)
    case .words(let numbers): count(block, values.starts, numbers)
    }
  }

  @inline(__always)
  private mutating func count(
    _ block: DocumentBlock, _ starts: PartStarts, _ numbers: Frozen<some FixedWidthInteger>
  ) {
    // Safe: a document of the segment has a start and an end among `starts`, which lie in `numbers`, which
    // are less than the number of values (the invariants of Segment).
    let numbers = numbers.base
    counts.withUnsafeMutableBufferPointer { counts in
      guard starts.length != 1 else {
        for document in block.documents { counts[Int(numbers[Int(document)])] &+= 1 }
        return
      }
      for document in block.documents {
        for next in starts[Int(document)] { counts[Int(numbers[next])] &+= 1 }
      }
    }
  }

  mutating func end() {
    if let values { sums.add(values.values, counts) }
    values = nil
  }

  mutating func finish() -> TextAggregationResult {
    let (best, others) = sums.best(size)
    let buckets = best.map {
      TextBucket(
        key: .value(String(decoding: $0.name, as: UTF8.self)), count: $0.count, inner: [])
    }
    return .buckets(buckets, others: others)
  }
}

/// How many different values of a keyword column occur.
struct KeywordCardinality: AggregationCollector {
  private var terms: TermsCollector

  init(column: Int) { terms = TermsCollector(column: column, size: 0) }

  mutating func begin(_ segment: SegmentColumns) { terms.begin(segment) }
  mutating func collect(_ block: DocumentBlock) { terms.collect(block) }
  mutating func end() { terms.end() }
  mutating func finish() -> TextAggregationResult { .cardinality(terms.differentValues) }
}

extension TermsCollector {
  fileprivate var differentValues: Int { sums.differentNames }
}

/// Terms with aggregations inside each value: values have numbers that hold over all segments.
struct NestedTermsCollector: AggregationCollector {
  private let column: Int
  private let size: Int
  private let run: AggregationRun
  private var inner: InnerBuckets
  private var buckets: [[UInt8]: Int] = [:]
  private var counts: [Int] = []
  private var values: KeywordValues?
  /// The bucket of each value number of the present segment; -1 before it is asked for.
  private var bucketOfNumber: [Int] = []
  private var entries: [InnerBuckets.Entry] = []

  init(column: Int, size: Int, _ inner: InnerBuckets, _ run: AggregationRun) {
    (self.column, self.size, self.inner, self.run) = (column, size, inner, run)
  }

  mutating func begin(_ segment: SegmentColumns) {
    let values = segment.keywords(column)
    self.values = values
    bucketOfNumber = [Int](repeating: -1, count: values.values.count)
    inner.begin(segment)
  }

  mutating func collect(_ block: DocumentBlock) {
    guard let values else { return }
    entries.removeAll(keepingCapacity: true)
    for (place, document) in block.documents.enumerated() {
      for next in values.numbers(of: Int(document)) {
        let number = Int(values.numbers[next])
        guard let bucket = bucket(number, values) else { continue }
        counts[bucket] += 1
        entries.append(InnerBuckets.Entry(bucket: bucket, place: place))
      }
    }
    inner.collect(block, entries)
  }

  private mutating func bucket(_ number: Int, _ values: KeywordValues) -> Int? {
    if bucketOfNumber[number] >= 0 { return bucketOfNumber[number] }
    let name = values.values.term(number)
    if let known = buckets[name] {
      bucketOfNumber[number] = known
      return known
    }
    guard run.takeBucket() else { return nil }
    let bucket = counts.count
    counts.append(0)
    buckets[name] = bucket
    bucketOfNumber[number] = bucket
    return bucket
  }

  mutating func end() {
    inner.end()
    values = nil
  }

  mutating func finish() -> TextAggregationResult {
    let sorted = buckets.sorted { left, right in
      counts[left.value] != counts[right.value]
        ? counts[left.value] > counts[right.value]
        : left.key.lexicographicallyPrecedes(right.key)
    }
    var others = counts.reduce(0, +)
    let best = sorted.prefix(size).map { name, bucket in
      others -= counts[bucket]
      return TextBucket(
        key: .value(String(decoding: name, as: UTF8.self)), count: counts[bucket],
        inner: inner.finish(bucket))
    }
    return .buckets(best, others: others)
  }
}
