// FuzzyTests: the automaton and its walk against edit distances that are computed cell by cell.

import Kernels
import Testing

@testable import TextSearch

/// Optimal string alignment, by the table.
func editDistance(_ left: String, _ right: String) -> Int {
  let (a, b) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
  var rows = (0...a.count).map { row in (0...b.count).map { row == 0 ? $0 : row } }
  for i in 1..<(a.count + 1) {
    for j in 1..<(b.count + 1) {
      var best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1)
      best = min(best, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        best = min(best, rows[i - 2][j - 2] + 1)
      }
      rows[i][j] = best
    }
  }
  return rows[a.count][b.count]
}

/// The plainest terms: an array. Leaps by itself or by the protocol's own way.
struct ArrayTerms: SortedTerms {
  let terms: [[UInt8]]
  var number = 0
  init(_ words: [String]) {
    terms = Set(words).map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
  }
  var isAtEnd: Bool { number >= terms.count }
  var term: [UInt8] { isAtEnd ? [] : terms[number] }
  mutating func next() { number += 1 }
  mutating func seek(_ bound: [UInt8]) -> Bool {
    while !isAtEnd, term.lexicographicallyPrecedes(bound) { number += 1 }
    return !isAtEnd
  }
}

@Suite struct FuzzyTests {
  static func word(_ random: inout Random, _ letters: [String], _ most: Int) -> String {
    (0..<random.below(most)).map { _ in letters[random.below(letters.count)] }.joined()
  }

  @Test(arguments: [["a", "b"], ["a", "b", "c", "é", "東", "😀"]])
  func theAutomatonCountsEdits(letters: [String]) {
    var random = Random(21)
    for round in 0..<6_000 {
      let pattern = Self.word(&random, letters, 9)
      let word = Self.word(&random, letters, 9)
      let distance = editDistance(pattern, word)
      for edits in 0...2 {
        let automaton = EditAutomaton(Array(pattern.utf8), edits: edits)
        let expected = distance <= edits ? distance : nil
        let found = automaton.edits(to: Array(word.utf8))
        #expect(found == expected, "round \(round): \(pattern) \(word) \(edits)")
      }
    }
  }

  /// A state that cannot match has no continuation that does; one that can has one of few letters.
  @Test func deadIsDeadAndAliveIsAlive() {
    let letters = ["a", "b", "c"]
    var random = Random(22)
    var all = [""]
    for _ in 0..<6 { all += all.suffix(all.count).flatMap { word in letters.map { word + $0 } } }
    let words = Array(Set(all.filter { $0.count <= 6 }))
    for _ in 0..<40 {
      let pattern = Self.word(&random, letters, 5)
      let automaton = EditAutomaton(Array(pattern.utf8), edits: 1)
      let matching = words.filter { editDistance(pattern, $0) <= 1 }
      for word in words where word.count <= 4 {
        var state = automaton.start
        for byte in word.utf8 { state = automaton.step(state, byte) }
        #expect(automaton.canMatch(state) == matching.contains { $0.hasPrefix(word) })
      }
    }
  }

