// Payments that are not settled at once: challenges, late answers, orders given up, refunds.

import Bytes
import Marketplace
import RecordStore
import Testing

private struct Shop {
  let fixture: CheckoutFixture
  let buyer: User
  let stool: Product
  var caller: Caller { Caller(userID: buyer.id, role: .buyer) }

  init(policies: OrderPolicies = OrderPolicies()) throws {
    fixture = try CheckoutFixture(policies: policies)
    let seller = try fixture.user("a@shop.example", role: .seller)
    stool = try fixture.product(of: seller, price: 4990, stock: [3])
    buyer = try fixture.user("buyer@example.com")
    try fixture.add(stool, 2, to: buyer)
  }

  func checkout(_ token: String) throws -> Order {
    let answer = try fixture.checkout(buyer, key: token, CheckoutFixture.request(token: token))
    #expect(answer.status == (token == "tok_success" ? 201 : 202))
    #expect(try fixture.checkout(buyer, key: token, CheckoutFixture.request(token: token)).isReplay)
    return try #require(try fixture.records.all(Order.self).last)
  }

  func answer(_ order: Order, _ text: String) throws -> OrderView {
    try fixture.write {
      try Settlement.answer(
        $0, orderID: order.id, caller: caller, answer: text, provider: fixture.market.provider,
        policies: fixture.market.policies)
    }
  }

  func cancel(_ order: Order) throws {
    try fixture.write {
      _ = try Orders.cancel(
        $0, id: order.id, caller: caller, reason: "", provider: fixture.market.provider,
        policies: fixture.market.policies)
    }
  }

  func now(_ order: Order) throws -> Order {
    try #require(try fixture.records.get(Order.self, key(order.id)))
  }

  func cartQuantities() throws -> [Int64] {
    try fixture.records.get(Cart.self, key(buyer.id))?.items.map(\.quantity) ?? []
  }

  func expectSound() throws {
    try fixture.expectIdentities(received: [stool.id: 3])
    try fixture.finish()
  }
}

@Test func aChallengeThatIsPassedConfirmsTheOrder() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_challenge")
  #expect(
    order.status == .pending && order.payment.action?.url == "/payments/challenge/\(order.id)")
  #expect(order.orderNumber.isEmpty)
  #expect(try Inventory.available(shop.fixture.records, shop.stool.id) == 1)
  #expect(try shop.fixture.records.all(LedgerEntry.self).isEmpty)
  let stranger = refusal {
    try shop.fixture.write {
      _ = try Settlement.answer(
        $0, orderID: order.id, caller: Caller(userID: .zero, role: .buyer), answer: "pass",
        provider: shop.fixture.market.provider, policies: shop.fixture.market.policies)
    }
  }
  #expect(stranger?.code == .notFound)
  let view = try shop.answer(order, "pass")
  #expect(view.status == .confirmed && view.orderNumber == "SK-2026-000001")
  #expect(view.payment?.action == nil && view.payment?.status == .completed)
  #expect(refusal { _ = try shop.answer(order, "pass") }?.code == .conflict)
  try shop.expectSound()
}

@Test func aChallengeThatFailsPutsEverythingBack() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_challenge")
  #expect(try shop.cartQuantities() == [])
  #expect(try shop.answer(order, "no").status == .cancelled)
  #expect(try shop.cartQuantities() == [2])
  #expect(try Inventory.available(shop.fixture.records, shop.stool.id) == 3)
  #expect(try shop.fixture.records.all(Counter.self).isEmpty)
  try shop.expectSound()
}

@Test func anUnansweredChallengeIsGivenUpAfterAQuarterOfAnHour() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_challenge")
  shop.fixture.skip(seconds: 14 * 60)
  #expect(try shop.fixture.settle().givenUp == 0)
  #expect(try shop.now(order).status == .pending)
  shop.fixture.skip(seconds: 120 + 300)
  try shop.fixture.settle()
  #expect(try shop.now(order).status == .cancelled)
  #expect(try shop.now(order).cancellation?.reason == "payment_expired")
  #expect(refusal { _ = try shop.answer(order, "pass") } != nil)
  try shop.expectSound()
}

@Test func aLateAnswerConfirmsTheOrder() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_late")
  try shop.fixture.settle(all: true)
  #expect(try shop.now(order).status == .pending)
  shop.fixture.skip(seconds: 6)
  #expect(try Settlement.isDue(shop.fixture.records, at: shop.fixture.now().adding(seconds: 10)))
  #expect(try shop.fixture.settle().confirmed == 1)
  #expect(try shop.now(order).status == .confirmed)
  #expect(try shop.fixture.settle(all: true).checked == 0)
  try shop.expectSound()
}

