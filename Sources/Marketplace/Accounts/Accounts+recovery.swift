// Recovery: proving a mailbox, setting a new password with its help, changing password and address.
//
// Invariants
// 1. A new password ends every session of the user; who changes it keeps the one he is in.
// 2. Whoever asks for a reset learns nothing: an address that nobody has takes the same row, the same
//    sealing and the same commit as one that somebody has.
// 3. Each change of how one signs in is told to the address that the account had before.

import Bytes
import RecordStore

/// POST /auth/verify-email.
public struct TokenRequest: Fields, Equatable {
  public var token = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "token", &token, .length(1...200).required)
  }
}

/// POST /auth/forgot-password.
public struct ForgotPasswordRequest: Fields, Equatable {
  public var email = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .format("email").required)
  }
}

/// POST /auth/reset-password.
public struct ResetPasswordRequest: Fields, Equatable {
  public var token = ""
  public var password = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "token", &token, .length(1...200).required)
    try visitor.field(2, "password", &password, .required.summary("8 to 72 bytes."))
  }
}

/// POST /auth/change-password.
public struct ChangePasswordRequest: Fields, Equatable {
  public var currentPassword = ""
  public var newPassword = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "currentPassword", &currentPassword, .length(1...1024).required)
    try visitor.field(2, "newPassword", &newPassword, .required.summary("8 to 72 bytes."))
  }
}

/// POST /auth/change-email.
public struct ChangeEmailRequest: Fields, Equatable {
  public var email = ""
  public var password = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "email", &email, .format("email").required)
    try visitor.field(2, "password", &password, .length(1...1024).required)
  }
}

/// What is drawn before a transaction that sends a token by mail.
public struct TokenMail: Sendable {
  public let secret = SecretText()
  public let letters: AccountLetters
  let nonce = Sealing.Nonce()

  public init(_ letters: AccountLetters) { self.letters = letters }
}

extension Accounts {
  /// Mails of one kind to one person come at most this often.
  static let mailPauseSeconds: Int64 = 60

  // MARK: The mailbox

  /// Sends the mail that asks a user to prove the address. Nothing when it is proven, when there is
  /// none, or when such a mail has just gone.
  public static func requestVerification(
    _ transaction: Transaction, userID: UUIDv7, _ mail: TokenMail, sealing: Sealing
  ) throws {
    guard let user = try user(transaction, id: userID), !user.isVerified, !user.email.isEmpty,
      try !hasJustGone(transaction, userID, .verifyEmail)
    else { return }
    try OneTimeTokens.issue(
      transaction, mail.secret, .verifyEmail, userID: userID, subject: user.email)
    try Mails.post(
      transaction, mail.letters.verification(to: user.email, token: mail.secret.text),
      userID: userID, sealing: sealing)
  }

  /// Uses a token from a mail: the address is proven, or becomes the user's new one.
  public static func verifyEmail(
    _ transaction: Transaction, token text: String, letters: AccountLetters, sealing: Sealing
  ) throws -> User {
    let token = try OneTimeTokens.take(transaction, text: text, [.verifyEmail, .changeEmail])
    guard var user = try user(transaction, id: token.userID) else { throw OneTimeTokens.refused }
    if token.purpose == .changeEmail {
      if let other = try self.user(transaction, email: token.subject), other.id != user.id {
        throw emailTaken
      }
      if !user.email.isEmpty {
        try Mails.post(
          transaction, letters.changed(to: user.email, what: "e-mail address"), userID: user.id,
          sealing: sealing)
      }
      user.email = token.subject
      // What went to the old mailbox must not work any more.
      try OneTimeTokens.revoke(transaction, userID: user.id, .resetPassword)
      try OneTimeTokens.revoke(transaction, userID: user.id, .verifyEmail)
    } else {
      // The address has been changed since.
      guard token.subject == user.email else { throw OneTimeTokens.refused }
    }
    user.isVerified = true
    try save(transaction, &user)
    return user
  }

  /// Sends a mail to the address that a user wants; it becomes his with the token in it. An address
  /// that somebody has gets no mail, and the answer is the same.
  public static func requestEmailChange(
    _ transaction: Transaction, userID: UUIDv7, to email: String, _ mail: TokenMail,
    sealing: Sealing
  ) throws {
    guard try user(transaction, email: email) == nil,
      try !hasJustGone(transaction, userID, .changeEmail)
    else { return }
    try OneTimeTokens.issue(
      transaction, mail.secret, .changeEmail, userID: userID, subject: email)
    try Mails.post(
      transaction, mail.letters.changeOfAddress(to: email, token: mail.secret.text),
      userID: userID, sealing: sealing)
  }

