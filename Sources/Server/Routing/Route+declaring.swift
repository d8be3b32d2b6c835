// Declaring routes: one function for each way to answer.
//
//   route       returns the reply, on the event loop or on the pool
//   routeLater  is handed an answer to give when it can, from any thread (a queued write)
//   routeBytes  takes and gives bytes that are no records
//
// An operation without an output names `Nothing.self` and answers 204.

import Bytes
import Marketplace

/// The answer that `routeLater` owes; give it exactly once.
public struct Answer<Output: Fields>: Sendable {
  let responder: Responder
  let isPrivate: Bool

  public func succeed(_ reply: Reply<Output>) {
    responder.answer(reply.response(isPrivate: isPrivate))
  }

  public func fail(_ error: any Error) { responder.answer(error) }
}

/// A route whose closure returns the reply.
public func route<Body: Fields, Output: Fields>(
  _ method: Method, _ path: String, _ operationID: String, _ summary: String = "",
  caller: CallerRule = .anyone, query: [QueryParameter] = [],
  idempotencyKey: Route.IdempotencyKeyRule = .unused,
  body: Body.Type, output: Output.Type, status: Int? = nil,
  errors: [ErrorCode] = [], bodyBytesMax: Int? = nil, on execution: Route.Execution = .loop,
  _ run: @escaping @Sendable (Context<Body>) throws -> Reply<Output>
) -> Route {
  Route(
    method: method, path: path, operationID: operationID, summary: summary, tag: "",
    caller: caller, body: bodyRule(body), output: outputRule(output),
    status: status ?? (Output.self == Nothing.self ? 204 : 200), errors: errors, query: query,
    idempotencyKey: idempotencyKey, bodyBytesMax: bodyBytesMax, execution: execution
  ) { routed, responder in
    do {
      let body = try decodeBody(Body.self, routed.request)
      let reply = try run(Context(body: body, routed: routed))
      responder.answer(reply.response(isPrivate: routed.request.principal != nil))
    } catch {
      responder.answer(error)
    }
  }
}

/// The same without a body.
public func route<Output: Fields>(
  _ method: Method, _ path: String, _ operationID: String, _ summary: String = "",
  caller: CallerRule = .anyone, query: [QueryParameter] = [],
  idempotencyKey: Route.IdempotencyKeyRule = .unused, output: Output.Type, status: Int? = nil,
  errors: [ErrorCode] = [], on execution: Route.Execution = .loop,
  _ run: @escaping @Sendable (Context<Nothing>) throws -> Reply<Output>
) -> Route {
  route(
    method, path, operationID, summary, caller: caller, query: query,
    idempotencyKey: idempotencyKey, body: Nothing.self, output: output, status: status,
    errors: errors, on: execution, run)
}

/// A route whose closure answers when it can.
public func routeLater<Body: Fields, Output: Fields>(
  _ method: Method, _ path: String, _ operationID: String, _ summary: String = "",
  caller: CallerRule = .anyone, query: [QueryParameter] = [],
  idempotencyKey: Route.IdempotencyKeyRule = .unused,
  body: Body.Type, output: Output.Type, status: Int? = nil,
  errors: [ErrorCode] = [], bodyBytesMax: Int? = nil, on execution: Route.Execution = .loop,
  _ run: @escaping @Sendable (Context<Body>, Answer<Output>) throws -> Void
) -> Route {
  Route(
    method: method, path: path, operationID: operationID, summary: summary, tag: "",
    caller: caller, body: bodyRule(body), output: outputRule(output),
    status: status ?? (Output.self == Nothing.self ? 204 : 200), errors: errors, query: query,
    idempotencyKey: idempotencyKey, bodyBytesMax: bodyBytesMax, execution: execution
  ) { routed, responder in
    do {
      let body = try decodeBody(Body.self, routed.request)
      let isPrivate = routed.request.principal != nil
      try run(
        Context(body: body, routed: routed), Answer(responder: responder, isPrivate: isPrivate))
    } catch {
      responder.answer(error)
    }
  }
}

