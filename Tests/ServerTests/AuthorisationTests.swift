// Who may call what: every route of the marketplace with every kind of caller, and other people's
// orders, carts, addresses, products and stock.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite(.serialized) struct AuthorisationTests {
  private static let someID = "01a217ae-6737-7243-b75f-484a8f5d7b43"

  private func target(_ route: Route) -> String {
    route.path.split(separator: "/").map { $0.hasPrefix("{") ? Substring(Self.someID) : $0 }
      .reduce("") { $0 + "/" + $1 }
  }

  private func ask(_ client: TestClient, _ route: Route, _ header: String) throws -> TestReply {
    client.send(
      "\(route.method.name) \(target(route)) HTTP/1.1\r\nHost: x\r\n\(header)"
        + "Idempotency-Key: matrix\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    return try client.reply(headOnly: route.method == .head)
  }

  /// A route lets through exactly the roles that it names: the others are told 401 or 403 before
  /// anything else is looked at.
  @Test func everyRouteKeepsOutWhoMayNot() throws {
    let shop = try LiveShop()
    let callers: [(name: String, header: String, principal: Principal?)] = try [
      ("nobody", "", nil),
      ("buyer", shop.signIn("buyer").header, Principal(id: .zero, roles: .buyer)),
      (
        "seller", shop.signIn("seller", role: .seller).header,
        Principal(id: .zero, roles: .seller)
      ),
    ]
    let server = MarketplaceServer(market: shop.market)
    let routes = try server.routeGroups.flatMap(\.routes)
    #expect(routes.count > 90)
    var refused = 0
    for route in routes where !route.path.hasPrefix("/auth/logout") {
      for caller in callers {
        let client = try TestClient(port: shop.port)
        let reply = try ask(client, route, caller.header)
        var expected: Int?
        do { try route.caller.check(caller.principal) } catch { expected = error.status }
        let what = "\(route.method.name) \(route.path) as \(caller.name): \(reply.status)"
        #expect(reply.status < 500 || reply.status == 503, "\(what)")
        if let expected {
          #expect(reply.status == expected, "\(what)")
          refused += 1
        } else {
          #expect(caller.principal == nil || reply.status != 401, "\(what)")
        }
      }
    }
    #expect(refused > 100)
    try server.shutDown()
    try shop.stop()
  }

  @Test func otherPeoplesThingsAreNotThere() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller)
    let rival = try shop.signIn("rival", role: .seller)
    let ada = try shop.signIn("ada")
    let eve = try shop.signIn("eve")
    let stool = try shop.product(of: seller.user, price: 4990, stock: 9)
    let client = try TestClient(port: shop.port)
    _ = try client.post(
      "/cart/add", "{\"productId\":\"\(stool.id)\",\"quantity\":1}", ada.header)
    let bought = try client.post(
      "/checkout", LiveShop.checkoutBody, ada.header + "Idempotency-Key: one\r\n")
    #expect(bought.status == 201)
    let order = try #require(try shop.records.all(Order.self).first)
    for stranger in [eve.header, rival.header] {
      #expect([403, 404].contains(try client.get("/orders/\(order.id)", stranger).status))
      let cancelled = try client.post("/orders/\(order.id)/cancel", "{}", stranger)
      #expect([403, 404].contains(cancelled.status))
      #expect(try client.get("/orders/user/\(ada.user.id)", stranger).status == 403)
      #expect(try client.get("/cart/\(ada.user.id)", stranger).status == 403)
      let history = try client.get("/payments/user/\(ada.user.id)/history", stranger)
      #expect(history.status == 403)
    }
    // One key of two people is two keys.
    _ = try client.post(
      "/cart/add", "{\"productId\":\"\(stool.id)\",\"quantity\":1}", eve.header)
    let second = try client.post(
      "/checkout", LiveShop.checkoutBody, eve.header + "Idempotency-Key: one\r\n")
    #expect(second.status == 201 && second.body != bought.body)

    let adjusted = try client.post(
      "/inventory/adjust", #"{"productId":"\#(stool.id)","delta":5,"reason":"mine now"}"#,
      rival.header)
    #expect(adjusted.status == 403)
    #expect(
      try client.post(
        "/products/\(stool.id)/variants", #"{"name":"L","price":1}"#, rival.header
      ).status == 403)
    #expect(try Inventory.available(shop.records, stool.id) == 7)
    try shop.stop()
  }
}
