// AggregationTests: every kind of aggregation, nested at random, against a scan of the rows, in every
// layout of segments.

import Testing

@testable import TextSearch

/// Counts by looking at every matching row.
private struct Scan {
  let oracle: Oracle
  let origin: GeoPoint

  typealias Row = Oracle.Row

  func results(_ aggregations: [TextAggregation], _ rows: [Row]) -> [TextAggregationResult] {
    aggregations.map { result($0, rows) }
  }

  private func result(_ aggregation: TextAggregation, _ rows: [Row]) -> TextAggregationResult {
    func bucket(_ key: TextBucket.Key, _ rows: [Row]) -> TextBucket {
      TextBucket(key: key, count: rows.count, inner: results(aggregation.inner, rows))
    }
    func numbers(_ name: String) -> [Int64] { rows.compactMap { $0.numbers[name] } }
    switch aggregation.kind {
    case .terms(let column, let size):
      let all = rows.flatMap { Set($0.keywords[column] ?? []) }
      let counts = Dictionary(grouping: all) { $0 }.mapValues(\.count)
      let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      let shown = sorted.prefix(size)
      return .buckets(
        shown.map { pair in
          bucket(.value(pair.key), rows.filter { $0.keywords[column]?.contains(pair.key) == true })
        }, others: all.count - shown.reduce(0) { $0 + $1.value })
    case .ranges(let column, let ranges):
      func isIn(_ row: Row, _ range: TextRange) -> Bool {
        guard let value = row.numbers[column].map(Double.init) else { return false }
        return value >= range.from ?? -.infinity && value < range.to ?? .infinity
      }
      return .buckets(
        ranges.enumerated().map { index, range in
          bucket(.range(index), rows.filter { isIn($0, range) })
        },
        others: rows.count { row in
          row.numbers[column] != nil && !ranges.contains { isIn(row, $0) }
        })
    case .histogram(let column, let interval, let offset, let least):
      return histogram(rows, column, least, bucket) { value in
        let shifted = Double(value - offset) / Double(interval)
        return Int64(shifted.rounded(.down)) * interval + offset
      } next: {
        $0 + interval
      }
    case .calendar(let column, _, let least):
      // All cells are a few microseconds after the beginning of 1970.
      return histogram(rows, column, least, bucket) { _ in
        0
      } next: {
        $0 + 1
      }
    case .distanceRanges(let ranges):
      func isIn(_ row: Row, _ range: TextRange) -> Bool {
        guard let metres = row.place.map({ origin.metres(to: $0) }) else { return false }
        return metres >= range.from ?? 0 && metres < range.to ?? .infinity
      }
      return .buckets(
        ranges.enumerated().map { index, range in
          bucket(.range(index), rows.filter { isIn($0, range) })
        },
        others: rows.count { row in row.place != nil && !ranges.contains { isIn(row, $0) } })
    case .statistics(let column):
      let all = numbers(column)
      return .statistics(
        count: all.count, minimum: all.min(), maximum: all.max(), sum: Double(all.reduce(0, +)))
    case .cardinality(let column):
      return .cardinality(
        max(Set(numbers(column)).count, Set(rows.flatMap { $0.keywords[column] ?? [] }).count))
    case .filter(let expression):
      let matching = rows.filter { oracle.score(expression, $0) != nil }
      return .buckets([bucket(.range(0), matching)], others: rows.count - matching.count)
    case .topHits(_, let limit):
      let sorted = rows.sorted {
        ($0.numbers["price"] ?? .max, $0.ordinal) < ($1.numbers["price"] ?? .max, $1.ordinal)
      }
      return .hits(sorted.prefix(limit).map { hit($0) }, total: rows.count)
    }
  }

  /// Only what a test compares.
  private func hit(_ row: Row) -> TextHit {
    TextHit(
      ordinal: row.ordinal, key: row.key, score: 0,
      sortValues: [row.numbers["price"].map { .number($0) } ?? .missing], metres: nil)
  }

