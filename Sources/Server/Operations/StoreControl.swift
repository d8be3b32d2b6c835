// StoreControl: how `souk store` asks a running server about the database that it has open.
//
//   POST /_souk/store/{verb}    arguments as JSON     202 {"question":7}
//   POST /_souk/store/answer    {"question":7}        202 {"question":7,"progress":"…"} not yet
//                                                     200 the report
//                                                     422 {"message":"…","exitCode":65}
//
// A question may take minutes (`check --deep`, a backup), longer than any request may: so it is asked,
// and its answer is fetched when it is there.
//
// Invariants
// 1. Only from a loopback address, and only with the token of control.json, which only who may read
//    the data directory can know; it is compared in constant time. Anybody else finds nothing here.
// 2. A question is answered on a thread of its own, never on an event loop, and one at a time: a
//    second one gets 503 at once.
// 3. An answer is kept until it is fetched or the next question comes, so that memory is bounded.

import Bytes
import Database
import Marketplace
import NIOPosix
import Synchronization

/// What control.json holds: where the server listens, and what opens it.
public struct StoreControlFile: Fields, Equatable {
  public static let name = "control.json"
  public var host = ""
  public var port: Int64 = 0
  public var token = ""
  public var pid: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "host", &host)
    try visitor.field(2, "port", &port)
    try visitor.field(3, "token", &token)
    try visitor.field(4, "pid", &pid)
  }

  /// The loopback address under which a server bound to `host` can be asked; nil when there is none.
  public static func loopback(for host: String) -> String? {
    if host.hasPrefix("127.") { return host }
    return host == "0.0.0.0" || host == "::" ? "127.0.0.1" : nil
  }
}

/// A question that was asked, and what is known of it.
public struct StoreControlTicket: Fields {
  public var question: UInt64 = 0
  public var progress: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "question", &question)
    try visitor.field(2, "progress", &progress)
  }
}

public final class StoreControl: Sendable {
  public static let pathPrefix = "/_souk/store/"
  public static let answerPath = pathPrefix + answerVerb
  private static let answerVerb = "answer"
  private static let questions: [any StoreQuestion.Type] = [
    MarketAuditQuestion.self, StoreInfoQuestion.self, StoreCheckQuestion.self,
    StoreStatsQuestion.self,
    StoreReadersQuestion.self, StoreFreeQuestion.self, StoreGetQuestion.self,
    StoreScanQuestion.self, StoreHashQuestion.self, StoreBackupQuestion.self,
    EngineListQuestion.self, EngineRebuildQuestion.self, EngineVerifyQuestion.self,
    SearchQuestion.self,
  ]

  private struct State {
    var number: UInt64 = 0
    var isBusy = false
    var progress: String?
    /// Of question `number`, until it is fetched.
    var answer: Response?
  }

  private let database: Database
  private let token: [UInt8]
  private let pool = NIOThreadPool(numberOfThreads: 1)
  private let state = Mutex(State())

  public init(database: Database, token: String) {
    self.database = database
    self.token = Array(token.utf8)
    pool.start()
  }

  /// Waits for the question under way. Blocks.
  func shutDown() throws { try pool.syncShutdownGracefully() }

  var routes: RouteGroup {
    RouteGroup("Control") {
      routeBytes(.post, Self.pathPrefix + "{verb}", "askStore", accepts: ["application/json"]) {
        [self] context, responder in
        try authorise(context.request)
        let verb = context.path("verb")
        responder.answer(
          verb == Self.answerVerb
            ? try fetch(context.request.body) : try ask(verb, context.request.body))
      }
    }
  }

  /// Invariant 1.
  private func authorise(_ request: Request) throws(APIError) {
    let address = request.remoteAddress
    let isLoopback =
      address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    let words = (request.headers["Authorization"] ?? "").split(separator: " ")
    guard isLoopback, words.count == 2, words[0] == "Bearer",
      Crypto.isEqual(Array(words[1].utf8), token)
    else { throw APIError(.notFound, "There is nothing at \(request.path).") }
  }

  private func ask(_ verb: String, _ body: [UInt8]) throws -> Response {
    guard let type = Self.questions.first(where: { $0.verb == verb }) else {
      throw APIError(.notFound, "This server does not know the question “\(verb)”.")
    }
    let job = try prepare(type, body)
    let number = try state.withLock { state throws(APIError) -> UInt64 in
      guard !state.isBusy else {
        throw .unavailable(
          "The server is answering another `souk store` question. Try again when it is done.",
          retrySeconds: 1)
      }
      state.number += 1
      state.isBusy = true
      state.progress = nil
      state.answer = nil
      return state.number
    }
    pool.submit { [self] poolState in
      guard case .active = poolState else { return }
      let answer = job { line in state.withLock { $0.progress = line } }
      state.withLock { state in
        state.isBusy = false
        state.answer = answer
      }
    }
    var ticket = StoreControlTicket()
    ticket.question = number
    return .json(FieldJSON.encode(ticket), status: 202)
  }

  /// The question with its arguments, ready to be answered on the pool.
  private func prepare<Question: StoreQuestion>(
    _ type: Question.Type, _ body: [UInt8]
  ) throws -> @Sendable ((String) -> Void) -> Response {
    let question: Question
    do throws(FieldError) {
      question = try FieldJSON.decode(Question.self, from: body)
    } catch {
      throw APIError(.invalidInput, "The arguments cannot be read: \(error)")
    }
    return { [database] progress in
      do {
        return .json(FieldJSON.encode(try question.answer(from: database, progress: progress)))
      } catch {
        return .json(FieldJSON.encode(StoreFailure.telling(error)), status: 422)
      }
    }
  }

  private func fetch(_ body: [UInt8]) throws -> Response {
    guard var ticket = try? FieldJSON.decode(StoreControlTicket.self, from: body) else {
      throw APIError(.invalidInput, "Send the ticket of the question.")
    }
    return try state.withLock { state in
      guard ticket.question == state.number, state.isBusy || state.answer != nil else {
        throw APIError(.notFound, "There is no answer to question \(ticket.question) any more.")
      }
      if let answer = state.answer {
        state.answer = nil
        return answer
      }
      ticket.progress = state.progress
      return .json(FieldJSON.encode(ticket), status: 202)
    }
  }
}
