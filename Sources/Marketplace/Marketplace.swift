// Marketplace: the domain tied to a database, its secrets and its policies. What a server or a
// command needs to run commands and queries.

import Bytes
import Database
import RecordStore

public struct Marketplace: Sendable {
  public let database: Database
  public let tokens: AccessTokens
  public let hasher: PasswordHasher
  public let checkout: Checkout

  /// Reads the signing key of access tokens from the database's secrets, making it the first time.
  public init(
    database: Database, hasher: PasswordHasher = PasswordHasher(),
    provider: any EmbeddedPaymentProvider = TestPaymentProvider(),
    policies: OrderPolicies = OrderPolicies()
  ) throws(DatabaseError) {
    self.database = database
    self.hasher = hasher
    tokens = AccessTokens(
      key: try database.secret(named: "access-token-key", byteCount: AccessTokens.keyBytes))
    checkout = Checkout(provider: provider, policies: policies)
  }

  public var policies: OrderPolicies { checkout.policies }
  public var provider: any EmbeddedPaymentProvider { checkout.provider }
}
