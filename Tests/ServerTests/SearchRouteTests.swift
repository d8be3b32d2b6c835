// The shop's search from the outside: typos, completions, what needs a provider, and making the index
// anew.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct SearchRouteTests {
  private func titles(_ reply: TestReply, _ name: String = "title") throws -> [String] {
    guard case .array(let data)? = try reply.json["data"] else { return [] }
    return data.compactMap { $0[name]?.text }
  }

  @Test func wordsAreFoundAndTyposAreForgiven() throws {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    let cheap = try shop.product(of: seller, price: 1000, stock: 2)
    let dear = try shop.product(of: seller, price: 9000, stock: 0)
    let client = try TestClient(port: shop.port)
    #expect(try titles(client.get("/search?q=oak+stool&sort=price")) == [cheap.title, dear.title])
    #expect(try titles(client.get("/search?q=stoool&inStock=true")) == [cheap.title])
    #expect(try titles(client.get("/search?q=elephant")).isEmpty)
    #expect(try titles(client.get("/search?q=oak&minPrice=50")) == [dear.title])
    // Nobody rated anything.
    #expect(try titles(client.get("/search?q=oak&minRating=1")).isEmpty)
    let facets = try client.get("/search?q=oak").json["facets"]?["priceRanges"]
    guard case .array(let ranges)? = facets else {
      Issue.record("there are no price ranges")
      return
    }
    #expect(ranges.map { $0["count"]?.int64 } == [1, 1, 0, 0])
    let first = try client.get("/search?q=stoool&limit=1&sort=-price").json
    #expect(first["hasMore"] == .bool(true))
    let cursor = try #require(first["nextCursor"]?.text)
    #expect(
      try titles(client.get("/search?q=stoool&limit=1&sort=-price&cursor=\(cursor)"))
        == [cheap.title])
    try shop.stop()
  }

  @Test func beginningsAreCompleted() throws {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    let product = try shop.product(of: seller, price: 1000, stock: 2)
    let client = try TestClient(port: shop.port)
    for typed in ["o", "oak+st", "sto", "stool"] {
      #expect(
        try titles(client.get("/search/autocomplete?q=\(typed)"), "text") == [product.title],
        "\(typed)")
    }
    #expect(try titles(client.get("/search/autocomplete?q=oak+xyz"), "text").isEmpty)
    #expect(try client.get("/search/autocomplete?q=+").text.contains(#""data":[]"#))
    #expect(try client.get("/search/autocomplete").status == 400)
    try shop.stop()
  }

  @Test func picturesAndSpeechNeedAProvider() throws {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    let product = try shop.product(of: seller, price: 1000, stock: 2)
    let client = try TestClient(port: shop.port)
    for (path, body) in [("/search/image", "{}"), ("/search/voice", "{}")] {
      let reply = try client.post(path, body)
      #expect(reply.status == 503 && reply.code == "SYS_9002")
      #expect(try reply.json["error"]?["details"]?["provider"]?.text == "none")
    }
    #expect(
      try titles(client.post("/search/voice", #"{"transcript":"oak stool"}"#)) == [product.title])
    try shop.stop()
  }

  @Test func theIndexIsMadeAnewAsAJob() throws {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    let product = try shop.product(of: seller, price: 1000, stock: 2)
    let (_, buyer) = try shop.signIn("buyer")
    let (_, admin) = try shop.signIn("admin", role: .admin)
    let client = try TestClient(port: shop.port)
    func put(_ header: String) throws -> TestReply {
      client.send(
        "PUT /search/reindex HTTP/1.1\r\nHost: x\r\n\(header)Content-Length: 0\r\n\r\n")
      return try client.reply()
    }
    #expect(try put(buyer).status == 403)
    #expect(try client.get("/search/reindex", admin).json["status"]?.text == "idle")
    let begun = try put(admin)
    #expect(begun.status == 202 && begun["location"] == "/search/reindex")
    var state = try client.get("/search/reindex", admin).json
    while state["status"]?.text == "running" {
      state = try client.get("/search/reindex", admin).json
    }
    #expect(state["status"]?.text == "completed", "\(state)")
    #expect(state["wasSound"] == .bool(true))
    #expect(try titles(client.get("/search?q=oak")) == [product.title])
    try shop.stop()
  }
}
