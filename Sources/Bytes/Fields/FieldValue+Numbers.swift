// Numbers in fields. Integers are varints, signed ones zigzag-coded; a Double is its eight bytes.
// JSON integers may be written as any number that is one (`12.0`), and must fit the type.

extension JSONSource {
  /// Reads an integer of `bounds`.
  mutating func integer(_ bounds: ClosedRange<Int64>) throws(JSONError) -> Int64? {
    guard try expect(.number, "an integer") else { return nil }
    let number = try reader.number()
    guard let value = number.int64, bounds.contains(value) else {
      refuseInteger(number, "\(bounds.lowerBound) to \(bounds.upperBound)")
      return nil
    }
    return value
  }

  mutating func unsigned(upTo most: UInt64) throws(JSONError) -> UInt64? {
    guard try expect(.number, "an integer") else { return nil }
    let number = try reader.number()
    guard let value = number.uint64, value <= most else {
      refuseInteger(number, "0 to \(most)")
      return nil
    }
    return value
  }

  private mutating func refuseInteger(_ number: JSONNumber, _ bounds: String) {
    let isFraction = number.exponent < 0 && number.int64 == nil && number.uint64 == nil
    issues.add(
      isFraction ? "type" : "range",
      isFraction ? "must be an integer" : "must be from \(bounds)")
  }
}

extension FieldIssues {
  @usableFromInline
  mutating func outside(_ range: ClosedRange<Int64>) {
    add("range", "must be from \(range.lowerBound) to \(range.upperBound)")
  }
}

extension Bool: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { !self }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.u8(self ? 1 : 0) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Bool {
    let start = source.offset
    let value = try source.varint("Bool")
    guard value <= 1 else { throw DecodeError(.invalid, "Bool", at: start) }
    return value == 1
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.bool(self) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Bool? {
    guard try source.expect(.bool, "true or false") else { return nil }
    return try source.reader.bool()
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema { .boolean }
}

extension Double: FieldElement {
  @inlinable public static var wireKind: WireKind { .fixed8 }
  /// Only positive zero, so that a negative one keeps its sign.
  @inlinable public var isZero: Bool { bitPattern == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.u64(bitPattern) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Double {
    Double(bitPattern: try source.fixed8("Double"))
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.double(self) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Double? {
    guard try source.expect(.number, "a number") else { return nil }
    let number = try source.reader.number()
    guard let value = source.reader.double(of: number) else {
      source.issues.add("range", "is beyond the largest number")
      return nil
    }
    return value
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range,
      !(self >= Double(range.lowerBound) && self <= Double(range.upperBound))
    {
      issues.outside(range)
    }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema { .number }
}

extension Int: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.signedVarint(Int64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Int {
    let start = source.offset
    guard let value = Int(exactly: try source.signedVarint("Int")) else {
      throw DecodeError(.overflow, "Int", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.int(Int64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Int? {
    guard let value = try source.integer(Int64(Int.min)...Int64(Int.max)) else { return nil }
    return Int(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: Int64(Int.min), most: UInt64(Int.max))
  }
}

extension Int32: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.signedVarint(Int64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Int32 {
    let start = source.offset
    guard let value = Int32(exactly: try source.signedVarint("Int32")) else {
      throw DecodeError(.overflow, "Int32", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.int(Int64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Int32? {
    guard let value = try source.integer(Int64(Int32.min)...Int64(Int32.max)) else { return nil }
    return Int32(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: Int64(Int32.min), most: UInt64(Int32.max))
  }
}

extension Int64: FieldElement {
  @inlinable public static var wireKind: WireKind { .varint }
  @inlinable public var isZero: Bool { self == 0 }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { writer.signedVarint(Int64(self)) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Int64 {
    let start = source.offset
    guard let value = Int64(exactly: try source.signedVarint("Int64")) else {
      throw DecodeError(.overflow, "Int64", at: start)
    }
    return value
  }

  public func writeJSON(to writer: inout JSONWriter) { writer.int(Int64(self)) }

  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Int64? {
    guard let value = try source.integer(Int64(Int64.min)...Int64(Int64.max)) else { return nil }
    return Int64(exactly: value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let range = rules.range, !range.contains(Int64(self)) { issues.outside(range) }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .integer(least: Int64(Int64.min), most: UInt64(Int64.max))
  }
}
