// JSONWriter: appends JSON to a byte array. It puts the commas; the caller pairs begin with end.

/// Writes one JSON text without white space.
public struct JSONWriter: Sendable {
  public var bytes: [UInt8]
  @usableFromInline var needsComma = false

  @inlinable
  public init(reserving capacity: Int = 256) {
    bytes = []
    // Reserving nothing would still make an array, one for each object within an object.
    if capacity > 0 { bytes.reserveCapacity(capacity) }
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
    quoted(
      UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
      closedBy: UInt8(ascii: ":"))
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
    bytes.append(addingCapacity: max(20, width)) { $0.decimal(value, atLeast: width) }
  }

  /// A string of at most `bytesMax` bytes that `body` appends and that needs no escapes.
  mutating func ascii(_ bytesMax: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
    separate()
    bytes.append(addingCapacity: bytesMax + 2) { text in
      text.append(0x22)
      body(&text)
      text.append(0x22)
    }
  }

  /// A string that needs no escapes, after a comma where one is due.
  @usableFromInline
  mutating func quoted(_ text: UnsafeRawBufferPointer, closedBy last: UInt8? = nil) {
    let comma = needsComma
    bytes.append(addingCapacity: text.count + 4) { output in
      // Safe: the closure adds at most the capacity that was asked for, and says how much it added.
      unsafe output.withUnsafeMutableBufferPointer { buffer, count in
        var position = 0
        func put(_ byte: UInt8) {
          buffer[position] = byte
          position += 1
        }
        if comma { put(UInt8(ascii: ",")) }
        put(0x22)
        UnsafeMutableRawBufferPointer(buffer).baseAddress.map { base in
          UnsafeMutableRawBufferPointer(start: base + position, count: text.count)
            .copyMemory(from: text)
        }
        position += text.count
        put(0x22)
        if let last { put(last) }
        count = position
      }
    }
    needsComma = true
  }

  /// A string with the escapes that RFC 8259 demands, and no others.
  public mutating func string(_ value: String) {
    var text = value
    text.withUTF8 { utf8 in
      let utf8 = UnsafeRawBufferPointer(utf8)
      let end = Self.endOfRun(utf8, from: 0)
      if end == utf8.count { quoted(utf8) } else { escape(utf8, firstAt: end) }
    }
  }

  private mutating func escape(_ text: UnsafeRawBufferPointer, firstAt first: Int) {
    separate()
    bytes.append(0x22)
    var start = 0
    var end = first
    while true {
      // Rebased, because a slice of a buffer is copied byte by byte.
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<end]))
      if end == text.count { break }
      escaped(text[end])
      start = end + 1
      end = Self.endOfRun(text, from: start)
    }
    bytes.append(0x22)
  }

  /// Offset of the first byte from `start` on that needs an escape, or the end of the text.
  private static func endOfRun(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
    var position = start
    while position < text.count {
      if position + 8 <= text.count {
        let word = text.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        if !needsEscape(word) {
          position += 8
          continue
        }
      }
      let end = min(position + 8, text.count)
      while position < end {
        let byte = text[position]
        if byte < 0x20 || byte == 0x22 || byte == 0x5c { return position }
        position += 1
      }
    }
    return position
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

extension OutputSpan where Element == UInt8 {
  /// Appends a number in decimal digits, with zeros before them up to `width` digits.
  mutating func decimal(_ value: UInt64, atLeast width: Int = 1) {
    // The 20 digits that there can be, four bits each, the last one on top.
    var digits: UInt128 = 0
    var count = 0
    var rest = value
    repeat {
      digits = digits << 4 | UInt128(truncatingIfNeeded: rest % 10)
      rest /= 10
      count += 1
    } while rest > 0
    if count < width { append(repeating: 0x30, count: width - count) }
    for _ in 0..<count {
      append(0x30 | UInt8(truncatingIfNeeded: digits & 15))
      digits >>= 4
    }
  }

  /// Appends a number of 0 to 99.
  mutating func twoDigits(_ value: Int) {
    append(0x30 + UInt8(truncatingIfNeeded: value / 10))
    append(0x30 + UInt8(truncatingIfNeeded: value % 10))
  }
}
