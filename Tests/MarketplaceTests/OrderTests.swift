// Orders: who sees what, cancelling, a seller's progress, and the identities under random use.

import Bytes
import Marketplace
import RecordStore
import Testing

private func caller(_ user: User) -> Caller { Caller(userID: user.id, role: user.role) }

@Test func theBuyerSeesTheOrderAndEachSellerItsPart() throws {
  let fixture = try CheckoutFixture()
  let sellers = [
    try fixture.user("a@shop.example", role: .seller),
    try fixture.user("b@shop.example", role: .seller),
  ]
  let stool = try fixture.product(of: sellers[0], price: 4990, stock: [5])
  let lamp = try fixture.product(of: sellers[1], price: 1000, stock: [5])
  let buyer = try fixture.user("buyer@example.com")
  let stranger = try fixture.user("c@shop.example", role: .seller)
  let admin = try fixture.user("root@example.com", role: .admin)
  try fixture.add(stool, 1, to: buyer)
  try fixture.add(lamp, 2, to: buyer)
  let text = try #require(try fixture.order(fixture.checkout(buyer, key: "k"))["id"]?.text)
  let id = try #require(UUIDv7(text))
  let whole = try Orders.view(fixture.records, id: id, caller: caller(buyer))
  #expect(whole.items.count == 2 && whole.orders.count == 2 && whole.payment != nil)
  #expect(try Orders.view(fixture.records, id: id, caller: caller(admin)) == whole)
  let part = try Orders.view(fixture.records, id: id, caller: caller(sellers[1]))
  #expect(part.items.map(\.productID) == [lamp.id] && part.payment == nil)
  #expect(part.pricing.total == Amount(minor: 2000, digits: 2))
  #expect(try Orders.view(fixture.records, id: part.id, caller: caller(sellers[1])) == part)
  #expect(try Orders.view(fixture.records, id: part.id, caller: caller(buyer)) == part)
  for outsider in [stranger, try fixture.user("d@example.com")] {
    let error = refusal {
      _ = try Orders.view(fixture.records, id: id, caller: caller(outsider))
    }
    #expect(error?.code == .notFound)
  }
  #expect(
    refusal {
      _ = try Orders.view(fixture.records, id: part.id, caller: caller(sellers[0]))
    }?.code == .notFound)
  try fixture.finish()
}

@Test func aBuyersOrdersAreListedNewestFirstWithoutGapsOrRepeats() throws {
  let fixture = try CheckoutFixture()
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 100, stock: [100])
  let buyers = [try fixture.user("b@example.com"), try fixture.user("c@example.com")]
  for number in 0..<14 {
    let buyer = buyers[number % 2]
    try fixture.add(stool, 1, to: buyer)
    _ = try fixture.checkout(buyer, key: "k\(number)")
  }
  var seen: [String] = []
  var before: UUIDv7?
  repeat {
    let page = try Orders.list(
      fixture.records, buyerID: buyers[0].id, before: before, limit: 3)
    seen += page.orders.map(\.orderNumber)
    before = page.hasMore ? page.orders.last?.id : nil
  } while before != nil
  #expect(seen == (0..<7).map { "SK-2026-0000" + (13 - 2 * $0 < 10 ? "0" : "") + "\(13 - 2 * $0)" })
  try fixture.finish()
}

