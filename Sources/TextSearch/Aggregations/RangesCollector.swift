// RangesCollector: how many cells of a column lie in each of some ranges, and how many documents lie in
// each of some rings around a place. Ranges may overlap and leave gaps.

/// Ranges of 64-bit numbers. A value is in a range when it is less than `widths` above `starts`, as
/// unsigned numbers: one subtraction and one comparison. `NumericCell.none` is in no range.
struct CellRanges {
  let starts: [Int64]
  let widths: [UInt64]
  /// No value is in two of them.
  let areApart: Bool

  /// The ends are numbers, not NaN.
  init(_ ranges: [TextRange]) {
    var starts: [Int64] = []
    var widths: [UInt64] = []
    for range in ranges {
      // The least number that is in the range, and the least that is above it.
      let from = max(range.from.map(Self.least) ?? .min, NumericCell.none + 1)
      let width: UInt64
      if let to = range.to, to < 0x1p63 {
        let end = Self.least(to)
        width = end > from ? UInt64(bitPattern: end &- from) : 0
      } else {
        width = UInt64(bitPattern: Int64.max &- from) &+ 1
      }
      starts.append(from)
      // Nothing is at or above 2^63.
      widths.append(range.from.map { $0 >= 0x1p63 } == true ? 0 : width)
    }
    (self.starts, self.widths) = (starts, widths)
    let sorted = starts.indices.filter { widths[$0] > 0 }.sorted { starts[$0] < starts[$1] }
    areApart = zip(sorted, sorted.dropFirst()).allSatisfy { left, right in
      UInt64(bitPattern: starts[right] &- starts[left]) >= widths[left]
    }
  }

  /// The least whole number that is not below `number`.
  private static func least(_ number: Double) -> Int64 {
    let up = number.rounded(.up)
    return up < -0x1p63 ? .min : up >= 0x1p63 ? .max : Int64(up)
  }

  var count: Int { starts.count }

  @inline(__always)
  func contains(_ range: Int, _ value: Int64) -> Bool {
    UInt64(bitPattern: value &- starts[range]) < widths[range]
  }
}

struct RangesCollector: AggregationCollector {
  private let cells: CellReader<Int64>
  private let ranges: CellRanges
  private let run: AggregationRun
  private var inner: InnerBuckets
  private var counts: [Int]
  private var others = 0

  init(
    _ cells: CellReader<Int64>, _ ranges: CellRanges, _ inner: InnerBuckets, _ run: AggregationRun
  ) {
    (self.cells, self.ranges, self.inner, self.run) = (cells, ranges, inner, run)
    counts = [Int](repeating: 0, count: ranges.count)
  }

  mutating func begin(_ segment: SegmentColumns) { inner.begin(segment) }

  mutating func collect(_ block: DocumentBlock) {
    let values = run.read(cells, block)
    var inRanges = 0
    for range in 0..<ranges.count {
      let (start, width) = (ranges.starts[range], ranges.widths[range])
      var count = 0
      for value in values where UInt64(bitPattern: value &- start) < width { count &+= 1 }
      counts[range] += count
      inRanges += count
    }
    countOthers(values, inRanges)
    if !inner.isEmpty { inner.collect(block, entries(values)) }
  }

  private mutating func countOthers(_ values: UnsafeMutableBufferPointer<Int64>, _ inRanges: Int) {
    var count = 0
    if ranges.areApart {
      for value in values where value != NumericCell.none { count &+= 1 }
      others += count - inRanges
    } else {
      for value in values where value != NumericCell.none {
        if !(0..<ranges.count).contains(where: { ranges.contains($0, value) }) { count &+= 1 }
      }
      others += count
    }
  }

  private func entries(_ values: UnsafeMutableBufferPointer<Int64>) -> [InnerBuckets.Entry] {
    var entries: [InnerBuckets.Entry] = []
    for (place, value) in values.enumerated() {
      for range in 0..<ranges.count where ranges.contains(range, value) {
        entries.append(InnerBuckets.Entry(bucket: range, place: place))
      }
    }
    return entries
  }

  mutating func end() { inner.end() }

  mutating func finish() -> TextAggregationResult {
    .buckets(
      counts.indices.map {
        TextBucket(key: .range($0), count: counts[$0], inner: inner.finish($0))
      }, others: others)
  }
}

/// Documents without a place are in no ring, and are no others.
struct DistancesCollector: AggregationCollector {
  private let origin: GeoPoint
  private let places: CellReader<Int64>
  private let ranges: [TextRange]
  private var inner: InnerBuckets
  private var counts: [Int]
  private var others = 0
  private var entries: [InnerBuckets.Entry] = []

  init(
    _ origin: GeoPoint, _ places: CellReader<Int64>, _ ranges: [TextRange], _ inner: InnerBuckets
  ) {
    (self.origin, self.places, self.ranges, self.inner) = (origin, places, ranges, inner)
    counts = [Int](repeating: 0, count: ranges.count)
  }

  mutating func begin(_ segment: SegmentColumns) { inner.begin(segment) }

  mutating func collect(_ block: DocumentBlock) {
    entries.removeAll(keepingCapacity: true)
    for (place, ordinal) in block.ordinals.enumerated() {
      guard let point = GeoPoint(packed: places[ordinal]) else { continue }
      let metres = origin.metres(to: point)
      var isIn = false
      for (range, ends) in ranges.enumerated()
      where ends.from.map({ metres >= $0 }) ?? true && ends.to.map({ metres < $0 }) ?? true {
        counts[range] += 1
        isIn = true
        if !inner.isEmpty { entries.append(InnerBuckets.Entry(bucket: range, place: place)) }
      }
      if !isIn { others += 1 }
    }
    if !inner.isEmpty { inner.collect(block, entries) }
  }

  mutating func end() { inner.end() }

  mutating func finish() -> TextAggregationResult {
    .buckets(
      counts.indices.map {
        TextBucket(key: .range($0), count: counts[$0], inner: inner.finish($0))
      }, others: others)
  }
}
