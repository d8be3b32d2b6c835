// BinarySource: the cursor under the binary decoder.
//
// Invariants
// 1. 0 <= offset <= end <= input.count; a load is preceded by a comparison with end.
// 2. A container narrows `end` to its own bytes and puts it back, so a value cannot read past the
//    record that holds it.

/// Reads the binary form of fields from untrusted bytes.
public struct BinarySource {
  /// Records within records; ends the recursion of types that contain themselves.
  public static let depthMax = 32

  // An unsafe view, because a field visitor must be an escapable type. It is made only in
  // FieldBinary.decode, which lends it for the length of one call.
  @usableFromInline let input: UnsafeRawBufferPointer
  /// Offset of the next byte.
  public internal(set) var offset = 0
  /// Offset after the last byte of the container that is being read.
  public internal(set) var end: Int
  @usableFromInline var depth = 0

  @usableFromInline
  init(_ input: UnsafeRawBufferPointer) {
    self.input = input
    end = input.count
  }

  @inlinable public var isAtEnd: Bool { offset >= end }

  @inlinable @inline(__always)
  public mutating func varint(_ what: StaticString) throws(DecodeError) -> UInt64 {
    if offset < end {
      let byte = input[offset]
      if byte < 0x80 {
        advance(1)
        return UInt64(byte)
      }
    }
    return try longVarint(what)
  }

  @usableFromInline
  mutating func advance(_ count: Int) { offset += count }

  @usableFromInline
  mutating func longVarint(_ what: StaticString) throws(DecodeError) -> UInt64 {
    var position = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < end else { throw DecodeError(.truncated, what, at: offset) }
      let byte = input[position]
      position += 1
      if shift == 63 && byte > 1 || (byte == 0 && shift > 0) {
        throw DecodeError(.invalid, what, at: offset)
      }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 {
        offset = position
        return value
      }
      shift += 7
    }
  }

  @inlinable
  public mutating func signedVarint(_ what: StaticString) throws(DecodeError) -> Int64 {
    let raw = try varint(what)
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }

  /// The number of elements that follow, each of at least `bytesEach` bytes. A count that the bytes
  /// cannot hold is refused before anybody loops or reserves by it.
  @inlinable
  mutating func count(_ what: StaticString, bytesEach: Int) throws(DecodeError) -> Int {
    let start = offset
    let count = try varint(what)
    guard count <= UInt64((end - offset) / bytesEach) else {
      throw DecodeError(.truncated, what, at: start)
    }
    return Int(count)
  }

  public mutating func u8(_ what: StaticString) throws(DecodeError) -> UInt8 {
    guard offset < end else { throw DecodeError(.truncated, what, at: offset) }
    offset += 1
    return input[offset - 1]
  }

  /// Eight bytes, little-endian.
  public mutating func fixed8(_ what: StaticString) throws(DecodeError) -> UInt64 {
    guard end - offset >= 8 else { throw DecodeError(.truncated, what, at: offset) }
    offset += 8
    return UInt64(
      littleEndian: input.loadUnaligned(fromByteOffset: offset - 8, as: UInt64.self))
  }

  /// The start of a run of bytes: reads the length and passes over the run.
  @inlinable
  mutating func run(_ what: StaticString) throws(DecodeError) -> Range<Int> {
    let length = try varint(what)
    guard length <= UInt64(end - offset) else {
      throw DecodeError(.truncated, what, at: offset)
    }
    let start = offset
    advance(Int(length))
    return start..<start + Int(length)
  }

  public mutating func string(_ what: StaticString) throws(DecodeError) -> String {
    let run = try run(what)
    let bytes = UnsafeRawBufferPointer(rebasing: input[run])
    // Safe: the run lies in the input, which outlives this call.
    let span = unsafe Span<UInt8>(_unsafeBytes: bytes)
    // Not String(validating:as:), whose generic code in the standard library looks up metadata for
    // each text and costs more than the rest of a record.
    do {
      return String(copying: try UTF8Span(validating: span))
    } catch {
      throw DecodeError(.invalid, what, at: run.lowerBound)
    }
  }

  public mutating func array(_ what: StaticString) throws(DecodeError) -> [UInt8] {
    let run = try run(what)
    return [UInt8](input[run])
  }

  /// Reads a run of bytes as a container: `body` sees only its bytes and must consume them all.
  @inlinable
  public mutating func container<Result>(
    _ what: StaticString, _ body: (inout BinarySource) throws(DecodeError) -> Result
  ) throws(DecodeError) -> Result {
    guard depth < Self.depthMax else { throw DecodeError(.overflow, what, at: offset) }
    let run = try run(what)
    var inner = self
    inner.restrict(to: run)
    let result = try body(&inner)
    guard inner.isAtEnd else { throw DecodeError(.invalid, what, at: inner.offset) }
    return result
  }

  @usableFromInline
  mutating func restrict(to run: Range<Int>) {
    offset = run.lowerBound
    end = run.upperBound
    depth += 1
  }

  /// Passes over a value of a field that this reader does not know.
  @usableFromInline
  mutating func skip(_ kind: WireKind) throws(DecodeError) {
    switch kind {
    case .varint: _ = try varint("unknown field")
    case .fixed8: try skip(count: 8)
    case .fixed16: try skip(count: 16)
    case .bytes: _ = try run("unknown field")
    case .none: break
    }
  }

  private mutating func skip(count: Int) throws(DecodeError) {
    guard end - offset >= count else {
      throw DecodeError(.truncated, "unknown field", at: offset)
    }
    offset += count
  }
}

extension ByteWriter {
  /// Keeps a byte for the length of what follows.
  @inlinable
  mutating func beginRun() -> Int {
    bytes.append(0)
    return bytes.count
  }

  /// Puts the length before what was written since `start`; more than 127 bytes are moved up.
  @inlinable
  mutating func endRun(_ start: Int) {
    let count = bytes.count - start
    if count < 0x80 {
      bytes[start - 1] = UInt8(truncatingIfNeeded: count)
    } else {
      moveRun(start, count)
    }
  }

  /// Makes room for the other bytes of a length of several, and writes it.
  @usableFromInline
  mutating func moveRun(_ start: Int, _ count: Int) {
    // 7 bits a byte, one byte is there.
    let more = (Int.bitWidth - count.leadingZeroBitCount - 1) / 7
    for _ in 0..<more { bytes.append(0) }
    bytes.withUnsafeMutableBytes { buffer in
      // Rebased, because a slice of a buffer is copied byte by byte. The two may overlap.
      UnsafeMutableRawBufferPointer(rebasing: buffer[(start + more)...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
      var rest = UInt64(count)
      for place in start - 1..<start - 1 + more {
        buffer[place] = UInt8(truncatingIfNeeded: rest) | 0x80
        rest >>= 7
      }
      buffer[start - 1 + more] = UInt8(truncatingIfNeeded: rest)
    }
  }
}