@Test func cancellingGivesBackStockAndMoneyInOneCommit() throws {
  let fixture = try CheckoutFixture(
    policies: OrderPolicies(
      tax: FlatRateTax(basisPoints: 700), delivery: FlatFeeDelivery(feeMinor: 250)))
  let seller = try fixture.user("a@shop.example", role: .seller)
  let stool = try fixture.product(of: seller, price: 333, stock: [2, 2])
  let buyer = try fixture.user("buyer@example.com")
  try fixture.add(stool, 3, to: buyer)
  let answer = try fixture.order(fixture.checkout(buyer, key: "k"))
  let id = try #require(answer["id"]?.text.flatMap { UUIDv7($0) })
  let levels = try Inventory.levels(fixture.records, variantID: stool.id)
  #expect(levels.reduce(0) { $0 + $1.quantity } == 1)
  let before = fixture.database.visibleLSN
  func cancel(_ user: User) throws -> OrderView {
    try fixture.write {
      try Orders.cancel(
        $0, id: id, caller: caller(user), reason: "Changed my mind",
        provider: fixture.market.provider,
        policies: fixture.market.policies)
    }
  }
  #expect(refusal { _ = try cancel(seller) }?.code == .notFound)
  let cancelled = try cancel(buyer)
  #expect(fixture.database.visibleLSN == before.next)
  #expect(cancelled.status == .cancelled && cancelled.payment?.status == .refunded)
  #expect(cancelled.orders.allSatisfy { $0.status == .cancelled })
  #expect(
    try Inventory.levels(fixture.records, variantID: stool.id).map(\.quantity) == [2, 2])
  #expect(refusal { _ = try cancel(buyer) }?.code == .orderCannotBeCancelled)
  let entries = try fixture.records.all(LedgerEntry.self)
  for (_, lines) in Dictionary(grouping: entries, by: \.account) {
    #expect(lines.reduce(0) { $0 + $1.amountMinor } == 0)
  }
  try fixture.expectIdentities(received: [stool.id: 4])
  try fixture.finish()
}

@Test func aSellersPartTakesLegalStepsOnly() throws {
  let fixture = try CheckoutFixture()
  let sellers = [
    try fixture.user("a@shop.example", role: .seller),
    try fixture.user("b@shop.example", role: .seller),
  ]
  let buyer = try fixture.user("buyer@example.com")
  for seller in sellers {
    try fixture.add(try fixture.product(of: seller, price: 100, stock: [5]), 1, to: buyer)
  }
  let answer = try fixture.order(fixture.checkout(buyer, key: "k"))
  let id = try #require(answer["id"]?.text.flatMap { UUIDv7($0) })
  func set(_ status: OrderStatus, _ user: User) throws -> OrderStatus {
    var request = OrderStatusRequest()
    request.status = status
    let ready = request
    return try fixture.write {
      try Orders.setStatus($0, id: id, caller: caller(user), ready).status
    }
  }
  func whole() throws -> OrderStatus {
    try Orders.view(fixture.records, id: id, caller: caller(buyer)).status
  }
  for status in [OrderStatus.delivered, .completed, .confirmed, .pending, .cancelled, .refunded] {
    #expect(refusal { _ = try set(status, sellers[0]) }?.code == .conflict, "\(status)")
  }
  #expect(try set(.shipped, sellers[0]) == .shipped)
  #expect(try whole() == .confirmed)
  #expect(refusal { _ = try set(.shipped, buyer) }?.code == .notFound)
  #expect(try set(.shipped, sellers[1]) == .shipped)
  #expect(try whole() == .shipped)
  let error = refusal {
    try fixture.write {
      _ = try Orders.cancel(
        $0, id: id, caller: caller(buyer), reason: "", provider: fixture.market.provider,
        policies: fixture.market.policies)
    }
  }
  #expect(error?.code == .orderCannotBeCancelled)
  try fixture.finish()
}

