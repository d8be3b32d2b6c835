// What the routes of accounts take and give.

import Bytes

/// POST /auth/register.
public struct RegisterRequest: Fields, Equatable {
  public var email = ""
  public var password = ""
  public var role = UserRole.buyer
  public var businessName = ""
  public var firstName = ""
  public var lastName = ""
  public var session = SessionKind.token

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .format("email").required)
    try visitor.field(
      2, "password", &password, .required.summary("8 to 72 bytes; bcrypt reads no more."))
    try visitor.field(3, "role", &role, FieldRules().summary("buyer or seller."))
    try visitor.field(4, "businessName", &businessName, .length(0...255))
    try visitor.field(5, "firstName", &firstName, .length(0...100))
    try visitor.field(6, "lastName", &lastName, .length(0...100))
    try visitor.field(7, "session", &session, SessionKind.rules)
  }
}

/// How a client keeps its session.
public enum SessionKind: String, FieldEnum {
  /// Tokens in the answer.
  case token
  /// A cookie that scripts cannot read.
  case cookie

  static let rules = FieldRules().summary(
    "token: tokens in the answer; cookie: a session cookie for browsers.")
}

/// POST /auth/login.
public struct LoginRequest: Fields, Equatable {
  public var email = ""
  public var password = ""
  public var session = SessionKind.token

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .length(1...254).required)
    try visitor.field(2, "password", &password, .length(1...1024).required)
    try visitor.field(3, "session", &session, SessionKind.rules)
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
  public var isTwoFactorEnabled = false
  public var createdAt = Timestamp.zero
  /// Since when an administrator keeps the user out.
  public var disabledAt: Timestamp?

  public init() {}

  public init(_ user: User) {
    id = user.id
    email = user.email
    role = user.role
    businessName = user.businessName.isEmpty ? nil : user.businessName
    firstName = user.firstName.isEmpty ? nil : user.firstName
    lastName = user.lastName.isEmpty ? nil : user.lastName
    isVerified = user.isVerified
    isTwoFactorEnabled = user.isTwoFactorEnabled
    createdAt = user.createdAt
    disabledAt = user.disabledAt
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
    try visitor.field(9, "isTwoFactorEnabled", &isTwoFactorEnabled)
    try visitor.field(10, "disabledAt", &disabledAt)
  }
}

/// What registering, signing in and refreshing answer. A session by cookie has no tokens in the
/// body but the one against cross-site requests; confirming two-step sign-in has the user only.
public struct SignedIn: Fields, Equatable {
  public var user = UserView()
  public var accessToken: String?
  public var refreshToken: String?
  /// Goes into the header X-CSRF-Token of every write that a cookie authenticates.
  public var csrfToken: String?
  /// Seconds that the access token, or the cookie's session, lives.
  public var expiresIn: Int64?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "user", &user)
    try visitor.field(2, "accessToken", &accessToken)
    try visitor.field(3, "refreshToken", &refreshToken)
    try visitor.field(4, "expiresIn", &expiresIn)
    try visitor.field(5, "csrfToken", &csrfToken)
  }
}
