// The set-up: one link, one administrator, then nothing.

import Bytes
import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct SetupTests {
  @Test func theLinkMakesTheFirstAdministratorAndIsGone() throws {
    let shop = try LiveShop()
    let link = try #require(try shop.service.setupLink())
    let token = try #require(link.split(separator: "=").last)
    let client = try TestClient(port: shop.port)
    let page = try client.get(link)
    #expect(page.status == 200 && page.text.contains("<form method=\"post\""))
    #expect(page["Content-Security-Policy"]?.contains("form-action 'self'") == true)
    #expect(try client.get("/setup?token=AAAA").status == 404)
    #expect(try client.get("/setup").status == 400)
    func post(_ body: String) throws -> TestReply {
      client.send(
        "POST /setup HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      return try client.reply()
    }
    #expect(try post("token=AAAA&email=a%40b.example&password=longenough").status == 404)
    let bad = try post("token=\(token)&email=%3Cb%3E&password=longenough")
    #expect(bad.status == 400 && bad.text.contains("e-mail") && !bad.text.contains("<b>"))
    #expect(try post("token=\(token)&email=a%40b.example&password=short").status == 400)
    let outcomes = try [
      post("token=\(token)&email=a%2Bb%40b.example&password=long+enough"),
      post("token=\(token)&email=c%40b.example&password=long+enough"),
    ]
    #expect(outcomes.map(\.status) == [200, 404])
    let user = try #require(try Accounts.user(shop.records, email: "a+b@b.example"))
    #expect(user.role == .admin)
    #expect(PasswordHasher(cost: 4).verify("long enough", against: user.passwordHash))
    #expect(try shop.service.setupLink() == nil)
    #expect(try client.get(link).status == 404)
    try shop.stop()
  }
}
