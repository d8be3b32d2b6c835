// Writes over HTTP that are sent again: one Idempotency-Key is one effect on every route that takes one;
// and changes that must name what they change.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct WriteOnceTests {
  private let shop: LiveShop
  private let seller: (user: User, header: String)
  private let client: TestClient

  init() throws {
    shop = try LiveShop()
    seller = try shop.signIn("seller", role: .seller)
    client = try TestClient(port: shop.port)
  }

  private func json(_ reply: TestReply) throws -> JSONValue { try JSONValue(parsing: reply.body) }

  /// Sends the same twice with one key: the second answer is the first to the byte, with its headers,
  /// and leaves no commit; without the key the effect comes again.
  private func expectOnce(
    _ method: String, _ path: String, _ body: String, _ header: String, key: String = "one",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> TestReply {
    let first = try client.ask(method, path, body, header + "Idempotency-Key: \(key)\r\n")
    #expect(
      (200...204).contains(first.status), "\(first.text)", sourceLocation: sourceLocation)
    #expect(first["idempotent-replayed"] == nil, sourceLocation: sourceLocation)
    let before = shop.database.visibleLSN
    let again = try client.ask(method, path, body, header + "Idempotency-Key: \"\(key)\"\r\n")
    #expect(
      again.status == first.status && again.body == first.body, sourceLocation: sourceLocation)
    #expect(again["idempotent-replayed"] == "true", sourceLocation: sourceLocation)
    for name in ["etag", "location", "x-guest-token", "content-type"] {
      #expect(again[name] == first[name], "\(name)", sourceLocation: sourceLocation)
    }
    #expect(shop.database.visibleLSN == before, sourceLocation: sourceLocation)
    return first
  }

  @Test func everyKindOfWriteIsDoneOnceForOneKey() throws {
    let made = try expectOnce(
      "POST", "/products",
      #"{"title":"Oak stool","description":"Three legs","price":49.90}"#, seller.header)
    #expect(try shop.records.all(Product.self).count == 1)
    let id = try #require(try json(made)["id"]?.text)
    #expect(made["location"] == "/api/v1/products/\(id)" && made["etag"] != nil)
    let location = try expectOnce(
      "POST", "/inventory/locations", #"{"name":"Barn"}"#, seller.header)
    let place = try #require(try json(location)["id"]?.text)
    _ = try expectOnce(
      "POST", "/inventory/adjust",
      #"{"productId":"\#(id)","locationId":"\#(place)","delta":5,"reason":"delivery"}"#,
      seller.header)
    #expect(try Inventory.available(shop.records, #require(UUIDv7(id))) == 5)
    _ = try expectOnce(
      "POST", "/coupons", #"{"code":"OAK5","type":"percentage","value":5}"#, seller.header)
    _ = try expectOnce(
      "PATCH", "/products/\(id)",
      #"{"status":"active","images":["https://x.example/1.jpg"],"locationId":"\#(place)","#
        + #""location":{"latitude":44.2,"longitude":-72.5}}"#,
      seller.header, key: "two")
    let buyer = try shop.signIn("buyer")
    _ = try expectOnce("POST", "/cart/add", #"{"productId":"\#(id)","quantity":2}"#, buyer.header)
    #expect(try shop.records.get(Cart.self, key(buyer.user.id))?.items.map(\.quantity) == [2])
    _ = try expectOnce("DELETE", "/products/\(id)", "", seller.header)
    try shop.stop()
  }

  @Test func aGuestWithATokenMayRepeatAndOneWithoutBeginsAnew() throws {
    let stool = try shop.product(of: seller.user, price: 4990, stock: 9)
    let body = #"{"productId":"\#(stool.id)","quantity":1}"#
    let first = try client.post("/cart/add", body, "Idempotency-Key: one\r\n")
    let other = try client.post("/cart/add", body, "Idempotency-Key: one\r\n")
    let token = try #require(first["x-guest-token"])
    #expect(other["x-guest-token"] != token && other["idempotent-replayed"] == nil)
    _ = try expectOnce("POST", "/cart/add", body, "X-Guest-Token: \(token)\r\n", key: "two")
    try shop.stop()
  }

  @Test func aKeyBelongsToOneRequestOfOneCaller() throws {
    let rival = try shop.signIn("rival", role: .seller)
    let body = #"{"name":"Barn"}"#
    let key = "Idempotency-Key: one\r\n"
    let first = try client.post("/inventory/locations", body, seller.header + key)
    let others = try client.post("/inventory/locations", body, rival.header + key)
    #expect(first.status == 201 && others.status == 201 && first.body != others.body)
    let changed = try client.post(
      "/inventory/locations", #"{"name":"Shed"}"#, seller.header + key)
    #expect(changed.status == 422 && changed.text.contains("idempotency_key_reused"))
    // What was refused is not remembered: the same key may be tried again.
    let bad = try client.post(
      "/inventory/adjust", #"{"delta":1}"#, seller.header + "Idempotency-Key: two\r\n")
    #expect(bad.status == 400)
    let good = try client.post(
      "/inventory/locations", body, seller.header + "Idempotency-Key: two\r\n")
    #expect(good.status == 201)
    try shop.stop()
  }

  @Test func whatReplacesMustNameWhatItReplaces() throws {
    let stool = try shop.product(of: seller.user, price: 4990, stock: 9)
    let path = "/products/\(stool.id)"
    let change = #"""
      {"title":"Ash stool","images":["https://x.example/1.jpg"],\#
      "location":{"latitude":44.2,"longitude":-72.5}}
      """#
    let bare = try client.ask("PUT", path, change, seller.header)
    #expect(bare.status == 428 && bare.text.contains("VAL_3003"))
    let tag = try #require(try client.get(path)["etag"])
    let good = try client.ask("PUT", path, change, seller.header + "If-Match: \(tag)\r\n")
    #expect(good.status == 200 && good["etag"] != tag)
    let stale = try client.ask("PUT", path, change, seller.header + "If-Match: \(tag)\r\n")
    #expect(stale.status == 412)
    #expect(try client.ask("PUT", path, change, seller.header + "If-Match: *\r\n").status == 200)
    #expect(try client.ask("PATCH", path, change, seller.header).status == 200)

    let level = try #require(try shop.records.all(StockLevel.self).first)
    let stock = "/inventory/product/\(stool.id)"
    func set(_ more: String, _ header: String = "") throws -> Int {
      let body = #"{"locationId":"\#(level.locationID)","quantity":4\#(more)}"#
      return try client.ask("PUT", stock, body, seller.header + header).status
    }
    #expect(try set("") == 428)
    #expect(try set(#","expectedVersion":\#(level.version + 7)"#) == 412)
    #expect(try set(#","expectedVersion":\#(level.version)"#) == 200)
    #expect(try set("", "If-Match: \"v\(level.version + 1)\"\r\n") == 200)
    #expect(try set("", "If-Match: *\r\n") == 200)
    try shop.stop()
  }

  @Test func anOrderIsQuotedMadeWithoutACartAndPaidAnotherWay() throws {
    let stool = try shop.product(of: seller.user, price: 4990, stock: 9)
    let ada = try shop.signIn("ada")
    let root = try shop.signIn("root", role: .admin)
    let address = LiveShop.checkoutBody.prefix { $0 != "}" } + "}"
    #expect(
      try client.post("/checkout/quote", address + "}", ada.header).text.contains("VAL_3001"))
    _ = try client.post(
      "/cart/add", #"{"productId":"\#(stool.id)","quantity":2}"#, ada.header)
    let quote = try client.post("/checkout/quote", address + "}", ada.header)
    #expect(quote.text.contains(#""total":99.80"#), "\(quote.text)")
    func order(_ token: String, for buyer: String?, _ header: String) throws -> TestReply {
      let whom = buyer.map { #""userId":"\#($0)","# } ?? ""
      return try client.post(
        "/orders",
        "{\(whom)" + #""items":[{"productId":"\#(stool.id)","quantity":1}],"#
          + address.dropFirst() + #","payment":{"token":"\#(token)"}}"#,
        header + "Idempotency-Key: \(token)\r\n")
    }
    #expect(try order("tok_success", for: nil, ada.header).status == 201)
    let ordered = try order("tok_challenge", for: ada.user.id.description, root.header)
    #expect(ordered.status == 202)
    #expect(try order("tok_late", for: UUIDv7.zero.description, root.header).status == 404)
    // The cart is as it was.
    #expect(try shop.records.get(Cart.self, key(ada.user.id))?.items.map(\.quantity) == [2])
    let id = try #require(try json(ordered)["id"]?.text)
    func pay(_ token: String) throws -> TestReply {
      try client.post(
        "/payments/process", #"{"orderId":"\#(id)","payment":{"token":"\#(token)"}}"#,
        ada.header + "Idempotency-Key: pay \(token)\r\n")
    }
    #expect(try pay("tok_decline").status == 402)
    let paid = try pay("tok_success")
    #expect(paid.status == 200 && paid.text.contains("confirmed"), "\(paid.text)")
    #expect(try pay("tok_success")["idempotent-replayed"] == "true")
    #expect(try pay("tok_late").status == 409)
    try shop.expectBooksBalance()
    try shop.stop()
  }
}
