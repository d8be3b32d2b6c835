// HTTPServer: binds, accepts, and ends in order.
//
// Life: init → start → (serving) → drain. One listening socket; accepted connections are dealt to
// the event loops in turn, and each stays on its loop for life. With TLS there is a second socket, on
// loopback and without TLS, for this program's own command line.

import Bytes
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP/1.1 server over event loops, without a task or a thread for each request.
public final class HTTPServer: Sendable {
  /// Where the server listens.
  public struct Address: Sendable, CustomStringConvertible {
    public var host: String
    public var port: Int
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// How a drain ended.
  public struct DrainReport: Sendable, Equatable {
    /// Connections that were closed with a request unfinished.
    public var unfinishedConnections: Int
  }

  private struct Running {
    var group: MultiThreadedEventLoopGroup
    var listeners: [any Channel]
    var pool: NIOThreadPool
    var states: [NIOLoopBound<LoopState>]
  }

  /// Threads that compress and inflate what is too long for an event loop.
  private static let poolThreads = 2

  private let options: ServerOptions
  private let handler: any RequestHandler
  private let observer: (any ServerObserver)?
  private let running = Mutex<Running?>(nil)
  private let connectionCount = Atomic<Int>(0)
  private let identity: Mutex<TLSIdentity?>
  private let local = Late<Address>()

  public init(
    options: ServerOptions = ServerOptions(), handler: any RequestHandler,
    observer: (any ServerObserver)? = nil
  ) {
    self.options = options
    self.handler = handler
    self.observer = observer
    identity = Mutex(options.tls)
  }

  public var isTLS: Bool { options.tls != nil }

  /// Where the server speaks HTTP without TLS, on this machine only; set when it listens.
  public var localAddress: Address? { local.current }

  /// Handshakes from now on show `identity`. For a server that was started with TLS.
  public func renew(_ identity: TLSIdentity) {
    self.identity.withLock { $0 = identity }
  }

  public convenience init(
    options: ServerOptions = ServerOptions(),
    handler: @escaping @Sendable (Request, Responder) -> Void
  ) {
    self.init(options: options, handler: ClosureHandler(handler))
  }

  /// The number of event loops that `options` ask for.
  public static func loopCount(_ options: ServerOptions) -> Int {
    max(1, options.loops ?? System.coreCount)
  }

  /// Binds and serves; returns the bound address. Blocks for the moment that binding takes, so it
  /// must not be called on an event loop. Throws when the address cannot be bound.
  public func start() throws -> Address {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: Self.loopCount(options))
    let pool = NIOThreadPool(numberOfThreads: Self.poolThreads)
    pool.start()
    var states: [NIOLoopBound<LoopState>] = []
    var byLoop: [ObjectIdentifier: NIOLoopBound<LoopState>] = [:]
    for (index, loop) in group.makeIterator().enumerated() {
      let (options, handler, observer) = (options, handler, observer)
      let state = try loop.submit {
        let state = LoopState(
          index: index, loop: loop, options: options, handler: handler, observer: observer,
          pool: pool)
        state.start()
        return NIOLoopBound(state, eventLoop: loop)
      }.wait()
      states.append(state)
      byLoop[ObjectIdentifier(loop)] = state
    }
    var listeners: [any Channel] = []
    do {
      let bound = try bootstrap(group, byLoop, isTLS: isTLS)
        .bind(host: options.host, port: options.port).wait()
      listeners.append(bound)
      let address = Address(of: bound, options)
      local.set(address)
      if isTLS {
        let inside = try bootstrap(group, byLoop, isTLS: false).bind(host: "127.0.0.1", port: 0)
          .wait()
        listeners.append(inside)
        local.set(Address(of: inside, options))
      }
      running.withLock {
        $0 = Running(group: group, listeners: listeners, pool: pool, states: states)
      }
      return address
    } catch {
      try? group.syncShutdownGracefully()
      try? pool.syncShutdownGracefully()
      throw error
    }
  }

