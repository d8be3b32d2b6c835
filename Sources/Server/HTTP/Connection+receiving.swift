// Connection, the receiving half: from decoded parts to one checked request.

import Bytes
import NIOCore
import NIOHTTP1

extension Connection {
  func receive(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head): receiveHead(head)
    case .body(let buffer): receiveBody(buffer)
    case .end: receiveEnd()
    }
  }

  private func receiveHead(_ head: HTTPRequestHead) {
    startedAt = .now()
    phase = .receiving
    deadline = startedAt + .milliseconds(state.options.bodyTimeoutMillis)
    isBodyGzipped = false
    isHead = head.method == .HEAD
    isHTTP10 = head.version.minor == 0
    let headers = Headers(head.headers)
    let offered = headers["X-Request-Id"]
    forgetRequest()
    requestID = offered.flatMap { Request.isSaneID($0) ? $0 : nil } ?? state.makeRequestID()
    // The decoder stops after a request that asks for another protocol, so it is the last one.
    let upgrades = head.method == .CONNECT || headers.contains("Upgrade")
    keepsAlive = head.isKeepAlive && !upgrades && !state.isDraining
    guard let target = RequestTarget(head.uri) else {
      return refuse(
        APIError(.invalidInput, "The request target is not a path in clean UTF-8 escapes."))
    }
    let request = Request(
      method: Method(head.method), target: target, headers: headers, id: requestID,
      remoteAddress: state.options.trustedProxies.isEmpty
        ? remoteAddress
        : ClientAddress.behind(
          remoteAddress, headers.all("X-Forwarded-For"), trusting: state.options.trustedProxies))
    self.request = request
    codingOfTag = nil
    for name in ["If-None-Match", "If-Match"] {
      guard let list = headers[name] else { continue }
      let (tags, coding) = ContentCoding.plainTags(list)
      guard let coding else { continue }
      self.request?.headers[name] = tags
      codingOfTag = coding
    }
    do throws(APIError) {
      try checkFraming(request)
    } catch {
      refuse(error)
    }
  }

  /// Refuses what two HTTP implementations could read differently, and a body that is too large
  /// before it is sent.
  private func checkFraming(_ request: Request) throws(APIError) {
    let headers = request.headers
    let hosts = headers.all("Host")
    if hosts.count > 1 || (hosts.isEmpty && !isHTTP10) {
      throw APIError(.invalidInput, "Exactly one Host header field is needed.")
    }
    let lengths = headers.all("Content-Length")
    let codings = headers.all("Transfer-Encoding")
    if lengths.count > 1 {
      throw APIError(.invalidInput, "Content-Length must not be repeated.")
    }
    if !codings.isEmpty {
      guard codings.count == 1, codings[0].lowercased() == "chunked", lengths.isEmpty, !isHTTP10
      else {
        throw APIError(
          .invalidInput, "Transfer-Encoding must be chunked alone, without Content-Length.")
      }
    }
    if isStream, headers.count > state.options.headerFieldsMax {
      throw APIError(
        .invalidInput, "The header fields are too large or too many.", status: 431)
    }
    // In HTTP/2 a body needs neither field.
    let hasBody = isStream || !codings.isEmpty || (lengths.first.map { $0 != "0" } ?? false)
    guard hasBody else { return }
    bodyBytesMax = state.handler.bodyBytesMax(for: request) ?? state.options.bodyBytesMax
    if let text = lengths.first {
      guard let length = Int(text), length >= 0 else {
        throw APIError(.invalidInput, "Content-Length is not a number of bytes.")
      }
      if length > bodyBytesMax { throw bodyTooLarge() }
    }
    if let coding = headers["Content-Encoding"]?.lowercased(), coding != "identity" {
      guard coding == "gzip" || coding == "x-gzip", headers.all("Content-Encoding").count == 1
      else {
        throw APIError(
          .invalidInput, "Content-Encoding may be gzip, once.", status: 415,
          headers: ["Accept-Encoding": "gzip"])
      }
      isBodyGzipped = true
    }
    guard let expectation = headers["Expect"] else { return }
    guard expectation.lowercased() == "100-continue" else {
      throw APIError(.invalidInput, "Only the expectation 100-continue can be met.", status: 417)
    }
    if !isHTTP10, let context {
      context.writeAndFlush(
        wrapOutboundOut(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
    }
  }

  private func bodyTooLarge() -> APIError {
    APIError(
      .validation, "The body may have at most \(bodyBytesMax) bytes.", status: 413,
      details: [.init("bodyBytesMax", .int(Int64(bodyBytesMax)))])
  }

  private func receiveBody(_ buffer: ByteBuffer) {
    guard phase == .receiving, let count = request?.body.count else { return }
    if buffer.readableBytes > bodyBytesMax - count { return refuse(bodyTooLarge()) }
    guard state.bodyBytes + buffer.readableBytes <= state.bodyBytesMax else {
      return refuse(
        APIError(
          .serviceUnavailable, "The server holds as many unfinished requests as it can.",
          headers: ["Retry-After": "1"]))
    }
    state.bodyBytes += buffer.readableBytes
    heldBytes += buffer.readableBytes
    request?.body.append(contentsOf: buffer.readableBytesView)
  }

  private func receiveEnd() {
    guard phase == .receiving, let request, bound != nil else { return }
    phase = .handling
    exchange &+= 1
    deadline = startedAt + .milliseconds(state.options.requestTimeoutMillis)
    if isBodyGzipped { return inflateElsewhere(request.body) }
    handle(request)
  }

  private func handle(_ request: Request) {
    guard let bound else { return }
    let responder = Responder(
      requestID: requestID, path: request.path, connection: bound, exchange: exchange)
    state.handler.handle(request, responder)
  }

  /// On a thread of the server's pool: a few bytes can be a megabyte.
  private func inflateElsewhere(_ bytes: [UInt8]) {
    guard let bound else { return }
    let (exchange, bytesMax) = (exchange, bodyBytesMax)
    state.pool.submit { poolState in
      let result: Result<[UInt8], InflateError> =
        if case .active = poolState {
          Result { () throws(InflateError) in try Inflater.gunzip(bytes, bytesMax: bytesMax) }
        } else {
          .failure(.malformed)
        }
      bound.eventLoop.execute { bound.value.inflated(result, exchange) }
    }
  }

  private func inflated(_ result: Result<[UInt8], InflateError>, _ exchange: UInt64) {
    guard phase == .handling, exchange == self.exchange, var request else { return }
    switch result {
    case .success(let body):
      state.bodyBytes += body.count - heldBytes
      heldBytes = body.count
      request.body = body
      self.request = request
      handle(request)
    case .failure(.tooLarge): refuse(bodyTooLarge())
    case .failure(.malformed):
      refuse(APIError(.invalidInput, "The body is not one whole gzip member."))
    }
  }

  /// What a client is told about bytes that the decoder did not accept; `nil` when the connection
  /// itself failed and nobody is there to be told.
  static func refusal(for error: any Error) -> APIError? {
    switch error {
    case HTTPParserError.headerOverflow, is ByteToMessageDecoderError.PayloadTooLargeError:
      APIError(.invalidInput, "The header fields are too large or too many.", status: 431)
    case HTTPParserError.invalidVersion:
      APIError(.invalidInput, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    case HTTPParserError.invalidMethod:
      APIError(.invalidInput, "The request's method is not known.")
    case HTTPParserError.invalidEOFState:
      APIError(.invalidInput, "The request ended before it was complete.")
    case is HTTPParserError:
      APIError(.invalidInput, "These bytes are not an HTTP/1.1 request.")
    default: nil
    }
  }
}

extension Method {
  init(_ method: HTTPMethod) {
    switch method {
    case .GET: self = .get
    case .HEAD: self = .head
    case .POST: self = .post
    case .PUT: self = .put
    case .PATCH: self = .patch
    case .DELETE: self = .delete
    case .OPTIONS: self = .options
    default: self = .other
    }
  }
}
