// Connection, the answering half: from a response to its bytes, and what comes after them.

import NIOCore

extension Connection {
  /// Writes the answer to the exchange under way. One for an older exchange is dropped: that
  /// request timed out, or its client went away.
  func respond(_ response: Response, _ handled: Handled) {
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
      isRead: isHead || request?.method == .get, requestID: requestID,
      dateLine: state.dateLine, marks: handled.marks, policyLines: state.policyLines)
    var buffer = context.channel.allocator.buffer(
      capacity: 512 + (isHead ? 0 : response.body.count))
    response.write(into: &buffer, framing)
    context.write(wrapOutboundOut(buffer), promise: nil)
    // Answers to requests of one read leave together, when the read is complete.
    if isReading { needsFlush = true } else { context.flush() }
    guard let observer = state.observer else { return }
    observer.finished(
      Exchange(
        loop: state.index, request: request, route: handled.route, requestID: requestID,
        status: response.status, durationNanos: (NIODeadline.now() - startedAt).nanoseconds,
        failure: handled.failure))
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
