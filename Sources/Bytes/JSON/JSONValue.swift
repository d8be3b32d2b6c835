// JSONValue: a JSON text as a tree, for the rare places that must hold any JSON at all. Objects
// keep the order of their members; numbers keep their digits.

/// Any JSON value.
public enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  /// The number as it is written.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  public struct Member: Equatable, Sendable {
    public var name: String
    public var value: JSONValue

    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// Parses one JSON text. An object that names a member twice is refused.
  public init(parsing bytes: RawSpan) throws(JSONError) {
    self = try JSONReader.read(bytes) { (reader) throws(JSONError) -> JSONValue in
      let value = try JSONValue(from: &reader)
      try reader.finish()
      return value
    }
  }

  public init(parsing bytes: [UInt8]) throws(JSONError) {
    self = try JSONValue(parsing: bytes.span.bytes)
  }

  /// Reads the next value. Recursion ends at `JSONReader.depthMax`, which the reader enforces.
  public init(from reader: inout JSONReader) throws(JSONError) {
    switch try reader.peek() {
    case .null:
      try reader.null()
      self = .null
    case .bool: self = .bool(try reader.bool())
    case .number: self = .number(reader.text(of: try reader.number()))
    case .string: self = .string(try reader.string())
    case .array:
      try reader.beginArray()
      var elements: [JSONValue] = []
      while try reader.nextElement() { elements.append(try JSONValue(from: &reader)) }
      self = .array(elements)
    case .object:
      try reader.beginObject()
      var members: [Member] = []
      var names: Set<[UInt8]> = []
      while let slice = try reader.nextName() {
        let name = reader.text(of: slice)
        guard names.insert(Array(name.utf8)).inserted else {
          throw JSONError(offset: slice.start, reason: "a member is named twice")
        }
        members.append(Member(name, try JSONValue(from: &reader)))
      }
      self = .object(members)
    }
  }

  public func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .number(let text): writer.raw(text)
    case .string(let text): writer.string(text)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.name(member.name)
        member.value.write(to: &writer)
      }
      writer.endObject()
    }
  }

  /// The text without white space.
  public var bytes: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  /// The member of an object; nil when there is none or this is no object.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  public var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  public var int64: Int64? {
    guard case .number(let text) = self else { return nil }
    return try? JSONReader.read(Array(text.utf8).span.bytes) { (reader) throws(JSONError) in
      try reader.number().int64
    }
  }

  public var double: Double? {
    guard case .number(let text) = self else { return nil }
    return Double(text)
  }

  public static func int(_ value: Int64) -> JSONValue { .number(String(value)) }
}