  private func histogram(
    _ rows: [Row], _ column: String, _ least: Int, _ bucket: (TextBucket.Key, [Row]) -> TextBucket,
    _ start: (Int64) -> Int64, next: (Int64) -> Int64
  ) -> TextAggregationResult {
    let valued = rows.filter { $0.numbers[column] != nil }
    let groups = Dictionary(grouping: valued) { start($0.numbers[column] ?? 0) }
    guard let first = groups.keys.min(), let last = groups.keys.max() else {
      return .buckets([], others: 0)
    }
    var buckets: [TextBucket] = []
    var others = 0
    var key = first
    while key <= last {
      defer { key = next(key) }
      let rows = groups[key] ?? []
      if rows.count >= least {
        buckets.append(bucket(.number(key), rows))
      } else {
        others += rows.count
      }
    }
    return .buckets(buckets, others: others)
  }
}

extension RandomExpressions {
  mutating func aggregation(_ depth: Int) -> TextAggregation {
    var aggregation = TextAggregation("a", kind(hasInner: depth > 1))
    switch aggregation.kind {
    case .statistics, .cardinality, .topHits: break
    default:
      if depth > 1, !chance(3) { aggregation.inner = [self.aggregation(depth - 1)] }
    }
    return aggregation
  }

  private mutating func kind(hasInner: Bool) -> TextAggregation.Kind {
    let column = ["price", "stock", "year"][random.below(3)]
    switch random.below(hasInner ? 7 : 10) {
    case 0, 1: return .terms(column: "category", size: [0, 2, 3, 100][random.below(4)])
    case 2: return .ranges(column: column, ranges(60, 3))
    case 3:
      return .histogram(
        column: column, interval: Int64(1 + random.below(9)), offset: Int64(random.below(20)) - 10,
        minimumCount: random.below(3))
    case 4: return .distanceRanges(ranges(20_000_000, 1))
    case 5: return .filter(expression(1))
    case 6:
      let calendar: TextAggregation.Calendar = [.month, .quarter, .year][random.below(3)]
      return .calendar(column: column, calendar, minimumCount: random.below(3))
    case 7: return .statistics(column: column)
    case 8: return .cardinality(column: ["price", "category", "year"][random.below(3)])
    default:
      return .topHits(sort: [.column("price", descending: false)], limit: random.below(4))
    }
  }

  private mutating func ranges(_ most: Int, _ parts: Int) -> [TextRange] {
    (0..<random.below(5)).map { _ in
      var range = TextRange()
      if !chance(4) { range.from = Double(random.below(most)) / Double(parts) }
      if !chance(4) { range.to = Double(random.below(most)) / Double(parts) }
      return range
    }
  }
}

/// Hits inside buckets have the score of the search and the place from its origin; only the rest is
/// compared with the scan.
private func plain(_ result: TextAggregationResult) -> TextAggregationResult {
  switch result {
  case .buckets(let buckets, let others):
    .buckets(
      buckets.map { TextBucket(key: $0.key, count: $0.count, inner: $0.inner.map(plain)) },
      others: others)
  case .hits(let hits, let total):
    .hits(
      hits.map { hit in
        var hit = hit
        (hit.score, hit.metres) = (0, nil)
        return hit
      }, total: total)
  default: result
  }
}

@Test(arguments: 1...4 as ClosedRange<UInt64>)
func aggregationsEqualAScanInEveryLayout(seed: UInt64) throws {
  var model = Model(seed: seed &+ 900)
  let snapshots = try layouts(&model, commits: 50, ordinals: 160)
  var random = RandomExpressions(random: Random(seed &* 31))
  let origin = random.place()
  let oracle = Oracle(model)
  let scan = Scan(oracle: oracle, origin: origin)
  for round in 0..<40 {
    var request = TextRequest(round % 5 == 0 ? .all : random.expression(2), limit: 3)
    request.origin = origin
    request.aggregations = (0..<1 + random.random.below(3)).map { _ in random.aggregation(3) }
    let matching = oracle.matches(request.expression)
    let rows = oracle.rows.values.filter { matching[$0.ordinal] != nil }
    let expected = scan.results(request.aggregations, rows)
    let response = try snapshots[0].search(request)
    #expect(
      response.aggregations.map(plain) == expected,
      "seed \(seed) round \(round) \(request.aggregations) \(request.expression)")
    for snapshot in snapshots.dropFirst() {
      #expect(try snapshot.search(request) == response, "seed \(seed) round \(round)")
    }
  }
}

