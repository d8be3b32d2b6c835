// Coupons: what they take off, when they are refused, and that they are never used too often.

import Bytes
import Marketplace
import RecordStore
import Testing

private let admin = Caller(userID: .zero, role: .admin)

private func make(
  _ fixture: CheckoutFixture, _ code: String, by caller: Caller = admin,
  _ change: (inout CouponInput) -> Void
) throws {
  var input = CouponInput()
  input.code = code
  change(&input)
  let ready = input
  try fixture.write { _ = try Coupons.create($0, ready, caller: caller) }
}

private func apply(_ fixture: CheckoutFixture, _ code: String, _ buyer: User) throws -> CartView {
  try fixture.write {
    try Carts.applyCoupon($0, userID: buyer.id, code: code, policies: fixture.market.policies)
  }
}

@Test func aDiscountIsSplitOverLinesAndTaxedAfterwards() throws {
  let fixture = try CheckoutFixture(
    policies: OrderPolicies(tax: FlatRateTax(basisPoints: 1000)))
  let first = try fixture.user("a@shop.example", role: .seller)
  let second = try fixture.user("b@shop.example", role: .seller)
  let buyer = try fixture.user("buyer@example.com")
  let stool = try fixture.product(of: first, price: 1000, stock: [9])
  let lamp = try fixture.product(of: second, price: 2001, stock: [9])
  try fixture.add(stool, 1, to: buyer)
  try fixture.add(lamp, 1, to: buyer)
  try make(fixture, "Ten") { $0.value = 10 }
  let cart = try apply(fixture, " ten ", buyer)
  // 10 % of 30.01 is 3.00: 1.00 and 2.00; tax on 9.00 and 18.01.
  #expect(cart.totals.discount == Amount(minor: 300, digits: 2))
  #expect(cart.totals.estimatedTax == Amount(minor: 270, digits: 2))
  #expect(cart.totals.total == Amount(minor: 2971, digits: 2))
  #expect(cart.coupons.map(\.code) == ["TEN"] && cart.coupons.allSatisfy(\.isValid))
  let answer = try fixture.checkout(buyer, key: "k1")
  let order = try fixture.order(answer)
  #expect(order["pricing"]?["discount"] == .number("3.00"))
  #expect(order["coupon"]?["code"]?.text == "TEN")
  // The marketplace bears it: the sellers are owed the whole price.
  let entries = try fixture.records.all(LedgerEntry.self)
  let amount = { (account: String) in
    entries.filter { $0.account == account }.reduce(0) { $0 + $1.amountMinor }
  }
  #expect(amount("seller:\(first.id)") == -1000 && amount("seller:\(second.id)") == -2001)
  #expect(amount("discounts") == 300 && amount("tax") == -270)
  try fixture.expectIdentities(received: [stool.id: 9, lamp.id: 9])
  try fixture.finish()
}

@Test func aSellersCouponCoversAndCostsThatSellerOnly() throws {
  let fixture = try CheckoutFixture()
  let first = try fixture.user("a@shop.example", role: .seller)
  let second = try fixture.user("b@shop.example", role: .seller)
  let buyer = try fixture.user("buyer@example.com")
  let stool = try fixture.product(of: first, price: 1000, stock: [9])
  let lamp = try fixture.product(of: second, price: 2000, stock: [9])
  try make(fixture, "MINE", by: Caller(userID: first.id, role: .seller)) {
    $0.type = .fixed
    $0.value = 50
  }
  try fixture.add(lamp, 1, to: buyer)
  #expect(
    refusal { _ = try apply(fixture, "MINE", buyer) }?.details?["reason"]?.text
      == "no_matching_goods")
  try fixture.add(stool, 1, to: buyer)
  // A fixed amount never takes off more than the goods cost.
  #expect(try apply(fixture, "MINE", buyer).totals.discount == Amount(minor: 1000, digits: 2))
  _ = try fixture.checkout(buyer, key: "k1")
  let entries = try fixture.records.all(LedgerEntry.self)
  #expect(!entries.contains { $0.account == "seller:\(first.id)" || $0.account == "discounts" })
  #expect(entries.first { $0.account == "seller:\(second.id)" }?.amountMinor == -2000)
  try fixture.expectIdentities(received: [stool.id: 9, lamp.id: 9])
  try fixture.finish()
}

