// Router: the table of all routes as a request handler.
//
// A request passes, in this order: path → method → caller → idempotency key → query → body → the
// route's closure. `/api/v1/x`, `/api/x` and `/x` are one route; a trailing slash is tolerated.

import Bytes
import NIOPosix
import Synchronization

/// What is wrong with a table of routes; found at start, never while serving.
public enum RouteTableError: Error, Equatable, CustomStringConvertible {
  case sameMethodAndShape(String, String)
  case sameOperationID(String)
  case badPath(String)

  public var description: String {
    switch self {
    case .sameMethodAndShape(let first, let second):
      "the operations \(first) and \(second) have the same method and path"
    case .sameOperationID(let id): "two routes have the operation id \(id)"
    case .badPath(let path): "“\(path)” is no path of literals and {captures}"
    }
  }
}

/// Dispatches requests to routes.
public final class Router: RequestHandler {
  /// Who asks, from the request's headers. Nil for nobody; throws 401 for a token that is no good.
  public typealias Authenticator = @Sendable (Request) throws -> Principal?
  /// Is offered what comes on bare paths from clients that prefer HTML; true when it answers.
  public typealias Pages = @Sendable (Request, Responder) -> Bool

  public let routes: [Route]
  private let trie: RouteTrie
  private let captures: [[(name: String, index: Int)]]
  private let authenticate: Authenticator
  private let pages: Pages?
  private let pool: NIOThreadPool?
  let limits: RouterLimits?
  /// Requests that wait for the pool or run there.
  let pooled = Atomic<Int>(0)
  private let pooledMax: Int

  /// - Parameters:
  ///   - pool: runs the routes that ask for it; must be started, outlives the router.
  ///   - options: the rate limits, of which there are none without them, and the pool's bound.
  public init(
    _ groups: [RouteGroup], pages: Pages? = nil, pool: NIOThreadPool? = nil,
    options: ServerOptions? = nil,
    authenticate: @escaping Authenticator
  ) throws(RouteTableError) {
    routes = groups.flatMap(\.routes)
    var trie = RouteTrie()
    var identifiers: Set<String> = []
    for (index, route) in routes.enumerated() {
      guard Self.isGoodPath(route) else { throw .badPath(route.path) }
      guard identifiers.insert(route.operationID).inserted else {
        throw .sameOperationID(route.operationID)
      }
      if let other = trie.insert(route.pattern, route.method, index) {
        throw .sameMethodAndShape(routes[other].operationID, route.operationID)
      }
    }
    self.trie = trie
    captures = routes.map { route in
      route.pattern.enumerated().filter { $0.element.hasPrefix("{") }
        .map { (String($0.element.dropFirst().dropLast()), $0.offset) }
    }
    self.pages = pages
    self.pool = pool
    limits = options.flatMap { RouterLimits($0) }
    pooledMax = (options ?? ServerOptions()).poolRequestsMax
    self.authenticate = authenticate
  }

  private static func isGoodPath(_ route: Route) -> Bool {
    guard route.path.hasPrefix("/"), !route.path.contains("//") else { return false }
    let names = route.captureNames
    return Set(names).count == names.count
      && route.pattern.allSatisfy { segment in
        let opens = segment.hasPrefix("{")
        let inner = opens ? segment.dropFirst().dropLast() : segment
        return opens == segment.hasSuffix("}") && !inner.isEmpty
          && !inner.contains("{") && !inner.contains("}")
      }
  }

  /// The index of the route for a method and a path's segments, or -1. HEAD is served by GET.
  package func find(_ method: Method, _ segments: ArraySlice<String>) -> Int {
    let found = trie.find(segments, method)
    return found < 0 && method == .head ? trie.find(segments, .get) : found
  }

  public func bodyBytesMax(for request: Request) -> Int? {
    let index = find(request.method, request.segments.dropFirst(request.prefixSegments))
    return index >= 0 ? routes[index].bodyBytesMax : nil
  }

  public func handle(_ request: Request, _ responder: Responder) {
    let segments = request.segments.dropFirst(request.prefixSegments)
    let index = find(request.method, segments)
    var request = request
    do {
      // Who asks comes first, because quotas are each user's own; a refusal comes after the charge.
      let refusal = index >= 0 ? try identify(&request) : nil
      try charge(request, index, responder)
      if let pages, !request.isUnderAPIPrefix, request.prefersHTML, pages(request, responder) {
        return
      }
      guard index >= 0 else { return answerUnmatched(request, segments, responder) }
      responder.setRoute(index)
      // A stale token must not keep anybody from signing in.
      if let refusal, routes[index].caller != .anyone { throw refusal }
      try routes[index].caller.check(request.principal)
      try checkHeadersAndQuery(routes[index], request)
    } catch {
      return responder.answer(error)
    }
    run(index, request, responder)
  }

