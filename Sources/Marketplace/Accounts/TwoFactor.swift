// TwoFactor: signing in with a second step: a code of an authenticator app, or one of ten recovery
// codes.
//
// Invariants
// 1. Nothing is asked of a user until he has shown a code of the new key: nobody locks himself out
//    with a picture that he did not scan.
// 2. A step's code works once: `lastStep` only rises (RFC 6238, section 5.2).
// 3. A recovery code works once; only SHA-256 of it is stored.
// 4. The key is stored sealed (Sealing).
// 5. A sign-in that is under way survives `attemptsMax` wrong codes; then the password is asked again.

import Bytes
import RecordStore

/// A user's second step. Table 20.
public struct TwoFactor: Record, Equatable {
  public var userID = UUIDv7.zero
  public var sealedKey: [UInt8] = []
  /// Nil until it is confirmed with a code.
  public var enabledAt: Timestamp?
  /// The newest step whose code was used.
  public var lastStep: Int64 = 0
  /// SHA-256 of the recovery codes that are left.
  public var recoveryHashes: [[UInt8]] = []
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "userId", &userID)
    try visitor.field(2, "sealedKey", &sealedKey)
    try visitor.field(3, "enabledAt", &enabledAt)
    try visitor.field(4, "lastStep", &lastStep)
    try visitor.field(5, "recoveryHashes", &recoveryHashes)
    try visitor.field(6, "createdAt", &createdAt)
  }

  public static let table = Table<TwoFactor>(number: 20, name: "twoFactor")
  public var primaryKey: [UInt8] { key(userID) }
}

/// POST /auth/enable-2fa and /auth/disable-2fa.
public struct SecondStepRequest: Fields, Equatable {
  public var password: String?
  public var code: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "password", &password, .length(1...1024).summary("Needed when the account has one."))
    try visitor.field(2, "code", &code, .length(1...40).summary("Needed once it is enabled."))
  }
}

/// POST /auth/verify-2fa.
public struct VerifyCodeRequest: Fields, Equatable {
  public var code = ""
  public var challengeToken: String?
  public var session = SessionKind.token

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "code", &code,
      .length(1...40).required.summary("Six digits of the app, or a recovery code."))
    try visitor.field(
      2, "challengeToken", &challengeToken,
      .length(1...200).summary(
        "From AUTH_1005 of a sign-in; without it the code confirms enabling."))
    try visitor.field(3, "session", &session, SessionKind.rules)
  }
}

/// What enabling answers; shown once.
public struct TwoFactorSetup: Fields, Equatable {
  /// The key in Base32, to type in.
  public var secret = ""
  public var otpauthURI = ""
  /// The URI as a QR code: an SVG document.
  public var qrSVG = ""
  public var recoveryCodes: [String] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "secret", &secret)
    try visitor.field(2, "otpauthUri", &otpauthURI)
    try visitor.field(3, "qrSvg", &qrSVG)
    try visitor.field(4, "recoveryCodes", &recoveryCodes)
  }
}

/// POST /auth/recovery-codes.
public struct RecoveryCodes: Fields, Equatable {
  public var recoveryCodes: [String] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "recoveryCodes", &recoveryCodes)
  }
}

/// What is drawn before the transaction that enables it.
public struct TwoFactorDraft: Sendable {
  public let key = Crypto.randomBytes(TOTP.keyBytes)
  public let codes = TwoFactors.newCodes()
  let nonce = Sealing.Nonce()

  public init() {}
}

public enum TwoFactors {
  static let recoveryCount = 10
  public static let attemptsMax: Int64 = 5

  /// Ten codes of 50 random bits, as `xxxxx-xxxxx` in Base32.
  public static func newCodes() -> [String] {
    (0..<recoveryCount).map { _ in
      let text = Base32.encode(Crypto.randomBytes(7)).lowercased().prefix(10)
      return text.prefix(5) + "-" + text.suffix(5)
    }
  }

  /// The hash under which a recovery code is known: letters without case, no hyphens or spaces.
  static func hash(_ code: String) -> [UInt8] {
    Crypto.sha256(Array(code.lowercased().utf8.filter { $0 != 0x2d && $0 != 0x20 }))
  }

  public static func find(_ reader: some RecordReader, _ userID: UUIDv7) throws -> TwoFactor? {
    try reader.get(TwoFactor.self, key(userID))
  }

  // MARK: Enabling and disabling

  /// Stores a new key, which is asked for once it is confirmed. Throws RES_4003 when it is enabled.
  public static func begin(
    _ transaction: Transaction, user: User, _ draft: TwoFactorDraft, issuer: String,
    sealing: Sealing
  ) throws -> TwoFactorSetup {
    guard !user.isTwoFactorEnabled else {
      throw MarketError.conflict(
        "Two-step sign-in is on already; disable it first.", reason: "already_enabled")
    }
    var record = TwoFactor()
    record.userID = user.id
    record.sealedKey = try sealing.seal(
      draft.key, table: TwoFactor.table.number, row: record.primaryKey, nonce: draft.nonce)
    record.recoveryHashes = draft.codes.map(hash)
    record.createdAt = transaction.time
    try transaction.put(record)
    var setup = TwoFactorSetup()
    setup.secret = Base32.encode(draft.key)
    setup.otpauthURI = TOTP.uri(
      key: draft.key, issuer: issuer, account: user.email.isEmpty ? "\(user.id)" : user.email)
    // The URI always fits: an address has at most 254 bytes, thrice that when escaped.
    setup.qrSVG = QRCode(Array(setup.otpauthURI.utf8))?.svg() ?? ""
    setup.recoveryCodes = draft.codes
    return setup
  }

