// Accounts: registering, signing in and out, and exchanging a refresh token.
//
// Invariants
// 1. Nobody makes himself an administrator: registration knows buyer and seller only.
// 2. An unknown address and a wrong password are one answer (AUTH_1002), and take the same work.
// 3. A refresh token is used once. Presenting the one before the current one revokes the session:
//    either the owner or a thief holds a copy, and nobody can tell which.
//
// Hashing takes a third of a second, so it is never done in here: the caller hashes before the
// transaction, and the transaction only stores.

import Bytes
import RecordStore

/// POST /auth/register.
public struct RegisterRequest: Fields, Equatable {
  public var email = ""
  public var password = ""
  public var role = UserRole.buyer
  public var businessName = ""
  public var firstName = ""
  public var lastName = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .format("email").required)
    try visitor.field(
      2, "password", &password, .required.summary("8 to 72 bytes; bcrypt reads no more."))
    try visitor.field(3, "role", &role, FieldRules().summary("buyer or seller."))
    try visitor.field(4, "businessName", &businessName, .length(0...255))
    try visitor.field(5, "firstName", &firstName, .length(0...100))
    try visitor.field(6, "lastName", &lastName, .length(0...100))
  }
}

/// POST /auth/login.
public struct LoginRequest: Fields, Equatable {
  public var email = ""
  public var password = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .length(1...254).required)
    try visitor.field(2, "password", &password, .length(1...1024).required)
  }
}

/// POST /auth/refresh-token.
public struct RefreshRequest: Fields, Equatable {
  public var refreshToken = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "refreshToken", &refreshToken, .length(1...200).required)
  }
}

/// A user as the API shows one.
public struct UserView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var email = ""
  public var role = UserRole.buyer
  public var businessName: String?
  public var firstName: String?
  public var lastName: String?
  public var isVerified = false
  public var createdAt = Timestamp.zero

  public init() {}

  public init(_ user: User) {
    id = user.id
    email = user.email
    role = user.role
    businessName = user.businessName.isEmpty ? nil : user.businessName
    firstName = user.firstName.isEmpty ? nil : user.firstName
    lastName = user.lastName.isEmpty ? nil : user.lastName
    isVerified = user.isVerified
    createdAt = user.createdAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "email", &email)
    try visitor.field(3, "role", &role)
    try visitor.field(4, "businessName", &businessName)
    try visitor.field(5, "firstName", &firstName)
    try visitor.field(6, "lastName", &lastName)
    try visitor.field(7, "isVerified", &isVerified)
    try visitor.field(8, "createdAt", &createdAt)
  }
}

/// What registering, signing in and refreshing answer.
public struct SignedIn: Fields, Equatable {
  public var user = UserView()
  public var accessToken = ""
  public var refreshToken = ""
  /// Seconds that the access token lives.
  public var expiresIn: Int64 = AccessTokens.lifetimeSeconds

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "user", &user)
    try visitor.field(2, "accessToken", &accessToken)
    try visitor.field(3, "refreshToken", &refreshToken)
    try visitor.field(4, "expiresIn", &expiresIn)
  }
}

/// A secret that the client keeps and the database does not.
public struct RefreshToken: Sendable {
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

/// A user who has just been authenticated.
public struct Caller: Sendable, Equatable {
  public var userID: UUIDv7
  public var role: UserRole
  public var sessionID: UUIDv7

  public init(userID: UUIDv7, role: UserRole, sessionID: UUIDv7 = .zero) {
    self.userID = userID
    self.role = role
    self.sessionID = sessionID
  }

  public var isAdmin: Bool { role == .admin }
}

public enum Accounts {
  /// The ordinal space of users.
  public static let ordinalSpace: UInt32 = 2
  static let sessionSeconds: Int64 = 7 * 86_400
  private static let userAgentBytesMax = 200

  /// Makes a user. Throws RES_4002 when the address is taken, AUTHZ_2001 for the role admin.
  ///
  /// - Parameter passwordHash: made by `PasswordHasher` before the transaction.
  public static func register(
    _ transaction: Transaction, _ request: RegisterRequest, passwordHash: String
  ) throws -> User {
    guard request.role != .admin else { throw adminRefused }
    return try create(transaction, request, passwordHash: passwordHash)
  }

