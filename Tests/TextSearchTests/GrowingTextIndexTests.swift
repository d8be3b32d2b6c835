// GrowingTextIndex: an index whose schema grew while it was in use answers as one that had it all along.

import CommitLog
import Testing

@testable import TextSearch

@Suite struct GrowingTextIndexTests {
  private static func schema(_ range: Range<Int>) -> TextSchema {
    TextSchema(
      fields: range.map { TextSchema.Field("t\($0)") },
      columns: range.map { TextSchema.Column("n\($0)", .document) },
      keywords: range.map { "k\($0)" })
  }

  private static func document(
    _ random: inout Random, _ ordinal: UInt32, fields: Int
  ) -> TextDocument {
    var document = TextDocument(key: Array("d\(ordinal)".utf8))
    for field in 0..<fields where random.below(3) > 0 {
      let words = (0..<1 + random.below(6)).map { _ in "w\(random.below(12))" }
      document.texts["t\(field)"] = words.joined(separator: " ")
      document.keywords["k\(field)"] = [words[0]]
      document.numbers["n\(field)"] = Int64(random.below(50))
    }
    if random.below(2) == 0 {
      document.location = GeoPoint(latitude: Int32(random.below(100)), longitude: 7)
    }
    return document
  }

  private static func requests(fields: Int) -> [TextRequest] {
    (0..<fields).flatMap { field -> [TextRequest] in
      var sorted = TextRequest(.exists("k\(field)"), limit: 1_000)
      sorted.sort = [
        .column("n\(field)", descending: true), .keyword("k\(field)", descending: false),
      ]
      sorted.aggregations = [
        TextAggregation("values", .terms(column: "k\(field)", size: 20)),
        TextAggregation("numbers", .statistics(column: "n\(field)")),
      ]
      return [
        TextRequest(.match(TextMatch("t\(field)", "w1 w2")), limit: 1_000),
        TextRequest(.phrase(TextPhrase("t\(field)", "w1 w2")), limit: 1_000),
        TextRequest(.range(column: "n\(field)", from: 10, to: 30), limit: 1_000), sorted,
      ]
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func anIndexThatGrewAnswersAsOneThatHadItAll(seed: UInt64) throws {
    var random = Random(seed)
    let growing = GrowingTextIndex(Self.schema(0..<1))
    var fields = 1
    var documents: [UInt32: TextDocument] = [:]
    for commit in 1...80 {
      if random.below(8) == 0, fields < 12 {
        let more = fields + 1 + random.below(3)
        growing.grow(Self.schema(fields..<more))
        fields = more
      }
      var operations: [TextOperation] = []
      for _ in 0...random.below(9) {
        let ordinal = UInt32(random.below(120))
        if random.below(4) == 0 {
          documents[ordinal] = nil
          operations.append(.remove(ordinal: ordinal))
        } else {
          let document = Self.document(&random, ordinal, fields: fields)
          documents[ordinal] = document
          operations.append(.put(ordinal: ordinal, document: document))
        }
      }
      growing.apply(operations, at: LSN(UInt64(commit)))
      if random.below(5) == 0 { _ = growing.maintain() }
    }
    let whole = GrowingTextIndex(Self.schema(0..<fields))
    whole.apply(documents.map { .put(ordinal: $0.key, document: $0.value) }, at: LSN(1))
    let (grown, expected) = (growing.textSnapshot(), whole.textSnapshot())
    #expect(fields > 1 && grown.segmentCount > 1, "seed \(seed)")
    #expect(grown.documentCount == expected.documentCount)
    for request in Self.requests(fields: fields) {
      #expect(try grown.search(request) == expected.search(request), "seed \(seed) \(request)")
    }
  }

  @Test func aMergeThatTheSchemaOvertookIsThrownAway() throws {
    let index = GrowingTextIndex(Self.schema(0..<1))
    for ordinal in 0..<UInt32(9_000) {
      guard ordinal % 1_500 == 0 else { continue }
      let operations = (ordinal..<ordinal + 1_500).map { number in
        TextOperation.put(
          ordinal: number,
          document: TextDocument(key: Array("\(number)".utf8), texts: ["t0": "word"]))
      }
      index.apply(operations, at: LSN(UInt64(ordinal) + 1))
    }
    let before = index.textSnapshot()
    #expect(index.maintain { index.grow(Self.schema(1..<2)) })
    #expect(index.textSnapshot().segmentCount == before.segmentCount)
    while index.maintain() {}
    let merged = index.textSnapshot()
    #expect(merged.segmentCount < before.segmentCount && merged.documentCount == 9_000)
    #expect(try merged.search(TextRequest(.exists("t1"))).total == 0)
    #expect(try merged.search(TextRequest(.match(TextMatch("t0", "word")))).total == 9_000)
  }
}
