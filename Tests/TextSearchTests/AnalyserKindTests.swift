// AnalyserKindTests: what English, autocomplete and keyword make of words, and synonyms of questions.

import Testing

@testable import TextSearch

private func tokens(
  _ text: String, _ analyser: Analyser, _ purpose: Analyser.Purpose = .index
) -> [String] {
  analyser.tokens(of: text, for: purpose).map { "\($0.term)@\($0.position)" }
}

@Suite struct AnalyserKindTests {
  @Test func wordsHaveTheStemsOfThePublishedAlgorithm() {
    #expect(EnglishVectors.pairs.count > 500)
    for (word, stem) in EnglishVectors.pairs {
      var bytes = Array("the ".utf8) + Array(word.utf8)
      EnglishStemmer.stem(&bytes, from: 4)
      #expect(String(decoding: bytes, as: UTF8.self) == "the " + stem, "\(word)")
    }
  }

  @Test func anyWordHasAStemThatIsNotLonger() {
    var random = Random(5)
    let letters = Array("aeiouysltngdbcr'Y3".utf8)
    for _ in 0..<10_000 {
      let word = (0..<1 + random.below(12)).map { _ in letters[random.below(letters.count)] }
      var bytes = word
      EnglishStemmer.stem(&bytes, from: 0)
      // "ied" and verbs that had lost an "e" may end up as long as they were, never longer.
      #expect(
        !bytes.isEmpty && bytes.count <= word.count, "\(String(decoding: word, as: UTF8.self))")
    }
  }

  @Test func aStopWordLeavesAGap() {
    #expect(
      tokens("The seller's boots and the shoes", .english) == ["seller@1", "boot@2", "shoe@5"])
    #expect(tokens("to be or not to be", .english) == [])
    #expect(tokens("Cafés' décors CAFÉ'S", .english) == ["cafe@0", "decor@1", "cafe@2"])
    #expect(EnglishWords.stopWords.count == 33)
    for word in EnglishWords.stopWords {
      #expect(EnglishWords.isStopWord(Array("x\(word)".utf8), from: 1), "\(word)")
    }
    #expect(!EnglishWords.isStopWord(Array("th".utf8), from: 0))
  }

  @Test func beginningsShareTheirWordsPosition() {
    #expect(tokens("Été gâ", .autocomplete) == ["e@0", "et@0", "ete@0", "g@1", "ga@1"])
    #expect(tokens("Été gâ", .autocomplete, .query) == ["ete@0", "ga@1"])
    let long = "дезоксирибонуклеиновая"
    #expect(tokens(long, .autocomplete).count == 15)
    #expect(tokens(long, .autocomplete, .query) == ["дезоксирибонукл@0"])
    #expect(Analyser.autocomplete.terms(of: long).last == Array("дезоксирибонукл".utf8))
    let token = Analyser.autocomplete.tokens(of: " né")[1]
    #expect(token == Analyser.Token(term: "ne", position: 0, source: 1..<4))
  }

  @Test func aKeywordIsTheWholeText() {
    #expect(tokens(" As It Is ", .keyword) == [" As It Is @0"])
    #expect(tokens("", .keyword) == [])
    let terms = Analyser.keyword.terms(of: String(repeating: "я", count: 200))
    #expect(terms.map(\.count) == [254])
  }

  @Test func textsOfOneFieldGoOnCounting() {
    var list = TermList()
    Analyser.standard.analyse("red shoes", into: &list)
    list.skipPositions(100)
    Analyser.standard.analyse("blue", into: &list)
    #expect(list.positions == [0, 1, 102])
    #expect(list.terms == ["red", "shoes", "blue"].map { Array($0.utf8) })
    list.removeAll()
    #expect(list.count == 0 && list.nextPosition == 0)
  }

  // MARK: Synonyms

  private let synonyms = TextSynonyms([
    .equivalent(["TV", "television", "telly"]), .oneWay(from: "sneakers", to: ["running shoes"]),
    .equivalent(["hand bag", "handbag"]), .oneWay(from: "same", to: ["Same", "..."]),
  ])

  @Test func wordsHaveTheirAlternatives() {
    typealias Slot = TextSynonyms.Slot
    #expect(
      synonyms.slots(of: "big Tv, red hand-bag Same now") == [
        Slot(text: "big", alternatives: []),
        Slot(text: "Tv", alternatives: ["television", "telly"]),
        Slot(text: "red", alternatives: []), Slot(text: "hand-bag", alternatives: ["handbag"]),
        Slot(text: "Same now", alternatives: []),
      ])
    #expect(synonyms.slots(of: "running shoes").map(\.alternatives) == [[]])
    #expect(synonyms.slots(of: "...") == [])
    #expect(TextSynonyms([]).isEmpty)
  }

  @Test func questionsGrowByTheRules() {
    var match = TextMatch("title", "red sneakers")
    match.allWords = true
    guard case .bool(let bool) = synonyms.expanded(match), bool.must.count == 2,
      case .bool(let either) = bool.must[1]
    else {
      Issue.record("\(synonyms.expanded(match))")
      return
    }
    var red = match
    red.text = "red"
    var sneakers = match
    sneakers.text = "sneakers"
    #expect(bool.must[0] == .match(red))
    #expect(
      either.should == [.match(sneakers), .phrase(TextPhrase("title", "running shoes"))])
    #expect(either.minimumShould == 1)
    #expect(synonyms.expanded(TextMatch("title", "red")) == .match(TextMatch("title", "red")))
  }

  @Test func questionsInSeveralFieldsKeepTheirNumberOfWords() {
    var match = TextMultiMatch([.init("title", boost: 3), .init("body")], "old cheap tv sneakers")
    match.minimumWords = 3
    match.isLastPrefix = true
    guard case .bool(let bool) = synonyms.expanded(match), bool.should.count == 4,
      case .multiMatch(let first) = bool.should[0], case .bool(let last) = bool.should[3],
      case .multiMatch(let own) = last.should[0], case .bool(let phrases) = last.should[1]
    else {
      Issue.record("\(synonyms.expanded(match))")
      return
    }
    #expect(bool.minimumShould == 3 && first.text == "old" && !first.isLastPrefix)
    #expect(own.isLastPrefix && own.text == "sneakers" && phrases.should.count == 2)
    #expect(
      phrases.should[0] == .boosted(.phrase(TextPhrase("title", "running shoes")), by: 3))
  }
}
