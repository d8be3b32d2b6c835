// Elasticsearch's door from the outside: the handshake, the platform's own query as it is written, pages,
// counts, documents, and what is refused.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct ElasticRouteTests {
  private static func shop() throws -> (LiveShop, TestClient) {
    let shop = try LiveShop()
    let (seller, _) = try shop.signIn("seller", role: .seller)
    try shop.database.writeBlocking { transaction in
      let rows: [(String, Int64, [String], Double?)] = [
        ("Oak lamp", 45_00, ["Home", "Lighting"], 44.20), ("Desk lamp", 99_00, ["Home"], 44.21),
        ("Floor lamp", 550_00, ["Home", "Lighting"], 44.22),
        ("Garden chair", 75_00, ["Garden"], 44.20), ("Lamp far away", 60_00, ["Home"], 10),
        ("Lamp without place", 61_00, ["Home"], nil),
      ]
      for (title, price, path, latitude) in rows {
        var product = Product()
        product.id = transaction.newID()
        product.ordinal = try transaction.nextOrdinal(space: 1)
        product.sellerID = seller.id
        product.title = title
        product.slug = title.lowercased().split(separator: " ").joined(separator: "-")
        product.priceMinor = price
        product.status = .active
        product.categoryPath = path
        if let latitude {
          product.latitudeE7 = Int32((latitude * 1e7).rounded())
          product.longitudeE7 = -725_000_000
        }
        product.createdAt = transaction.time
        try transaction.insert(product)
        var location = Location()
        location.id = transaction.newID()
        location.sellerID = seller.id
        try transaction.insert(location)
        if title != "Floor lamp" {
          try Inventory.adjust(
            transaction, variantID: product.id, locationID: location.id, delta: 3)
        }
      }
    }
    return (shop, try TestClient(port: shop.port))
  }

  private static let type = "application/vnd.elasticsearch+json; compatible-with=8"

  private func ask(
    _ client: TestClient, _ method: String, _ path: String, _ body: String = "",
    type: String = type
  ) throws -> TestReply {
    let content =
      body.isEmpty ? "" : "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
    client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: x\r\nAccept: \(Self.type)\r\n\(content)\r\n\(body)")
    return try client.reply(headOnly: method == "HEAD")
  }

  private func titles(_ json: JSONValue) -> [String] {
    guard case .array(let hits)? = json["hits"]?["hits"] else { return [] }
    return hits.compactMap { $0["_source"]?["title"]?.text }
  }

  @Test func clientsAreGreeted() throws {
    let (shop, client) = try Self.shop()
    let info = try ask(client, "GET", "/")
    #expect(info.status == 200 && info["x-elastic-product"] == "Elasticsearch")
    #expect(info["content-type"] == "application/vnd.elasticsearch+json;compatible-with=8")
    #expect(try info.json["version"]?["number"]?.text == ElasticDoor.version)
    #expect(try ask(client, "HEAD", "/").status == 200)
    #expect(try ask(client, "GET", "/_cluster/health").json["status"]?.text == "green")
    let indices = try ask(client, "GET", "/_cat/indices?format=json")
    #expect(indices.text.contains(#""docs.count":"6""#))
    let mapping = try ask(client, "GET", "/products/_mapping").json["products"]?["mappings"]
    #expect(mapping?["properties"]?["category"]?["properties"]?["name"]?["type"]?.text == "text")
    #expect(try ask(client, "GET", "/products").json["products"]?["mappings"] == mapping)
    #expect(try ask(client, "HEAD", "/products").status == 200)
    // Without the client's media type it is the catalogue.
    #expect(try client.get("/products").json["data"] != nil)
    try shop.stop()
  }

  @Test func thePlatformsQueryRunsAsItIsWritten() throws {
    let (shop, client) = try Self.shop()
    let body = """
      {"query":{"bool":{"must":[{"multi_match":{"query":"lmap","fields":["title^3","description",\
      "category.name^2"],"fuzziness":"AUTO"}}],"filter":[{"range":{"price":{"gte":10,"lte":100}}},\
      {"term":{"inStock":true}},{"geo_distance":{"distance":"10mi","location":{"lat":44.2,\
      "lon":-72.5}}}]}},"sort":[{"_score":"desc"},{"rating":"desc"}],"aggs":{"categories":{"terms":\
      {"field":"category.name"}},"priceRanges":{"range":{"field":"price","ranges":[{"to":50},\
      {"from":50,"to":100},{"from":100,"to":500},{"from":500}]}}}}
      """
    let reply = try ask(client, "POST", "/products/_search", body)
    #expect(reply.status == 200, "\(reply.text)")
    let json = try reply.json
    #expect(json["hits"]?["total"]?["value"]?.int64 == 2)
    #expect(Set(titles(json)) == ["Oak lamp", "Desk lamp"])
    let categories = json["aggregations"]?["categories"]
    #expect(
      categories?["buckets"]
        == .array([
          .object([.init("key", .string("Home")), .init("doc_count", .int(2))]),
          .object([.init("key", .string("Lighting")), .init("doc_count", .int(1))]),
        ]))
    #expect(categories?["sum_other_doc_count"]?.int64 == 0)
    guard case .array(let ranges)? = json["aggregations"]?["priceRanges"]?["buckets"] else {
      Issue.record("there are no ranges: \(reply.text)")
      return
    }
    #expect(ranges.map { $0["doc_count"]?.int64 } == [1, 1, 0, 0])
    #expect(ranges.map { $0["key"]?.text } == ["*-50.0", "50.0-100.0", "100.0-500.0", "500.0-*"])
    try shop.stop()
  }

  @Test func pagesGoOnFromTheLastHit() throws {
    let (shop, client) = try Self.shop()
    var seen: [String] = []
    var after = ""
    for _ in 0..<4 {
      let body = """
        {"size":2,"query":{"match_all":{}},"sort":[{"price":"asc"}]\(after),"_source":["title"]}
        """
      let json = try ask(client, "POST", "/products/_search", body).json
      seen += titles(json)
      guard case .array(let hits)? = json["hits"]?["hits"], let sort = hits.last?["sort"] else {
        break
      }
      #expect(hits.allSatisfy { $0["_score"] == .null && $0["_source"]?["price"] == nil })
      after = #","search_after":"# + String(decoding: sort.bytes, as: UTF8.self)
    }
    #expect(
      seen == [
        "Oak lamp", "Lamp far away", "Lamp without place", "Garden chair", "Desk lamp",
        "Floor lamp",
      ])
    try shop.stop()
  }

  @Test func aggregationsMeasureAndNest() throws {
    let (shop, client) = try Self.shop()
    let body = """
      {"size":0,"aggs":{"price":{"stats":{"field":"price"}},"stock":{"terms":{"field":"inStock"}},\
      "brands":{"cardinality":{"field":"category.name"}},"homes":{"filter":{"term":\
      {"category.name.keyword":"Home"}},"aggs":{"best":{"top_hits":{"size":1,"sort":[{"price":\
      "desc"}],"_source":"title"}}}},"steps":{"histogram":{"field":"price","interval":100,\
      "min_doc_count":1}},"parts":{"filters":{"filters":{"a":{"match":{"title":"lamp"}},\
      "b":{"match":{"title":"chair"}}}}},"rings":{"geo_distance":{"field":"location","origin":\
      {"lat":44.2,"lon":-72.5},"unit":"mi","ranges":[{"to":1},{"from":1}]}},"when":\
      {"date_histogram":{"field":"createdAt","calendar_interval":"year"}}}}
      """
    let reply = try ask(client, "POST", "/products/_search", body)
    #expect(reply.status == 200, "\(reply.text)")
    let found = try #require(try reply.json["aggregations"])
    #expect(found["price"]?["count"]?.int64 == 6 && found["price"]?["max"]?.double == 550)
    #expect(found["price"]?["sum"]?.double == 890)
    #expect(found["brands"]?["value"]?.int64 == 3)
    #expect(found["homes"]?["doc_count"]?.int64 == 5)
    let text = reply.text
    #expect(text.contains(#"{"key":1,"key_as_string":"true","doc_count":5}"#))
    #expect(text.contains(#""_source":{"title":"Floor lamp"}"#))
    #expect(text.contains(#"{"key":500.0,"doc_count":1}"#))
    #expect(text.contains(#""a":{"doc_count":5},"b":{"doc_count":1}"#))
    #expect(text.contains(#"{"key":"*-1.0","to":1.0,"doc_count":3}"#), "\(text)")
    try shop.stop()
  }

  @Test func documentsAreGivenByTheirIdentifiers() throws {
    let (shop, client) = try Self.shop()
    let first = try ask(client, "POST", "/_search", #"{"query":{"match":{"title":"oak"}}}"#).json
    guard case .array(let hits)? = first["hits"]?["hits"], let id = hits.first?["_id"]?.text else {
      Issue.record("nothing was found")
      return
    }
    let document = try ask(client, "GET", "/products/_doc/\(id)")
    #expect(document.status == 200 && document.text.contains(#""found":true"#))
    #expect(try document.json["_source"] == hits.first?["_source"])
    #expect(try ask(client, "GET", "/products/_source/\(id)").json == hits.first?["_source"])
    #expect(try ask(client, "HEAD", "/products/_doc/\(id)").status == 200)
    let none = "/products/_doc/0190f3a0-0000-7000-8000-000000000000"
    #expect(try ask(client, "GET", none).status == 404)
    let both = #"{"ids":["\#(id)","nothing"]}"#
    let documents = try ask(client, "POST", "/products/_mget", both)
    #expect(documents.text.contains(#""found":true"#) && documents.text.contains(#""found":false"#))
    let count = try ask(
      client, "POST", "/products/_count", #"{"query":{"ids":{"values":["\#(id)"]}}}"#)
    #expect(try count.json["count"]?.int64 == 1)
    #expect(try ask(client, "POST", "/products/_refresh").status == 200)
    let lines = "{}\n{\"size\":1}\n{\"index\":\"other\"}\n{}\n"
    let several = try ask(client, "POST", "/products/_msearch", lines, type: "application/x-ndjson")
    #expect(several.status == 200 && several.text.contains("security_exception"))
    try shop.stop()
  }

  @Test func whatCannotBeIsRefusedInTheEnvelope() throws {
    let (shop, client) = try Self.shop()
    for (method, path, body, status, type) in [
      ("POST", "/products/_search", #"{"query":{"knn":{}}}"#, 400, "illegal_argument_exception"),
      ("POST", "/products/_search", "{", 400, "x_content_parse_exception"),
      ("POST", "/other/_search", "{}", 401, "security_exception"),
      ("PUT", "/products/_doc/1", "{}", 403, "cluster_block_exception"),
      ("POST", "/other/_doc", "{}", 401, "security_exception"),
      ("GET", "/products/_search?q=lamp", "", 400, "illegal_argument_exception"),
    ] {
      let reply = try ask(client, method, path, body)
      #expect(reply.status == status, "\(method) \(path): \(reply.text)")
      #expect(try reply.json["error"]?["type"]?.text == type, "\(reply.text)")
      #expect(try reply.json["status"]?.int64 == Int64(status))
    }
    let wrong = try ask(client, "POST", "/products/_search", "<a/>", type: "text/xml")
    #expect(wrong.status == 415)
    let lines =
      "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_index\":\"other\",\"_id\":\"2\"}}\n"
    let bulk = try ask(client, "POST", "/products/_bulk", lines, type: "application/x-ndjson")
    #expect(bulk.status == 200 && bulk.text.contains(#""errors":true"#))
    #expect(bulk.text.contains(#""status":403"#) && bulk.text.contains(#""status":401"#))
    try shop.stop()
  }
}
