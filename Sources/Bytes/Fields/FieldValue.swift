// FieldValue: what a type must do to stand in a field. One requirement a representation; the
// conformances are in FieldValue+*.swift, and a declarer of records needs none of this.

/// How many bytes a binary value takes, so that a reader can skip what it does not know.
public enum WireKind: UInt8, Sendable {
  /// LEB128, 1 to 10 bytes.
  case varint = 0
  /// 8 bytes, little-endian.
  case fixed8 = 1
  /// A varint length, then that many bytes.
  case bytes = 2
  /// 16 bytes.
  case fixed16 = 3
  /// No bytes: the value is nil, where the default is not.
  case none = 4
}

/// A type that can stand in a field.
public protocol FieldValue: Sendable {
  static var wireKind: WireKind { get }
  /// What stands for "nothing here"; only optionals have it.
  static var nilValue: Self? { get }
  var isNil: Bool { get }
  /// Zero, false or empty: left out of the binary form when the field's default is so too.
  var isZero: Bool { get }

  func writeBinary(to writer: inout ByteWriter)
  static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Self

  func writeJSON(to writer: inout JSONWriter)
  /// Reads the next value. A value of the wrong type is consumed and reported; then nil.
  static func readJSON(from source: inout JSONSource) throws(JSONError) -> Self?

  /// Reports what breaks `rules`, with paths that start at this value.
  func check(_ rules: FieldRules, _ issues: inout FieldIssues)
  static func describe(_ describer: inout FieldDescriber) -> FieldSchema
}

extension FieldValue {
  @inlinable public static var nilValue: Self? { nil }
  @inlinable public var isNil: Bool { false }
  @inlinable public var isZero: Bool { false }
  @inlinable public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {}
}

/// A value that can also stand in an array: everything but an optional.
///
/// The array form is a requirement so that `[UInt8]` can be a run of bytes and every other array a
/// list, though Swift allows `Array` one conformance.
public protocol FieldElement: FieldValue {
  static func writeBinary(array: [Self], to writer: inout ByteWriter)
  static func readBinaryArray(from source: inout BinarySource) throws(DecodeError) -> [Self]
  static func writeJSON(array: [Self], to writer: inout JSONWriter)
  static func readJSONArray(from source: inout JSONSource) throws(JSONError) -> [Self]?
  static func check(array: [Self], _ rules: FieldRules, _ issues: inout FieldIssues)
  static func describeArray(_ describer: inout FieldDescriber) -> FieldSchema
}

/// The issues of one body, collected up to a bound.
public struct FieldIssues: Sendable {
  /// More than anybody reads; a bound on the work that a hostile body can cause.
  public static let countMax = 100

  public private(set) var all: [FieldIssue] = []

  public init() {}

  @inlinable public var count: Int { all.count }
  /// Nothing more will be reported.
  public var isFull: Bool { all.count >= Self.countMax }

  /// Reports `message` about the value at `path`, which is empty or starts with a slash.
  public mutating func add(_ rule: String, _ message: String, path: String = "") {
    guard all.count < Self.countMax else { return }
    all.append(FieldIssue(path: path, rule: rule, message: message))
  }

  /// Puts the name of a container's member before the paths of the issues from `first` on.
  @inlinable @inline(__always)
  public mutating func prefix(from first: Int, _ name: @autoclosure () -> String) {
    // Almost always there is nothing to do.
    if first < all.count { putBefore(name(), from: first) }
  }

  @usableFromInline
  mutating func putBefore(_ name: String, from first: Int) {
    let escaped = Self.pointerToken(name)
    for index in first..<all.count { all[index].path = "/" + escaped + all[index].path }
  }

  /// RFC 6901, section 3: `~` becomes `~0`, `/` becomes `~1`.
  static func pointerToken(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == 0x7e || $0 == 0x2f }) else { return name }
    var token = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "~": token += "~0"
      case "/": token += "~1"
      default: token.unicodeScalars.append(scalar)
      }
    }
    return token
  }
}
