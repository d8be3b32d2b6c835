// The log: one object a line, a line a request when asked for, nothing in it that is a secret, and no
// line that somebody else forged.

import Bytes
import Synchronization
import Testing

@testable import Server

private final class Lines: Sendable {
  private let all = Mutex<[String]>([])
  func add(_ line: String) { all.withLock { $0.append(line) } }
  var text: [String] { all.withLock { $0 } }
}

@Suite(.serialized) struct LogTests {
  @Test func everyRequestIsOneObjectOfOneLine() throws {
    let shop = try TestShop(logsRequests: true)
    defer { shop.stop() }
    let client = try shop.client()
    let reply = try client.get("/api/v1/products/17?token=hush", "Authorization: Bearer buyer\r\n")
    let id = try #require(reply["x-request-id"])
    let line = try #require(shop.lines.first { $0.contains(id) })
    #expect(!line.contains("\n"))
    let value = try JSONValue(parsing: Array(line.utf8))
    #expect(value["level"]?.text == "info" && value["message"]?.text == "request")
    #expect(value["time"]?.text.flatMap { Timestamp($0) } != nil)
    #expect(value["method"]?.text == "GET" && value["route"]?.text == "/products/{id}")
    #expect(value["status"]?.int64 == 200 && value["client"]?.text == "127.0.0.1")
    #expect((value["durationMicros"]?.int64 ?? -1) >= 0)
    // The head and the body of the answer.
    #expect((value["bytes"]?.int64 ?? 0) > Int64(reply.body.count) + 100)
    for secret in ["hush", "Bearer", "buyer", "/17"] {
      #expect(!line.contains(secret), "\(secret)")
    }
    _ = try client.get("/no%20where")
    let unmatched = try #require(shop.lines.last)
    let other = try JSONValue(parsing: Array(unmatched.utf8))
    #expect(other["path"]?.text == "/no%20where" && other["route"] == nil)
    #expect(other["status"]?.int64 == 404)
  }

  @Test func withoutTheAccessLogOnlyFailuresAndSlownessAreTold() throws {
    let shop = try TestShop { $0.slowRequestMillis = 60_000 }
    defer { shop.stop() }
    let client = try shop.client()
    _ = try client.get("/products/1")
    #expect(shop.lines.isEmpty)
    _ = try client.get("/broken")
    #expect(shop.lines.count == 1 && shop.lines[0].contains("request failed"))
    let slow = try TestShop { $0.slowRequestMillis = 0 }
    defer { slow.stop() }
    _ = try slow.client().get("/products/1")
    #expect(slow.lines.count == 1 && slow.lines[0].contains("slow request"))
  }

  @Test func aLineOnATerminalCannotBeForged() {
    let lines = Lines()
    let log = Log(format: .text) { lines.add($0) }
    log.write(.warning, "a\nb\u{1b}[31m", [("name", "x\r\ny\u{9b}")])
    #expect(lines.text.count == 1)
    #expect(
      lines.text[0].unicodeScalars.allSatisfy {
        $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value)
      })
    log.write(.debug, "not wanted")
    #expect(lines.text.count == 1)
  }

  @Test(arguments: ["debug", "info", "warning", "error"]) func levelsHaveNames(_ name: String) {
    #expect(Log.Level(named: name)?.name == name)
    #expect(Log.Level(named: name + "x") == nil)
  }

  @Test func aNoticeOfTheDatabaseBecomesALine() throws {
    let lines = Lines()
    let log = Log(format: .json) { lines.add($0) }
    log.notice(#"{"level":"warn","event":"volume full","free":12}"#)
    let value = try JSONValue(parsing: Array(lines.text[0].utf8))
    #expect(value["level"]?.text == "warning" && value["message"]?.text == "volume full")
    #expect(value["free"]?.text == "12")
  }
}
