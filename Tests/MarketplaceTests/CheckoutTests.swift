// Checkout through a real database: one commit, or nothing.

import Bytes
import Database
import Marketplace
import RecordStore
import Synchronization
import Testing

@Test func aPurchaseMovesStockMoneyAndCartInOneCommit() throws {
  let fixture = try CheckoutFixture(
    policies: OrderPolicies(
      tax: FlatRateTax(basisPoints: 825), delivery: FlatFeeDelivery(feeMinor: 499)))
  let sellers = [
    try fixture.user("a@shop.example", role: .seller),
    try fixture.user("b@shop.example", role: .seller),
  ]
  let stool = try fixture.product(of: sellers[0], price: 4990, stock: [2, 3])
  let lamp = try fixture.product(of: sellers[1], price: 1999, stock: [10])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 4, to: buyer)
  try fixture.add(lamp, 3, to: buyer)
  let before = fixture.database.visibleLSN
  let answer = try fixture.checkout(buyer, key: "k1")
  #expect(answer.status == 201)
  #expect(fixture.database.visibleLSN == before.next)

  let order = try fixture.order(answer)
  #expect(order["status"]?.text == "confirmed")
  #expect(order["orderNumber"]?.text == "SK-2026-000001")
  let pricing = try #require(order["pricing"])
  // 4 × 49.90 + 3 × 19.99; 8.25 % of each line rounded: 16.47 + 4.95; two sellers' fees.
  #expect(pricing["subtotal"] == .number("259.57"))
  #expect(pricing["tax"] == .number("21.42"))
  #expect(pricing["deliveryFee"] == .number("9.98"))
  #expect(pricing["total"] == .number("290.97"))
  guard case .array(let parts) = order["orders"] else {
    Issue.record("no parts")
    return
  }
  #expect(parts.map { $0["orderNumber"]?.text } == ["SK-2026-000001-1", "SK-2026-000001-2"])
  #expect(parts[0]["pricing"]?["total"] == .number("221.06"))
  let cart = try Carts.view(
    fixture.records, userID: buyer.id, policies: fixture.market.policies, at: .zero)
  #expect(cart.items.isEmpty)
  try fixture.expectIdentities(received: [stool.id: 5, lamp.id: 10])
  try fixture.finish()
}

@Test func aDeclinedPaymentLeavesNoTraceButItsAnswer() throws {
  for (token, reason) in [
    ("tok_decline", "card_declined"), ("4242", "unknown_token"),
  ] {
    let fixture = try CheckoutFixture()
    let seller = try fixture.user("a@shop.example", role: .seller)
    let stool = try fixture.product(of: seller, price: 4990, stock: [1])
    let buyer = try fixture.user("buyer@example.com")
    try fixture.add(stool, 1, to: buyer)
    let cartBefore = try fixture.records.get(Cart.self, key(buyer.id))
    let declined = try fixture.checkout(buyer, key: "k1", CheckoutFixture.request(token: token))
    #expect(declined.status == 402 && declined.body == Array("BIZ_5003".utf8))
    let error = refusal {
      try fixture.write { transaction in
        _ = try fixture.market.checkout.complete(
          transaction, buyerID: buyer.id, CheckoutFixture.request(token: token))
      }
    }
    #expect(error?.details?["reason"]?.text == reason)
    let reader = fixture.records
    #expect(try reader.get(Cart.self, key(buyer.id)) == cartBefore)
    #expect(try reader.all(Order.self).isEmpty && reader.all(SellerOrder.self).isEmpty)
    #expect(try reader.all(TestCharge.self).isEmpty && reader.all(LedgerEntry.self).isEmpty)
    #expect(try reader.all(Counter.self).isEmpty)
    #expect(try reader.all(IdempotencyRecord.self).count == 1)
    // The same key repeats the refusal; a new one buys.
    #expect(try fixture.checkout(buyer, key: "k1", CheckoutFixture.request(token: token)).isReplay)
    #expect(try fixture.checkout(buyer, key: "k2").status == 201)
    try fixture.expectIdentities(received: [stool.id: 1])
    try fixture.finish()
  }
}

@Test func aProviderThatIsAwayLeavesNothingAndTheKeyUsable() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [1])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 1, to: buyer)
  let before = fixture.database.visibleLSN
  let error = refusal {
    _ = try fixture.checkout(buyer, key: "k1", CheckoutFixture.request(token: "tok_timeout"))
  }
  #expect(error?.code == .paymentGateway)
  #expect(fixture.database.visibleLSN == before)
  #expect(try fixture.checkout(buyer, key: "k1").status == 201)
  try fixture.expectIdentities(received: [stool.id: 1])
  try fixture.finish()
}

