// souk bench http

import ArgumentParser
import Bytes

struct BenchHTTP: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "http",
    abstract: "Products a second over HTTP, beside nginx with the same bytes in a file.",
    discussion: """
      Starts this binary on a fresh temporary data directory in a process of its own; wrk asks it for \
      one product, and for a page of twenty, over keep-alive connections. nginx is skipped and named \
      when it is not here.

      EXAMPLES
        souk bench http
        souk bench http --rounds 5 --seconds 3 --json -
      """)

  @Option(help: "Connections.") var connections = 64
  @Option(help: "Rounds; the figures are medians over them.") var rounds = 5
  @Option(help: "Whole seconds of each measurement.") var seconds = 3
  @Option(help: "Where to make the temporary data directory.") var folder: String?
  @Option(name: .long, help: "Write the figures as JSON to this file; - is stdout.")
  var json: String?

  func validate() throws {
    guard (1...1024).contains(connections), (1...100).contains(rounds), (1...600).contains(seconds)
    else {
      throw ValidationError(
        "--connections takes 1 to 1024, --rounds 1 to 100, --seconds 1 to 600")
    }
  }

  func run() throws {
    let path = try BenchFolder.make(in: folder)
    defer { try? BenchFolder.remove(path) }
    var bench = try HTTPBench(folder: path, seconds: seconds, connections: connections)
    if !bench.hasPeer { Terminal.note("nginx is not here and is skipped: tools/bench-peers") }
    try bench.run(rounds: rounds)
    var report = HTTPReport()
    report.connections = Int64(connections)
    report.rounds = Int64(rounds)
    if bench.hasPeer { report.lines.append(HTTPReport.Line("nginx, a file", bench.peer)) }
    report.lines.append(HTTPReport.Line("GET /products/{id}", bench.product))
    report.lines.append(HTTPReport.Line("GET /products?limit=20", bench.page))
    report.lines.append(HTTPReport.Line("the same, each rendered anew", bench.freshPage))
    let bytes = FieldJSON.encode(report)
    if json == "-" { return Terminal.out(String(decoding: bytes, as: UTF8.self)) }
    Terminal.out(report.table)
    if let json { try BenchFolder.write(bytes + [10], to: json) }
  }
}

/// The figures of `souk bench http`.
struct HTTPReport: Fields {
  var connections: Int64 = 0
  var rounds: Int64 = 0
  var lines: [Line] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "connections", &connections)
    try visitor.field(2, "rounds", &rounds)
    try visitor.field(3, "lines", &lines)
  }

  struct Line: Fields {
    var name = ""
    var requestsPerSecond = 0.0
    var slowest = 0.0
    var fastest = 0.0
    var p99Millis = 0.0
    var processorMicros: Double?

    init() {}
    init(_ name: String, _ measured: HTTPBench.Measured) {
      self.name = name
      requestsPerSecond = median(measured.rates)
      slowest = measured.rates.min() ?? 0
      fastest = measured.rates.max() ?? 0
      p99Millis = median(measured.p99Millis)
      processorMicros =
        measured.processorMicros.isEmpty ? nil : median(measured.processorMicros)
    }

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "requestsPerSecond", &requestsPerSecond)
      try visitor.field(3, "slowest", &slowest)
      try visitor.field(4, "fastest", &fastest)
      try visitor.field(5, "p99Millis", &p99Millis)
      try visitor.field(6, "processorMicrosPerRequest", &processorMicros)
    }
  }

  /// For people.
  var table: String {
    var table = TextTable(
      .text(""), .number("requests/s (min-max)"), .number("p99 ms"), .number("server CPU µs each"))
    for line in lines {
      table.add(
        line.name,
        "\(whole(line.requestsPerSecond)) (\(whole(line.slowest))-\(whole(line.fastest)))",
        "\((line.p99Millis * 100).rounded() / 100)",
        line.processorMicros.map { "\(($0 * 10).rounded() / 10)" } ?? "-")
    }
    return "medians of \(rounds) rounds, \(connections) connections\n"
      + table.lines.joined(separator: "\n")
  }

  private func whole(_ value: Double) -> String { Terminal.grouped(Int(value.rounded())) }
}
