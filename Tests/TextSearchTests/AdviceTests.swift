// AdviceTests: corrections of a question's words, and the highlighted parts of a text.

import Testing

@testable import TextSearch

/// Words with their documents, in two dictionaries that overlap.
private struct WordTable: WordSource {
  var counts: [String: Int]

  func walks() -> [ArrayTerms] {
    let words = counts.keys.sorted()
    return [
      ArrayTerms(words.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)),
      ArrayTerms(words.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)),
      ArrayTerms(words.enumerated().filter { $0.offset % 6 == 3 }.map(\.element)),
    ]
  }

  func documents(with term: [UInt8]) -> Int { counts[String(decoding: term, as: UTF8.self)] ?? 0 }
}

@Suite struct AdviceTests {
  private let table = WordTable(counts: [
    "red": 90, "rod": 4, "shoes": 50, "shoe": 70, "running": 30, "back": 20, "pack": 9,
    "backpack": 12, "leather": 40, "lether": 1, "lather": 2, "ceramic": 8, "mug": 33,
  ])

  private func advice(_ text: String) -> [String] {
    SpellingAdvice(table).advice(on: text).map(\.text)
  }

  @Test func mistypedWordsAreSetRight() {
    #expect(advice("Red shoos") == ["Red shoes"])
    #expect(advice("ruuning shoes!") == ["running shoes!"])
    #expect(advice("cermaic mug").first == "ceramic mug")
    let two = SpellingAdvice(table).advice(on: "raed, rnuning")
    #expect(
      two.first
        == TextAdvice(text: "red, running", words: ["red", "running"], edits: 2, documents: 30))
  }

  @Test func aRareWordIsHeldForAMistakeOnlyBesideAFrequentOne() {
    #expect(advice("lether") == ["leather"])
    // Forty documents are twenty times two; ninety are more than twenty times four, which is not few.
    #expect(advice("lather") == ["leather"])
    #expect(advice("rod") == [])
    #expect(advice("red shoes") == [])
  }

  @Test func wordsAreJoinedAndParted() {
    #expect(advice("leather bakc pack").contains("leather back pack"))
    #expect(advice("redshoes").first == "red shoes")
    let counts = WordTable(counts: ["backpack": 12, "pack": 9])
    #expect(SpellingAdvice(counts).advice(on: "big back pack").first?.text == "big backpack")
  }

  @Test func whatCannotBeSetRightIsLeftAlone() {
    #expect(advice("") == [] && advice("xq 2024 zzzzzzzz") == [])
    #expect(advice(Array(repeating: "shoos", count: 17).joined(separator: " ")) == [])
    #expect(advice("xq shoos 2024").first == "xq shoes 2024")
  }

  // MARK: Highlights

  private func fragments(
    _ text: String, _ terms: [String], prefixes: [String] = [], phrases: [[String]] = [],
    length: Int = 20, count: Int = 2, analyser: Analyser = .standard, escapes: Bool = false
  ) -> [String] {
    var style = TextHighlight(["x"])
    (style.before, style.after) = ("[", "]")
    (style.fragmentLength, style.fragmentCount) = (length, count)
    let matched = HighlightTerms(
      Set(terms.map { Array($0.utf8) }), prefixes: prefixes.map { Array($0.utf8) },
      phrases: phrases.map { .init($0.map { Array($0.utf8) }) })
    return Highlighter(style, analyser: analyser, escapesHTML: escapes)
      .fragments(of: text, matching: matched)
  }

  @Test func wordsAreTaggedHoweverTheyAreWritten() {
    #expect(
      fragments("Le Café, CAFE\u{301} au lait", ["cafe"], length: 0)
        == ["Le [Café], [CAFE\u{301}] au lait"])
    #expect(
      fragments("The shoe and running", ["shoe", "run"], length: 0, analyser: .english)
        == ["The [shoe] and [running]"])
    #expect(fragments("straw hat", ["str"], length: 0, analyser: .autocomplete) == ["[straw] hat"])
    #expect(fragments("nothing here", ["x"]) == [])
    #expect(fragments("shoes shop", [], prefixes: ["sho"], length: 0) == ["[shoes] [shop]"])
  }

  @Test func signsOfHTMLAreWrittenAsEntities() {
    #expect(
      fragments("a <b>\"R&D\"</b> d'or", ["r"], length: 0, escapes: true)
        == ["a &lt;b&gt;&quot;[R]&amp;D&quot;&lt;/b&gt; d&#39;or"])
  }

  @Test func aPhraseCountsOnlyWhole() {
    #expect(
      fragments("red shoes, red hat, red shoes", [], phrases: [["red", "shoes"]], length: 0)
        == ["[red] [shoes], red hat, [red] [shoes]"])
    #expect(fragments("shoes red", [], phrases: [["red", "shoes"]]) == [])
  }

  @Test func theBestFragmentsComeInTheTextsOrder() {
    let filler = "lorem ipsum dolor sit amet consectetur"
    let text = "one \(filler) one two \(filler) two \(filler) three one two end"
    #expect(
      fragments(text, ["one", "two", "three"], length: 16)
        == ["[one] [two] lorem", "[three] [one] [two]"])
    let found = fragments(text, ["one", "two", "three"], length: 16, count: 1)
    #expect(found.count == 1 && found[0].hasSuffix("[three] [one] [two]"))
    #expect(fragments(text, ["one", "two", "three"], length: 16, count: 0) == [])
    #expect(fragments(text, ["two"], length: 30, count: 9).count == 3)
  }

  /// Without tags, fragments are parts of the text, in order, apart, and not longer than asked.
  @Test func fragmentsArePartsOfTheText() {
    var random = Random(31)
    let words = ["red", "été", "東京", "shoe", "👍🏽", "б", "x&y", "don't", "👩‍🚀"]
    for round in 0..<600 {
      let text = (0..<random.below(60)).map { _ in words[random.below(words.count)] }
        .joined(separator: [" ", ", ", "\n"][random.below(3)])
      let length = 5 + random.below(40)
      let found = fragments(text, ["ete", "shoe", "京"], length: length, count: 3)
      var rest = text[...]
      for fragment in found {
        let plain = fragment.filter { $0 != "[" && $0 != "]" }
        guard let place = rest.firstRange(of: plain) else {
          Issue.record("round \(round): \(fragment)")
          break
        }
        #expect(fragment.contains("["), "round \(round)")
        rest = rest[place.upperBound...]
        let ends = plain == text || text.hasPrefix(plain) || text.hasSuffix(plain)
        #expect(plain.unicodeScalars.count <= length || ends, "round \(round)")
      }
      #expect(found.isEmpty == !["été", "shoe", "東京"].contains { text.contains($0) })
    }
  }

  // MARK: Of an index

  @Test func anIndexHighlightsWhatARequestMatches() throws {
    var model = Model(seed: 61)
    let snapshot = try layouts(&model, commits: 40, ordinals: 120)[0]
    let text = "w1 w2 w3, w1 w3; w25"
    func highlights(_ expression: TextExpression, _ fields: [String] = ["title"]) throws -> [String]
    {
      var request = TextRequest(expression)
      var style = TextHighlight(fields)
      (style.before, style.after, style.fragmentLength) = ("[", "]", 0)
      request.highlight = style
      return try snapshot.highlights(of: request, in: ["title": text])["title"] ?? []
    }
    #expect(try highlights(.match(TextMatch("title", "W1 w9"))) == ["[w1] w2 w3, [w1] w3; w25"])
    #expect(try highlights(.phrase(TextPhrase("title", "w1 w3"))) == ["w1 w2 w3, [w1] [w3]; w25"])
    var loose = TextPhrase("title", "w3 w25")
    loose.slop = 1
    #expect(try highlights(.phrase(loose)) == ["w1 w2 [w3], w1 [w3]; [w25]"])
    #expect(
      try highlights(.prefix(field: "title", value: "w2")) == ["w1 [w2] w3, w1 w3; [w25]"])
    var bool = TextBool()
    bool.filter = [.term(field: "title", value: "w2")]
    bool.mustNot = [.term(field: "title", value: "w1")]
    bool.should = [.constant(.match(TextMatch("category", "w3")), score: 2)]
    #expect(try highlights(.bool(bool)) == ["w1 [w2] w3, w1 w3; w25"])
    #expect(try highlights(.all) == [] && highlights(.match(TextMatch("title", "w1")), []) == [])
    #expect(throws: TextError.unknownField("x")) {
      try highlights(.match(TextMatch("title", "w1")), ["x"])
    }
  }

  @Test func anIndexAdvisesOnWordsThatItHas() throws {
    var model = Model(seed: 62)
    for snapshot in try layouts(&model, commits: 60, ordinals: 150) {
      let advice = try snapshot.advice(on: "w2 w 1", field: "description")
      #expect(advice.first?.words == ["w1"] && advice.first?.text == "w2 w1")
      #expect(try snapshot.advice(on: "w1 w2", field: "description") == [])
      #expect(throws: TextError.unknownField("x")) { try snapshot.advice(on: "a", field: "x") }
    }
  }
}
