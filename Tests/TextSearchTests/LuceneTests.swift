// LuceneTests: rankings by BM25 against those that Lucene gave the same texts.

import Bytes
import CommitLog
import Testing
import TextSearch

@Suite struct LuceneTests {
  /// In one segment, and in as many as there are texts: statistics are those of all.
  @Test(arguments: [true, false])
  func ranksAsLuceneDoes(isOneSegment: Bool) throws {
    let texts = LuceneVectors.texts
    let index = TextIndex(
      schema: TextSchema(fields: [.init("text")]), tables: [1],
      policy: MergePolicy(fanIn: isOneSegment ? 2 : 1_000)
    ) { change in
      guard let text = change.after, let ordinal = change.key.first else { return [] }
      return [
        .put(
          ordinal: UInt32(ordinal),
          document: TextDocument(
            key: change.key, texts: ["text": String(decoding: text, as: UTF8.self)]))
      ]
    }
    for (number, text) in texts.enumerated() {
      index.apply(
        LogEntry(
          lsn: LSN(UInt64(number) + 1), time: Timestamp(microseconds: 0),
          operations: [
            .put(table: 1, key: [UInt8(number)], value: Array(text.utf8), before: nil)
          ]))
    }
    while index.maintain() {}
    let snapshot = index.textSnapshot()
    #expect(snapshot.segmentCount == texts.count || isOneSegment)
    #expect(!LuceneVectors.rankings.isEmpty)
    for ranking in LuceneVectors.rankings {
      let hits = try snapshot.search(TextRequest(.match(TextMatch("text", ranking.query)))).hits
      #expect(hits.map { Int($0.ordinal) } == ranking.hits.map(\.text), "\(ranking.query)")
      for (hit, expected) in zip(hits, ranking.hits) {
        // The last bit of a sum may differ.
        #expect(abs(Float(hit.score) - expected.score) < 1e-6 * max(1, expected.score))
      }
    }
  }
}
