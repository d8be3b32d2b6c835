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
    let (slots, bool) = clauses(match.text, match.allWords, match.minimumWords)
    guard var bool else { return .multiMatch(match) }
    let expressions = slots.enumerated().map { index, slot in
      var own = match
      own.text = slot.text
      own.isLastPrefix = match.isLastPrefix && index == slots.count - 1
      own.minimumWords = 1
      own.allWords = match.allWords || !slot.alternatives.isEmpty
      return either(
        .multiMatch(own),
        slot.alternatives.map { other in
          guard key(of: other).count > 1 else {
            var plain = TextMultiMatch(match.fields, other)
            plain.kind = match.kind
            return .multiMatch(plain)
          }
          return Self.either(
            match.fields.map { .boosted(.phrase(TextPhrase($0.name, other)), by: $0.boost) })
        })
    }
    if match.allWords { bool.must = expressions } else { bool.should = expressions }
    return .bool(bool)
  }

  /// As for several fields.
  public func expanded(_ match: TextMatch) -> TextExpression {
    let (slots, bool) = clauses(match.text, match.allWords, match.minimumWords)
    guard var bool else { return .match(match) }
    let expressions = slots.enumerated().map { index, slot in
      var own = match
      own.text = slot.text
      own.isLastPrefix = match.isLastPrefix && index == slots.count - 1
      own.minimumWords = 1
      own.allWords = match.allWords || !slot.alternatives.isEmpty
      return either(
        .match(own),
        slot.alternatives.map { other in
          key(of: other).count > 1
            ? .phrase(TextPhrase(match.field, other)) : .match(TextMatch(match.field, other))
        })
    }
    if match.allWords { bool.must = expressions } else { bool.should = expressions }
    return .bool(bool)
  }

  /// The slots and the clause that will hold them; nil: no rule is about the text. Where several but not
  /// all words are needed each word is a slot, so that they can be counted.
  private func clauses(
    _ text: String, _ allWords: Bool, _ minimumWords: Int
  ) -> ([Slot], TextBool?) {
    let slots = slots(of: text, oneWordEach: !allWords && minimumWords > 1)
    guard slots.contains(where: { !$0.alternatives.isEmpty }) else { return ([], nil) }
    var bool = TextBool()
    if !allWords { bool.minimumShould = max(1, min(minimumWords, slots.count)) }
    return (slots, bool)
  }

  private func either(
    _ own: TextExpression, _ others: [TextExpression]
  ) -> TextExpression {
    others.isEmpty ? own : Self.either([own] + others)
  }

  private static func either(_ expressions: [TextExpression]) -> TextExpression {
    guard expressions.count != 1 else { return expressions[0] }
    var bool = TextBool()
    bool.should = expressions
    bool.minimumShould = 1
    return .bool(bool)
  }
}
