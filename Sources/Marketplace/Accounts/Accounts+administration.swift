// Administration: what administrators do with other people's accounts.
//
// Invariants
// 1. A change of role and disabling end every session: no token says what is no longer true.
// 2. The last administrator who can sign in stays one.

import Bytes
import RecordStore

/// PUT /admin/users/{id}/role.
public struct RoleChange: Fields, Equatable {
  public var role = UserRole.buyer

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "role", &role, .required)
  }
}

/// GET /admin/users: newest first.
public struct UserPage: Fields, Equatable {
  public var data: [UserView] = []
  public var hasMore = false
  public var nextCursor: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

extension Accounts {
  /// - Parameters:
  ///   - role: only users of this role.
  ///   - search: only users whose address or name has this text, letters compared without case.
  public static func page(
    _ reader: some RecordReader, role: UserRole?, search: String?, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> UserPage {
    let wanted = search?.lowercased()
    let filter = "users|\(role?.rawValue ?? "")|\(wanted ?? "")"
    let list = try KeysetList.page(
      reader, User.self, filter: filter, limit: limit, cursor: cursor, cursors
    ) { user in
      if let role, user.role != role { return false }
      guard let wanted else { return true }
      return [user.email, user.firstName, user.lastName, user.businessName]
        .contains { $0.lowercased().contains(wanted) }
    }
    var page = UserPage()
    page.data = list.rows.map(UserView.init)
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }

  public static func setRole(
    _ transaction: Transaction, userID: UUIDv7, _ role: UserRole
  ) throws -> User {
    var user = try existing(transaction, userID)
    guard user.role != role else { return user }
    if user.role == .admin { try requireAnotherAdministrator(transaction, than: user) }
    user.role = role
    try save(transaction, &user)
    try revokeAll(transaction, of: userID)
    return user
  }

  /// Keeps a user out, or lets him in again.
  public static func setDisabled(
    _ transaction: Transaction, userID: UUIDv7, _ isDisabled: Bool
  ) throws -> User {
    var user = try existing(transaction, userID)
    guard (user.disabledAt != nil) != isDisabled else { return user }
    if isDisabled {
      if user.role == .admin { try requireAnotherAdministrator(transaction, than: user) }
      user.disabledAt = transaction.time
      try revokeAll(transaction, of: userID)
      try OneTimeTokens.revoke(transaction, userID: userID)
    } else {
      user.disabledAt = nil
    }
    try save(transaction, &user)
    return user
  }

  private static func existing(_ reader: some RecordReader, _ id: UUIDv7) throws -> User {
    guard let user = try user(reader, id: id) else { throw MarketError.notFound("user") }
    return user
  }

  private static func requireAnotherAdministrator(
    _ transaction: Transaction, than user: User
  ) throws {
    var isThere = false
    try transaction.forEach(in: User.byRole, .equal(key(UserRole.admin.rawValue))) {
      (other: User) throws(StoreError) -> ScanStep in
      isThere = other.id != user.id && other.disabledAt == nil
      return isThere ? .stop : .next
    }
    guard isThere else {
      throw MarketError.conflict(
        "This is the last administrator who can sign in.", reason: "last_administrator")
    }
  }
}
