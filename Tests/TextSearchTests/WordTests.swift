// WordTests: where words begin and end, in many scripts, and what the analysers make of them.

import Testing

@testable import TextSearch

private func words(_ text: String, _ analyser: Analyser = .standard) -> [String] {
  analyser.terms(of: text).map { String(decoding: $0, as: UTF8.self) }
}

@Suite struct WordTests {
  @Test(
    "each rule of Annex 29 joins and parts",
    arguments: [
      ("WB3c", "👩‍🚀 👨‍👩‍👧 a👍", ["👩‍🚀", "👨‍👩‍👧", "a", "👍"]),
      ("WB4", "a\u{ad}b c\u{200d}d e\u{feff}f", ["ab", "cd", "ef"]),
      ("WB5", "abc абв", ["abc", "абв"]),
      ("WB6, WB7", "e.g. l'eau l’eau a·b x''y", ["e.g", "l'eau", "l'eau", "a·b", "x", "y"]),
      ("WB7a", "ג' 'ג'", ["ג", "ג"]), ("WB7b, WB7c", "צה\"ל \"צה\"", ["צה\"ל", "צה"]),
      ("WB8", "10 2024", ["10", "2024"]), ("WB9, WB10", "a1 1a b2b", ["a1", "1a", "b2b"]),
      ("WB11, WB12", "1,000.5 1,a a,1 9;9", ["1,000.5", "1", "a", "a", "1", "9;9"]),
      ("WB13", "カタカナ カaタ", ["カタカナ", "カ", "a", "タ"]),
      ("WB13a, WB13b", "a_b _c_ d__e カ_タ ___", ["a_b", "c", "d__e", "カ_タ"]),
      ("WB15, WB16", "🇫🇷🇩🇪 x🇫🇷", ["🇫🇷", "🇩🇪", "x", "🇫🇷"]),
    ] as [(String, String, [String])])
  func rules(rule: String, text: String, expected: [String]) {
    #expect(words(text) == expected, "\(rule)")
  }

  @Test(
    arguments: [
      // A colon, a narrow space, and scripts without spaces.
      ("size:xl 5\u{202f}kg", ["size", "xl", "5", "kg"]), ("ภาษาไทย ก1", ["ภาษาไทย", "ก", "1"]),
      // The same letter, typed in two ways.
      ("й и\u{306} И\u{306}", ["й", "й", "й"]),
      ("\u{1112}\u{1161}\u{11ab}글 한글", ["한글", "한글"]), ("か\u{3099} が", ["が", "が"]),
      ("\u{958} \u{915}\u{93c}", ["\u{915}\u{93c}", "\u{915}\u{93c}"]),
      ("\u{fb2c} \u{5e9}", ["\u{5e9}", "\u{5e9}"]),
      // What is left out: Greek accents, Hebrew points, Arabic vowel signs, skin tones, selectors.
      ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ οδυσσευς", ["οδυσσευσ", "οδυσσευσ", "οδυσσευσ"]),
      ("שָׁלוֹם שלום", ["שלום", "שלום"]), ("كِتَاب كتاب كتـــاب", ["كتاب", "كتاب", "كتاب"]),
      ("👍🏽 👍 ❤️ ❤ ©", ["👍", "👍", "❤"]), ("1️⃣ ＡＢＣ１２ K Å", ["1", "abc12", "k", "a"]),
      ("می‌خواهم", ["میخواهم"]),
    ] as [(String, [String])])
  func departures(text: String, expected: [String]) {
    #expect(words(text) == expected)
  }