@Test func aChargeThatComesAfterTheOrderWasCancelledIsGivenBack() throws {
  let shop = try Shop(
    policies: OrderPolicies(
      tax: FlatRateTax(basisPoints: 825), delivery: FlatFeeDelivery(feeMinor: 300),
      commissionBasisPoints: 999))
  let order = try shop.checkout("tok_late")
  try shop.cancel(order)
  #expect(try shop.now(order).status == .cancelled)
  shop.fixture.skip(seconds: 6)
  #expect(try shop.fixture.settle().refunded == 1)
  let after = try shop.now(order)
  #expect(after.status == .cancelled && after.payment.status == .refunded)
  let kinds = try shop.fixture.records.all(PaymentTransaction.self).map(\.kind)
  #expect(kinds == [.charge, .refund])
  let entries = try shop.fixture.records.all(LedgerEntry.self)
  for (_, lines) in Dictionary(grouping: entries, by: \.account) {
    #expect(lines.reduce(0) { $0 + $1.amountMinor } == 0)
  }
  try shop.expectSound()
}

@Test func anOrderWhoseChallengeIsOpenCanBeCancelled() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_challenge")
  try shop.cancel(order)
  #expect(try shop.now(order).payment.status == .failed)
  #expect(try shop.fixture.records.all(in: PaymentAttempt.byCheck).isEmpty)
  try shop.expectSound()
}

private func pay(_ shop: Shop, _ order: Order, _ token: String) throws -> OrderView {
  var request = PaymentRequest()
  request.orderID = order.id
  request.payment.token = token
  let ready = request
  return try shop.fixture.write {
    try Settlement.pay(
      $0, ready, caller: shop.caller, provider: shop.fixture.market.provider,
      policies: shop.fixture.market.policies)
  }
}

@Test func anOrderThatWaitsIsPaidInAnotherWay() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_challenge")
  // Declined, or asked another question: the order goes on waiting.
  #expect(refusal { _ = try pay(shop, order, "tok_decline") }?.code == .paymentFailed)
  #expect(try shop.now(order).payment.action != nil)
  #expect(try pay(shop, order, "tok_challenge").status == .pending)
  let attempts = try shop.fixture.records.all(PaymentAttempt.self)
  #expect(attempts.map(\.state) == [.ended, .open])
  #expect(try pay(shop, order, "tok_success").status == .confirmed)
  #expect(try shop.fixture.records.all(PaymentAttempt.self).allSatisfy { $0.state == .ended })
  #expect(refusal { _ = try pay(shop, order, "tok_success") }?.code == .conflict)
  try shop.expectSound()
}

@Test func whatMayStillBeChargedIsNotPaidTwice() throws {
  let shop = try Shop()
  let order = try shop.checkout("tok_late")
  #expect(refusal { _ = try pay(shop, order, "tok_success") }?.code == .conflict)
  shop.fixture.skip(seconds: 6)
  #expect(try shop.fixture.settle().confirmed == 1)
  #expect(refusal { _ = try pay(shop, order, "tok_success") }?.code == .conflict)
  #expect(try shop.fixture.records.all(TestCharge.self).count == 1)
  try shop.expectSound()
}

@Test func partialRefundsEndAtExactlyNothing() throws {
  for seed in UInt64(1)...20 {
    var random = SeededNumbers(seed: seed)
    let shop = try Shop(
      policies: OrderPolicies(
        tax: FlatRateTax(basisPoints: 1913), delivery: FlatFeeDelivery(feeMinor: 101),
        commissionBasisPoints: Int64.random(in: 0...3000, using: &random)))
    let order = try shop.checkout("tok_success")
    var left = order.pricing.totalMinor
    while left > 0 {
      let amount = min(left, Int64.random(in: 1...4000, using: &random))
      var request = RefundRequest()
      request.orderID = order.id
      request.amount = Amount(minor: amount, digits: 2)
      let ready = request
      try shop.fixture.write {
        _ = try Refunds.refund(
          $0, ready, caller: Caller(userID: .zero, role: .admin),
          provider: shop.fixture.market.provider)
      }
      left -= amount
      try shop.fixture.expectIdentities(received: [shop.stool.id: 3])
    }
    let entries = try shop.fixture.records.all(LedgerEntry.self)
    for (account, lines) in Dictionary(grouping: entries, by: \.account) {
      #expect(lines.reduce(0) { $0 + $1.amountMinor } == 0, "\(account), seed \(seed)")
    }
    var more = RefundRequest()
    more.orderID = order.id
    let ready = more
    let error = refusal {
      try shop.fixture.write {
        _ = try Refunds.refund(
          $0, ready, caller: Caller(userID: .zero, role: .admin),
          provider: shop.fixture.market.provider)
      }
    }
    #expect(error?.details?["reason"]?.text == "refund_exceeds_charge")
    try shop.expectSound()
  }
}
