// ByteReader: a cursor over borrowed bytes that throws instead of trapping.
//
// Invariants
// 1. 0 <= offset <= bytes.byteCount, always.
// 2. A read that throws leaves the offset where it was.
// 3. Nothing is copied: `span` and `readSpan` return views into the same bytes.

/// Reads fixed-width little-endian integers, varints and byte runs from untrusted input.
public struct ByteReader: ~Escapable {
  public let bytes: RawSpan
  /// Offset of the next byte to read.
  public private(set) var offset = 0

  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    self.bytes = bytes
  }

  public var remaining: Int { bytes.byteCount - offset }
  public var isAtEnd: Bool { offset == bytes.byteCount }

  @inline(__always)
  private mutating func take(_ count: Int, _ what: StaticString) throws(DecodeError) -> Int {
    guard count >= 0, count <= bytes.byteCount - offset else {
      throw DecodeError(.truncated, what, at: offset)
    }
    let start = offset
    offset += count
    return start
  }

  @inline(__always)
  private mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ what: StaticString
  ) throws(DecodeError) -> T {
    let start = try take(MemoryLayout<T>.size, what)
    // Safe: `take` proved that the bytes are there, and every bit pattern is a valid integer.
    return T(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: T.self))
  }

  public mutating func u8(_ what: StaticString = "u8") throws(DecodeError) -> UInt8 {
    try fixed(UInt8.self, what)
  }

  public mutating func u16(_ what: StaticString = "u16") throws(DecodeError) -> UInt16 {
    try fixed(UInt16.self, what)
  }

  public mutating func u32(_ what: StaticString = "u32") throws(DecodeError) -> UInt32 {
    try fixed(UInt32.self, what)
  }

  public mutating func u64(_ what: StaticString = "u64") throws(DecodeError) -> UInt64 {
    try fixed(UInt64.self, what)
  }

  public mutating func i64(_ what: StaticString = "i64") throws(DecodeError) -> Int64 {
    Int64(bitPattern: try fixed(UInt64.self, what))
  }

  /// Unsigned LEB128, at most ten bytes; an overlong or overflowing encoding is invalid.
  public mutating func varint(_ what: StaticString = "varint") throws(DecodeError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset < bytes.byteCount else {
        offset = start
        throw DecodeError(.truncated, what, at: start)
      }
      let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      offset += 1
      if shift == 63 && byte > 1 || (byte == 0 && shift > 0) {
        offset = start
        throw DecodeError(.invalid, what, at: start)
      }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
  }

  /// Zigzag-coded signed varint.
  public mutating func signedVarint(_ what: StaticString = "varint") throws(DecodeError) -> Int64 {
    let raw = try varint(what)
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }

  /// A varint used as a count or a length of at most `limit`.
  public mutating func count(limit: Int, _ what: StaticString = "count") throws(DecodeError) -> Int
  {
    let start = offset
    let raw = try varint(what)
    guard let value = Int(exactly: raw), value <= limit else {
      offset = start
      throw DecodeError(.overflow, what, at: start)
    }
    return value
  }

  /// The next `count` bytes, borrowed.
  @_lifetime(copy self)
  public mutating func span(_ count: Int, _ what: StaticString = "bytes") throws(DecodeError)
    -> RawSpan
  {
    let start = try take(count, what)
    return bytes.extracting(start..<start + count)
  }

  /// The next `count` bytes, copied.
  public mutating func array(_ count: Int, _ what: StaticString = "bytes") throws(DecodeError)
    -> [UInt8]
  {
    [UInt8](copying: try span(count, what))
  }

  /// A varint length of at most `limit`, then that many bytes, borrowed.
  @_lifetime(copy self)
  public mutating func lengthPrefixedSpan(
    limit: Int = .max, _ what: StaticString = "bytes"
  ) throws(DecodeError) -> RawSpan {
    let start = offset
    let length = try count(limit: limit, what)
    guard length <= remaining else {
      offset = start
      throw DecodeError(.truncated, what, at: start)
    }
    return try span(length, what)
  }

  /// A varint length of at most `limit`, then that many bytes, copied.
  public mutating func lengthPrefixedArray(
    limit: Int = .max, _ what: StaticString = "bytes"
  ) throws(DecodeError) -> [UInt8] {
    [UInt8](copying: try lengthPrefixedSpan(limit: limit, what))
  }

  /// A varint length, then UTF-8 text; invalid UTF-8 is refused.
  public mutating func string(
    limit: Int = .max, _ what: StaticString = "text"
  ) throws(DecodeError) -> String {
    let start = offset
    let span = try lengthPrefixedSpan(limit: limit, what)
    // Not String(validating:as:), whose generic code in the standard library costs several times
    // as much.
    do {
      return String(copying: try UTF8Span(validating: Span<UInt8>(_bytes: span)))
    } catch {
      offset = start
      throw DecodeError(.invalid, what, at: start)
    }
  }

  public mutating func skip(_ count: Int, _ what: StaticString = "bytes") throws(DecodeError) {
    _ = try take(count, what)
  }

  /// Throws unless every byte has been read.
  public func finish(_ what: StaticString = "input") throws(DecodeError) {
    guard isAtEnd else { throw DecodeError(.invalid, what, at: offset) }
  }
}

extension Array where Element == UInt8 {
  /// A copy of borrowed bytes.
  @inlinable
  public init(copying span: RawSpan) {
    self = span.withUnsafeBytes { [UInt8]($0) }
  }
}