  /// Makes a user of any role: for the command line and imports.
  public static func create(
    _ transaction: Transaction, _ request: RegisterRequest, passwordHash: String
  ) throws -> User {
    if try user(transaction, email: request.email) != nil { throw emailTaken }
    var user = User()
    user.id = transaction.newID()
    user.ordinal = try transaction.nextOrdinal(space: ordinalSpace)
    user.email = request.email
    user.passwordHash = passwordHash
    user.role = request.role
    user.businessName = request.businessName
    user.firstName = request.firstName
    user.lastName = request.lastName
    user.createdAt = transaction.time
    user.updatedAt = transaction.time
    try transaction.insert(user)
    return user
  }

  public static let adminRefused = MarketError(
    .forbidden, "Administrators are made on the server's command line.")
  public static let emailTaken = MarketError(
    .alreadyExists, "There is an account with this e-mail address. Sign in instead.")
  public static let invalidCredentials = MarketError(
    .invalidCredentials, "The e-mail address or the password is wrong.")

  public static func user(_ reader: some RecordReader, email: String) throws -> User? {
    let folded = User.foldedEmail(email)
    guard !folded.isEmpty, folded.utf8.count <= 254 else { return nil }
    return try reader.lookup(User.byEmail, key(folded))
  }

  public static func user(_ reader: some RecordReader, id: UUIDv7) throws -> User? {
    try reader.get(User.self, key(id))
  }

  /// Opens a session and answers with both tokens.
  public static func openSession(
    _ transaction: Transaction, user: User, refreshToken: RefreshToken, userAgent: String,
    tokens: AccessTokens
  ) throws -> SignedIn {
    var session = Session()
    session.id = transaction.newID()
    session.userID = user.id
    session.refreshTokenHash = refreshToken.hash
    session.expiresAt = transaction.time.adding(seconds: sessionSeconds)
    session.userAgent = String(userAgent.unicodeScalars.prefix(userAgentBytesMax / 4))
    session.createdAt = transaction.time
    try transaction.insert(session)
    return signedIn(transaction, user, session, refreshToken, tokens)
  }

  /// What came of presenting a refresh token.
  public enum Refresh: Sendable {
    case renewed(SignedIn)
    /// The token was used before; its session has just been revoked, which must be committed.
    case reused
  }

  /// Exchanges a refresh token for new tokens. Throws AUTH_1004 for an unknown or dead one.
  public static func refresh(
    _ transaction: Transaction, presented: RefreshToken, replacement: RefreshToken,
    tokens: AccessTokens
  ) throws -> Refresh {
    if var session = try transaction.lookup(Session.byPreviousToken, key(presented.hash)) {
      session.revokedAt = session.revokedAt ?? transaction.time
      try transaction.put(session)
      return .reused
    }
    guard var session = try transaction.lookup(Session.byRefreshToken, key(presented.hash)),
      session.isAlive(at: transaction.time),
      let user = try user(transaction, id: session.userID)
    else { throw refreshRefused }
    session.previousTokenHash = session.refreshTokenHash
    session.refreshTokenHash = replacement.hash
    session.expiresAt = transaction.time.adding(seconds: sessionSeconds)
    try transaction.put(session)
    return .renewed(signedIn(transaction, user, session, replacement, tokens))
  }

  public static let refreshRefused = MarketError(
    .invalidToken, "The refresh token is not valid. Sign in again.")

  /// Ends a session. Ending one that has ended is no error.
  public static func logout(_ transaction: Transaction, sessionID: UUIDv7) throws {
    guard var session = try transaction.get(Session.self, key(sessionID)),
      session.revokedAt == nil
    else { return }
    session.revokedAt = transaction.time
    try transaction.put(session)
  }

  /// Who presents `token`. Throws AUTH_1003 when it has expired, AUTH_1004 when it is not ours or
  /// its session has ended.
  public static func authenticate(
    _ reader: some RecordReader, token: String, tokens: AccessTokens, at time: Timestamp
  ) throws -> Caller {
    let claims = try tokens.verify(token, at: time)
    guard let session = try reader.get(Session.self, key(claims.sessionID)),
      session.userID == claims.sub, session.isAlive(at: time)
    else {
      throw MarketError(.invalidToken, "The session has ended. Sign in again.")
    }
    return Caller(userID: claims.sub, role: claims.role, sessionID: claims.sessionID)
  }

  private static func signedIn(
    _ transaction: Transaction, _ user: User, _ session: Session, _ refreshToken: RefreshToken,
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
    answer.refreshToken = refreshToken.text
    return answer
  }
}
