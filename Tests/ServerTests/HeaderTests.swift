// What every answer carries: who may keep it, what a browser may do with it, and its request's id.

import NIOCore
import Testing

@testable import Server

@Suite(.serialized) struct HeaderTests {
  private let shop: TestShop
  private let client: TestClient

  init() throws {
    shop = try TestShop()
    client = try shop.client()
  }

  @Test func whatGuestsSeeMayBeSharedAndNothingElseMay() throws {
    defer { shop.stop() }
    let shared = try client.get("/products/1")
    #expect(shared["cache-control"] == "public, max-age=60, stale-while-revalidate=300")
    #expect(
      shared["vary"] == "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie")
    for fields in ["Authorization: Bearer buyer\r\n", "Cookie: a=b\r\n"] {
      let known = try client.get("/products/1", fields)
      #expect(known["cache-control"] == "private, no-store" && known["vary"] == nil)
    }
    // A stale token is ignored, but its answer is still not for everybody.
    let stale = try client.get("/products/1", "Authorization: Bearer stale\r\n")
    #expect(stale.status == 200 && stale["cache-control"] == "private, no-store")
    let refused = try client.get("/products?limit=0", "Authorization: Bearer buyer\r\n")
    #expect(refused.status == 400 && refused["cache-control"] == "private, no-store")
    #expect(try client.get("/products?limit=0")["cache-control"] == "no-store")
    #expect(try client.get("/nowhere")["cache-control"] == "no-store")
    #expect(try client.get("/health")["cache-control"] == "no-store")
    // A guest's cart is his own, and an answer to a sign-in is nobody else's.
    let cart = try client.post("/cart/add", #"{"productId":"p","quantity":1}"#)
    #expect(cart.status == 200 && cart["cache-control"] == "private, no-store")
    let login = try client.post("/auth/login", #"{"status":200}"#)
    #expect(login["cache-control"] == "private, no-store")
  }

  @Test func everyAnswerTellsBrowsersWhatNotToDo() throws {
    defer { shop.stop() }
    for path in ["/products/1", "/nowhere", "/broken", "/products/%ff"] {
      let reply = try client.get(path)
      #expect(reply["x-content-type-options"] == "nosniff", "\(path)")
      #expect(reply["referrer-policy"] == "no-referrer", "\(path)")
      #expect(
        reply["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'",
        "\(path)")
      #expect(reply["strict-transport-security"] == nil, "\(path)")
      if reply["connection"] == "close" { return }
    }
  }

  @Test func aPageMayOnlyUseWhatComesFromHere() {
    var buffer = ByteBuffer()
    Response.html("<p>").write(
      into: &buffer,
      ResponseFraming(
        keepsAlive: true, isHTTP10: false, isHead: false, isTLS: true, requestID: "r",
        dateLine: []))
    let text = String(buffer: buffer)
    #expect(
      text.contains(
        "\r\nContent-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
          + "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
          + "frame-ancestors 'none'\r\nStrict-Transport-Security: max-age=15552000\r\n"))
  }

  @Test(arguments: [
    "short", "with space in it", "quote\"quote\"", String(repeating: "x", count: 129),
  ])
  func aRequestIDThatIsNotSaneIsReplaced(_ offered: String) throws {
    defer { shop.stop() }
    let reply = try client.get("/products/1", "X-Request-Id: \(offered)\r\n")
    #expect(reply["x-request-id"]?.hasPrefix("req_") == true)
    #expect(
      try client.get("/nowhere", "X-Request-Id: trace-0123\r\n")["x-request-id"] == "trace-0123")
  }

  @Test func aHandlersHeadersCannotSplitTheAnswer() {
    var response = Response.text("x")
    response.headers["Location"] = "/a\r\nSet-Cookie: evil=1"
    response.headers["Content-Length"] = "999"
    response.headers["Bad\r\nName"] = "x"
    var buffer = ByteBuffer()
    response.write(
      into: &buffer,
      ResponseFraming(
        keepsAlive: true, isHTTP10: false, isHead: false, requestID: "r", dateLine: []))
    let lines = String(buffer: buffer).split(separator: "\r\n")
    #expect(!lines.contains { $0.hasPrefix("Set-Cookie") || $0.hasPrefix("Name") })
    #expect(lines.filter { $0.hasPrefix("Content-Length") } == ["Content-Length: 1"])
  }
}
