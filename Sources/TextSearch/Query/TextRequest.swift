// TextRequest: one search with its order, page, counts and highlights; and what it answers.

public struct TextRequest: Equatable, Sendable {
  /// What matches. Aggregations count exactly this.
  public var expression: TextExpression
  /// Keeps hits, but not the aggregations, to these.
  public var postFilter: TextExpression?
  /// At most four keys; equal documents are ordered by ordinal.
  public var sort: [TextSort] = [.score(descending: true)]
  /// Where distances in `sort`, hits and aggregations are measured from.
  public var origin: GeoPoint?
  /// 0 ... `TextLimits.window`.
  public var limit: Int
  /// Hits skipped; `offset + limit` is bounded by `TextLimits.window`.
  public var offset = 0
  /// Hits begin after this one; totals and aggregations are not affected.
  public var after: TextPosition?
  /// Only documents that score at least this are matches.
  public var minimumScore: Double?
  public var aggregations: [TextAggregation] = []
  public var highlight: TextHighlight?
  /// Whether the exact total is wanted; without it a plain search may skip what cannot be a hit, and
  /// the total is then nil.
  public var countsTotal = true

  public init(_ expression: TextExpression, limit: Int = 10) {
    (self.expression, self.limit) = (expression, limit)
  }
}

public enum TextSort: Equatable, Sendable {
  case score(descending: Bool)
  /// A numeric column. Documents without a value come last.
  case column(String, descending: Bool)
  /// A keyword column, by its least value in bytes. Documents without one come last.
  case keyword(String, descending: Bool)
  /// From the request's origin. Documents without a place come last.
  case distance(descending: Bool)
}

/// A hit's value for a sort key.
public enum SortValue: Equatable, Sendable {
  case score(Double)
  case number(Int64)
  /// Infinite for a row without a place.
  case metres(Double)
  /// The least value of a keyword column.
  case keyword(String)
  /// A row without a value in the column.
  case missing
}

/// A place in the order of hits: page on from here.
public struct TextPosition: Equatable, Sendable {
  /// One for each sort key of the request.
  public var values: [SortValue]
  public var ordinal: UInt32

  public init(values: [SortValue], ordinal: UInt32) {
    self.values = values
    self.ordinal = ordinal
  }
}

public struct TextHighlight: Equatable, Sendable {
  public var fields: [String]
  public var before = "<em>"
  public var after = "</em>"
  /// Characters; zero: the whole field.
  public var fragmentLength = 100
  public var fragmentCount = 5

  public init(_ fields: [String]) { self.fields = fields }
}

// MARK: Aggregations

/// A named count or measure over all matches of the request, exact.
public struct TextAggregation: Equatable, Sendable {
  public indirect enum Kind: Equatable, Sendable {
    /// The most frequent values of a keyword column; equal counts by the values' bytes.
    case terms(column: String, size: Int)
    case ranges(column: String, [TextRange])
    /// Buckets [n × interval + offset, + interval) of a numeric column, in its stored unit.
    case histogram(column: String, interval: Int64, offset: Int64, minimumCount: Int)
    /// Calendar months and years, UTC; a column of microseconds.
    case calendar(column: String, Calendar, minimumCount: Int)
    case distanceRanges([TextRange])
    /// Count, minimum, maximum and sum of a numeric column.
    case statistics(column: String)
    /// How many different values a keyword or numeric column has, exact.
    case cardinality(column: String)
    case filter(TextExpression)
    /// The best hits of the bucket.
    case topHits(sort: [TextSort], limit: Int)
  }

  public enum Calendar: Equatable, Sendable { case month, quarter, year }

  public var name: String
  public var kind: Kind
  /// Over each bucket's documents. At most `TextLimits.aggregationDepth` levels.
  public var inner: [TextAggregation] = []

  public init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }
}

/// `from` is included, `to` is not; nil is open. In the column's stored unit, or metres.
public struct TextRange: Equatable, Sendable {
  public var from: Double?
  public var to: Double?

  public init(from: Double? = nil, to: Double? = nil) { (self.from, self.to) = (from, to) }
}

public struct TextBucket: Equatable, Sendable {
  public enum Key: Equatable, Sendable {
    case value(String)
    /// The place in the request's list of ranges.
    case range(Int)
    /// The lower end, in the column's stored unit.
    case number(Int64)
  }

  public var key: Key
  public var count: Int
  public var inner: [TextAggregationResult]
}

public enum TextAggregationResult: Equatable, Sendable {
  /// `others` are the matches' values that are in no bucket shown.
  case buckets([TextBucket], others: Int)
  /// In the column's stored unit. `sum` wraps to the nearest Double beyond 2^53.
  case statistics(count: Int, minimum: Int64?, maximum: Int64?, sum: Double)
  case cardinality(Int)
  case hits([TextHit], total: Int)
}

// MARK: Answer

public struct TextHit: Equatable, Sendable {
  public var ordinal: UInt32
  /// The document's external key.
  public var key: [UInt8]
  public var score: Double
  public var sortValues: [SortValue]
  /// From the request's origin; nil without an origin or a place.
  public var metres: Double?
  /// By field, the parts of the text that matched; empty unless they were asked for.
  public var highlights: [String: [String]] = [:]

  public var position: TextPosition { TextPosition(values: sortValues, ordinal: ordinal) }
}

public struct TextResponse: Equatable, Sendable {
  public var hits: [TextHit]
  /// Exact; nil when it was not asked for and not all was looked at.
  public var total: Int?
  public var maximumScore: Double?
  /// One for each aggregation of the request, in its order.
  public var aggregations: [TextAggregationResult]
}

/// What one request can make the server hold or do.
public enum TextLimits {
  /// Text fields of a schema.
  public static let fields = 64
  /// Hits that a request can page to by `offset`; further with `after`.
  public static let window = 10_000
  /// Clauses of an expression, and levels of nesting.
  public static let clauses = 1_024
  public static let depth = 32
  /// Distinct words of all texts together.
  public static let words = 256
  /// Terms that a prefix or a fuzzy word may stand for.
  public static let prefixExpansions = 128
  public static let fuzzyExpansions = 50
  public static let sortKeys = 4
  public static let aggregations = 64
  public static let aggregationDepth = 4
  public static let buckets = 65_536
}
