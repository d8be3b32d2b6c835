// SMTPMessage: a mail as it goes over the wire (RFC 5322, RFC 2045, RFC 2047).
//
// Invariants
// 1. No value of a header holds a control character: nobody adds a header through an address or a
//    subject. What has one is refused, not repaired.
// 2. Lines end in CR LF and have at most 998 bytes; a text that is not so, or not ASCII, is Base64.
// 3. A line that starts with a full stop gets another one (RFC 5321, section 4.5.2).

import Bytes

enum SMTPMessage {
  private static let lineBytesMax = 998

  /// The bytes of DATA, with the line that ends them; nil when an address or the subject cannot stand
  /// in a header.
  static func data(
    from: String, to: String, subject: String, text: String, id: UUIDv7, time: Timestamp
  ) -> [UInt8]? {
    guard SMTPAddress.isSafe(from), SMTPAddress.isSafe(to),
      subject.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
    else { return nil }
    let domain = from.split(separator: "@").last ?? "localhost"
    let lines = text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false)
    let isPlain =
      text.utf8.allSatisfy { ($0 >= 0x20 && $0 < 0x7f) || $0 == 0x0a || $0 == 0x09 }
      && lines.allSatisfy { $0.count <= lineBytesMax - 1 }
    var head = "From: <\(from)>\r\nTo: <\(to)>\r\nSubject: \(header(subject))\r\n"
    head += "Date: \(date(time))\r\nMessage-ID: <\(id)@\(domain)>\r\nMIME-Version: 1.0\r\n"
    head += "Content-Type: text/plain; charset=utf-8\r\n"
    head += "Content-Transfer-Encoding: \(isPlain ? "7bit" : "base64")\r\n"
    head += "Auto-Submitted: auto-generated\r\n\r\n"
    var data = Array(head.utf8)
    if isPlain {
      for line in lines {
        if line.first == UInt8(ascii: ".") { data.append(UInt8(ascii: ".")) }
        data += line
        data += [0x0d, 0x0a]
      }
    } else {
      let encoded = Array(Base64.encode(Array(text.utf8)).utf8)
      for start in stride(from: 0, to: encoded.count, by: 76) {
        data += encoded[start..<min(start + 76, encoded.count)]
        data += [0x0d, 0x0a]
      }
    }
    return data + Array(".\r\n".utf8)
  }

  /// ASCII as it is, else encoded words of whole characters, each at most 75 bytes (RFC 2047).
  static func header(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }), text.utf8.count <= 900 { return text }
    var words: [String] = []
    var chunk: [UInt8] = []
    func close() {
      if !chunk.isEmpty { words.append("=?utf-8?B?\(Base64.encode(chunk))?=") }
      chunk = []
    }
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      // 42 bytes are 56 characters of Base64; twelve stand round them, and "Subject: " before.
      if chunk.count + bytes.count > 42 { close() }
      chunk += bytes
    }
    close()
    return words.joined(separator: "\r\n ")
  }

  /// `Tue, 24 Nov 2026 10:15:30 +0000`.
  static func date(_ time: Timestamp) -> String { time.httpDate.dropLast(3) + "+0000" }
}

/// RFC 4648, section 4, with padding.
enum Base64 {
  static func encode(_ bytes: [UInt8]) -> String {
    let alphabet = Array(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var word: UInt32 = 0
      for index in 0..<3 {
        word = word << 8 | UInt32(index < group.count ? group[start + index] : 0)
      }
      for index in 0..<4 {
        let isThere = index <= group.count
        text.append(
          isThere ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
