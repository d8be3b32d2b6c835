// OrdersBench: the purchase of `souk bench checkout` without HTTP: threads call the checkout of a
// marketplace in this process, each order in a transaction of its own that is on the disk when it is
// counted. For comparing with programs that do the same on another store (`Benchmarks/orders`).

import Bytes
import Database
import Marketplace
import RecordStore
import Server

struct OrdersBench {
  struct Figures {
    var ordersPerSecond: Double
    var processorMicros: Double
  }

  private static let sellers = 200
  private static let coupons = 1000
  private static let products = 2000

  let market: Marketplace
  private var buyers: [UUIDv7] = []
  private var next = 0

  init(folder: String, buyers count: Int) throws {
    let installation = try Installation.create(at: folder)
    let market = try installation.marketplace()
    self.market = market
    let now = SystemClock.now()
    let products = try market.database.writeBlocking { transaction in
      try BenchFixture.coupons(transaction, count: Self.coupons)
      return try BenchFixture.catalogue(
        transaction, products: Self.products, sellers: Self.sellers, stock: 1_000_000)
    }.value
    while buyers.count < count {
      let first = buyers.count
      let some = min(500, count - first)
      buyers += try market.database.writeBlocking { transaction in
        let claims = try BenchFixture.buyers(transaction, from: first, count: some, at: now)
        for (offset, claim) in claims.enumerated() {
          let number = first + offset
          for line in 0..<3 {
            var request = CartAddRequest()
            request.productID = products[(number &* 7919 &+ line &* 661) % products.count]
            request.quantity = 1
            _ = try Carts.add(
              transaction, userID: claim.sub, request, policies: market.policies)
          }
          _ = try Carts.applyCoupon(
            transaction, userID: claim.sub, code: BenchFixture.coupon(number % Self.coupons),
            policies: market.policies)
        }
        return claims.map(\.sub)
      }.value
      Terminal.progress("preparing buyers: \(buyers.count) of \(count)")
    }
    Terminal.endProgress()
  }

  /// Lets `threads` threads buy for so long, or until every buyer has bought.
  mutating func run(threads: Int, seconds: Double) throws -> Figures {
    let (market, buyers, counter) = (market, buyers, Counter(next))
    let failure = FirstFailure()
    let done = Gathered()
    let processor = ProcessFigures.processorMicros
    let start = SystemClock.monotonicMicroseconds()
    let deadline = start + Int64(seconds * 1_000_000)
    let workers = (0..<threads).map { _ in
      Worker {
        var own: [Int64] = []
        do {
          while SystemClock.monotonicMicroseconds() < deadline {
            let number = counter.next()
            guard number < buyers.count else { break }
            try Self.buy(market, buyers[number], number)
            own.append(1)
          }
        } catch {
          failure.note(error)
        }
        done.add(own)
      }
    }
    for worker in workers { worker.join() }
    if let error = failure.error { throw error }
    let elapsed = Double(SystemClock.monotonicMicroseconds() - start) / 1_000_000
    next = min(counter.value, buyers.count)
    let orders = Double(done.sorted.count)
    guard orders > 0 else { throw VerbFailure("every buyer has bought: fewer rounds or seconds") }
    return Figures(
      ordersPerSecond: orders / elapsed,
      processorMicros: (ProcessFigures.processorMicros - processor) / orders)
  }

  private static func buy(_ market: Marketplace, _ buyer: UUIDv7, _ number: Int) throws {
    var request = CheckoutRequest()
    request.deliveryAddress.street = "1 Main St"
    request.deliveryAddress.city = "Springfield"
    request.deliveryAddress.state = "IL"
    request.deliveryAddress.zipCode = "62701"
    request.deliveryAddress.country = "US"
    request.payment.method = "card"
    request.payment.token = "tok_success"
    let ready = request
    let idempotency = try IdempotentRequest(
      principalID: buyer, method: "POST", route: "/checkout", key: "order-\(number)",
      path: "/checkout", query: [], body: FieldJSON.encode(ready))
    let answer = try market.database.writeBlocking { transaction in
      try market.checkout.run(
        transaction, buyerID: buyer, ready, idempotency: idempotency,
        render: { Array($0.code.rawValue.utf8) })
    }.value
    guard answer.status == 201 else {
      throw VerbFailure(
        "a checkout answered \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
    }
  }
}
