// HTTP/2 against a client of our own, where the order of frames matters: the end of a connection, slow
// readers, clients that send nothing.

import Bytes
import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Server

/// A connection of HTTP/2 whose streams are opened and read one frame after the other.
private final class FrameClient: Sendable {
  /// What came, in the order of its coming.
  enum Event: Equatable {
    case goAway, closed
    case headers(String)
    case data(Int)
    case end
    case reset
  }

  private let channel: any Channel
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  let events = Events()

  final class Events: Sendable {
    private let all = Mutex<[Event]>([])
    func add(_ event: Event) { all.withLock { $0.append(event) } }
    var list: [Event] { all.withLock { $0 } }

    /// Waits until one satisfies the condition; the test's own limit of time bounds it.
    func wait(_ condition: (Event) -> Bool) {
      while !list.contains(where: condition) {}
    }
  }

  init(port: Int, window: Int = 65_535) throws {
    let events = events
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .none
    tls.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: tls)
    let group = MultiThreadedEventLoopGroup.singleton
    let made = try ClientBootstrap(group: group).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
          HTTP2Setting(parameter: .initialWindowSize, value: window)
        ]
        try channel.pipeline.syncOperations.addHandlers([
          NIOSSLClientHandler(context: context, serverHostname: nil),
          NIOHTTP2Handler(
            mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: configuration
          ) { $0.eventLoop.makeSucceededVoidFuture() },
          ConnectionListener(events),
        ])
      }
    }.connect(host: "127.0.0.1", port: port).wait()
    channel = made
    multiplexer = try made.eventLoop.submit {
      try made.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self).syncMultiplexer()
    }.wait()
  }

  /// Opens a stream with a GET.
  /// - Parameter reads: false for a client that takes nothing of the answer's body.
  func get(_ path: String, reads: Bool = true) throws {
    let events = events
    let stream = try channel.eventLoop.flatSubmit { [multiplexer] in
      let promise = self.channel.eventLoop.makePromise(of: (any Channel).self)
      multiplexer.createStreamChannel(promise: promise) { stream in
        stream.eventLoop.makeCompletedFuture {
          try stream.syncOptions?.setOption(ChannelOptions.autoRead, value: reads)
          try stream.pipeline.syncOperations.addHandler(StreamListener(events))
        }
      }
      return promise.futureResult
    }.wait()
    let headers: HPACKHeaders = [
      ":method": "GET", ":path": path, ":scheme": "https", ":authority": "localhost",
    ]
    stream.writeAndFlush(
      HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: true)), promise: nil)
  }

  func close() { channel.close(promise: nil) }

  private final class ConnectionListener: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    private let events: Events
    init(_ events: Events) { self.events = events }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if case .goAway = unwrapInboundIn(data).payload { events.add(.goAway) }
    }
    func channelInactive(context: ChannelHandlerContext) { events.add(.closed) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  }

  private final class StreamListener: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    private let events: Events
    init(_ events: Events) { self.events = events }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .headers(let headers):
        events.add(.headers(headers.headers.first(name: ":status") ?? ""))
        if headers.endStream { events.add(.end) }
      case .data(let data):
        events.add(.data(data.data.readableBytes))
        if data.endStream { events.add(.end) }
      case .rstStream: events.add(.reset)
      default: break
      }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { events.add(.reset) }
  }
}

@Suite(.serialized) struct HTTP2Tests {
  private func shop(_ adjust: (inout ServerOptions) -> Void = { _ in }) throws -> TestShop {
    let identity = try TestCertificate.first.identity()
    return try TestShop {
      $0.tls = identity
      adjust(&$0)
    }
  }

  @Test func aDrainSaysGoodbyeAndFinishesWhatIsUnderWay() throws {
    let shop = try shop()
    let client = try FrameClient(port: shop.port)
    try client.get("/slow")
    let held = shop.takeHeld(1)[0]
    let unfinished = Mutex<Int?>(nil)
    let isDrained = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let report = shop.server.drain(withinMillis: 60_000)
      unfinished.withLock { $0 = report.unfinishedConnections }
      isDrained.signal()
    }
    client.events.wait { $0 == .goAway }
    #expect(!client.events.list.contains(.closed))
    held.succeed(.ok(Echo("finished")))
    client.events.wait { $0 == .closed }
    #expect(client.events.list.contains(.headers("200")) && client.events.list.contains(.end))
    isDrained.wait()
    #expect(unfinished.withLock { $0 } == 0)
  }

  @Test func aConnectionWithoutRequestsIsEnded() throws {
    let shop = try shop {
      $0.idleTimeoutMillis = 20
      $0.lingerMillis = 20
    }
    defer { shop.stop() }
    let silent = try FrameClient(port: shop.port)
    silent.events.wait { $0 == .closed }
    let other = try FrameClient(port: shop.port)
    try other.get("/products/1")
    other.events.wait { $0 == .closed }
    #expect(other.events.list.contains(.headers("200")))
  }

  @Test func aReaderOfAStreamThatTakesNothingIsEndedAndOthersAreServed() throws {
    let shop = try shop { $0.writeTimeoutMillis = 50 }
    defer { shop.stop() }
    let client = try FrameClient(port: shop.port, window: 1024)
    try client.get("/big/4000000", reads: false)
    try client.get("/products/1")
    client.events.wait { $0 == .end }
    // The one that takes nothing is reset; its connection goes on.
    while try !TestClient(port: try #require(shop.server.localAddress?.port)).get("/metrics").text
      .contains("active_connections 2")
    {}
    try client.get("/products/2")
    while client.events.list.filter({ $0 == .end }).count < 2 {}
    #expect(!client.events.list.contains(.closed))
    client.close()
  }

  @Test func aRequestThatTakesTooLongIsAnswered503() throws {
    let shop = try shop { $0.requestTimeoutMillis = 20 }
    defer { shop.stop() }
    let client = try FrameClient(port: shop.port)
    try client.get("/slow")
    client.events.wait { $0 == .headers("503") }
    shop.takeHeld(1)[0].succeed(.ok(Echo("late")))
    try client.get("/products/1")
    client.events.wait { $0 == .headers("200") }
    client.close()
  }
}
