// Requests that no client of ours would send, over real connections to the whole shop: each is answered
// below 500 in the envelope, the field that is wrong is named by its JSON pointer, and the neighbour on
// the same server does not notice.

import Bytes
import Marketplace
import Testing

@testable import Server

/// A body and the answer it must get.
struct BadBody: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var path: String
  var body: [UInt8]
  var code: String
  /// The field of the answer's first issue; nil where no field is to blame.
  var pointer: String?

  init(_ name: String, _ path: String, _ body: String, _ code: String, _ pointer: String?) {
    self.init(name, path, bytes: Array(body.utf8), code, pointer)
  }

  init(_ name: String, _ path: String, bytes: [UInt8], _ code: String, _ pointer: String?) {
    testDescription = name
    self.path = path
    body = bytes
    self.code = code
    self.pointer = pointer
  }

  static let id = "01890000-0000-7000-8000-000000000000"

  private static func add(
    _ name: String, _ fields: String, _ pointer: String, _ code: String = "VAL_3002"
  ) -> BadBody {
    BadBody(name, "/cart/add", "{\(fields)}", code, pointer)
  }

  static let all: [BadBody] = [
    BadBody("cut short", "/cart/add", "{\"productId\":", "VAL_3002", nil),
    BadBody("nothing", "/cart/add", "", "VAL_3003", "/productId"),
    BadBody("two values", "/cart/add", "{} {}", "VAL_3002", nil),
    BadBody("a comment", "/cart/add", "{/* */}", "VAL_3002", nil),
    BadBody("deeper than any reader goes", "/cart/add", nested(100_000), "VAL_3002", nil),
    BadBody(
      "deep in an unknown field", "/cart/add", "{\"colour\":\(nested(100_000))}", "VAL_3002", nil),
    BadBody(
      "bytes that are no UTF-8", "/cart/add",
      bytes: Array("{\"productId\":\"".utf8) + [0xc3, 0x28, 0xff] + Array("\"}".utf8), "VAL_3002",
      nil),
    BadBody(
      "an overlong zero", "/cart/add",
      bytes: Array("{\"productId\":\"".utf8) + [0xc0, 0x80] + Array("\"}".utf8), "VAL_3002", nil),
    BadBody("half a surrogate", "/cart/add", #"{"productId":"\ud800"}"#, "VAL_3002", nil),
    add("a number for an id", #""productId":1,"quantity":1"#, "/productId"),
    add("text for a number", "\"productId\":\"\(id)\",\"quantity\":\"two\"", "/quantity"),
    add("a fraction of a unit", "\"productId\":\"\(id)\",\"quantity\":1.5", "/quantity"),
    add(
      "more than any integer", "\"productId\":\"\(id)\",\"quantity\":99999999999999999999",
      "/quantity", "VAL_3001"),
    add(
      "more than any number", "\"productId\":\"\(id)\",\"quantity\":1e400", "/quantity",
      "VAL_3001"),
    add("a truth for a number", "\"productId\":\"\(id)\",\"quantity\":true", "/quantity"),
    add("a list for a number", "\"productId\":\"\(id)\",\"quantity\":[1]", "/quantity"),
    add("a field that is not there", "\"productId\":\"\(id)\",\"colour\":1", "/colour"),
    BadBody(
      "a list for an address", "/checkout", #"{"deliveryAddress":[]}"#, "VAL_3002",
      "/deliveryAddress"),
    BadBody(
      "a number within an address", "/checkout", #"{"deliveryAddress":{"zipCode":5641}}"#,
      "VAL_3002", "/deliveryAddress/zipCode"),
    BadBody(
      "an unknown field within an address", "/checkout",
      #"{"deliveryAddress":{"a/b~c":1}}"#, "VAL_3002", "/deliveryAddress/a~1b~0c"),
    BadBody(
      "a number for a search", "/search/click",
      #"{"searchId":7,"productId":"\#(id)","position":1}"#, "VAL_3002", "/searchId"),
    BadBody(
      "a place before the first", "/search/click",
      #"{"searchId":"x","productId":"\#(id)","position":0}"#, "VAL_3001", "/position"),
    BadBody("a click without anything", "/search/click", "{}", "VAL_3003", "/searchId"),
  ]

  static func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
}

@Suite(.serialized) struct BadRequestTests {
  private static func post(
    _ client: TestClient, _ path: String, _ body: [UInt8], _ fields: String
  ) throws -> TestReply {
    let head =
      "POST \(path) HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\(fields)"
      + "Content-Length: \(body.count)\r\n\r\n"
    client.send(Array(head.utf8) + body)
    return try client.reply()
  }

  @Test func everyBadBodyIsRefusedWithItsFieldAndTheConnectionGoesOn() throws {
    let shop = try LiveShop()
    let buyer = try shop.signIn("buyer").header
    let client = try TestClient(port: shop.port)
    let neighbour = try TestClient(port: shop.port)
    for bad in BadBody.all {
      let reply = try Self.post(
        client, bad.path, bad.body, buyer + "Idempotency-Key: \(bad.body.count)\r\n")
      #expect(reply.status == 400, "\(bad): \(reply.text)")
      try expectEnvelope(reply)
      let error = try JSONValue(parsing: reply.body)["error"]
      #expect(error?["code"]?.text == bad.code, "\(bad): \(reply.text)")
      if let pointer = bad.pointer {
        guard case .array(let fields)? = error?["details"]?["fields"] else {
          Issue.record("\(bad): no fields in \(reply.text)")
          continue
        }
        #expect(fields.first?["path"]?.text == pointer, "\(bad): \(reply.text)")
      }
      #expect(try neighbour.get("/health").status == 200, "\(bad)")
    }
    try shop.stop()
  }

  /// A good body with bytes changed, lost and doubled: whatever comes of it is an answer below 500.
  @Test func aBodyWithAnyBytesIsAnsweredBelowFiveHundred() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 9)
    let buyer = try shop.signIn("buyer").header
    let client = try TestClient(port: shop.port)
    let bodies = [
      ("/cart/add", "{\"productId\":\"\(stool.id)\",\"quantity\":1}"),
      ("/checkout", LiveShop.checkoutBody),
      ("/search/click", "{\"searchId\":\"AAAA\",\"productId\":\"\(stool.id)\",\"position\":1}"),
      ("/auth/register", #"{"email":"b@example.com","password":"a long one","role":"buyer"}"#),
    ].map { ($0.0, Array($0.1.utf8)) }
    let seed: UInt64 = 0xbad
    var random = SplitMix64(seed: seed)
    for round in 0..<600 {
      let (path, good) = bodies[round % bodies.count]
      var body = good
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<body.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: body[place] = UInt8.random(in: 0...255, using: &random)
        case 1 where body.count > 1: body.remove(at: place)
        default: body.insert(contentsOf: body[place...].prefix(9), at: place)
        }
      }
      let reply = try Self.post(client, path, body, buyer + "Idempotency-Key: \(round)\r\n")
      let what = "seed \(seed), round \(round): \(reply.text)"
      #expect((200..<500).contains(reply.status), "\(what)")
      if reply.status >= 400 { try expectEnvelope(reply) }
    }
    try shop.expectBooksBalance()
    try shop.stop()
  }

  @Test func hostilePathsAndQueriesAreAnsweredInTheEnvelope() throws {
    let shop = try LiveShop()
    let buyer = try shop.signIn("buyer").header
    let neighbour = try TestClient(port: shop.port)
    var client = try TestClient(port: shop.port)
    let places = [
      "a%2Fb", "..%2f..%2fetc%2fpasswd", "%2e%2e", "..", "%5c..%5c", "%c0%af", "%ff", "%00", "%",
      "%zz", "'%20OR%201=1--", "%F0%9F%A6%8A", String(repeating: "a", count: 4000), "-1",
      BadBody.id,
    ]
    for place in places {
      for path in [
        "/\(place)", "/products/\(place)", "/products/\(place)/variants", "/orders/\(place)",
        "/payments/\(place)", "/products?cursor=\(place)", "/search?q=a&limit=\(place)",
        "/search?q=\(place)&highlight=true", "/search/suggestions?q=\(place)",
        "/products?minPrice=\(place)", "/%70roducts/\(place)/",
      ] {
        let reply = try client.get(path, buyer)
        #expect((200..<500).contains(reply.status), "\(path): \(reply.text)")
        if reply.status >= 400 { try expectEnvelope(reply) }
        // A head that cannot be read ends its own connection, and says so.
        if reply["connection"] == "close" { client = try TestClient(port: shop.port) }
      }
      #expect(try neighbour.get("/health").status == 200, "\(place)")
    }
    try shop.stop()
  }

  /// What a front end and a server might read differently is refused, and nothing behind it is run.
  @Test func aSmuggledRequestIsNotRun() throws {
    let shop = try LiveShop()
    let seller = try shop.signIn("seller", role: .seller).user
    let stool = try shop.product(of: seller, price: 4990, stock: 9)
    let buyer = try shop.signIn("buyer")
    let body = "{\"productId\":\"\(stool.id)\",\"quantity\":1}"
    let hidden =
      "POST /cart/add HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\(buyer.header)"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    for fields in [
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding:\u{b}chunked\r\n", "Content-Length: 0\r\nContent-Length: 99\r\n",
      "Content-Length: +0\r\n", "Content-Length: 0x0\r\n", " Content-Length: 0\r\n",
      "X: y\r\n Content-Length: 0\r\n", "X: a\rb\r\n", "X: a\u{0}b\r\n",
    ] {
      let client = try TestClient(port: shop.port)
      client.send("POST /cart/add HTTP/1.1\r\nHost: t\r\n\(fields)\r\n0\r\n\r\n\(hidden)")
      let reply = try client.reply()
      #expect(reply.status == 400, "\(fields): \(reply.text)")
      try expectEnvelope(reply)
      #expect(client.isAtEnd(), "\(fields)")
    }
    #expect(try shop.records.all(Cart.self).allSatisfy { $0.items.isEmpty })
    try shop.stop()
  }
}