/// Every state with every other: exactly the steps of the table in docs/checkout.md are legal.
@Test func everyPairOfStatesIsLegalOrRefused() throws {
  let legal: [OrderStatus: Set<OrderStatus>] = [
    .confirmed: [.processing, .shipped], .processing: [.shipped], .shipped: [.delivered],
    .delivered: [.completed], .completed: [], .cancelled: [],
  ]
  let ways: [OrderStatus: [OrderStatus]] = [
    .confirmed: [], .processing: [.processing], .shipped: [.shipped],
    .delivered: [.shipped, .delivered], .completed: [.shipped, .delivered, .completed],
    .cancelled: [],
  ]
  for (from, way) in ways {
    for to in OrderStatus.allCases {
      let fixture = try CheckoutFixture()
      let seller = try fixture.user("a@shop.example", role: .seller)
      let buyer = try fixture.user("buyer@example.com")
      try fixture.add(try fixture.product(of: seller, price: 100, stock: [5]), 1, to: buyer)
      let answer = try fixture.order(fixture.checkout(buyer, key: "k"))
      let id = try #require(answer["id"]?.text.flatMap { UUIDv7($0) })
      func attempt(_ body: () throws -> Void) throws -> ErrorCode? {
        do {
          try body()
          return nil
        } catch let error as MarketError {
          return error.code
        }
      }
      func set(_ status: OrderStatus) throws {
        var request = OrderStatusRequest()
        request.status = status
        let ready = request
        _ = try fixture.write {
          try Orders.setStatus($0, id: id, caller: caller(seller), ready)
        }
      }
      func cancel() throws {
        try fixture.write {
          _ = try Orders.cancel(
            $0, id: id, caller: caller(buyer), reason: "", provider: fixture.market.provider,
            policies: fixture.market.policies)
        }
      }
      for step in way { try set(step) }
      if from == .cancelled { try cancel() }
      let error = try attempt { try set(to) }
      let what = "\(from.rawValue) to \(to.rawValue)"
      if legal[from]?.contains(to) == true {
        #expect(error == nil, "\(what)")
      } else {
        #expect(error == .conflict, "\(what)")
      }
      let whole = try Orders.view(fixture.records, id: id, caller: caller(buyer)).status
      #expect(whole == (error == nil ? to : from), "\(what)")
      // Only what is on no way yet can be cancelled.
      let isFree = [.confirmed, .processing].contains(whole)
      #expect((try attempt { try cancel() } == nil) == isFree, "\(what), then cancelled")
      try fixture.finish()
    }
  }
}

@Test func theIdentitiesHoldUnderRandomCartsCheckoutsAndCancellations() throws {
  var visit = try RandomVisit(seed: 0x0dde)
  for step in 0..<400 {
    do {
      try visit.act(step)
    } catch is MarketError {
      // A refusal is a fine outcome; that it changed nothing is what the identities show.
    }
    if step % 25 == 0 { try visit.fixture.expectIdentities(received: visit.received) }
  }
  #expect(visit.bought > 10)
  // Whatever is open ends by itself, one way or the other.
  for _ in 0..<4 {
    visit.fixture.skip(seconds: 8 * 86_400)
    try visit.fixture.settle(all: true)
  }
  let records = visit.fixture.records
  #expect(try records.all(in: PaymentAttempt.byCheck).isEmpty)
  #expect(try !records.all(Order.self).contains { $0.status == .pending })
  #expect(try MarketAudit.run(records).findings == [])
  try visit.fixture.expectIdentities(received: visit.received)
  try visit.fixture.finish()
}

/// A shop in which anybody does anything.
private struct RandomVisit {
  let fixture: CheckoutFixture
  private(set) var received: [UUIDv7: Int64] = [:]
  private(set) var bought = 0
  private var random: SeededNumbers
  private var products: [Product] = []
  private let buyers: [User]
  private let codes: [String]

  init(seed: UInt64) throws {
    random = SeededNumbers(seed: seed)
    fixture = try CheckoutFixture(
      policies: OrderPolicies(
        tax: FlatRateTax(basisPoints: 1913), delivery: FlatFeeDelivery(feeMinor: 101),
        commissionBasisPoints: 1237), seed: seed)
    for number in 0..<9 {
      let seller = try fixture.user("s\(number)@shop.example", role: .seller)
      var stock: [Int64] = []
      for _ in 0..<3 { stock.append(Int64.random(in: 0...12, using: &random)) }
      let price = Int64.random(in: 0...99_999, using: &random)
      let product = try fixture.product(of: seller, price: price, stock: stock)
      products.append(product)
      received[product.id] = stock.reduce(0, +)
    }
    let shop = fixture
    buyers = try (0..<6).map { try shop.user("b\($0)@example.com") }
    codes = try makeCoupons(in: fixture, seller: products[0].sellerID)
  }

