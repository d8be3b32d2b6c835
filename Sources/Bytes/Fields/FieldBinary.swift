// FieldBinary: the stored form of a record (DataFormats/record.md).
//
//   record = field*             numbers rise; what follows the last field is the end of the bytes
//   field  = tag, value         tag = varint(number << 3 | wire kind)
//
// A value is left out when it is zero and its default is zero too, so that a reader, which starts
// from the defaults, ends with the same record.

public enum FieldBinary {
  /// The stored form of `record`.
  @inlinable
  public static func encode<T: Fields>(_ record: T) -> [UInt8] {
    var writer = ByteWriter(reserving: 256)
    encode(record, into: &writer)
    return writer.bytes
  }

  /// Appends the stored form of `record`.
  @inlinable
  public static func encode<T: Fields>(_ record: T, into writer: inout ByteWriter) {
    var probe = DefaultProbe()
    var defaults = T()
    var encoder = BinaryEncoder(writer)
    var copy = record
    do {
      try defaults.visit(&probe)
      encoder.defaults = probe.nonZero
      // The encoder holds the only reference to the bytes while it appends.
      writer = ByteWriter()
      try copy.visit(&encoder)
    } catch {
      preconditionFailure("\(T.self).visit throws of its own while it is written: \(error)")
    }
    writer = encoder.writer
  }

  /// Reads a stored record. All of `bytes` must be one record.
  @inlinable
  public static func decode<T: Fields>(
    _ type: T.Type = T.self, from bytes: RawSpan
  ) throws(DecodeError) -> T {
    try bytes.withUnsafeBytes { (input) throws(DecodeError) -> T in
      var source = BinarySource(input)
      return try T.readContent(from: &source)
    }
  }

  @inlinable
  public static func decode<T: Fields>(
    _ type: T.Type = T.self, from bytes: [UInt8]
  ) throws(DecodeError) -> T {
    try decode(type, from: bytes.span.bytes)
  }
}

/// Finds the fields whose default is not zero, which are always written. Bit n is field n.
@usableFromInline
struct DefaultProbe: FieldVisitor {
  @usableFromInline var nonZero: UInt128 = 0

  @inlinable
  init() {}

  @inlinable @inline(__always)
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    if !value.isZero { nonZero |= 1 << UInt128(truncatingIfNeeded: number) }
  }
}

/// Writes the fields that are not at a zero default.
@usableFromInline
struct BinaryEncoder: FieldVisitor {
  @usableFromInline var writer: ByteWriter
  @usableFromInline var defaults: UInt128 = 0
  @usableFromInline var last = 0

  @inlinable
  init(_ writer: ByteWriter) { self.writer = writer }

  @inlinable @inline(__always)
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    precondition(number > last && number <= 127, "field numbers rise, from 1 to 127")
    last = number
    if value.isNil {
      if defaults >> UInt128(truncatingIfNeeded: number) & 1 == 1 { tag(number, .none) }
      return
    }
    if value.isZero && defaults >> UInt128(truncatingIfNeeded: number) & 1 == 0 { return }
    tag(number, Value.wireKind)
    value.writeBinary(to: &writer)
  }

  @inlinable @inline(__always)
  mutating func tag(_ number: Int, _ kind: WireKind) {
    writer.varint(UInt64(truncatingIfNeeded: number) << 3 | UInt64(kind.rawValue))
  }
}

/// Reads fields in one pass: the visit and the bytes both go by rising numbers.
@usableFromInline
struct BinaryDecoder: FieldVisitor {
  @usableFromInline var source: BinarySource
  /// Number of the field whose value is next in the source; `Int.max` at the end.
  @usableFromInline var next = 0
  @usableFromInline var kind = WireKind.none

  @inlinable
  init(_ source: BinarySource) throws(DecodeError) {
    self.source = source
    try advance()
  }

  @inlinable @inline(__always)
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    if next > number { return }
    do throws(DecodeError) {
      if next < number { try skip(to: number) }
      guard next == number else { return }
      if kind == Value.wireKind {
        value = try Value.readBinary(from: &source)
      } else if kind == .none, let nilValue = Value.nilValue {
        value = nilValue
      } else {
        throw DecodeError(.invalid, "wire kind", at: source.offset)
      }
      try advance()
    } catch {
      throw FieldError.decode(error)
    }
  }

  /// Reads the next tag.
  @inlinable
  mutating func advance() throws(DecodeError) {
    guard !source.isAtEnd else {
      next = .max
      return
    }
    let start = source.offset
    let tag = try source.varint("field tag")
    guard let wire = WireKind(rawValue: UInt8(truncatingIfNeeded: tag & 7)),
      tag >> 3 > UInt64(truncatingIfNeeded: next), tag >> 3 <= 127
    else { throw DecodeError(.invalid, "field tag", at: start) }
    next = Int(truncatingIfNeeded: tag >> 3)
    kind = wire
  }

  /// Passes over fields of an unknown number below `number`.
  @usableFromInline
  mutating func skip(to number: Int) throws(DecodeError) {
    while next < number {
      try source.skip(kind)
      try advance()
    }
  }
}
