// A record within a record: a run of its fields in binary, an object in JSON.

extension Fields {
  @inlinable public static var wireKind: WireKind { .bytes }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) {
    let start = writer.beginRun()
    FieldBinary.encode(self, into: &writer)
    writer.endRun(start)
  }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Self {
    try source.container("record") { (inner) throws(DecodeError) -> Self in
      try readContent(from: &inner)
    }
  }

  /// Reads fields up to the end of `source`.
  @inlinable
  static func readContent(from source: inout BinarySource) throws(DecodeError) -> Self {
    var record = Self()
    var decoder = try BinaryDecoder(source)
    do {
      try record.visit(&decoder)
    } catch {
      guard case .decode(let cause) = error else {
        throw DecodeError(.invalid, "record", at: decoder.source.offset)
      }
      throw cause
    }
    try decoder.skip(to: .max)
    source = decoder.source
    return record
  }

  @inlinable
  public func writeJSON(to writer: inout JSONWriter) {
    FieldJSON.encode(self, into: &writer)
  }

  @inlinable
  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Self? {
    var record = Self()
    return try record.readMembers(from: &source, isMerge: false) ? record : nil
  }

  /// Reads an object into this record; false when the next value is no object.
  @inlinable
  mutating func readMembers(from source: inout JSONSource, isMerge: Bool) throws(JSONError) -> Bool
  {
    guard try source.beginObject() else { return false }
    var decoder = ObjectDecoder(source)
    do {
      try decoder.advance()
      while decoder.hasMember {
        if decoder.source.issues.isFull { return try Self.skipMembers(&decoder, of: &source) }
        let before = decoder.membersRead
        try visit(&decoder)
        if decoder.membersRead == before { try decoder.refuseMember(of: Self.self) }
      }
      if !isMerge {
        decoder.isFinishing = true
        try visit(&decoder)
      }
    } catch let error as JSONError {
      throw error
    } catch let error as FieldError {
      switch error {
      case .syntax(let offset, let reason): throw JSONError(offset: offset, reason: reason)
      case .decode(let cause): throw JSONError(offset: cause.offset, reason: "\(cause)")
      case .invalid(let issues):
        for issue in issues {
          decoder.source.issues.add(issue.rule, issue.message, path: issue.path)
        }
      }
    } catch {
      throw JSONError(offset: decoder.source.reader.offset, reason: "\(error)")
    }
    source = decoder.source
    return true
  }

  /// Passes over the rest of a body that is refused already. Each member that stands out of order
  /// costs a visit, and a suggestion if it is unknown: a hostile body does not get that from here on.
  @inlinable
  static func skipMembers(
    _ decoder: inout ObjectDecoder, of source: inout JSONSource
  ) throws(JSONError) -> Bool {
    while decoder.hasMember {
      try decoder.source.reader.skip()
      try decoder.advance()
    }
    source = decoder.source
    return true
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    describer.record(Self.self)
  }
}
