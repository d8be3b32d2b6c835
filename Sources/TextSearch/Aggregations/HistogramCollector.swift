// HistogramCollector: cells of a column in buckets of one width, or of calendar months.
//
// Buckets have numbers; those near the first one that was seen are counted in an array, others, which
// only strange values need, in a dictionary.

enum BucketRule {
  /// Bucket n is n × interval + offset ..< (n + 1) × interval + offset; the interval is above zero.
  case interval(Int64, offset: Int64)
  /// Bucket n is so many months from month n × months after January 1970, UTC, in microseconds.
  case months(Int64)

  @inline(__always)
  func number(of value: Int64) -> Int64 {
    switch self {
    case .interval(let interval, let offset):
      let (shifted, overflow) = value.subtractingReportingOverflow(offset)
      guard !overflow else {
        return Int64(
          truncatingIfNeeded: Self.floor(Int128(value) - Int128(offset), Int128(interval)))
      }
      return Self.floor(shifted, interval)
    case .months(let months):
      return Self.floor(Self.month(ofDay: Self.floor(value, Self.dayMicros)), months)
    }
  }

  /// The least value of a bucket, or the least number there is.
  func start(of number: Int64) -> Int64 {
    switch self {
    case .interval(let interval, let offset):
      return Int64(clamping: Int128(number) * Int128(interval) + Int128(offset))
    case .months(let months):
      return Int64(clamping: Int128(Self.day(ofMonth: number * months)) * Int128(Self.dayMicros))
    }
  }

  private static let dayMicros: Int64 = 86_400_000_000

  @inline(__always)
  private static func floor<Number: BinaryInteger>(_ value: Number, _ by: Number) -> Number {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: by)
    return rest < 0 ? quotient - 1 : quotient
  }

  /// Months from January 1970 to the month of a day, which is counted from 1 January 1970, in the
  /// Gregorian calendar. Years are counted from March, so that the leap day is a year's last.
  private static func month(ofDay day: Int64) -> Int64 {
    // 400 years have 146,097 days; 719,468 days lie between 1 March of year 0 and 1970.
    let shifted = day + 719_468
    let era = floor(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    // Five months have 153 days, from March and again from August.
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    return (era * 400 + yearOfEra - 1970) * 12 + monthFromMarch + 2
  }

  /// The day that a month begins with, months and days counted from January 1970.
  private static func day(ofMonth month: Int64) -> Int64 {
    let fromMarch = month + 1970 * 12 - 2
    let year = floor(fromMarch, 12)
    let monthFromMarch = fromMarch - year * 12
    let era = floor(year, 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * monthFromMarch + 2) / 5
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

struct HistogramCollector: AggregationCollector {
  private static let nearMost: Int64 = 16_384

  private let cells: CellReader<Int64>
  private let rule: BucketRule
  private let minimumCount: Int
  private let run: AggregationRun
  private var inner: InnerBuckets
  /// The places of buckets near the first one in `counts`, -1 for one that was not seen.
  private var near: [Int32] = []
  private var nearStart: Int64 = 0
  private var far: [Int64: Int] = [:]
  private var numbers: [Int64] = []
  private var counts: [Int] = []
  private var entries: [InnerBuckets.Entry] = []

  init(
    _ cells: CellReader<Int64>, _ rule: BucketRule, _ minimumCount: Int, _ inner: InnerBuckets,
    _ run: AggregationRun
  ) {
    (self.cells, self.rule, self.minimumCount) = (cells, rule, minimumCount)
    (self.inner, self.run) = (inner, run)
  }

  mutating func begin(_ segment: SegmentColumns) { inner.begin(segment) }

  mutating func collect(_ block: DocumentBlock) {
    entries.removeAll(keepingCapacity: true)
    for (place, value) in run.read(cells, block).enumerated() where value != NumericCell.none {
      guard let bucket = bucket(rule.number(of: value)) else { continue }
      counts[bucket] += 1
      if !inner.isEmpty { entries.append(InnerBuckets.Entry(bucket: bucket, place: place)) }
    }
    if !inner.isEmpty { inner.collect(block, entries) }
  }

  /// The place of a bucket in `counts`; nil when no more may be made.
  @inline(__always)
  private mutating func bucket(_ number: Int64) -> Int? {
    let distance = number.subtractingReportingOverflow(nearStart)
    if !distance.overflow, distance.partialValue >= 0, distance.partialValue < near.count {
      let place = near[Int(distance.partialValue)]
      if place >= 0 { return Int(place) }
    }
    return newBucket(number)
  }

  private mutating func newBucket(_ number: Int64) -> Int? {
    if near.isEmpty {
      near = [Int32](repeating: -1, count: Int(Self.nearMost))
      nearStart = number.subtractingReportingOverflow(Self.nearMost / 2).partialValue
    }
    if let known = far[number] { return known }
    guard run.takeBucket() else { return nil }
    let place = counts.count
    numbers.append(number)
    counts.append(0)
    let distance = number.subtractingReportingOverflow(nearStart)
    if !distance.overflow, distance.partialValue >= 0, distance.partialValue < near.count {
      near[Int(distance.partialValue)] = Int32(place)
    } else {
      far[number] = place
    }
    return place
  }

  mutating func end() { inner.end() }

  mutating func finish() -> TextAggregationResult {
    let places = numbers.indices.sorted { numbers[$0] < numbers[$1] }
    var buckets: [TextBucket] = []
    var others = 0
    var last: Int64?
    for place in places {
      if minimumCount <= 0, let last { appendEmpty(last, numbers[place], &buckets) }
      last = numbers[place]
      guard counts[place] >= minimumCount else {
        others += counts[place]
        continue
      }
      buckets.append(
        TextBucket(
          key: .number(rule.start(of: numbers[place])), count: counts[place],
          inner: inner.finish(place)))
    }
    return .buckets(buckets, others: others)
  }

  /// The buckets between two neighbours.
  private mutating func appendEmpty(_ from: Int64, _ to: Int64, _ buckets: inout [TextBucket]) {
    var number = from + 1
    while number < to {
      guard run.takeBucket() else { return }
      buckets.append(
        TextBucket(
          key: .number(rule.start(of: number)), count: 0, inner: inner.finish(counts.count)))
      number += 1
    }
  }
}
