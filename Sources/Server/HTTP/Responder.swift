// Responder: the right and the duty to answer one request.
//
// Invariants
// 1. The first answer is sent, from whichever thread it comes; a second one is a defect of the
//    handler, is not sent, and is logged.
// 2. A responder that goes away unanswered answers 500, so no client waits for a lost closure.
// 3. An answer after the request timed out, or after the client went away, is dropped silently.

import NIOCore
import Synchronization

/// Answers one request exactly once.
public final class Responder: Sendable {
  /// The request's id, for answers that are made far from the request.
  public let requestID: String
  /// The request's path, for the error envelope.
  public let path: String
  private let connection: NIOLoopBound<Connection>
  private let exchange: UInt64
  private let isAnswered = Atomic<Bool>(false)
  /// The index of the route in its table, or -1; set by the router before it runs the handler.
  private let routeIndex = Atomic<Int>(-1)
  /// What the router knows of the answer; `AnswerMarks`.
  private let marks = Atomic<UInt64>(0)
  /// Attempts that are given back when this one succeeds.
  private let owed = Mutex<(charges: [RateCharge], limiter: RateLimiter)?>(nil)

  init(requestID: String, path: String, connection: NIOLoopBound<Connection>, exchange: UInt64) {
    self.requestID = requestID
    self.path = path
    self.connection = connection
    self.exchange = exchange
  }

  deinit {
    guard !isAnswered.load(ordering: .acquiring) else { return }
    let response = APIError.unexpected.response(requestID: requestID, path: path)
    Self.deliver(
      response, connection,
      Handled(
        exchange: exchange, route: routeIndex.load(ordering: .relaxed),
        marks: AnswerMarks(bits: marks.load(ordering: .relaxed)),
        failure: "the handler never answered"))
  }

  /// Sends `response`. On the connection's own event loop it is written at once, elsewhere the
  /// loop is told.
  public func answer(_ response: Response) {
    answer(response, failure: nil)
  }

  /// Sends the envelope of `error`. An error that is no `APIError` becomes a 500 without internals
  /// and a log line with them.
  public func answer(_ error: any Error) {
    // A refusal of the domain may come from any closure, also from one that answers later.
    let error = APIError.telling(error)
    if let error = error as? APIError {
      answer(error.response(requestID: requestID, path: path), failure: nil)
    } else {
      let response = APIError.unexpected.response(requestID: requestID, path: path)
      answer(response, failure: String(describing: error))
    }
  }

  func setRoute(_ index: Int) {
    routeIndex.store(index, ordering: .relaxed)
  }

  func mark(_ marks: AnswerMarks) {
    self.marks.store(marks.bits, ordering: .relaxed)
  }

  /// The charges are given back unless the answer is that of a failed attempt.
  func owe(_ charges: [RateCharge], to limiter: RateLimiter) {
    owed.withLock { $0 = (charges, limiter) }
  }

  private func settle(_ status: Int) {
    guard !RateCharge.counts(status) else { return }
    let owed = owed.withLock { owed in
      let taken = owed
      owed = nil
      return taken
    }
    guard let owed else { return }
    let now = RouterLimits.nowMillis()
    for charge in owed.charges { owed.limiter.giveBack(charge.policy, charge.key, atMillis: now) }
  }

  private func answer(_ response: Response, failure: String?) {
    let marks = AnswerMarks(bits: marks.load(ordering: .relaxed))
    guard !isAnswered.exchange(true, ordering: .acquiringAndReleasing) else {
      let requestID = requestID
      let connection = connection
      connection.eventLoop.execute { connection.value.answeredTwice(requestID) }
      return
    }
    if marks.owesOutcome { settle(response.status) }
    Self.deliver(
      response, connection,
      Handled(
        exchange: exchange, route: routeIndex.load(ordering: .relaxed), marks: marks,
        failure: failure))
  }

  private static func deliver(
    _ response: Response, _ connection: NIOLoopBound<Connection>, _ handled: Handled
  ) {
    if connection.eventLoop.inEventLoop {
      connection.value.respond(response, handled)
    } else {
      connection.eventLoop.execute { connection.value.respond(response, handled) }
    }
  }
}

/// What comes along with an answer.
struct Handled: Sendable {
  /// The number of the request on its connection.
  var exchange: UInt64
  /// The index of the route, or -1.
  var route: Int
  var marks: AnswerMarks
  /// What went wrong, for the log only.
  var failure: String?
}
