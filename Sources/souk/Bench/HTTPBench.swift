// HTTPBench: one product and a page of twenty, asked for over HTTP by wrk, beside nginx that serves the
// bytes of the same product from a file. A page is measured twice: as guests ask for it, rendered once
// between two commits, and with a query that is new each time, rendered for every request. Three processes on one machine share its processors: client,
// server, and whoever else is there; the servers take turns.

import Bytes
import Disk
import Glibc

struct HTTPBench {
  struct Measured {
    var rates: [Double] = []
    var p99Millis: [Double] = []
    /// The server's processor microseconds a request; of nginx not measured.
    var processorMicros: [Double] = []
  }

  static let wrk = "/usr/bin/wrk"
  static let nginx = "/usr/sbin/nginx"
  static let products = 2000

  let folder: String
  let seconds: Int
  let connections: Int
  private(set) var product = Measured()
  private(set) var page = Measured()
  private(set) var freshPage = Measured()
  private(set) var peer = Measured()
  let hasPeer: Bool

  init(folder: String, seconds: Int, connections: Int) throws {
    guard try PosixDisk().exists(Self.wrk) else {
      throw VerbFailure("wrk makes the load and is not here; tools/bench-peers installs it")
    }
    (self.folder, self.seconds, self.connections) = (folder, seconds, connections)
    hasPeer = try PosixDisk().exists(Self.nginx)
  }

  mutating func run(rounds: Int) throws {
    let installation = try Installation.create(at: folder + "/data")
    let made = try installation.database.writeBlocking { transaction in
      try BenchFixture.catalogue(
        transaction, products: Self.products, sellers: 20, stock: 1000)
    }
    try installation.database.close()
    guard let id = made.value.first else { return }
    let server = try ChildServer(
      binary: Installation.ownBinary, arguments: ["--data", folder + "/data"])
    defer { server.end(with: SIGTERM) }
    let one = "http://127.0.0.1:\(server.port)/products/\(id)"
    let twenty = "http://127.0.0.1:\(server.port)/products?limit=20"
    let connection = try HTTPConnection(host: "127.0.0.1", port: server.port)
    let answer = try connection.request("GET", "/products/\(id)")
    guard answer.status == 200 else {
      throw VerbFailure("GET /products/\(id) answered \(answer.status)")
    }
    let peerPort = hasPeer ? try startPeer(serving: answer.body) : 0
    defer { if hasPeer { stopPeer() } }
    let script = folder + "/fresh.lua"
    try BenchFolder.write(
      Array(
        """
        local n = 0
        request = function()
          n = n + 1
          return wrk.format("GET", "/products?limit=20&n=" .. n)
        end

        """.utf8), to: script)
    for round in 1...rounds {
      Terminal.progress("round \(round) of \(rounds)")
      if hasPeer { try load("http://127.0.0.1:\(peerPort)/product.json", nil, into: &peer) }
      try load(one, server, into: &product)
      try load(twenty, server, into: &page)
      try load(twenty, server, script: script, into: &freshPage)
    }
    Terminal.endProgress()
  }

  // MARK: Load

  private func load(
    _ address: String, _ server: ChildServer?, script: String? = nil,
    into measured: inout Measured
  ) throws {
    let before = server?.processorMicroseconds ?? 0
    let ended = try ChildOutput.run(
      Self.wrk,
      ["-t1", "-c\(connections)", "-d\(seconds)s", "--latency"]
        + (script.map { ["-s", $0] } ?? []) + [address])
    let text = String(decoding: ended.output, as: UTF8.self)
    guard ended.status == 0, let rate = Self.number(after: "Requests/sec:", in: text),
      let requests = Self.requests(in: text), let p99 = Self.millis(after: "99%", in: text)
    else { throw VerbFailure("wrk ended with \(ended.status) and printed:\n\(text)") }
    guard !text.contains("Non-2xx") else {
      throw VerbFailure("not every request was answered well:\n\(text)")
    }
    measured.rates.append(rate)
    measured.p99Millis.append(p99)
    if let server {
      measured.processorMicros.append(
        Double(server.processorMicroseconds - before) / Double(max(1, requests)))
    }
  }

  private static func word(after label: String, in text: String) -> Substring? {
    text.split(separator: "\n").first { $0.contains(label) }?
      .split(separator: " ").drop { $0 != label }.dropFirst().first
  }

  static func number(after label: String, in text: String) -> Double? {
    word(after: label, in: text).flatMap { Double($0) }
  }

  /// `12345 requests in 3.00s, 5.00MB read`.
  static func requests(in text: String) -> Int? {
    text.split(separator: "\n").first { $0.contains(" requests in ") }?
      .split(separator: " ").first.flatMap { Int($0) }
  }

  /// wrk's times: 850.00us, 12.50ms, 1.20s.
  static func millis(after label: String, in text: String) -> Double? {
    guard let word = word(after: label, in: text) else { return nil }
    for (unit, factor) in [("us", 0.001), ("ms", 1), ("s", 1000)] as [(String, Double)]
    where word.hasSuffix(unit) {
      return Double(word.dropLast(unit.count)).map { $0 * factor }
    }
    return nil
  }

  // MARK: Peer

  private var configurationPath: String { folder + "/nginx.conf" }

  private func startPeer(serving body: [UInt8]) throws -> Int {
    let port = 20_000 + Int(getpid()) % 20_000
    try PosixDisk().createDirectory(folder + "/www")
    try BenchFolder.write(body, to: folder + "/www/product.json")
    // A worker of another user could not read a folder that only its owner may enter.
    let user = geteuid() == 0 ? "user root;" : ""
    let configuration = """
      \(user) pid \(folder)/nginx.pid; error_log \(folder)/nginx.log; worker_processes auto;
      events { worker_connections 1024; }
      http { access_log off; default_type application/json; sendfile on; keepalive_requests 100000000;
        client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2;
        fastcgi_temp_path \(folder)/t3; uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
        open_file_cache max=10; server { listen 127.0.0.1:\(port); root \(folder)/www; } }
      """
    try BenchFolder.write(Array(configuration.utf8), to: configurationPath)
    let ended = try ChildOutput.run(Self.nginx, ["-c", configurationPath])
    guard ended.status == 0 else { throw VerbFailure("nginx did not start") }
    return port
  }

  private func stopPeer() {
    _ = try? ChildOutput.run(Self.nginx, ["-c", configurationPath, "-s", "stop"])
  }
}
