// NearestWord: what somebody who mistyped a word probably meant.

public enum NearestWord {
  /// The candidate closest to `word`, when it is close enough to be what was meant.
  public static func find(_ word: String, in candidates: [String]) -> String? {
    let scored = candidates.map { (distance: editDistance(word, $0), candidate: $0) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, word.count / 3) ? best.candidate : nil
  }

  /// Levenshtein distance in characters.
  private static func editDistance(_ left: String, _ right: String) -> Int {
    let target = Array(right)
    var row = Array(0...target.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in target.indices {
        let substituted = diagonal + (character == target[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substituted, row[column] + 1, row[column + 1] + 1)
      }
    }
    return row[target.count]
  }
}
