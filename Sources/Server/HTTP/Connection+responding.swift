// Connection, the answering half: from a response to its bytes, and what comes after them.

import NIOCore

extension Connection {
  /// Writes the answer to the exchange under way. One for an older exchange is dropped: that
  /// request timed out, or its client went away.
  func respond(_ response: Response, _ handled: Handled) {
    guard phase == .handling, handled.exchange == exchange else { return }
    let response = withTagOfItsForm(response)
    if response.mayBeCompressed, let coding = wantedCoding {
      guard response.body.count <= Self.compressedInlineBytesMax else {
        return compressElsewhere(response, coding, handled)
      }
      if let bytes = state.compressor.compress(response.body, coding) {
        return finish(response.compressed(coding, bytes), handled)
      }
    }
    finish(response, handled)
  }

  private func finish(_ response: Response, _ handled: Handled) {
    guard phase == .handling, handled.exchange == exchange else { return }
    exchange &+= 1
    if state.isDraining || (isInputClosed && queue.isEmpty) { keepsAlive = false }
    write(response, handled)
    if keepsAlive {
      phase = .waiting
      forgetRequest()
      setDeadline(state.options.idleTimeoutMillis)
      advance()
      resumeReading()
    } else {
      linger()
    }
  }

  /// Answers what cannot be handled, and ends the connection.
  func refuse(_ error: APIError) {
    if request == nil && requestID.isEmpty || phase == .waiting {
      requestID = state.makeRequestID()
      forgetRequest()
      isHead = false
      isHTTP10 = false
      startedAt = .now()
    }
    keepsAlive = false
    exchange &+= 1
    let path = request?.path ?? ""
    write(
      error.response(requestID: requestID, path: path),
      Handled(exchange: exchange, route: -1, marks: AnswerMarks(), failure: nil))
    linger()
  }

  // MARK: Compression

  /// More than this would hold up the other connections of the loop. A cautious bound, not a
  /// measured one.
  private static let compressedInlineBytesMax = 16 * 1024

  private var wantedCoding: ContentCoding? {
    guard let request, request.headers.contains("Accept-Encoding") else { return nil }
    return ContentCoding.preferred(by: request.headers.all("Accept-Encoding"))
  }

  /// A 304 names the tag that the client has, in the form that it has.
  private func withTagOfItsForm(_ response: Response) -> Response {
    guard let codingOfTag, response.status == 304, let tag = response.headers["ETag"] else {
      return response
    }
    var response = response
    response.headers["ETag"] = codingOfTag.tag(for: tag)
    return response
  }

  /// On a thread of the server's pool. The request's deadline still runs, and an answer that comes
  /// after it is dropped as any other.
  private func compressElsewhere(_ response: Response, _ coding: ContentCoding, _ handled: Handled)
  {
    guard let bound else { return }
    state.pool.submit { poolState in
      let bytes: [UInt8]? =
        if case .active = poolState { Compressor().compress(response.body, coding) } else { nil }
      let answer = bytes.map { response.compressed(coding, $0) } ?? response
      bound.eventLoop.execute { bound.value.finish(answer, handled) }
    }
  }

  /// The body is no longer held for this connection.
  func forgetRequest() {
    request = nil
    state.bodyBytes -= heldBytes
    heldBytes = 0
  }

  func answeredTwice(_ requestID: String) {
    state.observer?.warn(
      "a handler answered twice; the second answer was dropped", requestID: requestID)
  }

  private func write(_ response: Response, _ handled: Handled) {
    guard let context else { return }
    let framing = ResponseFraming(
      keepsAlive: keepsAlive, isHTTP10: isHTTP10, isHead: isHead,
      isRead: isHead || request?.method == .get, isTLS: isTLS, requestID: requestID,
      dateLine: state.dateLine, marks: handled.marks, policyLines: state.policyLines)
    var buffer = context.channel.allocator.buffer(
      capacity: 512 + (isHead ? 0 : response.body.count))
    response.write(into: &buffer, framing)
    let bytes = buffer.readableBytes
    context.write(wrapOutboundOut(buffer), promise: nil)
    // Answers to requests of one read leave together, when the read is complete.
    if isReading { needsFlush = true } else { context.flush() }
    guard let observer = state.observer else { return }
    observer.finished(
      Exchange(
        loop: state.index, request: request, route: handled.route, requestID: requestID,
        status: response.status, durationNanos: (NIODeadline.now() - startedAt).nanoseconds,
        bytes: bytes, failure: handled.failure))
  }

  /// Ends the connection after what was written: see invariant 4.
  private func linger() {
    guard let context else { return }
    phase = .lingering
    forgetRequest()
    queue.removeAll()
    deadline = .now() + .milliseconds(state.options.lingerMillis)
    needsFlush = false
    context.flush()
    if isStream {
      // The stream ends when the client has sent the rest, which is dropped; its deadline resets it.
      return
    }
    if isInputClosed {
      // Closing now would drop what the socket has not taken yet; the empty write completes last.
      let bound = bound
      context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
        bound?.value.close()
      }
    } else {
      context.close(mode: .output, promise: nil)
      if holdsRead {
        holdsRead = false
        context.read()
      }
    }
  }
}