@Test func everyRefusalOfACouponSaysWhy() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let buyer = try fixture.user("buyer@example.com")
  let stool = try fixture.product(of: seller, price: 1000, stock: [99])
  let now = try fixture.now()
  try make(fixture, "EXPIRED") {
    $0.value = 5
    $0.expiresAt = now
  }
  try make(fixture, "LATER") {
    $0.value = 5
    $0.startsAt = now.adding(seconds: 3600)
  }
  try make(fixture, "OFF") {
    $0.value = 5
    $0.isActive = false
  }
  try make(fixture, "LARGE") {
    $0.value = 5
    $0.minPurchase = Amount(minor: 1001, digits: 2)
  }
  try make(fixture, "EURO") {
    $0.type = .fixed
    $0.value = 5
    $0.currency = "EUR"
  }
  try make(fixture, "ONCE") {
    $0.value = 5
    $0.usageLimit = 1
  }
  try make(fixture, "ONCEEACH") {
    $0.value = 5
    $0.perUserLimit = 1
  }
  try fixture.add(stool, 1, to: buyer)
  let reasons = [
    "NONE": "unknown", "EXPIRED": "expired", "LATER": "not_started", "OFF": "inactive",
    "LARGE": "minimum_not_reached", "EURO": "other_currency",
  ]
  for (code, reason) in reasons {
    let error = refusal { _ = try apply(fixture, code, buyer) }
    #expect(error?.code == .invalidCoupon && error?.details?["reason"]?.text == reason)
  }
  for (number, code) in ["ONCE", "ONCEEACH"].enumerated() {
    _ = try apply(fixture, code, buyer)
    #expect(try fixture.checkout(buyer, key: "k\(number)").status == 201)
    try fixture.add(stool, 1, to: buyer)
    let reason = refusal { _ = try apply(fixture, code, buyer) }?.details?["reason"]?.text
    #expect(reason == (number == 0 ? "used_up" : "used_by_you"))
  }
  let rival = try fixture.user("rival@example.com")
  try fixture.add(stool, 1, to: rival)
  #expect(refusal { _ = try apply(fixture, "ONCE", rival) } != nil)
  _ = try apply(fixture, "ONCEEACH", rival)
  try fixture.expectIdentities(received: [stool.id: 99])
  try fixture.finish()
}

@Test func aCouponThatEndsBetweenCartAndCheckoutIsRefusedThere() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let buyer = try fixture.user("buyer@example.com")
  let stool = try fixture.product(of: seller, price: 1000, stock: [9])
  try make(fixture, "SOON") { $0.value = 5 }
  try fixture.add(stool, 1, to: buyer)
  _ = try apply(fixture, "SOON", buyer)
  try fixture.write { try Coupons.end($0, code: "SOON", caller: admin) }
  let cart = try Carts.view(
    fixture.records, userID: buyer.id, policies: fixture.market.policies,
    at: fixture.now())
  #expect(cart.totals.discount.minor == 0 && cart.coupons.first?.isValid == false)
  #expect(try fixture.checkout(buyer, key: "k1").body == Array("BIZ_5005".utf8))
  try fixture.write {
    _ = try Carts.removeCoupon(
      $0, userID: buyer.id, code: nil, policies: fixture.market.policies)
  }
  #expect(try fixture.checkout(buyer, key: "k2").status == 201)
  try fixture.finish()
}

