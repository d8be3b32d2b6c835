// Route: one operation of the API, described once. The same value dispatches the request, checks
// its caller, its query and its body, and becomes one entry of the OpenAPI document.

import Bytes
import Marketplace

/// One operation.
public struct Route: Sendable {
  public var method: Method
  /// `/orders/{id}`, without prefix.
  public var path: String
  public var operationID: String
  public var summary: String
  /// The heading in the documentation; filled by the `RouteGroup`.
  public var tag: String
  public var caller: CallerRule
  public var body: BodyRule
  public var output: OutputRule
  /// The status of success that the documentation shows.
  public var status: Int
  public var errors: [ErrorCode]
  public var query: [QueryParameter]
  public var idempotencyKey: IdempotencyKeyRule
  public var bodyBytesMax: Int?
  public var execution: Execution
  /// Which quotas a request is charged to.
  public var rateLimit = RateLimitRule.requests
  let run: @Sendable (RoutedRequest, Responder) -> Void

  /// What the body must be.
  public enum BodyRule: Sendable, Equatable {
    case none
    case json(RecordSchema)
    /// Bytes of one of these media types; an empty list takes any.
    case bytes([String])
  }

  /// What success carries.
  public enum OutputRule: Sendable, Equatable {
    case none
    case json(RecordSchema)
    /// Any JSON value, for documents whose shape is not a record.
    case anyJSON
    case bytes(String)
  }

  /// Whether the route reads an `Idempotency-Key`; `required` answers 400 `VAL_3003` without one. A
  /// route that is not `unused` writes through `MarketplaceServer.write`, which keeps the promise.
  public enum IdempotencyKeyRule: Sendable {
    case unused, optional, required
  }

  /// Which quotas a request is charged to (docs/http.md).
  public enum RateLimitRule: Sendable, Equatable {
    /// The caller's quota of requests.
    case requests
    /// That, and the quotas of failed attempts: of the address, and of the account that the body's
    /// member `account` names. For routes that check a secret.
    case failures(account: String?)
    /// None: what watches the server must not be turned away.
    case exempt
  }

  /// The same route, charged otherwise.
  public func limited(_ rule: RateLimitRule) -> Route {
    var route = self
    route.rateLimit = rule
    return route
  }

  /// The same route, whose requests `first` is offered; what it answers, the route does not see.
  func offered(to first: @escaping @Sendable (Request, Responder) -> Bool) -> Route {
    let run = run
    return Route(
      method: method, path: path, operationID: operationID, summary: summary, tag: tag,
      caller: caller, body: body, output: output, status: status, errors: errors, query: query,
      idempotencyKey: idempotencyKey, bodyBytesMax: bodyBytesMax, execution: execution,
      rateLimit: rateLimit
    ) { routed, responder in
      if !first(routed.request, responder) { run(routed, responder) }
    }
  }

  /// Where the closure runs.
  public enum Execution: Sendable {
    /// On the event loop: for what takes microseconds and never waits.
    case loop
    /// On the router's thread pool.
    case pool
  }

  /// The segments of the path; a capture is its name in braces.
  var pattern: [Substring] { path.split(separator: "/") }

  /// The names of the captures, in order.
  public var captureNames: [String] {
    pattern.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
  }
}

/// A query parameter that a route reads. Checked before the route runs.
public struct QueryParameter: Sendable {
  public enum Kind: Sendable {
    case text
    case integer(ClosedRange<Int64>)
    case number
    case boolean
    case uuid
    case time
    case oneOf([String])
  }

  public var name: String
  public var kind: Kind
  public var isRequired: Bool
  public var summary: String

  public init(_ name: String, _ kind: Kind = .text, required: Bool = false, _ summary: String = "")
  {
    self.name = name
    self.kind = kind
    isRequired = required
    self.summary = summary
  }

  /// What is wrong with `value`, or nil.
  func issue(with value: String) -> FieldIssue? {
    let refused: (rule: String, message: String)? =
      switch kind {
      case .text: nil
      case .integer(let range):
        Int64(value).map { number in
          range.contains(number)
            ? nil : ("range", "must be from \(range.lowerBound) to \(range.upperBound)")
        } ?? ("type", "must be an integer")
      case .number:
        Double(value).map(\.isFinite) == true ? nil : ("type", "must be a number")
      case .boolean:
        value == "true" || value == "false" ? nil : ("type", "must be true or false")
      case .uuid: UUIDv7(value) == nil ? ("type", "must be a UUID") : nil
      case .time: Timestamp(value) == nil ? ("type", "must be an RFC 3339 time") : nil
      case .oneOf(let names):
        names.contains(value)
          ? nil : ("enum", "must be one of " + names.joined(separator: ", "))
      }
    return refused.map { FieldIssue(path: "?\(name)", rule: $0.rule, message: $0.message) }
  }
}

/// A request together with what routing found out about it.
struct RoutedRequest: Sendable {
  var request: Request
  /// The index in `request.segments` of each capture, with its name.
  var captures: [(name: String, segment: Int)]
  /// Of the route that was found.
  var operationID = ""
  var idempotencyKey = Route.IdempotencyKeyRule.unused
}

/// Routes under one heading of the documentation.
public struct RouteGroup: Sendable {
  public var tag: String
  public var routes: [Route]

  /// - Parameter writesOnce: every write of the group takes an `Idempotency-Key`.
  public init(
    _ tag: String, writesOnce: Bool = false, @RouteBuilder _ routes: () -> [Route]
  ) {
    self.tag = tag
    self.routes = routes().map { route in
      var route = route
      route.tag = tag
      if writesOnce, route.method.writes, route.idempotencyKey == .unused {
        route.idempotencyKey = .optional
      }
      return route
    }
  }
}

/// Collects routes that are written one under the other.
@resultBuilder
public enum RouteBuilder {
  public static func buildExpression(_ route: Route) -> [Route] { [route] }
  public static func buildExpression(_ routes: [Route]) -> [Route] { routes }
  public static func buildBlock(_ parts: [Route]...) -> [Route] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [Route]?) -> [Route] { part ?? [] }
  public static func buildEither(first: [Route]) -> [Route] { first }
  public static func buildEither(second: [Route]) -> [Route] { second }
  public static func buildArray(_ parts: [[Route]]) -> [Route] { parts.flatMap { $0 } }
}
