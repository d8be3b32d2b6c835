// AuthOutgoing: the few HTTP requests that this server makes itself, to identity providers.
//
// It has no TLS towards other machines. A secret must not go through a network in the clear, so only
// this machine is asked; the answer about any other host is a refusal, before a connection is made.

import NIOCore
import NIOHTTP1
import NIOPosix

struct OutgoingRequest: Sendable {
  var method = Method.get
  /// `http://127.0.0.1:3000/path`.
  var url: String
  var headers: [(String, String)] = []
  var body: [UInt8] = []
}

struct OutgoingResponse: Sendable {
  var status: Int
  var body: [UInt8]
}

enum OutgoingError: Error, Equatable {
  /// Not an address that can be asked.
  case notReachable
  case failed(String)
}

enum OutgoingHTTP {
  private static let connectSeconds: Int64 = 5
  private static let answerSeconds: Int64 = 10

  /// Whether requests to `url` can be made at all.
  static func canReach(_ url: String) -> Bool { parts(url) != nil }

  /// Host, port and path of an address on this machine.
  static func parts(_ url: String) -> (host: String, port: Int, path: String)? {
    let scheme = "http://"
    guard url.hasPrefix(scheme), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
    let rest = url.dropFirst(scheme.count)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = rest[..<slash]
    let path = slash == rest.endIndex ? "/" : String(rest[slash...])
    var host = String(authority)
    var port = 80
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = Int(authority[authority.index(after: colon)...]),
        (1...65_535).contains(number)
      else { return nil }
      port = number
      host = String(authority[..<colon])
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return SMTPSettings.isLoopback(host) ? (host, port, path) : nil
  }

  /// Sends a request and waits for the answer. Blocks: never on an event loop.
  static func send(_ request: OutgoingRequest) throws(OutgoingError) -> OutgoingResponse {
    guard let target = parts(request.url) else { throw .notReachable }
    let group = MultiThreadedEventLoopGroup.singleton
    let promise = group.next().makePromise(of: OutgoingResponse.self)
    do {
      let channel = try ClientBootstrap(group: group)
        .connectTimeout(.seconds(connectSeconds))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(
              OutgoingHandler(
                request, path: target.path, host: "\(target.host):\(target.port)", promise))
          }
        }
        .connect(host: target.host, port: target.port).wait()
      let deadline = channel.eventLoop.scheduleTask(in: .seconds(answerSeconds)) {
        promise.fail(OutgoingError.failed("no answer in time"))
        channel.close(promise: nil)
      }
      defer { deadline.cancel() }
      return try promise.futureResult.wait()
    } catch let error as OutgoingError {
      throw error
    } catch {
      promise.fail(error)
      throw .failed("\(error)")
    }
  }
}

private final class OutgoingHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  /// Far more than a provider says of a person.
  private static let bodyBytesMax = 64 << 10

  private let request: OutgoingRequest
  private let path: String
  private let host: String
  private let promise: EventLoopPromise<OutgoingResponse>
  private var response = OutgoingResponse(status: 0, body: [])

  init(
    _ request: OutgoingRequest, path: String, host: String,
    _ promise: EventLoopPromise<OutgoingResponse>
  ) {
    self.request = request
    self.path = path
    self.host = host
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    var headers = HTTPHeaders(request.headers)
    headers.replaceOrAdd(name: "Host", value: host)
    headers.replaceOrAdd(name: "Connection", value: "close")
    headers.replaceOrAdd(name: "Content-Length", value: String(request.body.count))
    let method: HTTPMethod = request.method == .post ? .POST : .GET
    let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    let body = context.channel.allocator.buffer(bytes: request.body)
    context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): response.status = Int(head.status.code)
    case .body(let bytes):
      response.body += bytes.readableBytesView
      guard response.body.count > Self.bodyBytesMax else { return }
      promise.fail(OutgoingError.failed("the answer is too long"))
      context.close(promise: nil)
    case .end:
      promise.succeed(response)
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // Without effect when the answer was whole.
    promise.fail(OutgoingError.failed("the connection was closed"))
  }
}
