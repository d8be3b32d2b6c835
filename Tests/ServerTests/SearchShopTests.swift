// The search service from the outside: events and their figures, suggestions, rules, highlights, the
// proof of the index; and that what was written is found, by everybody, at once.

import Bytes
import Database
import Marketplace
import RecordStore
import Synchronization
import Testing

@testable import Server

@Suite struct SearchShopTests {
  private func array(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let elements)? = value { return elements }
    return []
  }

  private func ids(_ reply: TestReply) throws -> [String] {
    array(try reply.json["data"]).compactMap { $0["id"]?.text }
  }

  private func send(
    _ client: TestClient, _ method: String, _ path: String, _ body: String, _ fields: String
  ) throws -> TestReply {
    client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\(fields)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try client.reply()
  }

  @Test func everySearchIsCountedAndEachClickOnce() throws {
    let shop = try LiveShop()
    let (seller, sellerHeader) = try shop.signIn("seller", role: .seller)
    let (_, admin) = try shop.signIn("admin", role: .admin)
    let stool = try shop.product(of: seller, price: 1000, stock: 2)
    let other = try shop.product(of: seller, price: 2000, stock: 2)
    let client = try TestClient(port: shop.port)
    let lsn = shop.database.visibleLSN
    let first = try client.get("/search?q=Oak+stool&maxPrice=100&limit=1").json
    let searchID = try #require(first["searchId"]?.text)
    let cursor = try #require(first["nextCursor"]?.text)
    // A further page is no further search.
    let second = try client.get("/search?q=Oak+stool&maxPrice=100&limit=1&cursor=\(cursor)").json
    #expect(second["searchId"]?.text == nil)
    #expect(try client.get("/products?q=oak+stool").json["searchId"]?.text != nil)
    _ = try client.post("/search/voice", #"{"transcript":"oak stool"}"#)
    _ = try client.get("/search?q=elephant")
    func click(_ searchID: String, _ product: String, _ position: Int) throws -> TestReply {
      try client.post(
        "/search/click",
        #"{"searchId":"\#(searchID)","productId":"\#(product)","position":\#(position)}"#)
    }
    for _ in 0..<2 {
      let reply = try click(searchID, "\(stool.id)", 1)
      #expect(reply.status == 202 && reply.body.isEmpty)
    }
    #expect(try click(searchID, "\(other.id)", 4).status == 202)
    #expect(try click("made-up", "\(stool.id)", 1).code == "VAL_3001")
    #expect(try click(searchID, "01a217ae-6737-7243-b75f-484a8f5d7b43", 1).code == "RES_4001")
    #expect(try click(searchID, "\(stool.id)", 0).code == "VAL_3001")
    #expect(try client.post("/search/click", "{}").code == "VAL_3003")
    // Nobody waited for a commit, and none was made.
    #expect(shop.database.visibleLSN == lsn)

    #expect(try client.get("/search/analytics", sellerHeader).status == 403)
    let report = try client.get("/search/analytics?limit=1", admin).json
    let totals = report["totals"]
    #expect(totals?["searches"]?.int64 == 4 && totals?["withoutResults"]?.int64 == 1)
    #expect(totals?["clicks"]?.int64 == 2)
    #expect(totals?["clickThroughRate"] == .number("0.25"))
    #expect(totals?["averagePosition"] == .number("2.5"))
    #expect(totals?["filters"]?["price"]?.int64 == 1)
    #expect(array(report["data"]).map { $0["query"]?.text } == ["oak stool"])
    let next = try #require(report["nextCursor"]?.text)
    let rest = try client.get("/search/analytics?limit=1&cursor=\(next)", admin).json
    #expect(array(rest["data"]).map { $0["query"]?.text } == ["elephant"])
    let failed = try client.get("/search/analytics?report=withoutResults", admin).json
    #expect(array(failed["data"]).map { $0["query"]?.text } == ["elephant"])
    let elsewhere = try client.get("/search/analytics?report=clicks&cursor=\(next)", admin)
    #expect(elsewhere.code == "VAL_3002")
    for period in [
      "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from=2020-01-01T00:00:00Z",
    ] {
      #expect(try client.get("/search/analytics?\(period)", admin).code == "VAL_3001")
    }
    let suggestions = try client.get("/search/suggestions?q=sto").json
    #expect(array(suggestions["data"]).map { $0["query"]?.text } == ["oak stool"])
    #expect(try client.get("/search/suggestions?q=oak+stol").text.contains(#""oak stool""#))
    try shop.stop()
  }

  @Test func whatIsNotWrittenYetIsWrittenAtAStop() throws {
    let shop = try LiveShop()
    let client = try TestClient(port: shop.port)
    _ = try client.get("/search?q=lamp")
    _ = try shop.service.stop()
    #expect(try shop.records.all(SearchedQuery.self).map(\.query) == ["lamp"])
    try shop.database.close()
  }

  @Test func rulesAreMadeChangedAndDeletedByAdministrators() throws {
    let shop = try LiveShop()
    let (seller, sellerHeader) = try shop.signIn("seller", role: .seller)
    let (_, admin) = try shop.signIn("admin", role: .admin)
    let products = try (0..<5).map { try shop.product(of: seller, price: 1000 + $0, stock: 2) }
    let last = products[4]
    let client = try TestClient(port: shop.port)
    let body =
      #"{"kind":"pin","query":"Stool","productId":"\#(last.id)","position":1}"#
    #expect(try client.post("/admin/search/rules", body, sellerHeader).status == 403)
    let made = try client.post("/admin/search/rules", body, admin)
    #expect(made.status == 201 && made["etag"] == "\"v1\"")
    let id = try #require(try made.json["id"]?.text)
    #expect(made["location"] == "/api/v1/admin/search/rules/\(id)")
    #expect(try client.post("/admin/search/rules", body, admin).code == "RES_4003")
    for path in ["/search?q=stool&limit=2", "/products?q=stool&limit=2"] {
      var found: [String] = []
      var cursor: String? = ""
      while let text = cursor, found.count < 9 {
        let reply = try client.get(path + (text.isEmpty ? "" : "&cursor=\(text)"))
        found += try ids(reply)
        cursor = try reply.json["nextCursor"]?.text
      }
      #expect(found.first == "\(last.id)" && found.count == 5 && Set(found).count == 5)
    }
    #expect(try client.get("/search?q=stool&sort=price").text.contains("\(last.id)"))
    let path = "/admin/search/rules/\(id)"
    #expect(try client.get(path, admin + "If-None-Match: \"v1\"\r\n").status == 304)
    let changed = body.replacing(#""position":1"#, with: #""position":2"#)
    #expect(try send(client, "PUT", path, changed, admin + "If-Match: \"v9\"\r\n").status == 412)
    #expect(try send(client, "PUT", path, changed, admin).status == 428)
    let put = try send(client, "PUT", path, changed, admin + "If-Match: \"v1\"\r\n")
    #expect(put.status == 200 && put["etag"] == "\"v2\"")
    #expect(try ids(client.get("/search?q=stool"))[1] == "\(last.id)")
    let listed = try client.get("/admin/search/rules?kind=pin&query=STOOL", admin)
    #expect(try ids(listed) == [id])
    #expect(try ids(client.get("/admin/search/rules?kind=bury", admin)).isEmpty)
    #expect(try send(client, "DELETE", path, "", admin + "If-Match: \"v1\"\r\n").status == 412)
    #expect(try send(client, "DELETE", path, "", admin).status == 204)
    #expect(try client.get(path, admin).status == 404)
    #expect(try ids(client.get("/search?q=stool"))[1] != "\(last.id)")
    let audit = try client.get("/admin/audit", admin).text
    for operation in ["createSearchRule", "replaceSearchRule", "deleteSearchRule"] {
      #expect(audit.contains(operation))
    }
    try shop.stop()
  }

  @Test func hitsShowWhatMatchedAsHarmlessHTML() throws {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    let product = try shop.product(of: seller, price: 1000, stock: 2)
    try shop.database.writeBlocking { transaction in
      var product = product
      product.title = "Stool <script>alert(1)</script> & oak"
      product.description = "<p>A &lt;b&gt; stool of ash.</p>"
      try transaction.put(product)
    }
    let client = try TestClient(port: shop.port)
    #expect(try !client.get("/search?q=stool").text.contains("highlights"))
    let hit = try array(client.get("/search?q=stool+oak&highlight=true").json["data"]).first
    let title = array(hit?["highlights"]?["title"]).compactMap(\.text).joined()
    #expect(
      title
        == "<mark>Stool</mark> &lt;script&gt;alert(1)&lt;/script&gt; &amp; <mark>oak</mark>")
    let description = array(hit?["highlights"]?["description"]).compactMap(\.text).joined()
    #expect(description.contains("<mark>stool</mark>") && !description.contains("<b>"))
    // Of a typo the word as it is.
    let near = try client.get("/search?q=stoool&highlight=true").json
    #expect("\(near)".contains("<mark>Stool</mark>"))
    #expect(array(near["didYouMean"]).map(\.text) == ["stool"])
    try shop.stop()
  }

  @Test func theIndexProvesWhatItHas() throws {
    let shop = try LiveShop()
    let (seller, header) = try shop.signIn("seller", role: .seller)
    let (_, admin) = try shop.signIn("admin", role: .admin)
    let product = try shop.product(of: seller, price: 1000, stock: 2)
    let client = try TestClient(port: shop.port)
    let body = #"{"productIds":["\#(product.id)"]}"#
    #expect(try client.post("/search/index", body, header).status == 403)
    let reply = try client.post("/search/index", body, admin)
    #expect(reply.status == 200)
    let report = try reply.json
    #expect(array(report["data"]).map { $0["status"]?.text } == ["indexed"])
    #expect(report["commit"]?.int64.map { "\($0)" } == reply["x-snapshot-lsn"])
    #expect(try client.post("/search/index", "{}", admin).json["products"]?.int64 == 1)
    let many = (0...1000).map { _ in "\"\(product.id)\"" }.joined(separator: ",")
    #expect(try client.post("/search/index", #"{"productIds":[\#(many)]}"#, admin).status == 400)
    try shop.stop()
  }

  /// Eight clients write and search at once, each its own words: a product is found by the request after
  /// the answer to its writing, with its stock, and not after it was deleted; both lists agree; and
  /// everybody's rules hold at once.
  @Test func whatWasWrittenIsFoundByTheNextRequestUnderLoad() throws {
    let shop = try LiveShop()
    let sellers = try (0..<8).map { try shop.signIn("seller\($0)", role: .seller) }
    let (_, admin) = try shop.signIn("admin", role: .admin)
    inParallel(8) { number in
      let header = sellers[number].header
      let client = try TestClient(port: shop.port)
      for round in 0..<25 {
        // Words that are no typos of each other: two differ in three letters at least.
        let word = [number, round].map { part in
          String(repeating: Character(Unicode.Scalar(UInt8(97 + part))), count: 3)
        }.joined()
        let made = try client.post(
          "/products",
          #"{"title":"Oak \#(word)","description":"A thing of oak.","price":5,"status":"active","#
            + #""images":["https://example.com/a.jpg"],"location":{"latitude":44,"longitude":-72}}"#,
          header)
        #expect(made.status == 201, "\(made.text)")
        let id = try #require(try made.json["id"]?.text)
        func found(_ more: String = "") throws -> [String] {
          let reply = try client.get("/search?q=\(word)&sort=newest\(more)")
          #expect(
            try self.ids(reply) == self.ids(client.get("/products?q=\(word)&sort=newest\(more)")))
          return try self.ids(reply)
        }
        #expect(try found() == [id], "\(word)")
        #expect(try found("&inStock=true").isEmpty, "\(word)")
        let set = try self.send(
          client, "PUT", "/inventory/product/\(id)", #"{"quantity":\#(round + 1)}"#,
          header + "If-Match: *\r\n")
        #expect(set.status == 200, "\(set.text)")
        let stocked = try client.get("/search?q=\(word)&inStock=true").json["data"]
        #expect(self.array(stocked).first?["stock"]?.int64 == Int64(round) + 1, "\(word)")
        if round % 5 == 0 {
          let rule = try client.post(
            "/admin/search/rules",
            #"{"kind":"bury","query":"\#(word)","productId":"\#(id)","burial":"out"}"#, admin)
          #expect(rule.status == 201, "\(rule.text)")
          #expect(try found().isEmpty, "\(word)")
          let path = "/admin/search/rules/\(try rule.json["id"]?.text ?? "")"
          #expect(try self.send(client, "DELETE", path, "", admin).status == 204)
          #expect(try found() == [id], "\(word)")
        }
        if round % 2 == 0 {
          #expect(try self.send(client, "DELETE", "/products/\(id)", "", header).status == 204)
          #expect(try found().isEmpty, "\(word)")
        }
      }
    }
    try shop.stop()
  }
}
