// Text and the values that JSON shows as text: strings, identifiers, moments, enums.

extension String: FieldElement {
  @inlinable public static var wireKind: WireKind { .bytes }
  @inlinable public var isZero: Bool { isEmpty }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.string(self) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> String {
    try source.string("text")
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.string(self) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> String? {
    guard try source.expect(.string, "a string") else { return nil }
    return try source.reader.string()
  }

  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let length = rules.length, !FieldFormat.hasLength(self, length) {
      let bounds = "\(length.lowerBound) to \(length.upperBound)"
      issues.add("length", "must have \(bounds) characters")
    }
    if let format = rules.format, let reason = FieldFormat.fault(of: self, as: format) {
      issues.add("format", reason)
    }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .string(format: nil)
  }
}

extension UUIDv7: FieldElement {
  @inlinable public static var wireKind: WireKind { .fixed16 }
  @inlinable public var isZero: Bool { high | low == 0 }

  /// The sixteen bytes of the identifier, in its own order.
  @inlinable
  public func writeBinary(to writer: inout ByteWriter) {
    writer.u64(high.byteSwapped)
    writer.u64(low.byteSwapped)
  }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> UUIDv7 {
    UUIDv7(
      high: try source.fixed8("UUID").byteSwapped, low: try source.fixed8("UUID").byteSwapped)
  }

  public func writeJSON(to writer: inout JSONWriter) {
    writer.ascii(Self.textBytes) { appendText(to: &$0) }
  }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> UUIDv7? {
    guard try source.expect(.string, "a UUID") else { return nil }
    let slice = try source.reader.stringSlice()
    guard let value = source.reader.withUTF8(of: slice, { UUIDv7(utf8: $0) }) else {
      source.issues.add("format", "must be a UUID")
      return nil
    }
    return value
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .string(format: "uuid")
  }
}

extension Timestamp: FieldElement {
  @inlinable public static var wireKind: WireKind { .fixed8 }
  @inlinable public var isZero: Bool { microseconds == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.i64(microseconds) }

  @inlinable
  public static func readBinary(
    from source: inout BinarySource
  ) throws(DecodeError) -> Timestamp {
    Timestamp(microseconds: Int64(bitPattern: try source.fixed8("Timestamp")))
  }

  public func writeJSON(to writer: inout JSONWriter) {
    writer.ascii(Self.textBytesMax) { appendText(to: &$0) }
  }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Timestamp? {
    guard try source.expect(.string, "a time") else { return nil }
    let slice = try source.reader.stringSlice()
    guard let value = source.reader.withUTF8(of: slice, { Timestamp(utf8: $0) }) else {
      source.issues.add("format", "must be an RFC 3339 time such as 2026-01-31T10:15:30Z")
      return nil
    }
    return value
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .string(format: "date-time")
  }
}

/// A closed set of words: `enum DoorState: String, FieldEnum { case open, closed }`.
///
/// Stored and written as its word. A stored word that this program does not know is an error.
public protocol FieldEnum: FieldElement, RawRepresentable, CaseIterable where RawValue == String {
}

extension FieldEnum {
  @inlinable public static var wireKind: WireKind { .bytes }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.string(rawValue) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Self {
    let start = source.offset
    guard let value = Self(rawValue: try source.string("enum")) else {
      throw DecodeError(.invalid, "enum", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.string(rawValue) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Self? {
    guard try source.expect(.string, "a string") else { return nil }
    guard let value = Self(rawValue: try source.reader.string()) else {
      let words = allCases.map(\.rawValue).joined(separator: ", ")
      source.issues.add("enum", "must be one of \(words)")
      return nil
    }
    return value
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .enumeration(allCases.map(\.rawValue))
  }
}
