// AccountKeys: the secrets of a data directory that accounts use, and the token against cross-site
// requests. Each secret is a file of mode 0600 in the directory's secrets folder, made at the first
// start.

import Bytes
import Database

public struct AccountKeys: Sendable {
  public let sealing: Sealing
  public let crossSite: CrossSiteTokens
  public let cursors: PageCursors
  /// Derives the verifier of a sign-in with a provider from its state.
  let proofKey: [UInt8]

  /// Reads the secrets, making them the first time.
  public init(_ database: Database) throws(DatabaseError) {
    sealing = Sealing(
      key: try database.secret(named: "sealing-key", byteCount: Sealing.keyBytes))
    crossSite = CrossSiteTokens(key: try database.secret(named: "csrf-key", byteCount: 32))
    cursors = PageCursors(key: try database.secret(named: "cursor-key", byteCount: 32))
    proofKey = try database.secret(named: "oauth-key", byteCount: 32)
  }

  /// The code verifier (RFC 7636, section 4.1) of the sign-in whose state is `state`: 43 characters
  /// that only this server can tell, so that nothing needs to be stored.
  public func codeVerifier(state: String) -> String {
    Base64URL.encode(Crypto.hmacSHA256(Array(state.utf8), key: proofKey))
  }
}

/// Tokens against cross-site requests: HMAC-SHA-256 of the session, in a cookie that scripts can
/// read and in a header that only scripts of ours can set ("signed double submit").
public struct CrossSiteTokens: Sendable {
  private let key: [UInt8]

  public init(key: [UInt8]) { self.key = key }

  public func token(of sessionID: UUIDv7) -> String {
    Base64URL.encode(Crypto.hmacSHA256(Array("csrf:\(sessionID)".utf8), key: key))
  }

  public func isToken(_ text: String, of sessionID: UUIDv7) -> Bool {
    Crypto.isEqual(Array(text.utf8), Array(token(of: sessionID).utf8))
  }
}
