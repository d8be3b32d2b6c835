// Fields: the one declaration of a record. A struct that conforms visits its own fields, in the
// order of their numbers; every representation is one visitor over that list: the binary form in
// the store, JSON in and out, validation, and the schema from which OpenAPI is made.
//
//   struct Bookmark: Fields {
//     var title = ""
//     var page: Int64 = 0
//     var expiresAt: Timestamp?
//
//     mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
//       try visitor.field(1, "title", &title, .length(1...40))
//       try visitor.field(2, "page", &page, .range(1...10_000))
//       try visitor.field(3, "expiresAt", &expiresAt)
//     }
//   }
//
// Rules of evolution
// 1. A number is never reused and never changes its type; a field that goes leaves a gap.
// 2. Numbers rise in the order of the calls.
// 3. A reader skips numbers that it does not know; a field that is absent keeps its default.
// 4. A default is part of the format: a field's default never changes either.

/// A value made of numbered, named fields. It is itself a value, and can stand in a field.
public protocol Fields: FieldElement {
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
