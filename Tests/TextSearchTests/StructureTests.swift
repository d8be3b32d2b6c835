// StructureTests: packed blocks, norms, dictionaries, postings and the grid of places, each against the
// plain thing that it stands for.

import Kernels
import Testing

@testable import TextSearch

@Suite struct StructureTests {
  @Test(arguments: 0...32 as ClosedRange<UInt32>)
  func kernelsPackAndUnpackAsTheirReferences(bits: UInt32) {
    var random = Random(UInt64(bits) + 1)
    for _ in 0..<20 {
      let mask: UInt32 = bits == 32 ? .max : (1 << bits) - 1
      let values = (0..<128).map { _ in UInt32(truncatingIfNeeded: random.next()) & mask }
      var packed = [UInt8](repeating: 0xaa, count: 16 * Int(bits) + 16)
      var plain = packed
      kernels_pack(values, bits, &packed)
      kernels_pack_scalar(values, bits, &plain)
      #expect(packed == plain)
      var counts = [UInt32](repeating: 0, count: 128)
      var ascending = counts
      kernels_unpack_counts(packed, bits, &counts)
      #expect(counts == values.map { $0 &+ 1 })
      let before = UInt32(truncatingIfNeeded: random.next())
      kernels_unpack_ascending(packed, bits, before, &ascending)
      var plainCounts = counts
      var plainAscending = counts
      kernels_unpack_counts_scalar(packed, bits, &plainCounts)
      kernels_unpack_ascending_scalar(packed, bits, before, &plainAscending)
      #expect(counts == plainCounts)
      #expect(ascending == plainAscending)
    }
  }

