// OneTimeToken: a secret that proves one thing once, and not for long: that somebody reads a mailbox,
// has given the right password, or began a sign-in elsewhere.
//
// Invariants
// 1. The row is found by the SHA-256 of the token; the token itself is nowhere.
// 2. Taking a token deletes its row, in the same commit as its effect: it works once or not at all.
// 3. A token is good for its purpose only, and until `expiresAt`.
// 4. A user has one token of a purpose at a time, but for sign-ins under way, of which there are
//    `challengesMax` at most.
// 5. Dead rows go: each new token removes up to `sweptMax` expired ones, so that they cannot pile up.

import Bytes
import RecordStore

public enum TokenPurpose: String, FieldEnum {
  /// The mailbox of `subject` is the user's.
  case verifyEmail
  case resetPassword
  /// The mailbox of `subject` is the user's, who wants it as address.
  case changeEmail
  /// The password was right; the second step is due.
  case signIn
  /// A sign-in with a provider is under way; `subject` is the provider.
  case oauthState
  /// Whoever presents it becomes the first administrator.
  case setUp

  /// Seconds that a token lives.
  public var lifetimeSeconds: Int64 {
    switch self {
    case .verifyEmail, .changeEmail: 2 * 86_400
    case .resetPassword: 3600
    case .signIn: 5 * 60
    case .oauthState: 10 * 60
    case .setUp: 86_400
    }
  }
}

/// A token that was given out and not used yet. Table 18.
public struct OneTimeToken: Record, Equatable {
  /// SHA-256 of the token.
  public var hash: [UInt8] = []
  public var purpose = TokenPurpose.verifyEmail
  /// Zero when it belongs to nobody yet.
  public var userID = UUIDv7.zero
  /// What it is about: an address, a provider.
  public var subject = ""
  /// Wrong answers that were given with it.
  public var attempts: Int64 = 0
  public var createdAt = Timestamp.zero
  public var expiresAt = Timestamp.zero
  /// The user wants a session by cookie.
  public var wantsCookie = false
  /// Where a browser goes afterwards: a path of ours.
  public var returnPath = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "hash", &hash)
    try visitor.field(2, "purpose", &purpose)
    try visitor.field(3, "userId", &userID)
    try visitor.field(4, "subject", &subject)
    try visitor.field(5, "attempts", &attempts)
    try visitor.field(6, "createdAt", &createdAt)
    try visitor.field(7, "expiresAt", &expiresAt)
    try visitor.field(8, "wantsCookie", &wantsCookie)
    try visitor.field(9, "returnPath", &returnPath)
  }

  public static let table = Table<OneTimeToken>(
    number: 18, name: "oneTimeTokens", indexes: [byUser, byExpiry])
  public static let byUser = Index<OneTimeToken>(number: 1, name: "byUser") { token in
    token.userID == .zero ? [] : [key(token.userID, token.purpose.rawValue)]
  }
  public static let byExpiry = Index<OneTimeToken>(number: 2, name: "byExpiry") {
    [key($0.expiresAt)]
  }
  public var primaryKey: [UInt8] { key(hash) }
}

public enum OneTimeTokens {
  static let sweptMax = 4
  /// Sign-ins under way at once; the oldest gives way.
  static let challengesMax = 5

  /// Stores a token. Earlier ones of the same user and purpose die, but for sign-ins.
  ///
  /// - Parameter adjust: fills the fields that some purposes have.
  @discardableResult
  public static func issue(
    _ transaction: Transaction, _ secret: SecretText, _ purpose: TokenPurpose,
    userID: UUIDv7 = .zero, subject: String = "", _ adjust: (inout OneTimeToken) -> Void = { _ in }
  ) throws -> OneTimeToken {
    try sweep(transaction)
    if userID != .zero {
      let earlier = try transaction.all(
        in: OneTimeToken.byUser, .equal(key(userID, purpose.rawValue)))
      let kept = purpose == .signIn ? challengesMax - 1 : 0
      let oldestFirst = earlier.sorted { $0.createdAt < $1.createdAt }
      for token in oldestFirst.dropLast(kept) {
        try transaction.delete(OneTimeToken.self, token.primaryKey)
      }
    }
    var token = OneTimeToken()
    token.hash = secret.hash
    token.purpose = purpose
    token.userID = userID
    token.subject = subject
    token.createdAt = transaction.time
    token.expiresAt = transaction.time.adding(seconds: purpose.lifetimeSeconds)
    adjust(&token)
    try transaction.insert(token)
    return token
  }

  /// The living token of this text and one of these purposes.
  public static func find(
    _ reader: some RecordReader, text: String, _ purposes: [TokenPurpose], at time: Timestamp
  ) throws -> OneTimeToken? {
    guard let token = try reader.get(OneTimeToken.self, key(SecretText(text: text).hash)),
      purposes.contains(token.purpose), time < token.expiresAt
    else { return nil }
    return token
  }

  /// The token, which is used up by this. Throws AUTH_1004 for one that is unknown, used or expired.
  public static func take(
    _ transaction: Transaction, text: String, _ purposes: [TokenPurpose]
  ) throws -> OneTimeToken {
    guard let token = try find(transaction, text: text, purposes, at: transaction.time) else {
      throw refused
    }
    try transaction.delete(OneTimeToken.self, token.primaryKey)
    return token
  }

  public static let refused = MarketError(
    .invalidToken,
    "The token is not valid: it was used, has expired, or was replaced by a newer one.")

  /// Ends every token of a user, or those of one purpose.
  public static func revoke(
    _ transaction: Transaction, userID: UUIDv7, _ purpose: TokenPurpose? = nil
  ) throws {
    let range: IndexRange =
      purpose.map { .equal(key(userID, $0.rawValue)) } ?? .prefix(key(userID))
    for token in try transaction.all(in: OneTimeToken.byUser, range) {
      try transaction.delete(OneTimeToken.self, token.primaryKey)
    }
  }

  private static func sweep(_ transaction: Transaction) throws {
    let dead = try transaction.all(
      in: OneTimeToken.byExpiry, .range(KeyRange(to: key(transaction.time))), limit: sweptMax)
    for token in dead { try transaction.delete(OneTimeToken.self, token.primaryKey) }
  }
}
