// AccountShop: a server whose accounts can be set up as a test likes, and what its clients say.

import Bytes
import Database
import Disk
import Marketplace
import RecordStore
import Testing

@testable import Server

struct AccountShop {
  let market: Marketplace
  let service: Service
  let client: TestClient
  let port: Int

  init(_ accounts: AccountOptions = AccountOptions()) throws {
    var configuration = Database.Configuration(
      path: "data", disk: SimulatedDisk(), tables: MarketTables.all,
      views: MarketTables.makeViews())
    configuration.segmentBytes = 1 << 20
    market = try Marketplace(
      database: try Database.create(configuration), hasher: PasswordHasher(cost: 4))
    var options = ServerOptions().withoutRateLimits
    options.port = 0
    service = try Service(
      market: market, options: options, version: "test", log: Log(format: .json) { _ in },
      accounts: accounts)
    port = try service.start().port
    client = try TestClient(port: port)
  }

  func stop(sourceLocation: SourceLocation = #_sourceLocation) throws {
    _ = try service.stop()
    #expect(
      try market.database.check(deep: true).findings == [], sourceLocation: sourceLocation)
    try market.database.close()
  }

  var records: Snapshot { market.database.snapshot().records }

  func register(_ email: String, _ more: String = "") throws -> JSONValue {
    try client.post("/auth/register", #"{"email":"\#(email)","password":"long enough"\#(more)}"#)
      .json
  }

  /// An administrator's header.
  func administrator() throws -> String {
    let hash = try market.hasher.hash("long enough")
    _ = try market.database.writeBlocking { transaction in
      var request = RegisterRequest()
      request.email = "root@example.com"
      request.role = .admin
      return try Accounts.create(transaction, request, passwordHash: hash)
    }
    return bearer(try login("root@example.com").json)
  }

  func login(_ email: String, _ password: String = "long enough") throws -> TestReply {
    try client.post("/auth/login", #"{"email":"\#(email)","password":"\#(password)"}"#)
  }

  func bearer(_ signedIn: JSONValue) -> String {
    "Authorization: Bearer \(signedIn["accessToken"]?.text ?? "")\r\n"
  }

  /// The newest token that was mailed to `email`, as an administrator reads it.
  func mailedToken(_ email: String, _ administrator: String) throws -> String {
    let list = try client.get("/admin/mailbox?to=\(email)", administrator).json
    guard case .array(let mails)? = list["data"], let id = mails.first?["id"]?.text else {
      Issue.record("there is no mail")
      return ""
    }
    let text = try client.get("/admin/mailbox/\(id)", administrator).json["text"]?.text ?? ""
    return text.split(separator: "\n").first { $0.utf8.count == 43 }.map(String.init) ?? ""
  }

  func send(_ method: String, _ path: String, _ body: String, _ fields: String) throws -> TestReply
  {
    client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\(fields)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try client.reply()
  }
}

extension TestReply {
  var json: JSONValue { get throws { try JSONValue(parsing: body) } }
  var code: String? { try? json["error"]?["code"]?.text }

  /// The value of a cookie that the answer sets.
  func cookie(_ name: String) -> String? {
    headers.first { $0.name == "set-cookie" && $0.value.hasPrefix("\(name)=") }
      .map { String($0.value.dropFirst(name.utf8.count + 1).prefix { $0 != ";" }) }
  }
}
