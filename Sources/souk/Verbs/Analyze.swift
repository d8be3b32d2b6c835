// souk analyze

import ArgumentParser
import Bytes
import Server
import TextSearch

struct Analyze: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the terms that a text is indexed and found by.",
    discussion: """
      Each term comes with the number of its word and the bytes of the text that it stands for.
      standard: words, in lower case, without diacritics. english: without endings, possessives
      and words such as "the". autocomplete: the beginnings of words. keyword: the whole text.

      EXAMPLES
        souk analyze "Crème brûlée, 2 × 100 g"
        souk analyze "The seller's running shoes" --analyser english
        souk analyze "straw hat" --analyser autocomplete --query
        souk analyze "Wi-Fi 6E" --json
      """)

  @Argument(help: "The text.") var text: String
  @Option(
    help: "standard, english, autocomplete or keyword.",
    completion: .list(Analyser.allCases.map(\.rawValue)))
  var analyser = Analyser.standard.rawValue
  @Flag(help: "As a question is analysed, not as a document.") var query = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    guard let analyser = Analyser(rawValue: analyser) else {
      let names = Analyser.allCases.map(\.rawValue).joined(separator: ", ")
      throw VerbFailure("there is no analyser \(analyser); take one of \(names)", .usage)
    }
    let tokens = analyser.tokens(of: text, for: query ? .query : .index)
    guard !json else {
      return Terminal.out(
        String(decoding: JSONValue.array(tokens.map(Self.json)).bytes, as: UTF8.self))
    }
    guard !tokens.isEmpty else { return Terminal.out("no terms") }
    var table = TextTable(.number("WORD"), .number("FROM"), .number("TO"), .text("TERM"))
    for token in tokens {
      table.add(
        String(token.position), String(token.source.lowerBound), String(token.source.upperBound),
        token.term)
    }
    for line in table.lines { Terminal.out(line) }
  }

  private static func json(_ token: Analyser.Token) -> JSONValue {
    .members([
      "term": .string(token.term), "position": .count(token.position),
      "from": .count(token.source.lowerBound), "to": .count(token.source.upperBound),
    ])
  }
}
