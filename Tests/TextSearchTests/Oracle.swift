// Oracle: what an expression matches and scores, computed from the rows alone, one document after another,
// from the definitions. Slow and plain; the engine is compared with it.

import Glibc
import TextSearch

struct Oracle {
  struct Row {
    var ordinal: UInt32
    var key: [UInt8]
    var words: [String: [String]]
    var keywords: [String: [String]]
    var numbers: [String: Int64]
    var place: GeoPoint?
  }

  let rows: [UInt32: Row]
  private let means: [String: Double]
  private let holders: [String: Int]
  private let frequencies: [String: [String: Int]]

  init(_ model: Model) {
    rows = model.things.mapValues { thing in
      Row(
        ordinal: thing.ordinal, key: Shop.thingKey(thing.ordinal),
        words: [
          "title": Shop.Thing.words(thing.title).split(separator: " ").map(String.init),
          "category": thing.categories,
          "description": Shop.Thing.words(thing.description).split(separator: " ").map(String.init),
        ], keywords: ["category": thing.categories],
        numbers: [
          "price": thing.price, "stock": model.stock(of: thing.ordinal),
          "year": thing.year == 2000 ? nil : thing.year,
        ].compactMapValues { $0 }, place: thing.place)
    }
    var means: [String: Double] = [:]
    var holders: [String: Int] = [:]
    var frequencies: [String: [String: Int]] = [:]
    for field in ["title", "category", "description"] {
      let texts = rows.values.map { $0.words[field] ?? [] }.filter { !$0.isEmpty }
      holders[field] = texts.count
      means[field] = Double(texts.reduce(0) { $0 + $1.count }) / Double(max(1, texts.count))
      for text in texts {
        for word in Set(text) { frequencies[field, default: [:]][word, default: 0] += 1 }
      }
    }
    (self.means, self.holders, self.frequencies) = (means, holders, frequencies)
  }

  /// Every match with its score.
  func matches(_ expression: TextExpression) -> [UInt32: Double] {
    rows.compactMapValues { score(expression, $0) }
  }

  // MARK: BM25

  /// Exact up to 40, then a number of four significant bits above 24.
  static func counted(_ length: Int) -> Double {
    guard length > 40 else { return Double(length) }
    var unit = 1
    while (length - 24) / unit >= 16 { unit *= 2 }
    return Double(24 + (length - 24) / unit * unit)
  }

  private func idf(_ field: String, _ frequency: Int, documents: Int? = nil) -> Double {
    let all = max(documents ?? holders[field] ?? 0, frequency)
    return log(1 + (Double(all - frequency) + 0.5) / (Double(frequency) + 0.5))
  }

  private func part(_ field: String, _ row: Row, _ count: Double) -> Double {
    let length = Self.counted(row.words[field]?.count ?? 0)
    let scale = 1.2 * (0.25 + 0.75 * length / max(means[field] ?? 1, 1e-9))
    return count / (count + scale)
  }

  private func frequency(_ field: String, _ word: String) -> Int { frequencies[field]?[word] ?? 0 }

