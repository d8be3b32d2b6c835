// Connection: one client's HTTP/1.1 connection, from accepted bytes to ordered answers.
//
//             head                 end                    answer
//   waiting ────────▶ receiving ─────────▶ handling ─────────────────▶ waiting
//      │                  │                    │                          │
//      └──── malformed, too large, too late, last answer, half-closed ────┴──▶ lingering ▶ closed
//
// Invariants
// 1. One request is handled at a time. What the client sends meanwhile waits in `queue`, and the
//    socket is not read, so the queue holds at most what one read delivered.
// 2. Answers leave in the order of their requests, because the next one starts after the answer.
// 3. After a malformed request nothing more of this connection is interpreted: where its next
//    request would begin is unknown (request smuggling).
// 4. A connection that ends with an answer shuts its sending side first, and reads and drops what
//    still comes for a bounded time: closing with unread bytes would reset it.
// 5. All of it runs on the connection's event loop.
// 6. A stream of HTTP/2 is a connection with one request; its end is the stream's.

import NIOCore
import NIOHTTP1

final class Connection: ChannelDuplexHandler, LoopMember {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  enum Phase: Equatable {
    case waiting, receiving, handling, lingering, closed
  }

  /// What waits its turn.
  enum Item {
    case part(HTTPServerRequestPart)
    case malformed(APIError)
  }

  let state: LoopState
  let isTLS: Bool
  /// Of a stream of HTTP/2; nil for HTTP/1.
  private let stream: WriteProgress?
  var phase = Phase.waiting
  var queue = CircularBuffer<Item>()
  var context: ChannelHandlerContext?
  var bound: NIOLoopBound<Connection>?
  var remoteAddress = ""

  /// The request being received or handled.
  var request: Request?
  var requestID = ""
  var bodyBytesMax = 0
  /// Bytes of its body so far, which the loop counts too.
  var heldBytes = 0
  var isBodyGzipped = false
  /// The form that a tag of the request's conditions was of.
  var codingOfTag: ContentCoding?
  var isHead = false
  var isHTTP10 = false
  var keepsAlive = true
  var startedAt = NIODeadline.uptimeNanoseconds(0)
  /// Counts exchanges, so that an answer to one that timed out is recognised.
  var exchange: UInt64 = 0

  var isInputClosed = false
  var hasPartialHead = false
  var sawPart = false
  var holdsRead = false
  var needsFlush = false
  var isReading = false
  var isAdvancing = false
  var deadline = NIODeadline.distantFuture
  var unwritableSince: NIODeadline?
  /// What was still to be sent, or had been, when that was last looked at.
  private var lastProgress = 0

  init(_ state: LoopState, isTLS: Bool = false, stream: WriteProgress? = nil) {
    self.state = state
    self.isTLS = isTLS
    self.stream = stream
  }

  var isStream: Bool { stream != nil }
  var isConnection: Bool { !isStream }

  // MARK: Life cycle

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    // A stream has no address of its own, and traps when its context is asked for one.
    let remote = isStream ? context.channel.parent?.remoteAddress : context.remoteAddress
    remoteAddress = remote?.ipAddress ?? ""
    state.add(self)
    setDeadline(state.options.idleTimeoutMillis)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  private func end() {
    guard phase != .closed || context != nil else { return }
    phase = .closed
    exchange &+= 1
    queue.removeAll()
    forgetRequest()
    context = nil
    bound = nil
    state.remove(self)
  }

  /// Closes the connection now.
  func close() {
    phase = .closed
    context?.close(promise: nil)
  }

  /// Closes a connection that owes nobody an answer; called when the server drains.
  func closeIfIdle() {
    if phase == .waiting && queue.isEmpty && !hasPartialHead { close() }
  }

