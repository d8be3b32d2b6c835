// FilterTests: the kernels that filter a window, against their references and against what they stand for; and
// filters in every order and share, which change no bit of an answer.

import Bytes
import CommitLog
import Kernels
import Testing

@testable import TextSearch

@Suite struct FilterTests {
  /// Ordinals that follow one another, or have gaps, from anywhere.
  private static func ordinals(_ random: inout Random, _ gap: Int) -> [UInt32] {
    var next = UInt32(random.below(3_000))
    return (0..<4_096).map { _ in
      defer { next += 1 + UInt32(gap == 0 ? 0 : random.below(gap)) }
      return next
    }
  }

  @Test(arguments: [0, 1, 3, 300])
  func aRangeOfCellsIsItsReference(gap: Int) {
    var random = Random(UInt64(gap) + 90)
    for round in 0..<60 {
      var column = ChunkedColumn<Int64>(initial: random.below(2) == 0 ? NumericCell.none : 0)
      let ordinals = Self.ordinals(&random, gap)
      for ordinal in ordinals where random.below(8) > 0 {
        // Some chunks are not there.
        if ordinal >> 10 % 3 != 1 || round % 2 == 0 {
          column[ordinal] =
            [Int64.max, Int64.min + 1, Int64(random.below(100))][min(2, random.below(20))]
        }
      }
      let density = [1, 8, 40, 64][random.below(4)]
      let bits = (0..<64).map { _ in
        (0..<64).reduce(UInt64(0)) { bits, bit in
          random.below(64) < density ? bits | 1 << UInt64(bit) : bits
        }
      }
      let low = [Int64(random.below(100)), Int64.min + 1, -5][random.below(3)]
      let high = max(low, [Int64(random.below(100)), Int64.max, 0][random.below(3)])
      var found = bits
      let reader = CellReader(column)
      withExtendedLifetime(reader) { reader.cells.keep(in: low...high, ordinals, &found, 64) }
      for slot in 0..<4_096 {
        let isKept =
          bits[slot / 64] >> UInt64(slot % 64) & 1 == 1
          && (low...high).contains(column[ordinals[slot]])
        #expect(found[slot / 64] >> UInt64(slot % 64) & 1 == (isKept ? 1 : 0), "round \(round)")
      }
      let chunks = UnsafeMutablePointer<UnsafeMutablePointer<Int64>?>.allocate(capacity: 1)
      defer { chunks.deallocate() }
      var (some, plain) = (bits, bits)
      chunks[0] = nil
      kernels_keep_in_range(chunks, 1, 7, ordinals, &some, 64, low, UInt64(bitPattern: high &- low))
      kernels_keep_in_range_scalar(
        chunks, 1, 7, ordinals, &plain, 64, low, UInt64(bitPattern: high &- low))
      #expect(
        some == plain && (some == bits) == ((low...high).contains(7) || bits.allSatisfy { $0 == 0 })
      )
    }
  }

  @Test func chosenPostingsAreThoseWhoseBitsAreSet() {
    var random = Random(91)
    for _ in 0..<200 {
      let documents = Set((0..<random.below(129)).map { _ in UInt32(8_192 + random.below(4_096)) })
        .sorted()
      let counts = documents.map { _ in UInt32(1 + random.below(9)) }
      let bits = (0..<64).map { _ in random.next() & random.next() }
      var chosen = [UInt32](repeating: 0, count: 128)
      var chosenCounts = chosen
      let count = kernels_choose(
        documents, counts, documents.count, 8_192, bits, &chosen, &chosenCounts)
      let expected = documents.indices.filter {
        let slot = Int(documents[$0] - 8_192)
        return bits[slot / 64] >> UInt64(slot % 64) & 1 == 1
      }
      #expect(Array(chosen.prefix(count)) == expected.map { documents[$0] })
      #expect(Array(chosenCounts.prefix(count)) == expected.map { counts[$0] })
    }
  }

  @Test func cellsLeaveOutAndDoubtAsTheirBitsSay() {
    var random = Random(92)
    let cells = (0..<4_096).map { _ in UInt16(truncatingIfNeeded: random.next()) }
    let outer = (0..<1_024).map { _ in random.next() }
    let inner = outer.map { $0 & random.next() }
    let bits = (0..<64).map { _ in random.next() }
    var kept = bits
    var unsure = [UInt64](repeating: .max, count: 64)
    kernels_keep_in_cells(cells, &kept, 64, outer, inner, &unsure)
    func has(_ bits: [UInt64], _ place: Int) -> Bool {
      bits[place / 64] >> UInt64(place % 64) & 1 == 1
    }
    for slot in 0..<4_096 {
      let cell = Int(cells[slot])
      #expect(has(kept, slot) == (has(bits, slot) && has(outer, cell)))
      #expect(has(unsure, slot) == (has(kept, slot) && !has(inner, cell)))
    }
  }

  /// Words with filters that keep few, half and nearly all, as filters and as required clauses (which are
  /// scored first): the same documents and bits of scores.
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func filteringBeforeScoringChangesNoBit(seed: UInt64) throws {
    var model = Model(seed: seed &+ 700)
    var snapshots = try layouts(&model, commits: 40, ordinals: 300)
    snapshots.append(try largeSegment(seed))
    var expressions = RandomExpressions(random: Random(seed &* 17))
    for round in 0..<60 {
      var match = TextMultiMatch(
        [.init("title", boost: 3), .init("category", boost: 2), .init("description")],
        expressions.text(4))
      let tie = Double(expressions.random.below(3)) / 4
      match.kind = [.bestFields(tieBreaker: tie), .mostFields][expressions.random.below(2)]
      if expressions.chance(4) { match.fuzziness = .auto }
      if expressions.chance(3) { match.minimumWords = 2 }
      let filters: [TextExpression] = [
        .range(column: "price", from: Int64(expressions.random.below(50)), to: nil),
        .range(column: "stock", from: nil, to: 2),
        .withinDistance(
          of: expressions.place(), metres: Double(expressions.random.below(9_000_000))),
      ].filter { _ in expressions.chance(2) }
      var filtered = TextBool()
      filtered.must = [.multiMatch(match)]
      filtered.filter = filters
      if expressions.chance(3) { filtered.should = [.match(TextMatch("title", "w1 w2"))] }
      var scored = filtered
      scored.filter = []
      scored.must += filters.map { .constant($0, score: 0) }
      for snapshot in snapshots {
        let found = try snapshot.search(TextRequest(.bool(filtered), limit: 50))
        let expected = try snapshot.search(TextRequest(.bool(scored), limit: 50))
        #expect(found == expected, "seed \(seed) round \(round)")
      }
    }
  }
}
