// SecretText: 256 random bits that a client keeps and the database does not: refresh tokens, session
// cookies, the tokens in mails.
//
// Invariant: only the SHA-256 is stored. A token of this length needs no salt and no slow hash, for
// nobody can try them all; a password has PasswordHasher.

import Bytes

/// A secret that the client keeps and the database does not.
public struct SecretText: Sendable {
  public let text: String
  public let hash: [UInt8]

  /// A new one, 256 random bits.
  public init() { self.init(text: Base64URL.encode(Crypto.randomBytes(32))) }

  /// One that a client presents.
  public init(text: String) {
    self.text = text
    hash = Crypto.sha256(Array(text.utf8))
  }
}

/// The secret that renews a session.
public typealias RefreshToken = SecretText
