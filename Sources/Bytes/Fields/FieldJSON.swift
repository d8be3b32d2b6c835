// FieldJSON: records as JSON objects. Members are written in the order of the fields' numbers and
// read in any order; all that is wrong with a body is reported at once.
//
// A body in declared order is read in one visit. Each member that is out of order costs one more
// visit, which compares names and reads nothing else.

public enum FieldJSON {
  /// What becomes of a member that no field is named after.
  public enum UnknownFields: Sendable {
    /// It is an issue, which suggests the nearest name.
    case refused
    case ignored
  }

  /// `record` as one JSON object. Optionals that are nil are left out.
  ///
  /// - Parameter count: bytes that it will have, roughly: a text that outgrows them is copied.
  @inlinable
  public static func encode<T: Fields>(_ record: T, reserving count: Int = 512) -> [UInt8] {
    var writer = JSONWriter(reserving: count)
    encode(record, into: &writer)
    return writer.bytes
  }

  /// Writes `record` as the next value of `writer`.
  @inlinable
  public static func encode<T: Fields>(_ record: T, into writer: inout JSONWriter) {
    writer.beginObject()
    var encoder = ObjectEncoder(writer)
    // The encoder holds the only reference to the bytes while it appends.
    writer = JSONWriter(reserving: 0)
    var copy = record
    do {
      try copy.visit(&encoder)
    } catch {
      preconditionFailure("\(T.self).visit throws of its own while it is written: \(error)")
    }
    writer = encoder.writer
    writer.endObject()
  }

  /// Reads a record and checks every rule.
  ///
  /// Throws `syntax` when the text is not JSON, `invalid` with every issue that was found.
  @inlinable
  public static func decode<T: Fields>(
    _ type: T.Type = T.self, from bytes: RawSpan, unknownFields: UnknownFields = .refused
  ) throws(FieldError) -> T {
    var record = T()
    try read(into: &record, from: bytes, unknownFields, isMerge: false)
    return record
  }

  @inlinable
  public static func decode<T: Fields>(
    _ type: T.Type = T.self, from bytes: [UInt8], unknownFields: UnknownFields = .refused
  ) throws(FieldError) -> T {
    try decode(type, from: bytes.span.bytes, unknownFields: unknownFields)
  }

  /// Replaces the fields of `record` that the body names (RFC 7396: null clears an optional; an
  /// object or array is replaced whole). Required fields may be missing. On an error `record` is
  /// as it was.
  @inlinable
  public static func merge<T: Fields>(
    into record: inout T, from bytes: RawSpan, unknownFields: UnknownFields = .refused
  ) throws(FieldError) {
    var copy = record
    try read(into: &copy, from: bytes, unknownFields, isMerge: true)
    record = copy
  }

  @inlinable
  static func read<T: Fields>(
    into record: inout T, from bytes: RawSpan, _ unknownFields: UnknownFields, isMerge: Bool
  ) throws(FieldError) {
    let issues: FieldIssues
    do throws(JSONError) {
      issues = try JSONReader.read(bytes) { (reader) throws(JSONError) -> FieldIssues in
        var source = JSONSource(reader, unknownFields)
        _ = try record.readMembers(from: &source, isMerge: isMerge)
        try source.reader.finish()
        return source.issues
      }
    } catch {
      throw .syntax(offset: error.offset, reason: error.reason)
    }
    if issues.count > 0 { throw .invalid(issues.all) }
  }
}

/// The text that fields are read from, and what was found wrong so far.
public struct JSONSource {
  public var reader: JSONReader
  public var issues = FieldIssues()
  @usableFromInline let unknownFields: FieldJSON.UnknownFields

  @usableFromInline
  init(_ reader: JSONReader, _ unknownFields: FieldJSON.UnknownFields) {
    self.reader = reader
    self.unknownFields = unknownFields
  }

  /// Whether the next value is of this kind; if not, it is passed over and reported.
  public mutating func expect(_ kind: JSONReader.Kind, _ name: String) throws(JSONError) -> Bool {
    if try reader.peek() == kind { return true }
    try refuse("type", "must be \(name)")
    return false
  }

  /// Passes over the next value and reports it.
  public mutating func refuse(_ rule: String, _ message: String) throws(JSONError) {
    try reader.skip()
    issues.add(rule, message)
  }

  @usableFromInline
  mutating func beginObject() throws(JSONError) -> Bool {
    guard try expect(.object, "an object") else { return false }
    try reader.beginObject()
    return true
  }
}

/// Writes each field as a member.
@usableFromInline
struct ObjectEncoder: FieldVisitor {
  @usableFromInline var writer: JSONWriter

  @inlinable
  init(_ writer: JSONWriter) { self.writer = writer }

  @inlinable @inline(__always)
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    if value.isNil { return }
    writer.name(name)
    value.writeJSON(to: &writer)
  }
}

/// Reads the member that is next when the visit comes to the field of its name.
@usableFromInline
struct ObjectDecoder: FieldVisitor {
  @usableFromInline var source: JSONSource
  /// Name of the member whose value is next.
  @usableFromInline var member = JSONReader.Slice(
    start: 0, count: 0, hasEscapes: false, isASCII: true)
  @usableFromInline var hasMember = false
  @usableFromInline var membersRead = 0
  /// Bit n: field n was read.
  @usableFromInline var seen: UInt128 = 0
  /// The object is at its end: this visit looks for required fields that were not read.
  @usableFromInline var isFinishing = false

  @usableFromInline
  init(_ source: JSONSource) { self.source = source }

  @usableFromInline
  mutating func advance() throws(JSONError) {
    if let slice = try source.reader.nextName() {
      member = slice
      hasMember = true
    } else {
      hasMember = false
    }
  }

  @inlinable
  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    if isFinishing {
      if seen >> UInt128(truncatingIfNeeded: number) & 1 == 0, rules().isRequired {
        source.issues.add("required", "is required", path: "/\(name)")
      }
      return
    }
    guard hasMember, source.reader.matches(member, name) else { return }
    let issuesBefore = source.issues.count
    membersRead += 1
    do throws(JSONError) {
      if seen >> UInt128(truncatingIfNeeded: number) & 1 == 1 {
        try source.refuse("duplicate", "is given twice")
      } else if let nilValue = Value.nilValue, try source.reader.peek() == .null {
        try source.reader.null()
        value = nilValue
        if rules().isRequired { source.issues.add("required", "is required") }
      } else if let read = try Value.readJSON(from: &source) {
        value = read
        if source.issues.count == issuesBefore { value.check(rules(), &source.issues) }
      }
      seen |= 1 << UInt128(truncatingIfNeeded: number)
      source.issues.prefix(from: issuesBefore, name.description)
      try advance()
    } catch {
      throw FieldError.syntax(offset: error.offset, reason: error.reason)
    }
  }

  /// Passes over a member that no field claims.
  @usableFromInline
  mutating func refuseMember(of type: any Fields.Type) throws(JSONError) {
    try source.reader.skip()
    if source.unknownFields == .refused {
      let name = source.reader.text(of: member)
      let nearest = FieldNames.nearest(to: name, of: type)
      let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
      source.issues.add(
        "unknown", "is not a field\(hint)", path: "/" + FieldIssues.pointerToken(name))
    }
    try advance()
  }
}
