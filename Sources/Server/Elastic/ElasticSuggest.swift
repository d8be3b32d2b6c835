// ElasticSuggest: `suggest` of a search: completions of a beginning. Other suggesters are refused by name.
//
// A completion may begin at any word of the text, and comes by its weight. What has a typo is only looked
// for when the request allows it and nothing begins as it is written.

import Bytes
import TextSearch

struct ElasticSuggest: Equatable {
  struct Completion: Equatable {
    var name: String
    var prefix: String
    var field: String
    /// The column of the weights; the heaviest comes first.
    var weight: String
    var size: Int
    var typos: Int
    var skipsDuplicates: Bool
  }

  var completions: [Completion] = []

  private static let most = 16
  private static let sizeMost = 100
  /// Texts may be the same: a few more hits are looked at than are shown.
  private static let hitsPerOption = 4

  static func parse(
    _ value: JSONValue, _ mapping: ElasticMapping
  ) throws(ElasticError) -> ElasticSuggest {
    var members = try ElasticMembers(value, of: "suggest")
    let common = try members.text("text")
    var suggest = ElasticSuggest()
    while let member = members.takeAny() {
      var one = try ElasticMembers(member.value, of: member.name)
      let (beginning, text) = (try one.text("prefix"), try one.text("text"))
      guard let prefix = beginning ?? text ?? common else {
        throw .illegal("[suggest] [\(member.name)] requires [prefix]")
      }
      for kind in ["term", "phrase", "regex"] where one.take(kind) != nil {
        throw .illegal("[suggest] has [completion] only, not [\(kind)] (docs/search.md)")
      }
      guard let body = one.take("completion") else {
        throw .parsing("[suggest] [\(member.name)] requires [completion]")
      }
      try one.finish()
      suggest.completions.append(try completion(member.name, prefix, body, mapping))
    }
    guard suggest.completions.count <= most else {
      throw .illegal("[suggest] takes at most \(most) suggestions")
    }
    return suggest
  }

  private static func completion(
    _ name: String, _ prefix: String, _ value: JSONValue, _ mapping: ElasticMapping
  ) throws(ElasticError) -> Completion {
    var members = try ElasticMembers(value, of: "completion")
    guard let field = try members.text("field") else {
      throw .parsing("[completion] requires [field]")
    }
    guard case .completion(let engineField, let weight)? = mapping[field]?.kind else {
      throw .illegal("[completion] needs a field of type completion, and [\(field)] is none")
    }
    let size = try members.integer("size", 1...sizeMost) ?? 5
    let skips = try members.flag("skip_duplicates") ?? false
    var typos = 0
    if let value = members.take("fuzzy") {
      var fuzzy = try ElasticMembers(
        value == .bool(true) ? .object([]) : value, of: "completion] [fuzzy")
      typos = 1
      if let wanted = fuzzy.take("fuzziness") {
        let isAuto = wanted.text?.uppercased() == "AUTO"
        guard isAuto || [0, 1].contains(ElasticValue.integer(wanted)) else {
          throw .illegal("[completion] [fuzzy] forgives one typo: [fuzziness] is 0, 1 or AUTO")
        }
        typos = isAuto ? 1 : ElasticValue.integer(wanted) ?? 1
      }
      try fuzzy.require("transpositions", oneOf: ["true"])
      try fuzzy.finish()
    }
    try members.finish()
    return Completion(
      name: name, prefix: prefix, field: engineField, weight: weight, size: size, typos: typos,
      skipsDuplicates: skips)
  }

  // MARK: Answering

  func json(_ index: any ElasticIndex, _ source: ElasticSourceFilter) throws -> JSONValue {
    var members: [JSONValue.Member] = []
    for completion in completions {
      let options = try self.options(completion, index, source)
      let entry = JSONValue.object([
        .init("text", .string(completion.prefix)), .init("offset", .int(0)),
        .init("length", .int(Int64(completion.prefix.utf16.count))),
        .init("options", .array(options)),
      ])
      members.append(.init(completion.name, .array([entry])))
    }
    return .object(members)
  }

  private func options(
    _ completion: Completion, _ index: any ElasticIndex, _ source: ElasticSourceFilter
  ) throws -> [JSONValue] {
    guard !Analyser.standard.terms(of: completion.prefix, for: .query).isEmpty else { return [] }
    var match = TextMatch(completion.field, completion.prefix)
    match.allWords = true
    match.isLastPrefix = true
    var hits = try find(match, completion, index.text)
    if hits.isEmpty, completion.typos > 0 {
      match.fuzziness = .edits(completion.typos)
      hits = try find(match, completion, index.text)
    }
    var options: [JSONValue] = []
    var seen: Set<String> = []
    for hit in hits where options.count < completion.size {
      guard let document = try index.document(key: hit.key) else { continue }
      let text = try document.texts()[completion.field] ?? ""
      if completion.skipsDuplicates, !seen.insert(text).inserted { continue }
      let weight = index.text.value(completion.weight, of: hit.ordinal) ?? 1
      var option: [JSONValue.Member] = [
        .init("text", .string(text)), .init("_index", .string(index.name)),
        .init("_id", .string(document.id)), .init("_score", .number("\(Double(weight))")),
      ]
      if source.isShown {
        option.append(.init("_source", source.apply(to: try document.source())))
      }
      options.append(.object(option))
    }
    return options
  }

  private func find(
    _ match: TextMatch, _ completion: Completion, _ text: TextSnapshot
  ) throws -> [TextHit] {
    let most = completion.size * (completion.skipsDuplicates ? Self.hitsPerOption : 1)
    var request = TextRequest(.match(match), limit: most)
    request.sort = [.column(completion.weight, descending: true), .score(descending: true)]
    request.countsTotal = false
    do {
      return try text.search(request).hits
    } catch {
      throw ElasticError(error)
    }
  }
}
