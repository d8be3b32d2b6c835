// souk bench search

import ArgumentParser
import Bytes

struct BenchSearch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "The text engine on generated products: index, queries by class, changed prices.",
    discussion: """
      Reads products.tsv and queries.tsv of a folder, which Benchmarks/search/generate makes, indexes \
      the products, writes the index's files and runs the queries on one thread. \
      Benchmarks/search/run does so for the peers too, in alternated rounds.

      EXAMPLES
        souk bench search --folder Benchmarks/search/.build/100000
        souk bench search --folder Benchmarks/search/.build/100000 --only plain,market --json -
      """)

  @Option(help: "The folder with products.tsv and queries.tsv.") var folder: String
  @Option(help: "How often the queries are run, after once to warm up.") var passes = 3
  @Option(help: "Which of plain,market,fuzzy,complete to measure.") var only: String?
  @Option(name: .long, help: "Write the figures as JSON to this file; - is stdout.")
  var json: String?

  private var kinds: [String] {
    only.map { $0.split(separator: ",").map { String($0) } } ?? SearchWorkload.classes
  }

  func validate() throws {
    guard (1...1_000).contains(passes) else {
      throw ValidationError("--passes takes 1 to 1000")
    }
    for kind in kinds where !SearchWorkload.classes.contains(kind) {
      let hint = nearest(kind, in: SearchWorkload.classes).map { "; did you mean \($0)?" } ?? ""
      throw ValidationError(
        "--only takes \(SearchWorkload.classes.joined(separator: ",")), not \(kind)\(hint)")
    }
    if kinds.isEmpty { throw ValidationError("--only names nothing to measure") }
  }

  func run() throws {
    var workload = SearchWorkload(folder: folder, passes: passes)
    try workload.run(kinds)
    var line = SearchWorkload.Line()
    line.engine = "souk"
    line.version = Souk.version
    line.measures = workload.measures
    let bytes = FieldJSON.encode(line)
    if json == "-" {
      Terminal.out(String(decoding: bytes, as: UTF8.self))
      return
    }
    Terminal.out(Self.table(workload.measures))
    if let json { try BenchFolder.write(bytes + [10], to: json) }
  }

  /// For people: what is not of a class of queries, then a line for each class.
  static func table(_ measures: [SearchWorkload.Measure]) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func value(_ name: String) -> Double { measures.first { $0.name == name }?.value ?? 0 }
    func hundredths(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    var lines = [
      "index: \(hundredths(value("index.seconds"))) s, "
        + "\(hundredths(value("index.bytes"))) bytes a product in files, "
        + "\(hundredths(value("index.memory"))) in memory, "
        + "\(Int(value("index.segments"))) segments; most memory "
        + "\(Terminal.grouped(Int(value("memory.bytes") / 1e6))) MB; a changed price "
        + "\(hundredths(value("update.micros"))) µs",
      "queries       median µs     p99 µs  queries/s      hits    matches",
    ]
    for name in SearchWorkload.classes where measures.contains(where: { $0.name == name + ".p50" })
    {
      lines.append(
        name + padded(hundredths(value(name + ".p50")), 23 - name.count)
          + padded(hundredths(value(name + ".p99")), 11)
          + padded(Terminal.grouped(Int(value(name + ".rate"))), 11)
          + padded(Terminal.grouped(Int(value(name + ".hits"))), 10)
          + padded(Terminal.grouped(Int(value(name + ".matches"))), 11))
    }
    return lines.joined(separator: "\n")
  }
}

/// Our half of Benchmarks/search/lucene-agreement.
struct BenchSearchRanks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search-ranks",
    abstract: "The words of texts, or the ten best of them for each query.",
    discussion: """
      EXAMPLES
        souk bench search-ranks --documents texts.tsv
        souk bench search-ranks --documents texts.tsv --queries queries.txt
      """,
    shouldDisplay: false)

  @Option(help: "Lines of an id, a tab and a text.") var documents: String
  @Option(help: "A query a line; without it the words of each text are printed.")
  var queries: String?

  func run() throws {
    let ranks = try SearchRanks(documents: documents)
    if let queries {
      try ranks.printRanks(queries)
    } else {
      ranks.printWords()
    }
  }
}