  static func edits(_ left: String, _ right: String) -> Int {
    let (a, b) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
    var table = [[Int]](
      repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count {
      for j in 0...b.count {
        if i == 0 || j == 0 {
          table[i][j] = i + j
          continue
        }
        table[i][j] = min(
          table[i - 1][j] + 1, table[i][j - 1] + 1,
          table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
        }
      }
    }
    return table[a.count][b.count]
  }

  /// The readings of a word in a field, each with its edits.
  private func readings(
    _ field: String, _ word: String, _ fuzziness: TextFuzziness, isPrefix: Bool
  ) -> [(word: String, edits: Int)] {
    let most: Int
    switch fuzziness {
    case .none: most = 0
    case .edits(let edits): most = min(2, max(0, edits))
    case .auto: most = word.count < 3 ? 0 : word.count < 6 ? 1 : 2
    }
    var others: [(word: String, edits: Int)] = []
    for (known, _) in frequencies[field] ?? [:] where known != word {
      if isPrefix, known.hasPrefix(word) {
        others.append((known, 1))
      } else if most > 0, Self.edits(known, word) <= most {
        others.append((known, Self.edits(known, word)))
      }
    }
    others.sort {
      ($0.edits, -frequency(field, $0.word)) != ($1.edits, -frequency(field, $1.word))
        ? ($0.edits, -frequency(field, $0.word)) < ($1.edits, -frequency(field, $1.word))
        : Array($0.word.utf8).lexicographicallyPrecedes(Array($1.word.utf8))
    }
    let limit = isPrefix ? TextLimits.prefixExpansions : TextLimits.fuzzyExpansions
    return [(word, 0)] + others.prefix(limit - 1)
  }

  /// The score of some words in one field; nil when too few are there.
  private func score(
    _ field: String, _ text: String, _ row: Row, all: Bool, minimum: Int,
    _ fuzziness: TextFuzziness, isLastPrefix: Bool
  ) -> Double? {
    let words = text.split(separator: " ").map(String.init)
    var distinct: [String] = []
    for word in words where !distinct.contains(word) { distinct.append(word) }
    guard !distinct.isEmpty else { return nil }
    var sum = 0.0
    var found = 0
    for (index, word) in distinct.enumerated() {
      let readings = readings(
        field, word, fuzziness, isPrefix: isLastPrefix && index == distinct.count - 1)
      let most = readings.map { frequency(field, $0.word) }.max() ?? 0
      var best: Double?
      for reading in readings {
        let count = (row.words[field] ?? []).count { $0 == reading.word }
        guard count > 0 else { continue }
        let decay = [1, 0.5, 0.25][reading.edits]
        best = max(best ?? 0, decay * idf(field, most) * part(field, row, Double(count)))
      }
      guard let best else { continue }
      found += 1
      sum += best * Double(words.count { $0 == word })
    }
    let needed = all ? distinct.count : min(max(1, minimum), distinct.count)
    return found >= needed ? sum : nil
  }

  // MARK: Expressions

  func score(_ expression: TextExpression, _ row: Row) -> Double? {
    switch expression {
    case .all: return 1
    case .nothing: return nil
    case .match(let match):
      return score(
        match.field, match.text, row, all: match.allWords, minimum: match.minimumWords,
        match.fuzziness, isLastPrefix: match.isLastPrefix)
    case .multiMatch(let match): return score(match, row)
    case .phrase(let phrase): return score(phrase, row)
    case .term(let field, let value):
      if let values = row.keywords[field] { return values.contains(value) ? 1 : nil }
      return score(
        field, value, row, all: true, minimum: 1, .none, isLastPrefix: false)
    case .terms(let field, let values):
      return all(field, row).contains(where: values.contains) ? 1 : nil
    case .prefix(let field, let value):
      return all(field, row).contains { $0.hasPrefix(value) } ? 1 : nil
    case .fuzzy(let field, let value, let fuzziness):
      return score(field, value, row, all: true, minimum: 1, fuzziness, isLastPrefix: false)
    case .range(let column, let from, let to):
      guard let value = row.numbers[column] else { return nil }
      return value >= from ?? .min && value <= to ?? .max ? 1 : nil
    case .exists(let name):
      if name == "location" { return row.place == nil ? nil : 1 }
      if row.numbers[name] != nil { return 1 }
      return all(name, row).isEmpty ? nil : 1
    case .keys(let keys): return keys.contains(row.key) ? 1 : nil
    case .withinDistance(let origin, let metres):
      return row.place.map { origin.metres(to: $0) <= metres } == true ? 1 : nil
    case .withinBox(let topLeft, let bottomRight):
      guard let place = row.place else { return nil }
      let (west, east) = (topLeft.longitude, bottomRight.longitude)
      let isBetween =
        west <= east
        ? place.longitude >= west && place.longitude <= east
        : place.longitude >= west || place.longitude <= east
      return isBetween && place.latitude <= topLeft.latitude
        && place.latitude >= bottomRight.latitude ? 1 : nil
    case .bool(let bool): return score(bool, row)
    case .best(let clauses, let tie):
      let scores = clauses.compactMap { score($0, row) }
      guard let best = scores.max() else { return nil }
      return best + tie * (scores.reduce(0, +) - best)
    case .constant(let inner, let value): return score(inner, row) == nil ? nil : value
    case .boosted(let inner, let factor): return score(inner, row).map { $0 * factor }
    case .function(let function): return score(function, row)
    }
  }

  private func all(_ field: String, _ row: Row) -> [String] {
    row.keywords[field] ?? row.words[field] ?? []
  }

  private func score(_ match: TextMultiMatch, _ row: Row) -> Double? {
    if case .crossFields(let tie) = match.kind { return crossScore(match, tie, row) }
    let scores = match.fields.compactMap { field in
      score(
        field.name, match.text, row, all: match.allWords, minimum: match.minimumWords,
        match.fuzziness, isLastPrefix: match.isLastPrefix
      ).map { $0 * field.boost }
    }
    guard let best = scores.max() else { return nil }
    let sum = scores.reduce(0, +)
    if case .bestFields(let tie) = match.kind { return best + tie * (sum - best) }
    return sum
  }

  private func crossScore(_ match: TextMultiMatch, _ tie: Double, _ row: Row) -> Double? {
    let words = match.text.split(separator: " ").map(String.init)
    var distinct: [String] = []
    for word in words where !distinct.contains(word) { distinct.append(word) }
    guard !distinct.isEmpty else { return nil }
    let documents = match.fields.map { holders[$0.name] ?? 0 }.max() ?? 0
    var sum = 0.0
    var found = 0
    for (index, word) in distinct.enumerated() {
      let isPrefix = match.isLastPrefix && index == distinct.count - 1
      let readings = match.fields.map { field in
        (field, self.readings(field.name, word, match.fuzziness, isPrefix: isPrefix))
      }
      let most = readings.flatMap { field, list in list.map { frequency(field.name, $0.word) } }
      var scores: [Double] = []
      for (field, list) in readings {
        for reading in list {
          let count = (row.words[field.name] ?? []).count { $0 == reading.word }
          guard count > 0 else { continue }
          scores.append(
            field.boost * [1, 0.5, 0.25][reading.edits]
              * idf(field.name, most.max() ?? 0, documents: documents)
              * part(field.name, row, Double(count)))
        }
      }
      guard let best = scores.max() else { continue }
      found += 1
      sum +=
        (best + tie * (scores.reduce(0, +) - best)) * Double(words.count { $0 == word })
    }
    let needed =
      match.allWords ? distinct.count : min(max(1, match.minimumWords), distinct.count)
    return found >= needed ? sum : nil
  }

  private func score(_ bool: TextBool, _ row: Row) -> Double? {
    var sum = 0.0
    for clause in bool.must {
      guard let part = score(clause, row) else { return nil }
      sum += part
    }
    for clause in bool.filter where score(clause, row) == nil { return nil }
    for clause in bool.mustNot where score(clause, row) != nil { return nil }
    let optional = bool.should.compactMap { score($0, row) }
    let isOptional = !bool.must.isEmpty || !bool.filter.isEmpty || bool.should.isEmpty
    guard optional.count >= bool.minimumShould ?? (isOptional ? 0 : 1) else { return nil }
    return sum + optional.reduce(0, +)
  }
}

// MARK: Phrases and functions

extension Oracle {
  /// Tries every choice of places.
  fileprivate func score(_ phrase: TextPhrase, _ row: Row) -> Double? {
    let words = phrase.text.split(separator: " ").map(String.init)
    let text = row.words[phrase.field] ?? []
    guard words.count > 1 else {
      return words.isEmpty
        ? nil
        : score(
          phrase.field, phrase.text, row, all: true, minimum: 1, .none,
          isLastPrefix: phrase.isLastPrefix)
    }
    var idfs = 0.0
    var places: [[Int]] = []
    for (index, word) in words.enumerated() {
      let isPrefix = phrase.isLastPrefix && index == words.count - 1
      let readings = readings(phrase.field, word, .none, isPrefix: isPrefix).map(\.word)
      let most = readings.map { self.frequency(phrase.field, $0) }.max() ?? 0
      idfs += idf(phrase.field, most)
      places.append(text.indices.filter { readings.contains(text[$0]) }.map { $0 - index })
    }
    var frequency = 0.0
    for low in Set(places.joined()) {
      if let length = shortest(words, places, low, phrase.slop) {
        frequency += 1 / (1 + Double(length))
      }
    }
    return frequency > 0 ? idfs * part(phrase.field, row, frequency) : nil
  }

