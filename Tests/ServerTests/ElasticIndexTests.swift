// Indices that administrators make through Elasticsearch's door: who may, documents one by one and in bulk,
// conditions, mappings, searches, keys, and bodies of any bytes.

import Bytes
import Database
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct ElasticIndexTests {
  private static let type = "application/vnd.elasticsearch+json; compatible-with=9"

  private struct Door {
    let client: TestClient
    var credentials: String

    func ask(
      _ method: String, _ path: String, _ body: String = "", type: String = ElasticIndexTests.type
    ) throws -> TestReply {
      let content =
        body.isEmpty ? "" : "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
      client.send(
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\nAccept: \(ElasticIndexTests.type)\r\n"
          + "\(credentials)\(content)\r\n\(body)")
      return try client.reply(headOnly: method == "HEAD")
    }

    func bulk(_ path: String, _ lines: String...) throws -> JSONValue {
      try ask("POST", path, lines.joined(separator: "\n") + "\n", type: "application/x-ndjson").json
    }
  }

  private static func shop() throws -> (LiveShop, Door) {
    let shop = try LiveShop()
    let (_, header) = try shop.signIn("root", role: .admin)
    return (shop, Door(client: try TestClient(port: shop.port), credentials: header))
  }

  private static func basic(_ name: String, _ password: String) -> String {
    "Authorization: Basic \(Base64.encode(Array("\(name):\(password)".utf8)))\r\n"
  }

  private static func identifiers(_ json: JSONValue) -> [String] {
    guard case .array(let hits)? = json["hits"]?["hits"] else { return [] }
    return hits.compactMap { $0["_id"]?.text }
  }

  // MARK: Who may

  @Test func onlyAdministratorsSeeIndices() throws {
    let (shop, door) = try Self.shop()
    #expect(try door.ask("PUT", "/notes/_doc/1", #"{"a":1}"#).status == 201)
    var other = door
    let (_, buyer) = try shop.signIn("buyer")
    for (credentials, status) in [
      ("", 401), (buyer, 403), (Self.basic("root@example.com", "wrong"), 401),
      ("Authorization: Bearer x\r\n", 401), ("Authorization: ApiKey eDp5\r\n", 401),
      ("Authorization: Digest x\r\n", 401), ("Authorization: Basic !\r\n", 401),
    ] {
      other.credentials = credentials
      let paths = [
        ("GET", "/notes/_doc/1"), ("GET", "/notes"), ("PUT", "/other"), ("DELETE", "/notes"),
        ("PUT", "/notes/_doc/2"), ("POST", "/notes/_search"), ("GET", "/nothing/_count"),
        ("POST", "/notes/_update/1"), ("PUT", "/notes/_mapping"), ("POST", "/_security/api_key"),
      ]
      // Whoever guesses is soon made to wait.
      for (method, path) in paths.prefix(credentials.contains("Basic") ? 3 : paths.count) {
        let reply = try other.ask(method, path, method == "GET" || method == "DELETE" ? "" : "{}")
        #expect(reply.status == status, "\(credentials) \(method) \(path): \(reply.text)")
        #expect(try reply.json["error"]?["type"]?.text == "security_exception")
      }
      #expect(try other.ask("POST", "/products/_search", "{}").status == 200)
      let names = try other.ask("GET", "/_cat/indices?format=json")
      #expect(!names.text.contains("notes"), "\(names.text)")
    }
    #expect(try door.ask("GET", "/_cat/indices?format=json").text.contains(#""index":"notes""#))
    #expect(try door.ask("GET", "/notes/_doc/1").json["_source"]?["a"]?.int64 == 1)
    try shop.stop()
  }

  @Test func aPasswordIsEnoughAndIsHashedOnce() throws {
    let (shop, door) = try Self.shop()
    let hash = try shop.market.hasher.hash("correct horse")
    _ = try shop.database.writeBlocking { transaction in
      var request = RegisterRequest()
      request.email = "admin@example.com"
      request.role = .admin
      _ = try Accounts.create(transaction, request, passwordHash: hash)
    }
    var mine = door
    mine.credentials = Self.basic("Admin@example.com", "correct horse")
    for number in 0..<3 {
      #expect(try mine.ask("PUT", "/notes/_doc/\(number)", "{}").status == 201)
    }
    mine.credentials = Self.basic("admin@example.com", "correct horses")
    #expect(try mine.ask("PUT", "/notes/_doc/9", "{}").status == 401)
    // An account with two steps has no password here.
    _ = try shop.database.writeBlocking { transaction in
      guard var user = try Accounts.user(transaction, email: "admin@example.com") else { return }
      user.isTwoFactorEnabled = true
      try transaction.put(user)
    }
    mine.credentials = Self.basic("admin@example.com", "correct horse")
    let refused = try mine.ask("PUT", "/notes/_doc/9", "{}")
    #expect(refused.status == 401 && refused.text.contains("cannot use its password"))
    try shop.stop()
  }

  @Test func keysAreGivenOutAndTakenBack() throws {
    let (shop, door) = try Self.shop()
    let made = try door.ask(
      "POST", "/_security/api_key", #"{"name":"loader","expiration":"7d"}"#
    ).json
    let encoded = try #require(made["encoded"]?.text)
    var mine = door
    mine.credentials = "Authorization: ApiKey \(encoded)\r\n"
    #expect(try mine.ask("PUT", "/notes/_doc/1", "{}").status == 201)
    #expect(try mine.ask("GET", "/_security/api_key").text.contains(#""name":"loader""#))
    let ended = try door.ask("DELETE", "/_security/api_key", #"{"name":"loader"}"#)
    #expect(ended.status == 200 && ended.text.contains(made["id"]?.text ?? "-"))
    #expect(try mine.ask("PUT", "/notes/_doc/1", "{}").status == 401)
    for body in [
      "{}", #"{"name":"x","expiration":"soon"}"#, #"{"name":"x","role_descriptors":{"a":{}}}"#,
    ] {
      #expect(try door.ask("POST", "/_security/api_key", body).status == 400, "\(body)")
    }
    try shop.stop()
  }

  // MARK: Documents

  @Test func documentsComeAndGo() throws {
    let (shop, door) = try Self.shop()
    let made = try door.ask("POST", "/notes/_doc", #"{"title":"Oak stool","n":3}"#)
    #expect(made.status == 201, "\(made.text)")
    let id = try #require(try made.json["_id"]?.text)
    #expect(try made.json["result"]?.text == "created" && made.json["_seq_no"]?.int64 == 0)
    #expect(try door.ask("GET", "/notes/_source/\(id)").json["title"]?.text == "Oak stool")
    #expect(try door.ask("PUT", "/notes/_create/\(id)", "{}").status == 409)
    #expect(try door.ask("PUT", "/notes/_doc/\(id)?op_type=create", "{}").status == 409)
    let update = try door.ask("POST", "/notes/_update/\(id)?refresh=wait_for", #"{"doc":{"n":4}}"#)
    #expect(try update.json["_version"]?.int64 == 2 && update.json["result"]?.text == "updated")
    let stale = "/notes/_doc/\(id)?if_seq_no=0&if_primary_term=1"
    let conflict = try door.ask("PUT", stale, "{}")
    #expect(conflict.status == 409)
    #expect(try conflict.json["error"]?["type"]?.text == "version_conflict_engine_exception")
    #expect(try door.ask("PUT", "/notes/_doc/\(id)?if_seq_no=1", "{}").status == 400)
    let found = try door.ask(
      "POST", "/notes/_search",
      #"{"query":{"match":{"title":"stool"}},"seq_no_primary_term":true,"version":true}"#
    ).json
    #expect(Self.identifiers(found) == [id])
    #expect(String(decoding: found.bytes, as: UTF8.self).contains(#""_version":2,"_seq_no":1"#))
    #expect(
      try door.ask("POST", "/notes/_count", #"{"query":{"term":{"n":4}}}"#).json["count"]?.int64
        == 1)
    #expect(try door.ask("DELETE", "/notes/_doc/\(id)").json["result"]?.text == "deleted")
    #expect(try door.ask("DELETE", "/notes/_doc/\(id)").status == 404)
    #expect(try door.ask("GET", "/notes/_doc/\(id)").status == 404)
    #expect(try door.ask("HEAD", "/notes").status == 200)
    #expect(try door.ask("DELETE", "/notes").status == 200)
    #expect(try door.ask("HEAD", "/notes").status == 404)
    #expect(
      try door.ask("GET", "/notes/_doc/\(id)").json["error"]?["type"]?.text
        == "index_not_found_exception")
    try shop.stop()
  }

  @Test func itemsOfABulkStandForThemselves() throws {
    let (shop, door) = try Self.shop()
    let answer = try door.bulk(
      "/notes/_bulk", #"{"index":{"_id":"1"}}"#, #"{"n":1}"#, #"{"create":{"_id":"1"}}"#,
      #"{"n":2}"#,
      #"{"create":{"_id":"2"}}"#, #"{"n":2}"#, #"{"index":{"_id":"3"}}"#, #"{"n":"x"}"#,
      #"{"update":{"_id":"2"}}"#, #"{"doc":{"n":5}}"#, #"{"update":{"_id":"9"}}"#,
      #"{"doc":{"n":5}}"#,
      #"{"delete":{"_id":"1"}}"#, #"{"delete":{"_id":"1"}}"#, #"{"index":{"_index":"products"}}"#,
      "{}", #"{"index":{"_index":"more","_id":"1"}}"#, "{}", #"{"index":{"_id":"4"}}"#, "{broken")
    guard case .array(let items)? = answer["items"] else {
      Issue.record("there are no items: \(answer)")
      return
    }
    let statuses = items.map { item -> Int64 in
      guard case .object(let members) = item else { return 0 }
      return members.first?.value["status"]?.int64 ?? 0
    }
    #expect(statuses == [201, 409, 201, 400, 200, 404, 200, 404, 403, 201, 400])
    #expect(answer["errors"] == .bool(true))
    #expect(try door.ask("GET", "/notes/_doc/2").json["_source"]?["n"]?.int64 == 5)
    #expect(try door.ask("GET", "/more/_doc/1").status == 200)
    let both =
      #"{"docs":[{"_index":"notes","_id":"2"},{"_index":"more","_id":"1"},{"_index":"no","_id":"1"}]}"#
    let got = try door.ask("POST", "/_mget", both).text
    #expect(got.contains(#""n":5"#) && got.contains("index_not_found_exception"), "\(got)")
    #expect(try door.ask("GET", "/notes,more/_count").json["count"]?.int64 == 2)
    #expect(try door.ask("POST", "/notes,more/_search", "{}").status == 400)
    for body in [
      "{}\n", "x\n", "[]\n", #"{"index":{}}"# + "\n", #"{"index":{"routing":"x"}}"# + "\n{}\n",
      "\n",
    ] {
      let refused = try door.ask("POST", "/notes/_bulk", body, type: "application/x-ndjson")
      #expect(refused.status == 400, "\(body): \(refused.text)")
    }
    try shop.stop()
  }

  @Test func aLargeBulkIsMadeInParts() throws {
    let (shop, door) = try Self.shop()
    let lines = (0..<1_234).map {
      #"{"index":{"_id":"\#($0)"}}"# + "\n" + #"{"n":\#($0),"t":"word \#($0 % 7)"}"#
    }
    let answer = try door.ask(
      "POST", "/notes/_bulk", lines.joined(separator: "\n") + "\n", type: "application/x-ndjson")
    #expect(answer.status == 200 && answer.text.contains(#""errors":false"#))
    let body = """
      {"size":3,"query":{"match":{"t":"3"}},"sort":[{"n":"desc"}],"aggs":{"n":{"stats":{"field":"n"}},\
      "t":{"terms":{"field":"t.keyword"}}}}
      """
    let found = try door.ask("POST", "/notes/_search", body).json
    #expect(Self.identifiers(found) == ["1228", "1221", "1214"], "\(found)")
    #expect(found["hits"]?["total"]?["value"]?.int64 == 176)
    #expect(found["aggregations"]?["n"]?["max"]?.double == 1_228)
    try shop.stop()
  }

  // MARK: Mappings and searches

  @Test func mappingsAreKeptAndShown() throws {
    let (shop, door) = try Self.shop()
    let mappings = """
      {"properties":{"title":{"type":"text","analyzer":"english","fields":{"raw":{"type":"keyword",\
      "ignore_above":100}}},"price":{"type":"scaled_float","scaling_factor":100.0},"where":{"type":\
      "geo_point"},"when":{"type":"date"},"kind":{"properties":{"name":{"type":"keyword"}}},\
      "suggest":{"type":"completion"},"on":{"type":"boolean"}}}
      """
    let body =
      #"{"settings":{"number_of_shards":1,"index":{"number_of_replicas":1}},"mappings":\#(mappings)}"#
    #expect(try door.ask("PUT", "/things", body).json["acknowledged"] == .bool(true))
    #expect(
      try door.ask("PUT", "/things", body).json["error"]?["type"]?.text
        == "resource_already_exists_exception")
    let shown = try door.ask("GET", "/things/_mapping").json["things"]?["mappings"]
    #expect(try shown == JSONValue(parsing: Array(mappings.utf8)), "\(String(describing: shown))")
    #expect(
      try door.ask("PUT", "/things/_mapping", #"{"properties":{"n":{"type":"long"}}}"#).status
        == 200)
    #expect(
      try door.ask("PUT", "/things/_mapping", #"{"properties":{"n":{"type":"text"}}}"#).status
        == 400)
    #expect(try door.ask("PUT", "/nothing/_mapping", #"{"properties":{}}"#).status == 404)
    _ = try door.bulk(
      "/things/_bulk", #"{"index":{"_id":"1"}}"#,
      """
      {"title":"Running shoes","price":12.5,"where":{"lat":44.2,"lon":-72.5},"when":"2024-05-01",\
      "kind":{"name":"shoe"},"suggest":{"input":"Running shoes","weight":3},"on":true}
      """, #"{"index":{"_id":"2"}}"#,
      """
      {"title":"A chair that runs","price":99,"where":"10,10","when":1700000000000,"kind":{"name":"seat"},\
      "suggest":"Rung chair","on":false}
      """)
    for (query, expected) in [
      (#"{"match":{"title":"run"}}"#, ["1", "2"]),
      (#"{"match_phrase":{"title":"running shoe"}}"#, ["1"]),
      (#"{"term":{"title.raw":"Running shoes"}}"#, ["1"]),
      (#"{"range":{"price":{"gte":12.5,"lt":13}}}"#, ["1"]),
      (#"{"geo_distance":{"distance":"1km","where":{"lat":44.2,"lon":-72.5}}}"#, ["1"]),
      (#"{"range":{"when":{"gte":"2024-01-01"}}}"#, ["1"]),
      (#"{"term":{"kind.name":"seat"}}"#, ["2"]),
      (#"{"term":{"on":false}}"#, ["2"]), (#"{"exists":{"field":"on"}}"#, ["1", "2"]),
      (#"{"ids":{"values":["2",7]}}"#, ["2"]), (#"{"terms":{"_id":["1"]}}"#, ["1"]),
      (#"{"dis_max":{"queries":[{"term":{"on":true}},{"term":{"on":false}}]}}"#, ["1", "2"]),
    ] {
      let reply = try door.ask("POST", "/things/_search", #"{"query":\#(query)}"#)
      let found = try reply.json
      #expect(
        reply.status == 200 && Set(Self.identifiers(found)) == Set(expected),
        "\(query): \(reply.text)")
    }
    let shownParts = try door.ask(
      "POST", "/things/_search",
      """
      {"query":{"match":{"title":"run"}},"highlight":{"fields":{"title":{}}},"_source":false,"fields":["kind.*"],\
      "docvalue_fields":["price"],"sort":[{"price":"desc"}],"suggest":{"s":{"prefix":"run","completion":\
      {"field":"suggest"}}},"aggs":{"on":{"terms":{"field":"on"}}}}
      """)
    let text = shownParts.text
    #expect(text.contains(#""highlight":{"title":["<em>Running</em> shoes"]}"#), "\(text)")
    #expect(text.contains(#""fields":{"kind.name":["shoe"],"price":[12.5]}"#), "\(text)")
    #expect(
      text.contains(#""text":"run","offset":0,"length":3,"options":[{"text":"Running shoes""#),
      "\(text)")
    #expect(text.contains(#""sort":[99.0,1]"#) && !text.contains("_source"), "\(text)")
    try shop.stop()
  }

  @Test func whatIsNotSupportedIsRefusedByName() throws {
    let (shop, door) = try Self.shop()
    _ = try door.ask("PUT", "/notes/_doc/1", #"{"a":1}"#)
    for (method, path, body, status, part) in [
      ("PUT", "/Upper", "{}", 400, "lowercase"),
      ("PUT", "/products", "{}", 403, "catalogue"), ("DELETE", "/products", "", 403, "catalogue"),
      ("DELETE", "/n*", "", 400, "one index"), ("DELETE", "/nothing", "", 404, "nothing"),
      ("PUT", "/x", #"{"settings":{"analysis":{}}}"#, 400, "analysis"),
      ("PUT", "/x", #"{"aliases":{"a":{}}}"#, 400, "aliases"),
      ("PUT", "/x", #"{"colour":1}"#, 400, "colour"),
      ("PUT", "/notes/_doc/1?routing=a", "{}", 400, "routing"),
      ("PUT", "/notes/_doc/1", "[1]", 400, "object"),
      ("PUT", "/notes/_doc/1", "{", 400, "JSON"),
      ("PUT", "/notes/_doc/1", #"{"a":"x"}"#, 400, "[a]"),
      ("POST", "/notes/_update/1", #"{"script":"x"}"#, 400, "script"),
      ("POST", "/notes/_update/1", "{}", 400, "doc"),
      ("POST", "/notes/_update/2", #"{"doc":{}}"#, 404, "missing"),
      ("POST", "/notes/_search?scroll=1m", "{}", 400, "scroll"),
      ("POST", "/notes/_pit", "", 400, "_pit"),
      ("POST", "/notes/_delete_by_query", "{}", 400, "_delete_by_query"),
      ("POST", "/notes/_search", #"{"timeout":"1s"}"#, 400, "timeout"),
      ("POST", "/notes/_search", #"{"suggest":{"s":{"text":"a","term":{}}}}"#, 400, "term"),
      ("POST", "/notes/_search", #"{"highlight":{"fields":{"a":{}}}}"#, 400, "[a]"),
    ] {
      let reply = try door.ask(method, path, body)
      #expect(
        reply.status == status && reply.text.contains(part),
        "\(method) \(path) \(body): \(reply.status) \(reply.text)")
      #expect(try reply.json["error"]?["type"]?.text != nil)
    }
    // A path of the marketplace's is no index, whatever the method.
    for path in ["/categories", "/checkout", "/health"] {
      let refused = try door.ask("PUT", path, "{}")
      #expect(refused.status == 405 && refused["allow"] != nil, "\(path): \(refused.text)")
    }
    // What no route has is said in the marketplace's own words, unless one of the clients asks.
    let plain = try TestClient(port: shop.port)
    plain.send("GET /nonsense HTTP/1.1\r\nHost: x\r\n\r\n")
    let missing = try plain.reply()
    #expect(missing.status == 404 && missing.text.contains("RES_4001"), "\(missing.text)")
    try shop.stop()
  }

  /// No index may take the name of a path of the marketplace's.
  @Test func everyPathOfTheAPIIsReserved() throws {
    let (shop, _) = try Self.shop()
    let server = MarketplaceServer(market: shop.market)
    for group in try server.routeGroups {
      for route in group.routes {
        guard let first = route.path.split(separator: "/").first, !first.hasPrefix("_"),
          !first.hasPrefix("{")
        else { continue }
        #expect(
          Documents.reservedNames.contains(String(first)) || first.contains("."), "\(route.path)")
      }
    }
    try server.shutDown()
    try shop.stop()
  }

  // MARK: Any bytes

  @Test func noBulkTraps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix64(seed: seed)
    let parser = ElasticItems(caller: .administrator(UUIDv7(high: 1, low: 1)))
    let lines = [
      #"{"index":{"_id":"1"}}"#, #"{"create":{"_index":"a","_id":2}}"#, #"{"delete":{"_id":"1"}}"#,
      #"{"update":{"_id":"x","if_seq_no":3,"if_primary_term":1}}"#, #"{"doc":{"a":1}}"#, "{}", "[]",
      "\r",
      #"{"index":{"_id":null}}"#, #"{"a":[1,{"b":"\u00e9"}]}"#, "null", #"{"index":1}"#, "{",
      "\u{0}",
      #"{"script":"x"}"#, #"{"delete":{"_index":"products","_id":"1"}}"#,
    ]
    var understood = 0
    for _ in 0..<5_000 {
      var body = Array(
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
          lines.randomElement(using: &random) ?? ""
        }
        .joined(separator: "\n").utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) where !body.isEmpty {
        body[Int.random(in: body.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      do {
        let items = try parser.parse(body, index: "notes")
        #expect(!items.isEmpty, "seed \(seed)")
        understood += 1
      } catch {
        #expect(error is ElasticError || error is JSONError, "seed \(seed): \(error)")
      }
    }
    #expect(understood > 0, "seed \(seed)")
  }
}