@Test func anotherTotalThanTheBuyerSawIsRefused() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [9])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 2, to: buyer)
  try fixture.write { transaction in
    try transaction.update(Product.self, key(stool.id)) { $0.priceMinor = 5990 }
  }
  let error = refusal {
    _ = try fixture.checkout(
      buyer, key: "k1", CheckoutFixture.request(expected: Amount(minor: 9980, digits: 2)))
  }
  #expect(error?.code == .conflict && error?.status == 409)
  #expect(error?.details?["total"] == .number("119.80"))
  let answer = try fixture.checkout(
    buyer, key: "k1", CheckoutFixture.request(expected: Amount(minor: 1198, digits: 1)))
  #expect(answer.status == 201)
  try fixture.finish()
}

@Test func everyShortageIsNamedAndNothingIsWritten() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [2])
  let lamp = try fixture.product(of: seller, price: 100, stock: [1])
  let buyer = try fixture.user("buyer@example.com")
  let rival = try fixture.user("rival@example.com")
  try fixture.add(stool, 2, to: buyer)
  try fixture.add(lamp, 1, to: buyer)
  try fixture.add(stool, 1, to: rival)
  try fixture.add(lamp, 1, to: rival)
  #expect(try fixture.checkout(rival, key: "r").status == 201)
  let error = refusal {
    try fixture.write { transaction in
      _ = try fixture.market.checkout.complete(
        transaction, buyerID: buyer.id, CheckoutFixture.request())
    }
  }
  #expect(error?.code == .insufficientStock)
  guard case .array(let items) = error?.details?["items"] else {
    Issue.record("no items")
    return
  }
  #expect(items.map { $0["requested"]?.int64 } == [2, 1])
  #expect(items.map { $0["available"]?.int64 } == [1, 0])
  #expect(items[0]["productId"]?.text == stool.id.description)
  let answer = try fixture.checkout(buyer, key: "b")
  #expect(answer.status == 409 && answer.body == Array("BIZ_5001".utf8))
  try fixture.expectIdentities(received: [stool.id: 2, lamp.id: 1])
  try fixture.finish()
}

@Test func anEmptyCartIsABadRequestAndNotRemembered() throws {
  let fixture = try CheckoutFixture()
  let buyer = try fixture.user("buyer@example.com")
  let error = refusal { _ = try fixture.checkout(buyer, key: "k") }
  #expect(error?.code == .validation)
  #expect(try fixture.records.all(IdempotencyRecord.self).isEmpty)
  try fixture.finish()
}

@Test func aProductThatIsNoLongerForSaleCannotBeBought() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [2])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 1, to: buyer)
  try fixture.write { transaction in
    try transaction.update(Product.self, key(stool.id)) { $0.status = .inactive }
  }
  let answer = try fixture.checkout(buyer, key: "k")
  #expect(answer.status == 409 && answer.body == Array("BIZ_5002".utf8))
  try fixture.finish()
}

@Test func threeHundredBuyersInTurnBuyExactlyTheHundredUnits() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [37, 0, 63])
  var buyers: [User] = []
  for number in 0..<300 {
    buyers.append(try fixture.user("b\(number)@example.com"))
    try fixture.add(stool, 1, to: buyers[number])
  }
  let answers = try buyers.map { try fixture.checkout($0, key: "k") }
  #expect(answers.prefix(100).allSatisfy { $0.status == 201 })
  #expect(answers.dropFirst(100).allSatisfy { $0.body == Array("BIZ_5001".utf8) })
  try fixture.expectIdentities(received: [stool.id: 100])
  try fixture.finish()
}

@Test func threeHundredBuyersAtOnceBuyExactlyTheHundredUnits() async throws {
  let fixture = try CheckoutFixture(runsThreads: true)
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 4990, stock: [50, 50])
  var buyers: [User] = []
  for number in 0..<300 {
    buyers.append(try fixture.user("b\(number)@example.com"))
    try fixture.add(stool, 1, to: buyers[number])
  }
  let statuses = try await concurrently(buyers) { buyer in
    try fixture.checkout(buyer, key: "k").status
  }
  #expect(statuses.filter { $0 == 201 }.count == 100)
  #expect(statuses.filter { $0 == 409 }.count == 200)
  try fixture.expectIdentities(received: [stool.id: 100])
  try fixture.finish()
}

/// Applies `body` to every element from 32 threads of their own, which may block.
func concurrently<Element: Sendable, Value: Sendable>(
  _ elements: [Element], _ body: @escaping @Sendable (Element) throws -> Value
) async throws -> [Value] {
  let next = Atomic<Int>(0)
  let results = Mutex<[Value]>([])
  let failures = Mutex<[String]>([])
  let threads = 32
  await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
    let running = CountDown(threads) { continuation.resume() }
    let work: @Sendable () -> Void = {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < elements.count else { break }
        do {
          let value = try body(elements[index])
          results.withLock { $0.append(value) }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
      running.finish()
    }
    for _ in 0..<threads { startThread(work) }
  }
  #expect(failures.withLock { $0 } == [])
  return results.withLock { $0 }
}
