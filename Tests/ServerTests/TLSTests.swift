// TLS and HTTP/2 against curl: which protocol is spoken with whom, that answers are the same in both,
// and what is refused.

import Bytes
import Foundation
import Testing

@testable import Server

@Suite(.serialized) struct TLSTests {
  private let shop: TestShop
  private let url: String

  init() throws {
    let identity = try TestCertificate.first.identity()
    shop = try TestShop { $0.tls = identity }
    url = "https://localhost:\(shop.port)"
  }

  private func curl(_ arguments: String...) throws -> Curl {
    try Curl(trusting: .first, arguments)
  }

  @Test func theNewestProtocolThatBothKnowIsSpoken() throws {
    defer { shop.stop() }
    let form = "%{http_version} %{http_code}"
    let path = "\(url)/products/1"
    #expect(try curl("-o", "/dev/null", "-w", form, path).output == "2 200")
    #expect(try curl("--http1.1", "-o", "/dev/null", "-w", form, path).output == "1.1 200")
    // A client without ALPN gets HTTP/1.1.
    #expect(
      try curl("--no-alpn", "-o", "/dev/null", "-w", form, path).output == "1.1 200")
    #expect(try curl("--tls-max", "1.2", "-o", "/dev/null", "-w", form, path).output == "2 200")
    #expect(try curl("--tls-max", "1.1", path).status != 0)
    #expect(try curl("http://localhost:\(shop.port)/products/1").status != 0)
  }

  /// Status, fields without those that differ from answer to answer, body. An interim answer is left out:
  /// a client of HTTP/2 need not wait for it.
  private func answer(_ protocolOption: String, _ arguments: [String]) throws -> String {
    let text = try Curl(trusting: .first, [protocolOption, "-i"] + arguments).output
    return text.split(separator: "\r\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("HTTP/") ? String(line.split(separator: " ")[1]) : String(line)
    }.filter { line in
      !["date:", "x-request-id:", "connection:"].contains { line.lowercased().hasPrefix($0) }
    }.map { line in
      guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("{") else { return line }
      return line[..<colon].lowercased() + line[colon...]
    }.joined(separator: "\n").replacing("100\n\n", with: "", maxReplacements: 1)
  }

  @Test func answersAreTheSameInBothProtocols() throws {
    defer { shop.stop() }
    let json = ["-H", "Content-Type: application/json"]
    let requests: [[String]] = [
      ["\(url)/products/1"], ["-I", "\(url)/products/1"], ["\(url)/tagged"],
      ["-H", "If-None-Match: \"v3\"", "\(url)/tagged"], ["-X", "OPTIONS", "\(url)/products"],
      ["\(url)/big/3000000"], ["-X", "PUT", "-d", "abc", "\(url)/bytes"],
      ["-X", "DELETE", "-H", "Authorization: Bearer admin", "\(url)/products/1"],
      json + ["-d", #"{"productId":"p","quantity":2}"#, "\(url)/cart/add"],
      ["-H", "Expect: 100-continue", "-X", "PUT", "-d", "abc", "\(url)/bytes"],
    ]
    for request in requests {
      let one = try answer("--http1.1", request)
      let two = try answer("--http2", request)
      #expect(
        two.count == one.count && two == one, "\(request): \(two.prefix(900)) \(one.prefix(900))")
      #expect(one.contains("strict-transport-security: max-age=15552000"), "\(request)")
    }
  }

  @Test func refusalsAreEnvelopesInBothProtocols() throws {
    defer { shop.stop() }
    let large = String(repeating: "x", count: 100_000)
    for option in ["--http1.1", "--http2"] {
      let form = ["-w", "\n%{http_code}"]
      let refused = try Curl(
        trusting: .first, [option] + form + ["-X", "PUT", "-d", large, "\(url)/bytes"])
      #expect(refused.output.hasSuffix("\n413") && refused.output.contains("bodyBytesMax"))
      let fields = (0..<120).flatMap { ["-H", "X-\($0): y"] }
      let many = try Curl(trusting: .first, [option] + form + fields + ["\(url)/products/1"])
      #expect(many.output.hasSuffix("\n431"), "\(option) \(many.output)")
      let missing = try Curl(trusting: .first, [option] + form + ["\(url)/nowhere"])
      #expect(missing.output.hasSuffix("\n404") && missing.output.contains("RES_4001"))
      let broken = try Curl(trusting: .first, [option] + form + ["\(url)/broken"])
      #expect(broken.output.hasSuffix("\n500") && broken.output.contains("SYS_9001"))
    }
  }

  @Test func manyRequestsShareOneConnection() throws {
    defer { shop.stop() }
    let urls = (0..<150).map { "\(url)/products/n\($0)" }
    let all = try Curl(
      trusting: .first,
      ["--http2", "--parallel", "--parallel-max", "50", "-w", "%{http_code}\\n"] + urls)
    #expect(all.output.components(separatedBy: "200\n").count - 1 == 150)
    for number in 0..<150 { #expect(all.output.contains("\"n\(number)\"")) }
    // The small listener on loopback serves the same without TLS.
    let inside = try TestClient(port: try #require(shop.server.localAddress?.port))
    let metrics = try inside.get("/metrics").text
    #expect(
      metrics.contains(
        "http_requests_total{method=\"GET\",route=\"/products/{id}\",status=\"200\"} 150"))
  }

  @Test func aRenewedCertificateIsShownFromThenOn() throws {
    defer { shop.stop() }
    #expect(try Curl(trusting: .second, ["\(url)/products/1"]).status != 0)
    shop.server.renew(try TestCertificate.second.identity())
    #expect(try Curl(trusting: .second, ["\(url)/products/1"]).status == 0)
    #expect(try Curl(trusting: .first, ["\(url)/products/1"]).status != 0)
  }

  @Test func anIdentityThatCannotServeIsRefusedWithItsReason() throws {
    defer { shop.stop() }
    let (first, second) = (TestCertificate.first, TestCertificate.second)
    func refusal(_ certificate: String, _ key: String) -> String {
      do throws(TLSIdentityError) {
        _ = try TLSIdentity(certificatePEM: Array(certificate.utf8), keyPEM: Array(key.utf8))
        return "taken"
      } catch { return error.description }
    }
    #expect(refusal(first.certificate, second.key).hasPrefix("the key does not belong"))
    #expect(refusal("no certificate", first.key).hasPrefix("the certificate is no chain"))
    #expect(refusal(first.certificate, "no key").hasPrefix("the key is no PEM"))
    #expect(refusal(first.certificate, first.key) == "taken")
  }

  @Test func aHandshakeThatNeverComesIsNotWaitedFor() throws {
    defer { shop.stop() }
    let identity = try TestCertificate.first.identity()
    let impatient = try TestShop {
      $0.tls = identity
      $0.headerTimeoutMillis = 20
    }
    defer { impatient.stop() }
    let client = try impatient.client()
    client.send([0x16, 0x03])
    #expect(client.isAtEnd())
    let garbage = try shop.client()
    garbage.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    // An alert, or nothing, and then the end.
    while garbage.hasNews(withinMillis: 5_000), !garbage.isAtEnd() { garbage.drop() }
  }
}
