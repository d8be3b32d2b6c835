// DocsFields: the fields of a record, one row each; those of records within it follow with their path,
// `items[].quantity`.

import Bytes

enum DocsFields {
  /// Deeper records are named, not spelled out.
  private static let depthMax = 3

  static func append(
    _ record: RecordSchema, prefix: String, isAnswer: Bool, depth: Int,
    to rows: inout [DocsPage.Row]
  ) {
    for field in record.fields {
      rows.append(
        DocsPage.Row(
          name: prefix + field.name, type: words(field.schema, field.rules),
          isRequired: !isAnswer && field.rules.isRequired, note: field.rules.summary ?? ""))
      guard depth < depthMax else { continue }
      switch field.schema {
      case .record(let inner):
        append(
          inner, prefix: "\(prefix)\(field.name).", isAnswer: isAnswer, depth: depth + 1, to: &rows)
      case .array(.record(let inner)):
        append(
          inner, prefix: "\(prefix)\(field.name)[].", isAnswer: isAnswer, depth: depth + 1,
          to: &rows)
      default: break
      }
    }
  }

  private static func words(_ schema: FieldSchema, _ rules: FieldRules) -> String {
    switch schema {
    case .boolean: return "boolean"
    case .integer:
      return rules.range.map { "integer, \($0.lowerBound) to \($0.upperBound)" } ?? "integer"
    case .number: return "number"
    case .amount: return "amount"
    case .string(let format):
      let name = rules.format ?? format ?? "text"
      return rules.length.map { "\(name), \($0.lowerBound) to \($0.upperBound) characters" } ?? name
    case .enumeration(let names): return names.joined(separator: " · ")
    case .array(let element):
      let count = rules.count.map { ", \($0.lowerBound) to \($0.upperBound)" } ?? ""
      return "list of \(words(element, FieldRules()))\(count)"
    case .map(let element): return "map of \(words(element, FieldRules()))"
    case .record: return "object"
    case .reference(let name): return name
    case .any: return "any JSON"
    }
  }
}
