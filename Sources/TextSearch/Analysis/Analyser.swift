// Analyser: text to the terms that are indexed and asked for.
//
// `standard` finds words after Unicode Standard Annex 29 (Unicode 15.0; WB4, Katakana, ExtendNumLet and
// pictures included), lower-cases them and folds letters (LetterFolding). It departs from the annex so:
// 1. A colon never joins: "size:xl" is two words, for it is how attributes are written.
// 2. Underscores join inside a word; at its ends they are punctuation: "_new_" is markup of "new".
// 3. An apostrophe after the last Hebrew letter of a word is a quotation mark.
// 4. A script that is written without spaces and needs a dictionary (Thai, Lao, Khmer, Burmese) stays
//    one word a run; the annex would make each letter a word.
// 5. A narrow no-break space ends a word; the annex joins "5" and "kg" by it.
// 6. What only punctuates is no word. A picture that is shown as one, a sequence of pictures with
//    joiners, and a flag are words, without skin tones and variation selectors.
// Latin and Greek lose their diacritics. Marks of other scripts stay, composed as CanonicalPairs says.
// Characters that cannot be seen are dropped, for what cannot be seen cannot be typed. A word longer
// than 255 bytes is cut into terms of at most 255, between characters.
//
// `english` is `standard`, then: a final "'s" goes, stop words go and leave a gap, and what stays is
// stemmed. `autocomplete` indexes the first 1 ... 15 characters of each word of `standard`, all at the
// word's position, and asks for a word's first 15 characters. `keyword` is the whole text as it is, one
// term; beyond 255 bytes it is cut between characters, so longer texts are told apart by their beginning.

/// How a text field's words are found.
public enum Analyser: String, CaseIterable, Hashable, Sendable {
  case standard, english, autocomplete, keyword

  /// Terms are made for documents, or for questions; they differ for `autocomplete` only.
  public enum Purpose: Sendable { case index, query }

  /// Goes up whenever the terms of a text change, so that an index made by older rules is known.
  public static let version = 2

  public static let ngramCharactersMost = 15

  /// The terms that a document with `text` is found by, in order, repeated as often as they occur.
  public func terms(of text: String, for purpose: Purpose = .index) -> [[UInt8]] {
    var list = TermList()
    analyse(text, for: purpose, into: &list)
    return list.terms
  }

  /// A term with its word's number and the word's place in the text, in UTF-8 offsets.
  public struct Token: Equatable, Sendable {
    public var term: String
    public var position: Int
    public var source: Range<Int>
  }

  /// The terms of `text` with all that is known of them.
  public func tokens(of text: String, for purpose: Purpose = .index) -> [Token] {
    var list = TermList(keepsSources: true)
    analyse(text, for: purpose, into: &list)
    return (0..<list.count).map { index in
      Token(
        term: String(decoding: list[index], as: UTF8.self),
        position: Int(list.positions[index]),
        source: Int(list.sources[index].lowerBound)..<Int(list.sources[index].upperBound))
    }
  }

  /// Appends the terms of `text` to `list`.
  func analyse(_ text: String, for purpose: Purpose = .index, into list: inout TermList) {
    var text = text
    text.withUTF8 { analyse($0, for: purpose, into: &list) }
  }

  /// Appends the terms of valid UTF-8 to `list`. What is not valid ends a word.
  func analyse(
    _ utf8: UnsafeBufferPointer<UInt8>, for purpose: Purpose = .index, into list: inout TermList
  ) {
    if self == .keyword { return Self.wholeText(utf8, into: &list) }
    var scanner = WordScanner(finish(for: purpose))
    scanner.scan(utf8, into: &list)
  }

  func finish(for purpose: Purpose) -> WordScanner.Finish {
    switch (self, purpose) {
    case (.english, _): .english
    case (.autocomplete, .index): .beginnings
    case (.autocomplete, .query): .beginning
    default: .plain
    }
  }

  private static func wholeText(_ utf8: UnsafeBufferPointer<UInt8>, into list: inout TermList) {
    var count = min(utf8.count, TermList.termBytesMax)
    while count > 0 && count < utf8.count && utf8[count] & 0xc0 == 0x80 { count -= 1 }
    guard count > 0 else { return }
    list.bytes.append(contentsOf: utf8[..<count])
    list.close(
      position: list.nextPosition, source: 0..<UInt32(truncatingIfNeeded: utf8.count))
    list.nextPosition &+= 1
  }
}