@Suite struct AggregationTests {
  @Test func rangesOfNumbersHoldAtTheEnds() {
    var random = Random(51)
    let edges: [Int64] = [.min, .min + 1, .min + 2, -1, 0, 1, .max - 1, .max, 1 << 53, -(1 << 53)]
    let ends: [Double?] = [
      nil, -.infinity, .infinity, -0x1p63, 0x1p63, -0x1p64, 0x1p64, 0, -0.5, 0.5, 1, 0x1p53, -1.5,
    ]
    for _ in 0..<600 {
      let range = TextRange(
        from: ends[random.below(ends.count)], to: ends[random.below(ends.count)])
      let ranges = CellRanges([range])
      for value in edges {
        // Exact where a Double is: both sides are compared as real numbers.
        let isFrom = range.from.map { $0 == -.infinity || Self.isAtLeast(value, $0) } ?? true
        let isTo = range.to.map { !Self.isAtLeast(value, $0) } ?? true
        let expected = value != NumericCell.none && isFrom && isTo
        #expect(ranges.contains(0, value) == expected, "\(range) \(value)")
      }
    }
    let apart = CellRanges([TextRange(from: 5, to: 9), TextRange(to: 5), TextRange(from: 9)])
    #expect(apart.areApart && apart.count == 3)
    #expect(!CellRanges([TextRange(from: 5, to: 9), TextRange(from: 8)]).areApart)
  }

  private static func isAtLeast(_ value: Int64, _ end: Double) -> Bool {
    if end >= 0x1p63 { return false }
    if end <= -0x1p63 { return true }
    return value >= Int64(end.rounded(.up))
  }

  @Test func bucketsBeginWhereTheirNumbersSay() {
    var random = Random(52)
    let day: Int64 = 86_400_000_000
    let rules: [BucketRule] = [
      .interval(7, offset: -3), .interval(1, offset: 0), .interval(.max, offset: .min),
      .months(1), .months(3), .months(12),
    ]
    for round in 0..<1_500 {
      let bits = random.next()
      let value = Int64(bitPattern: bits) >> Int64(random.below(60))
      for rule in rules {
        let number = rule.number(of: value)
        let start = rule.start(of: number)
        #expect(start <= value, "round \(round): \(rule) \(value)")
        let next = rule.start(of: number + 1)
        #expect(next > value || next == .max, "round \(round): \(rule) \(value)")
      }
    }
    // 29 February 2024, the first days of months, and before 1970.
    let months = BucketRule.months(1)
    #expect(months.number(of: 19_782 * day) == 54 * 12 + 1)
    #expect(months.start(of: 54 * 12 + 2) == 19_783 * day)
    #expect(months.number(of: -1) == -1 && months.start(of: -1) == -31 * day)
    #expect(BucketRule.months(12).start(of: 30) == 10_957 * day)
    #expect(BucketRule.months(3).number(of: 91 * day) == 1)
  }

