// Kills under the search: sellers write products, change their stock and delete them, and search for each
// at once; the server is ended with SIGKILL at random moments. After every restart what was answered is
// what is found: no product that is missing, none that was deleted, the stock as it was set.

import Bytes
import Foundation
import Synchronization
import Testing
import souk

@Suite(.serialized) struct SearchKillTests {
  private static let sellers = 3
  private static var rounds: Int {
    ProcessInfo.processInfo.environment["SOUK_NIGHTLY"] == "1" ? 200 : 8
  }

  /// A product as its seller knows it from answers.
  private struct Known: Sendable {
    var id: String
    var word: String
    var stock = 0
    var isDeleted = false
    /// Whether a request about it was not answered.
    var isInDoubt = false
  }

  private final class Ledger: Sendable {
    let number: Int
    let token = Mutex<String?>(nil)
    let known = Mutex<[Known]>([])
    let problems = Mutex<[String]>([])
    init(_ number: Int) { self.number = number }

    func change(_ place: Int, _ body: (inout Known) -> Void) {
      known.withLock { body(&$0[place]) }
    }
  }

  private static func found(_ word: String, _ shopper: Shopper) throws -> [(String, Int)] {
    let answer = try shopper.get("/search?q=\(word)&sort=newest")
    let data = try answer.json["data"] as? [[String: Any]] ?? []
    return data.map { ($0["id"] as? String ?? "", $0["stock"] as? Int ?? -1) }
  }

  /// What an answer was about is what the next search says.
  private static func look(
    _ known: Known, _ shopper: Shopper, _ complain: (String) -> Void
  ) throws {
    let hits = try found(known.word, shopper)
    let isRight =
      known.isDeleted ? hits.isEmpty : hits.count == 1 && hits[0] == (known.id, known.stock)
    if !isRight { complain("\(known): \(hits)") }
  }

  /// Words that are no typos of each other: two differ in three letters at least.
  private static func word(_ parts: [Int]) -> String {
    parts.map { String(repeating: Character(Unicode.Scalar(UInt8(97 + $0 % 26))), count: 3) }
      .joined()
  }

  /// Writes and searches until the server is gone.
  private static func work(_ ledger: Ledger, _ shopper: Shopper, round: Int) {
    func complain(_ text: String) { ledger.problems.withLock { $0.append(text) } }
    do {
      for number in 0... {
        let word = Self.word([ledger.number, round / 26, round % 26, number / 26, number % 26])
        let made = try shopper.post(
          "/products",
          #"{"title":"Oak \#(word)","description":"A thing of oak.","price":5,"status":"active","#
            + #""images":["https://example.com/a.jpg"],"#
            + #""location":{"latitude":44,"longitude":-72}}"#)
        guard made.status == 201, let id = try made.json["id"] as? String else {
          return complain("\(made.text.prefix(300))")
        }
        let place = ledger.known.withLock { known in
          known.append(Known(id: id, word: word))
          return known.count - 1
        }
        func current() -> Known { ledger.known.withLock { $0[place] } }
        try look(current(), shopper, complain)
        ledger.change(place) { $0.isInDoubt = true }
        let set = try shopper.connection.request(
          "PUT", "/inventory/product/\(id)",
          headers: [
            ("Authorization", "Bearer \(shopper.token ?? "")"),
            ("Content-Type", "application/json"), ("If-Match", "*"),
          ], body: Array(#"{"quantity":\#(number + 1)}"#.utf8))
        guard set.status == 200 else { return complain("\(set.text.prefix(300))") }
        ledger.change(place) {
          $0.stock = number + 1
          $0.isInDoubt = false
        }
        try look(current(), shopper, complain)
        guard number % 3 == 0 else { continue }
        ledger.change(place) { $0.isInDoubt = true }
        let gone = try shopper.connection.request(
          "DELETE", "/products/\(id)",
          headers: [("Authorization", "Bearer \(shopper.token ?? "")")])
        guard gone.status == 204 else { return complain("\(gone.status)") }
        ledger.change(place) {
          $0.isDeleted = true
          $0.isInDoubt = false
        }
        try look(current(), shopper, complain)
      }
    } catch is HTTPClientError {
      // The server was killed.
    } catch {
      complain("\(error)")
    }
  }

  private func register(_ number: Int, _ server: ChildServer) throws -> String {
    let shopper = try Shopper(server)
    let answer = try shopper.post(
      "/auth/register",
      #"{"email":"seller\#(number)@example.com","password":"correct horse battery","#
        + #""role":"seller"}"#)
    #expect(answer.status == 201, "\(answer.text)")
    return try #require(try answer.json["accessToken"] as? String)
  }

  @Test func afterEveryKillTheSearchIsWhatWasAnswered() throws {
    let seed = ProcessInfo.processInfo.environment["SOUK_TEST_SEED"].flatMap(UInt64.init) ?? 81
    var random = SplitMix64(seed: seed)
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    #expect(try souk("init", "--data", data).status == 0)
    let arguments = ["--data", data]
    let ledgers = (0..<Self.sellers).map { Ledger($0) }
    for round in 0..<Self.rounds {
      let server = try ChildServer(binary: binary, arguments: arguments)
      if round == 0 {
        for ledger in ledgers {
          let token = try register(ledger.number, server)
          ledger.token.withLock { $0 = token }
        }
      }
      try expectAll(ledgers, server, "seed \(seed), round \(round)")
      let group = DispatchGroup()
      for ledger in ledgers {
        // Handed to the thread, and used by nobody else.
        nonisolated(unsafe) let shopper = try Shopper(server)
        shopper.token = ledger.token.withLock { $0 }
        let thread = Thread {
          Self.work(ledger, shopper, round: round)
          group.leave()
        }
        group.enter()
        thread.start()
      }
      usleep(UInt32.random(in: 20_000...250_000, using: &random))
      #expect(server.end(with: SIGKILL) == -SIGKILL)
      group.wait()
      let problems = ledgers.flatMap { $0.problems.withLock { $0 } }
      if let first = problems.first {
        Issue.record("seed \(seed), round \(round): \(problems.count) problems, \(first)")
        break
      }
    }
    let server = try ChildServer(binary: binary, arguments: arguments)
    try expectAll(ledgers, server, "seed \(seed), at the end")
    #expect(server.end(with: SIGTERM) == 0)
    #expect(ledgers.contains { $0.known.withLock { $0.count > 1 } })
    #expect(try souk("engine", "verify", "text", "--data", data).status == 0)
  }

  /// All that was answered since the beginning; what is in doubt is left out.
  private func expectAll(
    _ ledgers: [Ledger], _ server: ChildServer, _ what: String
  ) throws {
    let shopper = try Shopper(server)
    for ledger in ledgers {
      for known in ledger.known.withLock({ $0.suffix(60) }) where !known.isInDoubt {
        try Self.look(known, shopper) { Issue.record("\(what): \($0)") }
      }
    }
  }
}
