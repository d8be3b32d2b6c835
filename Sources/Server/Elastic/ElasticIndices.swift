// ElasticIndices: the indices that a caller may see, by their names and patterns, at one snapshot.

import Bytes
import Database
import Marketplace
import RecordStore
import TextSearch

/// An index that an administrator made.
struct ElasticDocumentIndex: ElasticIndex {
  let records: Snapshot
  let held: DocumentIndexSnapshot
  let mapping: ElasticMapping

  init(_ records: Snapshot, _ held: DocumentIndexSnapshot) {
    (self.records, self.held) = (records, held)
    mapping = ElasticMapping(of: held.mapping)
  }

  var name: String { held.index.name }
  var text: TextSnapshot { held.text }

  func document(key: [UInt8]) throws -> ElasticDocument? {
    guard let id = String(validating: key, as: UTF8.self),
      let row = try records.get(
        IndexedDocument.self, IndexedDocument.primaryKey(held.index.number, id))
    else { return nil }
    let source = { () throws -> JSONValue in
      guard let json = row.json else {
        throw MarketError(.internalError, "The document \(row.id) of \(name) is damaged.")
      }
      return json
    }
    return ElasticDocument(
      id: row.id, version: row.version, sequence: row.sequence, source: source,
      texts: {
        held.mapping.project(try source(), key: key, version: row.mappingVersion).texts
      })
  }
}

struct ElasticIndices {
  let snapshot: DatabaseSnapshot
  let caller: ElasticCaller

  /// Every index that the caller may see, the catalogue first.
  func visible() throws(ElasticError) -> [any ElasticIndex] {
    var indices: [any ElasticIndex] = [try ElasticDocuments(snapshot)]
    guard caller.isAdministrator, let held = snapshot.view(DocumentViewSnapshot.self) else {
      return indices
    }
    for index in held.all { indices.append(ElasticDocumentIndex(snapshot.records, index)) }
    return indices
  }

  /// The indices of a path or a parameter: names and patterns with commas between them; empty for all.
  func named(_ names: String) throws(ElasticError) -> [any ElasticIndex] {
    if names == ElasticDocuments.index { return [try ElasticDocuments(snapshot)] }
    if names.isEmpty || names == "_all" || names == "*" { return try visible() }
    var indices: [any ElasticIndex] = []
    func add(_ index: any ElasticIndex) {
      if !indices.contains(where: { $0.name == index.name }) { indices.append(index) }
    }
    for part in names.split(separator: ",") {
      let name = String(part)
      if name == "_all" || name.contains("*") {
        for index in try visible()
        where name == "_all" || ElasticPattern.matches(index.name, name) { add(index) }
      } else {
        add(try one(name))
      }
    }
    guard !indices.isEmpty else { throw .noIndex(names) }
    return indices
  }

  /// The index of this very name.
  func one(_ name: String) throws(ElasticError) -> any ElasticIndex {
    if name == ElasticDocuments.index { return try ElasticDocuments(snapshot) }
    try caller.administrator(for: "[\(name)]")
    guard let held = snapshot.view(DocumentViewSnapshot.self)?[name] else { throw .noIndex(name) }
    return ElasticDocumentIndex(snapshot.records, held)
  }

  /// One index, of what may be a pattern: scores and counts of several are not brought together.
  func only(_ names: String) throws(ElasticError) -> any ElasticIndex {
    let indices = try named(names)
    guard let first = indices.first, indices.count == 1 else {
      throw .illegal(
        "a search is of one index here, and these are \(indices.map(\.name).joined(separator: ", ")): "
          + "name one, or send _msearch")
    }
    return first
  }
}

extension ElasticError {
  init(_ refusal: DocumentRefusal) {
    self.init(refusal.type, refusal.reason, status: refusal.status)
  }
}

// MARK: Mappings

extension ElasticMapping {
  /// The fields of an index that was made, where the engine has them.
  init(of mapping: DocumentMapping) {
    var fields: [ElasticField] = []
    for field in mapping.index.fields where field.isIndexed {
      guard let kind = Self.kind(field, mapping) else { continue }
      var made = ElasticField(field.path, field.type.rawValue, kind, path: field.source)
      made.analyser = Analyser(rawValue: field.analyser) ?? .standard
      fields.append(made)
    }
    self.init(fields) { id in
      id.isEmpty || id.utf8.count > DocumentLimits.identifierBytes ? nil : Array(id.utf8)
    }
  }

