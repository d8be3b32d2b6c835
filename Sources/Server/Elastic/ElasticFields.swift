// ElasticFields: `fields` and `docvalue_fields` of a search: values of a hit by the names of the mapping,
// each a list, taken from the document.

import Bytes

struct ElasticFields: Equatable {
  var patterns: [String] = []

  /// - Parameter allowsText: `docvalue_fields` has no words.
  static func parse(
    _ value: JSONValue, _ clause: String, allowsText: Bool, _ mapping: ElasticMapping
  ) throws(ElasticError) -> ElasticFields {
    guard case .array(let elements) = value, elements.count <= 100 else {
      throw .parsing("[\(clause)] must be a list of at most 100 fields")
    }
    var fields = ElasticFields()
    for element in elements {
      var name: String
      if case .object = element {
        var members = try ElasticMembers(element, of: clause)
        guard let field = try members.text("field") else {
          throw .parsing("[\(clause)] requires [field]")
        }
        name = field
        // Values are shown as the document has them.
        try members.finish()
      } else {
        name = try ElasticValue.text(element, clause)
      }
      if !allowsText, let field = mapping[name], case .text = field.kind {
        throw .illegal("[\(clause)] has no words, and [\(name)] is text: ask for it in [fields]")
      }
      fields.patterns.append(name)
    }
    return fields
  }

  func members(of source: JSONValue, _ mapping: ElasticMapping) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    for field in mapping.fields
    where patterns.contains(where: { ElasticPattern.matches(field.name, $0) }) {
      let values = Self.values(
        of: source, field.path.split(separator: ".")[...], isPlace: field.kind == .place)
      if !values.isEmpty { members.append(.init(field.name, .array(values))) }
    }
    return members
  }

  /// What stands at a path, in objects and lists of them; a list of values is its values.
  private static func values(
    of value: JSONValue, _ path: ArraySlice<Substring>, isPlace: Bool
  ) -> [JSONValue] {
    guard let name = path.first else {
      switch value {
      case .array(let elements) where !isPlace: return elements.filter { $0 != .null }
      case .null: return []
      case .object where !isPlace: return []
      default: return [value]
      }
    }
    switch value {
    case .array(let elements): return elements.flatMap { values(of: $0, path, isPlace: isPlace) }
    case .object(let members):
      // A name may have dots of its own.
      return members.flatMap { member -> [JSONValue] in
        if member.name == name {
          return values(of: member.value, path.dropFirst(), isPlace: isPlace)
        }
        let parts = member.name.split(separator: ".")
        guard parts.count > 1, path.starts(with: parts) else { return [] }
        return values(of: member.value, path.dropFirst(parts.count), isPlace: isPlace)
      }
    default: return []
    }
  }
}
