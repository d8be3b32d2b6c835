// AuditEntry: who did what, when and from where. Written in the same commit as what it tells of, so
// that there is neither a change without its entry nor an entry without its change.
//
// What is written: every write of a seller or an administrator, and what concerns security, whoever
// does it. A buyer's cart and orders tell of themselves.

import Bytes
import RecordStore

/// One entry. Table 22.
public struct AuditEntry: Record, Equatable {
  public var id = UUIDv7.zero
  /// Zero when nobody was signed in and nobody's account was concerned.
  public var userID = UUIDv7.zero
  public var role = UserRole.buyer
  /// The operation of the API (`updateProduct`), or what it came to (`signInRefused`).
  public var operation = ""
  /// The path of the request.
  public var path = ""
  public var requestID = ""
  public var remoteAddress = ""
  /// What else is worth knowing.
  public var note = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public init(
    operation: String, path: String = "", requestID: String = "", remoteAddress: String = ""
  ) {
    self.operation = operation
    self.path = path
    self.requestID = requestID
    self.remoteAddress = remoteAddress
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "role", &role)
    try visitor.field(4, "operation", &operation)
    try visitor.field(5, "path", &path)
    try visitor.field(6, "requestId", &requestID)
    try visitor.field(7, "remoteAddress", &remoteAddress)
    try visitor.field(8, "note", &note)
    try visitor.field(9, "createdAt", &createdAt)
  }

  public static let table = Table<AuditEntry>(number: 22, name: "auditEntries")
  public var primaryKey: [UInt8] { key(id) }
}

/// GET /admin/audit: newest first.
public struct AuditPage: Fields, Equatable {
  public var data: [AuditEntry] = []
  public var hasMore = false
  public var nextCursor: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

/// Which entries are listed.
public struct AuditFilter: Sendable, Equatable {
  public var userID: UUIDv7?
  public var operation: String?
  public var from: Timestamp?
  public var to: Timestamp?

  public init() {}

  var text: String {
    "audit|\(userID?.description ?? "")|\(operation ?? "")|\(from?.microseconds ?? 0)|"
      + "\(to?.microseconds ?? 0)"
  }

  func accepts(_ entry: AuditEntry) -> Bool {
    if let userID, entry.userID != userID { return false }
    if let operation, entry.operation != operation { return false }
    if let from, entry.createdAt < from { return false }
    if let to, entry.createdAt > to { return false }
    return true
  }
}

public enum Audit {
  private static let pathBytesMax = 512

  /// Writes `entry` with the transaction's time and a new identifier.
  public static func append(
    _ transaction: Transaction, _ entry: AuditEntry, userID: UUIDv7, role: UserRole,
    note: String = ""
  ) throws {
    var entry = entry
    entry.id = transaction.newID()
    entry.userID = userID
    entry.role = role
    entry.note = note
    entry.path = String(decoding: entry.path.utf8.prefix(pathBytesMax), as: UTF8.self)
    entry.createdAt = transaction.time
    try transaction.insert(entry)
  }

  public static func page(
    _ reader: some RecordReader, _ filter: AuditFilter, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> AuditPage {
    let list = try KeysetList.page(
      reader, AuditEntry.self, filter: filter.text, limit: limit, cursor: cursor, cursors,
      accepts: filter.accepts)
    var page = AuditPage()
    page.data = list.rows
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }
}
