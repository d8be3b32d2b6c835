// Fields: the one declaration of a record. A struct that conforms visits its own fields, in the
// order of their numbers; every representation is one visitor over that list: the binary form in
// the store, JSON in and out, validation, and the schema from which OpenAPI is made.
//
//   struct Coupon: Fields {
//     var code = ""
//     var percentOff: Int64 = 0
//     var expiresAt: Timestamp?
//
//     mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
//       try visitor.field(1, "code", &code, .length(1...40))
//       try visitor.field(2, "percentOff", &percentOff, .range(1...100))
//       try visitor.field(3, "expiresAt", &expiresAt)
//     }
//   }
//
// Rules of evolution
// 1. A number is never reused and never changes its type; a field that goes leaves a gap.
// 2. Numbers rise in the order of the calls.
// 3. A reader skips numbers that it does not know; a field that is absent keeps its default.

/// A value made of numbered, named fields.
public protocol Fields: Sendable {
  /// Every field at its default.
  init()
  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError)
}

/// One representation of a record: an encoder, a decoder, a describer.
public protocol FieldVisitor {
  /// Reads or replaces `value`. `rules` is evaluated only by visitors that validate or describe.
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError)
}

extension FieldVisitor {
  @inlinable @inline(__always)
  public mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value
  ) throws(FieldError) {
    try field(number, name, &value, FieldRules())
  }
}

/// Why a record could not be read.
public enum FieldError: Error, Equatable, Sendable {
  /// The stored bytes are damaged.
  case decode(DecodeError)
  /// The JSON text is not JSON.
  case syntax(offset: Int, reason: String)
  /// The JSON is well-formed, and these fields are not acceptable.
  case invalid([FieldIssue])
}

/// One field that is not acceptable.
public struct FieldIssue: Equatable, Sendable {
  /// RFC 6901 pointer from the root of the body: `/items/0/quantity`.
  public var path: String
  /// `required`, `type`, `length`, `range`, `count`, `format`, `enum`, `unknown`, `digits`.
  public var rule: String
  /// One sentence for people.
  public var message: String

  public init(path: String, rule: String, message: String) {
    self.path = path
    self.rule = rule
    self.message = message
  }
}

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
  /// One sentence for the documentation.
  public var summary: String?

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
  /// The same rules with a sentence for the documentation.
  public func summary(_ text: String) -> FieldRules {
    var rules = self
    rules.summary = text
    return rules
  }
}

/// A type that can stand in a field.
public protocol FieldValue: Sendable {
}
