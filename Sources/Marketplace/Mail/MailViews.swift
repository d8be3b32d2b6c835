// MailViews: mails as administrators see them.

import Bytes
import RecordStore

public struct MailView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var to = ""
  public var subject = ""
  public var status = MailStatus.waiting
  public var attempts: Int64 = 0
  public var failure: String?
  public var createdAt = Timestamp.zero
  public var sentAt: Timestamp?
  /// Only of one mail, and only while there is no server that sends them.
  public var text: String?

  public init() {}

  public init(_ mail: MailMessage) {
    id = mail.id
    to = mail.to
    subject = mail.subject
    status = mail.status
    attempts = mail.attempts
    failure = mail.failure.isEmpty ? nil : mail.failure
    createdAt = mail.createdAt
    sentAt = mail.sentAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "to", &to)
    try visitor.field(3, "subject", &subject)
    try visitor.field(4, "status", &status)
    try visitor.field(5, "attempts", &attempts)
    try visitor.field(6, "failure", &failure)
    try visitor.field(7, "createdAt", &createdAt)
    try visitor.field(8, "sentAt", &sentAt)
    try visitor.field(9, "text", &text)
  }
}

/// GET /admin/mailbox: newest first.
public struct MailPage: Fields, Equatable {
  public var data: [MailView] = []
  public var hasMore = false
  public var nextCursor: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }

  /// - Parameter to: only mails to this address, letters compared without case.
  public static func page(
    _ reader: some RecordReader, to: String?, limit: Int, cursor: String?, _ cursors: PageCursors
  ) throws -> MailPage {
    let wanted = to.map(User.foldedEmail)
    let list = try KeysetList.page(
      reader, MailMessage.self, filter: "mails|\(wanted ?? "")", limit: limit, cursor: cursor,
      cursors
    ) { mail in
      wanted.map { User.foldedEmail(mail.to) == $0 } ?? true
    }
    var page = MailPage()
    page.data = list.rows.map(MailView.init)
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }
}
