// Writes of the API: a transaction through the one writer, with its audit entry and, where the request
// has an Idempotency-Key, its answer to be repeated.
//
// Invariants
// 1. A write is answered from the writer's completion, when its commit is durable and visible, and
//    names that commit in X-Commit-LSN.
// 2. Effect, audit entry and answer to be repeated are one commit.
// 3. A key is its caller's own. Somebody without an account and without a guest's token has none, so
//    that nobody is given what another one was answered.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  private static let replayedHeader = "Idempotent-Replayed"

  /// What a transaction leaves for its completion.
  private enum Written<Output: Fields>: Sendable {
    case reply(Reply<Output>)
    case stored(StoredAnswer)
  }

  /// Runs a transaction and answers when it is durable. What a seller or an administrator does is
  /// noted in the same commit. With an Idempotency-Key it is carried out once, and its answer is
  /// repeated.
  ///
  /// - Parameter isAudited: note it whoever does it.
  func write<Body: Fields, Output: Fields>(
    _ context: Context<Body>, _ answer: Answer<Output>, isAudited: Bool = false,
    _ body: @escaping @Sendable (Transaction) throws -> Reply<Output>
  ) {
    let author = context.author(isAudited: isAudited)
    let request = context.request
    let once: IdempotentRequest?
    do throws(MarketError) {
      once = try context.idempotentRequest
    } catch {
      return answer.fail(APIError(error))
    }
    market.database.write(requestID: context.commitRequestID) { transaction in
      let carryOut = {
        let reply = try body(transaction)
        try author?.note(transaction)
        return reply
      }
      guard let once else { return Written.reply(try carryOut()) }
      let stored = try Idempotency.perform(transaction, once) { refusal in
        APIError(refusal).response(
          requestID: request.id, path: request.path, time: transaction.time
        ).body
      } _: {
        try carryOut().stored
      }
      return .stored(stored)
    } completion: { result in
      switch result {
      case .failure(let error): answer.fail(APIError.telling(error))
      case .success(let commit):
        let lsn = commit.lsn.rawValue
        switch commit.value {
        case .reply(let reply): answer.succeed(reply.committed(at: lsn))
        case .stored(let stored):
          answer.responder.answer(Self.response(stored, lsn, isPrivate: answer.isPrivate))
        }
      }
    }
  }

  private static func response(
    _ stored: StoredAnswer, _ lsn: UInt64, isPrivate: Bool
  ) -> Response {
    var response =
      stored.body.isEmpty
      ? Response(status: stored.status) : Response.json(stored.body, status: stored.status)
    response.isPrivate = isPrivate
    for header in stored.headers { response.headers.add(header.name, header.value) }
    response.headers[LogPosition.commitHeader] = String(lsn)
    if stored.isReplay { response.headers[replayedHeader] = "true" }
    return response
  }
}

extension Context {
  /// What the request's Idempotency-Key stands for; nil without a key, and on a route that takes none.
  fileprivate var idempotentRequest: IdempotentRequest? {
    get throws(MarketError) {
      guard routed.idempotencyKey != .unused, let key = request.headers["Idempotency-Key"],
        let principal
      else { return nil }
      return try IdempotentRequest(
        principalID: principal.id, method: request.method.name, route: routed.operationID,
        key: key, path: request.path, query: request.query.pairs, body: request.body)
    }
  }
}

extension Reply {
  fileprivate var stored: StoredAnswer {
    StoredAnswer(
      status: status, body: value.map { FieldJSON.encode($0) } ?? [],
      headers: headers.pairs.map { StoredHeader($0.name, $0.value) })
  }
}

extension QueryParameters {
  /// Every parameter, in order.
  fileprivate var pairs: [(name: String, value: String)] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }.flatMap { name in
      all(name).map { (name, $0) }
    }
  }
}
