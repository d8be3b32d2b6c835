// The most frequent of the terms with a beginning, against a count over all terms of all documents, in
// every layout of segments, with documents that have fallen.

import Bytes
import Testing
import Views

@testable import TextSearch

@Test(arguments: 1...4 as ClosedRange<UInt64>)
func theMostFrequentTermsOfABeginningAreThoseOfACount(seed: UInt64) throws {
  var model = Model(seed: seed &+ 900)
  let snapshots = try layouts(&model, commits: 40, ordinals: 120)
  #expect(snapshots[0].segmentCount > 3)
  var frequencies: [String: Int] = [:]
  for thing in model.things.values {
    for word in Set(thing.description.map { "w\($0)" }) { frequencies[word, default: 0] += 1 }
  }
  let field = 2
  for prefix in ["w", "w1", "w2", "w33", "x", "w1234567", ""] {
    let matching = frequencies.filter { $0.key.hasPrefix(prefix) }
      .map { (term: Array($0.key.utf8), frequency: $0.value) }
      .sorted {
        $0.frequency != $1.frequency
          ? $0.frequency > $1.frequency : $0.term.lexicographicallyPrecedes($1.term)
      }
    for limit in [1, 2, 7, 128] {
      for snapshot in snapshots {
        let found = PrefixTerms.best(
          snapshot.state, field: field, prefix: Array(prefix.utf8), limit: limit)
        #expect(
          found.map(\.term) == matching.prefix(limit).map(\.term),
          "seed \(seed), \(prefix), \(limit)")
        #expect(found.map(\.places.frequency) == matching.prefix(limit).map(\.frequency))
        for kept in found {
          // Where it says that a segment has it, the segment has it.
          for (segment, view) in snapshot.state.segments.enumerated() {
            #expect(
              kept.places.number(in: segment) == view.segment.fields[field].terms.find(kept.term))
          }
        }
      }
    }
  }
}
