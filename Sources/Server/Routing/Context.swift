// Context: what a route's closure is given, and Reply: what it gives back.

import Bytes

/// A record without fields: the body or the output of a route that has none.
public struct Nothing: Fields {
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}
}

/// One request, checked: caller, query and body are what the route asked for.
public struct Context<Body: Fields>: Sendable {
  public let body: Body
  let routed: RoutedRequest

  public var request: Request { routed.request }
  public var principal: Principal? { routed.request.principal }

  /// The id of the signed-in user; 401 for a guest or nobody.
  public func userID() throws(APIError) -> UUIDv7 {
    guard let principal, !principal.isGuest else {
      throw APIError(
        .unauthorized, "Sign in first.", headers: ["WWW-Authenticate": "Bearer"])
    }
    return principal.id
  }

  /// The text that the path has in place of `{name}`; empty when the pattern has no such capture.
  public func path(_ name: String) -> String {
    for capture in routed.captures where capture.name == name {
      return routed.request.segments[capture.segment]
    }
    return ""
  }

  /// The identifier in place of `{name}`, with or without a prefix such as `ord_`; 404 when it is
  /// none, because nothing can have that name.
  public func pathID(_ name: String) throws(APIError) -> UUIDv7 {
    let text = path(name)
    let digits = text.lastIndex(of: "_").map { text[text.index(after: $0)...] } ?? text[...]
    guard let id = UUIDv7(digits) else {
      throw APIError(.notFound, "There is nothing with the id “\(text)”.")
    }
    return id
  }

  public func query(_ name: String) -> String? { routed.request.query[name] }

  /// An integer parameter; one that the route declares has been checked already.
  public func query(_ name: String, default value: Int64) -> Int64 {
    query(name).flatMap { Int64($0) } ?? value
  }

  public func number(_ name: String) -> Double? { query(name).flatMap { Double($0) } }

  public func flag(_ name: String) -> Bool { query(name) == "true" }

  /// The key of a write that may be repeated, without the quotes of a structured field.
  public var idempotencyKey: String? {
    request.headers["Idempotency-Key"].map { IdempotencyKey.text(of: $0) }
  }
}

enum IdempotencyKey {
  static let bytesMax = 255

  static func text(of value: String) -> String {
    guard value.utf8.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") else { return value }
    return String(value.dropFirst().dropLast())
  }
}

/// A successful answer.
public struct Reply<Output: Fields>: Sendable {
  public var status: Int
  public var value: Output?
  public var headers: Headers

  public init(status: Int, value: Output?, headers: Headers = [:]) {
    self.status = status
    self.value = value
    self.headers = headers
  }

  public static func ok(_ value: Output, headers: Headers = [:]) -> Reply {
    Reply(status: 200, value: value, headers: headers)
  }

  /// 201 with the place of the new resource.
  public static func created(_ value: Output, location: String, headers: Headers = [:]) -> Reply {
    var headers = headers
    headers["Location"] = location
    return Reply(status: 201, value: value, headers: headers)
  }

  /// 202 with the place where progress is told.
  public static func accepted(_ value: Output, location: String) -> Reply {
    Reply(status: 202, value: value, headers: ["Location": location])
  }

  public static var noContent: Reply { Reply(status: 204, value: nil) }
  public static var notModified: Reply { Reply(status: 304, value: nil) }

  func response(isPrivate: Bool) -> Response {
    var response = Response(status: status, headers: headers)
    if let value {
      response.contentType = "application/json"
      response.body = FieldJSON.encode(value)
    }
    response.isPrivate = isPrivate
    return response
  }
}

/// The headers that tie answers to log positions.
public enum LogPosition {
  public static let commitHeader = "X-Commit-LSN"
  public static let snapshotHeader = "X-Snapshot-LSN"
  public static let minimumHeader = "X-Min-LSN"

  /// The position that the client wants to see at least; 400 when it is not a number.
  public static func minimum(of request: Request) throws(APIError) -> UInt64? {
    guard let text = request.headers[minimumHeader] else { return nil }
    guard let lsn = UInt64(text) else {
      throw APIError(.invalidInput, "\(minimumHeader) must be a log position.")
    }
    return lsn
  }
}

extension Reply {
  /// The same reply, naming the commit that made it durable.
  public func committed(at lsn: UInt64) -> Reply {
    var reply = self
    reply.headers[LogPosition.commitHeader] = String(lsn)
    return reply
  }

  /// The same reply, naming the position that was read.
  public func read(at lsn: UInt64) -> Reply {
    var reply = self
    reply.headers[LogPosition.snapshotHeader] = String(lsn)
    return reply
  }
}
