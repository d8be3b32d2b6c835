// Identifiers of other people's things, in every operation that takes one: nothing is told and nothing is
// changed, to a buyer with the identifiers of another buyer, and to a seller with those of a rival.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

private struct Attempt {
  var method: String
  var path: String
  var body = ""

  init(_ method: String, _ path: String, _ body: String = "") {
    self.method = method
    self.path = path
    self.body = body
  }
}

@Suite struct OthersThingsTests {
  private let shop: LiveShop
  private let client: TestClient
  private let seller: (user: User, header: String)
  private let ada: (user: User, header: String)
  private let stool: Product

  init() throws {
    shop = try LiveShop()
    client = try TestClient(port: shop.port)
    seller = try shop.signIn("seller", role: .seller)
    ada = try shop.signIn("ada")
    stool = try shop.product(of: seller.user, price: 4990, stock: 9)
    _ = try client.post(
      "/cart/add", "{\"productId\":\"\(stool.id)\",\"quantity\":1}", ada.header)
    let bought = try client.post(
      "/checkout", LiveShop.checkoutBody, ada.header + "Idempotency-Key: a\r\n")
    #expect(bought.status == 201)
  }

  /// Makes something and answers its identifier.
  private func made(_ path: String, _ body: String, _ header: String) throws -> String {
    let reply = try client.post(path, body, header)
    return try #require(try reply.json["id"]?.text, "\(path): \(reply.text)")
  }

  private func expectNothing(_ attempts: [Attempt], as header: String) throws {
    let before = shop.database.visibleLSN
    for attempt in attempts {
      let reply = try client.ask(
        attempt.method, attempt.path, attempt.body,
        header + "If-Match: *\r\nIdempotency-Key: k\r\n")
      #expect(
        [403, 404].contains(reply.status),
        "\(attempt.method) \(attempt.path): \(reply.status) \(reply.text)")
    }
    #expect(shop.database.visibleLSN == before)
    try shop.stop()
  }

  @Test func aBuyersThingsAreClosedToOtherBuyers() throws {
    let eve = try shop.signIn("eve")
    let address = try made(
      "/users/me/addresses",
      #"{"street":"1 Mill Lane","city":"Barre","zipCode":"05641","country":"US"}"#, ada.header)
    let order = try #require(try shop.records.all(Order.self).first)
    let payment = try #require(try shop.records.all(PaymentTransaction.self).first)
    let session = try #require(
      try shop.records.all(Session.self).first { $0.userID == ada.user.id })
    let method = try made("/payments/methods/add", #"{"token":"tok_success"}"#, ada.header)
    let named = #"{"orderId":"\#(order.id)"}"#
    let escrow = try client.post("/payments/escrow/create", named, ada.header)
    #expect(escrow.status == 201, "\(escrow.text)")
    try expectNothing(
      [
        Attempt("GET", "/payments/methods/\(ada.user.id)"),
        Attempt("PUT", "/payments/methods/\(method)/default"),
        Attempt("DELETE", "/payments/methods/\(method)"),
        Attempt("GET", "/payments/escrow/\(order.id)"),
        Attempt("POST", "/payments/escrow/create", named),
        Attempt("POST", "/payments/escrow/release", named),
        Attempt("GET", "/users/me/addresses/\(address)"),
        Attempt(
          "PUT", "/users/me/addresses/\(address)",
          #"{"street":"x","city":"x","zipCode":"1","country":"US"}"#),
        Attempt("DELETE", "/users/me/addresses/\(address)"),
        Attempt("DELETE", "/auth/sessions/\(session.id)"),
        Attempt("GET", "/orders/\(order.id)"),
        Attempt("POST", "/orders/\(order.id)/cancel", "{}"),
        Attempt("GET", "/payments/transaction/\(payment.id)"),
        Attempt(
          "POST", "/payments/process",
          #"{"orderId":"\#(order.id)","payment":{"token":"tok_success"}}"#),
        Attempt("POST", "/payments/challenge/\(order.id)", #"{"answer":"pass"}"#),
        Attempt(
          "POST", "/orders",
          #"{"userId":"\#(ada.user.id)","items":[{"productId":"\#(stool.id)","quantity":1}],"#
            + LiveShop.checkoutBody.dropFirst()),
      ], as: eve.header)
  }

  @Test func aSellersThingsAreClosedToRivals() throws {
    let rival = try shop.signIn("rival", role: .seller)
    let barn = try made("/inventory/locations", #"{"name":"Barn"}"#, seller.header)
    let held = try made(
      "/inventory/reservations", #"{"productId":"\#(stool.id)","quantity":2}"#, seller.header)
    let coupon = try client.post(
      "/coupons", #"{"code":"BARN5","type":"percentage","value":5}"#, seller.header)
    #expect(coupon.status == 201, "\(coupon.text)")
    let order = try #require(try shop.records.all(Order.self).first)
    let level = try #require(try shop.records.all(StockLevel.self).first)
    let product = "/products/\(stool.id)"
    let named = #"{"productId":"\#(stool.id)""#
    try expectNothing(
      [
        Attempt("PUT", product, #"{"title":"Mine now"}"#),
        Attempt("PATCH", product, #"{"price":1}"#),
        Attempt("DELETE", product),
        Attempt("POST", product + "/images", #"{"url":"https://x.example/1"}"#),
        Attempt("POST", product + "/restore", "{}"),
        Attempt("POST", product + "/variants", #"{"name":"L","price":1}"#),
        Attempt("PUT", product + "/variants/\(stool.id)", #"{"name":"x","price":1}"#),
        Attempt("DELETE", product + "/variants/\(stool.id)"),
        Attempt(
          "PUT", "/inventory/product/\(stool.id)", #"{"quantity":0,"locationId":"\#(barn)"}"#),
        Attempt("POST", "/inventory/adjust", named + #","delta":5,"reason":"mine"}"#),
        Attempt(
          "POST", "/inventory/transfer",
          named + #","fromLocationId":"\#(level.locationID)","#
            + #""toLocationId":"\#(barn)","quantity":1}"#),
        Attempt("GET", "/inventory/location/\(barn)"),
        Attempt("GET", "/inventory/forecast/\(stool.id)"),
        Attempt("PUT", "/inventory/locations/\(barn)", #"{"name":"Mine"}"#),
        Attempt("DELETE", "/inventory/locations/\(barn)"),
        Attempt("POST", "/inventory/reservations", named + #","quantity":1}"#),
        Attempt("GET", "/inventory/reservations/\(held)"),
        Attempt("POST", "/inventory/reservations/\(held)/commit", "{}"),
        Attempt("DELETE", "/inventory/reservations/\(held)"),
        Attempt("PUT", "/coupons/BARN5", #"{"code":"BARN5","type":"percentage","value":99}"#),
        Attempt("DELETE", "/coupons/BARN5"),
        Attempt("PUT", "/orders/\(order.id)/status", #"{"status":"shipped"}"#),
        Attempt("POST", "/payments/refund", #"{"orderId":"\#(order.id)"}"#),
      ], as: rival.header)
  }
}
