// Escrow: what is kept back, released and given back, to the last unit; and the ways to pay that are saved.

import Bytes
import Marketplace
import RecordStore
import Testing

/// Two sellers, one buyer with an order of both.
private struct Shop {
  let fixture: CheckoutFixture
  let sellers: [User]
  let goods: [Product]
  let buyer: User
  var caller: Caller { Caller(userID: buyer.id, role: .buyer) }
  let admin = Caller(userID: .zero, role: .admin)

  init() throws {
    var policies = OrderPolicies()
    policies.commissionBasisPoints = 725
    let fixture = try CheckoutFixture(policies: policies)
    let sellers = try ["a", "b"].map { try fixture.user("\($0)@shop.example", role: .seller) }
    self.fixture = fixture
    self.sellers = sellers
    goods = try zip(sellers, [4990, 1733]).map {
      try fixture.product(of: $0, price: $1, stock: [9])
    }
    buyer = try fixture.user("buyer@example.com")
  }

  func order(_ token: String = "tok_success", key name: String = "one") throws -> Order {
    try fixture.add(goods[0], 2, to: buyer)
    try fixture.add(goods[1], 1, to: buyer)
    let answer = try fixture.checkout(buyer, key: name, CheckoutFixture.request(token: token))
    #expect(answer.status == (token == "tok_success" ? 201 : 202))
    return try #require(try fixture.records.all(Order.self).last)
  }

  func create(_ order: Order, _ caller: Caller? = nil, days: Int64 = 14) throws -> EscrowView {
    var request = EscrowRequest()
    request.orderID = order.id
    request.releaseAfterDays = days
    let ready = request
    return try fixture.write { try Escrows.create($0, ready, caller: caller ?? self.caller) }
  }

  func release(_ order: Order, _ caller: Caller? = nil) throws -> EscrowView {
    var request = EscrowReleaseRequest()
    request.orderID = order.id
    let ready = request
    return try fixture.write { try Escrows.release($0, ready, caller: caller ?? self.caller) }
  }

  func refund(_ order: Order, _ minor: Int64?) throws {
    var request = RefundRequest()
    request.orderID = order.id
    request.amount = minor.map { Amount(minor: $0, digits: 2) }
    let ready = request
    try fixture.write {
      _ = try Refunds.refund($0, ready, caller: admin, provider: fixture.market.provider)
    }
  }

  func balance(_ account: String) throws -> Int64 {
    try fixture.records.all(in: LedgerEntry.byAccount, .equal(key(account, "USD"))).reduce(0) {
      $0 + $1.amountMinor
    }
  }

  func owed() throws -> [Int64] { try sellers.map { -(try balance(Ledger.seller($0.id))) } }

  func payment(_ order: Order) throws -> PaymentStatus? {
    try fixture.records.get(Order.self, key(order.id))?.payment.status
  }

  func expectSound() throws {
    #expect(try MarketAudit.run(fixture.records).findings == [])
    try fixture.expectIdentities(received: [goods[0].id: 9, goods[1].id: 9])
    try fixture.finish()
  }
}

@Test func whatIsOwedWaitsForTheBuyer() throws {
  let shop = try Shop()
  let order = try shop.order()
  let owed = try shop.owed()
  let escrow = try shop.create(order)
  #expect(escrow.state == .held && escrow.parts.map(\.sellerID) == shop.sellers.map(\.id))
  #expect(escrow.amount == Amount(minor: owed[0] + owed[1], digits: 2))
  #expect(try shop.owed() == [0, 0])
  #expect(try shop.balance(Escrows.account(order.id)) == -(owed[0] + owed[1]))
  #expect(try shop.payment(order) == .inEscrow)
  #expect(try MarketAudit.run(shop.fixture.records).findings == [])
  #expect(refusal { _ = try shop.create(order) }?.code == .conflict)

  let stranger = Caller(userID: shop.sellers[0].id, role: .seller)
  #expect(refusal { _ = try shop.release(order, stranger) }?.code == .notFound)
  let seen = try Escrows.view(shop.fixture.records, orderID: order.id, caller: stranger)
  #expect(seen.parts.map(\.sellerID) == [shop.sellers[0].id])
  #expect(seen.amount == Amount(minor: owed[0], digits: 2))

  let released = try shop.release(order)
  #expect(released.state == .released && released.releasedAt != nil)
  #expect(try shop.owed() == owed && shop.balance(Escrows.account(order.id)) == 0)
  #expect(try shop.payment(order) == .completed)
  #expect(refusal { _ = try shop.release(order) }?.code == .conflict)
  try shop.expectSound()
}

