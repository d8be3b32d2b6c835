// The control channel of `souk store`, through real sockets over a database in memory: who is let in,
// how a question becomes an answer, and what is said of questions that make no sense.

import Bytes
import Database
import Disk
import Marketplace
import Server
import Synchronization
import Testing

@Suite struct StoreControlTests {
  private static let token = "c0ffee"

  /// A server over an empty marketplace on a simulated disk.
  private final class Controlled: Sendable {
    let database: Database
    let service: Service
    let port: Int

    init(token: String? = StoreControlTests.token) throws {
      var configuration = Database.Configuration(
        path: "data", disk: SimulatedDisk(), tables: MarketTables.all,
        views: MarketTables.makeViews())
      configuration.segmentBytes = 1 << 20
      database = try Database.create(configuration)
      var options = ServerOptions().withoutRateLimits
      options.port = 0
      options.loops = 1
      service = try Service(
        market: try Marketplace(database: database), options: options, version: "test",
        log: Log(format: .json) { _ in }, controlToken: token)
      port = try service.start().port
    }

    func stop() throws {
      _ = try service.stop()
      try database.close()
    }

    /// Asks, and comes back until the answer is there.
    func ask(_ verb: String, _ arguments: String = "{}") throws -> TestReply {
      let client = try TestClient(port: port)
      let field = "Authorization: Bearer \(StoreControlTests.token)\r\n"
      var reply = try client.post(StoreControl.pathPrefix + verb, arguments, field)
      while reply.status == 202 {
        var ticket = try FieldJSON.decode(StoreControlTicket.self, from: reply.body)
        ticket.progress = nil
        let body = String(decoding: FieldJSON.encode(ticket), as: UTF8.self)
        reply = try client.post(StoreControl.answerPath, body, field)
      }
      return reply
    }
  }

  @Test func aQuestionIsAnsweredFromTheOpenDatabase() throws {
    let server = try Controlled()
    let reply = try server.ask("info")
    #expect(reply.status == 200)
    let report = try FieldJSON.decode(StoreInfoReport.self, from: reply.body)
    #expect(report.databaseID == server.database.databaseID)
    #expect(report.commit == server.database.visibleLSN.rawValue)
    let check = try FieldJSON.decode(
      StoreCheckReport.self, from: try server.ask("check", #"{"deep":true}"#).body)
    #expect(check.isSound && check.isDeep && check.views == 2)
    let hash = try FieldJSON.decode(StoreHashReport.self, from: try server.ask("hash").body)
    #expect(hash.hash == (try server.database.contentHash().hash))
    try server.stop()
  }

  @Test func withoutTheTokenNothingIsThere() throws {
    let server = try Controlled()
    let client = try TestClient(port: server.port)
    for field in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic c0ffee\r\n"] {
      #expect(try client.post(StoreControl.pathPrefix + "info", "{}", field).status == 404)
    }
    #expect(!(try client.get("/api/openapi.json").text.contains("_souk")))
    try server.stop()
  }

  @Test func aServerWithoutATokenHasNoChannel() throws {
    let server = try Controlled(token: nil)
    #expect(try server.ask("info").status == 404)
    try server.stop()
  }

  @Test func whatIsAskedWronglyIsSaidWithItsExitCode() throws {
    let server = try Controlled()
    for (verb, arguments, code) in [
      ("stats", #"{"tree":"prodcts"}"#, Int64(2)), ("scan", #"{"tree":"users","limit":0}"#, 2),
      ("get", #"{"tree":"users","key":"no UUID"}"#, 2), ("hash", #"{"commit":99}"#, 1),
      ("backup", #"{"target":"relative"}"#, 2),
    ] {
      let reply = try server.ask(verb, arguments)
      #expect(reply.status == 422, "\(verb): \(reply.text)")
      let failure = try FieldJSON.decode(StoreFailure.self, from: reply.body)
      #expect(failure.exitCode == code, "\(verb): \(failure.message)")
    }
    #expect(try server.ask("nonsense").status == 404)
    #expect((400..<500).contains(try server.ask("stats", #"{"tree":7}"#).status))
    try server.stop()
  }

  @Test func anAnswerIsGivenOnceAndOldTicketsGetNone() throws {
    let server = try Controlled()
    #expect(try server.ask("info").status == 200)
    let client = try TestClient(port: server.port)
    let field = "Authorization: Bearer \(Self.token)\r\n"
    #expect(try client.post(StoreControl.answerPath, #"{"question":1}"#, field).status == 404)
    #expect(try client.post(StoreControl.answerPath, #"{"question":9}"#, field).status == 404)
    try server.stop()
  }

  @Test func aNoticeOfTheDatabaseBecomesALineOfTheLog() throws {
    let lines = Mutex<[String]>([])
    let log = Log(format: .json) { line in lines.withLock { $0.append(line) } }
    log.notice(#"{"level":"warn","event":"snapshot-expired","purpose":"a \"b\"","commit":7}"#)
    log.notice("no JSON")
    let written = try lines.withLock { $0 }.map { try JSONValue(parsing: Array($0.utf8)) }
    #expect(written.map { $0["level"]?.text } == ["warning", "warning"])
    #expect(written.map { $0["message"]?.text } == ["snapshot-expired", "no JSON"])
    #expect(written[0]["purpose"]?.text == #"a "b""#)
    #expect(written[0]["commit"]?.text == "7")
  }
}
