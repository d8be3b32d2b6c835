// TOTP: time-based one-time passwords (RFC 6238) over HOTP (RFC 4226): HMAC-SHA-1, six digits, steps
// of 30 seconds, which is what authenticator apps agree on; and Base32 (RFC 4648, section 6), in
// which they take the key.

import Bytes

public enum TOTP {
  /// As long as the hash (RFC 4226, section 4, R6).
  public static let keyBytes = 20
  public static let stepSeconds: Int64 = 30
  public static let digits = 6
  /// Steps before and after the present one that are accepted: clocks differ.
  static let tolerance: Int64 = 1

  public static func step(at time: Timestamp) -> Int64 {
    time.microseconds / 1_000_000 / stepSeconds
  }

  /// The code of a step, with leading zeros (RFC 4226, section 5.3).
  public static func code(key: [UInt8], step: Int64, digits: Int = digits) -> String {
    var counter = ByteWriter()
    counter.u64(UInt64(bitPattern: step).byteSwapped)
    let hash = Crypto.hmacSHA1(counter.bytes, key: key)
    let offset = Int(hash[19] & 0x0f)
    var value: UInt32 = 0
    for byte in hash[offset..<(offset + 4)] { value = value << 8 | UInt32(byte) }
    value &= 0x7fff_ffff
    var modulus: UInt32 = 1
    for _ in 0..<digits { modulus *= 10 }
    let text = String(value % modulus)
    return String(repeating: "0", count: digits - text.utf8.count) + text
  }

  /// The step whose code this is, above `last`; nil for a wrong or used code. Every step that could
  /// match is computed and compared in constant time.
  public static func match(
    _ code: String, key: [UInt8], at time: Timestamp, after last: Int64
  ) -> Int64? {
    let given = Array(code.utf8)
    let present = step(at: time)
    var found: Int64?
    for step in (present - tolerance)...(present + tolerance) {
      let isEqual = Crypto.isEqual(given, Array(self.code(key: key, step: step).utf8))
      if isEqual, step > last, found == nil { found = step }
    }
    return found
  }

  /// The URI that an authenticator app reads from a QR code (Google's key URI format).
  public static func uri(key: [UInt8], issuer: String, account: String) -> String {
    let (issuer, account) = (percentEncoded(issuer), percentEncoded(account))
    return "otpauth://totp/\(issuer):\(account)?secret=\(Base32.encode(key))&issuer=\(issuer)"
      + "&algorithm=SHA1&digits=\(digits)&period=\(stepSeconds)"
  }

  /// RFC 3986: what is not unreserved is escaped.
  public static func percentEncoded(_ text: String) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: encoded.append(byte)
      default:
        encoded += [0x25, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}

/// RFC 4648, section 6, without padding.
public enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      word = word << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(alphabet[Int(word >> bits & 31)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(word << (5 - bits) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes; case does not matter, spaces, hyphens and padding at the end are passed over. Nil
  /// for another alphabet, an impossible length, or leftover bits that are not zero.
  public static func decode(_ text: String) -> [UInt8]? {
    var characters = text.utf8.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "-") }
    while characters.last == UInt8(ascii: "=") { characters.removeLast() }
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    var bits: UInt32 = 0
    for character in characters {
      let value: UInt8
      switch character {
      case 0x41...0x5a: value = character - 0x41
      case 0x61...0x7a: value = character - 0x61
      case 0x32...0x37: value = character - 0x32 + 26
      default: return nil
      }
      word = word << 5 | UInt32(value)
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> bits))
      }
      word &= (1 << bits) - 1
    }
    // 1, 3 and 6 characters of a last group make no whole bytes.
    return bits < 5 && word == 0 ? bytes : nil
  }
}
