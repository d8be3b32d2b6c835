// SearchText: what was asked for, as rules compare it and statistics count it: the words as the index
// knows them, so that "Oak  Stool!" and "oak stool" are one question.

import TextSearch

public enum SearchText {
  /// Longer questions are cut between words.
  public static let bytesMax = 100

  /// The words of `text`, a space between two; empty when there are none.
  public static func words(of text: String) -> String {
    var words = ""
    for term in Analyser.standard.terms(of: text, for: .query) {
      guard words.utf8.count + term.count < bytesMax else { break }
      if !words.isEmpty { words += " " }
      words += String(decoding: term, as: UTF8.self)
    }
    return words
  }

  /// What takes the place of a question that may be about a person.
  public static let hidden = "#"
  /// Digits in a row that are hidden: telephone numbers, cards, accounts.
  static let digitsHidden = 7

  /// The words as statistics keep them. A question with an address of mail or a long number is hidden,
  /// for people type them into every field that they see.
  public static func counted(_ text: String) -> String {
    if text.utf8.contains(UInt8(ascii: "@")) { return hidden }
    let words = words(of: text)
    // A number may be written in groups: digits of words that follow each other count together.
    var run = 0
    for word in words.split(separator: " ") {
      let digits = word.utf8.count { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      run = digits > 0 ? run + digits : 0
      if run >= digitsHidden { return hidden }
    }
    return words
  }
}
