// PageCursor: a place in a list that a client hands back. Opaque, signed, and good for one filter.
//
//   base64url( filter u64 | position … | tag 16 bytes )      tag = HMAC-SHA256, its first half
//
// The position is the last entry's own key, so that pages neither repeat nor skip a row when others
// are inserted between them.

import Bytes

public struct PageCursors: Sendable {
  static let tagBytes = 16
  /// Far more than a position needs; a bound on what is hashed for a stranger.
  static let textBytesMax = 4096

  let key: [UInt8]

  public init(key: [UInt8]) { self.key = key }

  /// - Parameter filter: everything that decides which rows are listed, and their order.
  public func encode(position: [UInt8], filter: String) -> String {
    var writer = ByteWriter()
    writer.u64(XXH64.hash(Array(filter.utf8)))
    writer.append(position)
    writer.append(Array(Crypto.hmacSHA256(writer.bytes, key: key).prefix(Self.tagBytes)))
    return Base64URL.encode(writer.bytes)
  }

  /// The position; VAL_3002 for a cursor that was not made here, or for another filter.
  public func decode(_ text: String, filter: String) throws(MarketError) -> [UInt8] {
    let refusal = MarketError(
      .invalidInput, "The cursor does not belong to this list; start again without it.",
      details: .object([.init("parameter", .string("cursor"))]))
    guard text.utf8.count <= Self.textBytesMax, let bytes = Base64URL.decode(text),
      bytes.count >= 8 + Self.tagBytes
    else { throw refusal }
    let signed = Array(bytes.dropLast(Self.tagBytes))
    let tag = Array(Crypto.hmacSHA256(signed, key: key).prefix(Self.tagBytes))
    guard Crypto.isEqual(tag, Array(bytes.suffix(Self.tagBytes))) else { throw refusal }
    var writer = ByteWriter()
    writer.u64(XXH64.hash(Array(filter.utf8)))
    guard Array(signed.prefix(8)) == writer.bytes else { throw refusal }
    return Array(signed.dropFirst(8))
  }
}
