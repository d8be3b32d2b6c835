// DocsExample: a request that a reader can paste into a shell, made from a route alone: its address,
// the headers that it must have, and a body that its rules accept.
//
// Variables of the shell stand for what only the reader has: $SOUK (where the server is), $TOKEN (an
// access token) and one for each identifier in the path, such as $PRODUCT_ID.

import Bytes

enum DocsExample {
  /// Records within records end here: no body of ours is deeper.
  private static let depthMax = 6

  /// The command for `route`.
  static func curl(_ route: Route) -> String {
    var lines: [String] = []
    let method = route.method == .get ? "" : "-X \(route.method.name) "
    lines.append("curl \(method)\"$SOUK/api/v1\(path(route))\(query(route))\"")
    switch route.caller {
    case .anyone: break
    case .userOrGuest, .authenticated, .roles:
      lines.append("-H \"Authorization: Bearer $TOKEN\"")
    }
    if route.idempotencyKey != .unused {
      lines.append("-H \"Idempotency-Key: $(uuidgen)\"")
    }
    switch route.body {
    case .none: break
    case .json(let record):
      lines.append("-H 'Content-Type: application/json'")
      lines.append("-d '\(shellQuoted(body(record)))'")
    case .bytes(let types):
      lines.append("-H 'Content-Type: \(types.first ?? "application/octet-stream")'")
      lines.append(
        types.first?.contains("form") == true ? "-d 'name=value'" : "--data-binary @FILE")
    }
    return lines.joined(separator: " \\\n  ")
  }

  /// `$PRODUCT_ID` for `{id}` after `products`, `$USER_ID` for `{userId}`.
  static func variable(_ capture: String, after literal: Substring?) -> String {
    var words = ""
    for character in capture {
      if character.isUppercase { words += "_" }
      words += character.uppercased()
    }
    guard capture == "id", let literal else { return words }
    return "\(singular(literal).uppercased().map { $0 == "-" ? "_" : String($0) }.joined())_ID"
  }

  private static func singular(_ word: Substring) -> String {
    if word.hasSuffix("ies") { return word.dropLast(3) + "y" }
    return word.hasSuffix("s") && !word.hasSuffix("ss") ? String(word.dropLast()) : String(word)
  }

  private static func path(_ route: Route) -> String {
    var result = ""
    var before: Substring?
    for segment in route.pattern {
      if segment.hasPrefix("{") {
        result += "/$" + variable(String(segment.dropFirst().dropLast()), after: before)
      } else {
        result += "/" + segment
        before = segment
      }
    }
    return result
  }

  private static func query(_ route: Route) -> String {
    let parts = route.query.filter(\.isRequired).map { parameter in
      let value =
        switch parameter.kind {
        case .text: parameter.name == "q" ? "oak" : "text"
        case .integer(let range): String(max(range.lowerBound, min(range.upperBound, 10)))
        case .number: "1"
        case .boolean: "true"
        case .uuid: uuid
        case .time: "2026-01-01T00:00:00Z"
        case .oneOf(let names): names.first ?? ""
        }
      return "\(parameter.name)=\(value)"
    }
    return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
  }

  private static func shellQuoted(_ text: String) -> String {
    text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
  }

  // MARK: Bodies

  private static let uuid = "01920000-0000-7000-8000-000000000001"

  /// What is required; everything when nothing is.
  static func body(_ record: RecordSchema) -> String { pretty(object(record, 0), indent: "  ") }

  /// One member a line, records within records indented; short ones of plain values on one line.
  private static func pretty(_ value: JSONValue, indent: String) -> String {
    guard case .object(let members) = value, !members.isEmpty else {
      if case .array(let elements) = value {
        return "[" + elements.map { pretty($0, indent: indent) }.joined(separator: ", ") + "]"
      }
      return String(decoding: value.bytes, as: UTF8.self)
    }
    let lines = members.map { member in
      let name = String(decoding: JSONValue.string(member.name).bytes, as: UTF8.self)
      return "\(name): \(pretty(member.value, indent: indent + "  "))"
    }
    let short = "{" + lines.joined(separator: ", ") + "}"
    if short.utf8.count <= 60, !short.contains("\n") { return short }
    return "{\n\(indent)  " + lines.joined(separator: ",\n\(indent)  ") + "\n\(indent)}"
  }

  private static func object(_ record: RecordSchema, _ depth: Int) -> JSONValue {
    let required = record.fields.filter(\.rules.isRequired)
    let shown = required.isEmpty ? Array(record.fields.prefix(3)) : required
    return .object(
      shown.map { .init($0.name, value($0.schema, $0.rules, name: $0.name, depth + 1)) })
  }

  private static func value(
    _ schema: FieldSchema, _ rules: FieldRules, name: String, _ depth: Int
  ) -> JSONValue {
    guard depth <= depthMax else { return .null }
    switch schema {
    case .boolean: return .bool(true)
    case .integer(let least, let most):
      let range = rules.range ?? least...Int64(clamping: most)
      return .int(max(range.lowerBound, min(range.upperBound, 1)))
    case .number:
      return .number(rules.range.map { "\(max($0.lowerBound, min(1, $0.upperBound)))" } ?? "1")
    case .amount: return .number("19.99")
    case .string(let format): return .string(text(rules.format ?? format, rules, name))
    case .enumeration(let names): return .string(names.first ?? "")
    case .array(let element):
      let count = max(1, rules.count?.lowerBound ?? 1)
      return .array((0..<min(count, 3)).map { _ in value(element, rules, name: name, depth + 1) })
    case .map(let element):
      return .object([.init("key", value(element, rules, name: name, depth + 1))])
    case .record(let record): return object(record, depth)
    case .reference, .any: return .object([])
    }
  }

  private static func text(_ format: String?, _ rules: FieldRules, _ name: String) -> String {
    let text: String
    switch format {
    case "email": text = "ada@example.com"
    case "uuid": text = uuid
    case "uri": text = "https://example.com/stool.jpg"
    case "slug": text = "oak-stool"
    case "currency": text = "USD"
    case "country": text = "US"
    case "date-time": text = "2026-01-01T00:00:00Z"
    default: text = words[name] ?? "text"
    }
    let least = rules.length?.lowerBound ?? 0
    let most = rules.length?.upperBound ?? Int.max
    if text.count > most { return String(text.prefix(most)) }
    return text.count < least ? text + String(repeating: "x", count: least - text.count) : text
  }

  /// What a field of this name usually holds.
  private static let words: [String: String] = [
    "password": "correct horse battery", "currentPassword": "correct horse battery",
    "newPassword": "an even longer one", "title": "Oak stool", "name": "Ada", "firstName": "Ada",
    "lastName": "Lovelace", "description": "Three legs, one hand.", "street": "12 Market Street",
    "city": "San Francisco", "state": "CA", "zipCode": "94103", "token": "tok_success",
    "method": "card", "reason": "changed my mind", "code": "SPRING10", "sku": "STOOL-1",
    "phone": "+14155550100", "timezone": "UTC", "language": "en",
  ]
}
