// ContentCoding: which compressed form of an answer a client wants, and what a tag of it is called.
//
// Two forms of one resource are two representations, so they may not have the same strong tag
// (RFC 9110, 8.8.3.3): the tag of a compressed one ends in `-gzip` or `-zstd`, and what a client
// sends back is stripped of that before a handler sees it.

/// A compressed form.
enum ContentCoding: String, CaseIterable, Sendable {
  /// First the one that we would rather send.
  case zstd, gzip

  /// The coding that `Accept-Encoding` (RFC 9110, 12.5.3) prefers; nil for the bytes as they are.
  static func preferred(by fields: [String]) -> ContentCoding? {
    var weights: [ContentCoding: Int] = [:]
    var identity: Int?
    var rest: Int?
    for element in fields.lazy.flatMap({ $0.split(separator: ",") }) {
      let parts = element.split(separator: ";", omittingEmptySubsequences: false)
      let name = trimmed(parts[0]).lowercased()
      guard let weight = weight(of: parts.dropFirst()) else { continue }
      switch name {
      case "gzip", "x-gzip": weights[.gzip] = weight
      case "zstd": weights[.zstd] = weight
      case "identity": identity = weight
      case "*": rest = weight
      default: continue
      }
    }
    var best: (coding: ContentCoding, weight: Int)?
    for coding in allCases {
      let weight = weights[coding] ?? rest ?? 0
      if weight > best?.weight ?? 0 { best = (coding, weight) }
    }
    guard let best, best.weight >= identity ?? 0 else { return nil }
    return best.coding
  }

  /// Thousandths of `;q=0.5`; 1000 without one, nil for one that is none.
  private static func weight(of parameters: ArraySlice<Substring>) -> Int? {
    guard let parameter = parameters.first else { return 1000 }
    let text = trimmed(parameter).lowercased()
    guard text.hasPrefix("q=") else { return nil }
    let digits = Array(text.dropFirst(2).utf8)
    guard let first = digits.first, first == 0x30 || first == 0x31, digits.count <= 5 else {
      return nil
    }
    guard digits.count > 1 else { return first == 0x31 ? 1000 : 0 }
    guard digits[1] == UInt8(ascii: ".") else { return nil }
    var thousandths = 0
    for place in 2..<5 {
      let digit = digits.indices.contains(place) ? digits[place] : 0x30
      guard (0x30...0x39).contains(digit) else { return nil }
      thousandths = thousandths * 10 + Int(digit - 0x30)
    }
    let weight = Int(first - 0x30) * 1000 + thousandths
    return weight <= 1000 ? weight : nil
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }

  // MARK: Tags

  private var tagEnd: String { "-\(rawValue)\"" }

  /// The strong tag of this form of what has `tag`; a weak one stays, it promises no bytes.
  func tag(for tag: String) -> String {
    guard tag.hasPrefix("\""), tag.hasSuffix("\""), tag.utf8.count >= 2 else { return tag }
    return tag.dropLast() + tagEnd
  }

  /// The list of tags as handlers know them, and the coding that one of them was of.
  static func plainTags(_ list: String) -> (tags: String, coding: ContentCoding?) {
    for coding in allCases where list.contains(coding.tagEnd) {
      let parts = list.split(separator: coding.tagEnd, omittingEmptySubsequences: false)
      return (parts.joined(separator: "\""), coding)
    }
    return (list, nil)
  }
}

extension Response {
  /// Below this the headers outweigh what is saved.
  static let compressedBytesMin = 1024

  /// True for media types that are text in some way.
  var isCompressible: Bool {
    guard let contentType else { return false }
    let end = contentType.firstIndex(of: ";") ?? contentType.endIndex
    let type = contentType[..<end]
    return type == "application/json" || type.hasPrefix("text/") || type == "image/svg+xml"
      || type == "application/javascript" || type == "application/xml" || type.hasSuffix("+json")
      || type.hasSuffix("+xml")
  }

  /// True when this answer may be sent in a compressed form.
  var mayBeCompressed: Bool {
    body.count >= Self.compressedBytesMin && status >= 200 && status != 206 && isCompressible
      && !headers.contains("Content-Encoding")
      && headers["Cache-Control"]?.contains("no-transform") != true
  }

  /// The same answer with `bytes` as its body, which are its body in `coding`.
  func compressed(_ coding: ContentCoding, _ bytes: [UInt8]) -> Response {
    var response = self
    response.body = bytes
    response.headers["Content-Encoding"] = coding.rawValue
    if let tag = headers["ETag"] { response.headers["ETag"] = coding.tag(for: tag) }
    return response
  }
}
