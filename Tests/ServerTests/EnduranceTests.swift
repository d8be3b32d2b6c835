// Clients that hold the server up: slow heads, slow bodies, slow readers, too much at once. Each is
// ended in bounded time, and somebody else is served meanwhile.

import Bytes
import Synchronization
import Testing

@testable import Server

@Suite(.serialized) struct EnduranceTests {
  /// Sends `piece` every few milliseconds until the server says something; the answer.
  private func trickle(_ client: TestClient, _ piece: String, pieces: Int) throws -> TestReply {
    for _ in 0..<pieces {
      if client.hasNews(withinMillis: 5) { break }
      client.send(piece)
    }
    return try client.reply()
  }

  @Test func aHeadThatTricklesIsNotWaitedForLonger() throws {
    let shop = try TestShop { $0.headerTimeoutMillis = 60 }
    defer { shop.stop() }
    let client = try shop.client()
    client.send("GET /products/1 HTTP/1.1\r\nHost: t\r\n")
    let reply = try trickle(client, "X: y\r\n", pieces: 90)
    #expect(reply.status == 408)
    #expect(client.isAtEnd())
  }

  @Test func aBodyThatTricklesIsNotWaitedForLonger() throws {
    let shop = try TestShop { $0.bodyTimeoutMillis = 60 }
    defer { shop.stop() }
    let client = try shop.client()
    client.send("PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n")
    #expect(try trickle(client, "x", pieces: 2000).status == 408)
    #expect(client.isAtEnd())
  }

  @Test func aReaderThatTakesNothingIsClosed() throws {
    let shop = try TestShop {
      $0.writeTimeoutMillis = 50
      $0.requestTimeoutMillis = 60_000
    }
    defer { shop.stop() }
    let slow = try shop.client()
    for _ in 0..<4 { slow.send("GET /big/16000000 HTTP/1.1\r\nHost: t\r\n\r\n") }
    let other = try shop.client()
    // Its own connection and the slow one, until that is closed.
    var active = ""
    repeat {
      let metrics = try other.get("/metrics").text
      active =
        metrics.split(separator: "\n").last { $0.hasPrefix("active_connections ") }
        .map(String.init) ?? ""
    } while active == "active_connections 2"
    #expect(active == "active_connections 1")
  }

  @Test func bodiesOfAllConnectionsTogetherAreBounded() throws {
    let shop = try TestShop {
      $0.bodyBytesMax = 100_000
      $0.bodyBytesTotalMax = 150_000
    }
    defer { shop.stop() }
    let head = "PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n"
    let first = try shop.client()
    first.send(head + String(repeating: "x", count: 99_999))
    let second = try shop.client()
    second.send(head + String(repeating: "x", count: 99_999))
    let refused = try second.hasNews(withinMillis: 5_000) ? second.reply() : first.reply()
    #expect(refused.status == 503 && refused["retry-after"] == "1")
    // What was refused is not held any more, and what is answered neither: this can be repeated.
    for _ in 0..<20 {
      let next = try shop.client()
      next.send(head + String(repeating: "y", count: 40_000))
      next.send(String(repeating: "y", count: 60_000))
      _ = try next.reply()
    }
    let last = try shop.client()
    last.send(
      "PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
    #expect(try last.reply().text == "\(XXH64.hash(Array("abc".utf8)))")
  }

  @Test func whatThePoolCannotTakeIsRefusedAtOnce() throws {
    let shop = try TestShop { $0.poolRequestsMax = 3 }
    defer { shop.stop() }
    let waiting = try (0..<3).map { _ in try shop.client() }
    for client in waiting { client.send("GET /stuck HTTP/1.1\r\nHost: t\r\n\r\n") }
    while shop.router.pooled.load(ordering: .relaxed) < 3 {}
    let other = try shop.client()
    let refused = try other.get("/stuck")
    #expect(refused.status == 503 && refused["retry-after"] == "1")
    shop.release()
    for client in waiting { #expect(try client.reply().status == 200) }
    #expect(try other.get("/stuck").status == 200)
  }

  @Test func aBodyThatWouldBeRefusedIsNotAskedFor() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    client.send(
      "PUT /bytes HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 65\r\n\r\n")
    #expect(try client.reply().status == 413)
    #expect(client.isAtEnd())
    // Without a body there is nothing to go on with, and whoever does not wait need not.
    let impatient = try shop.client()
    impatient.send("GET /products/1 HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n")
    #expect(try impatient.reply().status == 200)
    impatient.send(
      "PUT /bytes HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    #expect(try impatient.reply().status == 100)
    #expect(try impatient.reply().text == "3")
  }

  @Test func thousandsOfPipelinedRequestsAreAnsweredInOrder() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    let text = (0..<3000).map { "GET /products/n\($0) HTTP/1.1\r\nHost: t\r\n\r\n" }.joined()
    // The answers do not fit into the sockets' buffers, so they are read while sending goes on.
    let bytes = Array(text.utf8)
    var sent = 0
    for number in 0..<3000 {
      while sent < bytes.count, !client.hasNews(withinMillis: 0) {
        let end = min(sent + 4096, bytes.count)
        client.send(Array(bytes[sent..<end]))
        sent = end
      }
      #expect(try client.reply().text.contains("\"n\(number)\""))
    }
  }

  @Test func requestsThatWaitInThePipelineAreNotStartedAfterTheDrainBegan() throws {
    let shop = try TestShop()
    let client = try shop.client()
    client.send(
      "GET /slow HTTP/1.1\r\nHost: t\r\n\r\nGET /products/2 HTTP/1.1\r\nHost: t\r\n\r\n")
    let held = shop.takeHeld(1)
    #expect(shop.server.drain(withinMillis: 20).unfinishedConnections == 1)
    held[0].succeed(.ok(Echo("late")))
    #expect(client.isAtEnd())
  }
}