@Test func whatNobodyReleasesIsReleasedByTime() throws {
  let shop = try Shop()
  let order = try shop.order()
  let owed = try shop.owed()
  _ = try shop.create(order, days: 3)
  shop.fixture.skip(seconds: 3 * 86_400 - 60)
  #expect(try !Escrows.isDue(shop.fixture.records, at: shop.fixture.now()))
  #expect(try shop.fixture.write { try Escrows.releaseDue($0) } == 0)
  shop.fixture.skip(seconds: 120)
  #expect(try Escrows.isDue(shop.fixture.records, at: shop.fixture.now()))
  #expect(try shop.fixture.write { try Escrows.releaseDue($0) } == 1)
  #expect(try !Escrows.isDue(shop.fixture.records, at: shop.fixture.now()))
  #expect(try shop.owed() == owed)
  try shop.expectSound()
}

/// Refunds of random parts before, in and after an escrow, and a cancellation: the accounts end where
/// they do without one, and the escrow's own at zero.
@Test(arguments: UInt64(1)...24)
func refundsAreTakenFromTheEscrow(seed: UInt64) throws {
  var random = SeededNumbers(seed: seed)
  let shop = try Shop()
  let order = try shop.order()
  let total = order.pricing.totalMinor
  var left = total
  func refundSome() throws {
    let part = Int64.random(in: 1...max(1, left / 2), using: &random)
    try shop.refund(order, part)
    left -= part
  }
  if Bool.random(using: &random) { try refundSome() }
  _ = try shop.create(order)
  for _ in 0..<Int.random(in: 0...3, using: &random) {
    try refundSome()
    #expect(try shop.owed() == [0, 0], "seed \(seed)")
    #expect(try MarketAudit.run(shop.fixture.records).findings == [], "seed \(seed)")
  }
  let isReleased = Bool.random(using: &random)
  if isReleased {
    _ = try shop.release(order)
    #expect(try shop.owed().allSatisfy { $0 > 0 }, "seed \(seed)")
  }
  if Bool.random(using: &random) {
    try shop.refund(order, nil)
  } else {
    try shop.fixture.write {
      _ = try Orders.cancel(
        $0, id: order.id, caller: shop.caller, reason: "", provider: shop.fixture.market.provider,
        policies: shop.fixture.market.policies)
    }
  }
  #expect(try shop.owed() == [0, 0], "seed \(seed)")
  #expect(try shop.balance(Escrows.account(order.id)) == 0, "seed \(seed)")
  #expect(try shop.payment(order) == .refunded, "seed \(seed)")
  let escrow = try #require(try shop.fixture.records.get(Escrow.self, key(order.id)))
  #expect(escrow.state == (isReleased ? .released : .ended), "seed \(seed)")
  #expect(try MarketAudit.run(shop.fixture.records).findings == [], "seed \(seed)")
}

@Test func whatIsNotPaidHasNoEscrow() throws {
  let shop = try Shop()
  let waiting = try shop.order("tok_challenge")
  #expect(refusal { _ = try shop.create(waiting) }?.code == .conflict)
  let paid = try shop.order(key: "two")
  #expect(
    refusal { _ = try shop.create(paid, Caller(userID: shop.sellers[0].id, role: .seller)) }?.code
      == .notFound)
  #expect(refusal { _ = try shop.release(paid) }?.code == .notFound)
}

