// souk bench store

import ArgumentParser
import Bytes
import Glibc

struct BenchStore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "The record store beside SQLite, LMDB and RocksDB, and the floors of this machine.",
    discussion: """
      Commits, gets, scans, bulk loads, openings, recovery, memory, space, and what a commit waits \
      for beside free pages and checkpoints, each in a process of its own on a fresh temporary \
      folder, in alternated rounds. The peers are the programs that Benchmarks/store/build compiles; \
      one that is not there is skipped and named. Recovery, space and free pages (10 GB on the disk), \
      which take minutes, are measured once unless --only names them.

      EXAMPLES
        souk bench store
        souk bench store --peers Benchmarks/store/.build --rounds 5 --json figures.json
        souk bench store --only get,scan --keys 10000000 --rounds 3
      """)

  @Option(help: "Rounds; the figures are medians over them.") var rounds = 5
  @Option(help: "Seconds of each measurement of commits and of memory.") var seconds = 3.0
  @Option(help: "Rows of the store that is read.") var keys = 1_000_000
  @Option(help: "Rows in the store before commits are measured.") var preload = 100_000
  @Option(help: "The folder of the compiled peers.") var peers: String?
  @Option(help: "Which to measure: \(StoreBench.kinds.joined(separator: ",")).")
  var only: String?
  @Option(help: "Where to make the temporary folder.") var folder: String?
  @Option(name: .long, help: "Write the figures as JSON to this file; - is stdout.")
  var json: String?

  private var kinds: [String]? {
    only.map { $0.split(separator: ",").map { String($0) } }
  }

  func validate() throws {
    guard (1...100).contains(rounds), (0.1...600).contains(seconds),
      (1000...100_000_000).contains(keys), (1000...100_000_000).contains(preload)
    else {
      throw ValidationError(
        "--rounds takes 1 to 100, --seconds 0.1 to 600, --keys and --preload 1000 to 100000000")
    }
    for kind in kinds ?? [] where !StoreBench.kinds.contains(kind) {
      let hint = nearest(kind, in: StoreBench.kinds).map { "; did you mean \($0)?" } ?? ""
      throw ValidationError(
        "--only takes \(StoreBench.kinds.joined(separator: ",")), not \(kind)\(hint)")
    }
    if kinds?.isEmpty == true { throw ValidationError("--only names nothing to measure") }
  }

  func run() throws {
    let path = try BenchFolder.make(in: folder)
    defer { try? BenchFolder.remove(path) }
    var bench = try StoreBench(
      folder: path, rounds: rounds, seconds: seconds, keys: keys, preload: preload, only: kinds,
      peers: peers)
    for name in bench.skipped {
      Terminal.note(
        "\(name) is not in the folder of --peers and is skipped; tools/bench-peers installs it, "
          + "Benchmarks/store/build compiles it")
    }
    try bench.run()
    let bytes = FieldJSON.encode(bench.report)
    if json == "-" {
      Terminal.out(String(decoding: bytes, as: UTF8.self))
      return
    }
    Terminal.out(bench.report.table)
    if let json { try BenchFolder.write(bytes + [10], to: json) }
  }
}

/// One measurement of `souk bench store`, which starts it.
struct BenchStoreWorkload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store-workload", abstract: "One measurement of `souk bench store`.",
    discussion: """
      EXAMPLES
        souk bench store-workload --workload load --folder /tmp/store --keys 1000000
      """,
    shouldDisplay: false)

  @Option var workload: String
  @Option var folder: String
  @Option var keys: UInt64 = 1_000_000
  @Option var seconds = 3.0
  @Option var cache = 256 << 20
  @Option var clients = 1
  @Option var order = "random"
  @Option var rows: UInt64 = 0

  func validate() throws {
    guard StoreWorkload.names[workload] != nil, keys > 0, cache > 0, (1...1024).contains(clients),
      ["ordered", "random"].contains(order), seconds > 0
    else {
      throw ValidationError(
        "--workload takes \(StoreWorkload.names.keys.sorted().joined(separator: ", ")); --order "
          + "ordered or random; numbers are above zero")
    }
  }

  func run() throws {
    guard let body = StoreWorkload.names[workload] else { return }
    var line = StoreWorkload.Line()
    line.engine = "souk"
    line.version = Souk.version
    line.sample = String(StoreRows.sample, radix: 16)
    line.measures = try body(
      StoreWorkload(
        folder: folder, keys: keys, seconds: seconds, cacheBytes: cache, clients: clients,
        isOrdered: order == "ordered", rows: rows))
    Terminal.out(String(decoding: FieldJSON.encode(line), as: UTF8.self))
    // The log is left as a power cut would leave it.
    if workload == "fill-log" { kill(getpid(), SIGKILL) }
  }
}
