// AccessToken: a JSON Web Token (RFC 7519) signed with HMAC-SHA-256 (RFC 7518, section 3.2).
//
//   base64url({"alg":"HS256","typ":"JWT"}) . base64url(claims) . base64url(HMAC(first two parts))
//
// Invariants
// 1. The algorithm comes from us, not from the token: any other `alg` is refused before a key is
//    touched (RFC 8725, section 3.1).
// 2. The signature is compared in constant time and before the claims are read.
// 3. A token lives 15 minutes; within them a request also looks up its session, so that signing
//    out takes effect at once.

import Bytes

/// What an access token says.
public struct AccessClaims: Fields, Equatable {
  public var sub = UUIDv7.zero
  public var email = ""
  public var role = UserRole.buyer
  /// Seconds since 1970.
  public var iat: Int64 = 0
  public var exp: Int64 = 0
  public var jti = UUIDv7.zero
  public var sessionID = UUIDv7.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sub", &sub, .required)
    try visitor.field(2, "email", &email, .required)
    try visitor.field(3, "role", &role, .required)
    try visitor.field(4, "iat", &iat, .required)
    try visitor.field(5, "exp", &exp, .required)
    try visitor.field(6, "jti", &jti, .required)
    try visitor.field(7, "sessionId", &sessionID, .required)
  }
}

/// Makes and checks access tokens with one key.
public struct AccessTokens: Sendable {
  /// How long a token lives, in seconds.
  public static let lifetimeSeconds: Int64 = 15 * 60
  /// Bytes of the signing key.
  public static let keyBytes = 32
  /// Longer than any token of ours; a bound on the work that a stranger can cause.
  private static let tokenBytesMax = 2048

  private let key: [UInt8]
  private let header = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))

  public init(key: [UInt8]) {
    precondition(key.count >= Self.keyBytes, "the signing key has fewer than 32 bytes")
    self.key = key
  }

  public func sign(_ claims: AccessClaims) -> String {
    let signed = header + "." + Base64URL.encode(FieldJSON.encode(claims))
    return signed + "." + Base64URL.encode(Crypto.hmacSHA256(Array(signed.utf8), key: key))
  }

  /// The claims of a token of ours that is alive. Throws AUTH_1004 for any other text, AUTH_1003
  /// when it has expired.
  public func verify(_ token: String, at time: Timestamp) throws(MarketError) -> AccessClaims {
    let invalid = MarketError(.invalidToken, "The access token is not valid. Sign in again.")
    guard token.utf8.count <= Self.tokenBytesMax else { throw invalid }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, isAllowedHeader(String(parts[0])),
      let signature = Base64URL.decode(String(parts[2]))
    else { throw invalid }
    let signed = Array((parts[0] + "." + parts[1]).utf8)
    guard Crypto.isEqual(signature, Crypto.hmacSHA256(signed, key: key)),
      let payload = Base64URL.decode(String(parts[1]))
    else { throw invalid }
    let claims: AccessClaims
    do {
      claims = try FieldJSON.decode(from: payload, unknownFields: .ignored)
    } catch {
      throw invalid
    }
    guard time.microseconds / 1_000_000 < claims.exp else {
      throw MarketError(
        .tokenExpired, "The access token has expired. Use the refresh token to get a new one.")
    }
    return claims
  }

  private func isAllowedHeader(_ text: String) -> Bool {
    if text == header { return true }
    guard let bytes = Base64URL.decode(text), let value = try? JSONValue(parsing: bytes) else {
      return false
    }
    return value["alg"]?.text == "HS256" && value["crit"] == nil
  }
}
