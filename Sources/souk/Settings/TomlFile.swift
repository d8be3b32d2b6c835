// TomlFile: what settings need of TOML 1.0: tables, dotted and quoted-free keys, strings, integers,
// booleans, arrays of strings (also over several lines), comments. Everything else is refused with its
// line, and so is a key that comes twice: a setting that is silently not read is worse than none.

/// Why a file cannot be read.
struct TomlError: Error, Equatable, CustomStringConvertible {
  var line: Int
  var reason: String
  var description: String { "line \(line): \(reason)" }
}

struct TomlFile {
  enum Value: Equatable {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case strings([String])
  }

  struct Entry: Equatable {
    /// With the table's name and dots: `mail.host`.
    var key: String
    var value: Value
    /// From one.
    var line: Int
  }

  private(set) var entries: [Entry] = []

  init(_ text: String) throws(TomlError) {
    var reader = TomlReader(text)
    var table = ""
    while try reader.skipToStatement() {
      if reader.take("[") {
        table = try reader.key() + "."
        try reader.expect("]", "a table's name ends with ]")
      } else {
        let line = reader.line
        let key = table + (try reader.key())
        try reader.expect("=", "a key is followed by = and a value")
        let value = try reader.value()
        guard !entries.contains(where: { $0.key == key }) else {
          throw TomlError(line: line, reason: "\(key) stands here a second time")
        }
        entries.append(Entry(key: key, value: value, line: line))
      }
      try reader.endOfLine()
    }
  }
}

private struct TomlReader {
  private let bytes: [UInt8]
  private var position = 0
  private(set) var line = 1

  init(_ text: String) { bytes = Array(text.utf8) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func failure(_ reason: String) -> TomlError { TomlError(line: line, reason: reason) }

  /// Skips blanks, and with `lines` line ends and comments too.
  private mutating func skip(lines: Bool) {
    while let byte = next {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): position += 1
      case UInt8(ascii: "\r") where lines: position += 1
      case UInt8(ascii: "\n") where lines:
        position += 1
        line += 1
      case UInt8(ascii: "#") where lines:
        while let byte = next, byte != UInt8(ascii: "\n") { position += 1 }
      default: return
      }
    }
  }

  /// False at the end of the file.
  mutating func skipToStatement() throws(TomlError) -> Bool {
    skip(lines: true)
    return next != nil
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar, _ reason: String) throws(TomlError) {
    skip(lines: false)
    guard take(character) else { throw failure(reason) }
  }

  /// Nothing but a comment may follow on the line.
  mutating func endOfLine() throws(TomlError) {
    skip(lines: false)
    guard let byte = next else { return }
    let ends: [UInt8] = [UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "#")]
    guard ends.contains(byte) else {
      throw failure("something follows that does not belong on this line")
    }
  }

  /// Names of letters, digits, - and _, with dots between them.
  mutating func key() throws(TomlError) -> String {
    skip(lines: false)
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        position += 1
      default:
        guard position > start else { break }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
      if position == start { break }
    }
    guard position > start else {
      throw failure("here a key is expected, of letters, digits, - and _")
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  mutating func value() throws(TomlError) -> TomlFile.Value {
    skip(lines: false)
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
    case UInt8(ascii: "["): return .strings(try array())
    default: return try word()
    }
  }

  private mutating func word() throws(TomlError) -> TomlFile.Value {
    let start = position
    let ends: [UInt8] = [
      UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"),
      UInt8(ascii: "#"),
    ]
    while let byte = next, !ends.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if text == "true" { return .boolean(true) }
    if text == "false" { return .boolean(false) }
    guard let number = Int64(text.filter { $0 != "_" }) else {
      throw failure("“\(text)” is no value; texts stand in quotes")
    }
    return .integer(number)
  }

  private mutating func array() throws(TomlError) -> [String] {
    position += 1
    var values: [String] = []
    while true {
      skip(lines: true)
      if take("]") { return values }
      guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") else {
        throw failure("a list holds texts in quotes and ends with ]")
      }
      values.append(try string())
      skip(lines: true)
      if take(",") { continue }
      guard take("]") else { throw failure("texts of a list are parted by commas") }
      return values
    }
  }

  /// A basic string with its escapes, or a literal one without.
  private mutating func string() throws(TomlError) -> String {
    let quote = bytes[position]
    position += 1
    var result: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\n") {
      position += 1
      if byte == quote { return String(decoding: result, as: UTF8.self) }
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        try escape(into: &result)
      } else {
        result.append(byte)
      }
    }
    throw failure("the text has no closing quote")
  }

  private mutating func escape(into result: inout [UInt8]) throws(TomlError) {
    let plain: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13,
      UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
    ]
    guard let byte = next else { throw failure("the text has no closing quote") }
    position += 1
    if let value = plain[byte] {
      result.append(value)
      return
    }
    let digits = byte == UInt8(ascii: "u") ? 4 : byte == UInt8(ascii: "U") ? 8 : 0
    let end = position + digits
    guard digits > 0, end <= bytes.count,
      let value = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw failure("there is no such escape in a text") }
    position = end
    result.append(contentsOf: Array(String(Character(scalar)).utf8))
  }
}
