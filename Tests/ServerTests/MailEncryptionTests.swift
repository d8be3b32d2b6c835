// Mails over TLS against a mail server of our own: both ways to begin it, a certificate that is not
// trusted, a server that has lost STARTTLS, and words that were slipped in before the change.

import Bytes
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Server

/// Answers one line after the other, and changes over to TLS when it is told to.
private final class MailServer: Sendable {
  enum Trick { case none, offersNoTLS, slipsWordsIn }

  private let channel: any Channel
  let port: Int

  init(_ security: SMTPSecurity, _ trick: Trick = .none) throws {
    let certificate = TestCertificate.first
    let context = try certificate.identity().context
    let lines = Lines()
    self.lines = lines
    channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let operations = channel.pipeline.syncOperations
          if security == .tls {
            try operations.addHandler(NIOSSLServerHandler(context: context))
          }
          try operations.addHandler(Script(context, trick, lines))
        }
      }.bind(host: "127.0.0.1", port: 0).wait()
    port = channel.localAddress?.port ?? 0
  }

  final class Lines: Sendable {
    private let all = Mutex<[String]>([])
    func add(_ line: String) { all.withLock { $0.append(line) } }
    var list: [String] { all.withLock { $0 } }
  }
  let lines: Lines

  func stop() { channel.close(promise: nil) }

  private final class Script: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let tls: NIOSSLContext
    private let trick: Trick
    private let lines: Lines
    private var text = ""
    private var isData = false
    private var isEncrypted = false

    init(_ tls: NIOSSLContext, _ trick: Trick, _ lines: Lines) {
      self.tls = tls
      self.trick = trick
      self.lines = lines
    }

    func channelActive(context: ChannelHandlerContext) { say("220 mail", context) }

    private func say(_ line: String, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: line + "\r\n")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data)).replacing("\r\n", with: "\n")
      while let end = text.firstIndex(of: "\n") {
        let line = String(text[..<end])
        text.removeSubrange(...end)
        lines.add(line)
        if isData, line != "." { continue }
        isData = line == "DATA"
        switch line.prefix(4) {
        case "EHLO":
          let offers = trick == .offersNoTLS ? "250-SIZE" : "250-STARTTLS"
          say("250-mail\r\n\(offers)\r\n250 AUTH PLAIN", context)
        case "STAR":
          say(trick == .slipsWordsIn ? "220 go\r\n250 AUTH PLAIN" : "220 go", context)
          try? context.pipeline.syncOperations.addHandler(
            NIOSSLServerHandler(context: tls), position: .first)
        case "AUTH": say("235 in", context)
        case "DATA": say("354 go on", context)
        default: say("250 fine", context)
        }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}

@Suite(.serialized) struct MailEncryptionTests {
  private static let trusted = Array(TestCertificate.first.certificate.utf8)

  private func deliver(
    _ server: MailServer, _ security: SMTPSecurity, host: String = "localhost",
    trusting pem: [UInt8] = trusted
  ) throws {
    let settings = try SMTPSettings(
      host: host, port: server.port, user: "souk", password: "secret", from: "shop@example.com",
      security: security, trustedPEM: pem)
    try SMTPConnection.deliver(
      Array("Subject: x\r\n\r\nhidden words\r\n.\r\n".utf8), to: "ann@example.com", settings)
  }

  @Test(arguments: [SMTPSecurity.startTLS, .tls]) func mailsAreDelivered(
    _ security: SMTPSecurity
  ) throws {
    let server = try MailServer(security)
    defer { server.stop() }
    for host in ["localhost", "127.0.0.1"] { try deliver(server, security, host: host) }
    #expect(server.lines.list.filter { $0 == "hidden words" }.count == 2)
    #expect(server.lines.list.filter { $0 == "STARTTLS" }.count == (security == .tls ? 0 : 2))
  }

  @Test(arguments: [SMTPSecurity.startTLS, .tls]) func aServerThatNobodyVouchesForIsToldNothing(
    _ security: SMTPSecurity
  ) throws {
    let server = try MailServer(security)
    defer { server.stop() }
    for pem in [Array(TestCertificate.second.certificate.utf8), []] {
      #expect(throws: SMTPFailure.self) { try deliver(server, security, trusting: pem) }
    }
    // Right certificate, wrong name.
    #expect(throws: SMTPFailure.self) { try deliver(server, security, host: "127.0.0.2") }
    #expect(!server.lines.list.contains { $0.hasPrefix("AUTH") || $0 == "hidden words" })
  }

  @Test func aServerWithoutStartTLSIsToldNothing() throws {
    let server = try MailServer(.startTLS, .offersNoTLS)
    defer { server.stop() }
    #expect(throws: SMTPFailure(isPermanent: false, reason: "the server offers no STARTTLS")) {
      try deliver(server, .startTLS)
    }
    #expect(server.lines.list == ["EHLO localhost"])
  }

  @Test func wordsInTheClearBeforeTheChangeAreRefused() throws {
    let server = try MailServer(.startTLS, .slipsWordsIn)
    defer { server.stop() }
    #expect(throws: SMTPFailure.self) { try deliver(server, .startTLS) }
    #expect(!server.lines.list.contains { $0.hasPrefix("AUTH") })
  }
}