  private func bootstrap(
    _ group: MultiThreadedEventLoopGroup, _ states: [ObjectIdentifier: NIOLoopBound<LoopState>],
    isTLS: Bool
  ) -> ServerBootstrap {
    let highMark = options.writeBufferBytesMax
    let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: highMark / 2, high: highMark)
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.writeBufferWaterMark, value: waterMark)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { [self] channel in
        guard let state = states[ObjectIdentifier(channel.eventLoop)] else {
          return channel.eventLoop.makeFailedFuture(ChannelError.inappropriateOperationForState)
        }
        return channel.eventLoop.makeCompletedFuture {
          try accept(channel, state.value, isTLS: isTLS)
        }
      }
  }

  private func accept(_ channel: any Channel, _ state: LoopState, isTLS: Bool) throws {
    let count = connectionCount.add(1, ordering: .relaxed).newValue
    channel.closeFuture.whenComplete { [self] _ in
      connectionCount.subtract(1, ordering: .relaxed)
    }
    let operations = channel.pipeline.syncOperations
    if count > options.connectionsMax {
      if isTLS {
        channel.close(promise: nil)
      } else {
        try operations.addHandler(RefusingHandler(dateLine: state.dateLine))
      }
      return
    }
    guard isTLS, let identity = identity.withLock({ $0 }) else {
      return try addHTTP1(to: channel, state, isTLS: false)
    }
    let acceptor = TLSAcceptor(state) { [self] channel, isHTTP2 in
      if isHTTP2 {
        try HTTP2Connection.addHandlers(to: channel, state)
      } else {
        try addHTTP1(to: channel, state, isTLS: true)
      }
    }
    try operations.addHandlers([NIOSSLServerHandler(context: identity.context), acceptor])
  }

  private func addHTTP1(to channel: any Channel, _ state: LoopState, isTLS: Bool) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderListSize = options.headerBytesMax
    limits.maxHeaderFieldSize = options.headerBytesMax
    limits.maxHeaderFieldCount = options.headerFieldsMax
    let decoder = HTTPRequestDecoder(
      leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
      limitConfiguration: limits)
    // The decoder bounds fields; the bytes it holds while it waits for the end of a request line
    // are bounded here. A read brings at most 64 KiB more.
    let bytes = ByteToMessageHandler(decoder, maximumBufferSize: options.headerBytesMax + 65_536)
    try channel.pipeline.syncOperations.addHandlers([bytes, Connection(state, isTLS: isTLS)])
  }

  /// Stops accepting, closes idle connections, lets requests under way finish with
  /// `Connection: close`, and closes what is left after `millis`. Blocks; not for an event loop.
  public func drain(withinMillis millis: Int64 = 10_000) -> DrainReport {
    let taken = running.withLock { running in
      let taken = running
      running = nil
      return taken
    }
    guard let taken else { return DrainReport(unfinishedConnections: 0) }
    // A listener that is closed already, or a group that is shut down, is what we want.
    for listener in taken.listeners { try? listener.close().wait() }
    var report = DrainReport(unfinishedConnections: 0)
    // All loops know before one of them closes anything: whoever sees a connection closed may count on
    // every answer from then on to say that its own will be.
    for state in taken.states { try? state.eventLoop.submit { state.value.beginDrain() }.wait() }
    let ends = taken.states.map { state in
      state.eventLoop.flatSubmit { state.value.drain(withinMillis: millis) }
    }
    for end in ends { report.unfinishedConnections += (try? end.wait()) ?? 0 }
    for state in taken.states { try? state.eventLoop.submit { state.value.stop() }.wait() }
    // The pool first: what it still has to say goes to the loops.
    try? taken.pool.syncShutdownGracefully()
    try? taken.group.syncShutdownGracefully()
    return report
  }
}

extension HTTPServer.Address {
  fileprivate init(of listener: any Channel, _ options: ServerOptions) {
    host = listener.localAddress?.ipAddress ?? options.host
    port = listener.localAddress?.port ?? options.port
  }
}

/// Tells a connection beyond the limit why it is not served.
private final class RefusingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let dateLine: [UInt8]

  init(dateLine: [UInt8]) {
    self.dateLine = dateLine
  }

  func channelActive(context: ChannelHandlerContext) {
    let error = APIError(
      .serviceUnavailable, "The server has as many connections as it takes.",
      headers: ["Retry-After": "1"])
    let framing = ResponseFraming(
      keepsAlive: false, isHTTP10: false, isHead: false, requestID: "none", dateLine: dateLine)
    var buffer = ByteBuffer()
    error.response(requestID: "none", path: "").write(into: &buffer, framing)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
