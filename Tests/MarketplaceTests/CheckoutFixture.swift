// What the tests of carts, checkout and orders share: a marketplace in memory with sellers, goods
// and buyers, and the identities that must hold whatever was done to it.

import Bytes
import Database
import Disk
import Marketplace
import RecordStore
import Synchronization
import Testing

struct CheckoutFixture {
  let market: Marketplace
  private let skipped: SkippedTime
  var database: Database { market.database }

  /// - Parameter runsThreads: false lets `writeBlocking` run the writer on the caller.
  init(
    runsThreads: Bool = false, policies: OrderPolicies = OrderPolicies(), seed: UInt64 = 1
  ) throws {
    let random = Mutex(SeededNumbers(seed: seed))
    let ticks = Atomic<Int64>(0)
    let skipped = SkippedTime()
    self.skipped = skipped
    var configuration = Database.Configuration(
      path: "data", disk: SimulatedDisk(), tables: MarketTables.all,
      now: {
        let tick = ticks.add(1, ordering: .relaxed).newValue
        return Timestamp(microseconds: 1_795_000_000_000_000 + tick * 1000 + skipped.value)
      }, random: { random.withLock { $0.next() } },
      onFatal: { Issue.record("the log failed: \($0)") })
    configuration.runsThreads = runsThreads
    // Opening reads the whole of a log segment; small ones keep the tests quick.
    configuration.segmentBytes = 256 << 10
    market = try Marketplace(
      database: try Database.create(configuration), hasher: PasswordHasher(cost: 4),
      policies: policies)
  }

