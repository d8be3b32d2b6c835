// The SMTP client against scripts: a dialogue without a socket, and a small server with one.

import Bytes
import Glibc
import Marketplace
import RecordStore
import Synchronization
import Testing

@testable import Server

/// Accepts connections and answers each line with what its script says; keeps what it was told.
private final class ScriptedServer: Sendable {
  let port: Int
  private let descriptor: Int32
  private let told = Mutex<[String]>([])
  private let connections = Atomic<Int>(0)

  /// - Parameter answer: to a command, by the number of the connection; nil hangs up.
  init(_ answer: @escaping @Sendable (_ connection: Int, _ command: String) -> String?) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) + listen(descriptor, 8) + getsockname(descriptor, $0, &size)
      }
    }
    port = Int(in_port_t(bigEndian: address.sin_port))
    let thread = ScriptThread { [self] in
      while true {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { return }
        serve(peer, answer)
        close(peer)
      }
    }
    thread.start()
  }

  private func serve(_ peer: Int32, _ answer: (Int, String) -> String?) {
    let number = connections.add(1, ordering: .relaxed).newValue
    func say(_ text: String) {
      _ = text.withCString { send(peer, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    }
    var buffered: [UInt8] = []
    var isData = false
    guard let greeting = answer(number, "") else { return }
    say(greeting)
    while true {
      while let end = buffered.firstIndex(of: 10) {
        let line = String(decoding: buffered[..<end].filter { $0 != 13 }, as: UTF8.self)
        buffered.removeSubrange(...end)
        told.withLock { $0.append(line) }
        if isData, line != "." { continue }
        guard let reply = answer(number, isData ? "." : line) else { return }
        isData = reply.hasPrefix("354")
        say(reply)
      }
      var chunk = [UInt8](repeating: 0, count: 4096)
      let count = recv(peer, &chunk, chunk.count, 0)
      guard count > 0 else { return }
      buffered += chunk[..<count]
    }
  }

  var lines: [String] { told.withLock { $0 } }
  func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// What a server that takes everything says.
  static func kind(_ command: String) -> String {
    switch command.prefix(4) {
    case "": "220 relay\r\n"
    case "EHLO": "250-relay\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
    case "AUTH": "235 in\r\n"
    case "DATA": "354 go on\r\n"
    case "QUIT": "221 bye\r\n"
    default: "250 fine\r\n"
    }
  }
}

private final class ScriptThread: Sendable {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    pthread_create(
      &thread, nil,
      { argument in
        // Ownership of the box passes to the thread, which releases it.
        if let argument { Unmanaged<ScriptThread>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    pthread_detach(thread)
  }
}

@Suite struct AccountMailTests {
  private static func settings(_ port: Int = 25) throws -> SMTPSettings {
    try SMTPSettings(
      host: "127.0.0.1", port: port, user: "souk", password: "secret", from: "shop@example.com")
  }

  private static func message(_ text: String, subject: String = "Hello") -> [UInt8]? {
    SMTPMessage.data(
      from: "shop@example.com", to: "ann@example.com", subject: subject, text: text,
      id: UUIDv7(high: 1, low: 2), time: Timestamp(microseconds: 1_795_000_000_000_000))
  }

  @Test func nothingGoesToAnotherMachineInTheClear() throws {
    for host in ["mail.example.com", "10.0.0.1", "127.0.0.1.example.com", "127.1"] {
      #expect(throws: SMTPSettingsError.needsTLS(host: host)) {
        try SMTPSettings(host: host, from: "shop@example.com", security: SMTPSecurity.none)
      }
      #expect(try SMTPSettings(host: host, from: "shop@example.com").security == .startTLS)
      #expect(try SMTPSettings(host: host, port: 465, from: "shop@example.com").security == .tls)
    }
    for host in ["", "a b", "a\r\nb"] {
      #expect(throws: SMTPSettingsError.host(host)) {
        try SMTPSettings(host: host, from: "shop@example.com")
      }
    }
    #expect(try SMTPSettings(host: "localhost", from: "shop@example.com").security == .none)
    #expect(throws: SMTPSettingsError.sender("a@b>\r\nX")) {
      try SMTPSettings(host: "localhost", from: "a@b>\r\nX")
    }
  }

  @Test func aMessageIsStuffedAndNoHeaderCanBeAdded() throws {
    let data = try #require(Self.message(".one\ntwo\n..three"))
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.hasSuffix("\r\n\r\n..one\r\ntwo\r\n...three\r\n.\r\n"))
    #expect(text.contains("\r\nDate: Wed, 18 Nov 2026 ") && text.contains(" +0000\r\n"))
    for bad in ["a\r\nBcc: eve@example.com", "a\nb", "a\u{0}", "a\u{85}b"] {
      #expect(Self.message("x", subject: bad) == nil)
      #expect(
        SMTPMessage.data(
          from: "shop@example.com", to: "ann@example.com\(bad)", subject: "x", text: "x",
          id: .zero, time: .zero) == nil)
    }
    let foreign = String(
      decoding: try #require(Self.message("é", subject: "Grüße aus Köln")), as: UTF8.self)
    #expect(foreign.contains("Subject: =?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\n"))
    #expect(foreign.contains("base64\r\n") && foreign.hasSuffix("\r\n\r\nw6k=\r\n.\r\n"))
    let long = String(
      decoding: try #require(Self.message("x", subject: String(repeating: "ü", count: 400))),
      as: UTF8.self)
    #expect(long.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
  }

  @Test func repliesAreReadInAnyPiecesAndNoiseIsRefused() throws {
    let stream = Array("220 hi\r\n250-one\r\n250-two\r\n250 three\r\n354\r\n".utf8)
    for size in 1...stream.count {
      var reader = SMTPReplyReader()
      var replies: [SMTPReply] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        reader.append(stream[start..<min(start + size, stream.count)])
        while let reply = try reader.next() { replies.append(reply) }
      }
      #expect(
        replies == [
          SMTPReply(code: 220, lines: ["hi"]),
          SMTPReply(code: 250, lines: ["one", "two", "three"]), SMTPReply(code: 354, lines: [""]),
        ])
    }
    var random = SplitMix64(seed: 17)
    let alphabet = Array("0123456789 -\r\n\u{7f}aé".utf8)
    for _ in 0..<3000 {
      var reader = SMTPReplyReader()
      reader.append(
        (0..<60).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] })
      do throws(SMTPReplyReader.Malformed) {
        while let reply = try reader.next() { #expect((200...599).contains(reply.code)) }
      } catch {
        #expect(!error.reason.isEmpty)
      }
    }
    for bad in ["25 x\r\n", "600 x\r\n", "250x\r\n", "250-a\r\n251 b\r\n", "\r\n"] {
      var reader = SMTPReplyReader()
      reader.append(Array(bad.utf8))
      #expect(throws: SMTPReplyReader.Malformed.self) { try reader.next() }
    }
    var endless = SMTPReplyReader()
    endless.append([UInt8](repeating: 0x32, count: 5000))
    #expect(throws: SMTPReplyReader.Malformed.self) { try endless.next() }
  }

  @Test func onlyARefusalOfTheMailItselfIsForEver() throws {
    let message = try #require(Self.message("x"))
    func dialogue(_ replies: [(Int, String)]) throws -> SMTPDialogue.Step? {
      var dialogue = SMTPDialogue(
        settings: try Self.settings(), recipient: "ann@example.com", message: message)
      var last: SMTPDialogue.Step?
      for (code, text) in replies { last = dialogue.receive(SMTPReply(code: code, lines: [text])) }
      return last
    }
    let begun = [(220, "hi"), (250, "AUTH PLAIN")]
    #expect(
      try dialogue(begun) == .send(Array("AUTH PLAIN AHNvdWsAc2VjcmV0\r\n".utf8)))
    let rows: [([(Int, String)], Bool?)] = [
      ([(554, "no")], false), ([(220, ""), (250, "SIZE")], false), (begun + [(535, "no")], false),
      (begun + [(235, ""), (550, "no")], true), (begun + [(235, ""), (450, "later")], false),
      (begun + [(235, ""), (250, ""), (550, "nobody")], true),
      (begun + [(235, ""), (250, ""), (251, ""), (354, ""), (552, "full")], true),
      (begun + [(235, ""), (250, ""), (250, ""), (354, ""), (250, "")], nil),
    ]
    for (replies, isPermanent) in rows {
      switch try dialogue(replies) {
      case .failed(let failure): #expect(failure.isPermanent == isPermanent)
      case .delivered: #expect(isPermanent == nil)
      default: Issue.record("nothing came of \(replies)")
      }
    }
  }

  @Test func mailsLeaveTheOutboxOnceAndWhatFailsIsRecorded() throws {
    // The first connection is hung up, one address is refused for ever.
    let server = try ScriptedServer { connection, command in
      if connection == 1 { return nil }
      return command.hasPrefix("RCPT TO:<bad@") ? "550 nobody\r\n" : ScriptedServer.kind(command)
    }
    let shop = try AccountShop()
    let sealing = shop.market.keys.sealing
    let sender = MailSender(
      market: shop.market, settings: try Self.settings(server.port), log: nil)
    _ = try shop.market.database.writeBlocking { transaction in
      for to in ["late@example.com", "bad@example.com", "ann@example.com"] {
        let draft = MailDraft(to: to, subject: "Hello", text: "hidden words")
        try Mails.post(transaction, draft, userID: .zero, sealing: sealing)
      }
    }
    let time = Timestamp.now.adding(seconds: 1)
    sender.pass(at: time)
    func mails() throws -> [MailMessage] { try shop.records.all(MailMessage.self) }
    #expect(try mails().map(\.status) == [.waiting, .failed, .sent])
    #expect(try mails()[0].dueAt == time.adding(seconds: 60))
    #expect(try mails()[1].failure == "550 nobody")
    sender.pass(at: time.adding(seconds: 59))
    #expect(try mails()[0].attempts == 1)
    sender.pass(at: time.adding(seconds: 60))
    #expect(try mails().map(\.status) == [.sent, .failed, .sent])
    sender.pass(at: time.adding(seconds: 600))
    #expect(server.lines.filter { $0 == "hidden words" }.count == 2)
    #expect(server.lines.filter { $0 == "RCPT TO:<ann@example.com>" }.count == 1)
    // A mail whose links have expired is not sent any more.
    _ = try shop.market.database.writeBlocking { transaction in
      let draft = MailDraft(to: "old@example.com", subject: "Hello", text: "x")
      try Mails.post(transaction, draft, userID: .zero, sealing: sealing)
    }
    sender.pass(at: .now.adding(seconds: 3 * 86_400))
    #expect(try mails().last?.status == .failed)
    server.stop()
    try shop.stop()
  }

  @Test func theWaitGrowsToSixHours() {
    #expect(
      (1...7).map { MailSender.waitSeconds(afterAttempts: $0) }
        == [60, 240, 960, 3840, 15_360, 21_600, 21_600])
  }
}
