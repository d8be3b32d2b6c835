// ProviderAccount: that a user signs in with somebody else's account too.
//
// Who comes back from a provider is
//
//   known under (provider, subject)            that user
//   signed in here when he began               linked to himself
//   new, his address is nobody's               a new buyer, if the provider has proved the address
//   new, his address is a user's               linked if both sides have proved it, else refused
//
// The last row keeps out whoever registers a stranger's address here and waits for him to come
// with his provider (pre-hijacking), and whoever enters a stranger's address at a careless provider.

import Bytes
import RecordStore

/// An account with a provider. Table 23.
public struct ProviderAccount: Record, Equatable {
  public var provider = ""
  /// The provider's own identifier of the person.
  public var subject = ""
  public var userID = UUIDv7.zero
  public var email = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "provider", &provider)
    try visitor.field(2, "subject", &subject)
    try visitor.field(3, "userId", &userID)
    try visitor.field(4, "email", &email)
    try visitor.field(5, "createdAt", &createdAt)
  }

  public static let table = Table<ProviderAccount>(
    number: 23, name: "providerAccounts", indexes: [byUser])
  public static let byUser = Index<ProviderAccount>(number: 1, name: "byUser") { [key($0.userID)] }
  public var primaryKey: [UInt8] { key(provider, subject) }
}

/// What a provider says of a person.
public struct ProviderIdentity: Sendable, Equatable {
  public var provider: String
  public var subject: String
  public var email: String
  public var isEmailVerified: Bool
  public var firstName: String
  public var lastName: String

  public init(
    provider: String, subject: String, email: String, isEmailVerified: Bool,
    firstName: String = "", lastName: String = ""
  ) {
    self.provider = provider
    self.subject = subject
    self.email = email
    self.isEmailVerified = isEmailVerified
    self.firstName = firstName
    self.lastName = lastName
  }
}

public enum ProviderAccounts {
  /// Longer than any provider's identifier; a bound on the key.
  private static let subjectBytesMax = 255

  /// The user who is this person, made if there is none.
  ///
  /// - Parameter linkTo: the user who was signed in when it began; zero for nobody.
  /// Throws RES_4003 with `details.reason` when it may not be decided without the owner, EXT_6001
  /// never; AUTH_1002 for an identity that no account can be made of.
  public static func user(
    _ transaction: Transaction, _ identity: ProviderIdentity, linkTo: UUIDv7
  ) throws -> User {
    guard (1...subjectBytesMax).contains(identity.subject.utf8.count) else {
      throw MarketError(
        .invalidCredentials, "The provider did not say who you are. Sign in another way.")
    }
    let place = key(identity.provider, identity.subject)
    if let known = try transaction.get(ProviderAccount.self, place) {
      guard linkTo == .zero || linkTo == known.userID else {
        throw MarketError.conflict(
          "This account of the provider belongs to another user here.", reason: "linked_elsewhere")
      }
      guard let user = try Accounts.user(transaction, id: known.userID) else {
        throw MarketError.notFound("user")
      }
      return user
    }
    let user =
      linkTo == .zero
      ? try match(transaction, identity) : try Accounts.user(transaction, id: linkTo)
    guard let user else { throw MarketError.notFound("user") }
    var account = ProviderAccount()
    account.provider = identity.provider
    account.subject = identity.subject
    account.userID = user.id
    account.email = identity.email
    account.createdAt = transaction.time
    try transaction.insert(account)
    return user
  }

  private static func match(_ transaction: Transaction, _ identity: ProviderIdentity) throws -> User
  {
    guard !identity.email.isEmpty, identity.isEmailVerified else {
      throw MarketError.conflict(
        "The provider has not verified your e-mail address. Sign in with a password, then link it.",
        reason: "email_unverified")
    }
    if let user = try Accounts.user(transaction, email: identity.email) {
      guard user.isVerified else {
        throw MarketError.conflict(
          "There is an account with this address that is not verified. Sign in to it, then link it.",
          reason: "account_unverified")
      }
      return user
    }
    var request = RegisterRequest()
    request.email = identity.email
    request.firstName = identity.firstName
    request.lastName = identity.lastName
    var user = try Accounts.create(transaction, request, passwordHash: "")
    user.isVerified = true
    try transaction.put(user)
    return user
  }
}
