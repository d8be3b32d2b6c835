// CompletionTests: completions against a scan of all entries, through changes.

import Testing

@testable import TextSearch

@Suite struct CompletionTests {
  /// The best entries by looking at every one. Weights are different, so there is one right order.
  static func scan(
    _ entries: [CompletionEntry], _ typed: String, limit: Int
  ) -> [Completion] {
    func words(_ text: String) -> [String] {
      Analyser.standard.terms(of: text).map { String(decoding: $0, as: UTF8.self) }
    }
    let beginning = words(typed).joined(separator: " ")
    let isWhole = typed.last == " " && !beginning.isEmpty
    let letters = Array(beginning.unicodeScalars)
    func keys(_ entry: CompletionEntry) -> [[Unicode.Scalar]] {
      let all = words(entry.text)
      return all.indices.map { Array(all[$0...].joined(separator: " ").unicodeScalars) }
    }
    func isExact(_ key: [Unicode.Scalar]) -> Bool {
      guard key.starts(with: letters) else { return false }
      return !isWhole || key.count == letters.count || key[letters.count] == " "
    }
    func hasTypo(_ key: [Unicode.Scalar]) -> Bool {
      (max(1, letters.count - 1)...letters.count + 1).contains { count in
        guard count <= key.count, key[0] == letters[0] else { return false }
        let other = Array(key[..<count])
        let swapped = Array(letters.dropLast(2)) + letters.suffix(2).reversed()
        guard other.last == letters.last || other == swapped else { return false }
        let (left, right) = (String.UnicodeScalarView(letters), String.UnicodeScalarView(other))
        return editDistance(String(left), String(right)) == 1
      }
    }
    let sorted = entries.sorted { $0.weight > $1.weight }
    var found = sorted.filter { keys($0).contains(where: isExact) }
      .prefix(limit).map { Completion(entry: $0, typos: 0) }
    guard found.count < limit, letters.count >= 3 else { return found }
    func add(_ others: [CompletionEntry]) {
      for entry in others where found.count < limit {
        if !found.contains(where: { $0.entry == entry }) {
          found.append(Completion(entry: entry, typos: 1))
        }
      }
    }
    add(sorted.filter { keys($0).contains(where: hasTypo) })
    if found.isEmpty {
      add(sorted.filter { keys($0).contains { $0.starts(with: letters.dropLast()) } })
    }
    return found
  }

  @Test func completionsEqualAScanThroughChanges() {
    var random = Random(41)
    for round in 0..<60 {
      var weight = 0
      func entry() -> CompletionEntry {
        weight += 1 + random.below(3)
        let words = (0..<1 + random.below(3)).map { _ in
          FuzzyTests.word(&random, ["a", "b", "c", "é", "ж"], 5)
        }
        return CompletionEntry(
          text: words.joined(separator: " "), weight: weight,
          payload: [UInt8(random.below(120))])
      }
      var model: [[UInt8]: CompletionEntry] = [:]
      let first = (0..<60).map { _ in entry() }
      for entry in first { model[entry.payload] = entry }
      var completions = Completions(first)
      for _ in 0..<12 {
        let some = (0..<random.below(6)).map { _ in entry() }
        for entry in some { model[entry.payload] = entry }
        completions.put(some)
        let gone = [UInt8(random.below(120))]
        model[gone] = nil
        completions.remove(payload: gone)
        #expect(completions.count == model.count, "round \(round)")
        let typed =
          FuzzyTests.word(&random, ["a", "b", "c", "É", " "], 6) + (random.below(4) == 0 ? " " : "")
        let limit = 1 + random.below(8)
        let expected = Self.scan(Array(model.values), typed, limit: limit)
        #expect(completions.best(typed, limit: limit) == expected, "round \(round): '\(typed)'")
      }
    }
  }

  @Test func wordsInTheMiddleAreFoundAndTyposForgiven() {
    let completions = Completions([
      CompletionEntry(text: "Red Running Shoes", weight: 5, payload: [1]),
      CompletionEntry(text: "Running Shorts", weight: 9, payload: [2]),
      CompletionEntry(text: "Crème brûlée", weight: 1, payload: [3]),
    ])
    func best(_ typed: String, typo: Bool = true) -> [UInt8] {
      completions.best(typed, allowsTypo: typo).flatMap(\.entry.payload)
    }
    #expect(best("run") == [2, 1] && best("running sh") == [2, 1] && best("shoe") == [1])
    #expect(best("CREME B") == [3] && best("bru") == [3])
    #expect(best("runnign") == [2, 1] && best("runnign", typo: false) == [])
    #expect(best("shoez") == [1] && best("xyz") == [])
    #expect(best("") == [2, 1, 3])
    #expect(Completions().best("a") == [])
  }

  @Test func ofEqualPayloadsTheLastCounts() {
    let table = CompletionTable([
      CompletionEntry(text: "old", weight: 1, payload: [7]),
      CompletionEntry(text: "new", weight: -4, payload: [7]),
    ])
    #expect(table.entries == [CompletionEntry(text: "new", weight: 0, payload: [7])])
    #expect(table.entry(withPayload: [7]) == 0 && table.entry(withPayload: [8]) == nil)
    var search = CompletionSearch([.init(table: table)], limit: 3)
    #expect(search.run("ne", allowsTypo: false).count == 1)
  }
}
