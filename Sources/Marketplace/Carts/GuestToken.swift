// GuestToken: what a guest shows to be given the same cart again.
//
//   gst_ base64url( id 16 bytes | HMAC-SHA256 of it, its first half )
//
// It is no secret of the database: only the server's key can make one.

import Bytes

public struct GuestTokens: Sendable {
  public static let keyBytes = 32
  private static let prefix = "gst_"
  private static let tagBytes = 16

  private let key: [UInt8]

  public init(key: [UInt8]) { self.key = key }

  public func text(of id: UUIDv7) -> String {
    let bytes = Bytes.key(id)
    return Self.prefix + Base64URL.encode(bytes + tag(of: bytes))
  }

  /// The guest of a token of ours; VAL_3002 for any other text.
  public func id(of text: String) throws(MarketError) -> UUIDv7 {
    guard text.hasPrefix(Self.prefix), text.utf8.count < 64,
      let bytes = Base64URL.decode(String(text.dropFirst(Self.prefix.count))),
      bytes.count == 16 + Self.tagBytes,
      Crypto.isEqual(tag(of: Array(bytes.prefix(16))), Array(bytes.suffix(Self.tagBytes)))
    else {
      throw MarketError(
        .invalidInput, "The guest token is not one of ours; leave it out to begin a new cart.")
    }
    func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    return UUIDv7(high: word(bytes[0..<8]), low: word(bytes[8..<16]))
  }

  private func tag(of bytes: [UInt8]) -> [UInt8] {
    Array(Crypto.hmacSHA256(bytes, key: key).prefix(Self.tagBytes))
  }
}
