// TextError: why a request cannot be answered. A server turns each into a refusal that names the cause.

/// Why a request cannot be answered.
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
