// CheckoutBench: buyers with filled carts (three lines, one coupon) check out over HTTP, against this same binary serving a
// fresh data directory in a process of its own. What is timed is POST /checkout alone, each with a
// key of its own; every counted order was answered 201, so it is on the disk.
//
// Filling the carts again between phases goes over HTTP too and is not timed.

import Bytes
import Database
import Disk
import Glibc
import Marketplace
import RecordStore
import Synchronization

package struct CheckoutBench {
  struct Phase {
    var connections: Int
    /// Orders a second of each round.
    var rates: [Double] = []
    /// Latency percentiles of each round, in milliseconds.
    var p50: [Double] = []
    var p99: [Double] = []
    /// The server's processor microseconds an order, of each round.
    var processorMicros: [Double] = []
  }

  static let sellers = 200
  static let unlimitedKey = "benchmark"

  let folder: String
  let seconds: Double
  let products: Int
  let stock: Int64
  let buyers: Int
  /// Lines of each cart, of different products.
  let lines: Int
  /// Coupons, which buyers take in turn; none for carts without.
  let coupons: Int
  package private(set) var tokens: [String] = []
  package private(set) var productIDs: [UUIDv7] = []

  package init(
    folder: String, seconds: Double, products: Int = 2000, stock: Int64 = 1_000_000,
    buyers: Int = 40_000, lines: Int = 3, coupons: Int = 1000
  ) throws {
    self.folder = folder
    self.seconds = seconds
    self.products = products
    self.stock = stock
    self.buyers = buyers
    self.lines = lines
    self.coupons = coupons
    try prepare()
  }

  /// Writes shops, products, stock, buyers and their sessions straight into a new data directory.
  private mutating func prepare() throws {
    let installation = try Installation.create(at: folder)
    defer { try? installation.database.close() }
    let tokens = try installation.marketplace().tokens
    let now = SystemClock.now()
    let (products, stock, coupons) = (products, stock, coupons)
    let fixture = try installation.database.writeBlocking { transaction in
      try BenchFixture.coupons(transaction, count: coupons)
      return try BenchFixture.catalogue(
        transaction, products: products, sellers: Self.sellers, stock: stock)
    }
    productIDs = fixture.value
    var made = 0
    while made < buyers {
      let count = min(2000, buyers - made)
      let first = made
      let claims = try installation.database.writeBlocking { transaction in
        try BenchFixture.buyers(transaction, from: first, count: count, at: now)
      }
      self.tokens += claims.value.map { tokens.sign($0) }
      made += count
      Terminal.progress("preparing buyers: \(made) of \(buyers)")
    }
    Terminal.endProgress()
  }

  /// Runs `rounds` rounds of all phases, with the disk's floor measured before each.
  func run(connections: [Int], rounds: Int) throws -> (phases: [Phase], floor: [Double]) {
    let server = try ChildServer(
      binary: Installation.ownBinary,
      arguments: ["--data", folder, "--unlimited-key", Self.unlimitedKey])
    defer { server.end(with: SIGTERM) }
    var phases = connections.map { Phase(connections: $0) }
    var floor: [Double] = []
    var next = 0
    var filled = 0
    for round in 1...rounds {
      floor.append(try DiskFloor.syncsPerSecond(folder: folder, seconds: 1))
      for index in phases.indices {
        let wanted = next + buyers
        Terminal.progress("round \(round) of \(rounds): filling carts")
        try fill(filled..<wanted, on: server)
        filled = wanted
        let count = phases[index].connections
        Terminal.progress("round \(round) of \(rounds): \(count) connections")
        try measure(&phases[index], on: server, next: &next)
      }
    }
    Terminal.endProgress()
    return (phases, floor)
  }

  private func headers(buyer: Int) -> [(String, String)] {
    [
      ("Authorization", "Bearer " + tokens[buyer % tokens.count]),
      ("Content-Type", "application/json"), ("X-Api-Key", Self.unlimitedKey),
    ]
  }

  package func fill(_ range: Range<Int>, on server: ChildServer) throws {
    let next = Counter(range.lowerBound)
    try inParallel(32, on: server) { connection, _ in
      while true {
        let number = next.next()
        guard number < range.upperBound else { return }
        for line in 0..<lines {
          let product = productIDs[(number &* 7919 &+ line &* 661) % productIDs.count]
          try post("/cart/add", #"{"productId":"\#(product)","quantity":1}"#, number, connection)
        }
        if coupons > 0 {
          let code = BenchFixture.coupon(number % coupons)
          try post("/cart/coupons", #"{"code":"\#(code)"}"#, number, connection)
        }
      }
    }
  }

  private func post(
    _ path: String, _ body: String, _ number: Int, _ connection: HTTPConnection
  ) throws {
    let answer = try connection.request(
      "POST", path, headers: headers(buyer: number), body: Array(body.utf8))
    guard answer.status == 200 else {
      throw VerbFailure("POST \(path) answered \(answer.status): \(answer.text.prefix(300))")
    }
  }

  /// Sends one checkout for each number, and returns every answer.
  package func race(
    _ range: Range<Int>, connections: Int, on server: ChildServer
  ) throws -> [HTTPAnswer] {
    let next = Counter(range.lowerBound)
    let gathered = Answers()
    try inParallel(connections, on: server) { connection, _ in
      while true {
        let number = next.next()
        guard number < range.upperBound else { return }
        gathered.add(try checkout(number, connection))
      }
    }
    return gathered.all
  }

  private func checkout(_ number: Int, _ connection: HTTPConnection) throws -> HTTPAnswer {
    try connection.request(
      "POST", "/checkout",
      headers: headers(buyer: number) + [("Idempotency-Key", "order-\(number)")],
      body: Self.body)
  }

  private static let body = Array(
    """
    {"deliveryAddress":{"street":"1 Main St","city":"Springfield","state":"IL",\
    "zipCode":"62701","country":"US"},"payment":{"method":"card","token":"tok_success"}}
    """.utf8)

  private func measure(_ phase: inout Phase, on server: ChildServer, next: inout Int) throws {
    let counter = Counter(next)
    let last = next + buyers
    let latencies = Gathered()
    let processorBefore = server.processorMicroseconds
    let start = SystemClock.monotonicMicroseconds()
    let deadline = start + Int64(seconds * 1_000_000)
    try inParallel(phase.connections, on: server) { connection, _ in
      var own: [Int64] = []
      var before = SystemClock.monotonicMicroseconds()
      while before < deadline {
        let number = counter.next()
        guard number < last else { break }
        let answer = try checkout(number, connection)
        guard answer.status == 201 else {
          throw VerbFailure("POST /checkout answered \(answer.status): \(answer.text.prefix(300))")
        }
        let after = SystemClock.monotonicMicroseconds()
        own.append(after - before)
        before = after
      }
      latencies.add(own)
    }
    let elapsed = Double(SystemClock.monotonicMicroseconds() - start) / 1_000_000
    let sorted = latencies.sorted
    next = min(counter.value, last)
    guard !sorted.isEmpty else { throw VerbFailure("no order was completed in \(seconds) s") }
    phase.rates.append(Double(sorted.count) / elapsed)
    phase.p50.append(percentile(sorted, 50) / 1000)
    phase.p99.append(percentile(sorted, 99) / 1000)
    phase.processorMicros.append(
      Double(server.processorMicroseconds - processorBefore) / Double(sorted.count))
  }

  /// Runs `body` on `count` threads, each with a connection of its own; throws the first failure.
  private func inParallel(
    _ count: Int, on server: ChildServer,
    _ body: @escaping @Sendable (HTTPConnection, Int) throws -> Void
  ) throws {
    let (host, port) = (server.host, server.port)
    let failure = FirstFailure()
    let workers = (0..<count).map { index in
      Worker {
        do {
          try body(try HTTPConnection(host: host, port: port), index)
        } catch {
          failure.note(error)
        }
      }
    }
    for worker in workers { worker.join() }
    if let error = failure.error { throw error }
  }
}

private final class Answers: Sendable {
  private let answers = Mutex<[HTTPAnswer]>([])
  func add(_ answer: HTTPAnswer) { answers.withLock { $0.append(answer) } }
  var all: [HTTPAnswer] { answers.withLock { $0 } }
}
