// ByteWriter: the growing counterpart of ByteReader; what one writes the other reads.

/// Appends fixed-width little-endian integers, varints and byte runs to a byte array.
public struct ByteWriter: Sendable {
  public var bytes: [UInt8]

  @inlinable
  public init(reserving capacity: Int = 0) {
    bytes = []
    // Reserving nothing would still make an array.
    if capacity > 0 { bytes.reserveCapacity(capacity) }
  }

  @inlinable public var count: Int { bytes.count }

  @inlinable public mutating func u8(_ value: UInt8) { bytes.append(value) }
  @inlinable public mutating func u16(_ value: UInt16) { fixed(value) }
  @inlinable public mutating func u32(_ value: UInt32) { fixed(value) }
  @inlinable public mutating func u64(_ value: UInt64) { fixed(value) }
  @inlinable public mutating func i64(_ value: Int64) { fixed(UInt64(bitPattern: value)) }

  @inlinable
  mutating func fixed<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Unsigned LEB128.
  @inlinable
  public mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Zigzag-coded signed varint.
  @inlinable
  public mutating func signedVarint(_ value: Int64) {
    varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  @inlinable
  public mutating func append(_ span: RawSpan) {
    span.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  @inlinable
  public mutating func append(_ array: [UInt8]) { bytes.append(contentsOf: array) }

  /// A varint length, then the bytes.
  @inlinable
  public mutating func lengthPrefixed(_ array: [UInt8]) {
    varint(UInt64(array.count))
    bytes.append(contentsOf: array)
  }

  /// A varint length in bytes, then the text as UTF-8.
  @inlinable
  public mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      varint(UInt64(utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }

  @inlinable
  public mutating func zeros(_ count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: count))
  }

  /// Overwrites four bytes written earlier, for a length that is known only afterwards.
  @inlinable
  public mutating func patchU32(_ value: UInt32, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { source in
      for index in 0..<4 { bytes[offset + index] = source[index] }
    }
  }

  /// Overwrites eight bytes written earlier.
  @inlinable
  public mutating func patchU64(_ value: UInt64, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { source in
      for index in 0..<8 { bytes[offset + index] = source[index] }
    }
  }
}