  @Test func kernelsScoreAsTheirReferenceBitForBit() {
    var random = Random(8)
    let norms = (0..<4_096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let inverse = (0..<256).map { 1 / (0.3 + Float($0) * 0.17) }
    for _ in 0..<300 {
      let count = random.below(129)
      let documents = Array(
        Set((0..<count).map { _ in UInt32(random.below(4_096)) }).sorted())
      let counts = documents.map { _ in UInt32(1 + random.below(300)) }
      let weight = Float(random.below(1_000)) / 77
      var scores = [Float](repeating: 0, count: 128)
      var plain = scores
      kernels_scores(documents, counts, documents.count, norms, inverse, weight, &scores)
      kernels_scores_scalar(documents, counts, documents.count, norms, inverse, weight, &plain)
      #expect(scores == plain)
      // Garbage where no bit is set must not show.
      var sums = [Float](repeating: .nan, count: 4_096)
      var most = sums
      var bits = [UInt64](repeating: 0, count: 64)
      var others = bits
      kernels_scatter_add(documents, scores, documents.count, 0, &sums, &bits)
      kernels_scatter_max(documents, scores, documents.count, 0, &most, &others)
      #expect(bits == others)
      for (index, document) in documents.enumerated() {
        #expect(sums[Int(document)] == scores[index] && most[Int(document)] == scores[index])
        #expect(bits[Int(document) / 64] >> UInt64(document % 64) & 1 == 1)
      }
      #expect(bits.reduce(0) { $0 + $1.nonzeroBitCount } == documents.count)
      kernels_scatter_add(documents, scores, documents.count, 0, &sums, &bits)
      kernels_scatter_max(documents, scores, documents.count, 0, &most, &others)
      for (index, document) in documents.enumerated() {
        #expect(sums[Int(document)] == scores[index] + scores[index])
        #expect(most[Int(document)] == scores[index])
      }
    }
  }

  /// A window with about so many matches in a word of bits, and garbage elsewhere.
  private static func window(
    _ random: inout Random, _ density: Int
  ) -> (bits: [UInt64], scores: [Float]) {
    var bits = [UInt64](repeating: 0, count: 64)
    var scores = [Float](repeating: .nan, count: 4_096)
    for slot in scores.indices {
      if random.below(64) < density {
        bits[slot / 64] |= 1 << UInt64(slot % 64)
        scores[slot] = Float(random.below(1_000)) / 7
      } else if random.below(2) == 0 {
        scores[slot] = 1e9
      }
    }
    return (bits, scores)
  }

  @Test(arguments: [0, 1, 5, 20, 64])
  func kernelsMergeWindowsAsTheirReferenceBitForBit(density: Int) {
    var random = Random(UInt64(density) + 70)
    for other in [0, 1, 5, 20, 64] {
      for isSum in [true, false] {
        var left = Self.window(&random, density)
        var plain = left
        let right = Self.window(&random, other)
        if isSum {
          kernels_merge_add(&left.scores, &left.bits, right.scores, right.bits, 64)
        } else {
          kernels_merge_max(&left.scores, &left.bits, right.scores, right.bits, 64)
        }
        kernels_merge_scalar(
          &plain.scores, &plain.bits, right.scores, right.bits, 64, isSum ? 1 : 0)
        #expect(left.bits == plain.bits)
        for slot in 0..<4_096 where left.bits[slot / 64] >> UInt64(slot % 64) & 1 == 1 {
          #expect(left.scores[slot].bitPattern == plain.scores[slot].bitPattern)
        }
        let least = Float(random.below(1_500)) / 7
        var kept = left.bits
        kernels_keep_at_least(left.scores, &kept, 64, least)
        kernels_keep_at_least_scalar(plain.scores, &plain.bits, 64, least)
        #expect(kept == plain.bits)
      }
    }
  }

  @Test func normsAreExactToFortyAndOrderAsLengthsDo() {
    for length in 0...40 as ClosedRange<UInt32> {
      #expect(Norm.length(ofNorm: Norm.norm(ofLength: length)) == length)
    }
    var last: UInt8 = 0
    for length in Array(0...5_000) + [100_000, 1 << 30, .max] as [UInt32] {
      let norm = Norm.norm(ofLength: length)
      #expect(norm >= last)
      last = norm
      let counted = Norm.length(ofNorm: norm)
      #expect(counted <= length && Double(counted) >= Double(min(length, 1 << 31 - 1)) * 0.875)
      if length <= 5_000 { #expect(Double(counted) == Oracle.counted(Int(length))) }
    }
    for norm in 0...255 as ClosedRange<UInt8> where Norm.length(ofNorm: norm) < 1 << 31 {
      #expect(Norm.norm(ofLength: Norm.length(ofNorm: norm)) == norm)
    }
  }

  static func words(_ random: inout Random, _ count: Int, _ letters: Int, _ length: Int)
    -> [[UInt8]]
  {
    Set(
      (0..<count).map { _ in
        (0..<random.below(length)).map { _ in UInt8(97 + random.below(letters)) }
      }
    ).sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test(arguments: [(2, 6), (3, 12), (26, 4), (1, 400)])
  func aDictionaryIsASortedArray(letters: Int, length: Int) {
    var random = Random(UInt64(letters * length))
    for count in [0, 1, 15, 16, 17, 300] {
      let words = Self.words(&random, count, letters, length)
      var builder = TermDictionaryBuilder()
      for word in words { builder.append(word) }
      let dictionary = builder.finish()
      #expect(dictionary.count == words.count)
      for (number, word) in words.enumerated() {
        #expect(dictionary.find(word) == number)
        #expect(dictionary.term(number) == word)
      }
      let others = Self.words(&random, 200, letters + 1, length + 2)
      for other in others {
        #expect(dictionary.find(other) == words.firstIndex(of: other))
        let range = dictionary.range(ofPrefix: other)
        let expected = words.indices.filter { words[$0].starts(with: other) }
        #expect(Array(range) == expected)
        var walker = TermWalker(dictionary)
        walker.move(to: random.below(words.count + 1))
        let start = walker.number
        let next = words.indices.first {
          $0 >= start && !words[$0].lexicographicallyPrecedes(other)
        }
        #expect(walker.seek(other) == (next != nil))
        #expect(walker.number == next ?? words.count)
        #expect(walker.term == next.map { words[$0] } ?? [])
      }
    }
  }

  @Test func walkersSkipWhatBeginsAlike() {
    var random = Random(4)
    let words = Self.words(&random, 2_000, 3, 12)
    var builder = TermDictionaryBuilder()
    for word in words { builder.append(word) }
    let dictionary = builder.finish()
    for _ in 0..<2_000 {
      var walker = TermWalker(dictionary)
      walker.move(to: random.below(words.count))
      let word = walker.term
      guard !word.isEmpty else { continue }
      let count = 1 + random.below(word.count)
      let stem = word.prefix(count)
      let next = words.indices.first { $0 > walker.number && !words[$0].starts(with: stem) }
      let shared = walker.skip(sharing: count)
      #expect(walker.number == next ?? words.count)
      #expect(walker.term == next.map { words[$0] } ?? [])
      #expect(next == nil || shared == TermWalker.shared(word, walker.term))
      let before = walker.term
      let nextShared = walker.nextShared()
      #expect(walker.isAtEnd || nextShared == TermWalker.shared(before, walker.term))
    }
  }

  @Test(arguments: [1, 2, 127, 128, 129, 256, 1_000])
  func postingsAreWhatWasWritten(count: Int) throws {
    var random = Random(UInt64(count))
    for spread in [1, 3, 1_000] {
      var document: UInt32 = 0
      let list = (0..<count).map { _ -> (document: UInt32, positions: [UInt32]) in
        document += UInt32(1 + random.below(spread))
        let many = random.below(20) == 0 ? 300 : 1 + random.below(3)
        return (
          document, Array(Set((0..<many).map { _ in UInt32(random.below(2_000)) })).sorted()
        )
      }
      let norms = (0...Int(document)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var writer = PostingsWriter(norms: norms, keepsPositions: true)
      // The term stands between others.
      for each in [[list[0]], list, [list[0]]] {
        for entry in each {
          writer.add(entry.document, count: UInt32(entry.positions.count))
          var last: UInt32 = 0
          for position in entry.positions {
            writer.add(position: position - last)
            last = position
          }
        }
        writer.finishTerm()
      }
      let postings = writer.finish()
      #expect(postings.frequency(1) == count)
      let scratch = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
      defer { scratch.deallocate() }
      var cursor = PostingsCursor(postings, term: 1, scratch: scratch)
      for entry in list {
        #expect(cursor.document == entry.document)
        #expect(cursor.count == UInt32(entry.positions.count))
        var positions: [UInt32] = []
        cursor.readPositions(into: &positions)
        #expect(positions == entry.positions)
        let bound = cursor.bound(ofBlock: cursor.block)
        #expect(bound.count == 255 || UInt32(bound.count) >= cursor.count)
        #expect(bound.norm <= norms[Int(entry.document)])
        cursor.advance()
      }
      #expect(cursor.isAtEnd)
      for _ in 0..<50 {
        var cursor = PostingsCursor(postings, term: 1, scratch: scratch)
        var target: UInt32 = 0
        while !cursor.isAtEnd {
          target += UInt32(random.below(Int(document) / 3 + 2))
          cursor.seek(target)
          let expected = list.first { $0.document >= target }
          #expect(cursor.isAtEnd == (expected == nil))
          if let expected { #expect(cursor.document == expected.document) }
        }
      }
      var taken: [UInt32] = []
      cursor = PostingsCursor(postings, term: 1, scratch: scratch)
      for end in stride(from: 7, through: Int(document) + 7, by: 7) {
        while true {
          let (first, count) = cursor.take(before: UInt32(end))
          guard count > 0 else { break }
          taken += (first..<first + count).map { cursor.documents[$0] }
          #expect(cursor.documents[first + count - 1] < UInt32(end))
          cursor.refill()
        }
      }
      #expect(taken == list.map(\.document))
    }
  }

  @Test func columnsShareWhatDidNotChange() {
    var column = ChunkedColumn<Int64>(initial: -1)
    var plain: [UInt32: Int64] = [:]
    var random = Random(6)
    var frozen: [(CellReader<Int64>, [UInt32: Int64])] = []
    for round in 0..<3_000 {
      let ordinal = UInt32(random.below(5_000))
      column[ordinal] = Int64(random.below(5)) - 1
      plain[ordinal] = column[ordinal]
      if round % 500 == 0 { frozen.append((CellReader(column), plain)) }
    }
    frozen.append((CellReader(column), plain))
    for (reader, cells) in frozen {
      for ordinal in 0..<6_000 as Range<UInt32> { #expect(reader[ordinal] == cells[ordinal] ?? -1) }
    }
    var visited: [UInt32: Int64] = [:]
    column.visit { visited[$0] = $1 }
    #expect(visited == plain.filter { $0.value != -1 })
    #expect(column.bytes > 0)
  }
}
