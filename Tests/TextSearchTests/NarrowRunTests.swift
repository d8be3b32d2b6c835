// NarrowRunTests: numbers in few bytes, parts end to end and frequencies of terms, against arrays.

import Testing

@testable import TextSearch

@Suite struct NarrowRunTests {
  @Test func numbersAreThoseThatWerePutIn() {
    var random = Random(61)
    for most in [0, 1, 255, 256, 65_535, 65_536, 4_294_967_295] {
      for count in [0, 1, 2, 300] {
        var values = (0..<count).map { _ in UInt32(random.below(most + 1)) }
        if count > 0 { values[random.below(count)] = UInt32(most) }
        let run = NarrowRun(values)
        #expect(run.count == count && run.array == values)
        #expect(
          run.sizeBytes == (count == 0 ? 0 : count * (most < 256 ? 1 : most < 65_536 ? 2 : 4)))
      }
    }
  }

  @Test func partsStandWhereTheirLengthsSay() {
    var random = Random(62)
    for most in [1, 2, 5] {
      for count in [0, 1, 2, 100] {
        let least = random.below(3)
        let lengths = (0..<count).map { _ in least + random.below(most) }
        var starts: [UInt32] = [0]
        for length in lengths { starts.append((starts.last ?? 0) + UInt32(length)) }
        let parts = PartStarts(starts)
        #expect(parts.count == count)
        for part in 0..<count {
          #expect(parts[part] == Int(starts[part])..<Int(starts[part + 1]))
        }
        #expect((parts.sizeBytes == 0) == (Set(lengths).count <= 1))
      }
    }
  }

  @Test func frequenciesAreThoseOfTheTerms() {
    var random = Random(63)
    let values = (0..<2_000).map { _ -> UInt32 in
      switch random.below(5) {
      case 0: 1 | Postings.onceBit
      case 1: UInt32(250 + random.below(10))
      case 2: UInt32(random.below(16_000_000) + 1)
      default: UInt32(1 + random.below(20))
      }
    }
    let frequencies = TermFrequencies(values)
    #expect(frequencies.count == values.count && frequencies.sizeBytes > values.count)
    for (term, value) in values.enumerated() {
      #expect(frequencies[term] == Int(value & ~Postings.onceBit))
      #expect(frequencies.isOnce(term) == (value & Postings.onceBit != 0))
    }
  }
}
