// SMTPConnection: one dialogue over one socket. Blocks its caller, a thread of the sender.

import NIOCore
import NIOPosix

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
      let channel = try ClientBootstrap(group: group)
        .connectTimeout(.seconds(connectSeconds))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let dialogue = SMTPDialogue(
              settings: settings, recipient: recipient, message: message)
            try channel.pipeline.syncOperations.addHandler(
              SMTPHandler(dialogue: dialogue, promise: promise))
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

/// Feeds a dialogue from a channel, and the channel from the dialogue.
private final class SMTPHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var reader = SMTPReplyReader()
  private var dialogue: SMTPDialogue
  private var isOver = false
  private let promise: EventLoopPromise<Void>

  init(dialogue: SMTPDialogue, promise: EventLoopPromise<Void>) {
    self.dialogue = dialogue
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    reader.append(unwrapInboundIn(data).readableBytesView)
    do {
      while !isOver, let reply = try reader.next() {
        switch dialogue.receive(reply) {
        case .send(let bytes): write(bytes, context)
        case .delivered(let bytes):
          write(bytes, context)
          end(context, nil)
        case .failed(let failure): end(context, failure)
        }
      }
    } catch {
      end(context, SMTPFailure(isPermanent: false, reason: "no SMTP: \(error.reason)"))
    }
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
