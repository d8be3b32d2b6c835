// TextQuery: what can be asked of a TextSnapshot, and what it answers.

/// A search. Everything but the text is a filter, an order or a count.
public struct TextQuery: Equatable, Sendable {
  /// Rows need at least one of the text's words, in any field. Empty or blank text matches all rows,
  /// with score zero; text without any word (only marks) matches none.
  public var text: String
  /// A row must be in all of the ranges.
  public var ranges: [NumericRange] = []
  /// A row must pass all of the filters.
  public var keywords: [KeywordFilter] = []
  /// Where distances are measured from.
  public var origin: GeoPoint?
  /// Keeps rows at most so far from `origin`; rows without a place are left out.
  public var radiusMetres: Double?
  /// At most four keys; equal rows are ordered by ordinal.
  public var sort: [SortKey] = [.score]
  /// 0 ... `TextQuery.limitMax`.
  public var limit: Int
  /// Hits begin after this one; the total and the facets are not affected.
  public var after: TextPosition?
  public var facets: [Facet] = []

  public init(_ text: String = "", limit: Int = 20) {
    self.text = text
    self.limit = limit
  }

  /// Bounds what one request can make the server hold.
  public static let limitMax = 1_000
  /// Distinct words; each costs a walk of its postings.
  public static let termsMax = 64
  public static let sortKeysMax = 4
}

/// Both ends are included; nil is open.
public struct NumericRange: Equatable, Sendable {
  public var column: String
  public var minimum: Int64?
  public var maximum: Int64?

  public init(_ column: String, minimum: Int64? = nil, maximum: Int64? = nil) {
    self.column = column
    self.minimum = minimum
    self.maximum = maximum
  }
}

/// The row has at least one of the values.
public struct KeywordFilter: Equatable, Sendable {
  public var column: String
  public var anyOf: [String]

  public init(_ column: String, anyOf: [String]) {
    self.column = column
    self.anyOf = anyOf
  }
}

public enum SortKey: Equatable, Sendable {
  /// Highest first.
  case score
  case ascending(String)
  case descending(String)
  /// Nearest to the query's origin first; rows without a place last.
  case distance
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
  /// One for each sort key of the query.
  public var values: [SortValue]
  public var ordinal: UInt32

  public init(values: [SortValue], ordinal: UInt32) {
    self.values = values
    self.ordinal = ordinal
  }
}

/// Counts over all matches.
public enum Facet: Equatable, Sendable {
  /// The `top` most frequent values; equal counts by the values' bytes.
  case keywords(column: String, top: Int)
  /// One count for each bucket; buckets may overlap.
  case ranges(column: String, buckets: [Bucket])

  /// `from` is included, `to` is not; nil is open.
  public struct Bucket: Equatable, Sendable {
    public var from: Int64?
    public var to: Int64?

    public init(from: Int64? = nil, to: Int64? = nil) {
      self.from = from
      self.to = to
    }
  }
}

public enum FacetCounts: Equatable, Sendable {
  case keywords([KeywordCount])
  case ranges([Int])

  public struct KeywordCount: Equatable, Sendable {
    public var value: String
    public var count: Int

    public init(value: String, count: Int) {
      self.value = value
      self.count = count
    }
  }
}

public struct TextHit: Equatable, Sendable {
  public var ordinal: UInt32
  /// The document's external key.
  public var key: [UInt8]
  public var score: Double
  public var sortValues: [SortValue]
  /// From the query's origin; nil without an origin or a place.
  public var metres: Double?
  /// By field, the parts of the text that matched; empty unless they were asked for.
  public var highlights: [String: [String]] = [:]

  public var position: TextPosition { TextPosition(values: sortValues, ordinal: ordinal) }
}

public struct TextResult: Equatable, Sendable {
  public var hits: [TextHit]
  /// Exact number of matches.
  public var total: Int
  /// One for each facet of the query.
  public var facets: [FacetCounts]
}

/// Why a query cannot be answered.
public enum TextError: Error, Equatable, Sendable, CustomStringConvertible {
  case unknownColumn(String)
  case unknownField(String)
  case tooManyTerms
  case tooManyClauses
  case tooDeep
  case tooManyAggregations
  case tooManyBuckets
  /// A boost, factor or score that is negative or not a number; named by its place.
  case invalidNumber(String)
  case tooManySortKeys
  case limitOutOfRange(Int)
  /// A radius or a distance without an origin, or a radius that is negative or not a number.
  case invalidDistance
  /// The position does not fit the sort keys.
  case invalidPosition

  public var description: String {
    switch self {
    case .unknownColumn(let name): "the index has no column \(name)"
    case .unknownField(let name): "the index has no field \(name)"
    case .tooManyTerms: "a query has at most \(TextLimits.words) distinct words"
    case .tooManyClauses: "a query has at most \(TextLimits.clauses) clauses"
    case .tooDeep: "clauses are nested at most \(TextLimits.depth) deep"
    case .tooManyAggregations:
      "a query has at most \(TextLimits.aggregations) aggregations, nested at most \(TextLimits.aggregationDepth) deep"
    case .tooManyBuckets: "an aggregation makes at most \(TextLimits.buckets) buckets"
    case .invalidNumber(let what): "\(what) is a number of zero or more"
    case .tooManySortKeys: "a query has at most \(TextLimits.sortKeys) sort keys"
    case .limitOutOfRange(let limit): "limit \(limit) is not in 0...\(TextLimits.window)"
    case .invalidDistance: "a distance needs an origin and a radius of zero or more"
    case .invalidPosition: "the position to continue from does not fit the sort keys"
    }
  }
}
