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

  init(requestID: String, path: String, connection: NIOLoopBound<Connection>, exchange: UInt64) {
    self.requestID = requestID
    self.path = path
    self.connection = connection
    self.exchange = exchange
  }

  deinit {
    guard !isAnswered.load(ordering: .acquiring) else { return }
    let route = routeIndex.load(ordering: .relaxed)
    let response = APIError.unexpected.response(requestID: requestID, path: path)
    Self.deliver(response, connection, exchange, route, failure: "the handler never answered")
  }

  /// Sends `response`. On the connection's own event loop it is written at once, elsewhere the
  /// loop is told.
  public func answer(_ response: Response) {
    answer(response, failure: nil)
  }

  /// Sends the envelope of `error`. An error that is no `APIError` becomes a 500 without internals
  /// and a log line with them.
  public func answer(_ error: any Error) {
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

  private func answer(_ response: Response, failure: String?) {
    let route = routeIndex.load(ordering: .relaxed)
    guard !isAnswered.exchange(true, ordering: .acquiringAndReleasing) else {
      let requestID = requestID
      let connection = connection
      connection.eventLoop.execute { connection.value.answeredTwice(requestID) }
      return
    }
    Self.deliver(response, connection, exchange, route, failure: failure)
  }

  private static func deliver(
    _ response: Response, _ connection: NIOLoopBound<Connection>, _ exchange: UInt64, _ route: Int,
    failure: String?
  ) {
    if connection.eventLoop.inEventLoop {
      connection.value.respond(response, exchange: exchange, route: route, failure: failure)
    } else {
      connection.eventLoop.execute {
        connection.value.respond(response, exchange: exchange, route: route, failure: failure)
      }
    }
  }
}
