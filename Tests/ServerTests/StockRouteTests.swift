// The routes of stock, variants, categories and uploads, from the outside: who may, what is answered,
// and that holds of stock end by themselves.

import Bytes
import Foundation
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct StockRouteTests {
  private struct Client {
    let client: TestClient
    let header: String

    init(_ shop: LiveShop, _ header: String) throws {
      client = try TestClient(port: shop.port)
      self.header = header
    }

    func ask(
      _ method: String, _ path: String, _ body: String? = nil, type: String = "application/json",
      headers: String = ""
    ) throws -> TestReply {
      let content = body.map { "Content-Type: \(type)\r\nContent-Length: \($0.utf8.count)\r\n" }
      client.send(
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(header)\(headers)\(content ?? "")\r\n"
          + (body ?? ""))
      return try client.reply()
    }
  }

  @Test func aSellerKeepsHisStockAndNobodyElses() throws {
    let shop = try LiveShop()
    let (seller, header) = try shop.signIn("seller", role: .seller)
    let (_, rivalHeader) = try shop.signIn("rival", role: .seller)
    let (_, buyerHeader) = try shop.signIn("buyer")
    let product = try shop.product(of: seller, price: 100, stock: 10)
    let mine = try Client(shop, header)
    let theirs = try Client(shop, rivalHeader)
    let buyers = try Client(shop, buyerHeader)

    let made = try mine.ask("POST", "/inventory/locations", #"{"name":"Store room"}"#)
    #expect(made.status == 201)
    let place = try #require(try JSONValue(parsing: made.body)["id"])
    guard case .string(let placeID) = place else { return }
    let bulk = """
      {"mode":"each","items":[{"productId":"\(product.id)","locationId":"\(placeID)","quantity":5},\
      {"productId":"\(product.id)","locationId":"\(placeID)","delta":-9}]}
      """
    let report = try mine.ask("POST", "/inventory/bulk-update", bulk)
    #expect(report.status == 200 && report.text.contains("\"updated\":1,\"refused\":1"))
    #expect(report["x-commit-lsn"] != nil)
    #expect(try buyers.ask("POST", "/inventory/bulk-update", bulk).status == 403)
    #expect(try theirs.ask("GET", "/inventory/forecast/\(product.id)").status == 404)
    let forecast = try mine.ask("GET", "/inventory/forecast/\(product.id)?days=7")
    #expect(forecast.status == 200 && forecast.text.contains("too_few_data"))
    #expect(try mine.ask("GET", "/inventory/forecast/\(product.id)?days=91").status == 400)

    let feed = """
      {"feedId":"f1","locationId":"\(placeID)","items":[{"productId":"\(product.id)","type":"sale",\
      "quantity":2}]}
      """
    for replayed in [false, true] {
      let reply = try mine.ask("POST", "/inventory/sync-pos", feed)
      #expect(reply.status == 200 && reply.text.contains("\"replayed\":\(replayed)"))
    }
    let other = feed.replacingOccurrences(of: "\"quantity\":2", with: "\"quantity\":3")
    #expect(try mine.ask("POST", "/inventory/sync-pos", other).status == 422)
    #expect(try mine.ask("DELETE", "/inventory/locations/\(placeID)").status == 409)
    #expect(try theirs.ask("DELETE", "/inventory/locations/\(placeID)").status == 404)
    try shop.stop()
  }

  @Test func whatIsHeldTooLongIsGivenBackByItself() throws {
    let shop = try LiveShop()
    let (seller, header) = try shop.signIn("seller", role: .seller)
    let product = try shop.product(of: seller, price: 100, stock: 3)
    let mine = try Client(shop, header)
    let held = try mine.ask(
      "POST", "/inventory/reservations",
      #"{"productId":"\#(product.id)","quantity":3,"expiresInSeconds":1}"#)
    #expect(held.status == 201)
    let path = try #require(held["location"]).replacingOccurrences(of: "/api/v1", with: "")
    // The server's clock decides; ask until it has, which a broken sweep would never.
    let end = ContinuousClock.now + .seconds(60)
    var state = ""
    while !state.contains("expired"), ContinuousClock.now < end {
      state = try mine.ask("GET", path).text
    }
    #expect(state.contains("\"state\":\"expired\""))
    #expect(try mine.ask("POST", path + "/commit", "{}").status == 409)
    #expect(try Inventory.available(shop.records, productID: product.id) == 3)
    try shop.stop()
  }

  @Test func productsAreUploadedOrSaidToBeWrongLineByLine() throws {
    let shop = try LiveShop()
    let (_, header) = try shop.signIn("seller", role: .seller)
    let mine = try Client(shop, header)
    let csv =
      "externalId,title,description,price,status\nc1,Oak chair,A chair of oak.,19.90,draft\n"
    let dry = try mine.ask("POST", "/products/bulk-upload?dryRun=true", csv, type: "text/csv")
    #expect(dry.status == 200 && dry.text.contains("\"dryRun\":true"))
    #expect(dry.text.contains("\"created\":1"))
    #expect(try shop.records.all(Product.self).isEmpty)
    let done = try mine.ask("POST", "/products/bulk-upload", csv, type: "text/csv")
    #expect(done.status == 200 && done["x-commit-lsn"] != nil)
    #expect(try shop.records.all(Product.self).count == 1)
    let bad = csv.replacingOccurrences(of: "19.90", with: "cheap")
    let refused = try mine.ask("POST", "/products/bulk-upload", bad, type: "text/csv")
    #expect(refused.status == 400 && refused.text.contains("\"line\":2"))
    let told = try mine.ask("POST", "/products/bulk-upload?dryRun=true", bad, type: "text/csv")
    #expect(told.status == 200 && told.text.contains("\"field\":\"price\""))
    #expect(try mine.ask("POST", "/products/bulk-upload", csv).status == 400)
    try shop.stop()
  }

  @Test func aProductsPartsCarryItsVersion() throws {
    let shop = try LiveShop()
    let (seller, header) = try shop.signIn("seller", role: .seller)
    let (_, adminHeader) = try shop.signIn("admin", role: .admin)
    let product = try shop.product(of: seller, price: 100, stock: 0)
    let mine = try Client(shop, header)
    let variant = #"{"name":"Large","sku":"L","price":"5.00"}"#
    let added = try mine.ask(
      "POST", "/products/\(product.id)/variants", variant, headers: "If-Match: \"v1\"\r\n")
    #expect(added.status == 200 && added["etag"] == "\"v2.0\"")
    let stale = try mine.ask(
      "POST", "/products/\(product.id)/images", #"{"url":"https://example.com/a.jpg"}"#,
      headers: "If-Match: \"v1\"\r\n")
    #expect(stale.status == 412)
    let admin = try Client(shop, adminHeader)
    let made = try admin.ask("POST", "/categories", #"{"name":"Seats"}"#)
    let id = try #require(try JSONValue(parsing: made.body)["id"])
    guard case .string(let category) = id else { return }
    #expect(try mine.ask("PUT", "/categories/\(category)", #"{"name":"Chairs"}"#).status == 403)
    #expect(try admin.ask("PUT", "/categories/\(category)", #"{"name":"Chairs"}"#).status == 200)
    #expect(try admin.ask("DELETE", "/categories/\(category)").status == 204)
    #expect(try mine.ask("DELETE", "/products/\(product.id)").status == 204)
    #expect(try mine.ask("POST", "/products/\(product.id)/restore").status == 200)
    try shop.stop()
  }
}
