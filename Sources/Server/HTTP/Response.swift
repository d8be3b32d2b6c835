// Response: what a handler answers, and its bytes on the wire.
//
// Invariants
// 1. `Content-Length` is always the server's own; a handler cannot contradict its body.
// 2. No header value reaches the wire with a control character (response splitting).
// 3. 1xx, 204 and 304 have no body, HEAD has the headers of GET and no body (RFC 9110, 6.4.1).

import NIOCore

/// One HTTP response.
public struct Response: Sendable {
  public var status: Int
  public var headers: Headers
  public var body: [UInt8]
  /// Named apart from `headers` because nearly every response has it and only it.
  public var contentType: String?
  /// Answered to someone known: not for shared caches unless `Cache-Control` is set.
  public var isPrivate = false

  public init(
    status: Int, headers: Headers = Headers(), contentType: String? = nil, body: [UInt8] = []
  ) {
    self.status = status
    self.headers = headers
    self.contentType = contentType
    self.body = body
  }

  public static func json(_ body: [UInt8], status: Int = 200) -> Response {
    Response(status: status, contentType: "application/json", body: body)
  }

  public static func text(_ text: String, status: Int = 200) -> Response {
    Response(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }

  public static func html(_ text: String, status: Int = 200) -> Response {
    Response(status: status, contentType: "text/html; charset=utf-8", body: Array(text.utf8))
  }
}

/// What the connection adds to a response.
struct ResponseFraming {
  var keepsAlive: Bool
  var isHTTP10: Bool
  var isHead: Bool
  /// GET or HEAD.
  var isRead = false
  var isTLS = false
  var requestID: String
  /// `Date: …\r\n`, made once a second by the loop.
  var dateLine: [UInt8]
  var marks = AnswerMarks()
  /// The line of each set of policies.
  var policyLines: [[UInt8]] = []
}

extension Response {
  private static let securityLines: StaticString =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
  private static let jsonLines: StaticString =
    """
    X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
    Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n
    """
  /// A page has its own style and script files, and nothing in line or from elsewhere.
  private static let pagePolicyLine: StaticString =
    """
    Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'\r\n
    """
  /// Half a year. Browsers heed it over TLS only, and not for addresses.
  private static let transportLine: StaticString =
    "Strict-Transport-Security: max-age=15552000\r\n"
  private static let privateLine: StaticString = "Cache-Control: private, no-store\r\n"
  private static let varyLine: StaticString = "Vary: Accept-Encoding\r\n"
  private static let neverLine: StaticString = "Cache-Control: no-store\r\n"
  /// Guests see the same, a minute old at most unless the server is away (conventions, 4.7). A cache
  /// must not give it to somebody who signed in, nor in a form that was not asked for.
  private static let sharedLines: StaticString =
    """
    Cache-Control: public, max-age=60, stale-while-revalidate=300\r\n\
    Vary: Accept, Accept-Encoding, Accept-Language, Authorization, Cookie\r\n
    """

  /// Appends the whole response to `buffer`.
  func write(into buffer: inout ByteBuffer, _ framing: ResponseFraming) {
    buffer.writeStaticString("HTTP/1.1 ")
    Self.writeDecimal(status, into: &buffer)
    buffer.writeStaticString(" ")
    buffer.writeStaticString(Self.reason(status))
    buffer.writeStaticString("\r\n")
    buffer.writeBytes(framing.dateLine)
    writeFields(into: &buffer, framing)
    if framing.marks.policies != 0 { Self.writeQuota(framing, into: &buffer) }
    buffer.writeStaticString("X-Request-Id: ")
    buffer.writeString(framing.requestID)
    if !framing.keepsAlive {
      buffer.writeStaticString("\r\nConnection: close")
    } else if framing.isHTTP10 {
      buffer.writeStaticString("\r\nConnection: keep-alive")
    }
    let hasBody = status >= 200 && status != 204 && status != 304
    if hasBody {
      buffer.writeStaticString("\r\nContent-Length: ")
      Self.writeDecimal(body.count, into: &buffer)
    }
    buffer.writeStaticString("\r\n\r\n")
    if hasBody && !framing.isHead { buffer.writeBytes(body) }
  }

  /// What is left of the quotas (draft-ietf-httpapi-ratelimit-headers).
  private static func writeQuota(_ framing: ResponseFraming, into buffer: inout ByteBuffer) {
    let marks = framing.marks
    let line = Int(marks.policies)
    if framing.policyLines.indices.contains(line) { buffer.writeBytes(framing.policyLines[line]) }
    buffer.writeStaticString("RateLimit: \"")
    switch marks.tightest {
    case .global: buffer.writeStaticString("global")
    case .auth: buffer.writeStaticString("auth")
    case .account: buffer.writeStaticString("account")
    }
    buffer.writeStaticString("\";r=")
    writeDecimal(marks.remaining, into: &buffer)
    buffer.writeStaticString(";t=")
    writeDecimal(marks.seconds, into: &buffer)
    buffer.writeStaticString("\r\n")
  }

  private func writeFields(into buffer: inout ByteBuffer, _ framing: ResponseFraming) {
    if let contentType { Self.writeField("Content-Type", contentType, into: &buffer) }
    var hasPolicy = false
    var hasCacheControl = false
    if !headers.isEmpty {
      for (name, value) in headers.fields where !Self.isServersOwn(name) {
        Self.writeField(name, value, into: &buffer)
      }
      hasPolicy = headers.contains("Content-Security-Policy")
      hasCacheControl = headers.contains("Cache-Control")
    }
    if !hasPolicy, !(contentType?.hasPrefix("text/html") ?? false) {
      buffer.writeStaticString(Self.jsonLines)
    } else {
      buffer.writeStaticString(Self.securityLines)
      if !hasPolicy { buffer.writeStaticString(Self.pagePolicyLine) }
    }
    if framing.isTLS { buffer.writeStaticString(Self.transportLine) }
    if hasCacheControl, isCompressible { buffer.writeStaticString(Self.varyLine) }
    if !hasCacheControl { buffer.writeStaticString(cacheLines(framing)) }
  }

  private func cacheLines(_ framing: ResponseFraming) -> StaticString {
    if isPrivate { return Self.privateLine }
    switch framing.marks.audience {
    case .personal: return Self.privateLine
    case .everyone where framing.isRead && (status == 200 || status == 304):
      return Self.sharedLines
    case .everyone, .unknown: return Self.neverLine
    }
  }

  private static func isServersOwn(_ name: String) -> Bool {
    switch name.utf8.count {
    case 4: name.lowercased() == "date"
    case 10: name.lowercased() == "connection"
    case 12: name.lowercased() == "x-request-id"
    case 14: name.lowercased() == "content-length"
    case 17: name.lowercased() == "transfer-encoding"
    default: false
    }
  }

  private static func writeField(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
    guard isClean(name), !name.isEmpty else { return }
    buffer.writeString(name)
    buffer.writeStaticString(": ")
    if isClean(value) {
      buffer.writeString(value)
    } else {
      buffer.writeBytes(value.utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 })
    }
    buffer.writeStaticString("\r\n")
  }

  private static func isClean(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }

  private static func writeDecimal(_ value: Int, into buffer: inout ByteBuffer) {
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    var first = 20
    var rest = UInt(value.magnitude)
    repeat {
      first -= 1
      digits[first] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
      rest /= 10
    } while rest > 0
    while first < 20 {
      buffer.writeInteger(digits[first])
      first += 1
    }
  }

  private static func reason(_ status: Int) -> StaticString {
    switch status {
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 402: "Payment Required"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 416: "Range Not Satisfiable"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    default: "Status"
    }
  }
}
