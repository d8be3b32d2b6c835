// RequestHandler: what stands behind the server, and what watches it.

/// Answers requests. Called on an event loop: work of more than some tens of microseconds belongs
/// on another thread, which may answer later.
public protocol RequestHandler: Sendable {
  func handle(_ request: Request, _ responder: Responder)
  /// The largest body that this request may have; asked once its head is known. `nil` is the
  /// server's default.
  func bodyBytesMax(for request: Request) -> Int?
}

extension RequestHandler {
  public func bodyBytesMax(for request: Request) -> Int? { nil }
}

/// A handler made of one closure.
public struct ClosureHandler: RequestHandler {
  private let closure: @Sendable (Request, Responder) -> Void

  public init(_ closure: @escaping @Sendable (Request, Responder) -> Void) {
    self.closure = closure
  }

  public func handle(_ request: Request, _ responder: Responder) {
    closure(request, responder)
  }
}

/// One request that got its answer.
public struct Exchange: Sendable {
  /// The number of the event loop, from 0.
  public var loop: Int
  /// `nil` when the bytes were no request.
  public var request: Request?
  /// The route's index in its table; -1 when none matched.
  public var route: Int
  public var requestID: String
  public var status: Int
  public var durationNanos: Int64
  /// Of the answer, with its head.
  public var bytes: Int
  /// What went wrong, for the log only.
  public var failure: String?
}

/// Is told what happens; called on event loops, so it must be quick.
public protocol ServerObserver: Sendable {
  func connectionOpened(loop: Int)
  func connectionClosed(loop: Int)
  func finished(_ exchange: Exchange)
  func warn(_ message: String, requestID: String)
}
