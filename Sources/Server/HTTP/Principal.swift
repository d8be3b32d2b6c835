// Principal: who asks, as far as routing must know. The domain keeps the rest in `detail`.

import Bytes

/// A set of roles.
public struct Roles: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  public static let buyer = Roles(rawValue: 1)
  public static let seller = Roles(rawValue: 2)
  public static let admin = Roles(rawValue: 4)
  public static let courier = Roles(rawValue: 8)

  static let names: [(Roles, String)] = [
    (.buyer, "buyer"), (.seller, "seller"), (.admin, "admin"), (.courier, "courier"),
  ]

  /// The names of the members, for messages and documents.
  public var memberNames: [String] {
    Self.names.filter { contains($0.0) }.map(\.1)
  }
}

/// An authenticated user or a guest with an identity of its own (a guest cart).
public struct Principal: Sendable {
  public var id: UUIDv7
  public var roles: Roles
  public var isGuest: Bool
  /// What the domain wants to carry along (session, API key, tenant).
  public var detail: (any Sendable)?

  public init(id: UUIDv7, roles: Roles, isGuest: Bool = false, detail: (any Sendable)? = nil) {
    self.id = id
    self.roles = roles
    self.isGuest = isGuest
    self.detail = detail
  }
}

/// Who may call a route.
public enum CallerRule: Sendable, Equatable {
  /// Everyone; a token that does not verify is ignored.
  case anyone
  /// Any user, or a guest; unlike with `anyone`, a token that does not verify is refused.
  case userOrGuest
  /// Any user who is not a guest.
  case authenticated
  /// A user with at least one of the roles.
  case roles(Roles)

  public static let buyer = CallerRule.roles([.buyer, .admin])
  public static let seller = CallerRule.roles([.seller, .admin])
  public static let admin = CallerRule.roles(.admin)

  /// Throws 401 when nobody is known and someone must be, 403 when the known one may not.
  func check(_ principal: Principal?) throws(APIError) {
    switch self {
    case .anyone, .userOrGuest: return
    case .authenticated:
      _ = try Self.known(principal)
    case .roles(let roles):
      try Self.require(roles, of: try Self.known(principal))
    }
  }

  private static func known(_ principal: Principal?) throws(APIError) -> Principal {
    guard let principal, !principal.isGuest else {
      throw APIError(
        .unauthorized, "Sign in first: send Authorization: Bearer with an access token.",
        headers: ["WWW-Authenticate": "Bearer"])
    }
    return principal
  }

  private static func require(_ roles: Roles, of principal: Principal) throws(APIError) {
    guard principal.roles.isDisjoint(with: roles) else { return }
    throw APIError(
      .insufficientPermissions,
      "This needs the role \(roles.memberNames.joined(separator: " or ")).")
  }
}