  @Test(arguments: [0, 1, 2])
  func signaturesLeaveOutNothingThatIsNear(edits: Int) {
    var random = Random(UInt64(edits) + 24)
    let letters = ["a", "b", "c", "d", "e", "x", "é", "ж", "東", "1"]
    for round in 0..<60 {
      let words = Set((0..<900).map { _ in Self.word(&random, letters, 9) })
      var builder = TermDictionaryBuilder()
      for word in words.map({ Array($0.utf8) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        builder.append(word)
      }
      let dictionary = builder.finish()
      let pattern = Self.word(&random, letters, 8)
      var found: [String: Int] = [:]
      dictionary.forEachTerm(near: Array(pattern.utf8), edits: edits) { number, term, edits in
        #expect(dictionary.term(number) == Array(term))
        found[String(decoding: term, as: UTF8.self)] = edits
      }
      var expected: [String: Int] = [:]
      for word in words {
        let distance = editDistance(pattern, word)
        if distance <= edits { expected[word] = distance }
      }
      #expect(found == expected, "round \(round): \(pattern)")
    }
  }

  @Test func theScanOfSignaturesIsItsReference() {
    var random = Random(25)
    for _ in 0..<200 {
      // Few letters, so that many are near.
      let signatures = (0..<random.below(300)).map { _ in
        UInt32(truncatingIfNeeded: random.next()) & 0x0400_00ff
      }
      let wanted = UInt32(truncatingIfNeeded: random.next()) & 0x0400_00ff
      for edits in 0...2 as ClosedRange<UInt32> {
        var found = [UInt32](repeating: 0, count: signatures.count + 1)
        var plain = found
        let count = kernels_near(signatures, signatures.count, wanted, edits, &found)
        let expected = kernels_near_scalar(signatures, signatures.count, wanted, edits, 0, &plain)
        #expect(count == expected)
        #expect(found.prefix(count) == plain.prefix(count))
      }
    }
  }

  @Test func theWalkFindsWhatAScanFinds() {
    var random = Random(23)
    let letters = ["a", "b", "c", "d", "é", "ж", "東"]
    for round in 0..<150 {
      let terms = ArrayTerms((0..<300).map { _ in Self.word(&random, letters, 8) })
      let pattern = Self.word(&random, letters, 7)
      for edits in 0...2 {
        for prefix in [0, 2] {
          var found: [String: Int] = [:]
          var walk = terms
          FuzzyWalk(edits: edits, prefixLetters: prefix).forEachMatch(
            of: Array(pattern.utf8), in: &walk
          ) { found[String(decoding: $0.term, as: UTF8.self)] = $1 }
          var expected: [String: Int] = [:]
          for term in terms.terms {
            let word = String(decoding: term, as: UTF8.self)
            let distance = editDistance(pattern, word)
            let beginning = pattern.unicodeScalars.prefix(prefix)
            let beginsSo = word.unicodeScalars.starts(with: beginning)
            if distance <= edits && beginsSo { expected[word] = distance }
          }
          #expect(found == expected, "round \(round), \(pattern), \(edits), \(prefix)")
        }
      }
    }
  }

  @Test func aWrongFirstLetterCountsTwice() {
    func edits(_ word: String, _ most: Int = 2) -> Int? {
      EditAutomaton(Array("phone".utf8), edits: most, firstLetterCountsTwice: true)
        .edits(to: Array(word.utf8))
    }
    #expect(edits("phone") == 0 && edits("phoen") == 1 && edits("phonne") == 1)
    #expect(edits("hone") == 2 && edits("xphone") == 2 && edits("hpone") == 2)
    #expect(edits("hone", 1) == nil && edits("xphon") == nil && edits("bhne") == nil)
  }

  @Test func aLongPatternMatchesOnlyItself() {
    let long = String(repeating: "ab", count: 50)
    var terms = ArrayTerms([long, long + "a", "ab"])
    var found: [Int] = []
    FuzzyWalk(edits: 2).forEachMatch(of: Array(long.utf8), in: &terms) {
      found.append($0.number + $1)
    }
    #expect(found == [1])
    let full = String(repeating: "x", count: EditAutomaton.lettersMost)
    #expect(EditAutomaton(Array(full.utf8), edits: 2).edits(to: Array((full + "yz").utf8)) == 2)
  }

  @Test func leapsEndAfterThePrefix() {
    var terms = ArrayTerms(["a", "ab", "abc", "abd", "b", "ba"])
    #expect(terms.nextShared() == 1)
    #expect(terms.skip(sharing: 2) == 0 && terms.term == Array("b".utf8))
    #expect(terms.skip(sharing: 1) == 0 && terms.isAtEnd)
    #expect(terms.skip(sharing: 1) == 0)
  }

  @Test func bytesThatAreNoTextDoNoHarm() {
    var random = Random(24)
    for _ in 0..<3_000 {
      func bytes(_ most: Int) -> [UInt8] {
        (0..<random.below(most)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      let automaton = EditAutomaton(bytes(90), edits: random.below(4))
      let found = automaton.edits(to: bytes(90))
      #expect(found.map { (0...2).contains($0) } ?? true)
    }
  }
}
