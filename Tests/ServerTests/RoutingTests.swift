// Routing, validation, the envelope, the document and the metrics, through real sockets.

import Bytes
import Server
import Testing

@Suite(.serialized) struct RoutingTests {
  let shop: TestShop
  let client: TestClient

  init() throws {
    shop = try TestShop()
    client = try shop.client()
  }

  @Test func aLiteralBeatsACapture() throws {
    defer { shop.stop() }
    #expect(try client.get("/products/new").text.contains("newProducts"))
    #expect(try client.get("/products/newer").text.contains("getProduct"))
    // The literal has no DELETE, so the capture's is meant: it needs an admin.
    client.send("DELETE /products/new HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try client.reply().status == 401)
  }

  @Test(arguments: ["/api/v1/products/a", "/api/products/a", "/products/a", "/products/a/"])
  func prefixesAndTrailingSlashesAreOneRoute(_ path: String) throws {
    defer { shop.stop() }
    let reply = try client.get(path)
    #expect(reply.status == 200)
    #expect(reply.text == #"{"operation":"getProduct","capture":"a","quantity":0}"#)
  }

  @Test func anEncodedSlashStaysInItsSegment() throws {
    defer { shop.stop() }
    #expect(try client.get("/products/a%2Fb").text.contains(#""capture":"a/b""#))
    #expect(try client.get("/products%2Fa").status == 404)
    #expect(try client.get("/products//").status == 404)
  }

  @Test func unknownPathsAndMethodsGetTheEnvelope() throws {
    defer { shop.stop() }
    let missing = try client.get("/api/v1/nowhere")
    #expect(missing.status == 404)
    try expectEnvelope(missing)
    let refused = try client.post("/products", "{}")
    #expect(refused.status == 405)
    #expect(refused["allow"] == "GET, HEAD")
    try expectEnvelope(refused)
  }

  @Test func callersAreChecked() throws {
    defer { shop.stop() }
    let delete = "DELETE /products/1 HTTP/1.1\r\nHost: t\r\n"
    client.send(delete + "Authorization: Bearer buyer\r\n\r\n")
    #expect(try client.reply().text.contains("AUTHZ_2002"))
    client.send(delete + "Authorization: Bearer admin\r\n\r\n")
    let allowed = try client.reply()
    #expect(allowed.status == 204)
    #expect(allowed["cache-control"] == "private, no-store")
    #expect(try client.get("/products/1", "Authorization: Bearer stale\r\n").status == 200)
  }

  @Test func everyIssueOfABodyIsReported() throws {
    defer { shop.stop() }
    let reply = try client.post("/cart/add", #"{"productId":"","quantity":100}"#)
    #expect(reply.status == 400)
    let error = try #require(try JSONValue(parsing: reply.body)["error"])
    #expect(error["code"]?.text == "VAL_3001")
    guard case .array(let fields)? = error["details"]?["fields"] else {
      Issue.record("no fields in \(reply.text)")
      return
    }
    #expect(fields.compactMap { $0["path"]?.text } == ["/productId", "/quantity"])
    #expect(fields.compactMap { $0["rule"]?.text } == ["length", "range"])
    #expect(try client.post("/cart/add", "{}").text.contains("VAL_3003"))
    #expect(try client.post("/cart/add", "{").text.contains("VAL_3002"))
    let unknown = #"{"productId":"p","quantity":1,"colour":"red"}"#
    #expect(try client.post("/cart/add", unknown).text.contains("VAL_3002"))
    #expect(try client.get("/products?limit=0").text.contains("VAL_3001"))
    #expect(try client.get("/products?limit=x").text.contains("VAL_3002"))
    #expect(try client.get("/products?limit=7").text.contains(#""quantity":7"#))
  }

  @Test func aWrongMediaTypeNamesTheRightOne() throws {
    defer { shop.stop() }
    client.send(
      "POST /cart/add HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"
    )
    let reply = try client.reply()
    #expect(reply.status == 400)
    #expect(reply.text.contains("VAL_3002") && reply.text.contains("application/json"))
  }

  @Test func anIdempotencyKeyIsRequiredWhereStated() throws {
    defer { shop.stop() }
    let body = #"{"productId":"p","quantity":1}"#
    let buyer = "Authorization: Bearer buyer\r\n"
    #expect(try client.post("/checkout", body, buyer).text.contains("VAL_3003"))
    let made = try client.post("/checkout", body, buyer + "Idempotency-Key: \"k1\"\r\n")
    #expect(made.status == 201)
    #expect(made["location"] == "/orders/1")
    #expect(made["x-commit-lsn"] == "7")
    #expect(made.text.contains(#""capture":"k1""#))
  }

  @Test func aBusinessErrorHasTheGoldenEnvelope() throws {
    defer { shop.stop() }
    let reply = try client.post(
      "/api/v1/cart/add", #"{"productId":"p","quantity":60}"#, "X-Request-Id: client-id-1\r\n")
    #expect(reply.status == 409)
    let error = try #require(try JSONValue(parsing: reply.body)["error"])
    let time = error["timestamp"]?.text ?? ""
    #expect(
      reply.text == #"{"error":{"code":"BIZ_5001","message":"Only 50 are left.","#
        + #""details":{"left":50},"timestamp":"\#(time)","requestId":"client-id-1","#
        + #""path":"/api/v1/cart/add"}}"#)
  }

  @Test func anUnforeseenErrorTellsTheLogAndNotTheClient() throws {
    defer { shop.stop() }
    let reply = try client.get("/broken")
    #expect(reply.status == 500)
    #expect(reply.text.contains("SYS_9001") && !reply.text.contains("vault"))
    #expect(
      shop.lines.contains { $0.contains("vault") && $0.contains(reply["x-request-id"] ?? "-") })
    #expect(try client.get("/forgets").status == 500)
  }

  @Test func responsesCarryTheSecurityHeaders() throws {
    defer { shop.stop() }
    let reply = try client.get("/products")
    #expect(reply["x-content-type-options"] == "nosniff")
    #expect(reply["referrer-policy"] == "no-referrer")
    #expect(reply["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
    #expect(reply["x-request-id"]?.hasPrefix("req_") == true)
    let odd = try client.get("/products", "X-Request-Id: <script>alert</script>\r\n")
    #expect(odd["x-request-id"]?.hasPrefix("req_") == true)
  }

  @Test func theDocumentHasEveryRouteAndNoOther() throws {
    defer { shop.stop() }
    let reply = try client.get("/api/openapi.json")
    #expect(reply.body == shop.document)
    guard case .object(let paths)? = try JSONValue(parsing: reply.body)["paths"] else {
      Issue.record("no paths")
      return
    }
    var documented: Set<String> = []
    for path in paths {
      guard case .object(let operations) = path.value else { continue }
      for operation in operations {
        documented.insert("\(operation.name.uppercased()) \(path.name)")
      }
    }
    #expect(documented == Set(shop.router.routes.map { "\($0.method.name) \($0.path)" }))
  }

  @Test func metricsCountByRouteTemplate() throws {
    defer { shop.stop() }
    for id in 1...3 { _ = try client.get("/products/\(id)") }
    _ = try client.get("/nowhere/at/all")
    let text = try client.get("/metrics").text
    let labels = #"method="GET",route="/products/{id}",status="200""#
    #expect(text.contains("http_requests_total{\(labels)} 3\n"))
    #expect(text.contains("http_request_duration_seconds_bucket{\(labels),le=\"+Inf\"} 3\n"))
    #expect(text.contains("http_request_duration_seconds_count{\(labels)} 3\n"))
    #expect(text.contains(#"{method="GET",route="unmatched",status="404"} 1"#))
    #expect(text.contains("\nactive_connections 1\n"))
  }

  @Test func aTableThatContradictsItselfIsRefused() {
    func table(_ routes: [Route]) throws {
      _ = try Router([RouteGroup("T") { for route in routes { route } }]) { _ in nil }
    }
    func get(_ path: String, _ id: String) -> Route {
      routeBytes(.get, path, id) { _, responder in responder.answer(.text("")) }
    }
    #expect(throws: RouteTableError.sameMethodAndShape("a", "b")) {
      try table([get("/x/{a}", "a"), get("/x/{b}", "b")])
    }
    #expect(throws: RouteTableError.sameOperationID("a")) {
      try table([get("/x", "a"), get("/y", "a")])
    }
    #expect(throws: RouteTableError.badPath("/x/{a}b")) { try table([get("/x/{a}b", "a")]) }
  }
}
