// Documents against their mapping: what they add to it, what is wrong with them, and what the engine
// gets of them.
//
// Invariants
// 1. `absorb` throws for a document exactly when a value of it does not fit its field.
// 2. `project` never fails: what it sees has been absorbed. It is a function of the document, the fields up
//    to the document's own version of the mapping, and nothing else, so that a rebuild makes what was.

import Bytes
import TextSearch

extension DocumentMapping {
  private enum Content {
    case text(String)
    case keyword(String)
    case number(Int64)
    case place(GeoPoint)
    case completion(String, weight: Int64)
    /// Kept, and not indexed.
    case nothing
  }

  private struct Leaf {
    var path: String
    var value: JSONValue
  }

  // MARK: Into the mapping

  /// Checks a document, and adds the fields that it brings. After an error the mapping is to be thrown
  /// away.
  mutating func absorb(_ document: JSONValue) throws(DocumentRefusal) {
    guard case .object = document else { throw .document("a document is a JSON object") }
    var leaves: [Leaf] = []
    try collect(document, "", depth: 0, into: &leaves)
    var numbered: Set<String> = []
    for leaf in leaves {
      if self[leaf.path] == nil {
        guard try infer(leaf) else { continue }
      }
      for field in readers(of: leaf.path) {
        let content = try content(leaf.value, field)
        guard field.isIndexed else { continue }
        switch content {
        case .number, .place, .completion:
          guard numbered.insert(field.path).inserted else {
            throw .document(
              "[\(field.path)] has several values, and a field of type [\(field.type.rawValue)] keeps "
                + "one a document here; map it as keyword, or with \"index\": false")
          }
        case .text, .keyword, .nothing: break
        }
      }
    }
  }

  /// Adds the field of a value that the mapping does not have; false when it is not to be indexed.
  private mutating func infer(_ leaf: Leaf) throws(DocumentRefusal) -> Bool {
    let parent = leaf.path.lastIndex(of: ".").map { String(leaf.path[..<$0]) } ?? ""
    switch dynamicRule(at: parent) {
    case .no: return false
    case .strict:
      throw DocumentRefusal(
        "strict_dynamic_mapping_exception",
        "mapping set to strict, dynamic introduction of [\(leaf.path)] is not allowed")
    case .yes: break
    }
    switch leaf.value {
    case .bool: try add(DocumentField(leaf.path, .boolean))
    case .number: try add(DocumentField(leaf.path, leaf.value.int64 == nil ? .float : .long))
    case .string(let text):
      guard !Self.looksLikeDate(text) else {
        try add(DocumentField(leaf.path, .date))
        break
      }
      var words = DocumentField(leaf.path, .text)
      words.analyser = Analyser.standard.rawValue
      try add(words)
      var whole = DocumentField(leaf.path + ".keyword", .keyword, source: leaf.path)
      whole.ignoreAbove = 256
      try add(whole)
    case .null, .array, .object: return false
    }
    return true
  }

  private static func looksLikeDate(_ text: String) -> Bool {
    let bytes = Array(text.utf8.prefix(5))
    return bytes.count == 5 && bytes[4] == UInt8(ascii: "-")
      && bytes[..<4].allSatisfy { (0x30...0x39).contains($0) }
      && DocumentCells.date(.string(text)) != nil
  }

  // MARK: Into the engine

  public func project(_ document: JSONValue, key: [UInt8], version: Int64) -> TextDocument {
    var result = TextDocument(key: key)
    var leaves: [Leaf] = []
    do { try collect(document, "", depth: 0, into: &leaves) } catch { return result }
    for leaf in leaves {
      for field in readers(of: leaf.path) where field.isIndexed && field.since <= version {
        guard let content = try? content(leaf.value, field) else { continue }
        let name = engineName(field.path) ?? ""
        switch content {
        case .text(let text):
          result.texts[name] = result.texts[name].map { $0 + "\n" + text } ?? text
        case .keyword(let text): result.keywords[name, default: []].append(text)
        case .number(let cell): result.numbers[name] = cell
        case .place(let place): result.location = place
        case .completion(let text, let weight):
          result.texts[name] = text
          result.numbers[weightName(field.path) ?? ""] = weight
        case .nothing: break
        }
      }
    }
    return result
  }

  // MARK: Values

