// MarketplaceServer: the marketplace as a table of routes; who is asking; reads from a snapshot.
//
// Invariants
// 1. A request reads from one snapshot, taken when it begins.
// 2. Nothing here blocks an event loop: passwords are hashed on `PasswordPool`.

import Bytes
import CommitLog
import Database
import Marketplace
import NIOPosix
import RecordStore

public struct MarketplaceServer: Sendable {
  /// A read may ask for a position this far ahead at most; no queue of writes is longer, so what is
  /// beyond it was never answered to anybody.
  private static let minimumLSNLead: UInt64 = 65_536

  /// One reference for all, because every request's closures hold a copy.
  private final class Parts: Sendable {
    let market: Marketplace
    let passwords: PasswordPool
    let accounts: AccountServices
    let reindexing: Reindexing
    let rendered = RenderedPages()
    let settings: [StorableSetting]
    let elasticPasswords = ElasticPasswords()

    init(
      _ market: Marketplace, _ accounts: AccountServices, _ settings: [StorableSetting]
    ) {
      self.market = market
      self.settings = settings
      self.accounts = accounts
      passwords = PasswordPool(hasher: market.hasher)
      reindexing = Reindexing(market.database)
    }
  }

  private let parts: Parts
  public var market: Marketplace { parts.market }
  var passwords: PasswordPool { parts.passwords }
  var accounts: AccountServices { parts.accounts }
  var reindexing: Reindexing { parts.reindexing }
  var rendered: RenderedPages { parts.rendered }
  var settings: [StorableSetting] { parts.settings }
  var elasticPasswords: ElasticPasswords { parts.elasticPasswords }

  public init(
    market: Marketplace, accounts: AccountOptions = AccountOptions(),
    settings: [StorableSetting] = [], log: Log? = nil
  ) {
    parts = Parts(
      market, AccountServices(market: market, options: accounts, log: log), settings)
  }

  /// Ends the threads that hash passwords. Blocks; call it once, after the server has drained.
  public func shutDown() throws {
    accounts.shutDown()
    try reindexing.shutDown()
    try passwords.shutDown()
  }

  /// Every route of the marketplace. Throws when the secret that signs cursors cannot be read.
  public var routeGroups: [RouteGroup] {
    get throws(DatabaseError) {
      try catalogRouteGroups() + accountRouteGroups
        + [
          cartRoutes, couponRoutes, orderRoutes, paymentRoutes, paymentMethodRoutes, setupRoutes,
          settingRoutes,
          elasticRoutes,
        ]
    }
  }

  // MARK: Who is asking

  /// For the router: the principal of a bearer token or a session's cookie, nil without one, 401 for
  /// one that is no good.
  public func authenticate(_ request: Request) throws -> Principal? {
    guard let header = request.headers["Authorization"] else {
      return try session(of: request) ?? guest(of: request)
    }
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else {
      throw APIError(
        .invalidToken, "Send Authorization: Bearer with an access token.",
        headers: ["WWW-Authenticate": "Bearer"])
    }
    do {
      let caller = try Accounts.authenticate(
        market.database.snapshot().records, token: String(parts[1]), tokens: market.tokens,
        at: .now)
      return Principal(id: caller.userID, roles: Roles(caller.role), detail: caller)
    } catch {
      throw APIError.telling(error)
    }
  }

  /// The guest of a guest token; nil without one.
  func guest(of request: Request) throws(APIError) -> Principal? {
    guard let text = request.headers[Self.guestHeader] else { return nil }
    do {
      return Principal(id: try market.guests.id(of: text), roles: [], isGuest: true)
    } catch {
      throw APIError(error)
    }
  }

  /// The user of a path's `{userId}`, where `me` is the caller. 403 for somebody else's, but to an
  /// administrator.
  func user<Body: Fields>(_ name: String, _ context: Context<Body>) throws -> UUIDv7 {
    let caller = try context.caller()
    if context.path(name) == "me" { return caller.userID }
    let id = try context.pathID(name)
    guard id == caller.userID || caller.isAdmin else {
      throw APIError(.forbidden, "This belongs to somebody else.")
    }
    return id
  }

  // MARK: Reading

  /// Answers from one snapshot, which is at least at the request's X-Min-LSN.
  func read<Body: Fields, Output: Fields>(
    _ context: Context<Body>, _ answer: Answer<Output>,
    _ body: @escaping @Sendable (DatabaseSnapshot) throws -> Reply<Output>
  ) throws {
    try whenVisible(context) {
      do {
        let snapshot = market.database.snapshot()
        let reply = try body(snapshot).read(at: snapshot.lsn.rawValue)
        answer.responder.answer(
          reply.response(isPrivate: answer.isPrivate).validated(for: context.request))
      } catch {
        answer.fail(APIError.telling(error))
      }
    }
  }

  /// Runs `run` once the request's X-Min-LSN is visible: at once, mostly.
  func whenVisible<Body: Fields>(
    _ context: Context<Body>, _ run: @escaping @Sendable () -> Void
  ) throws {
    let visible = market.database.visibleLSN.rawValue
    guard let minimum = try LogPosition.minimum(of: context.request), minimum > visible else {
      return run()
    }
    guard minimum - visible <= Self.minimumLSNLead else {
      throw APIError(
        .invalidInput, "\(LogPosition.minimumHeader) is beyond any commit of this server.")
    }
    market.database.whenVisible(LSN(minimum), run)
  }
}

extension Roles {
  init(_ role: UserRole) {
    switch role {
    case .buyer: self = .buyer
    case .seller: self = .seller
    case .admin: self = .admin
    }
  }
}

extension Context {
  /// Who is asking; 401 for nobody.
  func caller() throws(APIError) -> Caller {
    let id = try userID()
    guard let caller = principal?.detail as? Caller, caller.userID == id else {
      throw APIError(
        .unauthorized, "Sign in first.", headers: ["WWW-Authenticate": "Bearer"])
    }
    return caller
  }

  /// The request's id for the log, zero when it is no UUID.
  var commitRequestID: UUIDv7 { UUIDv7(request.id) ?? .zero }
}
