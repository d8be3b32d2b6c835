// Sessions: opening, renewing, listing and ending them, and telling who presents a token or a cookie.
//
// Invariants
// 1. A refresh token is used once. Presenting the one before the current one revokes the session:
//    either the owner or a thief holds a copy, and nobody can tell which.
// 2. A cookie's secret authenticates, and does not renew: it is never good for a refresh.
// 3. A user has at most `sessionsMax` sessions that live; the one longest unused gives way.

import Bytes
import RecordStore

/// From where a session is opened, and how its client keeps it.
public struct SessionOrigin: Sendable {
  public var userAgent: String
  public var remoteAddress: String
  public var kind: SessionKind

  public init(userAgent: String = "", remoteAddress: String = "", kind: SessionKind = .token) {
    self.userAgent = userAgent
    self.remoteAddress = remoteAddress
    self.kind = kind
  }
}

/// A session as its owner sees it.
public struct SessionView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var userAgent = ""
  public var remoteAddress = ""
  public var kind = SessionKind.token
  public var createdAt = Timestamp.zero
  public var lastUsedAt = Timestamp.zero
  public var expiresAt = Timestamp.zero
  /// The one that asks.
  public var isCurrent = false

  public init() {}

  public init(_ session: Session, current: UUIDv7) {
    id = session.id
    userAgent = session.userAgent
    remoteAddress = session.remoteAddress
    kind = session.isCookie ? .cookie : .token
    createdAt = session.createdAt
    lastUsedAt = max(session.lastUsedAt, session.createdAt)
    expiresAt = session.expiresAt
    isCurrent = session.id == current
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userAgent", &userAgent)
    try visitor.field(3, "remoteAddress", &remoteAddress)
    try visitor.field(4, "kind", &kind)
    try visitor.field(5, "createdAt", &createdAt)
    try visitor.field(6, "lastUsedAt", &lastUsedAt)
    try visitor.field(7, "expiresAt", &expiresAt)
    try visitor.field(8, "isCurrent", &isCurrent)
  }
}

/// GET /auth/sessions: every session of the user that lives, the newest first.
public struct SessionList: Fields, Equatable {
  public var data: [SessionView] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

extension Accounts {
  public static let sessionSeconds: Int64 = 7 * 86_400
  static let sessionsMax = 100
  /// How long a session that has ended is kept: a refresh token that is used again is still known.
  static let endedKeptSeconds: Int64 = 7 * 86_400
  /// A cookie's session is written at most this often.
  static let touchedAfterSeconds: Int64 = 300
  private static let userAgentScalarsMax = 200

  /// Opens a session. The answer has both tokens, or for a cookie neither: the caller sets it.
  public static func openSession(
    _ transaction: Transaction, user: User, refreshToken: SecretText, userAgent: String = "",
    tokens: AccessTokens
  ) throws -> SignedIn {
    try openSession(
      transaction, user: user, secret: refreshToken,
      from: SessionOrigin(userAgent: userAgent), tokens: tokens, crossSite: nil)
  }

  /// - Parameters:
  ///   - secret: becomes the refresh token, or the cookie.
  ///   - crossSite: makes the token that goes with a cookie.
  public static func openSession(
    _ transaction: Transaction, user: User, secret: SecretText, from origin: SessionOrigin,
    tokens: AccessTokens, crossSite: CrossSiteTokens?
  ) throws -> SignedIn {
    guard user.disabledAt == nil else { throw disabled }
    try makeRoom(transaction, userID: user.id)
    var session = Session()
    session.id = transaction.newID()
    session.userID = user.id
    session.refreshTokenHash = secret.hash
    session.expiresAt = transaction.time.adding(seconds: sessionSeconds)
    session.userAgent = String(
      String.UnicodeScalarView(origin.userAgent.unicodeScalars.prefix(userAgentScalarsMax)))
    session.remoteAddress = origin.remoteAddress
    session.isCookie = origin.kind == .cookie
    session.createdAt = transaction.time
    session.lastUsedAt = transaction.time
    try transaction.insert(session)
    if let crossSite, session.isCookie {
      var answer = SignedIn()
      answer.user = UserView(user)
      answer.csrfToken = crossSite.token(of: session.id)
      answer.expiresIn = sessionSeconds
      return answer
    }
    return signedIn(transaction, user, session, secret, tokens)
  }

  /// Forgets sessions that ended long ago; ends the one longest unused when there are too many.
  private static func makeRoom(_ transaction: Transaction, userID: UUIDv7) throws {
    let sessions = try transaction.all(in: Session.byUser, .equal(key(userID)))
    let limit = transaction.time.adding(seconds: -endedKeptSeconds)
    var alive: [Session] = []
    for session in sessions {
      if session.isAlive(at: transaction.time) {
        alive.append(session)
      } else if min(session.revokedAt ?? session.expiresAt, session.expiresAt) < limit {
        try transaction.delete(Session.self, session.primaryKey)
      }
    }
    guard alive.count >= sessionsMax else { return }
    alive.sort { max($0.lastUsedAt, $0.createdAt) < max($1.lastUsedAt, $1.createdAt) }
    for session in alive.prefix(alive.count - sessionsMax + 1) {
      try end(transaction, session)
    }
  }

  private static func end(_ transaction: Transaction, _ session: Session) throws {
    guard session.revokedAt == nil else { return }
    var session = session
    session.revokedAt = transaction.time
    try transaction.put(session)
  }

  // MARK: Renewing

