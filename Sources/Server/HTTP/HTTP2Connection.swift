// HTTP2Connection: what is one connection's own in HTTP/2: its place among the loop's connections, its
// idle time and its end by GOAWAY. Each of its streams is a `Connection`, with the same limits and
// deadlines as one of HTTP/1.1; the library bounds resets, pings, settings and header blocks.

import NIOCore
import NIOHTTP2

final class HTTP2Connection: ChannelInboundHandler, LoopMember {
  typealias InboundIn = HTTP2Frame

  /// Requests of one client at once; what browsers and RFC 9113 expect at least.
  static let streamsMax = 100

  private let state: LoopState
  private var context: ChannelHandlerContext?
  private var streams = 0
  private var isQuiescing = false
  private var deadline: NIODeadline

  init(_ state: LoopState) {
    self.state = state
    deadline = .now() + .milliseconds(state.options.idleTimeoutMillis)
  }

  /// The handlers of a connection that speaks HTTP/2.
  static func addHandlers(to channel: any Channel, _ state: LoopState) throws {
    let loopBound = NIOLoopBound(state, eventLoop: channel.eventLoop)
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: streamsMax),
      HTTP2Setting(parameter: .maxHeaderListSize, value: state.options.headerBytesMax),
      HTTP2Setting(parameter: .enablePush, value: 0),
    ]
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.outboundBufferSizeHighWatermark = state.options.writeBufferBytesMax
    stream.outboundBufferSizeLowWatermark = state.options.writeBufferBytesMax / 2
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: nil, keepalive: nil))
    let own = HTTP2Connection(state)
    let streams = StreamCounter(
      management: management.http2StreamDelegate,
      own: NIOLoopBound(own, eventLoop: channel.eventLoop))
    let handler = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
      streamConfiguration: stream, streamDelegate: streams
    ) { channel in
      channel.eventLoop.makeCompletedFuture {
        let progress = WriteProgress()
        try channel.pipeline.syncOperations.addHandlers([
          HTTP2FramePayloadToHTTP1ServerCodec(), HTTP2Answer(progress),
          Connection(loopBound.value, isTLS: true, stream: progress),
        ])
      }
    }
    try channel.pipeline.syncOperations.addHandlers([handler, management, own])
  }

  /// Tells both who must know of the library's streams.
  private struct StreamCounter: NIOHTTP2StreamDelegate {
    let management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate
    let own: NIOLoopBound<HTTP2Connection>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
      management.streamCreated(id, channel: channel)
      own.value.streamOpened()
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
      management.streamClosed(id, channel: channel)
      own.value.streamEnded()
    }
  }

  private func streamOpened() {
    streams += 1
    deadline = .distantFuture
  }

  private func streamEnded() {
    streams -= 1
    guard streams == 0 else { return }
    let millis = isQuiescing ? state.options.lingerMillis : state.options.idleTimeoutMillis
    deadline = .now() + .milliseconds(millis)
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
    state.remove(self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed {
      // Nobody reads the answers of streams whose connection has ended.
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // An error of one stream is that stream's; the library ends the connection for the others.
    if error is NIOHTTP2Errors.StreamError { return }
    context.close(promise: nil)
  }

  /// GOAWAY; the connection closes when its last stream has ended.
  private func quiesce() {
    guard !isQuiescing, let context else { return }
    isQuiescing = true
    context.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
  }

  // MARK: LoopMember

  var isConnection: Bool { true }

  func checkDeadline(_ now: NIODeadline) {
    guard now >= deadline else { return }
    guard isQuiescing else {
      deadline = now + .milliseconds(state.options.lingerMillis)
      return quiesce()
    }
    close()
  }

  func closeIfIdle() {
    quiesce()
    if streams == 0 { deadline = .now() + .milliseconds(state.options.lingerMillis) }
  }

  func close() { context?.close(promise: nil) }
}
