// ElasticHighlight: `highlight` of a search: fields with their styles.

import Bytes
import TextSearch

struct ElasticHighlight: Equatable {
  struct Part: Equatable {
    /// As the mapping calls it, and as the engine does.
    var name: String
    var field: String
    var style: TextHighlight
    var escapesHTML: Bool
    /// What is shown as found, when that is not what the search looks for.
    var query: TextExpression?
  }

  var parts: [Part] = []

  /// More fields make a search slow, not better.
  private static let fieldsMost = 64

  private struct Options {
    var before = "<em>"
    var after = "</em>"
    var length = 100
    var count = 5
    var escapesHTML = false
    var query: TextExpression?
  }

  static func parse(
    _ value: JSONValue, _ query: inout ElasticQuery
  ) throws(ElasticError) -> ElasticHighlight {
    var members = try ElasticMembers(value, of: "highlight")
    guard let fields = members.take("fields") else {
      throw .parsing("[highlight] requires [fields]")
    }
    let common = try options(&members, Options(), &query)
    try members.finish()
    var highlight = ElasticHighlight()
    for member in try list(fields) {
      var members = try ElasticMembers(member.value, of: "highlight")
      let own = try options(&members, common, &query)
      try members.finish()
      try highlight.add(member.name, own, query.mapping)
    }
    return highlight
  }

  /// An object of fields, or a list of objects when their order matters.
  private static func list(_ fields: JSONValue) throws(ElasticError) -> [JSONValue.Member] {
    let objects: [JSONValue] = if case .array(let elements) = fields { elements } else { [fields] }
    var members: [JSONValue.Member] = []
    for object in objects {
      guard case .object(let some) = object else {
        throw .parsing("[highlight] [fields] must be an object, or a list of objects")
      }
      members += some
    }
    guard members.count <= fieldsMost else {
      throw .illegal("[highlight] takes at most \(fieldsMost) fields")
    }
    return members
  }

  private mutating func add(
    _ name: String, _ options: Options, _ mapping: ElasticMapping
  ) throws(ElasticError) {
    for field in mapping.fields where ElasticPattern.matches(field.name, name) {
      guard case .text(let engineField, _, _) = field.kind else {
        guard name == field.name else { continue }
        throw .illegal("[highlight] needs fields of type text, and [\(name)] is \(field.type)")
      }
      if parts.contains(where: { $0.name == field.name }) { continue }
      var style = TextHighlight([engineField])
      style.before = options.before
      style.after = options.after
      // Without a number of fragments it is the whole text.
      style.fragmentLength = options.count == 0 ? 0 : options.length
      style.fragmentCount = max(1, options.count)
      parts.append(
        Part(
          name: field.name, field: engineField, style: style, escapesHTML: options.escapesHTML,
          query: options.query))
    }
  }

  private static func options(
    _ members: inout ElasticMembers, _ common: Options, _ query: inout ElasticQuery
  ) throws(ElasticError) -> Options {
    var options = common
    if let tags = members.take("pre_tags") { options.before = try tag(tags, "pre_tags") }
    if let tags = members.take("post_tags") { options.after = try tag(tags, "post_tags") }
    if let length = try members.integer("fragment_size", 0...100_000) { options.length = length }
    if let count = try members.integer("number_of_fragments", 0...1_000) { options.count = count }
    if let value = members.take("highlight_query") { options.query = try query.parse(value) }
    switch try members.text("encoder") {
    case nil: break
    case "default": options.escapesHTML = false
    case "html": options.escapesHTML = true
    case .some(let other): throw .illegal("[highlight] has no [encoder] \(other)")
    }
    // One highlighter does what the three of Elasticsearch do.
    try members.require("type", oneOf: ["unified", "plain", "fvh"])
    try members.require("order", oneOf: ["none"])
    try members.require("require_field_match", oneOf: ["true"])
    try members.require("no_match_size", oneOf: ["0"])
    return options
  }

  /// The engine has one pair of tags.
  private static func tag(_ value: JSONValue, _ name: String) throws(ElasticError) -> String {
    let tags = try ElasticValue.names(value, "highlight] [\(name)")
    guard tags.count == 1, let tag = tags.first, tag.utf8.count <= 1_024 else {
      throw .illegal("[highlight] [\(name)] takes one tag of at most 1024 bytes")
    }
    return tag
  }

  /// What is shown of one hit.
  func members(
    of search: TextExpression, _ text: TextSnapshot, _ texts: [String: String]
  ) throws -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    for part in parts {
      var request = TextRequest(part.query ?? search)
      request.highlight = part.style
      let found: [String: [String]]
      do {
        found = try text.highlights(of: request, in: texts, escapesHTML: part.escapesHTML)
      } catch {
        throw ElasticError(error)
      }
      guard let fragments = found[part.field] else { continue }
      members.append(.init(part.name, .array(fragments.map { .string($0) })))
    }
    return members
  }
}
