// LiveShop: a server over a marketplace on a simulated disk, with users who are signed in already,
// and threads of clients.

import Bytes
import Database
import Disk
import Glibc
import Marketplace
import RecordStore
import Synchronization
import Testing

@testable import Server

final class LiveShop: Sendable {
  let database: Database
  let market: Marketplace
  let service: Service
  let port: Int

  init(policies: OrderPolicies = OrderPolicies()) throws {
    var configuration = Database.Configuration(
      path: "data", disk: SimulatedDisk(), tables: MarketTables.all,
      views: MarketTables.makeViews())
    configuration.segmentBytes = 1 << 20
    database = try Database.create(configuration)
    market = try Marketplace(
      database: database, hasher: PasswordHasher(cost: 4), policies: policies)
    var options = ServerOptions().withoutRateLimits
    options.port = 0
    service = try Service(
      market: market, options: options, version: "test", log: Log(format: .json) { _ in })
    port = try service.start().port
  }

  /// A user with a session; the header that shows it.
  func signIn(_ name: String, role: UserRole = .buyer) throws -> (user: User, header: String) {
    let tokens = market.tokens
    let (user, token) = try database.writeBlocking { transaction in
      var request = RegisterRequest()
      request.email = "\(name)@example.com"
      request.role = role
      let user = try Accounts.create(transaction, request, passwordHash: "")
      var session = Session()
      session.id = transaction.newID()
      session.userID = user.id
      session.refreshTokenHash = Bytes.key(session.id)
      session.expiresAt = transaction.time.adding(seconds: 86_400)
      try transaction.insert(session)
      var claims = AccessClaims()
      claims.sub = user.id
      claims.email = user.email
      claims.role = role
      claims.iat = transaction.time.microseconds / 1_000_000
      claims.exp = claims.iat + 900
      claims.jti = transaction.newID()
      claims.sessionID = session.id
      return (user, tokens.sign(claims))
    }.value
    return (user, "Authorization: Bearer \(token)\r\n")
  }

  func product(of seller: User, price: Int64, stock: Int64) throws -> Product {
    try database.writeBlocking { transaction in
      var product = Product()
      product.id = transaction.newID()
      product.ordinal = try transaction.nextOrdinal(space: 1)
      product.sellerID = seller.id
      product.title = "Oak stool \(product.ordinal)"
      product.slug = "oak-stool-\(product.ordinal)"
      product.priceMinor = price
      product.currency = "USD"
      product.status = .active
      product.createdAt = transaction.time
      try transaction.insert(product)
      var location = Location()
      location.id = transaction.newID()
      location.sellerID = seller.id
      try transaction.insert(location)
      try Inventory.adjust(
        transaction, variantID: product.id, locationID: location.id, delta: stock)
      return product
    }.value
  }

  var records: Snapshot { database.snapshot().records }

  /// Every transaction of the books sums to zero, and the provider holds what the orders cost.
  func expectBooksBalance(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let entries = try records.all(LedgerEntry.self)
    for (_, lines) in Dictionary(grouping: entries, by: \.transactionID) {
      #expect(lines.reduce(0) { $0 + $1.amountMinor } == 0, sourceLocation: sourceLocation)
    }
    let held = entries.filter { $0.account == "provider:test" }.reduce(0) { $0 + $1.amountMinor }
    let paid = try records.all(Order.self).filter { $0.payment.status == .completed }
    #expect(
      held == paid.reduce(0) { $0 + $1.pricing.totalMinor - $1.payment.refundedMinor },
      sourceLocation: sourceLocation)
    let charges = try records.all(TestCharge.self).filter { $0.state == .charged }
    #expect(
      charges.reduce(0) { $0 + $1.amountMinor - $1.refundedMinor } == held,
      sourceLocation: sourceLocation)
  }

  func stop(sourceLocation: SourceLocation = #_sourceLocation) throws {
    _ = try service.stop()
    #expect(try database.check(deep: true).findings == [], sourceLocation: sourceLocation)
    try database.close()
  }

  static let checkoutBody = """
    {"deliveryAddress":{"street":"1 Mill Lane","city":"Barre","state":"VT","zipCode":"05641",\
    "country":"US"},"payment":{"method":"card","token":"tok_success"}}
    """
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on as many threads at once, and waits for all; a failure is recorded.
func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
  let threads = (0..<count).map { number in
    var thread = pthread_t()
    let box = Unmanaged.passRetained(
      ThreadBody {
        do { try body(number) } catch { Issue.record("thread \(number): \(error)") }
      })
    // Ownership of the box passes to the thread, which releases it.
    let result = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    precondition(result == 0, "cannot start a thread: errno \(result)")
    return thread
  }
  for thread in threads { pthread_join(thread, nil) }
}
