// Slug: the readable part of an address: lower-case letters, digits and single hyphens.

import Bytes
import RecordStore

public enum Slug {
  /// Leaves room for a number within an index key.
  public static let lengthMax = 100

  /// `Oak stool, 45 cm` becomes `oak-stool-45-cm`; letters beyond ASCII and marks become hyphens,
  /// and a text without any of ours becomes `fallback`.
  public static func make(_ text: String, fallback: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      let folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
      let isPart = folded >= 0x61 && folded <= 0x7a || folded >= 0x30 && folded <= 0x39
      if isPart {
        bytes.append(folded)
      } else if byte != UInt8(ascii: "'"), let last = bytes.last, last != UInt8(ascii: "-") {
        bytes.append(UInt8(ascii: "-"))
      }
      if bytes.count == lengthMax { break }
    }
    while bytes.last == UInt8(ascii: "-") { bytes.removeLast() }
    return bytes.isEmpty ? fallback : String(decoding: bytes, as: UTF8.self)
  }

  /// `base`, or with the end of `id` when somebody else has or had it. Identifiers end with random
  /// bits, so that thousands of equal titles cost one look-up each.
  static func unique(
    _ base: String, id: UUIDv7, isTaken: (String) throws -> Bool
  ) throws -> String {
    if try !isTaken(base) { return base }
    let digits = id.description.suffix(12)
    for count in [6, 12] {
      let candidate = "\(base)-\(digits.suffix(count))"
      if try !isTaken(candidate) { return candidate }
    }
    return "\(base)-\(id)"
  }
}