  // MARK: The password

  /// Sends a reset token to a user of this address. The user, or nil when there is none.
  @discardableResult
  public static func requestReset(
    _ transaction: Transaction, email: String, _ mail: TokenMail, sealing: Sealing
  ) throws -> User? {
    let user = try user(transaction, email: email)
    let draft = mail.letters.reset(to: user?.email ?? email, token: mail.secret.text)
    if let user, user.disabledAt == nil, try !hasJustGone(transaction, user.id, .resetPassword) {
      try OneTimeTokens.issue(
        transaction, mail.secret, .resetPassword, userID: user.id, subject: user.email)
      try Mails.post(transaction, draft, userID: user.id, sealing: sealing)
      return user
    }
    // As much work, and a commit as well; nobody holds this token, and it belongs to nobody.
    try OneTimeTokens.issue(transaction, mail.secret, .resetPassword)
    _ = try sealing.seal(
      Array(draft.text.utf8), table: MailMessage.table.number, row: key(transaction.newID()),
      nonce: mail.nonce)
    return user
  }

  /// Whether a reset token is good, before its password costs a hash.
  public static func checkReset(
    _ reader: some RecordReader, token: String, at time: Timestamp
  ) throws {
    guard
      let found = try OneTimeTokens.find(reader, text: token, [.resetPassword], at: time),
      found.userID != .zero
    else { throw OneTimeTokens.refused }
  }

  /// Sets a new password with a token from a mail, and ends every session.
  public static func resetPassword(
    _ transaction: Transaction, token text: String, passwordHash: String,
    letters: AccountLetters, sealing: Sealing
  ) throws -> User {
    let token = try OneTimeTokens.take(transaction, text: text, [.resetPassword])
    guard var user = try user(transaction, id: token.userID), user.disabledAt == nil,
      token.subject == user.email
    else { throw OneTimeTokens.refused }
    user.passwordHash = passwordHash
    // Whoever has the token reads the mailbox.
    user.isVerified = true
    try save(transaction, &user)
    try revokeAll(transaction, of: user.id)
    try OneTimeTokens.revoke(transaction, userID: user.id)
    try Mails.post(
      transaction, letters.changed(to: user.email, what: "password"), userID: user.id,
      sealing: sealing)
    return user
  }

  /// Sets a new password and ends every session but the caller's. Throws AUTH_1002 when the password
  /// was changed since `verified` was read.
  public static func changePassword(
    _ transaction: Transaction, _ verified: User, passwordHash: String, keeping sessionID: UUIDv7,
    letters: AccountLetters, sealing: Sealing
  ) throws -> User {
    var user = try unchanged(transaction, verified)
    user.passwordHash = passwordHash
    try save(transaction, &user)
    try revokeAll(transaction, of: user.id, but: sessionID)
    try OneTimeTokens.revoke(transaction, userID: user.id, .resetPassword)
    try OneTimeTokens.revoke(transaction, userID: user.id, .signIn)
    if !user.email.isEmpty {
      try Mails.post(
        transaction, letters.changed(to: user.email, what: "password"), userID: user.id,
        sealing: sealing)
    }
    return user
  }

  /// The user as it is now, if the password is still the one that was verified.
  public static func unchanged(_ reader: some RecordReader, _ verified: User) throws -> User {
    guard let user = try user(reader, id: verified.id), user.passwordHash == verified.passwordHash
    else { throw invalidCredentials }
    return user
  }

  static func save(_ transaction: Transaction, _ user: inout User) throws {
    user.version += 1
    user.updatedAt = transaction.time
    try transaction.put(user)
  }

  private static func hasJustGone(
    _ transaction: Transaction, _ userID: UUIDv7, _ purpose: TokenPurpose
  ) throws -> Bool {
    let limit = transaction.time.adding(seconds: -mailPauseSeconds)
    return try transaction.all(in: OneTimeToken.byUser, .equal(key(userID, purpose.rawValue)))
      .contains { $0.createdAt > limit }
  }
}
