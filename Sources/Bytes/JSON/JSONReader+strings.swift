// Strings: scanned eight bytes at a time for the three things that interrupt a run (a quote, a
// backslash, a control character), validated as UTF-8 only when a byte >= 0x80 was seen.

extension JSONReader {
  /// Eight copies of a byte.
  @inline(__always)
  private static func lanes(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

  /// The high bit of every lane that is zero. Lanes above the lowest hit may be false.
  @inline(__always)
  private static func zeroLanes(_ word: UInt64) -> UInt64 {
    (word &- lanes(0x01)) & ~word & lanes(0x80)
  }

  /// Offset of the next quote, backslash or control character, or the end of the input; the flag
  /// is set when a byte >= 0x80 came before it.
  @inline(__always)
  private func endOfRun(_ from: Int, _ hasHighBytes: inout Bool) -> Int {
    var position = from
    while position + 8 <= input.count {
      let word = UInt64(
        littleEndian: input.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let stops =
        Self.zeroLanes(word ^ Self.lanes(0x22)) | Self.zeroLanes(word ^ Self.lanes(0x5c))
        | ((word &- Self.lanes(0x20)) & ~word & Self.lanes(0x80))
      let high = word & Self.lanes(0x80)
      if stops == 0 {
        if high != 0 { hasHighBytes = true }
        position += 8
        continue
      }
      let bit = stops.trailingZeroBitCount
      if high & ((1 << UInt64(bit)) &- 1) != 0 { hasHighBytes = true }
      return position + bit / 8
    }
    while position < input.count {
      let byte = input[position]
      if byte == 0x22 || byte == 0x5c || byte < 0x20 { return position }
      if byte >= 0x80 { hasHighBytes = true }
      position += 1
    }
    return position
  }

  /// Scans and validates the next value, a string, without building it.
  public mutating func stringSlice() throws(JSONError) -> Slice {
    skipSpace()
    guard offset < input.count, input[offset] == 0x22 else {
      throw error("a string is expected")
    }
    let start = offset + 1
    var position = start
    var hasEscapes = false
    var hasHighBytes = false
    while true {
      position = endOfRun(position, &hasHighBytes)
      guard position < input.count else {
        throw JSONError(offset: position, reason: "the string is not closed")
      }
      let byte = input[position]
      if byte == 0x22 { break }
      guard byte == 0x5c else {
        throw JSONError(offset: position, reason: "a control character in a string")
      }
      hasEscapes = true
      position = try escapeEnd(position)
    }
    if hasHighBytes { try validateUTF8(start, position) }
    offset = position + 1
    return Slice(
      start: start, count: position - start, hasEscapes: hasEscapes, isASCII: !hasHighBytes)
  }

  private func validateUTF8(_ start: Int, _ end: Int) throws(JSONError) {
    let run = UnsafeRawBufferPointer(rebasing: input[start..<end])
    // Safe: the run lies in the input, which outlives this call.
    let span = unsafe Span<UInt8>(_unsafeBytes: run)
    do {
      _ = try UTF8Span(validating: span)
    } catch {
      throw JSONError(offset: start, reason: "a string is not UTF-8")
    }
  }

  /// The offset after the escape that starts at `position`; a high surrogate takes its partner.
  private func escapeEnd(_ position: Int) throws(JSONError) -> Int {
    guard position + 1 < input.count else {
      throw JSONError(offset: position, reason: "the string is not closed")
    }
    switch input[position + 1] {
    case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: return position + 2
    case UInt8(ascii: "u"):
      let unit = try hexUnit(position + 2)
      if unit & 0xfc00 == 0xdc00 {
        throw JSONError(offset: position, reason: "unpaired surrogate")
      }
      guard unit & 0xfc00 == 0xd800 else { return position + 6 }
      guard position + 7 < input.count, input[position + 6] == 0x5c,
        input[position + 7] == UInt8(ascii: "u"),
        try hexUnit(position + 8) & 0xfc00 == 0xdc00
      else { throw JSONError(offset: position, reason: "unpaired surrogate") }
      return position + 12
    default: throw JSONError(offset: position, reason: "an unknown escape")
    }
  }

  private func hexUnit(_ position: Int) throws(JSONError) -> UInt32 {
    guard position + 4 <= input.count else {
      throw JSONError(offset: position, reason: "the string is not closed")
    }
    var unit: UInt32 = 0
    for index in position..<position + 4 {
      let byte = input[index]
      switch byte {
      case 0x30...0x39: unit = unit << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: unit = unit << 4 | UInt32(byte - 0x37)
      case 0x61...0x66: unit = unit << 4 | UInt32(byte - 0x57)
      default: throw JSONError(offset: index, reason: "a hexadecimal digit is expected")
      }
    }
    return unit
  }

  /// Reads the next value, a string.
  public mutating func string() throws(JSONError) -> String { text(of: try stringSlice()) }

  /// The characters of a string that was scanned before.
  public func text(of slice: Slice) -> String {
    guard slice.hasEscapes else {
      // Safe: the run lies in the input, which outlives this call, and the scan has validated it.
      let span = unsafe Span<UInt8>(_unsafeBytes: bytes(of: slice))
      return String(copying: unsafe UTF8Span(unchecked: span, isKnownASCII: slice.isASCII))
    }
    return String(decoding: unescaped(slice), as: UTF8.self)
  }

  /// Lends the bytes of a string that was scanned before, its escapes resolved.
  func withUTF8<Result>(of slice: Slice, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    slice.hasEscapes ? unescaped(slice).withUnsafeBytes(body) : body(bytes(of: slice))
  }

  /// Whether a scanned string is `text`.
  @inlinable @inline(__always)
  public func matches(_ slice: Slice, _ text: StaticString) -> Bool {
    // A member is compared with every field before its own: most differ in length already.
    guard slice.hasEscapes || slice.count == text.utf8CodeUnitCount else { return false }
    return matchesBytes(slice, text)
  }

  @usableFromInline
  func matchesBytes(_ slice: Slice, _ text: StaticString) -> Bool {
    if slice.hasEscapes { return unescaped(slice).elementsEqual(bytes(of: text)) }
    let left = bytes(of: slice)
    let right = UnsafeRawBufferPointer(bytes(of: text))
    guard left.count == right.count else { return false }
    var position = 0
    while position + 8 <= left.count {
      if left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        != right.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      {
        return false
      }
      position += 8
    }
    while position < left.count {
      if left[position] != right[position] { return false }
      position += 1
    }
    return true
  }

  private func bytes(of text: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  /// The raw bytes of a slice, escapes and all. Lent: not to be kept.
  func bytes(of slice: Slice) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: input[slice.start..<slice.start + slice.count])
  }

  /// The bytes of a scanned string with its escapes resolved. The scan has proved every escape.
  func unescaped(_ slice: Slice) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(slice.count)
    let end = slice.start + slice.count
    var position = slice.start
    while position < end {
      let byte = input[position]
      guard byte == 0x5c, position + 1 < end else {
        result.append(byte)
        position += 1
        continue
      }
      position += 2
      switch input[position - 1] {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0c)
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = (try? hexUnit(position)) ?? 0xfffd
        position += 4
        if scalar & 0xfc00 == 0xd800 {
          let low = (try? hexUnit(position + 2)) ?? 0xdc00
          scalar = 0x10000 + ((scalar & 0x3ff) << 10 | (low & 0x3ff))
          position += 6
        }
        Self.appendUTF8(scalar, to: &result)
      case let plain: result.append(plain)
      }
    }
    return result
  }

  private static func appendUTF8(_ scalar: UInt32, to result: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3f) | 0x80 }
    switch scalar {
    case 0..<0x80: result.append(UInt8(truncatingIfNeeded: scalar))
    case 0x80..<0x800:
      result.append(UInt8(truncatingIfNeeded: scalar >> 6) | 0xc0)
      result.append(tail(0))
    case 0x800..<0x10000:
      result.append(UInt8(truncatingIfNeeded: scalar >> 12) | 0xe0)
      result.append(tail(6))
      result.append(tail(0))
    default:
      result.append(UInt8(truncatingIfNeeded: scalar >> 18) | 0xf0)
      result.append(tail(12))
      result.append(tail(6))
      result.append(tail(0))
    }
  }
}
