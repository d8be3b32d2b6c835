// Clauses about words: match, multi_match, phrases, prefixes and near words.

import Bytes
import TextSearch

extension ElasticQuery {
  private struct Words {
    var text: String
    var allWords: Bool
    var minimum: Int
    /// A text without words matches everything.
    var matchesAll: Bool
  }

  /// What the clauses about words have in common. Percentages are of the words of the text.
  private func words(
    _ members: inout ElasticMembers, _ fields: [ElasticField]
  ) throws(ElasticError) -> Words {
    guard let text = try members.text("query") else {
      throw .parsing("[\(members.clause)] requires [query]")
    }
    var words = Words(text: text, allWords: false, minimum: 1, matchesAll: false)
    if let word = try members.text("operator") {
      guard ["and", "or"].contains(word.lowercased()) else {
        throw .parsing("[\(members.clause)] [operator] must be and, or")
      }
      words.allWords = word.lowercased() == "and"
    }
    if let wanted = members.take("minimum_should_match") {
      let analyser = fields.first?.analyser ?? .standard
      let count = min(analyser.terms(of: text, for: .query).count, TextLimits.words)
      words.minimum = max(1, try Self.minimum(wanted, of: count))
    }
    switch try members.text("zero_terms_query")?.lowercased() {
    case nil, "none": break
    case "all":
      words.matchesAll = fields.allSatisfy { $0.analyser.terms(of: text, for: .query).isEmpty }
    case .some(let other): throw .illegal("[\(members.clause)] has no [zero_terms_query] \(other)")
    }
    try analyser(&members, fields)
    // Words are neither of the wrong type, nor are there synonyms of several words.
    members.ignore("lenient", "auto_generate_synonyms_phrase_query")
    return words
  }

  /// Questions are read as the field's own texts are.
  private func analyser(
    _ members: inout ElasticMembers, _ fields: [ElasticField]
  ) throws(ElasticError) {
    guard let name = try members.text("analyzer") else { return }
    guard fields.allSatisfy({ $0.analyser.rawValue == name }) else {
      throw .illegal(
        "[\(members.clause)] [analyzer] must be that of the field: "
          + Set(fields.map(\.analyser.rawValue)).sorted().joined(separator: ", "))
    }
  }