  private mutating func anyOrder() throws -> Order {
    guard let order = try fixture.records.all(Order.self).randomElement(using: &random) else {
      throw MarketError.notFound("order")
    }
    return order
  }

  mutating func act(_ step: Int) throws {
    let buyer = buyers.randomElement(using: &random)!
    let market = fixture.market
    switch Int.random(in: 0..<15, using: &random) {
    case 0..<6:
      try fixture.add(
        products.randomElement(using: &random)!, Int64.random(in: 1...4, using: &random),
        to: buyer)
    case 6..<9: try buy(buyer, step)
    case 9..<12:
      let order = try anyOrder()
      try fixture.write { transaction in
        _ = try Settlement.answer(
          transaction, orderID: order.id, caller: Caller(userID: order.buyerID, role: .buyer),
          answer: step % 3 == 0 ? "fail" : "pass", provider: market.provider,
          policies: market.policies)
      }
    case 12:
      fixture.skip(seconds: [1, 4, 600, 1000].randomElement(using: &random)!)
      try fixture.settle()
    case 13: try refund()
    default:
      let order = try anyOrder()
      try fixture.write {
        _ = try Orders.cancel(
          $0, id: order.id, caller: Caller(userID: order.buyerID, role: .buyer), reason: "",
          provider: market.provider, policies: market.policies)
      }
    }
  }

  private mutating func buy(_ buyer: User, _ step: Int) throws {
    let market = fixture.market
    if Bool.random(using: &random), let code = codes.randomElement(using: &random) {
      try? fixture.write {
        _ = try Carts.applyCoupon($0, userID: buyer.id, code: code, policies: market.policies)
      }
    }
    let tokens = ["tok_success", "tok_success", "tok_decline", "tok_challenge", "tok_late"]
    let answer = try fixture.checkout(
      buyer, key: "k\(step)",
      CheckoutFixture.request(token: tokens.randomElement(using: &random)!))
    if answer.status == 201 { bought += 1 }
  }

  private mutating func refund() throws {
    let order = try anyOrder()
    let most = max(1, order.pricing.totalMinor)
    var request = RefundRequest()
    request.orderID = order.id
    request.amount = Amount(minor: Int64.random(in: 1...most, using: &random), digits: 2)
    let (ready, provider) = (request, fixture.market.provider)
    try fixture.write { transaction in
      _ = try Refunds.refund(
        transaction, ready, caller: Caller(userID: .zero, role: .admin), provider: provider)
    }
  }
}

/// Coupons of every kind; the codes.
private func makeCoupons(in fixture: CheckoutFixture, seller: UUIDv7) throws -> [String] {
  let admin = Caller(userID: .zero, role: .admin)
  var inputs: [(CouponInput, Caller)] = []
  func add(_ code: String, _ caller: Caller = admin, _ change: (inout CouponInput) -> Void) {
    var input = CouponInput()
    input.code = code
    change(&input)
    inputs.append((input, caller))
  }
  add("third") { $0.value = Amount(minor: 3333, digits: 2) }
  add("seven") {
    $0.type = .fixed
    $0.value = Amount(minor: 707, digits: 2)
    $0.usageLimit = 5
  }
  add("own", Caller(userID: seller, role: .seller)) {
    $0.value = 50
    $0.perUserLimit = 1
    $0.maxDiscount = 100
  }
  for (input, caller) in inputs {
    try fixture.write { _ = try Coupons.create($0, input, caller: caller) }
  }
  return inputs.map(\.0.code)
}
