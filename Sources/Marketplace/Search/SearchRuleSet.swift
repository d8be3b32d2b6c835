// SearchRuleSet: the rules of one moment, made ready for questions; SearchRuleCache: the newest of them,
// kept from one question to the next.
//
// Invariant: a question is answered by the rules of its own snapshot. What was made of them is known by
// their version, which is a row of the records as they are.

import Bytes
import RecordStore
import Synchronization
import TextSearch

struct SearchRuleSet: Sendable {
  /// What the rules say of one question; keys are products'.
  struct Targets: Sendable {
    /// By rising places.
    var pins: [(position: Int, key: [UInt8])] = []
    var down: [[UInt8]] = []
    var out: [[UInt8]] = []
  }

  var version: Int64 = 0
  var synonyms = TextSynonyms([])
  private var targets: [String: Targets] = [:]

  init() {}

  init(_ reader: some RecordReader, version: Int64) throws {
    self.version = version
    var synonyms: [TextSynonyms.Rule] = []
    try reader.forEach(SearchRule.self) { rule throws(StoreError) -> ScanStep in
      if rule.kind == .synonyms {
        synonyms.append(
          rule.from.map { .oneWay(from: $0, to: rule.words) } ?? .equivalent(rule.words))
      } else if let id = rule.productID {
        add(rule, key(id))
      }
      return .next
    }
    self.synonyms = TextSynonyms(synonyms)
    for query in targets.keys { targets[query]?.pins.sort { $0.position < $1.position } }
  }

  private mutating func add(_ rule: SearchRule, _ product: [UInt8]) {
    switch (rule.position, rule.burial) {
    case (let position?, _):
      targets[rule.query, default: Targets()].pins.append((Int(clamping: position), product))
    case (_, .down): targets[rule.query, default: Targets()].down.append(product)
    case (_, .out): targets[rule.query, default: Targets()].out.append(product)
    default: break
    }
  }

  /// What is said of a question; nothing of most.
  func targets(of text: String) -> Targets {
    if targets.isEmpty { return Targets() }
    return targets[SearchText.words(of: text)] ?? Targets()
  }

  /// Words that a question may have together with what they may also be, in each field: what rules add
  /// must not make a question too long for the index.
  private static let wordsMax =
    TextLimits.words / max(1, ProductSearch.schema.fields.count) - 5

  /// `match` with what its words may also be; as it is, where that would be too much.
  func expanded(_ match: TextMultiMatch) -> TextExpression {
    guard !synonyms.isEmpty else { return .multiMatch(match) }
    var words = 0
    for slot in synonyms.slots(of: match.text) {
      for text in [slot.text] + slot.alternatives {
        words += Analyser.standard.terms(of: text, for: .query).count
      }
    }
    return words <= Self.wordsMax ? synonyms.expanded(match) : .multiMatch(match)
  }
}

public final class SearchRuleCache: Sendable {
  private let newest = Mutex(SearchRuleSet())

  public init() {}

  func rules(_ reader: some RecordReader) throws -> SearchRuleSet {
    let version = try SearchRules.version(reader)
    let kept = newest.withLock { $0 }
    if kept.version == version { return kept }
    let made = try SearchRuleSet(reader, version: version)
    newest.withLock { if $0.version < version { $0 = made } }
    return made
  }
}
