// Keys as people write them: the components of a declared key, parted by commas.
//
//   0190c0de-…                    a UUID           -5, 42     an integer
//   oak-stool, "a, quoted text"   text             2026-…Z    a time
//   true                          a truth value    -          nothing, where a UUID may be missing
//   hex:00ff                      the whole key as bytes, for any tree
//
// Invariant: what `text(of:)` prints, `bytes(of:)` reads back to the same bytes; a key that does not
// fit its declaration is printed as `hex:`.

import Bytes

/// One component of a key.
enum KeyPart: Sendable {
  case uuid, optionalUUID, text, bytes, u32, u64, i64, time, latestFirst, bool

  /// For messages.
  var name: String {
    switch self {
    case .uuid: "a UUID"
    case .optionalUUID: "a UUID or -"
    case .text: "text"
    case .bytes: "bytes in hex"
    case .u32, .u64, .i64: "an integer"
    case .time, .latestFirst: "a time such as 2026-01-31T12:00:00Z"
    case .bool: "true or false"
    }
  }

  fileprivate func encode(_ text: String, into key: inout KeyWriter) -> Bool {
    switch self {
    case .uuid: return append(UUIDv7(text), to: &key)
    case .optionalUUID:
      guard text != "-" else { return append(Optional(Optional<UUIDv7>.none), to: &key) }
      return append(UUIDv7(text).map(Optional.some), to: &key)
    case .text: return append(Optional(text), to: &key)
    case .bytes: return append(Hex.decode(text), to: &key)
    case .u32: return append(UInt32(text), to: &key)
    case .u64: return append(UInt64(text), to: &key)
    case .i64: return append(Int64(text), to: &key)
    case .time: return append(Timestamp(text), to: &key)
    case .latestFirst: return append(Timestamp(text).map(Descending.init), to: &key)
    case .bool: return append(Bool(text), to: &key)
    }
  }

  private func append(_ value: (some KeyComponent)?, to key: inout KeyWriter) -> Bool {
    guard let value else { return false }
    key.append(value)
    return true
  }

  fileprivate func decode(_ key: inout KeyReader) throws(DecodeError) -> String {
    switch self {
    case .uuid: return "\(try key.read(UUIDv7.self))"
    case .optionalUUID: return try key.read(UUIDv7?.self).map(\.description) ?? "-"
    case .text: return KeyParts.quotedIfNeeded(try key.read(String.self))
    case .bytes: return Hex.encode(try key.read([UInt8].self))
    case .u32: return "\(try key.read(UInt32.self))"
    case .u64: return "\(try key.read(UInt64.self))"
    case .i64: return "\(try key.read(Int64.self))"
    case .time: return "\(try key.read(Timestamp.self))"
    case .latestFirst: return "\(try key.read(Descending<Timestamp>.self).value)"
    case .bool: return "\(try key.read(Bool.self))"
    }
  }
}

/// The declared components of a tree's key; none for a tree that nobody declares.
struct KeyParts: Sendable {
  static let hexPrefix = "hex:"
  var parts: [KeyPart]

  /// The key in `text`. With `isPrefix` the last components may be missing.
  func bytes(of text: String, isPrefix: Bool) throws(StoreFailure) -> [UInt8] {
    if text.hasPrefix(Self.hexPrefix) {
      guard let bytes = Hex.decode(String(text.dropFirst(Self.hexPrefix.count))) else {
        throw .usage("\(text) is not an even number of hexadecimal digits after hex:")
      }
      return bytes
    }
    guard !parts.isEmpty else {
      throw .usage("the keys of this tree are not declared; write the key as hex: and its bytes")
    }
    guard let words = Self.split(text) else {
      throw .usage("the quotes in the key \(text) do not match")
    }
    let shape = parts.map(\.name).joined(separator: ", ")
    guard words.count == parts.count || (isPrefix && words.count < parts.count) else {
      throw .usage("the key of this tree is \(shape); \(text) has \(words.count) parts")
    }
    var key = KeyWriter()
    for (part, word) in zip(parts, words) {
      guard part.encode(word, into: &key) else {
        throw .usage("the key of this tree is \(shape); “\(word)” is not \(part.name)")
      }
    }
    return key.bytes
  }

  func text(of bytes: [UInt8]) -> String {
    let hex = Self.hexPrefix + Hex.encode(bytes)
    guard !parts.isEmpty, let text = try? declaredText(bytes.span.bytes) else { return hex }
    // Times and texts have more than one form: only what leads back is shown.
    return (try? self.bytes(of: text, isPrefix: false)) == bytes ? text : hex
  }

  private func declaredText(_ bytes: RawSpan) throws(DecodeError) -> String {
    var reader = KeyReader(bytes)
    var words: [String] = []
    for part in parts { words.append(try part.decode(&reader)) }
    guard reader.isAtEnd else { throw DecodeError(.invalid, "key", at: reader.offset) }
    return words.joined(separator: ",")
  }

  /// Text that would not read back as itself, as a JSON string.
  static func quotedIfNeeded(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && !text.hasPrefix(hexPrefix)
      && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "," && $0 != "\"" }
    guard !isPlain else { return text }
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The components; nil when a quote is not closed or no JSON string.
  private static func split(_ text: String) -> [String]? {
    var words: [String] = []
    var rest = Array(text.utf8)[...]
    while true {
      if rest.first == UInt8(ascii: "\"") {
        var end = rest.startIndex + 1
        while end < rest.endIndex, rest[end] != UInt8(ascii: "\"") {
          end += rest[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < rest.endIndex, let value = try? JSONValue(parsing: Array(rest[...end])),
          let word = value.text
        else { return nil }
        words.append(word)
        rest = rest[(end + 1)...]
      } else {
        let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
        words.append(String(decoding: rest[..<end], as: UTF8.self))
        rest = rest[end...]
      }
      guard let comma = rest.first else { return words }
      guard comma == UInt8(ascii: ",") else { return nil }
      rest = rest.dropFirst()
    }
  }
}

/// Bytes as pairs of hexadecimal digits.
public enum Hex {
  public static func encode(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for an odd number of digits, or for something else than digits.
  public static func decode(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { UInt8(exactly: Character(Unicode.Scalar($0)).hexDigitValue ?? 16) }
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1], high < 16, low < 16 else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