/// The same without a body.
public func routeLater<Output: Fields>(
  _ method: Method, _ path: String, _ operationID: String, _ summary: String = "",
  caller: CallerRule = .anyone, query: [QueryParameter] = [],
  idempotencyKey: Route.IdempotencyKeyRule = .unused, output: Output.Type, status: Int? = nil,
  errors: [ErrorCode] = [], on execution: Route.Execution = .loop,
  _ run: @escaping @Sendable (Context<Nothing>, Answer<Output>) throws -> Void
) -> Route {
  routeLater(
    method, path, operationID, summary, caller: caller, query: query,
    idempotencyKey: idempotencyKey, body: Nothing.self, output: output, status: status,
    errors: errors, on: execution, run)
}

/// A route over bytes: uploads, downloads, documents whose shape is no record.
/// - Parameter accepts: the media types of the body; nil takes no body, an empty list any.
public func routeBytes(
  _ method: Method, _ path: String, _ operationID: String, _ summary: String = "",
  caller: CallerRule = .anyone, query: [QueryParameter] = [],
  idempotencyKey: Route.IdempotencyKeyRule = .unused, accepts: [String]? = nil,
  output: Route.OutputRule = .anyJSON, status: Int = 200, errors: [ErrorCode] = [],
  bodyBytesMax: Int? = nil, on execution: Route.Execution = .loop,
  _ run: @escaping @Sendable (Context<Nothing>, Responder) throws -> Void
) -> Route {
  Route(
    method: method, path: path, operationID: operationID, summary: summary, tag: "",
    caller: caller, body: accepts.map { .bytes($0) } ?? .none, output: output, status: status,
    errors: errors, query: query, idempotencyKey: idempotencyKey, bodyBytesMax: bodyBytesMax,
    execution: execution
  ) { routed, responder in
    do {
      if let accepts, !accepts.isEmpty, !accepts.contains(routed.request.mediaType ?? "") {
        throw APIError(
          .invalidInput, "Send the body as Content-Type: \(accepts.joined(separator: " or ")).")
      }
      try run(Context(body: Nothing(), routed: routed), responder)
    } catch {
      responder.answer(error)
    }
  }
}

private func bodyRule<Body: Fields>(_ type: Body.Type) -> Route.BodyRule {
  type == Nothing.self ? .none : .json(FieldSchema.describe(type))
}

private func outputRule<Output: Fields>(_ type: Output.Type) -> Route.OutputRule {
  type == Nothing.self ? .none : .json(FieldSchema.describe(type))
}

/// The body as a record: 400 with every issue when it is none.
private func decodeBody<Body: Fields>(
  _ type: Body.Type, _ request: Request
) throws(APIError) -> Body {
  if type == Nothing.self { return Body() }
  let mediaType = request.mediaType
  let isJSON = mediaType == "application/json" || mediaType == "application/merge-patch+json"
  guard isJSON || (mediaType == nil && request.body.isEmpty) else {
    throw APIError(.invalidInput, "Send the body as Content-Type: application/json.")
  }
  do throws(FieldError) {
    // An absent body is an object without members, so that what is missing is named.
    let bytes = request.body.isEmpty ? Array("{}".utf8) : request.body
    return try FieldJSON.decode(type, from: bytes)
  } catch {
    switch error {
    case .invalid(let issues): throw APIError(issues: issues)
    case .syntax(let offset, let reason):
      let issue = FieldIssue(path: "", rule: "syntax", message: "\(reason), at byte \(offset)")
      var refusal = APIError(issues: [issue])
      refusal.code = .invalidInput
      refusal.message = "The body is not JSON: \(reason), at byte \(offset)."
      throw refusal
    case .decode: throw APIError(.invalidInput, "The body cannot be read.")
    }
  }
}
