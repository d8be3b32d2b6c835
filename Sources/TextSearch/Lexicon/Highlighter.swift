// Highlighter: the parts of a text that a question matched, with tags around the words.
//
// The text is analysed as it was for the index, so a word is found however it is written. A fragment
// begins and ends between words, as near to the wanted length as words allow. Of all places the best are
// taken, by how many different words stand there, then by how many; they come in the text's order and
// never overlap. Tags never part a word from its marks.

/// What was matched: terms as they are in the index.
struct HighlightTerms {
  /// Words that count only where they stand so; each may be one of several terms.
  struct Phrase {
    var words: [(offset: UInt32, terms: Set<[UInt8]>)]

    /// One word after another.
    init(_ words: [[UInt8]]) {
      self.words = words.enumerated().map { (UInt32($0), [$1]) }
    }

    init(words: [(offset: UInt32, terms: Set<[UInt8]>)]) { self.words = words }
  }

  var terms: Set<[UInt8]>
  /// Every term that begins so.
  var prefixes: [[UInt8]]
  var phrases: [Phrase]

  init(_ terms: Set<[UInt8]> = [], prefixes: [[UInt8]] = [], phrases: [Phrase] = []) {
    (self.terms, self.prefixes, self.phrases) = (terms, prefixes, phrases)
  }

  var isEmpty: Bool { terms.isEmpty && prefixes.isEmpty && phrases.isEmpty }

  fileprivate func contains(_ term: ArraySlice<UInt8>) -> Bool {
    terms.contains(Array(term)) || prefixes.contains { !$0.isEmpty && term.starts(with: $0) }
  }
}

struct Highlighter {
  let analyser: Analyser
  let style: TextHighlight
  /// Whether the text's own signs that mean something in HTML are written as entities.
  let escapesHTML: Bool

  init(_ style: TextHighlight, analyser: Analyser, escapesHTML: Bool = false) {
    (self.style, self.analyser, self.escapesHTML) = (style, analyser, escapesHTML)
  }

  private struct Word {
    /// UTF-8 offsets.
    var place: Range<Int>
    /// The number of its term among those that were matched; nil for a word that was not.
    var match: Int?
  }

  /// The best fragments, in the order of the text; none when nothing was matched.
  func fragments(of text: String, matching matched: HighlightTerms) -> [String] {
    var list = TermList(keepsSources: true)
    analyser.analyse(text, into: &list)
    let words = words(list, matched)
    guard words.contains(where: { $0.match != nil }) else { return [] }
    var text = text
    return text.withUTF8 { utf8 in
      let ranges: [Range<Int>] =
        style.fragmentLength <= 0
        ? [0..<utf8.count] : self.places(words, Characters(utf8))
      return ranges.map { tagged($0, words, utf8) }
    }
  }

  // MARK: Matches

  /// The words in order, those that share a place once.
  private func words(_ list: TermList, _ matched: HighlightTerms) -> [Word] {
    var isMatch = (0..<list.count).map { matched.contains(list[$0]) }
    for phrase in matched.phrases { mark(phrase, in: list, &isMatch) }
    var numbers: [[UInt8]: Int] = [:]
    var words: [Word] = []
    for index in 0..<list.count {
      let place = Int(list.sources[index].lowerBound)..<Int(list.sources[index].upperBound)
      var match: Int?
      if isMatch[index] {
        let term = Array(list[index])
        match = numbers[term] ?? numbers.count
        numbers[term] = match
      }
      if let last = words.last, place.lowerBound < last.place.upperBound {
        words[words.count - 1].match = last.match ?? match
      } else {
        words.append(Word(place: place, match: match))
      }
    }
    return words
  }

  private func mark(
    _ phrase: HighlightTerms.Phrase, in list: TermList, _ isMatch: inout [Bool]
  ) {
    guard let first = phrase.words.first else { return }
    for start in 0..<list.count where first.terms.contains(Array(list[start])) {
      // Terms at one position follow each other; the next position may be some terms on.
      var at: [Int] = []
      for word in phrase.words {
        let wanted = list.positions[start] &+ (word.offset &- first.offset)
        var index = start
        while index < list.count, list.positions[index] < wanted { index += 1 }
        while index < list.count, list.positions[index] == wanted,
          !word.terms.contains(Array(list[index]))
        {
          index += 1
        }
        guard index < list.count, list.positions[index] == wanted else { break }
        at.append(index)
      }
      if at.count == phrase.words.count {
        for index in at { isMatch[index] = true }
      }
    }
  }

