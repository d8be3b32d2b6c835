// JSONWriter: appends JSON to a byte array. It puts the commas; the caller pairs begin with end.

/// Writes one JSON text without white space.
public struct JSONWriter: Sendable {
  public var bytes: [UInt8]
  @usableFromInline var needsComma = false

  @inlinable
  public init(reserving capacity: Int = 256) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  @inlinable @inline(__always)
  mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  @inlinable
  public mutating func beginObject() {
    separate()
    bytes.append(UInt8(ascii: "{"))
    needsComma = false
  }

  @inlinable
  public mutating func endObject() {
    bytes.append(UInt8(ascii: "}"))
    needsComma = true
  }

  @inlinable
  public mutating func beginArray() {
    separate()
    bytes.append(UInt8(ascii: "["))
    needsComma = false
  }

  @inlinable
  public mutating func endArray() {
    bytes.append(UInt8(ascii: "]"))
    needsComma = true
  }

  /// A member name that is known to need no escapes.
  @inlinable
  public mutating func name(_ name: StaticString) {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    bytes.append(0x22)
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    bytes.append(0x22)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// A member name of any characters.
  public mutating func name(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func null() { literal("null") }
  public mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

  mutating func literal(_ text: StaticString) {
    separate()
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Bytes that are known to be one JSON value.
  public mutating func raw(_ json: [UInt8]) {
    separate()
    bytes.append(contentsOf: json)
  }

  /// Text that is known to be one JSON value.
  public mutating func raw(_ json: String) {
    separate()
    var text = json
    text.withUTF8 { utf8 in bytes.append(contentsOf: utf8) }
  }

  public mutating func int(_ value: Int64) {
    separate()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    digits(value.magnitude, atLeast: 1)
  }

  public mutating func uint(_ value: UInt64) {
    separate()
    digits(value, atLeast: 1)
  }

  /// The shortest digits that read back as `value`; null when it is not finite.
  public mutating func double(_ value: Double) {
    guard value.isFinite else { return null() }
    raw(value.description)
  }

  /// minor / 10^digits with exactly `digits` digits after the point: 4990 and 2 are `49.90`.
  public mutating func decimal(minor: Int64, digits count: UInt8) {
    separate()
    if minor < 0 { bytes.append(UInt8(ascii: "-")) }
    let start = bytes.count
    digits(minor.magnitude, atLeast: Int(count) + 1)
    if count > 0 { bytes.insert(UInt8(ascii: "."), at: max(start, bytes.count - Int(count))) }
  }

  private mutating func digits(_ value: UInt64, atLeast width: Int) {
    var rest = value
    var count = 1
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    let total = max(count, width)
    bytes.append(contentsOf: repeatElement(0x30, count: total))
    var position = bytes.count - 1
    rest = value
    while rest > 0 {
      bytes[position] = 0x30 + UInt8(rest % 10)
      rest /= 10
      position -= 1
    }
  }

  /// A string with the escapes that RFC 8259 demands, and no others.
  public mutating func string(_ value: String) {
    separate()
    bytes.append(0x22)
    var text = value
    text.withUTF8 { utf8 in escape(UnsafeRawBufferPointer(utf8)) }
    bytes.append(0x22)
  }

  private mutating func escape(_ text: UnsafeRawBufferPointer) {
    var runStart = 0
    var position = 0
    while position < text.count {
      if position + 8 <= text.count {
        let word = text.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        if !Self.needsEscape(word) {
          position += 8
          continue
        }
      }
      let end = min(position + 8, text.count)
      while position < end {
        let byte = text[position]
        if byte < 0x20 || byte == 0x22 || byte == 0x5c {
          bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart..<position]))
          escaped(byte)
          runStart = position + 1
        }
        position += 1
      }
    }
    // Rebased, because a slice of a buffer is copied byte by byte.
    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart...]))
  }

  /// Whether one of eight bytes is a quote, a backslash or a control character.
  @inline(__always)
  private static func needsEscape(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    let hits =
      ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
      | ((word &- ones &* 0x20) & ~word)
    return hits & (ones &* 0x80) != 0
  }

  private mutating func escaped(_ byte: UInt8) {
    bytes.append(0x5c)
    switch byte {
    case 0x22, 0x5c: bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0a: bytes.append(UInt8(ascii: "n"))
    case 0x0c: bytes.append(UInt8(ascii: "f"))
    case 0x0d: bytes.append(UInt8(ascii: "r"))
    default:
      bytes.append(contentsOf: [UInt8(ascii: "u"), 0x30, 0x30, 0x30 + (byte >> 4)])
      let low = byte & 15
      bytes.append(low < 10 ? 0x30 + low : 0x57 + low)
    }
  }
}
