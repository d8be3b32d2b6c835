// SearchRules: what administrators do with the rules of the search.

import Bytes
import RecordStore
import TextSearch

public enum SearchRules {
  /// All are kept in memory, made ready for questions.
  public static let rulesMax = 1000
  /// Of one question: each is one more key that its search looks at.
  public static let pinsMax = 20
  public static let burialsMax = 50
  public static let positionMax: Int64 = 100
  public static let wordsMax = 20
  public static let textLengthMax = 60
  /// Words of one text of a synonym.
  public static let textWordsMax = 4

  static let versionCounter = "searchRules"

  /// How often the rules were changed.
  static func version(_ reader: some RecordReader) throws -> Int64 {
    try reader.get(Counter.self, key(versionCounter))?.value ?? 0
  }

  public static func page(
    _ reader: some RecordReader, kind: SearchRuleKind?, query: String?, limit: Int,
    cursor: String?, _ cursors: PageCursors
  ) throws -> SearchRulePage {
    let words = query.map { SearchText.words(of: $0) }
    let list = try KeysetList.page(
      reader, SearchRule.self, filter: "searchRules|\(kind?.rawValue ?? "")|\(words ?? "")",
      limit: limit, cursor: cursor, cursors
    ) { rule in
      if let kind, rule.kind != kind { return false }
      return words == nil || rule.query == words
    }
    var page = SearchRulePage()
    page.data = list.rows
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }

  public static func find(_ reader: some RecordReader, id: UUIDv7) throws -> SearchRule {
    guard let rule = try reader.get(SearchRule.self, key(id)) else {
      throw MarketError.notFound("rule")
    }
    return rule
  }

  /// Errors: VAL_3001 and VAL_3003 for what makes no rule, RES_4001 for a product that is not there,
  /// RES_4003 where another rule stands in the way or there are too many.
  public static func create(
    _ transaction: Transaction, _ input: SearchRuleInput
  ) throws -> SearchRule {
    var rule = SearchRule()
    rule.id = transaction.newID()
    rule.kind = input.kind
    rule.createdAt = transaction.time
    rule.updatedAt = transaction.time
    try set(&rule, input, transaction)
    guard try transaction.all(SearchRule.self).count < rulesMax else {
      throw MarketError.conflict(
        "There are \(rulesMax) rules already; delete one.", reason: "too_many_rules")
    }
    try transaction.insert(rule)
    try countChange(transaction)
    return rule
  }

  /// Errors: as `create`; RES_4003 for another version than the expected one.
  public static func replace(
    _ transaction: Transaction, id: UUIDv7, _ input: SearchRuleInput, expectedVersion: Int64?
  ) throws -> SearchRule {
    var rule = try expected(transaction, id, expectedVersion)
    guard input.kind == rule.kind else {
      throw MarketError.invalid(
        "/kind", rule: "equal", "A rule keeps its kind; make another one instead.")
    }
    try set(&rule, input, transaction)
    rule.version += 1
    rule.updatedAt = transaction.time
    try transaction.put(rule)
    try countChange(transaction)
    return rule
  }

  public static func delete(
    _ transaction: Transaction, id: UUIDv7, expectedVersion: Int64?
  ) throws {
    let rule = try expected(transaction, id, expectedVersion)
    try transaction.delete(SearchRule.self, rule.primaryKey)
    try countChange(transaction)
  }

  private static func expected(
    _ transaction: Transaction, _ id: UUIDv7, _ version: Int64?
  ) throws -> SearchRule {
    let rule = try find(transaction, id: id)
    if let version, version != rule.version {
      throw MarketError.preconditionFailed(current: rule.version)
    }
    return rule
  }

  private static func countChange(_ transaction: Transaction) throws {
    var counter = try transaction.get(Counter.self, key(versionCounter)) ?? Counter()
    counter.name = versionCounter
    counter.value += 1
    try transaction.put(counter)
  }

  // MARK: What makes a rule

