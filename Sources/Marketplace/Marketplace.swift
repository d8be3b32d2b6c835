// Marketplace: the domain tied to a database, its secrets and its policies. What a server or a
// command needs to run commands and queries.

import Bytes
import Database
import RecordStore

public struct Marketplace: Sendable {
  public let database: Database
  public let tokens: AccessTokens
  public let guests: GuestTokens
  public let hasher: PasswordHasher
  public let keys: AccountKeys
  /// Slows down the guessing of passwords and codes.
  public let signInGuard = SignInGuard()
  /// What was searched for and is not written yet.
  public let searches = SearchLog()
  public let searchRules = SearchRuleCache()
  public let searchPopularity = SearchPopularity()
  public let checkout: Checkout

  /// Reads the keys of accounts from the database's secrets, making them the first time.
  public init(
    database: Database, hasher: PasswordHasher = PasswordHasher(),
    provider: any PaymentProvider = TestPaymentProvider(),
    policies: OrderPolicies = OrderPolicies()
  ) throws(DatabaseError) {
    self.database = database
    self.hasher = hasher
    keys = try AccountKeys(database)
    tokens = AccessTokens(
      key: try database.secret(named: "access-token-key", byteCount: AccessTokens.keyBytes))
    guests = GuestTokens(
      key: try database.secret(named: "guest-token-key", byteCount: GuestTokens.keyBytes))
    checkout = Checkout(provider: provider, policies: policies)
  }

  public var policies: OrderPolicies { checkout.policies }
  public var provider: any PaymentProvider { checkout.provider }

  /// A payment with its token: of the saved method that it names, where it names one. Throws VAL_3003
  /// without either, RES_4001 for a method of somebody else.
  public func resolved(
    _ reader: some RecordReader, _ payment: CheckoutPayment, of userID: UUIDv7
  ) throws -> CheckoutPayment {
    try PaymentMethods.resolved(reader, payment, of: userID, sealing: keys.sealing)
  }

  /// Settles payments that are open; nil when none is due. Blocks until what it wrote is durable.
  ///
  /// - Parameter all: also those that are not due yet: at the start.
  @discardableResult
  public func settlePayments(
    all: Bool = false, at time: Timestamp
  ) throws -> Settlement.Report? {
    let records = database.snapshot().records
    guard try all || Settlement.isDue(records, at: time),
      try records.first(in: PaymentAttempt.byCheck) != nil
    else { return nil }
    return try database.writeBlocking { transaction in
      try Settlement.settle(
        transaction, all: all, limit: all ? 1000 : 100, provider: provider, policies: policies)
    }.value
  }
}
