// Accounts: who somebody is: making users and finding them. What they do with their accounts stands
// in the extensions beside this file.
//
// Invariants
// 1. Nobody makes himself an administrator: registration knows buyer and seller only.
// 2. An unknown address and a wrong password are one answer (AUTH_1002), and take the same work.
//
// Hashing takes a third of a second, so it is never done in here: the caller hashes before the
// transaction, and the transaction only stores.

import Bytes
import RecordStore

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
  /// After the right password only: to anybody else the account is like any other.
  public static let disabled = MarketError(
    .forbidden, "The account is disabled. Ask the operator of this shop.")
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

}
