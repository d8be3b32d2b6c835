// DocumentMapping: the fields of an index in use: which there are, where the engine has them, and what
// `mappings` of a request adds to them.

import Bytes
import TextSearch

public struct DocumentMapping: Sendable {
  public private(set) var index: DocumentIndex
  private var places: [String: Int] = [:]
  /// The fields that read the value at a path.
  private var readings: [String: [Int]] = [:]
  /// Every path that has something below it.
  private var parents: Set<String> = []
  /// The slot of each field; its second one is a completion's column of weights.
  private var slots: [Slot] = []
  private var counts = Counts()

  struct Counts: Equatable, Sendable {
    var texts = 0
    var keywords = 0
    var numbers = 0
  }

  struct Slot: Sendable {
    var first = 0
    var second = 0
  }

  public init(_ index: DocumentIndex) {
    self.index = index
    for place in index.fields.indices { register(place) }
  }

  public subscript(path: String) -> DocumentField? { places[path].map { index.fields[$0] } }

  private mutating func register(_ place: Int) {
    let field = index.fields[place]
    places[field.path] = place
    readings[field.source, default: []].append(place)
    if field.source == field.path { parents.formUnion(Self.parents(of: field.path)) }
    var slot = Slot()
    if field.isIndexed {
      switch field.type {
      case .text:
        slot.first = counts.texts
        counts.texts += 1
      case .keyword:
        slot.first = counts.keywords
        counts.keywords += 1
      case .completion:
        slot = Slot(first: counts.texts, second: counts.numbers)
        counts.texts += 1
        counts.numbers += 1
      case .geoPoint, .object, .nested: break
      default:
        slot.first = counts.numbers
        counts.numbers += 1
      }
    }
    slots.append(slot)
  }

  /// The fields that read the value at `path`.
  func readers(of path: String) -> [DocumentField] {
    (readings[path] ?? []).map { index.fields[$0] }
  }

  /// `a`, `a.b` for `a.b.c`.
  static func parents(of path: String) -> [String] {
    path.indices.filter { path[$0] == "." }.map { String(path[..<$0]) }
  }

  /// The engine's name of a field; nil for one that it does not have by a name.
  public func engineName(_ path: String) -> String? {
    guard let place = places[path], index.fields[place].isIndexed else { return nil }
    switch index.fields[place].type {
    case .text, .completion: return "t\(slots[place].first)"
    case .keyword: return "k\(slots[place].first)"
    case .geoPoint, .object, .nested: return nil
    default: return "n\(slots[place].first)"
    }
  }

  /// The column of a completion's weights.
  public func weightName(_ path: String) -> String? {
    places[path].map { "n\(slots[$0].second)" }
  }

  /// What the engine needs for the fields from `first` on.
  func schema(from first: Int) -> TextSchema {
    var schema = TextSchema(fields: [])
    for place in first..<max(first, index.fields.count) where index.fields[place].isIndexed {
      let slot = slots[place]
      switch index.fields[place].type {
      case .text:
        let analyser = Analyser(rawValue: index.fields[place].analyser) ?? .standard
        schema.fields.append(TextSchema.Field("t\(slot.first)", analyser: analyser))
      case .keyword: schema.keywords.append("k\(slot.first)")
      case .completion:
        schema.fields.append(TextSchema.Field("t\(slot.first)"))
        schema.columns.append(TextSchema.Column("n\(slot.second)", .document))
      case .geoPoint, .object, .nested: break
      default: schema.columns.append(TextSchema.Column("n\(slot.first)", .document))
      }
    }
    return schema
  }

  // MARK: Growing

  /// Adds a field. One that is there already stays; it must be of the same kind.
  mutating func add(_ field: DocumentField) throws(DocumentRefusal) {
    if let place = places[field.path] {
      let old = index.fields[place]
      guard old.type == field.type, old.source == field.source, old.isIndexed == field.isIndexed,
        old.analyser == field.analyser, old.scaleDigits == field.scaleDigits,
        old.ignoreAbove == field.ignoreAbove
      else {
        throw .illegal(
          "mapper [\(field.path)] cannot be changed from type [\(old.type.rawValue)] to "
            + "[\(field.type.rawValue)]: make a new index, and index the documents anew")
      }
      // Only what concerns documents to come may change.
      if field.dynamic != nil { index.fields[place].dynamic = field.dynamic }
      return
    }
    guard index.fields.count < DocumentLimits.fields else {
      throw .illegal("Limit of total fields [\(DocumentLimits.fields)] has been exceeded")
    }
    try checkPlace(of: field)
    if field.isIndexed, field.type == .text || field.type == .completion,
      counts.texts == TextLimits.fields
    {
      throw .illegal(
        "Limit of text fields [\(TextLimits.fields)] has been exceeded by [\(field.path)]; map it as "
          + "keyword, or with \"index\": false")
    }
    if field.type == .geoPoint, field.isIndexed,
      let other = index.fields.first(where: { $0.type == .geoPoint && $0.isIndexed })
    {
      throw .illegal(
        "an index has one field of type geo_point, and [\(other.path)] is it; map [\(field.path)] "
          + "with \"index\": false")
    }
    var field = field
    field.since = index.mappingVersion + 1
    index.fields.append(field)
    register(index.fields.count - 1)
  }

  /// A path is an object or a value, not both.
  private func checkPlace(of field: DocumentField) throws(DocumentRefusal) {
    let isBelowValue = Self.parents(of: field.path).contains { parent in
      self[parent].map { !$0.isObject && parent != field.source } ?? false
    }
    guard !isBelowValue,
      field.isObject || field.source != field.path || !parents.contains(field.path)
    else {
      throw .illegal("can't merge a value and an object mapping at [\(field.path)]")
    }
  }

  /// Takes what was added since `old` as one new version; false when there was nothing.
  mutating func seal(since old: DocumentIndex) -> Bool {
    guard index != old else { return false }
    index.mappingVersion = old.mappingVersion + 1
    return true
  }

  /// The rule for a member that is not mapped inside the object at `path`.
  func dynamicRule(at path: String) -> DynamicRule {
    var path = path[...]
    while !path.isEmpty {
      if let rule = self[String(path)]?.dynamic { return rule }
      path = path.lastIndex(of: ".").map { path[..<$0] } ?? ""
    }
    return index.dynamic
  }

  mutating func setDynamic(_ rule: DynamicRule) { index.dynamic = rule }
}
