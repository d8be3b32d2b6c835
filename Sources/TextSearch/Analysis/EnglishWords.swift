// EnglishWords: from a word as it stands in an English text to the term it is found by: without its
// possessive "'s", not at all if it is one of the few words that every text has, and stemmed.

enum EnglishWords {
  /// The words that are left out: the list that Lucene's English analyser has.
  static let stopWords: Set<String> = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they",
    "this", "to", "was", "will", "with",
  ]

  private static let longest = 5

  /// The stop words, each in one number: its bytes, the first in the lowest place.
  private static let packed: Set<UInt64> = Set(
    stopWords.map { word in
      word.utf8.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    })

  static func isStopWord(_ bytes: [UInt8], from start: Int) -> Bool {
    guard bytes.count - start <= longest else { return false }
    var word: UInt64 = 0
    for index in (start..<bytes.count).reversed() { word = word << 8 | UInt64(bytes[index]) }
    return packed.contains(word)
  }

  /// Makes the term of the word that is the rest of `bytes`; false: there is none, and the rest is gone.
  static func reduce(_ bytes: inout [UInt8], from start: Int) -> Bool {
    let count = bytes.count
    if count - start > 2, bytes[count - 1] == UInt8(ascii: "s"),
      bytes[count - 2] == UInt8(ascii: "'")
    {
      bytes.removeLast(2)
    }
    if isStopWord(bytes, from: start) {
      bytes.removeLast(bytes.count - start)
      return false
    }
    // The stemmer knows the alphabet of English only.
    if !bytes[start...].contains(where: { $0 >= 0x80 }) { EnglishStemmer.stem(&bytes, from: start) }
    return true
  }
}
