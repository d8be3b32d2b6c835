// SMTPDialogue: one delivery (RFC 5321), without a socket: replies go in, commands come out.
//
//   220            EHLO
//   250 to EHLO    with STARTTLS agreed and not yet done: STARTTLS, else
//                  AUTH PLAIN, or AUTH LOGIN and two answers; without a user MAIL FROM
//   220 to STARTTLS   the change to TLS, and EHLO again: what was said before does not count
//   235            MAIL FROM
//   250            RCPT TO
//   250 or 251     DATA
//   354            the message
//   250            delivered; QUIT
//
// A reply 5yz to MAIL, RCPT, DATA or the message is for ever; everything else may pass: a server that
// is not ready, a full mailbox, wrong credentials that an operator will mend.

import Bytes

/// A reply: its code and the text of its lines.
struct SMTPReply: Equatable {
  var code: Int
  var lines: [String]
}

/// Takes replies out of a stream of bytes.
struct SMTPReplyReader {
  static let lineBytesMax = 2048
  static let linesMax = 128

  private var buffered: [UInt8] = []
  private var lines: [String] = []
  private var code: Int?

  struct Malformed: Error, Equatable {
    var reason: String
  }

  mutating func append(_ bytes: some Sequence<UInt8>) { buffered += bytes }

  /// False while bytes wait that were not taken.
  var isEmpty: Bool { buffered.isEmpty && lines.isEmpty }

  /// The next whole reply; nil when there is none yet.
  mutating func next() throws(Malformed) -> SMTPReply? {
    while let end = buffered.firstIndex(of: 0x0a) {
      var line = Array(buffered[..<end])
      buffered.removeSubrange(...end)
      if line.last == 0x0d { line.removeLast() }
      guard line.count <= Self.lineBytesMax else { throw Malformed(reason: "a line is too long") }
      let digits = line.prefix(3)
      guard digits.count == 3, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        let code = Int(String(decoding: digits, as: UTF8.self)), (200...599).contains(code),
        self.code ?? code == code
      else { throw Malformed(reason: "a line does not begin with the code of its reply") }
      let mark = line.count > 3 ? line[3] : 0x20
      guard mark == 0x20 || mark == UInt8(ascii: "-") else {
        throw Malformed(reason: "there is no space or hyphen behind the code")
      }
      lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
      guard lines.count <= Self.linesMax else { throw Malformed(reason: "a reply has no end") }
      self.code = code
      guard mark == 0x20 else { continue }
      defer {
        lines = []
        self.code = nil
      }
      return SMTPReply(code: code, lines: lines)
    }
    guard buffered.count <= Self.lineBytesMax else { throw Malformed(reason: "a line is too long") }
    return nil
  }
}

struct SMTPFailure: Error, Equatable {
  /// Trying again is of no use.
  var isPermanent: Bool
  var reason: String
}

struct SMTPDialogue {
  enum Step: Equatable {
    case send([UInt8])
    /// Change over to TLS, then send.
    case encrypt([UInt8])
    /// The server has taken the mail; what is left to send is good manners.
    case delivered([UInt8])
    case failed(SMTPFailure)
  }

  private enum State {
    case greeting, hello, encryption, plain, loginUser, loginPassword, authenticated, sender,
      recipient, data
    case message, over
  }

  private let settings: SMTPSettings
  private let recipient: String
  private let message: [UInt8]
  private var state = State.greeting
  private var isEncrypted: Bool

  /// - Parameter message: from `SMTPMessage.data`.
  init(settings: SMTPSettings, recipient: String, message: [UInt8]) {
    self.settings = settings
    self.recipient = recipient
    self.message = message
    isEncrypted = settings.security != .startTLS
  }

  mutating func receive(_ reply: SMTPReply) -> Step {
    switch (state, reply.code) {
    case (.greeting, 220):
      state = .hello
      return line("EHLO localhost")
    case (.hello, 250): return isEncrypted ? begin(with: reply) : encrypt(reply)
    case (.encryption, 220):
      isEncrypted = true
      state = .hello
      return .encrypt(Array("EHLO localhost\r\n".utf8))
    case (.loginUser, 334):
      state = .loginPassword
      return line(Base64.encode(Array((settings.user ?? "").utf8)))
    case (.loginPassword, 334):
      state = .authenticated
      return line(Base64.encode(Array(settings.password.utf8)))
    case (.plain, 235), (.authenticated, 235): return mailFrom()
    case (.sender, 250):
      state = .recipient
      return line("RCPT TO:<\(recipient)>")
    case (.recipient, 250), (.recipient, 251):
      state = .data
      return line("DATA")
    case (.data, 354):
      state = .message
      return .send(message)
    case (.message, 250):
      state = .over
      return .delivered(Array("QUIT\r\n".utf8))
    default: return refuse(reply)
    }
  }

  private mutating func encrypt(_ reply: SMTPReply) -> Step {
    guard reply.lines.contains(where: { $0.uppercased().split(separator: " ").first == "STARTTLS" })
    else {
      state = .over
      return .failed(SMTPFailure(isPermanent: false, reason: "the server offers no STARTTLS"))
    }
    state = .encryption
    return line("STARTTLS")
  }

  private mutating func begin(with reply: SMTPReply) -> Step {
    guard let user = settings.user else { return mailFrom() }
    let offered =
      reply.lines.map { $0.uppercased().split(separator: " ") }
      .first { $0.first == "AUTH" } ?? []
    if offered.contains("PLAIN") {
      state = .plain
      let secret = [0] + Array(user.utf8) + [0] + Array(settings.password.utf8)
      return line("AUTH PLAIN \(Base64.encode(secret))")
    }
    if offered.contains("LOGIN") {
      state = .loginUser
      return line("AUTH LOGIN")
    }
    state = .over
    return .failed(
      SMTPFailure(isPermanent: false, reason: "the server offers neither AUTH PLAIN nor LOGIN"))
  }

  private mutating func mailFrom() -> Step {
    state = .sender
    return line("MAIL FROM:<\(settings.from)>")
  }

  private mutating func refuse(_ reply: SMTPReply) -> Step {
    let isAboutMail: Bool =
      switch state {
      case .sender, .recipient, .data, .message: true
      default: false
      }
    state = .over
    let text = reply.lines.joined(separator: " ").prefix(200)
    return .failed(
      SMTPFailure(isPermanent: isAboutMail && reply.code >= 500, reason: "\(reply.code) \(text)"))
  }

  private func line(_ text: String) -> Step { .send(Array("\(text)\r\n".utf8)) }
}
