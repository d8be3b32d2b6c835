// TestShop: a small table of routes behind a real server, for every test of this target.

import Bytes
import Dispatch
import NIOPosix
import Server
import Synchronization

struct AddLine: Fields {
  var productId = ""
  var quantity: Int64 = 0
  var note: String?

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productId, .length(1...40).required)
    try visitor.field(2, "quantity", &quantity, .range(1...99).required)
    try visitor.field(3, "note", &note)
  }
}

struct Echo: Fields {
  var operation = ""
  var capture = ""
  var quantity: Int64 = 0

  init() {}
  init(_ operation: String, _ capture: String = "", quantity: Int64 = 0) {
    self.operation = operation
    self.capture = capture
    self.quantity = quantity
  }

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "operation", &operation)
    try visitor.field(2, "capture", &capture)
    try visitor.field(3, "quantity", &quantity)
  }
}

/// A server on a free port. `held` collects the answers that `/slow` owes.
final class TestShop: Sendable {
  let server: HTTPServer
  let router: Router
  let metrics: Metrics
  let document: [UInt8]
  let port: Int
  /// Two threads for the routes that ask for one.
  private let pool = NIOThreadPool(numberOfThreads: 2)
  private let gate = DispatchSemaphore(value: 0)

  private final class Shared: Sendable {
    let held = Mutex<[Answer<Echo>]>([])
    let lines = Mutex<[String]>([])
  }
  private let shared: Shared

  struct Unforeseen: Error { let secret = "the vault code" }

  init(logsRequests: Bool = false, _ adjust: (inout ServerOptions) -> Void = { _ in }) throws {
    var options = ServerOptions().withoutRateLimits
    options.port = 0
    options.loops = 1
    options.sweepMillis = 5
    adjust(&options)
    let shared = Shared()
    self.shared = shared
    let late = Late<Metrics>()
    let lateDocument = Late<[UInt8]>()
    let gate = gate
    pool.start()
    router = try Router(
      [
        operationsRoutes(notReady: { nil }, metrics: late, document: lateDocument),
        Self.shopRoutes(gate) { answer in shared.held.withLock { $0.append(answer) } },
        Self.byteRoutes,
      ], pool: pool, options: options
    ) { request in
      switch request.headers["Authorization"] {
      case nil: return nil
      case "Bearer buyer": return Principal(id: .zero, roles: .buyer)
      case "Bearer admin": return Principal(id: .zero, roles: .admin)
      default: throw APIError(.invalidToken, "The token does not verify.")
      }
    }
    var openAPI = OpenAPIDocument(title: "Shop", version: "1")
    document = openAPI.render(router.routes)
    lateDocument.set(document)
    let log = Log(level: .info, format: .json, logsRequests: logsRequests) { line in
      shared.lines.withLock { $0.append(line) }
    }
    metrics = Metrics(routes: router.routes, options: options, log: log)
    late.set(metrics)
    server = HTTPServer(options: options, handler: router, observer: metrics)
    port = try server.start().port
  }

  private static var photo: Route {
    routeBytes(.get, "/photo", "photo", output: .bytes("image/png")) { _, responder in
      responder.answer(
        Response(status: 200, contentType: "image/png", body: [UInt8](repeating: 0, count: 9_000)))
    }
  }

  private static func shopRoutes(
    _ gate: DispatchSemaphore, _ hold: @escaping @Sendable (Answer<Echo>) -> Void
  ) -> RouteGroup {
    RouteGroup("Shop") {
      route(.get, "/products/{id}", "getProduct", output: Echo.self) {
        .ok(Echo("getProduct", $0.path("id")))
      }
      route(.get, "/products/new", "newProducts", output: Echo.self) { _ in
        .ok(Echo("newProducts"))
      }
      route(.delete, "/products/{id}", "deleteProduct", caller: .admin, output: Nothing.self) {
        _ in .noContent
      }
      route(
        .get, "/products", "listProducts", query: [QueryParameter("limit", .integer(1...100))],
        output: Echo.self
      ) { .ok(Echo("listProducts", quantity: $0.query("limit", default: 20))) }
      route(
        .post, "/cart/add", "addToCart", caller: .userOrGuest, body: AddLine.self,
        output: Echo.self, errors: [.insufficientStock]
      ) { context in
        if context.body.quantity > 50 {
          throw APIError(
            .insufficientStock, "Only 50 are left.", details: [.init("left", .int(50))])
        }
        return .ok(Echo("addToCart", context.body.productId, quantity: context.body.quantity))
      }
      route(
        .post, "/checkout", "checkout", caller: .buyer, idempotencyKey: .required,
        body: AddLine.self, output: Echo.self, status: 201
      ) {
        .created(Echo("checkout", $0.idempotencyKey ?? ""), location: "/orders/1").committed(at: 7)
      }
      // A sign-in that says what it is told to: the quantity is the status of its answer.
      routeBytes(.post, "/auth/login", "login", accepts: ["application/json"]) {
        context, responder in
        let status = try? JSONValue(parsing: context.request.body)["status"]?.int64
        responder.answer(Response(status: Int(status ?? 400)))
      }
      .limited(.failures(account: "email"))
      // Keeps a thread of the pool until `release` is called.
      route(.get, "/stuck", "stuck", output: Echo.self, on: .pool) { _ in
        gate.wait()
        gate.signal()
        return .ok(Echo("stuck"))
      }
      routeLater(.get, "/slow", "slow", output: Echo.self) { _, answer in hold(answer) }
    }
  }

  private static var byteRoutes: RouteGroup {
    RouteGroup("Bytes") {
      routeBytes(.get, "/big/{size}", "big", output: .bytes("text/plain")) { context, responder in
        let size = min(Int(context.path("size")) ?? 0, 16 << 20)
        responder.answer(.text(String(repeating: "all work and no play. ", count: size / 22 + 1)))
      }
      photo
      routeBytes(.get, "/tagged", "tagged", output: .bytes("text/plain")) { context, responder in
        var response = Response.text(String(repeating: "chapter one. ", count: 1_000))
        if context.request.headers["If-None-Match"] == "\"v3\"" { response = Response(status: 304) }
        response.headers["ETag"] = "\"v3\""
        responder.answer(response)
      }
      route(.get, "/broken", "broken", output: Echo.self) { _ in throw Unforeseen() }
      routeBytes(.get, "/forgets", "forgets") { _, _ in }
      routeBytes(.put, "/bytes", "putBytes", accepts: [], bodyBytesMax: 64) { context, responder in
        responder.answer(.text("\(context.request.body.count)"))
      }
      routeBytes(.put, "/upload", "upload", accepts: []) { context, responder in
        responder.answer(.text("\(XXH64.hash(context.request.body))"))
      }
    }
  }

  /// Waits until `/slow` holds `count` answers, and takes them.
  func takeHeld(_ count: Int) -> [Answer<Echo>] {
    while true {
      let taken = shared.held.withLock { held -> [Answer<Echo>]? in
        guard held.count >= count else { return nil }
        defer { held = [] }
        return held
      }
      if let taken { return taken }
    }
  }

  var lines: [String] { shared.lines.withLock { $0 } }

  func client() throws -> TestClient { try TestClient(port: port) }

  /// Lets `/stuck` answer, now and from now on.
  func release() { gate.signal() }

  func stop() {
    gate.signal()
    _ = server.drain(withinMillis: 0)
    try? pool.syncShutdownGracefully()
  }
}