// MARK: Saved payment methods

private func add(
  _ shop: Shop, _ token: String, isDefault: Bool = false,
  change: (inout PaymentMethodInput) -> Void = { _ in }
) throws -> PaymentMethodView {
  var input = PaymentMethodInput()
  input.token = token
  input.isDefault = isDefault
  change(&input)
  let ready = input
  return try shop.fixture.write {
    try PaymentMethods.add(
      $0, ready, of: shop.buyer.id, provider: "test", sealing: shop.fixture.market.keys.sealing,
      nonce: Sealing.Nonce())
  }
}

@Test func oneSavedMethodIsAlwaysTheDefault() throws {
  let shop = try Shop()
  func defaults() throws -> [Bool] {
    try PaymentMethods.all(shop.fixture.records, of: shop.buyer.id).map(\.isDefault)
  }
  let first = try add(shop, "tok_success")
  let second = try add(shop, "tok_decline")
  #expect(first.isDefault && !second.isDefault)
  let third = try add(shop, "tok_late", isDefault: true)
  #expect(try defaults() == [true, false, false])
  try shop.fixture.write {
    _ = try PaymentMethods.makeDefault($0, id: second.id, of: shop.buyer.id)
  }
  #expect(try PaymentMethods.all(shop.fixture.records, of: shop.buyer.id).first?.id == second.id)
  for id in [second.id, third.id, first.id] {
    try shop.fixture.write { try PaymentMethods.remove($0, id: id, of: shop.buyer.id) }
    #expect(try defaults().prefix(1).allSatisfy { $0 })
  }
  #expect(try defaults().isEmpty)
  #expect(
    refusal {
      try shop.fixture.write { try PaymentMethods.remove($0, id: first.id, of: shop.buyer.id) }
    }?.code == .notFound)
}

@Test func aSavedMethodPaysAndItsTokenIsSealed() throws {
  let shop = try Shop()
  let saved = try add(shop, "tok_success")
  let stored = try #require(
    try shop.fixture.records.get(PaymentMethod.self, key(saved.id)))
  #expect(!String(decoding: stored.sealedToken, as: UTF8.self).contains("tok_"))
  var payment = CheckoutPayment()
  payment.methodID = saved.id
  let resolved = try shop.fixture.market.resolved(
    shop.fixture.records, payment, of: shop.buyer.id)
  #expect(resolved.token == "tok_success" && resolved.method == "card")
  #expect(
    refusal {
      _ = try shop.fixture.market.resolved(shop.fixture.records, payment, of: shop.sellers[0].id)
    }?.code == .notFound)
  payment.token = "tok_success"
  #expect(
    refusal {
      _ = try shop.fixture.market.resolved(shop.fixture.records, payment, of: shop.buyer.id)
    }?
    .code == .validation)
  #expect(
    refusal {
      _ = try shop.fixture.market.resolved(
        shop.fixture.records, CheckoutPayment(), of: shop.buyer.id)
    }?.code == .missingRequiredField)
}

@Test func numbersOfCardsAndCardsThatHaveRunOutAreRefused() throws {
  let shop = try Shop()
  for number in [
    "4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005",
  ] {
    let error = refusal { _ = try add(shop, number) }
    #expect(error?.code == .validation && error?.message.contains(number) == false, "\(number)")
  }
  #expect(throws: Never.self) { try add(shop, "4242424242424241") }
  #expect(refusal { _ = try add(shop, "tok") { $0.lastFour = "42a2" } }?.code == .validation)
  #expect(
    refusal {
      _ = try add(shop, "tok") {
        $0.expiryMonth = 1
        $0.expiryYear = 2020
      }
    }?.code == .validation)
  for _ in 0..<PaymentMethods.countMax - 1 { _ = try add(shop, "tok_success") }
  #expect(refusal { _ = try add(shop, "tok_success") }?.code == .conflict)
}
