// First light, from the outside: import, search, register, fill a cart, pay, pull the plug, start
// again, and find the order, the stock reduced, and the search in agreement.

import Bytes
import Foundation
import Testing
import souk

@Suite(.serialized) struct PurchaseTests {
  /// The real data when they lie beside the project, else goods of our own.
  private func importCatalogue(into data: String, _ folder: TemporaryFolder) throws
    -> (query: String, shops: Int, products: Int)
  {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let real = root.deletingLastPathComponent().appendingPathComponent("shared/data").path
    var (stores, products) = (real + "/stores.ndjson", real + "/products.ndjson")
    var expected = (query: "samsung+phone", shops: 1565, products: 3288)
    if !FileManager.default.fileExists(atPath: products) {
      stores = try folder.write(Self.generatedStores(40), to: "stores.ndjson")
      products = try folder.write(Self.generatedProducts(400), to: "products.ndjson")
      expected = ("oak+stool", 40, 400)
    }
    let shops = try souk("import", "stores", stores, "--data", data, "--json")
    #expect(shops.status == 0, "\(shops.errors)")
    #expect(shops.output.contains("\"created\":\(expected.shops)"))
    let goods = try souk(
      "import", "products", products, "--assign-to-stores", "--stock", "5", "--data", data,
      "--json")
    #expect(goods.status == 0, "\(goods.errors)")
    #expect(goods.output.contains("\"created\":\(expected.products)"))
    return expected
  }

  private static func generatedStores(_ count: Int) -> String {
    (0..<count).map { number in
      #"{"id":\#(100 + number),"name":"Shop \#(number)","address":"\#(number) Main St","city":"Springfield","state":"IL","zip":"62701","location":{"lat":\#(40 + number % 9).5,"lon":-89.25}}"#
    }.joined(separator: "\n")
  }

  private static func generatedProducts(_ count: Int) -> String {
    let (woods, things) = (["Oak", "Ash", "Pine", "Elm"], ["stool", "bench", "table", "shelf"])
    return (0..<count).map { number in
      let title = "\(woods[number % 4]) \(things[number / 4 % 4]) number \(number)"
      return
        #"{"externalId":"p\#(number)","title":"\#(title)","description":"\#(title), made by hand and oiled twice.","brand":"Joinery","categories":["Furniture"],"price":\#(10 + number).95,"currency":"USD","popularity":\#(number)}"#
    }.joined(separator: "\n")
  }

  private func stockInSearch(_ shopper: Shopper, _ query: String, _ id: String) throws -> Int? {
    let found = try shopper.get("/search?q=\(query)&limit=100").json
    let hits = try #require(found["data"] as? [[String: Any]])
    return hits.first { $0["id"] as? String == id }?["stock"] as? Int
  }

  @Test func aPurchaseOutlivesAKill() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("init", "--data", data).status == 0)
    let catalogue = try importCatalogue(into: data, folder)

    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    let shopper = try Shopper(server)
    let found = try shopper.get("/search?q=\(catalogue.query)&limit=1")
    #expect(found.status == 200)
    let hit = try #require((try found.json["data"] as? [[String: Any]])?.first)
    let product = try #require(hit["id"] as? String)
    #expect(hit["stock"] as? Int == 5)

    try shopper.register("ada@example.com")
    let cart = try shopper.post("/cart/add", #"{"productId":"\#(product)","quantity":2}"#)
    #expect(cart.status == 200)
    let bought = try shopper.buy(key: "first")
    #expect(bought.status == 201, "\(bought.text.prefix(500))")
    #expect(bought.headers["x-commit-lsn"] != nil)
    let order = try #require(try bought.json["id"] as? String)
    #expect(server.end(with: SIGKILL) == -SIGKILL)

    let again = try ChildServer(binary: binary, arguments: ["--data", data])
    let returned = try Shopper(again)
    returned.token = shopper.token
    let kept = try returned.get("/orders/\(order)")
    #expect(kept.status == 200)
    #expect(try kept.json["status"] as? String == "confirmed")
    #expect(try returned.get("/products/\(product)").json["stock"] as? Int == 3)
    #expect(try stockInSearch(returned, catalogue.query, product) == 3)
    // The answer that may have been lost is given again, and nothing is bought twice.
    let replayed = try returned.buy(key: "first")
    #expect(replayed.status == 201)
    #expect(replayed.body == bought.body)
    #expect(replayed.headers["idempotent-replayed"] == "true")
    #expect(again.end(with: SIGTERM) == 0)

    let check = try souk("store", "check", "--deep", "--data", data)
    #expect(check.status == 0, "\(check.output)")
  }

  @Test func threeHundredBuyersShareAHundredUnits() throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let bench = try CheckoutBench(
      folder: data, seconds: 1, products: 1, stock: 100, buyers: 300, lines: 1, coupons: 0)
    let server = try ChildServer(binary: binary, arguments: ["--data", data])
    // Everybody has the last unit in the cart before anybody pays.
    try bench.fill(0..<300, on: server)
    let outcomes = try bench.race(0..<300, connections: 32, on: server)
    #expect(outcomes.filter { $0.status == 201 }.count == 100)
    let refusals = outcomes.filter { $0.status != 201 }
    #expect(refusals.count == 200)
    #expect(refusals.allSatisfy { $0.status == 409 && $0.text.contains("BIZ_5001") })
    let shopper = try Shopper(server)
    let product = bench.productIDs[0]
    #expect(try shopper.get("/products/\(product)").json["stock"] as? Int == 0)
    #expect(server.end(with: SIGTERM) == 0)
    #expect(try souk("store", "check", "--deep", "--data", data).status == 0)
  }
}
