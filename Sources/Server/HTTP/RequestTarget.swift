// RequestTarget: the request line's target, split and percent-decoded exactly once.
//
// Invariants
// 1. The path is split at `/` before it is decoded, so an encoded slash (`%2F`) stays inside its
//    segment and never makes a separator.
// 2. Decoded text is valid UTF-8 without control characters; anything else is refused. A decoder
//    that repaired bytes would let two spellings of one path disagree about what they name.
// 3. One trailing slash is dropped; an empty segment elsewhere stays and matches no route.

/// What the request line asked for.
struct RequestTarget: Sendable {
  /// The path as sent, without the query.
  var path: String
  /// The decoded segments.
  var segments: [String]
  /// The query as sent, without the question mark; empty when there is none.
  var rawQuery: String
  var query: QueryParameters

  /// `nil` when the target is not an acceptable origin-form or absolute-form target.
  init?(_ target: String) {
    var target = target
    let parsed = target.withUTF8 { bytes -> (String, [String], String, QueryParameters)? in
      var start = 0
      var end = bytes.count
      for index in 0..<bytes.count {
        let byte = bytes[index]
        if byte <= 0x20 || byte >= 0x7f { return nil }
        if byte == UInt8(ascii: "#") { return nil }
      }
      if bytes.first != UInt8(ascii: "/") {
        guard let path = Self.pathStart(ofAbsolute: bytes) else { return nil }
        start = path
      }
      var queryStart = end
      for index in start..<end where bytes[index] == UInt8(ascii: "?") {
        queryStart = index + 1
        end = index
        break
      }
      guard let segments = Self.split(bytes, start, end),
        let query = QueryParameters(UnsafeBufferPointer(rebasing: bytes[queryStart...]))
      else { return nil }
      let path = start == end ? "/" : String(decoding: bytes[start..<end], as: UTF8.self)
      return (path, segments, String(decoding: bytes[queryStart...], as: UTF8.self), query)
    }
    guard let parsed else { return nil }
    (path, segments, rawQuery, query) = parsed
  }

  /// The offset of the path in `http://authority/path` (RFC 9112, 3.2.2), or `nil`.
  private static func pathStart(ofAbsolute bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let schemes: [StaticString] = ["http://", "https://"]
    for scheme in schemes where bytes.count > scheme.utf8CodeUnitCount {
      let count = scheme.utf8CodeUnitCount
      guard (0..<count).allSatisfy({ bytes[$0] == scheme.utf8Start[$0] }) else { continue }
      var index = count
      while index < bytes.count, bytes[index] != UInt8(ascii: "/"),
        bytes[index] != UInt8(ascii: "?")
      {
        index += 1
      }
      return index > count ? index : nil
    }
    return nil
  }

  private static func split(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
  ) -> [String]? {
    var segments: [String] = []
    segments.reserveCapacity(4)
    var from = start + 1
    while from < end {
      var to = from
      while to < end, bytes[to] != UInt8(ascii: "/") { to += 1 }
      let slice = UnsafeBufferPointer(rebasing: bytes[from..<to])
      guard let segment = PercentCoding.decode(slice, plusIsSpace: false) else { return nil }
      segments.append(segment)
      from = to + 1
    }
    return segments
  }
}

/// The parameters of a query, decoded, in order.
public struct QueryParameters: Sendable {
  private var pairs: [(name: String, value: String)] = []

  public init() {}

  /// `nil` when an escape is malformed or the decoded text is not clean UTF-8.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    var from = 0
    while from < bytes.count {
      var to = from
      while to < bytes.count, bytes[to] != UInt8(ascii: "&") { to += 1 }
      var equals = from
      while equals < to, bytes[equals] != UInt8(ascii: "=") { equals += 1 }
      if to > from {
        let nameBytes = UnsafeBufferPointer(rebasing: bytes[from..<equals])
        let valueBytes = UnsafeBufferPointer(rebasing: bytes[min(equals + 1, to)..<to])
        guard let name = PercentCoding.decode(nameBytes, plusIsSpace: true),
          let value = PercentCoding.decode(valueBytes, plusIsSpace: true)
        else { return nil }
        pairs.append((name, value))
      }
      from = to + 1
    }
  }

  /// The first value of `name`.
  public subscript(name: String) -> String? {
    for pair in pairs where pair.name == name { return pair.value }
    return nil
  }

  /// Every value of `name`, in order.
  public func all(_ name: String) -> [String] {
    pairs.filter { $0.name == name }.map(\.value)
  }

  public var names: [String] { pairs.map(\.name) }
  public var isEmpty: Bool { pairs.isEmpty }
}

/// RFC 3986 percent-encoding.
enum PercentCoding {
  /// Decodes escapes; `nil` for a malformed escape, bad UTF-8 or a control character (line breaks
  /// and tabs are allowed in a query, where `plusIsSpace` is set).
  static func decode(_ bytes: UnsafeBufferPointer<UInt8>, plusIsSpace: Bool) -> String? {
    let plain = !bytes.contains {
      $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == UInt8(ascii: "+"))
    }
    if plain { return String(decoding: bytes, as: UTF8.self) }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      var byte = bytes[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < bytes.count, let high = nibble(bytes[index + 1]),
          let low = nibble(bytes[index + 2])
        else { return nil }
        byte = high << 4 | low
        let isTextControl = plusIsSpace && (byte == 0x09 || byte == 0x0a || byte == 0x0d)
        if (byte < 0x20 || byte == 0x7f) && !isTextControl { return nil }
        index += 3
      } else {
        if plusIsSpace && byte == UInt8(ascii: "+") { byte = 0x20 }
        index += 1
      }
      decoded.append(byte)
    }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
