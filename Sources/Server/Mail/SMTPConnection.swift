// SMTPConnection: one dialogue over one socket. Blocks its caller, a thread of the sender.

import NIOCore
import NIOPosix
import NIOSSL

enum SMTPConnection {
  private static let connectSeconds: Int64 = 10
  /// For the whole delivery; RFC 5321 allows a server minutes, a relay on this machine needs none.
  private static let deliverySeconds: Int64 = 60

  /// Delivers a message. Throws why it could not be.
  static func deliver(
    _ message: [UInt8], to recipient: String, _ settings: SMTPSettings
  ) throws(SMTPFailure) {
    let group = MultiThreadedEventLoopGroup.singleton
    let promise = group.next().makePromise(of: Void.self)
    do {
      let tls = try settings.security == .none ? nil : context(settings)
      let channel = try ClientBootstrap(group: group)
        .connectTimeout(.seconds(connectSeconds))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let dialogue = SMTPDialogue(
              settings: settings, recipient: recipient, message: message)
            let operations = channel.pipeline.syncOperations
            if let tls, settings.security == .tls {
              try operations.addHandler(tls.handler())
            }
            try operations.addHandler(
              SMTPHandler(dialogue: dialogue, promise: promise, tls: tls))
          }
        }
        .connect(host: settings.host, port: settings.port).wait()
      let deadline = channel.eventLoop.scheduleTask(in: .seconds(deliverySeconds)) {
        promise.fail(SMTPFailure(isPermanent: false, reason: "the server took too long"))
        channel.close(promise: nil)
      }
      defer { deadline.cancel() }
      try promise.futureResult.wait()
    } catch let failure as SMTPFailure {
      throw failure
    } catch {
      // Never connected: nobody else completes the promise.
      let failure = SMTPFailure(isPermanent: false, reason: "no connection: \(error)")
      promise.fail(failure)
      throw failure
    }
  }
}

extension SMTPConnection {
  private static func context(_ settings: SMTPSettings) throws -> SMTPEncryption {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if !settings.trustedPEM.isEmpty {
      configuration.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(settings.trustedPEM))
    }
    return SMTPEncryption(
      context: try NIOSSLContext(configuration: configuration), host: settings.host)
  }
}

/// What a handshake with the mail server needs.
private struct SMTPEncryption: Sendable {
  var context: NIOSSLContext
  var host: String

  func handler() throws -> NIOSSLClientHandler {
    // An address stands in a certificate too, but not in the greeting of a handshake.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
  }
}

/// Feeds a dialogue from a channel, and the channel from the dialogue.
private final class SMTPHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var reader = SMTPReplyReader()
  private var dialogue: SMTPDialogue
  private var isOver = false
  private let promise: EventLoopPromise<Void>
  private let tls: SMTPEncryption?

  init(dialogue: SMTPDialogue, promise: EventLoopPromise<Void>, tls: SMTPEncryption?) {
    self.dialogue = dialogue
    self.promise = promise
    self.tls = tls
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    reader.append(unwrapInboundIn(data).readableBytesView)
    do {
      while !isOver, let reply = try reader.next() {
        switch dialogue.receive(reply) {
        case .send(let bytes): write(bytes, context)
        case .encrypt(let bytes):
          try encrypt(context)
          write(bytes, context)
        case .delivered(let bytes):
          write(bytes, context)
          end(context, nil)
        case .failed(let failure): end(context, failure)
        }
      }
    } catch let error as SMTPReplyReader.Malformed {
      end(context, SMTPFailure(isPermanent: false, reason: "no SMTP: \(error.reason)"))
    } catch {
      end(context, SMTPFailure(isPermanent: false, reason: "no TLS: \(error)"))
    }
  }

  /// What came in the clear together with the consent may be somebody else's (CVE-2011-0411).
  private func encrypt(_ context: ChannelHandlerContext) throws {
    guard reader.isEmpty else {
      throw SMTPReplyReader.Malformed(reason: "something follows the consent to TLS in the clear")
    }
    guard let tls else { return }
    try context.pipeline.syncOperations.addHandler(tls.handler(), position: .first)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(context, SMTPFailure(isPermanent: false, reason: "the connection failed: \(error)"))
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(context, SMTPFailure(isPermanent: false, reason: "the server closed the connection"))
  }

  private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
    context.writeAndFlush(
      wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
  }

  private func end(_ context: ChannelHandlerContext, _ failure: SMTPFailure?) {
    guard !isOver else { return }
    isOver = true
    if let failure { promise.fail(failure) } else { promise.succeed(()) }
    context.close(promise: nil)
  }
}
