// TLSAcceptor: waits for the end of a handshake, a bounded time, and then puts the handlers of the
// protocol that was agreed on into the pipeline.
//
//   TLS ─▶ TLSAcceptor ─▶ h2: HTTP2Connection and its streams
//                       └▶ else: the HTTP/1.1 handlers

import NIOCore
import NIOTLS

final class TLSAcceptor: ChannelInboundHandler, LoopMember {
  typealias InboundIn = ByteBuffer

  private let state: LoopState
  private let proceed: (any Channel, Bool) throws -> Void
  private var context: ChannelHandlerContext?
  private var deadline: NIODeadline
  private var isDone = false

  /// - Parameter proceed: adds the handlers behind this one; true for HTTP/2.
  init(_ state: LoopState, proceed: @escaping (any Channel, Bool) throws -> Void) {
    self.state = state
    self.proceed = proceed
    deadline = .now() + .milliseconds(state.options.headerTimeoutMillis)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    state.add(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  private func end() {
    context = nil
    isDone = true
    state.remove(self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if !isDone, let event = event as? TLSUserEvent,
      case .handshakeCompleted(let agreed) = event
    {
      isDone = true
      let channel = context.channel
      do { try proceed(channel, agreed == "h2") } catch { context.close(promise: nil) }
      // The protocol's own handler has joined the loop before this one leaves it.
      state.remove(self)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A handshake that failed has no request that could be answered.
    guard !isDone else { return context.fireErrorCaught(error) }
    context.close(promise: nil)
  }

  // MARK: LoopMember

  var isConnection: Bool { false }

  func checkDeadline(_ now: NIODeadline) {
    if !isDone, now >= deadline { close() }
  }

  func closeIfIdle() { close() }

  func close() { context?.close(promise: nil) }
}