  @discardableResult
  func write<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) throws -> Value {
    try database.writeBlocking(body).value
  }

  /// The time of the last transaction, or a little later.
  func now() throws -> Timestamp { try write { $0.time } }

  /// Lets time pass for the database.
  func skip(seconds: Int64) { skipped.add(seconds * 1_000_000) }

  var records: Snapshot { database.snapshot().records }

  // MARK: People and goods

  func user(_ email: String, role: UserRole = .buyer) throws -> User {
    var request = RegisterRequest()
    request.email = email
    request.role = role
    let ready = request
    return try write { try Accounts.create($0, ready, passwordHash: "") }
  }

  /// A product of `seller` with `stock` units spread over as many locations as there are numbers.
  func product(
    of seller: User, price: Int64, stock: [Int64], currency: String = "USD",
    status: ProductStatus = .active
  ) throws -> Product {
    try write { transaction in
      var product = Product()
      product.id = transaction.newID()
      product.ordinal = try transaction.nextOrdinal(space: 1)
      product.sellerID = seller.id
      product.title = "Oak stool \(product.ordinal)"
      product.slug = "oak-stool-\(product.ordinal)"
      product.priceMinor = price
      product.currency = currency
      product.status = status
      product.createdAt = transaction.time
      try transaction.insert(product)
      for units in stock {
        var location = Location()
        location.id = transaction.newID()
        location.sellerID = seller.id
        try transaction.insert(location)
        try Inventory.adjust(
          transaction, variantID: product.id, locationID: location.id, delta: units)
      }
      return product
    }
  }

  func add(_ product: Product, _ quantity: Int64, to buyer: User) throws {
    var request = CartAddRequest()
    request.productID = product.id
    request.quantity = quantity
    let ready = request
    try write { try Carts.add($0, userID: buyer.id, ready, policies: market.policies) }
  }

  // MARK: Checkout

  static func request(token: String = "tok_success", expected: Amount? = nil) -> CheckoutRequest {
    var request = CheckoutRequest()
    request.deliveryAddress.street = "1 Mill Lane"
    request.deliveryAddress.city = "Barre"
    request.deliveryAddress.zipCode = "05641"
    request.deliveryAddress.country = "US"
    request.payment.token = token
    request.expectedTotal = expected
    return request
  }

  func idempotency(_ buyer: User, key: String, body: [UInt8] = []) throws -> IdempotentRequest {
    try IdempotentRequest(
      principalID: buyer.id, method: "POST", route: "/checkout", key: key, path: "/checkout",
      query: [], body: body)
  }

  /// One checkout as the server runs it; refusals come back as the answer's body.
  func checkout(
    _ buyer: User, key: String, _ request: CheckoutRequest = request()
  ) throws -> StoredAnswer {
    let idempotent = try idempotency(buyer, key: key, body: FieldJSON.encode(request))
    return try write { transaction in
      try market.checkout.run(
        transaction, buyerID: buyer.id, request, idempotency: idempotent, render: Self.render)
    }
  }

  @Sendable
  static func render(_ refusal: MarketError) -> [UInt8] { Array(refusal.code.rawValue.utf8) }

  func order(_ answer: StoredAnswer) throws -> JSONValue { try JSONValue(parsing: answer.body) }

  @discardableResult
  func settle(all: Bool = false) throws -> Settlement.Report {
    try write { transaction in
      try Settlement.settle(
        transaction, all: all, provider: market.provider, policies: market.policies)
    }
  }

  // MARK: Identities

  /// Checks every identity of orders, books and stock, and that the store is sound.
  ///
  /// - Parameter received: units of each variant that ever came in.
  func expectIdentities(
    received: [UUIDv7: Int64], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let reader = records
    var sold: [UUIDv7: Int64] = [:]
    var owed: Int64 = 0
    var couponUses: [String: Int64] = [:]
    for order in try reader.all(Order.self) {
      let parts = try reader.all(in: SellerOrder.byOrder, .equal(key(order.id)))
      let pricing = order.pricing
      #expect(
        try Money.sum(order.items.map(\.totalMinor)) == pricing.subtotalMinor,
        sourceLocation: sourceLocation)
      for each in parts.map(\.pricing) + [pricing] {
        #expect(
          each.subtotalMinor + each.taxMinor + each.deliveryFeeMinor - each.discountMinor
            == each.totalMinor, sourceLocation: sourceLocation)
      }
      for amount in [
        \Pricing.subtotalMinor, \.taxMinor, \.deliveryFeeMinor, \.discountMinor, \.totalMinor,
      ] {
        #expect(
          parts.reduce(0) { $0 + $1.pricing[keyPath: amount] } == pricing[keyPath: amount],
          sourceLocation: sourceLocation)
      }
      for part in parts {
        let lines = order.items.filter { $0.sellerOrderID == part.id }
        for (ofLine, ofPart) in [
          (\OrderItem.totalMinor, \Pricing.subtotalMinor), (\.discountMinor, \.discountMinor),
          (\.taxMinor, \.taxMinor),
        ] {
          #expect(
            lines.reduce(0) { $0 + $1[keyPath: ofLine] } == part.pricing[keyPath: ofPart],
            sourceLocation: sourceLocation)
        }
      }
      if [.completed, .refunded].contains(order.payment.status) {
        owed += pricing.totalMinor - order.payment.refundedMinor
      }
      guard order.status != .cancelled else { continue }
      if let coupon = order.coupon { couponUses[coupon.code, default: 0] += 1 }
      for item in order.items { sold[item.variantID, default: 0] += item.quantity }
    }
    for (variantID, units) in received {
      #expect(
        try Inventory.available(reader, variantID) + sold[variantID, default: 0] == units,
        sourceLocation: sourceLocation)
    }
    let uses = Dictionary(grouping: try reader.all(CouponUse.self), by: \.code)
    for coupon in try reader.all(Coupon.self) {
      #expect(
        coupon.usedCount == couponUses[coupon.code, default: 0], sourceLocation: sourceLocation)
      #expect(
        coupon.usedCount == (uses[coupon.code] ?? []).reduce(0) { $0 + $1.count },
        sourceLocation: sourceLocation)
      #expect(coupon.usedCount <= coupon.usageLimit ?? .max, sourceLocation: sourceLocation)
    }
    let entries = try reader.all(LedgerEntry.self)
    for (_, lines) in Dictionary(grouping: entries, by: \.transactionID) {
      #expect(lines.reduce(0) { $0 + $1.amountMinor } == 0, sourceLocation: sourceLocation)
    }
    let held = entries.filter { $0.account == "provider:test" }
    #expect(held.reduce(0) { $0 + $1.amountMinor } == owed, sourceLocation: sourceLocation)
    let charges = try reader.all(TestCharge.self)
    #expect(
      charges.reduce(0) { $0 + ($1.state == .charged ? $1.amountMinor - $1.refundedMinor : 0) }
        == owed,
      sourceLocation: sourceLocation)
  }

  /// Ends a test: the whole store is checked, then closed.
  func finish(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try database.check(deep: true).findings == [], sourceLocation: sourceLocation)
    try database.close()
  }
}

/// Microseconds that a test has let pass.
private final class SkippedTime: Sendable {
  private let microseconds = Atomic<Int64>(0)
  var value: Int64 { microseconds.load(ordering: .relaxed) }
  func add(_ more: Int64) { microseconds.add(more, ordering: .relaxed) }
}

/// The refusal that `body` throws; nil and an issue when it throws none.
func refusal(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> MarketError? {
  do {
    try body()
    Issue.record("nothing was refused", sourceLocation: sourceLocation)
  } catch let error as MarketError {
    return error
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
  }
  return nil
}