  private static func set(
    _ rule: inout SearchRule, _ input: SearchRuleInput, _ transaction: Transaction
  ) throws {
    switch input.kind {
    case .synonyms: try setSynonyms(&rule, input)
    case .pin, .bury: try setTarget(&rule, input, transaction)
    }
  }

  private static func setSynonyms(_ rule: inout SearchRule, _ input: SearchRuleInput) throws {
    try refuse(
      [
        ("/query", input.query != nil), ("/productId", input.productID != nil),
        ("/position", input.position != nil), ("/burial", input.burial != nil),
      ], of: .synonyms)
    guard input.words.count >= (input.from == nil ? 2 : 1) else {
      throw MarketError.invalid(
        "/words", rule: "count", "Synonyms are two texts at least, or one beside `from`.")
    }
    for (index, text) in input.words.enumerated() { try check(text, "/words/\(index)") }
    if let from = input.from { try check(from, "/from") }
    rule.words = input.words
    rule.from = input.from
  }

  private static func check(_ text: String, _ path: String) throws {
    let count = Analyser.standard.terms(of: text, for: .query).count
    guard (1...textWordsMax).contains(count) else {
      throw MarketError.invalid(path, rule: "words", "A synonym has 1 to \(textWordsMax) words.")
    }
  }

  private static func setTarget(
    _ rule: inout SearchRule, _ input: SearchRuleInput, _ transaction: Transaction
  ) throws {
    try refuse(
      [
        ("/words", !input.words.isEmpty), ("/from", input.from != nil),
        ("/position", input.kind == .bury && input.position != nil),
        ("/burial", input.kind == .pin && input.burial != nil),
      ], of: input.kind)
    var missing: [FieldIssue] = []
    func require(_ path: String, _ isThere: Bool) {
      if !isThere {
        missing.append(FieldIssue(path: path, rule: "required", message: "is required"))
      }
    }
    require("/query", input.query != nil)
    require("/productId", input.productID != nil)
    if input.kind == .pin { require("/position", input.position != nil) }
    if input.kind == .bury { require("/burial", input.burial != nil) }
    guard missing.isEmpty, let query = input.query, let productID = input.productID else {
      throw MarketError.invalid(missing)
    }
    rule.query = SearchText.words(of: query)
    guard !rule.query.isEmpty else {
      throw MarketError.invalid("/query", rule: "words", "A rule is for a question with words.")
    }
    guard try Catalog.find(transaction, id: productID) != nil else {
      throw MarketError.notFound("product")
    }
    rule.productID = productID
    rule.position = input.position
    rule.burial = input.burial
    try requireRoom(for: rule, transaction)
  }

  private static func refuse(
    _ fields: [(path: String, isThere: Bool)], of kind: SearchRuleKind
  ) throws {
    for field in fields where field.isThere {
      throw MarketError.invalid(
        field.path, rule: "unknown", "A rule of the kind \(kind.rawValue) has no such field.")
    }
  }

  private static func requireRoom(for rule: SearchRule, _ transaction: Transaction) throws {
    var others: [SearchRule] = []
    try transaction.forEach(in: SearchRule.byTarget, .prefix(key(rule.query))) {
      (other: SearchRule) throws(StoreError) -> ScanStep in
      if other.id != rule.id { others.append(other) }
      return .next
    }
    guard !others.contains(where: { $0.productID == rule.productID }) else {
      throw MarketError.conflict(
        "The product has a rule for this question already.", reason: "product_has_rule")
    }
    let same = others.filter { $0.kind == rule.kind }
    if rule.kind == .pin {
      guard !same.contains(where: { $0.position == rule.position }) else {
        throw MarketError.conflict(
          "Another product is pinned to this place.", reason: "position_taken")
      }
    }
    guard same.count < (rule.kind == .pin ? pinsMax : burialsMax) else {
      throw MarketError.conflict(
        "The question has as many rules as it may have.", reason: "too_many_rules")
    }
  }
}