  func match(
    _ body: JSONValue, _ clause: String = "match", isPrefix: Bool = false
  ) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, clause)
    var members = try self.members(value, clause, alone: "query")
    guard let field = mapping[name] else { return .nothing }
    guard case .text(let engineField, _, let isBeginning) = field.kind else {
      // A match on anything but text asks for the exact value.
      guard let wanted = members.take("query") else {
        throw .parsing("[\(clause)] requires [query]")
      }
      try members.refuse("fuzziness")
      // A single value needs neither.
      members.ignore("operator", "minimum_should_match")
      let isLenient = try members.flag("lenient") ?? false
      let boost = try self.boost(&members)
      try members.finish()
      do {
        return boosted(try equal(field, wanted), boost)
      } catch {
        guard isLenient else { throw error }
        return .nothing
      }
    }
    let words = try self.words(&members, [field])
    var match = TextMatch(engineField, words.text)
    match.allWords = words.allWords
    match.minimumWords = words.minimum
    match.fuzziness = try fuzziness(&members)
    match.isLastPrefix = isPrefix || isBeginning
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(words.matchesAll ? .all : .match(match), boost)
  }

  func phrase(
    _ body: JSONValue, _ clause: String, isPrefix: Bool
  ) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, clause)
    var members = try self.members(value, clause, alone: "query")
    guard let field = mapping[name] else { return .nothing }
    guard case .text(let engineField, _, _) = field.kind else {
      throw .illegal("[\(clause)] needs a field of type text, and [\(name)] is \(field.type)")
    }
    guard let text = try members.text("query") else {
      throw .parsing("[\(clause)] requires [query]")
    }
    var phrase = TextPhrase(engineField, text)
    phrase.slop = try members.integer("slop", 0...64) ?? 0
    phrase.isLastPrefix = isPrefix
    try analyser(&members, [field])
    try members.require("zero_terms_query", oneOf: ["none"])
    if isPrefix {
      try members.require("max_expansions", oneOf: ["\(TextLimits.prefixExpansions)"])
    }
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(.phrase(phrase), boost)
  }

  func multiMatch(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "multi_match")
    let names = try members.take("fields").map { (value) throws(ElasticError) in
      try ElasticValue.names(value, "multi_match] [fields")
    }
    let fields = try matchFields(names ?? ["*"])
    let words = try self.words(&members, fields.map(\.field))
    let tie = try members.number("tie_breaker")
    if let tie, !(0...1).contains(tie) {
      throw .illegal("[multi_match] [tie_breaker] must be from 0 to 1")
    }
    let type = try members.text("type") ?? "best_fields"
    let isPhrase = type == "phrase" || type == "phrase_prefix"
    if isPhrase { try members.refuse("fuzziness") }
    let fuzziness = try self.fuzziness(&members)
    let slop = try members.integer("slop", 0...(isPhrase ? 64 : 0)) ?? 0
    let boost = try self.boost(&members)
    try members.finish()
    guard !fields.isEmpty else { return .nothing }
    if words.matchesAll { return boosted(.all, boost) }
    if isPhrase {
      let phrases = fields.map { field in
        var phrase = TextPhrase(field.match.name, words.text)
        phrase.slop = slop
        phrase.isLastPrefix = type == "phrase_prefix"
        return boosted(.phrase(phrase), field.match.boost)
      }
      return boosted(.best(phrases, tieBreaker: tie ?? 0), boost)
    }
    var match = TextMultiMatch(fields.map(\.match), words.text)
    match.allWords = words.allWords
    match.minimumWords = words.minimum
    match.fuzziness = fuzziness
    switch type {
    case "best_fields": match.kind = .bestFields(tieBreaker: tie ?? 0)
    case "most_fields": match.kind = .mostFields
    case "cross_fields":
      guard fuzziness == .none else {
        throw .illegal("[multi_match] of type cross_fields takes no [fuzziness]")
      }
      match.kind = .crossFields(tieBreaker: tie ?? 0)
    case "bool_prefix": match.isLastPrefix = true
    default: throw .parsing("[multi_match] does not support the type [\(type)]")
    }
    return boosted(.multiMatch(match), boost)
  }

  /// `title^3`, `category.*`; a name that no field has matches nothing and is left out.
  private func matchFields(
    _ names: [String]
  ) throws(ElasticError) -> [(field: ElasticField, match: TextMultiMatch.Field)] {
    var fields: [(field: ElasticField, match: TextMultiMatch.Field)] = []
    for written in names {
      let parts = written.split(separator: "^", omittingEmptySubsequences: false)
      let boost = parts.count > 1 ? Double(parts[1]) : 1
      guard let boost, boost >= 0, boost.isFinite, parts.count <= 2 else {
        throw .parsing("[multi_match] [fields] has [\(written)], which is no field with a boost")
      }
      let name = String(parts[0])
      for field in mapping.fields where ElasticPattern.matches(field.name, name) {
        guard case .text(let engineField, _, let isBeginning) = field.kind else {
          guard name == field.name else { continue }
          throw .illegal(
            "[multi_match] needs fields of type text, and [\(name)] is \(field.type)")
        }
        if isBeginning, name != field.name { continue }
        if fields.contains(where: { $0.match.name == engineField }) { continue }
        fields.append((field, TextMultiMatch.Field(engineField, boost: boost)))
      }
    }
    return fields
  }

  func prefix(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, "prefix")
    var members = try self.members(value, "prefix", alone: "value")
    guard let text = try members.text("value") else { throw .parsing("[prefix] requires [value]") }
    try members.refuse("rewrite")
    try members.require("case_insensitive", oneOf: ["false"])
    let boost = try self.boost(&members)
    try members.finish()
    guard let field = mapping[name] else { return .nothing }
    return boosted(.prefix(field: try wordField(field, "prefix"), value: text), boost)
  }

  func fuzzy(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, "fuzzy")
    var members = try self.members(value, "fuzzy", alone: "value")
    guard let text = try members.text("value") else { throw .parsing("[fuzzy] requires [value]") }
    let isSaid = members.names.contains("fuzziness")
    let fuzziness = try self.fuzziness(&members)
    let boost = try self.boost(&members)
    try members.finish()
    guard let field = mapping[name] else { return .nothing }
    guard case .text(let engineField, _, _) = field.kind else {
      throw .illegal("[fuzzy] needs a field of type text, and [\(name)] is \(field.type)")
    }
    return boosted(
      .fuzzy(field: engineField, value: text, isSaid ? fuzziness : .auto), boost)
  }

  private func wordField(
    _ field: ElasticField, _ clause: String
  ) throws(ElasticError) -> String {
    switch field.kind {
    case .text(let name, _, _): return name
    case .keyword(let name): return name
    default:
      throw .illegal(
        "[\(clause)] needs a field of type text or keyword, and [\(field.name)] is \(field.type)")
    }
  }
}

/// Names with `*` for any run of characters.
enum ElasticPattern {
  static func matches(_ name: String, _ pattern: String) -> Bool {
    guard pattern.contains("*") else { return name == pattern }
    let name = Array(name.utf8)
    let pattern = Array(pattern.utf8)
    var (at, place) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while at < name.count {
      if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
        star = (place, at)
        place += 1
      } else if place < pattern.count, pattern[place] == name[at] {
        (at, place) = (at + 1, place + 1)
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        (at, place) = (last.name + 1, last.pattern + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