  private static func kind(_ field: DocumentField, _ mapping: DocumentMapping) -> ElasticField.Kind?
  {
    if field.type == .geoPoint { return .place }
    guard let name = mapping.engineName(field.path) else { return nil }
    switch field.type {
    case .text: return .text(name)
    case .keyword: return .keyword(name)
    case .boolean: return .flag(name)
    case .date: return .date(name)
    case .completion: return .completion(name, weight: mapping.weightName(field.path) ?? "")
    default: return field.digits.map { .number(name, digits: $0) }
    }
  }
}

/// A mapping as its endpoint shows it.
enum ElasticMappingJSON {
  static func mappings(_ index: DocumentIndex) -> JSONValue {
    var members: [JSONValue.Member] = []
    if index.dynamic != .yes { members.append(.init("dynamic", .string(index.dynamic.rawValue))) }
    let properties = properties(of: index, under: "")
    if properties != .object([]) { members.append(.init("properties", properties)) }
    return .object(members)
  }

  private static func properties(of index: DocumentIndex, under prefix: String) -> JSONValue {
    var members: [JSONValue.Member] = []
    var seen: Set<String> = []
    for field in index.fields where field.path.hasPrefix(prefix) && field.source == field.path {
      let name = String(field.path.dropFirst(prefix.count).prefix { $0 != "." })
      guard seen.insert(name).inserted else { continue }
      let path = prefix + name
      let own = index.fields.first { $0.path == path && $0.source == path }
      guard let own, !own.isObject else {
        var parts: [JSONValue.Member] = own.map(parameters) ?? []
        let inner = properties(of: index, under: path + ".")
        if inner != .object([]) { parts.append(.init("properties", inner)) }
        members.append(.init(name, .object(parts)))
        continue
      }
      var parts = parameters(own)
      let readings = index.fields.filter { $0.source == path && $0.path != path }.map { reading in
        JSONValue.Member(
          String(reading.path.dropFirst(path.count + 1)), .object(parameters(reading)))
      }
      if !readings.isEmpty { parts.append(.init("fields", .object(readings))) }
      members.append(.init(name, .object(parts)))
    }
    return .object(members)
  }

  private static func parameters(_ field: DocumentField) -> [JSONValue.Member] {
    var parts: [JSONValue.Member] = []
    // An object says its type only when it is of a special one, or has nothing else to say.
    if field.type != .object { parts.append(.init("type", .string(field.type.rawValue))) }
    if field.type == .object, !field.isIndexed {
      parts += [.init("type", .string("object")), .init("enabled", .bool(false))]
    } else if !field.isIndexed {
      parts.append(.init("index", .bool(false)))
    }
    if let dynamic = field.dynamic { parts.append(.init("dynamic", .string(dynamic.rawValue))) }
    if field.type == .text, field.analyser != Analyser.standard.rawValue {
      parts.append(.init("analyzer", .string(field.analyser)))
    }
    if field.ignoreAbove > 0 { parts.append(.init("ignore_above", .int(field.ignoreAbove))) }
    if field.type == .scaledFloat {
      let factor = "1" + String(repeating: "0", count: Int(clamping: field.scaleDigits)) + ".0"
      parts.append(.init("scaling_factor", .number(factor)))
    }
    return parts
  }

  /// What `GET /{index}` answers.
  static func whole(_ index: DocumentIndex) -> JSONValue {
    .object([
      .init("aliases", .object([])), .init("mappings", mappings(index)),
      .init("settings", settings(index)),
    ])
  }

  static func settings(_ index: DocumentIndex) -> JSONValue {
    .object([
      .init(
        "index",
        .object([
          .init("number_of_shards", .string("1")), .init("number_of_replicas", .string("0")),
          .init("provided_name", .string(index.name)), .init("uuid", .string(index.id.description)),
          .init("creation_date", .string(String(index.createdAt.microseconds / 1_000))),
        ]))
    ])
  }
}
