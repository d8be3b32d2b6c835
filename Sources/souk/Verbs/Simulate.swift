// souk simulate

import ArgumentParser
import Bytes

struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a shop on a disk that fails, from a seed, and prove what is left.",
    discussion: """
      Buyers buy, cancel and are refunded on a simulated disk that loses power, fails calls or is \
      full. After each life the shop is opened on what the disk kept: nothing that was answered may \
      be missing, nothing half done may be there, and records, books, stock and engines must be \
      sound. Nothing on the real disk is touched. The same seed makes the same run; a failure names \
      its seed. Exit code 1 when a run fails.

      EXAMPLES
        souk simulate --seed 42
        souk simulate --seed 1000 --runs 500
        souk simulate --seed 42 --json
      """)

  @Option(help: "The seed of the first run; each further run has the next one.")
  var seed: UInt64 = 1
  @Option(help: "How many runs.") var runs = 1
  @Flag(help: "Print JSON.") var json = false

  /// The runs together.
  struct Outcome: Fields {
    var runs: [ShopSimulation.Report] = []
    var failures: [Failure] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "runs", &runs)
      try visitor.field(2, "failures", &failures)
    }
  }

  struct Failure: Fields {
    var seed: UInt64 = 0
    var problem = ""

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "seed", &seed)
      try visitor.field(2, "problem", &problem)
    }
  }

  func validate() throws {
    guard (1...1_000_000).contains(runs) else {
      throw ValidationError("--runs takes 1 to 1000000")
    }
  }

  func run() throws {
    var outcome = Outcome()
    for number in 0..<runs {
      let seed = seed &+ UInt64(number)
      Terminal.progress("run \(number + 1) of \(runs): seed \(seed)")
      do {
        var simulation = ShopSimulation(seed: seed)
        outcome.runs.append(try simulation.run())
      } catch {
        var failure = Failure()
        failure.seed = seed
        failure.problem = "\(error)"
        outcome.failures.append(failure)
      }
    }
    Terminal.endProgress()
    if json {
      Terminal.out(String(decoding: FieldJSON.encode(outcome), as: UTF8.self))
    } else {
      for line in Self.lines(outcome) { Terminal.out(line) }
    }
    guard let first = outcome.failures.first else { return }
    throw VerbFailure(
      "\(Terminal.count(outcome.failures.count, "run")) failed; again: "
        + "souk simulate --seed \(first.seed)")
  }

  private static func lines(_ outcome: Outcome) -> [String] {
    var lines = outcome.failures.map { "seed \($0.seed): \($0.problem)" }
    func sum(_ value: (ShopSimulation.Report) -> Int64) -> String {
      Terminal.grouped(outcome.runs.reduce(0) { $0 + value($1) })
    }
    lines.append(
      "\(Terminal.count(outcome.runs.count, "run")) sound: \(sum(\.lives)) lives, "
        + "\(sum(\.crashes)) crashes, \(sum(\.faults)) other faults, \(sum(\.purchases)) purchases, "
        + "\(sum(\.orders)) orders, \(sum { Int64($0.commits) }) commits")
    if outcome.runs.count == 1, let only = outcome.runs.first {
      lines.append("digest of all answers: \(only.digest)")
    }
    return lines
  }
}
