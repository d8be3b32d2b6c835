// FieldFormat: the named formats of text. Each is a short grammar, stricter than its standard where
// the standard allows what nobody means.

enum FieldFormat {
  /// Whether `text` has a number of Unicode scalars within `bounds`.
  static func hasLength(_ text: String, _ bounds: ClosedRange<Int>) -> Bool {
    let bytes = text.utf8.count
    // A scalar takes one to four bytes: most texts are decided without counting.
    if bytes < bounds.lowerBound { return false }
    if bytes <= bounds.upperBound, bytes / 4 >= bounds.lowerBound { return true }
    return bounds.contains(text.unicodeScalars.count)
  }

  /// Why `text` is not of the format; nil when it is, or when the format is only a label.
  static func fault(of text: String, as format: String) -> String? {
    let bytes = Array(text.utf8)
    switch format {
    case "email": return isEmail(bytes) ? nil : "must be an e-mail address"
    case "uri": return isURI(bytes) ? nil : "must be an absolute URI"
    case "slug":
      return isSlug(bytes) ? nil : "must be lower-case letters, digits and single hyphens"
    case "currency":
      return isUpperCase(bytes, count: 3) ? nil : "must be an ISO 4217 code such as EUR"
    case "country":
      return isUpperCase(bytes, count: 2) ? nil : "must be an ISO 3166-1 code such as DE"
    default: return nil
    }
  }

  private static func isUpperCase(_ bytes: [UInt8], count: Int) -> Bool {
    bytes.count == count && bytes.allSatisfy { $0 >= 0x41 && $0 <= 0x5a }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
  }

  private static func isSlug(_ bytes: [UInt8]) -> Bool {
    bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty
        && $0.allSatisfy { ($0 >= 0x61 && $0 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) }
    }
  }

  /// local@domain (RFC 5321 lengths): printable without quotes and brackets, a domain of labels.
  private static func isEmail(_ bytes: [UInt8]) -> Bool {
    let parts = bytes.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard bytes.count <= 254, parts.count == 2, (1...64).contains(parts[0].count) else {
      return false
    }
    let excluded = Array("\"(),:;<>[]\\ ".utf8)
    guard parts[0].allSatisfy({ $0 > 0x20 && $0 < 0x7f && !excluded.contains($0) }),
      parts[0].first != UInt8(ascii: "."), parts[0].last != UInt8(ascii: ".")
    else { return false }
    let labels = parts[1].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.count >= 2
      && labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
          && label.last != UInt8(ascii: "-")
          && label.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
      }
  }

  /// scheme ":" rest (RFC 3986, section 3), printable ASCII without space, quotes and brackets.
  private static func isURI(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= 2048, let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      colon + 1 < bytes.count, bytes[0] | 0x20 >= 0x61, bytes[0] | 0x20 <= 0x7a
    else { return false }
    let schemeMarks = Array("+-.".utf8)
    let excluded = Array("\"<>\\^`{|}".utf8)
    return bytes[..<colon].allSatisfy { isLetterOrDigit($0) || schemeMarks.contains($0) }
      && bytes[(colon + 1)...].allSatisfy { $0 > 0x20 && $0 < 0x7f && !excluded.contains($0) }
  }
}
