// Service: everything between a listening socket and the marketplace, put together once: the route
// table, its document and metrics, the HTTP server, and the order in which they end.

import Bytes
import Database
import Marketplace
import NIOPosix
import RecordStore
import Synchronization

public final class Service: Sendable {
  private let server: HTTPServer
  private let market: Marketplace
  private let log: Log
  private let marketplace: MarketplaceServer
  private let pool: NIOThreadPool
  private let control: StoreControl?
  private let dueWork: DueWork
  private let draining = Flag()

  /// Threads for routes that are not done in microseconds.
  private static let poolThreads = 2

  /// - Parameters:
  ///   - version: of the program, for the API's document.
  ///   - settings: those that administrators may store.
  ///   - controlToken: opens `StoreControl`, which is not there without one.
  public init(
    market: Marketplace, options: ServerOptions, version: String, log: Log,
    controlToken: String? = nil, accounts: AccountOptions = AccountOptions(),
    settings: [StorableSetting] = []
  ) throws {
    self.market = market
    self.log = log
    marketplace = MarketplaceServer(
      market: market, accounts: accounts, settings: settings, log: log)
    dueWork = DueWork(market: market, log: log)
    control = controlToken.map { StoreControl(database: market.database, token: $0) }
    pool = NIOThreadPool(numberOfThreads: Self.poolThreads)
    pool.start()
    let draining = draining
    let metrics = Late<Metrics>()
    let document = Late<[UInt8]>()
    let database = market.database
    let passwords = marketplace.passwords
    let operations = operationsRoutes(
      notReady: { draining.isUp ? "it is stopping" : database.notReadyReason },
      metrics: metrics, document: document)
    let page = Late<PageFile>()
    let shop = marketplace
    let servingElastic = { (group: RouteGroup) in
      var group = group
      group.routes = group.routes.map(shop.servingElastic)
      return group
    }
    let groups =
      try marketplace.routeGroups.map(Self.countingFailures).map(servingElastic)
      + [operations, docsRoutes(page)]
      + [control.map { Self.unlimited($0.routes) }].compactMap { $0 }
    let router = try Router(
      groups, pool: pool, options: options, authenticate: marketplace.authenticate)
    var openAPI = OpenAPIDocument(title: "Souk", version: version)
    // The control routes are for this program's own command line, and Elasticsearch's are its clients':
    // neither is a part of the API.
    let open = router.routes.filter {
      !$0.path.hasPrefix(StoreControl.pathPrefix) && $0.tag != MarketplaceServer.elasticTag
    }
    document.set(openAPI.render(open))
    let base = accounts.baseURL ?? "http://\(options.host):\(options.port)"
    page.set(
      PageFile(
        DocsPage.render(open, title: "Souk", version: version, baseURL: base),
        type: "text/html; charset=utf-8"))
    let counters = Metrics(routes: router.routes, options: options, log: log) { text in
      EngineMetrics.append(of: database, to: &text)
      passwords.appendMetrics(to: &text)
      router.appendMetrics(to: &text)
    }
    metrics.set(counters)
    server = HTTPServer(options: options, handler: router, observer: counters)
  }

  /// Binds and serves; the address that was bound.
  public func start() throws -> HTTPServer.Address {
    let address = try server.start()
    marketplace.accounts.begin(at: address, isTLS: server.isTLS)
    dueWork.begin()
    return address
  }

  /// Where this program's own command line asks: the same address without TLS, one on loopback with it.
  public var localAddress: HTTPServer.Address? { server.localAddress }

  /// Handshakes from now on show `identity`.
  public func renew(_ identity: TLSIdentity) { server.renew(identity) }

  /// The path of the link that makes the first administrator; nil when there is one.
  public func setupLink() throws -> String? { try marketplace.setupLink() }

  /// Readiness off, no new connections, requests under way answered; connections that did not end
  /// in time are counted. Blocks.
  public func stop(withinMillis millis: Int64 = 10_000) throws -> Int {
    draining.raise()
    dueWork.end()
    let report = server.drain(withinMillis: millis)
    do {
      try market.searches.writeBlocking(to: market.database)
    } catch {
      log.notice("the last searches were not counted: \(error)")
    }
    try marketplace.shutDown()
    try control?.shutDown()
    try pool.syncShutdownGracefully()
    return report.unfinishedConnections
  }

  /// Whoever sends something to `/auth/` proves who he is, or guesses.
  private static func countingFailures(_ group: RouteGroup) -> RouteGroup {
    var group = group
    group.routes = group.routes.map { route in
      guard route.path.hasPrefix("/auth/"), route.method != .get, route.body != .none else {
        return route
      }
      return route.limited(.failures(account: "email"))
    }
    return group
  }

  /// The command line of the same machine asks as often as it must.
  private static func unlimited(_ group: RouteGroup) -> RouteGroup {
    var group = group
    group.routes = group.routes.map { $0.limited(.exempt) }
    return group
  }
}

/// A flag that several threads read and one raises.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isUp: Bool { value.load(ordering: .acquiring) }
  func raise() { value.store(true, ordering: .releasing) }
}