  /// The values of a document by their paths. What is one value as a whole is not looked into.
  private func collect(
    _ value: JSONValue, _ path: String, depth: Int, into leaves: inout [Leaf]
  ) throws(DocumentRefusal) {
    guard depth <= DocumentLimits.depth else {
      throw .document("objects are nested at most \(DocumentLimits.depth) deep")
    }
    let field = path.isEmpty ? nil : self[path]
    if let field, field.type == .geoPoint || field.type == .completion || !field.isIndexed {
      if value != .null, !field.isObject { leaves.append(Leaf(path: path, value: value)) }
      return
    }
    switch value {
    case .null: break
    case .array(let elements):
      if field?.type == .nested, elements.count > 1 {
        throw .document(
          "[\(path)] is nested and has several objects, which are kept flat here: what belongs to one "
            + "could not be told from what belongs to another")
      }
      for element in elements { try collect(element, path, depth: depth + 1, into: &leaves) }
    case .object(let members):
      if let field, !field.isObject {
        return leaves.append(Leaf(path: path, value: value))
      }
      for member in members {
        guard !member.name.split(separator: ".", omittingEmptySubsequences: false).contains(""),
          path.utf8.count + member.name.utf8.count <= 512
        else { throw .document("[\(member.name)] is no name of a field") }
        let inner = path.isEmpty ? member.name : path + "." + member.name
        try collect(member.value, inner, depth: depth + 1, into: &leaves)
      }
    default:
      if let field, field.isObject {
        throw .document(
          "object mapping for [\(path)] tried to parse field [\(path)] as object, but found a value"
        )
      }
      leaves.append(Leaf(path: path, value: value))
    }
  }

  private func content(
    _ value: JSONValue, _ field: DocumentField
  ) throws(DocumentRefusal) -> Content {
    guard field.isIndexed else { return .nothing }
    switch field.type {
    case .text:
      guard let text = Self.text(value) else { throw Self.wrong(value, field) }
      return .text(text)
    case .keyword:
      guard let text = Self.text(value) else { throw Self.wrong(value, field) }
      if field.ignoreAbove > 0, text.count > field.ignoreAbove { return .nothing }
      guard text.utf8.count <= DocumentLimits.keywordBytes else {
        throw .document(
          "[\(field.path)] has a keyword of more than \(DocumentLimits.keywordBytes) bytes; map it with "
            + "ignore_above")
      }
      return .keyword(text)
    case .boolean:
      switch value {
      case .bool(let flag): return .number(flag ? 1 : 0)
      case .string("true"): return .number(1)
      case .string("false"), .string(""): return .number(0)
      default: throw Self.wrong(value, field)
      }
    case .date:
      guard let date = DocumentCells.date(value), date.from > Int64.min else {
        throw Self.wrong(value, field)
      }
      return .number(date.from)
    case .geoPoint:
      guard let place = DocumentCells.place(value) else { throw Self.wrong(value, field) }
      return .place(place)
    case .completion: return try Self.completion(value, field)
    case .object, .nested: return .nothing
    case .long, .integer, .short, .byte, .double, .float, .scaledFloat:
      return .number(try Self.cell(value, field))
    }
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text), .number(let text): text
    case .bool(let flag): flag ? "true" : "false"
    default: nil
    }
  }

  private static func cell(
    _ value: JSONValue, _ field: DocumentField
  ) throws(DocumentRefusal) -> Int64 {
    guard let digits = field.digits, let number = DocumentCells.floor(value, digits: digits) else {
      throw wrong(value, field)
    }
    var cell = number.cell
    // What has more decimals than the field loses them, towards zero.
    if !number.isExact, cell < 0, cell > Int64.min { cell += 1 }
    let most: Int64 =
      switch field.type {
      case .byte: 127
      case .short: 32_767
      case .integer: 2_147_483_647
      default: .max - 1
      }
    guard cell <= most, cell >= -most - 1, cell > Int64.min + 1 else {
      throw .document(
        "[\(field.path)] of type [\(field.type.rawValue)] has a number out of its range: "
          + String(decoding: value.bytes.prefix(64), as: UTF8.self))
    }
    return cell
  }

  /// A text, or an object of one `input` and a `weight`.
  private static func completion(
    _ value: JSONValue, _ field: DocumentField
  ) throws(DocumentRefusal) -> Content {
    var input = value
    var weight: Int64 = 1
    if case .object(let members) = value {
      for member in members {
        switch member.name {
        case "input": input = member.value
        case "weight":
          guard let number = member.value.int64, (0...2_147_483_647).contains(number) else {
            throw .document("[\(field.path)] has a [weight] that is no whole number from zero")
          }
          weight = number
        default: throw .document("[\(field.path)] does not support [\(member.name)] here")
        }
      }
    }
    if case .array(let inputs) = input {
      guard inputs.count == 1, let only = inputs.first else {
        throw .document("[\(field.path)] takes one input a document here")
      }
      input = only
    }
    guard case .string(let text) = input, !text.isEmpty else { throw wrong(value, field) }
    return .completion(text, weight: weight)
  }

  private static func wrong(_ value: JSONValue, _ field: DocumentField) -> DocumentRefusal {
    let shown = String(decoding: value.bytes.prefix(64), as: UTF8.self)
    return .document(
      "failed to parse field [\(field.path)] of type [\(field.type.rawValue)]. Preview of field's "
        + "value: '\(shown)'")
  }
}
