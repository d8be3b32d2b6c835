// SearchRule: how the marketplace bends the search: words that mean the same, a product that stands at a
// place of a question's hits, one that stands at their end or is not found by it.
//
// Invariants
// 1. A product has at most one rule for a question, and a place of a question at most one product.
// 2. Every change of a rule counts up `SearchRules.versionCounter` in its own commit, so that what was
//    made of the rules is known to be old.

import Bytes
import RecordStore

public enum SearchRuleKind: String, FieldEnum {
  case synonyms, pin, bury
}

public enum SearchBurial: String, FieldEnum {
  /// Behind all that is not buried.
  case down
  /// Not found.
  case out
}

/// Table 82.
public struct SearchRule: Record, Equatable {
  public var id = UUIDv7.zero
  public var kind = SearchRuleKind.synonyms
  /// Of synonyms: texts that find each other; with `from`, what it also finds.
  public var words: [String] = []
  public var from: String?
  /// Of a pin and a burial: the question, as `SearchText.words` has it.
  public var query = ""
  public var productID: UUIDv7?
  /// Of a pin: the place, from 1.
  public var position: Int64?
  public var burial: SearchBurial?
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "kind", &kind)
    try visitor.field(3, "words", &words)
    try visitor.field(4, "from", &from)
    try visitor.field(5, "query", &query)
    try visitor.field(6, "productId", &productID)
    try visitor.field(7, "position", &position)
    try visitor.field(8, "burial", &burial)
    try visitor.field(9, "version", &version)
    try visitor.field(10, "createdAt", &createdAt)
    try visitor.field(11, "updatedAt", &updatedAt)
  }

  public static let table = Table<SearchRule>(
    number: 82, name: "searchRules", indexes: [byTarget])
  /// The rules about products by their question.
  static let byTarget = Index<SearchRule>(number: 1, name: "byTarget", isUnique: true) { rule in
    rule.productID.map { [key(rule.query, $0)] } ?? []
  }
  public var primaryKey: [UInt8] { key(id) }
}

/// POST /admin/search/rules, and PUT for all of it but the kind.
public struct SearchRuleInput: Fields, Equatable {
  public var kind = SearchRuleKind.synonyms
  public var words: [String] = []
  public var from: String?
  public var query: String?
  public var productID: UUIDv7?
  public var position: Int64?
  public var burial: SearchBurial?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "kind", &kind, .required)
    var texts = FieldRules.length(1...SearchRules.textLengthMax)
    texts.count = 0...SearchRules.wordsMax
    try visitor.field(
      2, "words", &words, texts.summary("Synonyms: texts that find each other."))
    try visitor.field(
      3, "from", &from,
      .length(1...SearchRules.textLengthMax).summary(
        "Synonyms: only this text also finds the words, not the other way round."))
    try visitor.field(
      4, "query", &query,
      .length(1...SearchRules.textLengthMax).summary("Pin, bury: what is searched for."))
    try visitor.field(5, "productId", &productID)
    try visitor.field(
      6, "position", &position,
      .range(1...SearchRules.positionMax).summary("Pin: the place, from 1."))
    try visitor.field(
      7, "burial", &burial, FieldRules().summary("Bury: behind the others, or not found."))
  }
}

/// GET /admin/search/rules: newest first.
public struct SearchRulePage: Fields, Equatable {
  public var data: [SearchRule] = []
  public var hasMore = false
  public var nextCursor: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}
