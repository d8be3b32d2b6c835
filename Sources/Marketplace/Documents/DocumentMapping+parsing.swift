// `mappings` of a request: Elasticsearch's properties to fields. What is not understood is refused by
// name, so that nobody relies on what is not done.

import Bytes
import TextSearch

extension DocumentMapping {
  /// Adds what `mappings` says.
  mutating func parse(_ value: JSONValue) throws(DocumentRefusal) {
    guard case .object(let members) = value else {
      throw .mapping("[mappings] must be an object")
    }
    for member in members {
      switch member.name {
      case "properties": try properties(member.value, under: "", depth: 0)
      case "dynamic": setDynamic(try Self.rule(member.value))
      case "_meta": throw .mapping("[mappings] does not support [_meta] here")
      case "_source" where member.value["enabled"] ?? .bool(true) == .bool(true): break
      case "date_detection" where member.value == .bool(true): break
      case "numeric_detection" where member.value == .bool(false): break
      default: throw .mapping("[mappings] does not support [\(member.name)] here")
      }
    }
  }

  private static func rule(_ value: JSONValue) throws(DocumentRefusal) -> DynamicRule {
    switch value {
    case .bool(true), .string("true"): return .yes
    case .bool(false), .string("false"): return .no
    case .string("strict"): return .strict
    default: throw .mapping("[dynamic] must be true, false or strict")
    }
  }

  private mutating func properties(
    _ value: JSONValue, under prefix: String, depth: Int
  ) throws(DocumentRefusal) {
    guard depth < DocumentLimits.depth else {
      throw .mapping("objects are nested at most \(DocumentLimits.depth) deep")
    }
    guard case .object(let members) = value else {
      throw .mapping("[properties] must be an object")
    }
    for member in members {
      guard !member.name.isEmpty, member.name.utf8.count <= 255,
        !member.name.split(separator: ".", omittingEmptySubsequences: false).contains("")
      else { throw .mapping("[\(prefix)\(member.name)] is no name of a field") }
      guard case .object(let body) = member.value else {
        throw .mapping("Expected map for property [\(prefix)\(member.name)]")
      }
      try property(prefix + member.name, body, depth)
    }
  }

  private mutating func property(
    _ path: String, _ body: [JSONValue.Member], _ depth: Int
  ) throws(DocumentRefusal) {
    let hasProperties = body.contains { $0.name == "properties" }
    let named = body.first { $0.name == "type" }?.value.text
    guard let name = named ?? (hasProperties ? "object" : nil) else {
      throw .mapping("No type specified for field [\(path)]")
    }
    guard let type = DocumentFieldType(rawValue: name) else {
      throw .mapping("No handler for type [\(name)] declared on field [\(path)]")
    }
    var field = DocumentField(path, type)
    if type == .text { field.analyser = Analyser.standard.rawValue }
    var inner: JSONValue?
    var readings: JSONValue?
    for member in body where member.name != "type" {
      switch member.name {
      case "properties" where field.isObject: inner = member.value
      case "fields" where !field.isObject: readings = member.value
      default: try Self.read(member, into: &field)
      }
    }
    if type == .scaledFloat, !body.contains(where: { $0.name == "scaling_factor" }) {
      throw .mapping("Field [\(path)] requires a [scaling_factor]")
    }
    try add(field)
    if let inner { try properties(inner, under: path + ".", depth: depth + 1) }
    if let readings { try self.readings(readings, of: path) }
  }

  /// Second readings of a field: `title.keyword`.
  private mutating func readings(
    _ value: JSONValue, of path: String
  ) throws(DocumentRefusal) {
    guard case .object(let members) = value else { throw .mapping("[fields] must be an object") }
    for member in members {
      guard case .object(let body) = member.value, !member.name.isEmpty,
        !member.name.contains("."), let name = body.first(where: { $0.name == "type" })?.value.text,
        let type = DocumentFieldType(rawValue: name),
        [.text, .keyword, .completion].contains(type)
      else {
        throw .mapping(
          "[fields] of [\(path)] must be of type text, keyword or completion, each by its name")
      }
      var field = DocumentField(path + "." + member.name, type, source: path)
      if type == .text { field.analyser = Analyser.standard.rawValue }
      for part in body where part.name != "type" { try Self.read(part, into: &field) }
      try add(field)
    }
  }

  private static func read(
    _ member: JSONValue.Member, into field: inout DocumentField
  ) throws(DocumentRefusal) {
    let isText = field.type == .text
    switch (member.name, member.value) {
    case ("index", .bool(let flag)) where !field.isObject: field.isIndexed = flag
    case ("enabled", .bool(let flag)) where field.type == .object: field.isIndexed = flag
    case ("dynamic", let value) where field.isObject: field.dynamic = try rule(value)
    case ("analyzer", .string(let name)) where isText:
      guard ["standard", "english", "autocomplete"].contains(name) else {
        throw .mapping(
          "analyzer [\(name)] has not been configured: there are standard, english, autocomplete")
      }
      field.analyser = name
    case ("search_analyzer", .string(let name)) where isText && name == field.analyser: break
    case ("ignore_above", let value) where field.type == .keyword:
      guard let most = value.int64, (1...Int64(DocumentLimits.keywordBytes)).contains(most) else {
        throw .mapping("[ignore_above] must be from 1 to \(DocumentLimits.keywordBytes)")
      }
      field.ignoreAbove = most
    case ("scaling_factor", let value) where field.type == .scaledFloat:
      let powers = (0...9).map { power in (0..<power).reduce(1.0) { product, _ in product * 10 } }
      guard let factor = value.double, let digits = powers.firstIndex(of: factor) else {
        throw .mapping("[scaling_factor] must be a power of ten up to a thousand million here")
      }
      field.scaleDigits = Int64(digits)
    case ("format", .string(let format)) where field.type == .date:
      guard DocumentCells.dateFormats.contains(format) else {
        throw .mapping(
          "[format] of [\(field.path)] can be \(DocumentCells.dateFormats.joined(separator: " or ")) "
            + "only")
      }
    // What is so anyway.
    case ("store", .bool(false)), ("doc_values", .bool(true)), ("coerce", .bool(true)),
      ("ignore_malformed", .bool(false)), ("norms", .bool(true)),
      ("include_in_parent", .bool(true)),
      ("include_in_root", .bool(true)), ("preserve_separators", .bool(true)),
      ("index_options", .string("positions")), ("null_value", .null):
      break
    default:
      throw .mapping(
        "unknown parameter [\(member.name)] on mapper [\(field.path)] of type "
          + "[\(field.type.rawValue)], or a value of it that is not supported here")
    }
  }
}
