// souk search: the shop's search from the shell, beside a running server or in a stopped directory.

import ArgumentParser
import Bytes
import Server

struct SearchVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find products by words, as the shop does.",
    discussion: """
      Changes nothing, and works beside a running server. Words that nothing is spelt like are
      looked for with typos.

      EXAMPLES
        souk search "oak stool"
        souk search lamp --near 44.2,-72.5
        souk search lamp --explain --limit 3
        souk search lamp --json --data /srv/souk
      """)

  @Argument(help: "The words.") var query: String
  @Option(help: "LAT,LON in degrees: say how far away each product is.") var near: String?
  @Option(help: "1 to 100 products.") var limit = 10
  @Flag(help: "Say how each score comes about.") var explain = false
  @OptionGroup var options: StoreOptions

  func run() throws {
    var question = SearchQuestion()
    question.text = query
    guard (1...100).contains(limit) else {
      throw VerbFailure("--limit takes a number from 1 to 100", .usage)
    }
    question.limit = Int64(limit)
    question.explains = explain
    if let near {
      let parts = near.split(separator: ",").map { Double($0.filter { $0 != " " }) }
      guard parts.count == 2, let latitude = parts[0], let longitude = parts[1] else {
        throw VerbFailure("--near takes LAT,LON in degrees, such as 44.2,-72.5", .usage)
      }
      question.latitude = latitude
      question.longitude = longitude
    }
    let (report, _) = try StoreAccess.ask(question, at: options.data)
    options.show(report, lines)
  }

  private func lines(_ report: SearchReport) -> [String] {
    guard !report.hits.isEmpty else { return ["nothing is found"] }
    var table = TextTable(
      .number("SCORE"), .number("PRICE"), .text(""), .number("STOCK"), .number("MILES"),
      .text("PRODUCT"))
    for hit in report.hits {
      table.add(
        Self.rounded(hit.score, 3), hit.price.description, hit.currency, "\(hit.stock)",
        hit.distance.map { Self.rounded($0, 1) } ?? "-", "\(hit.title)  \(hit.id)")
    }
    var lines = table.lines
    for (hit, explanation) in zip(report.hits, report.explanations) {
      lines += ["", hit.title] + explanation.split(separator: "\n").map { "  \($0)" }
    }
    return lines + [
      "", "\(Terminal.count(UInt64(clamping: report.total), "product")) at commit \(report.commit)",
    ]
  }

  private static func rounded(_ value: Double, _ digits: Int) -> String {
    var unit = 1.0
    for _ in 0..<digits { unit *= 10 }
    return "\((value * unit).rounded() / unit)"
  }
}
