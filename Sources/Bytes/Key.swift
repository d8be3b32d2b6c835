// Key: order-preserving tuple keys. The byte order (memcmp) of two encoded tuples is the order of
// the tuples, and an encoded tuple's prefix components are its byte prefix.
//
// Component        Bytes
// Bool             1: 00 or 01
// UInt8/32/64      1/4/8: big-endian
// Int32/64         4/8: big-endian with the sign bit inverted
// UUIDv7           16
// Timestamp        8: as Int64
// String, [UInt8]  n + 2: 00 in the content as 00 FF, closed by 00 00
// Optional<T>      00 for nil; 01, then T
// Descending<T>    the bytes of T, each inverted

/// A value that can stand in a key.
public protocol KeyComponent {
  func encode(into key: inout KeyWriter)
  static func decode(from key: inout KeyReader) throws(DecodeError) -> Self
}

/// Encodes a tuple: `key("orders", userID, Descending(createdAt))`.
@inlinable
public func key<each Component: KeyComponent>(_ component: repeat each Component) -> [UInt8] {
  var writer = KeyWriter()
  repeat (each component).encode(into: &writer)
  return writer.bytes
}

/// The smallest key greater than every key that starts with `prefix`; nil when there is none.
public func keyAfterPrefix(_ prefix: [UInt8]) -> [UInt8]? {
  var end = prefix
  while let last = end.popLast() {
    if last < 0xff {
      end.append(last + 1)
      return end
    }
  }
  return nil
}

public struct KeyWriter: Sendable {
  public var bytes: [UInt8] = []

  @inlinable
  public init() { bytes.reserveCapacity(40) }

  @inlinable
  public mutating func append<T: KeyComponent>(_ component: T) { component.encode(into: &self) }

  @inlinable
  mutating func bigEndian<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

extension KeyWriter {
  /// Content of any length: 00 as 00 FF, closed by 00 00.
  mutating func closedRun(_ content: UnsafeBufferPointer<UInt8>) {
    if content.contains(0) {
      for byte in content {
        bytes.append(byte)
        if byte == 0 { bytes.append(0xff) }
      }
    } else {
      bytes.append(contentsOf: content)
    }
    bytes.append(0)
    bytes.append(0)
  }
}

/// Reads a tuple back, component by component. `inverted` flips every byte (descending order).
public struct KeyReader: ~Escapable {
  let bytes: RawSpan
  public internal(set) var offset = 0
  var inverted = false

  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { self.bytes = bytes }

  public var isAtEnd: Bool { offset == bytes.byteCount }

  public mutating func read<T: KeyComponent>(_ type: T.Type = T.self) throws(DecodeError) -> T {
    try T.decode(from: &self)
  }

  mutating func byte() throws(DecodeError) -> UInt8 {
    guard offset < bytes.byteCount else { throw DecodeError(.truncated, "key", at: offset) }
    let value = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    offset &+= 1
    return inverted ? ~value : value
  }

  mutating func bigEndian<T: FixedWidthInteger>(_ type: T.Type) throws(DecodeError) -> T {
    var value: T = 0
    for _ in 0..<MemoryLayout<T>.size {
      value = (value << 8) | T(truncatingIfNeeded: try byte())
    }
    return value
  }
}

extension Bool: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) { key.bytes.append(self ? 1 : 0) }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Bool {
    let byte = try key.byte()
    guard byte <= 1 else { throw DecodeError(.invalid, "key bool", at: key.offset &- 1) }
    return byte == 1
  }
}

extension UInt8: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) { key.bytes.append(self) }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> UInt8 {
    try key.byte()
  }
}

extension UInt32: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) { key.bigEndian(self) }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> UInt32 {
    try key.bigEndian(UInt32.self)
  }
}

extension UInt64: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) { key.bigEndian(self) }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> UInt64 {
    try key.bigEndian(UInt64.self)
  }
}

extension Int32: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) {
    key.bigEndian(UInt32(bitPattern: self) ^ 0x8000_0000)
  }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Int32 {
    Int32(bitPattern: try key.bigEndian(UInt32.self) ^ 0x8000_0000)
  }
}

extension Int64: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) {
    key.bigEndian(UInt64(bitPattern: self) ^ 0x8000_0000_0000_0000)
  }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Int64 {
    Int64(bitPattern: try key.bigEndian(UInt64.self) ^ 0x8000_0000_0000_0000)
  }
}

extension UUIDv7: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { key.bytes.append(contentsOf: $0) }
  }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> UUIDv7 {
    UUIDv7(high: try key.bigEndian(UInt64.self), low: try key.bigEndian(UInt64.self))
  }
}

extension Timestamp: KeyComponent {
  @inlinable public func encode(into key: inout KeyWriter) { microseconds.encode(into: &key) }
  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Timestamp {
    Timestamp(microseconds: try Int64.decode(from: &key))
  }
}

extension Array: KeyComponent where Element == UInt8 {
  public func encode(into key: inout KeyWriter) {
    withUnsafeBufferPointer { key.closedRun($0) }
  }

  public static func decode(from key: inout KeyReader) throws(DecodeError) -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let byte = try key.byte()
      guard byte == 0 else {
        content.append(byte)
        continue
      }
      switch try key.byte() {
      case 0: return content
      case 0xff: content.append(0)
      default: throw DecodeError(.invalid, "key bytes", at: key.offset &- 1)
      }
    }
  }
}

extension String: KeyComponent {
  public func encode(into key: inout KeyWriter) {
    var text = self
    text.withUTF8 { key.closedRun($0) }
  }

  public static func decode(from key: inout KeyReader) throws(DecodeError) -> String {
    let start = key.offset
    let content = try [UInt8].decode(from: &key)
    do {
      return String(copying: try UTF8Span(validating: content.span))
    } catch {
      throw DecodeError(.invalid, "key text", at: start)
    }
  }
}

extension Optional: KeyComponent where Wrapped: KeyComponent {
  public func encode(into key: inout KeyWriter) {
    guard let self else { return key.bytes.append(0) }
    key.bytes.append(1)
    self.encode(into: &key)
  }

  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Wrapped? {
    try Bool.decode(from: &key) ? try Wrapped.decode(from: &key) : nil
  }
}

/// Reverses the order of a component.
public struct Descending<Wrapped: KeyComponent>: KeyComponent {
  public var value: Wrapped

  @inlinable
  public init(_ value: Wrapped) { self.value = value }

  public func encode(into key: inout KeyWriter) {
    let start = key.bytes.count
    value.encode(into: &key)
    for index in start..<key.bytes.count { key.bytes[index] = ~key.bytes[index] }
  }

  public static func decode(from key: inout KeyReader) throws(DecodeError) -> Descending {
    key.inverted.toggle()
    defer { key.inverted.toggle() }
    return Descending(try Wrapped.decode(from: &key))
  }
}

extension Descending: Sendable where Wrapped: Sendable {}