  /// The least reach from `low` of any choice of places, no word of the same text sharing one.
  private func shortest(_ words: [String], _ places: [[Int]], _ low: Int, _ slop: Int) -> Int? {
    guard low >= 0 else { return nil }
    var best: Int?
    func choose(_ index: Int, _ taken: [Int], _ length: Int) {
      guard index < words.count else {
        best = min(best ?? .max, length)
        return
      }
      for place in places[index] where place >= low && place - low <= slop {
        let stands = place + index
        let isShared = taken.indices.contains { taken[$0] == stands && words[$0] == words[index] }
        if !isShared { choose(index + 1, taken + [stands], max(length, place - low)) }
      }
    }
    choose(0, [], 0)
    return best
  }

  fileprivate func score(_ function: TextFunctionScore, _ row: Row) -> Double? {
    guard let own = score(function.query, row) else { return nil }
    var values: [Double] = []
    for entry in function.functions {
      if let filter = entry.filter, score(filter, row) == nil { continue }
      values.append(value(entry.function, row))
      if function.scoreMode == .first { break }
    }
    guard let first = values.first else { return max(0, own) }
    let combined: Double
    switch function.scoreMode {
    case .multiply: combined = values.reduce(1, *)
    case .sum: combined = values.reduce(0, +)
    case .average: combined = values.reduce(0, +) / Double(values.count)
    case .first: combined = first
    case .max: combined = values.max() ?? first
    case .min: combined = values.min() ?? first
    }
    switch function.boostMode {
    case .multiply: return max(0, own * combined)
    case .replace: return max(0, combined)
    case .sum: return max(0, own + combined)
    case .average: return max(0, (own + combined) / 2)
    case .max: return max(0, own, combined)
    case .min: return max(0, min(own, combined))
    }
  }

  private func value(_ function: TextFunctionScore.Function, _ row: Row) -> Double {
    func gauss(_ distance: Double, _ scale: Double, _ offset: Double, _ decay: Double) -> Double {
      pow(decay, pow(max(0, distance - offset) / scale, 2))
    }
    switch function {
    case .weight(let weight): return weight
    case .column(let name, let factor, let modifier, let missing):
      let value = factor * (row.numbers[name].map(Double.init) ?? missing)
      switch modifier {
      case .none: return value
      case .log1p: return log10(1 + max(0, value))
      case .ln1p: return log(1 + max(0, value))
      case .sqrt: return sqrt(max(0, value))
      case .square: return value * value
      case .reciprocal: return value == 0 ? 0 : 1 / value
      }
    case .gaussColumn(let name, let origin, let scale, let offset, let decay):
      guard let value = row.numbers[name] else { return 1 }
      return gauss(abs(Double(value) - origin), scale, offset, decay)
    case .gaussDistance(let origin, let scale, let offset, let decay):
      guard let place = row.place else { return 1 }
      return gauss(origin.metres(to: place), scale, offset, decay)
    }
  }
}