  @Test func theTwoPathsFindTheSameWords() {
    var random = Random(11)
    let alphabet = Array("aAzZ09_'.,;: -\"/\n".utf8)
    for round in 0..<4_000 {
      let text = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
      for finish in [WordScanner.Finish.plain, .english, .beginnings] {
        var (fast, slow) = (TermList(keepsSources: true), TermList(keepsSources: true))
        text.withUnsafeBufferPointer {
          var scanner = WordScanner(finish)
          scanner.scan($0, into: &fast)
          scanner = WordScanner(finish)
          scanner.scan($0, fast: false, into: &slow)
        }
        #expect(
          fast.terms == slow.terms && fast.positions == slow.positions
            && fast.sources == slow.sources, "round \(round): \(text)")
      }
    }
  }

  /// Whatever the bytes, terms are valid and short, lie in order in their text, and are found again when
  /// their own part of the text is analysed alone.
  @Test func aTermStandsWhereItSays() {
    var random = Random(12)
    let pools: [[UInt32]] = [
      Array(0x20...0x7e), [0x27, 0x2e, 0x5f, 0x41, 0x301, 0x5d0, 0x22, 0x31, 0x2c],
      Array(0x400...0x460), Array(0x900...0x97f), Array(0x3040...0x30ff), Array(0x1100...0x11ff),
      [0x200d, 0xfe0f, 0x1f469, 0x1f680, 0x1f1e6, 0x1f1eb, 0x2764, 0x1f3fd, 0x61],
    ]
    for round in 0..<2_500 {
      let pool = pools[random.below(pools.count)]
      var scalars = String.UnicodeScalarView()
      for _ in 0..<random.below(24) {
        let any = UInt32(random.below(0x11_0000))
        let value = random.below(8) == 0 ? any : pool[random.below(pool.count)]
        if let scalar = Unicode.Scalar(value) { scalars.append(scalar) }
      }
      let text = String(scalars)
      var list = TermList(keepsSources: true)
      Analyser.standard.analyse(text, into: &list)
      var end: UInt32 = 0
      for index in 0..<list.count {
        let source = list.sources[index]
        #expect(source.lowerBound >= end && source.upperBound > source.lowerBound, "\(round)")
        end = source.upperBound
        let part = text.utf8.dropFirst(Int(source.lowerBound)).prefix(source.count)
        let again = Analyser.standard.terms(of: String(decoding: part, as: UTF8.self))
        #expect(again == [Array(list[index])], "round \(round): \(scalars.map(\.value))")
      }
      #expect(Int(end) <= text.utf8.count)
      #expect(list.positions == (0..<UInt32(list.count)).map { $0 })
    }
  }

  @Test func bytesThatAreNoTextAreNoWords() {
    var random = Random(13)
    for round in 0..<2_000 {
      let bytes = (0..<random.below(60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      for analyser in Analyser.allCases where analyser != .keyword {
        var list = TermList()
        bytes.withUnsafeBufferPointer { analyser.analyse($0, into: &list) }
        let isGood = list.terms.allSatisfy {
          (1...TermList.termBytesMax).contains($0.count)
            && String(validating: $0, as: UTF8.self) != nil
        }
        #expect(isGood, "round \(round)")
      }
    }
  }

  @Test func everyScalarHasItsClass() {
    let classes = WordClasses.shared
    for (scalar, expected) in [
      (0x41, .letter), (0x39, .digit), (0x5f, .joiner), (0x7f, .other), (0xaa, .letter),
      (0x301, .mark), (0x5d0, .hebrew), (0xe01, .complex), (0x30a2, .katakana), (0x3042, .single),
      (0x4e00, .single), (0x20000, .single), (0x1f1e6, .regional), (0xe0100, .hidden),
      (0x1d7d8, .digit), (0x10ffff, .other), (0xe01ef, .hidden), (0xe01f0, .other),
    ] as [(UInt32, WordClass)] {
      #expect(classes[scalar] == expected, "U+\(String(scalar, radix: 16))")
    }
  }

  @Test func foldedLettersAreSmall() {
    for value in UInt32(0xc0)...0x24f {
      guard case .one(let byte) = LetterFolding.fold(value) else { continue }
      #expect((UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte))
    }
    #expect(
      LetterFolding.fold(0x3a9) == .greek(0x3c9) && LetterFolding.fold(0x1f8d) == .greek(0x3b1))
    #expect(CanonicalPairs.shared.compose(0x438, 0x306) == "й")
    #expect(CanonicalPairs.shared.compose(0x61, 0x62) == nil)
  }
}
