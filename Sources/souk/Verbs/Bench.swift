// souk bench

import ArgumentParser
import Bytes

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine with souk on it.",
    discussion: """
      EXAMPLES
        souk bench checkout
        souk bench checkout --rounds 5 --seconds 3 --json figures.json
        souk bench http
        souk bench store --peers Benchmarks/store/.build
        souk bench search --folder Benchmarks/search/.build/100000
      """,
    subcommands: [
      BenchCheckout.self, BenchOrders.self, BenchHTTP.self, BenchStore.self,
      BenchStoreWorkload.self, BenchSearch.self, BenchSearchRanks.self,
    ])
}

struct BenchCheckout: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkout",
    abstract: "Orders a second over HTTP, each on the disk, beside the disk's raw sync rate.",
    discussion: """
      Starts this binary on a fresh temporary data directory in a process of its own. Buyers with \
      filled carts send POST /checkout over keep-alive connections; an order counts when it was \
      answered 201.

      EXAMPLES
        souk bench checkout
        souk bench checkout --connections 1 --connections 64 --rounds 3
      """)

  @Option(help: "Connections; may be given several times.") var connections: [Int] = [1, 8, 64]
  @Option(help: "Rounds; the figures are medians over them.") var rounds = 5
  @Option(help: "Seconds of each measurement.") var seconds = 3.0
  @Option(help: "Where to make the temporary data directory.") var folder: String?
  @Option(name: .long, help: "Write the figures as JSON to this file; - is stdout.")
  var json: String?

  func validate() throws {
    guard connections.allSatisfy({ (1...1024).contains($0) }), !connections.isEmpty,
      (1...100).contains(rounds), (0.1...600).contains(seconds)
    else {
      throw ValidationError(
        "--connections takes 1 to 1024, --rounds 1 to 100, --seconds 0.1 to 600")
    }
  }

  func run() throws {
    let path = try BenchFolder.make(in: folder)
    defer { try? BenchFolder.remove(path) }
    let bench = try CheckoutBench(folder: path + "/data", seconds: seconds)
    let (phases, floor) = try bench.run(connections: connections, rounds: rounds)
    var report = CheckoutReport()
    report.rounds = Int64(rounds)
    report.seconds = seconds
    report.syncsPerSecond = median(floor)
    report.phases = phases.map { phase in
      var line = CheckoutReport.Phase()
      line.connections = Int64(phase.connections)
      line.ordersPerSecond = median(phase.rates)
      line.slowest = phase.rates.min() ?? 0
      line.fastest = phase.rates.max() ?? 0
      line.p50Millis = median(phase.p50)
      line.p99Millis = median(phase.p99)
      line.processorMicros = median(phase.processorMicros)
      return line
    }
    let bytes = FieldJSON.encode(report)
    if json == "-" {
      Terminal.out(String(decoding: bytes, as: UTF8.self))
      return
    }
    Terminal.out(report.table)
    if let json { try BenchFolder.write(bytes + [10], to: json) }
  }
}

/// The figures of `souk bench checkout`.
struct CheckoutReport: Fields {
  var rounds: Int64 = 0
  var seconds = 0.0
  var syncsPerSecond = 0.0
  var phases: [Phase] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "rounds", &rounds)
    try visitor.field(2, "seconds", &seconds)
    try visitor.field(3, "syncsPerSecond", &syncsPerSecond)
    try visitor.field(4, "phases", &phases)
  }

  struct Phase: Fields {
    var connections: Int64 = 0
    var ordersPerSecond = 0.0
    var slowest = 0.0
    var fastest = 0.0
    var p50Millis = 0.0
    var p99Millis = 0.0
    var processorMicros = 0.0

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "connections", &connections)
      try visitor.field(2, "ordersPerSecond", &ordersPerSecond)
      try visitor.field(3, "slowest", &slowest)
      try visitor.field(4, "fastest", &fastest)
      try visitor.field(5, "p50Millis", &p50Millis)
      try visitor.field(6, "p99Millis", &p99Millis)
      try visitor.field(7, "processorMicrosPerOrder", &processorMicros)
    }
  }

  /// For people.
  var table: String {
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func whole(_ value: Double) -> String { Terminal.grouped(Int(value.rounded())) }
    func tenths(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    var lines = [
      "medians of \(rounds) rounds of \(seconds) s; raw fdatasync of this disk: "
        + "\(whole(syncsPerSecond)) a second",
      "connections   orders/s      (min      max)   p50 ms   p99 ms   server CPU µs/order",
    ]
    for phase in phases {
      lines.append(
        padded(String(phase.connections), 11) + padded(whole(phase.ordersPerSecond), 11)
          + padded(whole(phase.slowest), 10) + padded(whole(phase.fastest), 9)
          + padded(tenths(phase.p50Millis), 10) + padded(tenths(phase.p99Millis), 9)
          + padded(whole(phase.processorMicros), 22))
    }
    return lines.joined(separator: "\n")
  }
}
