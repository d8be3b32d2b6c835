// MailMessage: a mail to a person, as a record: written in the same commit as what it tells about,
// so that there is no effect without its mail and no mail without its effect.
//
// Invariants
// 1. The text is sealed (Sealing): it may hold a token that works, of which the database keeps only
//    the hash elsewhere.
// 2. `to` and `subject` have no control character: no header can be smuggled into the message.
// 3. A mail waits until a sender has it delivered or given up; without a sender it waits in the
//    mailbox, where administrators read it.
// 4. Mails older than `keptSeconds` go, a few with each new one.

import Bytes
import RecordStore

public enum MailStatus: String, FieldEnum {
  case waiting, sent, failed
}

/// A mail. Table 19.
public struct MailMessage: Record, Equatable {
  public var id = UUIDv7.zero
  /// Whom it concerns; zero for nobody known.
  public var userID = UUIDv7.zero
  public var to = ""
  public var subject = ""
  public var sealedText: [UInt8] = []
  public var status = MailStatus.waiting
  /// Deliveries that were tried.
  public var attempts: Int64 = 0
  /// When to try next; meaningful while it waits.
  public var dueAt = Timestamp.zero
  /// What the last failure said.
  public var failure = ""
  public var createdAt = Timestamp.zero
  public var sentAt: Timestamp?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "to", &to)
    try visitor.field(4, "subject", &subject)
    try visitor.field(5, "sealedText", &sealedText)
    try visitor.field(6, "status", &status)
    try visitor.field(7, "attempts", &attempts)
    try visitor.field(8, "dueAt", &dueAt)
    try visitor.field(9, "failure", &failure)
    try visitor.field(10, "createdAt", &createdAt)
    try visitor.field(11, "sentAt", &sentAt)
  }

  public static let table = Table<MailMessage>(number: 19, name: "mails", indexes: [byDue])
  public static let byDue = Index<MailMessage>(number: 1, name: "byDue") { mail in
    mail.status == .waiting ? [key(mail.dueAt)] : []
  }
  public var primaryKey: [UInt8] { key(id) }
}

/// A mail that is about to be posted.
public struct MailDraft: Sendable {
  public var to: String
  public var subject: String
  public var text: String
  let nonce = Sealing.Nonce()

  public init(to: String, subject: String, text: String) {
    self.to = to
    self.subject = subject
    self.text = text
  }
}

public enum Mails {
  public static let keptSeconds: Int64 = 30 * 86_400
  private static let sweptMax = 2

  /// Puts a mail into the outbox. Throws VAL_3001 for an address or subject with a control character.
  @discardableResult
  public static func post(
    _ transaction: Transaction, _ draft: MailDraft, userID: UUIDv7, sealing: Sealing
  ) throws -> MailMessage {
    guard isOneLine(draft.to), isOneLine(draft.subject), !draft.to.isEmpty else {
      throw MarketError.invalid(
        "/email", rule: "format", "An address or subject must not contain control characters.")
    }
    try sweep(transaction)
    var mail = MailMessage()
    mail.id = transaction.newID()
    mail.userID = userID
    mail.to = draft.to
    mail.subject = draft.subject
    mail.createdAt = transaction.time
    mail.dueAt = transaction.time
    mail.sealedText = try sealing.seal(
      Array(draft.text.utf8), table: MailMessage.table.number, row: mail.primaryKey,
      nonce: draft.nonce)
    try transaction.insert(mail)
    return mail
  }

  /// The text of a mail; throws SYS_9003 when it does not open.
  public static func text(of mail: MailMessage, sealing: Sealing) throws(MarketError) -> String {
    let plain = sealing.open(
      mail.sealedText, table: MailMessage.table.number, row: mail.primaryKey)
    guard let plain, let text = String(validating: plain, as: UTF8.self) else {
      throw MarketError(
        .databaseError, "The mail cannot be opened: it is damaged, or the sealing key is another.")
    }
    return text
  }

  /// Whether `text` can stand in a header.
  public static func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
  }

  private static func sweep(_ transaction: Transaction) throws {
    // Identifiers rise with time: the first rows are the oldest.
    let limit = transaction.time.adding(seconds: -keptSeconds)
    for mail in try transaction.all(MailMessage.self, limit: sweptMax) where mail.createdAt < limit
    {
      try transaction.delete(MailMessage.self, mail.primaryKey)
    }
  }
}
