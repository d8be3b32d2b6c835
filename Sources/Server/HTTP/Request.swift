// Request: one HTTP request with its whole body, as handlers see it.

import Bytes

/// The methods that routes can have. Every other token is `other`.
public enum Method: UInt8, Sendable, Hashable, CaseIterable {
  case get, head, post, put, patch, delete, options, other

  /// The token on the wire.
  public var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other: "OTHER"
    }
  }

  /// Whether it asks for a change.
  public var writes: Bool { self == .post || self == .put || self == .patch || self == .delete }
}

/// One HTTP request.
public struct Request: Sendable {
  /// What never changes, behind one reference: a request is copied into several closures on its way.
  private final class Line: Sendable {
    let method: Method
    let target: RequestTarget
    let id: String
    let remoteAddress: String
    let prefixSegments: Int

    init(_ method: Method, _ target: RequestTarget, _ id: String, _ remoteAddress: String) {
      self.method = method
      self.target = target
      self.id = id
      self.remoteAddress = remoteAddress
      let segments = target.segments
      prefixSegments =
        segments.first != "api" ? 0 : segments.count > 1 && segments[1] == "v1" ? 2 : 1
    }
  }

  private let line: Line
  public internal(set) var headers: Headers
  /// The body, without transfer coding; empty when there was none.
  public internal(set) var body: [UInt8] = []
  /// Who asks; filled by the router from the authentication hook.
  public internal(set) var principal: Principal?

  init(
    method: Method, target: RequestTarget, headers: Headers, id: String, remoteAddress: String
  ) {
    line = Line(method, target, id, remoteAddress)
    self.headers = headers
  }

  public var method: Method { line.method }
  /// The path as it was sent, still encoded, without the query.
  public var path: String { line.target.path }
  /// The path split at `/`, each segment percent-decoded once.
  public var segments: [String] { line.target.segments }
  /// The query as it was sent, without the question mark.
  public var rawQuery: String { line.target.rawQuery }
  public var query: QueryParameters { line.target.query }
  /// `X-Request-Id` when the client sent a sane one, else made by the server.
  public var id: String { line.id }
  /// The client's address without its port: the peer's, or what a trusted proxy says; empty when
  /// the peer is gone already.
  public var remoteAddress: String { line.remoteAddress }
  /// Segments that belong to the `/api/v1` or `/api` prefix.
  var prefixSegments: Int { line.prefixSegments }
  /// True when the path carries the `/api` or `/api/v1` prefix.
  public var isUnderAPIPrefix: Bool { prefixSegments > 0 }

  /// The media type of the body in lower case, without its parameters; `nil` when not stated.
  public var mediaType: String? {
    guard let value = headers["Content-Type"] else { return nil }
    let end = value.firstIndex(of: ";") ?? value.endIndex
    return value[..<end].filter { $0 != " " && $0 != "\t" }.lowercased()
  }

  /// True when `Accept` names `text/html` with at least the weight of JSON, as browsers do.
  public var prefersHTML: Bool {
    guard let accept = headers["Accept"], accept.contains("html") else { return false }
    var html = 0.0
    var json = 0.0
    for range in accept.split(separator: ",") {
      let parts = range.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
      guard let type = parts.first else { continue }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap {
        Double($0.dropFirst(2))
      }
      if type == "text/html" { html = max(html, weight ?? 1) }
      if type == "application/json" { json = max(json, weight ?? 1) }
    }
    return html > 0 && html >= json
  }

  /// True for 8 to 128 bytes of letters, digits, `-`, `_`, `.`, `:`: text that is safe in a log
  /// line and in a header.
  static func isSaneID(_ text: String) -> Bool {
    guard (8...128).contains(text.utf8.count) else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"): true
      default: false
      }
    }
  }
}