  // MARK: Fragments

  /// Counts characters between offsets: scalars that are no continuation.
  private struct Characters {
    let utf8: UnsafeBufferPointer<UInt8>
    init(_ utf8: UnsafeBufferPointer<UInt8>) { self.utf8 = utf8 }

    func count(_ range: Range<Int>) -> Int {
      utf8[range].reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
    }
  }

  /// The best places for fragments, ascending and apart.
  private func places(_ words: [Word], _ characters: Characters) -> [Range<Int>] {
    var candidates: [(words: Range<Int>, score: Int)] = []
    for (first, word) in words.enumerated() where word.match != nil {
      // A fragment from each match on, as far as it goes; then backwards, for something before it.
      var last = first
      var length = characters.count(word.place)
      func room(_ more: Range<Int>) -> Bool {
        length + characters.count(more) <= style.fragmentLength
      }
      while last + 1 < words.count,
        room(words[last].place.upperBound..<words[last + 1].place.upperBound)
      {
        length += characters.count(words[last].place.upperBound..<words[last + 1].place.upperBound)
        last += 1
      }
      let matches = words[first...last].compactMap(\.match)
      let score = Set(matches).count * 1_000 + min(matches.count, 999)
      let lastMatch = words[first...last].lastIndex { $0.match != nil } ?? first
      candidates.append((centred(first, lastMatch, words, characters), score))
    }
    candidates.sort { $0.score > $1.score }
    var chosen: [Range<Int>] = []
    for candidate in candidates where chosen.count < max(0, style.fragmentCount) {
      if !chosen.contains(where: { $0.overlaps(candidate.words) }) {
        chosen.append(candidate.words)
      }
    }
    chosen.sort { $0.lowerBound < $1.lowerBound }
    return chosen.map { range in
      let start = range.lowerBound == 0 ? 0 : words[range.lowerBound].place.lowerBound
      let isLast = range.upperBound == words.count
      let end = isLast ? characters.utf8.count : words[range.upperBound - 1].place.upperBound
      return start..<end
    }
  }

  /// The words `first ... last` with as many before and after, in turn, as there is room for.
  private func centred(
    _ first: Int, _ last: Int, _ words: [Word], _ characters: Characters
  ) -> Range<Int> {
    var (low, high) = (first, last)
    var left =
      style.fragmentLength
      - characters.count(words[first].place.lowerBound..<words[last].place.upperBound)
    var grew = true
    while grew && left > 0 {
      grew = false
      if low > 0 {
        let more = characters.count(
          words[low - 1].place.lowerBound..<words[low].place.lowerBound)
        if more <= left {
          (low, left, grew) = (low - 1, left - more, true)
        }
      }
      if high + 1 < words.count {
        let more = characters.count(
          words[high].place.upperBound..<words[high + 1].place.upperBound)
        if more <= left {
          (high, left, grew) = (high + 1, left - more, true)
        }
      }
    }
    return low..<high + 1
  }

  // MARK: Writing

  private func tagged(
    _ range: Range<Int>, _ words: [Word], _ utf8: UnsafeBufferPointer<UInt8>
  ) -> String {
    var out: [UInt8] = []
    var at = range.lowerBound
    for word in words
    where word.match != nil && word.place.lowerBound >= at
      && word.place.upperBound <= range.upperBound
    {
      write(utf8[at..<word.place.lowerBound], to: &out)
      out += style.before.utf8
      write(utf8[word.place], to: &out)
      out += style.after.utf8
      at = word.place.upperBound
    }
    write(utf8[at..<range.upperBound], to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  private func write(_ text: Slice<UnsafeBufferPointer<UInt8>>, to out: inout [UInt8]) {
    guard escapesHTML else { return out.append(contentsOf: text) }
    for byte in text {
      switch byte {
      case UInt8(ascii: "&"): out += "&amp;".utf8
      case UInt8(ascii: "<"): out += "&lt;".utf8
      case UInt8(ascii: ">"): out += "&gt;".utf8
      case UInt8(ascii: "\""): out += "&quot;".utf8
      case UInt8(ascii: "'"): out += "&#39;".utf8
      default: out.append(byte)
      }
    }
  }
}