  // MARK: Bytes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    sawPart = true
    isReading = true
    hasPartialHead = false
    guard phase != .lingering, phase != .closed else { return }
    let part = unwrapInboundIn(data)
    if phase == .handling || !queue.isEmpty || !context.channel.isWritable {
      queue.append(.part(part))
    } else {
      receive(part)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    // Bytes came and completed nothing: the beginning of a head, whose time now runs.
    if !sawPart, phase == .waiting, !hasPartialHead {
      hasPartialHead = true
      setDeadline(state.options.headerTimeoutMillis)
    }
    sawPart = false
    if needsFlush {
      needsFlush = false
      state.flushAtEndOfTurn(context)
    }
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard phase != .lingering, phase != .closed else { return }
    guard let refusal = Self.refusal(for: error) else { return close() }
    if phase == .handling || !queue.isEmpty {
      queue.append(.malformed(refusal))
    } else {
      refuse(refusal)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed {
      isInputClosed = true
      hasPartialHead = false
      if phase == .handling || (phase == .waiting && !queue.isEmpty) { return }
      close()
      return
    }
    context.fireUserInboundEventTriggered(event)
  }

  func read(context: ChannelHandlerContext) {
    if phase == .handling || !context.channel.isWritable {
      holdsRead = true
    } else {
      context.read()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      unwritableSince = nil
      advance()
      resumeReading()
    } else {
      unwritableSince = .now()
    }
    context.fireChannelWritabilityChanged()
  }

  /// Takes from the queue what waits there, one request after the other. The flag keeps an answer
  /// that is given within `receive` from entering again: the stack must not grow with the number
  /// of pipelined requests.
  func advance() {
    guard !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    while phase == .waiting || phase == .receiving, context?.channel.isWritable == true,
      let item = queue.popFirst()
    {
      switch item {
      case .part(let part): receive(part)
      case .malformed(let error): refuse(error)
      }
    }
    if phase == .waiting, queue.isEmpty, isInputClosed { close() }
  }

  func resumeReading() {
    guard holdsRead, phase != .handling, let context, context.channel.isWritable else { return }
    holdsRead = false
    context.read()
  }

  // MARK: Deadlines

  func setDeadline(_ millis: Int64) {
    deadline = .now() + .milliseconds(millis)
  }

  /// Called by the sweep of the loop.
  func checkDeadline(_ now: NIODeadline) {
    if let since = unwritableSince,
      now - since > .milliseconds(state.options.writeTimeoutMillis)
    {
      guard readerProgresses() else { return close() }
      unwritableSince = now
    }
    guard now >= deadline else { return }
    // An answer that its reader still takes is not cut off.
    if phase == .waiting || phase == .lingering, readerProgresses() {
      return setDeadline(state.options.writeTimeoutMillis)
    }
    switch phase {
    case .waiting where hasPartialHead:
      refuse(
        APIError(.invalidInput, "The request's header fields came too slowly.", status: 408))
    case .receiving:
      refuse(APIError(.invalidInput, "The request's body came too slowly.", status: 408))
    case .handling:
      deadline = .distantFuture
      let error = APIError(
        .serviceUnavailable, "The request took too long and was given up; its effect is unknown.",
        headers: ["Retry-After": "1"])
      let response = error.response(requestID: requestID, path: request?.path ?? "")
      respond(
        response,
        Handled(exchange: exchange, route: -1, marks: AnswerMarks(), failure: "request timeout"))
    case .waiting, .lingering, .closed:
      close()
    }
  }

  /// True when bytes left since this was last asked and some are still to be sent.
  private func readerProgresses() -> Bool {
    if let stream {
      defer { lastProgress = stream.chunks }
      return stream.chunks != lastProgress && context?.channel.isWritable == false
    }
    let option = ChannelOptions.bufferedWritableBytes
    // A channel that does not know has nothing to say in favour of its reader.
    guard let left = try? context?.channel.syncOptions?.getOption(option), left > 0 else {
      lastProgress = 0
      return false
    }
    defer { lastProgress = left }
    return lastProgress == 0 || left < lastProgress
  }
}
