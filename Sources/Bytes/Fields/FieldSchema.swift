// FieldSchema: what a record looks like from outside, as a value; the server renders it as JSON
// Schema in OpenAPI 3.1 and as GraphQL types.

/// The shape of a value.
public indirect enum FieldSchema: Equatable, Sendable {
  case boolean
  /// A JSON number that is an integer of this range.
  case integer(least: Int64, most: UInt64)
  case number
  /// A decimal number, written with its currency's digits.
  case amount
  /// `uuid`, `date-time`, `base64url`; nil for plain text.
  case string(format: String?)
  case enumeration([String])
  case array(FieldSchema)
  /// An object with any names and values of one shape.
  case map(FieldSchema)
  case record(RecordSchema)
  /// A record that contains itself, by its name.
  case reference(String)
  case any

  /// The schema of a record type.
  public static func describe<T: Fields>(_ type: T.Type) -> RecordSchema {
    var describer = FieldDescriber()
    return describer.members(of: type)
  }
}

/// The fields of a record type, in the order of their numbers.
public struct RecordSchema: Equatable, Sendable {
  /// The name of the Swift type, without its module.
  public var name: String
  public var fields: [Field]

  public struct Field: Equatable, Sendable {
    public var number: Int
    public var name: String
    public var schema: FieldSchema
    /// May be null or absent, also in what the server writes.
    public var isOptional: Bool
    public var rules: FieldRules
  }
}

/// Walks record types. Keeps the chain of types that it is inside of, so that a type that contains
/// itself ends in a reference.
public struct FieldDescriber {
  private var open: [ObjectIdentifier] = []

  init() {}

  mutating func record<T: Fields>(_ type: T.Type) -> FieldSchema {
    if open.contains(ObjectIdentifier(type)) { return .reference("\(type)") }
    return .record(members(of: type))
  }

  fileprivate mutating func members<T: Fields>(of type: T.Type) -> RecordSchema {
    open.append(ObjectIdentifier(type))
    defer { open.removeLast() }
    var visitor = SchemaVisitor(describer: self)
    var record = T()
    do {
      try record.visit(&visitor)
    } catch {
      preconditionFailure("\(type).visit throws of its own while it is described: \(error)")
    }
    return RecordSchema(name: "\(type)", fields: visitor.fields)
  }
}

private struct SchemaVisitor: FieldVisitor {
  var describer: FieldDescriber
  var fields: [RecordSchema.Field] = []

  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    fields.append(
      RecordSchema.Field(
        number: number, name: name.description, schema: Value.describe(&describer),
        isOptional: Value.nilValue != nil, rules: rules()))
  }
}
