// The routes by which operators and orchestrators watch the server.

import Bytes
import Synchronization

/// A value that is set once, after what needs it was built.
public final class Late<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  public init() {}

  public func set(_ newValue: Value) { value.withLock { $0 = newValue } }
  public var current: Value? { value.withLock { $0 } }
}

/// The state of the server for `/health` and `/ready`.
public struct ServerState: Fields {
  public var status = ""
  public var reason: String?

  public init() {}

  init(_ status: String) {
    self.status = status
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "status", &status)
    try visitor.field(2, "reason", &reason)
  }
}

/// `/health`, `/ready`, `/metrics` and the OpenAPI document.
/// - Parameters:
///   - notReady: why the server is not ready, or nil when it is.
///   - metrics: set once the table is complete, which the metrics need.
///   - document: the OpenAPI document of that table.
public func operationsRoutes(
  notReady: @escaping @Sendable () -> String?, metrics: Late<Metrics>, document: Late<[UInt8]>
) -> RouteGroup {
  RouteGroup("Operations") {
    route(.get, "/health", "getHealth", "Alive: the event loops turn.", output: ServerState.self) {
      _ in .ok(ServerState("ok"), headers: ["Cache-Control": "no-store"])
    }
    .limited(.exempt)
    route(
      .get, "/ready", "getReadiness", "Ready for traffic; 503 with the reason when not.",
      output: ServerState.self, errors: [.serviceUnavailable]
    ) { _ in
      if let reason = notReady() {
        throw APIError(
          .serviceUnavailable, "Not ready: \(reason).", headers: ["Retry-After": "1"])
      }
      return .ok(ServerState("ready"), headers: ["Cache-Control": "no-store"])
    }
    .limited(.exempt)
    routeBytes(
      .get, "/metrics", "getMetrics", "Prometheus text format 0.0.4.",
      output: .bytes("text/plain"), on: .pool
    ) { _, responder in
      var response = Response.text(metrics.current?.render() ?? "")
      response.contentType = "text/plain; version=0.0.4; charset=utf-8"
      response.headers["Cache-Control"] = "no-store"
      responder.answer(response)
    }
    .limited(.exempt)
    routeBytes(.get, "/openapi.json", "getOpenAPI", "This document.") { _, responder in
      responder.answer(.json(document.current ?? Array("{}".utf8)))
    }
  }
}
