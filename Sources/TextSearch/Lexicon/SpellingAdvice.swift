// SpellingAdvice: what a question may have meant, when some of its words have no or hardly any documents:
// words at most two edits away, two words that are one, or one word that is two.
//
// Advice is a whole text, so that it can be asked as it is. Readings are ordered by how many of their
// words nothing has, then by edits, then by how many documents its rarest changed word has. The field
// that is asked must be one whose terms are words (`standard`); stems would be advised as they are.

/// Where words come from: the terms of a field, in one dictionary or several.
protocol WordSource {
  associatedtype Terms: SortedTerms
  /// Walks that together have all terms; a term may be in several.
  func walks() -> [Terms]
  /// How many documents have the term.
  func documents(with term: [UInt8]) -> Int
}

public struct TextAdvice: Equatable, Sendable {
  /// The question with other words in the places of some.
  public var text: String
  /// The words that were put in, as they stand in `text`.
  public var words: [String]
  public var edits: Int
  /// Of the rarest word that was put in.
  public var documents: Int
}

struct SpellingAdvice<Source: WordSource> {
  /// A word with no more documents than this may be a mistake, if another has many times as many.
  static var fewDocuments: Int { 3 }
  static var timesMore: Int { 20 }
  /// Readings that are followed at once, and candidates for one word.
  static var readingsMost: Int { 8 }
  static var candidatesMost: Int { 5 }
  /// Words that are looked at; longer questions are left alone.
  static var wordsMost: Int { 16 }

  private let source: Source
  private let analyser: Analyser

  init(_ source: Source, analyser: Analyser = .standard) {
    (self.source, self.analyser) = (source, analyser)
  }

  /// One way to read the words so far.
  private struct Reading {
    var pieces: [(place: Range<Int>, word: String)] = []
    var unknown = 0
    var edits = 0
    var documents = Int.max

    func precedes(_ other: Reading) -> Bool {
      if unknown != other.unknown { return unknown < other.unknown }
      if edits != other.edits { return edits < other.edits }
      return documents > other.documents
    }

    func with(_ word: [UInt8], at place: Range<Int>, edits: Int, documents: Int) -> Reading {
      var next = self
      next.pieces.append((place, String(decoding: word, as: UTF8.self)))
      next.edits += edits
      next.documents = min(next.documents, documents)
      return next
    }
  }

  /// The best readings other than the text itself, best first; none when every word is well known.
  func advice(on text: String, limit: Int = 3) -> [TextAdvice] {
    var list = TermList(keepsSources: true)
    analyser.analyse(text, for: .query, into: &list)
    guard list.count > 0, list.count <= Self.wordsMost else { return [] }
    let words = (0..<list.count).map { Array(list[$0]) }
    let places = list.sources.map { Int($0.lowerBound)..<Int($0.upperBound) }
    let counts = words.map { source.documents(with: $0) }
    // readings[n] are those of the first n words.
    var readings = [[Reading]](repeating: [], count: words.count + 1)
    readings[0] = [Reading()]
    for index in words.indices {
      let others = candidates(for: words[index], documents: counts[index])
      let joined = joined(words, counts, at: index)
      for reading in readings[index] {
        var kept = reading
        if counts[index] == 0 { kept.unknown += 1 }
        readings[index + 1].append(kept)
        for other in others {
          readings[index + 1].append(
            reading.with(
              other.word, at: places[index], edits: other.edits, documents: other.documents))
        }
        if let joined {
          let place = places[index].lowerBound..<places[index + 1].upperBound
          readings[index + 2].append(
            reading.with(joined.word, at: place, edits: 1, documents: joined.documents))
        }
      }
      readings[index + 1].sort { $0.precedes($1) }
      readings[index + 1].removeLast(max(0, readings[index + 1].count - Self.readingsMost))
    }
    let unknown = counts.count { $0 == 0 }
    return readings[words.count].filter { !$0.pieces.isEmpty && $0.unknown <= unknown }
      .prefix(limit).map { Self.advice($0, text) }
  }

  private static func advice(_ reading: Reading, _ text: String) -> TextAdvice {
    var result = ""
    var end = 0
    for (place, word) in reading.pieces {
      result += String(
        decoding: text.utf8.dropFirst(end).prefix(place.lowerBound - end), as: UTF8.self)
      result += word
      end = place.upperBound
    }
    result += String(decoding: text.utf8.dropFirst(end), as: UTF8.self)
    return TextAdvice(
      text: result, words: reading.pieces.map(\.word), edits: reading.edits,
      documents: reading.documents)
  }

  // MARK: Candidates

  private struct Candidate {
    var word: [UInt8]
    var edits: Int
    var documents: Int

    func precedes(_ other: Candidate) -> Bool {
      if edits != other.edits { return edits < other.edits }
      if documents != other.documents { return documents > other.documents }
      return word.lexicographicallyPrecedes(other.word)
    }
  }

  /// What the word may have been; nothing for a word that is well known, short, or a number.
  private func candidates(for word: [UInt8], documents: Int) -> [Candidate] {
    let letters = word.count { $0 & 0xc0 != 0x80 }
    let hasDigit = word.contains { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard documents <= Self.fewDocuments, letters > 2, !hasDigit else { return [] }
    let least = documents == 0 ? 1 : documents * Self.timesMore
    var edits: [[UInt8]: Int] = [:]
    for var terms in source.walks() {
      FuzzyWalk(edits: letters > 5 ? 2 : 1).forEachMatch(of: word, in: &terms) { terms, count in
        if count > 0 { edits[terms.term] = count }
      }
    }
    var candidates = edits.compactMap { term, edits -> Candidate? in
      let documents = source.documents(with: term)
      return documents >= least
        ? Candidate(word: term, edits: edits, documents: documents) : nil
    }
    candidates.sort { $0.precedes($1) }
    candidates.removeLast(max(0, candidates.count - Self.candidatesMost))
    if documents == 0, let split = split(word) { candidates.append(split) }
    return candidates
  }

  /// The word as two, of which the rarer has the most documents.
  private func split(_ word: [UInt8]) -> Candidate? {
    var best: Candidate?
    for place in word.indices.dropFirst(2).dropLast() where word[place] & 0xc0 != 0x80 {
      let first = source.documents(with: Array(word[..<place]))
      guard first > best?.documents ?? 0 else { continue }
      let documents = min(first, source.documents(with: Array(word[place...])))
      if documents > best?.documents ?? 0 {
        let two = word[..<place] + [UInt8(ascii: " ")] + word[place...]
        best = Candidate(word: Array(two), edits: 1, documents: documents)
      }
    }
    return best
  }

  /// This word and the next as one, if one of them has no documents and both together have some.
  private func joined(
    _ words: [[UInt8]], _ counts: [Int], at index: Int
  ) -> (word: [UInt8], documents: Int)? {
    guard index + 1 < words.count, counts[index] == 0 || counts[index + 1] == 0 else { return nil }
    let word = words[index] + words[index + 1]
    let documents = source.documents(with: word)
    return documents > 0 ? (word, documents) : nil
  }
}