  private func run(_ index: Int, _ request: Request, _ responder: Responder) {
    let routed = RoutedRequest(
      request: request,
      captures: captures[index].map { ($0.name, $0.index + request.prefixSegments) },
      operationID: routes[index].operationID, idempotencyKey: routes[index].idempotencyKey)
    let run = routes[index].run
    guard routes[index].execution == .pool, let pool else { return run(routed, responder) }
    guard pooled.add(1, ordering: .relaxed).newValue <= pooledMax else {
      pooled.subtract(1, ordering: .relaxed)
      return responder.answer(
        APIError(
          .serviceUnavailable, "Too many requests wait already.", headers: ["Retry-After": "1"]))
    }
    pool.submit { [self] state in
      defer { pooled.subtract(1, ordering: .relaxed) }
      guard case .active = state else {
        return responder.answer(
          APIError(
            .serviceUnavailable, "The server is stopping.", headers: ["Retry-After": "5"]))
      }
      run(routed, responder)
    }
  }

  /// Finds the principal; what is wrong with the credentials is returned, other failures are thrown.
  private func identify(_ request: inout Request) throws -> APIError? {
    do {
      request.principal = try authenticate(request)
      return nil
    } catch let error as APIError {
      guard error.status == 401 else { throw error }
      return error
    }
  }

  private func charge(_ request: Request, _ index: Int, _ responder: Responder) throws(APIError) {
    var marks = AnswerMarks()
    marks.audience = audience(request, index)
    do throws(APIError) {
      let rule = index >= 0 ? routes[index].rateLimit : .requests
      try limits?.charge(request, rule, responder, &marks)
    } catch {
      responder.mark(marks)
      throw error
    }
    responder.mark(marks)
  }

  /// Who may keep the answer: whatever has to do with credentials is for nobody else.
  private func audience(_ request: Request, _ index: Int) -> AnswerMarks.Audience {
    if request.principal != nil || request.headers.contains("Authorization")
      || request.headers.contains("Cookie")
    {
      return .personal
    }
    guard index >= 0 else { return .unknown }
    let isForAll = routes[index].caller == .anyone && !routes[index].path.hasPrefix("/auth/")
    return isForAll ? .everyone : .personal
  }

  private func answerUnmatched(
    _ request: Request, _ segments: ArraySlice<String>, _ responder: Responder
  ) {
    var allowed = trie.methods(segments)
    guard !allowed.isEmpty else {
      return responder.answer(APIError(.notFound, "There is nothing at \(request.path)."))
    }
    if allowed.contains(.get), !allowed.contains(.head) { allowed.append(.head) }
    let names = allowed.map(\.name).sorted().joined(separator: ", ")
    if request.method == .options {
      return responder.answer(Response(status: 204, headers: ["Allow": names]))
    }
    responder.answer(
      APIError(
        .invalidInput, "This path answers \(names) only.", status: 405, headers: ["Allow": names]))
  }

  private func checkHeadersAndQuery(_ route: Route, _ request: Request) throws(APIError) {
    let key = route.idempotencyKey == .unused ? nil : request.headers["Idempotency-Key"]
    if route.idempotencyKey == .required, key == nil {
      throw APIError(
        .missingRequiredField, "Send an Idempotency-Key header, one new UUID for each intent.")
    }
    if let key {
      let count = IdempotencyKey.text(of: key).utf8.count
      guard (1...IdempotencyKey.bytesMax).contains(count) else {
        throw APIError(
          .invalidInput, "Idempotency-Key must have 1 to \(IdempotencyKey.bytesMax) bytes.")
      }
    }
    var issues: [FieldIssue] = []
    for parameter in route.query {
      if let value = request.query[parameter.name] {
        if let issue = parameter.issue(with: value) { issues.append(issue) }
      } else if parameter.isRequired {
        issues.append(
          FieldIssue(path: "?\(parameter.name)", rule: "required", message: "is required"))
      }
    }
    if !issues.isEmpty { throw APIError(issues: issues) }
  }
}
