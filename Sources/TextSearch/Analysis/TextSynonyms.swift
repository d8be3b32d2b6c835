// TextSynonyms: other words for the words of a question. Documents are indexed as they are; only what is
// asked for grows, so that a changed rule holds at once, without indexing anew.
//
// A text is cut into slots, from the left, the longest rule first: either the words of a rule, with what
// else they may be, or words without rules. Words are compared after analysis, so rules hold for every
// spelling of a word. What a rule gives is not expanded again. A text of several words stands for itself
// as a phrase: as an alternative it must stand in a document word by word.

public struct TextSynonyms: Equatable, Sendable {
  public enum Rule: Equatable, Sendable {
    /// Each finds all of them.
    case equivalent([String])
    /// `from` also finds `to`, not the other way round.
    case oneWay(from: String, to: [String])
  }

  /// Words of a text that stand together, and what else they may be, in the order of the rules.
  public struct Slot: Equatable, Sendable {
    public var text: String
    public var alternatives: [String]
  }

  public let rules: [Rule]
  public let analyser: Analyser
  /// By the terms of the words, each ended by a zero byte.
  private var alternatives: [[UInt8]: [String]] = [:]
  private var wordsMost = 0

  public init(_ rules: [Rule], analyser: Analyser = .standard) {
    self.rules = rules
    self.analyser = analyser
    for rule in rules {
      switch rule {
      case .equivalent(let texts):
        for text in texts { add(text, finds: texts) }
      case .oneWay(let from, let to): add(from, finds: to)
      }
    }
  }

  public var isEmpty: Bool { alternatives.isEmpty }

  private mutating func add(_ text: String, finds others: [String]) {
    let (key, count) = key(of: text)
    guard count > 0 else { return }
    wordsMost = max(wordsMost, count)
    for other in others {
      let otherKey = self.key(of: other)
      guard otherKey.count > 0, otherKey.key != key else { continue }
      var known = alternatives[key] ?? []
      if !known.contains(other) { known.append(other) }
      alternatives[key] = known
    }
  }

  private func key(of text: String) -> (key: [UInt8], count: Int) {
    var list = TermList()
    analyser.analyse(text, for: .query, into: &list)
    return (Self.key(of: list, 0..<list.count), list.count)
  }

  private static func key(of list: TermList, _ terms: Range<Int>) -> [UInt8] {
    var key: [UInt8] = []
    for index in terms {
      key += list[index]
      key.append(0)
    }
    return key
  }

  /// The text in slots; words without rules that stand together are one.
  public func slots(of text: String) -> [Slot] { slots(of: text, oneWordEach: false) }

  private func slots(of text: String, oneWordEach: Bool) -> [Slot] {
    var list = TermList(keepsSources: true)
    analyser.analyse(text, for: .query, into: &list)
    var slots: [Slot] = []
    var plainFrom = 0
    var index = 0
    func closePlain() {
      if plainFrom < index {
        slots.append(Slot(text: Self.text(of: plainFrom..<index, list, text), alternatives: []))
      }
    }
    while index < list.count {
      if let (count, others) = longestRule(list, at: index) {
        closePlain()
        slots.append(
          Slot(text: Self.text(of: index..<index + count, list, text), alternatives: others))
        index += count
        plainFrom = index
      } else {
        index += 1
        if oneWordEach {
          closePlain()
          plainFrom = index
        }
      }
    }
    closePlain()
    return slots
  }

  private func longestRule(_ list: TermList, at index: Int) -> (Int, [String])? {
    var count = min(wordsMost, list.count - index)
    while count > 0 {
      if let others = alternatives[Self.key(of: list, index..<index + count)] {
        return (count, others)
      }
      count -= 1
    }
    return nil
  }

  private static func text(of terms: Range<Int>, _ list: TermList, _ text: String) -> String {
    let start = Int(list.sources[terms.lowerBound].lowerBound)
    let end = Int(list.sources[terms.upperBound - 1].upperBound)
    return String(decoding: text.utf8.dropFirst(start).prefix(end - start), as: UTF8.self)
  }
}

// MARK: Questions

extension TextSynonyms {
  /// `match` with the alternatives of its words. Without any it is given back as it is; with some, each
  /// slot is a clause of its own, and scores are the sums of the slots'.
  public func expanded(_ match: TextMultiMatch) -> TextExpression {
    let need = Need(match.text, match.allWords, match.minimumWords)
    return expanded(need) { text, needsAll, isLast in
      var own = match
      (own.text, own.allWords, own.minimumWords) = (text, needsAll, 1)
      own.isLastPrefix = match.isLastPrefix && isLast
      return .multiMatch(own)
    } alternative: { other, isPhrase in
      guard isPhrase else {
        var plain = TextMultiMatch(match.fields, other)
        plain.kind = match.kind
        return .multiMatch(plain)
      }
      return Self.either(
        match.fields.map { .boosted(.phrase(TextPhrase($0.name, other)), by: $0.boost) })
    } ?? .multiMatch(match)
  }

  /// As for several fields.
  public func expanded(_ match: TextMatch) -> TextExpression {
    let need = Need(match.text, match.allWords, match.minimumWords)
    return expanded(need) { text, needsAll, isLast in
      var own = match
      (own.text, own.allWords, own.minimumWords) = (text, needsAll, 1)
      own.isLastPrefix = match.isLastPrefix && isLast
      return .match(own)
    } alternative: { other, isPhrase in
      isPhrase
        ? .phrase(TextPhrase(match.field, other)) : .match(TextMatch(match.field, other))
    } ?? .match(match)
  }

  /// A text, and how many of its words are needed.
  private struct Need {
    let text: String
    let allWords: Bool
    let minimumWords: Int

    init(_ text: String, _ allWords: Bool, _ minimumWords: Int) {
      (self.text, self.allWords, self.minimumWords) = (text, allWords, minimumWords)
    }
  }

  /// A clause for each slot, in the one that holds them; nil: no rule is about the text. Where several but
  /// not all words are needed each word is a slot, so that they can be counted.
  private func expanded(
    _ need: Need, own: (_ text: String, _ needsAll: Bool, _ isLast: Bool) -> TextExpression,
    alternative: (_ text: String, _ isPhrase: Bool) -> TextExpression
  ) -> TextExpression? {
    let slots = slots(of: need.text, oneWordEach: !need.allWords && need.minimumWords > 1)
    guard slots.contains(where: { !$0.alternatives.isEmpty }) else { return nil }
    let clauses = slots.enumerated().map { index, slot in
      let needsAll = need.allWords || !slot.alternatives.isEmpty
      return Self.either(
        [own(slot.text, needsAll, index == slots.count - 1)]
          + slot.alternatives.map { alternative($0, key(of: $0).count > 1) })
    }
    var bool = TextBool()
    if need.allWords {
      bool.must = clauses
    } else {
      bool.should = clauses
      bool.minimumShould = max(1, min(need.minimumWords, slots.count))
    }
    return .bool(bool)
  }

  private static func either(_ expressions: [TextExpression]) -> TextExpression {
    guard expressions.count != 1 else { return expressions[0] }
    var bool = TextBool()
    bool.should = expressions
    bool.minimumShould = 1
    return .bool(bool)
  }
}