@Test func aGuestsCartJoinsTheUsers() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let buyer = try fixture.user("buyer@example.com")
  let stool = try fixture.product(of: seller, price: 1000, stock: [5])
  let lamp = try fixture.product(of: seller, price: 700, stock: [9])
  let yen = try fixture.product(of: seller, price: 700, stock: [9], currency: "JPY")
  let guest = try fixture.user("not-a-user@example.com").id
  try make(fixture, "TEN") { $0.value = 10 }
  func add(_ product: Product, _ quantity: Int64) throws {
    var request = CartAddRequest()
    request.productID = product.id
    request.quantity = quantity
    let ready = request
    try fixture.write {
      _ = try Carts.add(
        $0, userID: guest, isGuest: true, ready, policies: fixture.market.policies)
    }
  }
  try add(stool, 3)
  try add(lamp, 2)
  #expect(refusal { try add(yen, 1) } != nil)
  try fixture.write {
    _ = try Carts.applyCoupon($0, userID: guest, code: "TEN", policies: fixture.market.policies)
  }
  try fixture.add(stool, 4, to: buyer)
  try fixture.write { try Carts.merge($0, guestID: guest, into: buyer.id) }
  let cart = try #require(try fixture.records.get(Cart.self, key(buyer.id)))
  #expect(cart.items.map(\.quantity) == [4, 2] && cart.couponCode == "TEN" && !cart.isGuest)
  #expect(try fixture.records.get(Cart.self, key(guest)) == nil)
  // A user's cart is nobody's guest cart.
  let other = try fixture.user("other@example.com")
  try fixture.write { try Carts.merge($0, guestID: buyer.id, into: other.id) }
  #expect(try fixture.records.get(Cart.self, key(buyer.id)) != nil)
  // A guest's cart goes after 30 days, when another begins.
  try add(lamp, 1)
  fixture.skip(seconds: 31 * 86_400)
  var request = CartAddRequest()
  request.productID = lamp.id
  let ready = request
  try fixture.write {
    _ = try Carts.add(
      $0, userID: $0.newID(), isGuest: true, ready, policies: fixture.market.policies)
  }
  #expect(try fixture.records.get(Cart.self, key(guest)) == nil)
  try fixture.finish()
}

@Test func guestTokensAreOurs() throws {
  let tokens = GuestTokens(key: Array(repeating: 7, count: 32))
  let id = UUIDv7(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)
  let text = tokens.text(of: id)
  #expect(try tokens.id(of: text) == id)
  for index in text.indices {
    var changed = text
    changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
    #expect(refusal { _ = try tokens.id(of: changed) }?.code == .invalidInput)
  }
  let others = GuestTokens(key: Array(repeating: 8, count: 32))
  #expect(refusal { _ = try others.id(of: text) } != nil)
}

@Test func declaredPoliciesPickTheMostSpecificRule() throws {
  let tax = try DeclaredTax(["* 19%", "US 0%", "US-CA 8.25%"])
  let delivery = try DeclaredDelivery(["US 5.00 USD free from 50.00", "* 12 USD", "* 9.50 EUR"])
  func address(_ country: String, _ state: String = "") -> DeliveryAddress {
    var address = DeliveryAddress()
    address.country = country
    address.state = state
    return address
  }
  let ten = Money(minor: 1000, currency: "USD")
  #expect(try tax.tax(on: ten, to: address("US", "CA")) == 83)
  #expect(try tax.tax(on: ten, to: address("US", "NV")) == 0)
  #expect(try tax.tax(on: ten, to: address("DE")) == 190)
  #expect(try tax.tax(on: ten, to: nil) == 190)
  #expect(try delivery.fee(for: ten, to: address("US")) == 500)
  #expect(try delivery.fee(for: Money(minor: 5000, currency: "USD"), to: address("US")) == 0)
  #expect(try delivery.fee(for: ten, to: address("DE")) == 1200)
  #expect(try delivery.fee(for: Money(minor: 1, currency: "EUR"), to: address("DE")) == 950)
  #expect(try delivery.fee(for: Money(minor: 1, currency: "JPY"), to: nil) == 0)
  for wrong in ["", "US", "US 8", "us 8%", "US 101%", "US -1%", "US 8.255%", "* 1% 2%"] {
    #expect(throws: PolicyError.self) { _ = try DeclaredTax([wrong]) }
  }
  for wrong in ["US 5", "US 5 usd", "US 5.001 USD", "US 5 USD free 50", "US -5 USD"] {
    #expect(throws: PolicyError.self) { _ = try DeclaredDelivery([wrong]) }
  }
  #expect(throws: PolicyError.self) { _ = try DeclaredTax(["US 1%", "US 2%"]) }
}
