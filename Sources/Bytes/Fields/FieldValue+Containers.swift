// Optionals, lists and maps in fields. A list is a run of bytes that holds a count and then the
// elements, each without a tag; a map is a list of pairs with rising names.

extension Optional: FieldValue where Wrapped: FieldElement {
  @inlinable public static var wireKind: WireKind { Wrapped.wireKind }
  @inlinable public static var nilValue: Wrapped?? { .some(.none) }
  @inlinable public var isNil: Bool { self == nil }
  @inlinable public var isZero: Bool { self == nil }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) { self?.writeBinary(to: &writer) }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Wrapped? {
    try Wrapped.readBinary(from: &source)
  }

  @inlinable
  public func writeJSON(to writer: inout JSONWriter) {
    if let self { self.writeJSON(to: &writer) } else { writer.null() }
  }

  @inlinable
  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Wrapped?? {
    guard let value = try Wrapped.readJSON(from: &source) else { return nil }
    return .some(value)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    self?.check(rules, &issues)
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    Wrapped.describe(&describer)
  }
}

extension FieldElement {
  @inlinable
  public static func writeBinary(array: [Self], to writer: inout ByteWriter) {
    let start = writer.beginRun()
    writer.varint(UInt64(array.count))
    for element in array { element.writeBinary(to: &writer) }
    writer.endRun(start)
  }

  @inlinable
  public static func readBinaryArray(
    from source: inout BinarySource
  ) throws(DecodeError) -> [Self] {
    try source.container("list") { (inner) throws(DecodeError) -> [Self] in
      let count = try inner.count("list count", bytesEach: 1)
      var elements: [Self] = []
      // A count within the bytes can still be false: what is reserved ahead has a bound of its own.
      elements.reserveCapacity(min(count, 1024))
      while elements.count < count {
        elements.append(try readBinary(from: &inner))
      }
      return elements
    }
  }

  @inlinable
  public static func writeJSON(array: [Self], to writer: inout JSONWriter) {
    writer.beginArray()
    for element in array { element.writeJSON(to: &writer) }
    writer.endArray()
  }

  @inlinable
  public static func readJSONArray(from source: inout JSONSource) throws(JSONError) -> [Self]? {
    guard try source.expect(.array, "an array") else { return nil }
    try source.reader.beginArray()
    var elements: [Self] = []
    var index = 0
    while try source.reader.nextElement() {
      let issuesBefore = source.issues.count
      if let element = try readJSON(from: &source) { elements.append(element) }
      source.issues.prefix(from: issuesBefore, String(index))
      index += 1
    }
    return elements
  }

  @inlinable
  public static func check(array: [Self], _ rules: FieldRules, _ issues: inout FieldIssues) {
    if let count = rules.count, !count.contains(array.count) {
      issues.add("count", "must have \(count.lowerBound) to \(count.upperBound) elements")
    }
    for (index, element) in array.enumerated() {
      let issuesBefore = issues.count
      element.check(rules, &issues)
      issues.prefix(from: issuesBefore, String(index))
    }
  }

  public static func describeArray(_ describer: inout FieldDescriber) -> FieldSchema {
    .array(describe(&describer))
  }
}

extension Array: FieldValue where Element: FieldElement {
  @inlinable public static var wireKind: WireKind { .bytes }
  @inlinable public var isZero: Bool { isEmpty }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) {
    Element.writeBinary(array: self, to: &writer)
  }

  @inlinable
  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> [Element] {
    try Element.readBinaryArray(from: &source)
  }

  @inlinable
  public func writeJSON(to writer: inout JSONWriter) {
    Element.writeJSON(array: self, to: &writer)
  }

  @inlinable
  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> [Element]? {
    try Element.readJSONArray(from: &source)
  }

  @inlinable
  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    Element.check(array: self, rules, &issues)
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    Element.describeArray(&describer)
  }
}

extension Array: FieldElement where Element: FieldElement {}

extension Dictionary: FieldValue where Key == String, Value == String {
  public static var wireKind: WireKind { .bytes }
  @inlinable public var isZero: Bool { isEmpty }

  /// The pairs by the bytes of their names, so that equal maps have equal bytes.
  private var pairs: [(key: String, value: String)] {
    sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }

  public func writeBinary(to writer: inout ByteWriter) {
    let start = writer.beginRun()
    writer.varint(UInt64(count))
    for pair in pairs {
      writer.string(pair.key)
      writer.string(pair.value)
    }
    writer.endRun(start)
  }

  public static func readBinary(
    from source: inout BinarySource
  ) throws(DecodeError) -> [String: String] {
    try source.container("map") { (inner) throws(DecodeError) -> [String: String] in
      var map: [String: String] = [:]
      var last: String?
      for _ in 0..<(try inner.count("map count", bytesEach: 2)) {
        let start = inner.offset
        let name = try inner.string("map name")
        if let last, !last.utf8.lexicographicallyPrecedes(name.utf8) {
          throw DecodeError(.invalid, "map name", at: start)
        }
        last = name
        map.updateValue(try inner.string("map value"), forKey: name)
      }
      return map
    }
  }

  public func writeJSON(to writer: inout JSONWriter) {
    writer.beginObject()
    for pair in pairs {
      writer.name(pair.key)
      writer.string(pair.value)
    }
    writer.endObject()
  }

  public static func readJSON(
    from source: inout JSONSource
  ) throws(JSONError) -> [String: String]? {
    guard try source.expect(.object, "an object") else { return nil }
    try source.reader.beginObject()
    var map: [String: String] = [:]
    while let slice = try source.reader.nextName() {
      let name = source.reader.text(of: slice)
      let issuesBefore = source.issues.count
      if let value = try String.readJSON(from: &source) {
        if map.updateValue(value, forKey: name) != nil {
          source.issues.add("duplicate", "is given twice")
        }
      }
      source.issues.prefix(from: issuesBefore, name)
    }
    return map
  }

  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let bounds = rules.count, !bounds.contains(count) {
      issues.add("count", "must have \(bounds.lowerBound) to \(bounds.upperBound) members")
    }
    guard rules.length != nil || rules.format != nil else { return }
    for pair in pairs {
      let issuesBefore = issues.count
      pair.value.check(rules, &issues)
      issues.prefix(from: issuesBefore, pair.key)
    }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema {
    .map(.string(format: nil))
  }
}