  /// Switches it on with a first code. False for a wrong one.
  public static func confirm(
    _ transaction: Transaction, user: inout User, code: String, sealing: Sealing
  ) throws -> Bool {
    guard var record = try find(transaction, user.id), record.enabledAt == nil else {
      throw MarketError.conflict(
        "There is nothing to confirm: enable two-step sign-in first.", reason: "not_begun")
    }
    let key = try open(record, sealing)
    guard
      let step = TOTP.match(code, key: key, at: transaction.time, after: record.lastStep)
    else { return false }
    record.lastStep = step
    record.enabledAt = transaction.time
    try transaction.put(record)
    user.isTwoFactorEnabled = true
    try Accounts.save(transaction, &user)
    return true
  }

  /// Whether `code` is the user's second step; it is used up if it is.
  public static func use(
    _ transaction: Transaction, userID: UUIDv7, code: String, sealing: Sealing
  ) throws -> Bool {
    guard var record = try find(transaction, userID), record.enabledAt != nil else { return false }
    let key = try open(record, sealing)
    if let step = TOTP.match(code, key: key, at: transaction.time, after: record.lastStep) {
      record.lastStep = step
      try transaction.put(record)
      return true
    }
    let hash = hash(code)
    var place: Int?
    for (index, known) in record.recoveryHashes.enumerated() where Crypto.isEqual(known, hash) {
      place = index
    }
    guard let place else { return false }
    record.recoveryHashes.remove(at: place)
    try transaction.put(record)
    return true
  }

  public static func disable(_ transaction: Transaction, user: inout User) throws {
    try transaction.delete(TwoFactor.self, key(user.id))
    user.isTwoFactorEnabled = false
    try Accounts.save(transaction, &user)
    try OneTimeTokens.revoke(transaction, userID: user.id, .signIn)
  }

  /// Ten new recovery codes in place of those that are left.
  public static func renewCodes(
    _ transaction: Transaction, userID: UUIDv7, _ codes: [String]
  ) throws -> RecoveryCodes {
    guard var record = try find(transaction, userID), record.enabledAt != nil else { throw isOff }
    record.recoveryHashes = codes.map(hash)
    try transaction.put(record)
    var answer = RecoveryCodes()
    answer.recoveryCodes = codes
    return answer
  }

  public static let isOff = MarketError.conflict(
    "Two-step sign-in is not enabled.", reason: "not_enabled")
  public static let wrongCode = MarketError(
    .invalidCredentials, "The code is wrong, was used already, or has expired.")

  private static func open(_ record: TwoFactor, _ sealing: Sealing) throws(MarketError) -> [UInt8] {
    let key = sealing.open(
      record.sealedKey, table: TwoFactor.table.number, row: record.primaryKey)
    guard let key, key.count == TOTP.keyBytes else {
      throw MarketError(
        .databaseError, "The key of two-step sign-in cannot be opened; ask the operator.")
    }
    return key
  }

  // MARK: The second step of signing in

  /// What came of a code for a sign-in that is under way.
  public enum Step: Sendable {
    case passed(User, OneTimeToken)
    /// Counted, which must be committed.
    case wrong(userID: UUIDv7)
  }

  /// Throws AUTH_1004 for a challenge that is unknown, used, expired or tried too often.
  public static func answer(
    _ transaction: Transaction, challenge text: String, code: String, sealing: Sealing
  ) throws -> Step {
    guard
      var token = try OneTimeTokens.find(transaction, text: text, [.signIn], at: transaction.time),
      let user = try Accounts.user(transaction, id: token.userID)
    else { throw OneTimeTokens.refused }
    if try use(transaction, userID: user.id, code: code, sealing: sealing) {
      try transaction.delete(OneTimeToken.self, token.primaryKey)
      return .passed(user, token)
    }
    token.attempts += 1
    if token.attempts >= attemptsMax {
      try transaction.delete(OneTimeToken.self, token.primaryKey)
    } else {
      try transaction.put(token)
    }
    return .wrong(userID: user.id)
  }

  /// AUTH_1005 with the challenge that the second step needs.
  public static func required(_ challenge: SecretText) -> MarketError {
    MarketError(
      .twoFactorRequired,
      "Send the code of your authenticator app and this challenge to /auth/verify-2fa.",
      details: .object([
        .init("challengeToken", .string(challenge.text)),
        .init("expiresIn", .int(TokenPurpose.signIn.lifetimeSeconds)),
      ]))
  }
}
