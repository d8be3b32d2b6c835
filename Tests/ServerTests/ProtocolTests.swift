// The server against raw bytes: each case states the exact statuses that its bytes get.

import Bytes
import Foundation
import Synchronization
import Testing

struct RawCase: Sendable, CustomTestStringConvertible {
  var name: String
  var bytes: String
  var statuses: [Int]
  var testDescription: String { name }
}

private let rawCases: [RawCase] = [
  RawCase(
    name: "pipelined requests",
    bytes: "GET /products/1 HTTP/1.1\r\nHost: t\r\n\r\nGET /nothing HTTP/1.1\r\nHost: t\r\n\r\n"
      + "GET /products/2 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
    statuses: [200, 404, 200]),
  RawCase(
    name: "chunked body",
    bytes:
      "PUT /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", statuses: [200]),
  RawCase(name: "garbage", bytes: "\u{1}\u{2}garbage\r\n\r\n", statuses: [400]),
  RawCase(name: "no version", bytes: "GET /products\r\n\r\n", statuses: [400]),
  RawCase(name: "HTTP/2.0", bytes: "GET / HTTP/2.0\r\nHost: t\r\n\r\n", statuses: [400]),
  RawCase(name: "no Host", bytes: "GET /products HTTP/1.1\r\n\r\n", statuses: [400]),
  RawCase(
    name: "two Hosts", bytes: "GET /products HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    statuses: [400]),
  RawCase(
    name: "two lengths",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    statuses: [400]),
  RawCase(
    name: "length list",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: 3, 3\r\n\r\nabc", statuses: [400]),
  RawCase(
    name: "length and coding",
    bytes:
      "PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "0\r\n\r\nGET /products HTTP/1.1\r\nHost: t\r\n\r\n", statuses: [400]),
  RawCase(
    name: "coding twice",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
      + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", statuses: [400]),
  RawCase(
    name: "unknown coding",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    statuses: [400]),
  RawCase(
    name: "negative length",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", statuses: [400]),
  RawCase(
    name: "space before colon", bytes: "GET /products HTTP/1.1\r\nHost : t\r\n\r\n",
    statuses: [400]),
  RawCase(
    name: "bad chunk size",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    statuses: [400]),
  RawCase(
    name: "bad UTF-8", bytes: "GET /products/%ff HTTP/1.1\r\nHost: t\r\n\r\n", statuses: [400]),
  RawCase(
    name: "broken escape", bytes: "GET /products/%2 HTTP/1.1\r\nHost: t\r\n\r\n", statuses: [400]),
  RawCase(
    name: "encoded zero", bytes: "GET /products/%00 HTTP/1.1\r\nHost: t\r\n\r\n", statuses: [400]),
  RawCase(
    name: "declared body too large",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: 65\r\n\r\n", statuses: [413]),
  RawCase(
    name: "chunked body too large",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n"
      + String(repeating: "x", count: 80) + "\r\n0\r\n\r\n", statuses: [413]),
  RawCase(
    name: "header too large",
    bytes: "GET / HTTP/1.1\r\nHost: t\r\nX: " + String(repeating: "x", count: 40_000) + "\r\n\r\n",
    statuses: [431]),
  RawCase(
    name: "too many fields",
    bytes: "GET / HTTP/1.1\r\nHost: t\r\n" + String(repeating: "A: b\r\n", count: 120) + "\r\n",
    statuses: [431]),
  RawCase(
    name: "unknown expectation",
    bytes: "PUT /bytes HTTP/1.1\r\nHost: t\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx",
    statuses: [417]),
  RawCase(
    name: "valid, then garbage",
    bytes: "GET /products HTTP/1.1\r\nHost: t\r\n\r\n\u{1}\u{2}\r\n\r\n", statuses: [200, 400]),
]

@Suite(.serialized) struct ProtocolTests {
  @Test(arguments: rawCases) func rawBytesGetExactlyTheseStatuses(_ raw: RawCase) throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let bystander = try shop.client()
    #expect(try bystander.get("/products").status == 200)
    let client = try shop.client()
    client.send(raw.bytes)
    for status in raw.statuses {
      let reply = try client.reply()
      #expect(reply.status == status)
      if status >= 400 { try expectEnvelope(reply) }
    }
    #expect(client.isAtEnd())
    #expect(try bystander.get("/products").status == 200)
  }

  @Test func aRequestMaySplitAtEveryByte() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let body = #"{"productId":"p","quantity":2}"#
    let text =
      "POST /cart/add HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    let bytes = Array(text.utf8)
    let client = try shop.client()
    for cut in 1..<bytes.count {
      client.send(Array(bytes[..<cut]))
      client.send(Array(bytes[cut...]))
      #expect(try client.reply().status == 200, "cut at \(cut)")
    }
  }

  @Test func headHasTheHeadersOfGetAndNoBody() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    let get = try client.get("/products/1")
    client.send("HEAD /products/1 HTTP/1.1\r\nHost: t\r\n\r\n")
    let head = try client.reply(headOnly: true)
    #expect(head.status == 200)
    #expect(head["content-length"] == get["content-length"])
    #expect(try client.get("/products/1").status == 200)
  }

  @Test func continueIsSentBeforeTheBody() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    client.send(
      "PUT /bytes HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    #expect(try client.reply().status == 100)
    client.send("abc")
    let reply = try client.reply()
    #expect(reply.text == "3")
  }

  @Test func aHalfClosedClientStillGetsItsAnswer() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
    client.shutdownSending()
    shop.takeHeld(1)[0].succeed(.ok(Echo("slow")))
    #expect(try client.reply().status == 200)
    #expect(client.isAtEnd())
  }

  @Test func answersFromOtherThreadsKeepTheirOrder() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    client.send(
      "GET /slow HTTP/1.1\r\nHost: t\r\n\r\nGET /products/2 HTTP/1.1\r\nHost: t\r\n\r\n")
    shop.takeHeld(1)[0].succeed(.ok(Echo("first")))
    #expect(try client.reply().text.contains("first"))
    #expect(try client.reply().text.contains("getProduct"))
  }

  @Test func aClientThatWentAwayIsForgotten() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    do {
      let client = try shop.client()
      client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
      for answer in shop.takeHeld(1) { answer.succeed(.ok(Echo("late"))) }
    }
    #expect(try shop.client().get("/products").status == 200)
  }

  @Test func aSlowHeadIsAnswered408() throws {
    let shop = try TestShop { $0.headerTimeoutMillis = 20 }
    defer { shop.stop() }
    let client = try shop.client()
    client.send("GET /products HT")
    let reply = try client.reply()
    #expect(reply.status == 408)
    try expectEnvelope(reply)
    #expect(client.isAtEnd())
  }

  @Test func aSlowBodyIsAnswered408() throws {
    let shop = try TestShop { $0.bodyTimeoutMillis = 20 }
    defer { shop.stop() }
    let client = try shop.client()
    client.send("PUT /bytes HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc")
    #expect(try client.reply().status == 408)
  }

  @Test func anIdleConnectionIsClosed() throws {
    let shop = try TestShop { $0.idleTimeoutMillis = 20 }
    defer { shop.stop() }
    let client = try shop.client()
    #expect(client.isAtEnd())
  }

  @Test func aRequestThatTakesTooLongIsAnswered503AndItsLateAnswerDropped() throws {
    let shop = try TestShop { $0.requestTimeoutMillis = 20 }
    defer { shop.stop() }
    let client = try shop.client()
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try client.reply().status == 503)
    shop.takeHeld(1)[0].succeed(.ok(Echo("late")))
    #expect(try client.get("/products/7").text.contains("getProduct"))
  }

  @Test func connectionsBeyondTheLimitAreToldSo() throws {
    let shop = try TestShop { $0.connectionsMax = 1 }
    defer { shop.stop() }
    let first = try shop.client()
    #expect(try first.get("/products").status == 200)
    let reply = try shop.client().reply()
    #expect(reply.status == 503)
    #expect(reply["retry-after"] == "1")
    #expect(try first.get("/products").status == 200)
  }

  @Test func drainFinishesWhatIsUnderWay() throws {
    let shop = try TestShop()
    let idle = try shop.client()
    #expect(try idle.get("/products").status == 200)
    let busy = try shop.client()
    busy.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
    let answer = shop.takeHeld(1)[0]
    // A thread of its own: the tests beside this one may keep those of all tasks busy for long.
    let unfinished = Mutex<Int?>(nil)
    let isDrained = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let report = shop.server.drain(withinMillis: 10_000)
      unfinished.withLock { $0 = report.unfinishedConnections }
      isDrained.signal()
    }
    #expect(idle.isAtEnd())
    answer.succeed(.ok(Echo("finished")))
    let reply = try busy.reply()
    #expect(reply.text.contains("finished"))
    #expect(reply["connection"] == "close")
    #expect(busy.isAtEnd())
    _ = busy
    isDrained.wait()
    #expect(unfinished.withLock { $0 } == 0)
    #expect(throws: TestClientError.self) { try TestClient(port: shop.port) }
  }

  @Test func drainGivesUpOnWhatNeverFinishes() throws {
    let shop = try TestShop()
    let client = try shop.client()
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
    let answers = shop.takeHeld(1)
    #expect(shop.server.drain(withinMillis: 10).unfinishedConnections == 1)
    #expect(client.isAtEnd())
    #expect(answers.count == 1)
  }
}

/// Every error has exactly the members of the envelope.
func expectEnvelope(_ reply: TestReply) throws {
  let error = try #require(try JSONValue(parsing: reply.body)["error"])
  #expect(error["code"]?.text?.contains("_") == true)
  #expect(error["message"]?.text?.isEmpty == false)
  #expect(error["timestamp"]?.text.flatMap { Timestamp($0) } != nil)
  #expect(error["requestId"]?.text == reply["x-request-id"])
  #expect(error["path"]?.text != nil)
}
