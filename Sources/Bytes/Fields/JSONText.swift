// JSONText: a field that holds any JSON value, for what callers attach and the server only keeps.

/// A JSON value as its text without white space.
public struct JSONText: Hashable, Sendable, CustomStringConvertible {
  /// Enough for attached data; a bound on what a caller can make the store keep.
  public static let bytesMax = 16 << 10

  /// Valid JSON without white space.
  public let text: String

  public static let null = JSONText(canonical: "null")

  private init(canonical: String) { text = canonical }

  /// The text of `value`; nil when it is longer than `bytesMax`.
  public init?(_ value: JSONValue) {
    let bytes = value.bytes
    guard bytes.count <= Self.bytesMax else { return nil }
    self.init(canonical: String(decoding: bytes, as: UTF8.self))
  }

  /// The text as a tree; null is what damaged text could only be, and there is none.
  public var value: JSONValue { (try? JSONValue(parsing: Array(text.utf8))) ?? .null }

  public var description: String { text }
}

extension JSONText: FieldElement {
  public static var wireKind: WireKind { .bytes }
  public var isZero: Bool { self == .null }

  public func writeBinary(to writer: inout ByteWriter) { writer.string(text) }

  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> JSONText {
    let start = source.offset
    let text = try source.string("JSON text")
    // The text was checked when it came in; it is checked again because bytes on a disk can rot.
    guard text.utf8.count <= bytesMax, let value = try? JSONValue(parsing: Array(text.utf8)) else {
      throw DecodeError(.invalid, "JSON text", at: start)
    }
    guard let canonical = JSONText(value) else {
      throw DecodeError(.overflow, "JSON text", at: start)
    }
    return canonical
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.raw(text) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> JSONText? {
    guard let text = JSONText(try JSONValue(from: &source.reader)) else {
      source.issues.add("length", "must have at most \(bytesMax) bytes")
      return nil
    }
    return text
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema { .any }
}
