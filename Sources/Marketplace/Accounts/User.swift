// User and Session: who somebody is, and that they are signed in.
//
// Invariants
// 1. Two users never share an e-mail address, letters compared without case; a user without one
//    ("", an imported shop) is not in the index.
// 2. A session keeps the SHA-256 of its refresh token, never the token: a stolen copy of the records
//    signs nobody in.

import Bytes
import RecordStore

public enum UserRole: String, FieldEnum {
  case buyer, seller, admin
}

/// Somebody who buys, sells or administers. Table 1.
public struct User: Record, Equatable {
  public var id = UUIDv7.zero
  /// The dense number that the engines know the user by.
  public var ordinal: UInt32 = 0
  /// As it was given; empty for a shop that was imported.
  public var email = ""
  /// `$2b$…`; empty when nobody can sign in with a password.
  public var passwordHash = ""
  public var role = UserRole.buyer
  public var businessName = ""
  public var firstName = ""
  public var lastName = ""
  public var isVerified = false
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  /// Since when an administrator keeps the user out.
  public var disabledAt: Timestamp?
  /// Signing in takes a second step; see `TwoFactor`.
  public var isTwoFactorEnabled = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "ordinal", &ordinal)
    try visitor.field(3, "email", &email)
    try visitor.field(4, "passwordHash", &passwordHash)
    try visitor.field(5, "role", &role)
    try visitor.field(6, "businessName", &businessName)
    try visitor.field(7, "firstName", &firstName)
    try visitor.field(8, "lastName", &lastName)
    try visitor.field(9, "isVerified", &isVerified)
    try visitor.field(10, "version", &version)
    try visitor.field(11, "createdAt", &createdAt)
    try visitor.field(12, "updatedAt", &updatedAt)
    try visitor.field(13, "disabledAt", &disabledAt)
    try visitor.field(14, "isTwoFactorEnabled", &isTwoFactorEnabled)
  }

  public static let table = Table<User>(
    number: 1, name: "users", indexes: [byEmail, byOrdinal, byRole])
  public static let byEmail = Index<User>(number: 1, name: "byEmail", isUnique: true) { user in
    user.email.isEmpty ? [] : [key(foldedEmail(user.email))]
  }
  public static let byOrdinal = Index<User>(number: 2, name: "byOrdinal", isUnique: true) {
    [key($0.ordinal)]
  }
  /// Those who are not buyers, the many.
  public static let byRole = Index<User>(number: 3, name: "byRole") { user in
    user.role == .buyer ? [] : [key(user.role.rawValue)]
  }
  public var primaryKey: [UInt8] { key(id) }

  /// The form under which an address is found: lower case, without surrounding space.
  public static func foldedEmail(_ email: String) -> String {
    let space = { (character: Character) in character == " " || character == "\t" }
    let trimmed = email.drop(while: space)
    guard let last = trimmed.lastIndex(where: { !space($0) }) else { return "" }
    return trimmed[...last].lowercased()
  }
}

/// A device that is signed in. Table 2.
public struct Session: Record, Equatable {
  public var id = UUIDv7.zero
  public var userID = UUIDv7.zero
  /// SHA-256 of the refresh token that is valid now.
  public var refreshTokenHash: [UInt8] = []
  /// SHA-256 of the refresh token before it; who presents that one has a stolen copy, or lost the
  /// answer that held the new one. Empty until the first rotation.
  public var previousTokenHash: [UInt8] = []
  public var expiresAt = Timestamp.zero
  public var revokedAt: Timestamp?
  public var userAgent = ""
  public var createdAt = Timestamp.zero
  /// When it was last renewed; a cookie's session, when it was last used, to five minutes.
  public var lastUsedAt = Timestamp.zero
  /// From where it was opened.
  public var remoteAddress = ""
  /// The secret is a browser's cookie: it is presented with each request and does not rotate.
  public var isCookie = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "refreshTokenHash", &refreshTokenHash)
    try visitor.field(4, "previousTokenHash", &previousTokenHash)
    try visitor.field(5, "expiresAt", &expiresAt)
    try visitor.field(6, "revokedAt", &revokedAt)
    try visitor.field(7, "userAgent", &userAgent)
    try visitor.field(8, "createdAt", &createdAt)
    try visitor.field(9, "lastUsedAt", &lastUsedAt)
    try visitor.field(10, "remoteAddress", &remoteAddress)
    try visitor.field(11, "isCookie", &isCookie)
  }

  public static let table = Table<Session>(
    number: 2, name: "sessions", indexes: [byRefreshToken, byPreviousToken, byUser])
  public static let byRefreshToken = Index<Session>(
    number: 1, name: "byRefreshToken", isUnique: true
  ) { [key($0.refreshTokenHash)] }
  public static let byPreviousToken = Index<Session>(
    number: 2, name: "byPreviousToken", isUnique: true
  ) { $0.previousTokenHash.isEmpty ? [] : [key($0.previousTokenHash)] }
  public static let byUser = Index<Session>(number: 3, name: "byUser") { [key($0.userID)] }
  public var primaryKey: [UInt8] { key(id) }

  public func isAlive(at time: Timestamp) -> Bool { revokedAt == nil && time < expiresAt }
}