  @Test func namesOfSegmentsAreCountedTogether() {
    var random = Random(53)
    for round in 0..<200 {
      var sums = NamedCounts()
      var expected: [String: Int] = [:]
      for _ in 0..<random.below(5) {
        let names = Set((0..<random.below(30)).map { _ in "n\(random.below(40))" }).sorted()
        var dictionary = TermDictionaryBuilder()
        var counts: [UInt32] = []
        for name in names {
          dictionary.append(Array(name.utf8))
          counts.append(UInt32(random.below(4)))
          if let count = counts.last, count > 0 { expected[name, default: 0] += Int(count) }
        }
        sums.add(dictionary.finish(), counts)
      }
      #expect(sums.differentNames == expected.count, "round \(round)")
      for size in [0, 1, 5, 64, 100] {
        let (best, others) = sums.best(size)
        let sorted = expected.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(size)
        #expect(
          best.map { "\(String(decoding: $0.name, as: UTF8.self)) \($0.count)" }
            == sorted.map { "\($0.key) \($0.value)" }, "round \(round)")
        let shown = sorted.reduce(0) { $0 + $1.value }
        #expect(others == expected.values.reduce(0, +) - shown, "round \(round)")
      }
    }
  }

  @Test func whatCannotBeCountedIsRefused() throws {
    var model = Model(seed: 7)
    let snapshot = try layouts(&model, commits: 5, ordinals: 30)[3]
    func refusal(_ aggregations: [TextAggregation]) -> TextError? {
      var request = TextRequest(.all)
      request.aggregations = aggregations
      do throws(TextError) { _ = try snapshot.search(request) } catch { return error }
      return nil
    }
    func refusal(_ kind: TextAggregation.Kind) -> TextError? {
      refusal([TextAggregation("x", kind)])
    }
    #expect(refusal(.terms(column: "colour", size: 3)) == .unknownColumn("colour"))
    #expect(refusal(.statistics(column: "category")) == .unknownColumn("category"))
    #expect(refusal(.distanceRanges([])) == .invalidDistance)
    #expect(refusal(.terms(column: "category", size: 1 << 20)) == .tooManyBuckets)
    #expect(
      refusal(.histogram(column: "price", interval: 0, offset: 0, minimumCount: 1))
        == .invalidNumber("a histogram's interval"))
    #expect(
      refusal(.ranges(column: "price", [TextRange(from: .nan)])) == .invalidNumber("a range's end"))
    #expect(refusal(.topHits(sort: [], limit: -1)) == .limitOutOfRange(-1))
    let many = TextAggregation("x", .statistics(column: "price"))
    #expect(refusal(Array(repeating: many, count: 65)) == .tooManyAggregations)
    var deep = many
    for _ in 0..<4 {
      var outer = TextAggregation("y", .terms(column: "category", size: 1))
      outer.inner = [deep]
      deep = outer
    }
    #expect(refusal([deep]) == .tooManyAggregations)
    var statistics = many
    statistics.inner = [many]
    #expect(refusal([statistics]) == .tooManyAggregations)
    #expect(refusal([many]) == nil)
  }

  @Test func tooManyBucketsAreRefused() throws {
    let index = makeIndex()
    func thing(_ ordinal: UInt32, price: Int64) -> [UInt8] {
      Shop.Thing(
        ordinal: ordinal, title: [1], description: [], categories: [], price: price, year: 2001
      ).bytes
    }
    let rows = [(UInt32(0), Int64(0)), (1, 1 << 40)].map { ordinal, price in
      (table: UInt32(1), key: Shop.thingKey(ordinal), value: thing(ordinal, price: price))
    }
    try index.rebuild(at: .zero) { body in
      for row in rows { body(row.table, row.key.span.bytes, row.value.span.bytes) }
    }
    func search(_ interval: Int64, _ least: Int) throws(TextError) -> Int {
      var request = TextRequest(.all)
      request.aggregations = [
        TextAggregation(
          "h", .histogram(column: "price", interval: interval, offset: 0, minimumCount: least))
      ]
      let response = try index.textSnapshot().search(request)
      guard case .buckets(let buckets, _) = response.aggregations[0] else { return -1 }
      return buckets.count
    }
    #expect(try search(1, 1) == 2)
    #expect(try search(1 << 30, 0) == 1_025)
    #expect(throws: TextError.tooManyBuckets) { try search(1, 0) }
  }
}
