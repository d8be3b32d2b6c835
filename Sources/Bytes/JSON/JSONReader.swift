// JSONReader: a strict pull parser (RFC 8259) over borrowed bytes.
//
// Invariants
// 1. 0 <= offset <= input.count, always; every load is preceded by a comparison with input.count.
// 2. Nothing recurses: `skip` keeps the open containers in one 64-bit word, one bit a level, which
//    is why the depth limit is 64.
// 3. Every string that is passed over has been checked: escapes, surrogate pairs, UTF-8.
//
// The caller walks the containers:
//
//   try reader.beginObject()
//   while let name = try reader.nextName() {
//     if reader.matches(name, "price") { price = try reader.number() } else { try reader.skip() }
//   }
//   try reader.finish()

/// Where and why a text is not JSON.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Offset in bytes from the start of the text.
  public var offset: Int
  /// A few words: `"unpaired surrogate"`.
  public var reason: String

  public init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "not JSON at byte \(offset): \(reason)" }
}

/// A pull parser. Values are read in the order of the text; each is read or skipped exactly once.
public struct JSONReader {
  /// Open objects and arrays at most. A deeper text is refused.
  public static let depthMax = 64

  public enum Kind: Equatable, Sendable {
    case object, array, string, number, bool, null
  }

  /// A string that was scanned and validated, by its place in the text.
  public struct Slice: Equatable, Sendable {
    /// Offset of the first byte after the opening quote.
    public var start: Int
    /// Bytes up to the closing quote, escapes included.
    public var count: Int
    public var hasEscapes: Bool
    /// No byte is 0x80 or above.
    public var isASCII: Bool
  }

  // An unsafe view, because the field visitors that hold a reader must be escapable types. It is
  // made only in `read(_:_:)`, which lends it for the length of one call.
  let input: UnsafeRawBufferPointer
  /// Offset of the next byte.
  public internal(set) var offset = 0
  /// Containers open now.
  public internal(set) var depth = 0
  /// The container that was opened last has had no element yet.
  var isFirst = false

  init(_ input: UnsafeRawBufferPointer) { self.input = input }

  /// Lends a reader over `bytes` to `body`. The reader must not be kept.
  @inlinable
  public static func read<Result, Failure: Error>(
    _ bytes: RawSpan, _ body: (inout JSONReader) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withUnsafeBytes { (buffer) throws(Failure) -> Result in
      var reader = JSONReader(lending: buffer)
      return try body(&reader)
    }
  }

  @usableFromInline
  init(lending input: UnsafeRawBufferPointer) { self.init(input) }

  func error(_ reason: String) -> JSONError { JSONError(offset: offset, reason: reason) }

  @inline(__always)
  mutating func skipSpace() {
    while offset < input.count {
      let byte = input[offset]
      if byte > 0x20 { return }
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      offset += 1
    }
  }

  /// The kind of the next value, which is not consumed.
  public mutating func peek() throws(JSONError) -> Kind {
    skipSpace()
    guard offset < input.count else { throw error("the text ends early") }
    switch input[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), 0x30...0x39: return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    default: throw error("a value is expected")
    }
  }

  /// Throws unless only white space is left.
  public mutating func finish() throws(JSONError) {
    skipSpace()
    guard offset == input.count else { throw error("text after the value") }
  }

  // MARK: Containers

  private mutating func open(_ byte: UInt8, _ reason: String) throws(JSONError) {
    skipSpace()
    guard offset < input.count, input[offset] == byte else { throw error(reason) }
    guard depth < Self.depthMax else { throw error("nested deeper than \(Self.depthMax)") }
    offset += 1
    depth += 1
    isFirst = true
  }

  /// Steps to the next element; false when the container was closed by `closing`.
  private mutating func step(_ closing: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard offset < input.count else { throw error("the text ends early") }
    if input[offset] == closing {
      offset += 1
      depth -= 1
      isFirst = false
      return false
    }
    if isFirst {
      isFirst = false
      return true
    }
    guard input[offset] == UInt8(ascii: ",") else { throw error("a comma is expected") }
    offset += 1
    skipSpace()
    guard offset < input.count, input[offset] != closing else {
      throw error("a value is expected after the comma")
    }
    return true
  }

  public mutating func beginObject() throws(JSONError) {
    try open(UInt8(ascii: "{"), "an object is expected")
  }

  /// The name of the next member, its value being next; nil when the object has been closed.
  public mutating func nextName() throws(JSONError) -> Slice? {
    guard try step(UInt8(ascii: "}")) else { return nil }
    let name = try stringSlice()
    skipSpace()
    guard offset < input.count, input[offset] == UInt8(ascii: ":") else {
      throw error("a colon is expected")
    }
    offset += 1
    return name
  }

  public mutating func beginArray() throws(JSONError) {
    try open(UInt8(ascii: "["), "an array is expected")
  }

  /// True when another element is next; false when the array has been closed.
  public mutating func nextElement() throws(JSONError) -> Bool {
    try step(UInt8(ascii: "]"))
  }

  // MARK: Literals

  private mutating func literal(_ text: StaticString) throws(JSONError) {
    let count = text.utf8CodeUnitCount
    guard count <= input.count - offset else { throw error("the text ends early") }
    for index in 0..<count where input[offset + index] != text.utf8Start[index] {
      throw error("a value is expected")
    }
    offset += count
  }

  public mutating func null() throws(JSONError) {
    skipSpace()
    try literal("null")
  }

  public mutating func bool() throws(JSONError) -> Bool {
    skipSpace()
    if offset < input.count, input[offset] == UInt8(ascii: "t") {
      try literal("true")
      return true
    }
    try literal("false")
    return false
  }

  // MARK: Skipping

  /// Passes over the next value, whatever it is, and checks all of it.
  public mutating func skip() throws(JSONError) {
    // One bit a level above the level where the skip began: 1 for an object, 0 for an array.
    var objects: UInt64 = 0
    var levels = 0
    while true {
      switch try peek() {
      case .object:
        try beginObject()
        objects = objects << 1 | 1
        levels += 1
      case .array:
        try beginArray()
        objects <<= 1
        levels += 1
      case .string: _ = try stringSlice()
      case .number: _ = try number()
      case .bool: _ = try bool()
      case .null: try null()
      }
      while levels > 0 {
        let isMore = objects & 1 == 1 ? try nextName() != nil : try nextElement()
        if isMore { break }
        objects >>= 1
        levels -= 1
      }
      if levels == 0 { return }
    }
  }
}