  /// What came of presenting a refresh token.
  public enum Refresh: Sendable {
    case renewed(SignedIn)
    /// The token was used before; its session has just been revoked, which must be committed.
    case reused(userID: UUIDv7)
  }

  /// Exchanges a refresh token for new tokens. Throws AUTH_1004 for an unknown or dead one.
  public static func refresh(
    _ transaction: Transaction, presented: SecretText, replacement: SecretText,
    tokens: AccessTokens
  ) throws -> Refresh {
    if let session = try transaction.lookup(Session.byPreviousToken, key(presented.hash)) {
      try end(transaction, session)
      return .reused(userID: session.userID)
    }
    guard var session = try transaction.lookup(Session.byRefreshToken, key(presented.hash)),
      session.isAlive(at: transaction.time), !session.isCookie,
      let user = try user(transaction, id: session.userID), user.disabledAt == nil
    else { throw refreshRefused }
    session.previousTokenHash = session.refreshTokenHash
    session.refreshTokenHash = replacement.hash
    session.expiresAt = transaction.time.adding(seconds: sessionSeconds)
    session.lastUsedAt = transaction.time
    try transaction.put(session)
    return .renewed(signedIn(transaction, user, session, replacement, tokens))
  }

  public static let refreshRefused = MarketError(
    .invalidToken, "The refresh token is not valid. Sign in again.")

  // MARK: Listing and ending

  public static func sessions(
    _ reader: some RecordReader, of userID: UUIDv7, current: UUIDv7, at time: Timestamp
  ) throws -> SessionList {
    let sessions = try reader.all(in: Session.byUser, .equal(key(userID)))
    var list = SessionList()
    list.data = sessions.filter { $0.isAlive(at: time) }
      .sorted { $0.id > $1.id }
      .map { SessionView($0, current: current) }
    return list
  }

  /// Ends a session. Ending one that has ended is no error.
  public static func logout(_ transaction: Transaction, sessionID: UUIDv7) throws {
    guard let session = try transaction.get(Session.self, key(sessionID)) else { return }
    try end(transaction, session)
  }

  /// Ends a session of `userID`. Throws RES_4001 when it is somebody else's or has ended.
  public static func revoke(
    _ transaction: Transaction, sessionID: UUIDv7, of userID: UUIDv7
  ) throws {
    guard let session = try transaction.get(Session.self, key(sessionID)),
      session.userID == userID, session.isAlive(at: transaction.time)
    else { throw MarketError.notFound("session") }
    try end(transaction, session)
  }

  /// Ends every session of a user but one; how many they were.
  @discardableResult
  public static func revokeAll(
    _ transaction: Transaction, of userID: UUIDv7, but kept: UUIDv7 = .zero
  ) throws -> Int {
    var count = 0
    for session in try transaction.all(in: Session.byUser, .equal(key(userID)))
    where session.id != kept && session.isAlive(at: transaction.time) {
      try end(transaction, session)
      count += 1
    }
    return count
  }

  // MARK: Who presents it

  /// Who presents `token`. Throws AUTH_1003 when it has expired, AUTH_1004 when it is not ours or
  /// its session has ended.
  public static func authenticate(
    _ reader: some RecordReader, token: String, tokens: AccessTokens, at time: Timestamp
  ) throws -> Caller {
    let claims = try tokens.verify(token, at: time)
    guard let session = try reader.get(Session.self, key(claims.sessionID)),
      session.userID == claims.sub, session.isAlive(at: time)
    else { throw sessionEnded }
    return Caller(userID: claims.sub, role: claims.role, sessionID: claims.sessionID)
  }

  /// Who presents the secret of a cookie, and whether its session should be touched.
  public static func authenticate(
    _ reader: some RecordReader, cookie: String, at time: Timestamp
  ) throws -> (caller: Caller, isStale: Bool) {
    let hash = SecretText(text: cookie).hash
    guard let session = try reader.lookup(Session.byRefreshToken, key(hash)),
      session.isCookie, session.isAlive(at: time),
      let user = try user(reader, id: session.userID)
    else { throw sessionEnded }
    let isStale = session.lastUsedAt.adding(seconds: touchedAfterSeconds) < time
    return (Caller(userID: user.id, role: user.role, sessionID: session.id), isStale)
  }

  /// Notes that a cookie's session is in use, which prolongs it.
  public static func touch(_ transaction: Transaction, sessionID: UUIDv7) throws {
    guard var session = try transaction.get(Session.self, key(sessionID)), session.isCookie,
      session.isAlive(at: transaction.time),
      session.lastUsedAt.adding(seconds: touchedAfterSeconds) < transaction.time
    else { return }
    session.lastUsedAt = transaction.time
    session.expiresAt = transaction.time.adding(seconds: sessionSeconds)
    try transaction.put(session)
  }

  private static let sessionEnded = MarketError(
    .invalidToken, "The session has ended. Sign in again.")

  private static func signedIn(
    _ transaction: Transaction, _ user: User, _ session: Session, _ secret: SecretText,
    _ tokens: AccessTokens
  ) -> SignedIn {
    var claims = AccessClaims()
    claims.sub = user.id
    claims.email = user.email
    claims.role = user.role
    claims.iat = transaction.time.microseconds / 1_000_000
    claims.exp = claims.iat + AccessTokens.lifetimeSeconds
    claims.jti = transaction.newID()
    claims.sessionID = session.id
    var answer = SignedIn()
    answer.user = UserView(user)
    answer.accessToken = tokens.sign(claims)
    answer.refreshToken = secret.text
    answer.expiresIn = AccessTokens.lifetimeSeconds
    return answer
  }
}
