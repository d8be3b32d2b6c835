// SearchSpelling: what a question may have meant, from the words of the titles. Only what finds
// something is said.

import TextSearch

enum SearchSpelling {
  static let adviceMax = 3

  /// - Parameter request: a search for a text, of which only the total is looked at.
  static func advice(
    on text: String, _ index: TextSnapshot, finding request: (String) -> TextRequest
  ) -> [String] {
    // A question that cannot be advised on is answered without advice.
    guard let advice = try? index.advice(on: text, field: "title", limit: adviceMax) else {
      return []
    }
    return advice.map(\.text).filter { text in
      let found = try? index.search(request(text))
      return (found?.total ?? 0) > 0
    }
  }
}
