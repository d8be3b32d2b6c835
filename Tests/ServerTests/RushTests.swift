// What must hold when everybody wants the same at once, over real connections: nothing oversold, one
// order for one key, no coupon used too often, no cart bought twice (the three invariants of
// "ACIDRain", Warszawski and Bailis, SIGMOD 2017, section 4.2.1).

import Bytes
import Marketplace
import RecordStore
import Synchronization
import Testing

@testable import Server

@Suite(.serialized) struct RushTests {
  private static func code(_ reply: TestReply) -> String {
    (try? JSONValue(parsing: reply.body))?["error"]?["code"]?.text ?? ""
  }

  private static func add(_ client: TestClient, _ product: Product, _ header: String) throws
    -> Int
  {
    try client.post(
      "/cart/add", "{\"productId\":\"\(product.id)\",\"quantity\":1}", header
    ).status
  }

  @Test func aThousandBuyersAfterAHundredUnitsBuyExactlyAHundred() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 100)
    let buyers = try (0..<1000).map { try shop.signIn("buyer\($0)").header }
    // All carts are filled before anybody pays: a cart holds nothing back.
    let outcomes = Mutex<[String: Int]>([:])
    inParallel(64) { thread in
      let client = try TestClient(port: shop.port)
      for number in stride(from: thread, to: 1000, by: 64) {
        let status = try Self.add(client, stool, buyers[number])
        #expect(status == 200)
      }
    }
    inParallel(64) { thread in
      let client = try TestClient(port: shop.port)
      for number in stride(from: thread, to: 1000, by: 64) {
        let reply = try client.post(
          "/checkout", LiveShop.checkoutBody, buyers[number] + "Idempotency-Key: one\r\n")
        let outcome = reply.status == 201 ? "sold" : Self.code(reply)
        outcomes.withLock { $0[outcome, default: 0] += 1 }
      }
    }
    #expect(outcomes.withLock { $0 } == ["sold": 100, "BIZ_5001": 900])
    #expect(try Inventory.available(shop.records, stool.id) == 0)
    #expect(try shop.records.all(Order.self).count == 100)
    try shop.expectBooksBalance()
    try shop.stop()
  }

  @Test func aStormOfRetriesMakesOneOrderForEachKey() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 1000)
    let buyers = try (0..<60).map { try shop.signIn("buyer\($0)").header }
    let answers = Mutex<[Int: Set<[UInt8]>]>([:])
    let filling = try TestClient(port: shop.port)
    for buyer in buyers { #expect(try Self.add(filling, stool, buyer) == 200) }
    // Each request three times: two threads at once, one of them twice in a row.
    inParallel(30) { thread in
      let client = try TestClient(port: shop.port)
      let range = thread < 15 ? 0..<60 : 0..<60
      for number in range where number % 15 == thread % 15 {
        for _ in 0..<(thread < 15 ? 2 : 1) {
          let reply = try client.post(
            "/checkout", LiveShop.checkoutBody, buyers[number] + "Idempotency-Key: k\r\n")
          #expect(reply.status == 201)
          answers.withLock { _ = $0[number, default: []].insert(reply.body) }
        }
      }
    }
    #expect(answers.withLock { $0.count } == 60)
    #expect(answers.withLock { $0.values.allSatisfy { $0.count == 1 } })
    #expect(try shop.records.all(Order.self).count == 60)
    #expect(try shop.records.all(TestCharge.self).count == 60)
    #expect(try Inventory.available(shop.records, stool.id) == 940)
    try shop.expectBooksBalance()
    try shop.stop()
  }

  @Test func aVoucherIsNeverUsedMoreOftenThanItAllows() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller)
    let stool = try shop.product(of: seller.user, price: 4990, stock: 1000)
    let making = try TestClient(port: shop.port)
    let made = try making.post(
      "/coupons", #"{"code":"FIRST7","type":"percentage","value":10,"usageLimit":7}"#,
      seller.header)
    #expect(made.status == 201, "\(made.text)")
    let buyers = try (0..<64).map { try shop.signIn("buyer\($0)").header }
    for buyer in buyers {
      #expect(try Self.add(making, stool, buyer) == 200)
      let applied = try making.post("/cart/coupons", #"{"code":"first7"}"#, buyer)
      #expect(applied.status == 200)
    }
    let outcomes = Mutex<[String: Int]>([:])
    inParallel(32) { thread in
      let client = try TestClient(port: shop.port)
      for number in [thread, thread + 32] {
        let reply = try client.post(
          "/checkout", LiveShop.checkoutBody, buyers[number] + "Idempotency-Key: one\r\n")
        let outcome = reply.status == 201 ? "sold" : Self.code(reply)
        outcomes.withLock { $0[outcome, default: 0] += 1 }
      }
    }
    #expect(outcomes.withLock { $0 } == ["sold": 7, "BIZ_5005": 57])
    #expect(try shop.records.get(Coupon.self, key("FIRST7"))?.usedCount == 7)
    try shop.expectBooksBalance()
    try shop.stop()
  }

  /// Lines are added while the cart is bought: what is charged is what is ordered, and a line is
  /// bought once or still in the cart.
  @Test func aCartThatChangesWhileItIsBoughtIsChargedForWhatItOrders() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let products = try (0..<8).map { try shop.product(of: seller, price: 100 + $0, stock: 1000) }
    let buyers = try (0..<8).map { try shop.signIn("buyer\($0)") }
    let added = Mutex(0)
    inParallel(16) { thread in
      let client = try TestClient(port: shop.port)
      let buyer = buyers[thread % 8]
      for round in 0..<20 {
        if thread < 8 {
          let status = try Self.add(client, products[round % 8], buyer.header)
          if status == 200 { added.withLock { $0 += 1 } }
        } else {
          _ = try client.post(
            "/checkout", LiveShop.checkoutBody,
            buyer.header + "Idempotency-Key: k\(round)\r\n")
        }
      }
    }
    let orders = try shop.records.all(Order.self)
    for order in orders {
      #expect(
        order.items.reduce(0) { $0 + $1.unitPriceMinor * $1.quantity }
          == order.pricing.totalMinor)
    }
    let bought = orders.flatMap(\.items).reduce(0) { $0 + $1.quantity }
    let left = try shop.records.all(Cart.self).flatMap(\.items).reduce(0) { $0 + $1.quantity }
    #expect(bought + left == Int64(added.withLock { $0 }))
    try shop.expectBooksBalance()
    try shop.stop()
  }

  @Test func aGuestsCartGoesWithTheGuestIntoTheAccount() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 9)
    let client = try TestClient(port: shop.port)
    #expect(try client.get("/cart/me").status == 401)
    let first = try client.post(
      "/cart/add", "{\"productId\":\"\(stool.id)\",\"quantity\":2}")
    let guest = "X-Guest-Token: \(try #require(first["X-Guest-Token"]))\r\n"
    #expect(try client.get("/cart/me", guest).text.contains("\"quantity\":2"))
    #expect(try client.get("/cart/me", "X-Guest-Token: gst_AAAA\r\n").status == 400)
    let registered = try client.post(
      "/auth/register",
      #"{"email":"a@example.com","password":"a long enough one","role":"buyer"}"#, guest)
    #expect(registered.status == 201, "\(registered.text)")
    let token = try #require(try JSONValue(parsing: registered.body)["accessToken"]?.text)
    let cart = try client.get("/cart/me", "Authorization: Bearer \(token)\r\n")
    #expect(cart.text.contains("\"quantity\":2"))
    #expect(try client.get("/cart/me", guest).text.contains("\"items\":[]"))
    try shop.stop()
  }

  /// A payment that is answered late is settled by the server itself.
  @Test func aLatePaymentIsConfirmedByTheServer() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 9)
    let buyer = try shop.signIn("buyer")
    let client = try TestClient(port: shop.port)
    #expect(try Self.add(client, stool, buyer.header) == 200)
    let body = LiveShop.checkoutBody.replacing("tok_success", with: "tok_challenge")
    let pending = try client.post("/checkout", body, buyer.header + "Idempotency-Key: k\r\n")
    #expect(pending.status == 202, "\(pending.text)")
    let order = try #require(try shop.records.all(Order.self).first)
    let answered = try client.post(
      "/payments/challenge/\(order.id)", #"{"answer":"pass"}"#, buyer.header)
    #expect(answered.status == 200 && answered.text.contains("\"confirmed\""))
    let admin = try shop.signIn("admin", role: .admin)
    let refund = "{\"orderId\":\"\(order.id)\",\"amount\":10.50}"
    #expect(try client.post("/payments/refund", refund, admin.header).status == 400)
    let fields = admin.header + "Idempotency-Key: r1\r\n"
    let given = try client.post("/payments/refund", refund, fields)
    #expect(given.status == 201, "\(given.text)")
    let again = try client.post("/payments/refund", refund, fields)
    #expect(again.status == 201 && again.body == given.body)
    #expect(again["Idempotent-Replayed"] == "true")
    let audit = try client.get("/admin/audit", admin.header)
    #expect(audit.text.split(separator: "refundPayment").count == 2, "\(audit.text)")
    let history = try client.get("/payments/user/me/history", buyer.header)
    #expect(history.text.contains("\"refunded\":10.50"), "\(history.text)")
    try shop.expectBooksBalance()
    try shop.stop()
  }
}
