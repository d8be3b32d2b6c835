// FieldRules: what one field must satisfy when it comes from outside. Bounds on the content
// (`length`, `range`, `format`) apply to each element of an array or map; `count` to the whole.

/// What a field must satisfy when it comes from outside, and what its schema says.
public struct FieldRules: Equatable, Sendable {
  /// Must be present in JSON input.
  public var isRequired = false
  /// Bounds in Unicode scalars for text.
  public var length: ClosedRange<Int>?
  /// Bounds for numbers.
  public var range: ClosedRange<Int64>?
  /// Bounds in elements for arrays and maps.
  public var count: ClosedRange<Int>?
  /// `email`, `uri`, `slug`, `currency`, `country`: checked on input, named in the schema.
  public var format: String?
  /// Bounds for amounts of money.
  public var amount: AmountBounds?
  /// Digits after the point that an amount may have.
  public var digits: Int?
  /// One sentence for the documentation.
  public var summary: String?

  @inlinable
  public init() {}

  public static func length(_ bounds: ClosedRange<Int>) -> FieldRules {
    var rules = FieldRules()
    rules.length = bounds
    return rules
  }
  public static func range(_ bounds: ClosedRange<Int64>) -> FieldRules {
    var rules = FieldRules()
    rules.range = bounds
    return rules
  }
  public static func count(_ bounds: ClosedRange<Int>) -> FieldRules {
    var rules = FieldRules()
    rules.count = bounds
    return rules
  }
  /// An amount from `least` to `most`: `.amount(0, to: 1_000_000)`.
  public static func amount(_ least: Amount, to most: Amount) -> FieldRules {
    var rules = FieldRules()
    rules.amount = AmountBounds(least: least, isLeastExcluded: false, most: most)
    return rules
  }
  /// An amount above `least`, up to `most`: `.amount(above: 0, to: 1_000_000)`.
  public static func amount(above least: Amount, to most: Amount) -> FieldRules {
    var rules = FieldRules()
    rules.amount = AmountBounds(least: least, isLeastExcluded: true, most: most)
    return rules
  }
  public static func format(_ name: String) -> FieldRules {
    var rules = FieldRules()
    rules.format = name
    return rules
  }
  public static var required: FieldRules { FieldRules().required }

  /// The same rules, and the field must be there: `.length(1...40).required`.
  public var required: FieldRules {
    var rules = self
    rules.isRequired = true
    return rules
  }
  /// The same rules, and an amount has at most `most` digits after the point.
  public func digits(_ most: Int) -> FieldRules {
    var rules = self
    rules.digits = most
    return rules
  }
  /// The same rules with a sentence for the documentation.
  public func summary(_ text: String) -> FieldRules {
    var rules = self
    rules.summary = text
    return rules
  }
}
