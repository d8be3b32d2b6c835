// StoreBench: the rounds of `souk bench store`. Every measurement is a process of its own on a folder
// of this run: this same binary for souk and the floors, a program of the peers' folder for each
// peer. Within a round the engines take turns at each measurement, and each round another begins, so
// that a slow minute of the machine falls on all of them.

import Bytes
import Disk
import Glibc

struct StoreBench {
  /// A program that knows the workloads.
  struct Engine {
    var name: String
    var program: String
    var arguments: [String] = []
  }

  /// One row of measurements: what is run, and under which name it is reported.
  struct Step {
    var id: String
    /// One of `StoreBench.kinds`.
    var kind: String
    var clients = 1
    var isOrdered = false
  }

  static let kinds = [
    "load", "open", "get", "scan", "memory", "recovery", "commit", "space", "free-pages",
    "checkpoint",
  ]
  /// What takes minutes with all peers: measured once, unless it is asked for by name.
  private static let slow = ["recovery", "space", "free-pages"]
  /// What souk's commits wait for, over the rows of `preload`; no peer has a part in it.
  private static let latencies = ["free-pages", "checkpoint"]
  static let peers = ["sqlite", "lmdb", "rocksdb"]
  /// What runs on the store that `load` left, in this order: the last two write to it.
  private static let onLoaded = ["load", "open", "get", "scan", "memory", "recovery"]
  private static let commits = [
    Step(id: "commit-1-ordered", kind: "commit", clients: 1, isOrdered: true),
    Step(id: "commit-1-random", kind: "commit", clients: 1),
    Step(id: "commit-64-ordered", kind: "commit", clients: 64, isOrdered: true),
    Step(id: "commit-64-random", kind: "commit", clients: 64),
  ]
  /// The cache of the memory measurement; less than the rows, and what `Database` takes by default.
  static let memoryCacheBytes = 64 << 20
  private static let floor = "floor"

  let folder: String
  let rounds: Int
  let seconds: Double
  let keys: Int
  let preload: Int
  /// What to measure: all kinds when it is nil.
  let only: [String]?
  let engines: [Engine]
  private(set) var skipped: [String] = []
  private(set) var report = StoreBenchReport()

  init(
    folder: String, rounds: Int, seconds: Double, keys: Int, preload: Int, only: [String]?,
    peers: String?
  ) throws {
    self.folder = folder
    self.rounds = rounds
    self.seconds = seconds
    self.keys = keys
    self.preload = min(preload, keys)
    self.only = only
    var engines = [Self.own("souk")]
    for name in Self.peers {
      let program = (peers ?? "") + "/" + name
      if peers != nil, try PosixDisk().exists(program) {
        engines.append(Engine(name: name, program: program))
      } else {
        skipped.append(name)
      }
    }
    self.engines = engines
  }

  private static func own(_ name: String) -> Engine {
    Engine(name: name, program: Installation.ownBinary, arguments: ["bench", "store-workload"])
  }

  mutating func run() throws {
    report.rounds = Int64(rounds)
    report.seconds = seconds
    report.keys = Int64(keys)
    report.preload = Int64(preload)
    report.skipped = skipped
    for round in 1...rounds {
      try runOnLoaded(round)
      for step in Self.commits where isWanted(step.kind, round) {
        for engine in turns(round) {
          defer { try? BenchFolder.remove(path(engine)) }
          try measure(step, engine, round, ["commit"])
        }
        try measure(step, Self.own(Self.floor), round, ["sync-floor"])
      }
      for kind in Self.latencies where isWanted(kind, round) {
        let souk = engines[0]
        defer { try? BenchFolder.remove(path(souk)) }
        try measure(Step(id: kind, kind: kind), souk, round, [kind])
      }
      guard isWanted("space", round) else { continue }
      for engine in engines {
        defer { try? BenchFolder.remove(path(engine)) }
        try measure(Step(id: "space", kind: "space"), engine, round, ["space"])
      }
    }
    Terminal.endProgress()
  }

  private func isWanted(_ kind: String, _ round: Int) -> Bool {
    if let only { return only.contains(kind) }
    return round == 1 || !Self.slow.contains(kind)
  }

  private mutating func runOnLoaded(_ round: Int) throws {
    guard Self.onLoaded.contains(where: { isWanted($0, round) }) else { return }
    defer { for engine in engines { try? BenchFolder.remove(path(engine)) } }
    for kind in Self.onLoaded where kind == "load" || isWanted(kind, round) {
      let step = Step(id: kind, kind: kind)
      for engine in turns(round) {
        try measure(step, engine, round, kind == "recovery" ? ["fill-log", "recover"] : [kind])
      }
      if kind == "get" { try measure(step, Self.own(Self.floor), round, ["memory-floor"]) }
    }
  }

  /// The engines, each round beginning with another.
  private func turns(_ round: Int) -> [Engine] {
    let first = (round - 1) % engines.count
    return Array(engines[first...] + engines[..<first])
  }

  private func path(_ engine: Engine) -> String {
    engine.name == Self.floor ? folder : folder + "/" + engine.name
  }

  private mutating func measure(
    _ step: Step, _ engine: Engine, _ round: Int, _ workloads: [String]
  ) throws {
    Terminal.progress("round \(round) of \(rounds): \(step.id), \(engine.name)")
    var rows = 0.0
    for workload in workloads {
      let line = try start(workload, step, engine, rows: rows)
      for measure in line.measures {
        if measure.name == "rows" { rows = measure.value }
        guard isWanted(step.kind, round) else { continue }
        report.add(step.id, engine.name, engine.name == Self.floor ? "" : line.version, measure)
      }
    }
  }

  /// Runs one process and reads its line.
  private func start(
    _ workload: String, _ step: Step, _ engine: Engine, rows: Double
  ) throws -> StoreWorkload.Line {
    let isOfCommits = step.kind == "commit" || Self.latencies.contains(step.kind)
    let count = isOfCommits ? preload : keys
    // All rows and half as much again, so that what is warm is in memory.
    let cache = step.kind == "memory" ? Self.memoryCacheBytes : max(256 << 20, keys * 216 * 3 / 2)
    let ended = try ChildOutput.run(
      engine.program,
      engine.arguments + [
        "--workload", workload, "--folder", path(engine), "--keys", "\(count)",
        "--seconds", "\(seconds)", "--cache", "\(cache)", "--clients", "\(step.clients)",
        "--order", step.isOrdered ? "ordered" : "random", "--rows", "\(Int(rows))",
      ])
    guard ended.status == (workload == "fill-log" ? -SIGKILL : 0) else {
      throw VerbFailure("\(engine.name) failed at \(workload) with status \(ended.status)")
    }
    let line: StoreWorkload.Line
    do throws(FieldError) {
      line = try FieldJSON.decode(from: ended.output)
    } catch {
      throw VerbFailure("\(engine.name) did not print the figures of \(workload): \(error)")
    }
    guard line.sample == String(StoreRows.sample, radix: 16) else {
      throw VerbFailure(
        "\(engine.name) makes other rows than souk; compile it again: Benchmarks/store/build")
    }
    return line
  }
}
