// SearchRanks: what the text engine makes of texts, printed as Benchmarks/search/LuceneRanks.java prints
// what Lucene makes of them: a line a document with its words, or a line a query with its best hits.

import Bytes
import CommitLog
import Disk
import TextSearch

struct SearchRanks {
  private let texts: [(id: String, text: String)]

  init(documents: String) throws {
    texts = try SearchWorkload.lines(documents).map { line in
      let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
      func part(_ index: Int) -> String {
        index < parts.count ? String(decoding: parts[index], as: UTF8.self) : ""
      }
      return (part(0), part(1))
    }
  }

  func printWords() {
    for entry in texts {
      let words = Analyser.standard.tokens(of: entry.text).map(\.term)
      Terminal.out(entry.id + "\t" + words.joined(separator: " "))
    }
  }

  func printRanks(_ queries: String) throws {
    let index = TextIndex(
      schema: TextSchema(fields: [.init("text")]), tables: [1],
      projection: { change in
        guard let text = change.after else { return [] }
        let ordinal = change.key.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return [
          .put(
            ordinal: ordinal,
            document: TextDocument(
              key: change.key, texts: ["text": String(decoding: text, as: UTF8.self)]))
        ]
      })
    try index.rebuild(at: LSN(1)) { body in
      for (number, entry) in texts.enumerated() {
        body(1, SearchProduct.key(number).span.bytes, Array(entry.text.utf8).span.bytes)
      }
    }
    let snapshot = index.textSnapshot()
    for query in try SearchWorkload.lines(queries).map({ String(decoding: $0, as: UTF8.self) }) {
      let response = try snapshot.search(TextRequest(.match(TextMatch("text", query)), limit: 10))
      let hits = response.hits.map { "\t\(texts[Int($0.ordinal)].id) \(Float($0.score))" }
      Terminal.out(query + hits.joined())
    }
  }
}
