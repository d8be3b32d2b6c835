// Unsigned numbers in fields: varints. An array of UInt8 is not a list but a run of bytes, base64url
// (RFC 4648, section 5, without padding) in JSON.

extension UInt32: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.varint(UInt64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> UInt32 {
    let start = source.offset
    guard let value = UInt32(exactly: try source.varint("UInt32")) else {
      throw DecodeError(.overflow, "UInt32", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.uint(UInt64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> UInt32? {
    guard let value = try source.unsigned(upTo: UInt64(UInt32.max)) else { return nil }
    return UInt32(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(clamping: self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: 0, most: UInt64(UInt32.max))
  }
}

extension UInt64: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.varint(UInt64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> UInt64 {
    let start = source.offset
    guard let value = UInt64(exactly: try source.varint("UInt64")) else {
      throw DecodeError(.overflow, "UInt64", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.uint(UInt64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> UInt64? {
    guard let value = try source.unsigned(upTo: UInt64(UInt64.max)) else { return nil }
    return UInt64(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(clamping: self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: 0, most: UInt64(UInt64.max))
  }
}

extension UInt8: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.varint(UInt64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> UInt8 {
    let start = source.offset
    guard let value = UInt8(exactly: try source.varint("UInt8")) else {
      throw DecodeError(.overflow, "UInt8", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.uint(UInt64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> UInt8? {
    guard let value = try source.unsigned(upTo: UInt64(UInt8.max)) else { return nil }
    return UInt8(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(clamping: self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: 0, most: UInt64(UInt8.max))
  }
}

extension UInt8 {
  @inlinable
  public static func writeBinary(array: [UInt8], to writer: inout ByteWriter) {
    writer.lengthPrefixed(array)
  }

  public static func readBinaryArray(
    from source: inout BinarySource
  ) throws(DecodeError) -> [UInt8] {
    try source.array("bytes")
  }

  public static func writeJSON(array: [UInt8], to writer: inout JSONWriter) {
    writer.string(Base64URL.encode(array))
  }

  public static func readJSONArray(from source: inout JSONSource) throws(JSONError) -> [UInt8]? {
    guard try source.expect(.string, "a string") else { return nil }
    guard let bytes = Base64URL.decode(try source.reader.string()) else {
      source.issues.add("format", "must be base64url without padding")
      return nil
    }
    return bytes
  }

  public static func check(array: [UInt8], _ rules: FieldRules, _ issues: inout FieldIssues) {
    if let count = rules.count, !count.contains(array.count) {
      issues.add("count", "must have \(count.lowerBound) to \(count.upperBound) bytes")
    }
  }

  public static func describeArray(_ describer: inout FieldDescriber) -> FieldSchema {
    .string(format: "base64url")
  }
}

/// Base64 with the URL alphabet and no padding (RFC 4648, section 5).
public enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      word = word << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(word >> bits & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(word << (6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes; nil for another alphabet, padding, or leftover bits that are not zero.
  public static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count * 3 / 4)
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case 0x41...0x5a: value = character - 0x41
      case 0x61...0x7a: value = character - 0x61 + 26
      case 0x30...0x39: value = character - 0x30 + 52
      case UInt8(ascii: "-"): value = 62
      case UInt8(ascii: "_"): value = 63
      default: return nil
      }
      word = word << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    guard bits < 6, word & ((1 << bits) - 1) == 0 else { return nil }
    return bytes
  }
}
