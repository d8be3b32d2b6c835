// ImportRow: one row of an import file, from NDJSON or from CSV alike, and the readers that take
// typed values out of it and note what is not acceptable.

import Bytes
import TextSearch

/// What is wrong with one field of one line.
public struct ImportIssue: Equatable, Sendable {
  /// From 1, as an editor counts.
  public var line: Int
  /// The column or member; empty when the line as a whole is at fault.
  public var field: String
  public var message: String

  public init(line: Int, field: String, message: String) {
    self.line = line
    self.field = field
    self.message = message
  }
}

struct ImportRow {
  let line: Int
  private let members: [String: JSONValue]
  /// CSV has only text: lists are `a|b|c`, a point is `lat,lon`.
  private let isText: Bool
  private(set) var issues: [ImportIssue] = []

  init(line: Int, object: [JSONValue.Member]) {
    self.line = line
    members = Dictionary(object.map { ($0.name, $0.value) }) { first, _ in first }
    isText = false
  }

  init(line: Int, columns: [(name: String, text: String)]) {
    self.line = line
    members = Dictionary(columns.map { ($0.name, .string($0.text)) }) { first, _ in first }
    isText = true
  }

  mutating func refuse(_ field: String, _ message: String) {
    issues.append(ImportIssue(line: line, field: field, message: message))
  }

  private func value(_ field: String) -> JSONValue? {
    switch members[field] {
    case nil, .null: nil
    case .string("") where isText: nil
    case let value: value
    }
  }

  /// Text or a number's digits; empty when it is not there and need not be.
  mutating func text(_ field: String, length: ClosedRange<Int>) -> String {
    let text: String
    switch value(field) {
    case nil: text = ""
    case .string(let found): text = found
    case .number(let digits): text = digits
    default:
      refuse(field, "must be text")
      return ""
    }
    let count = text.unicodeScalars.count
    if !length.contains(count) {
      refuse(
        field,
        count == 0
          ? "is missing"
          : "has \(count) characters; \(length.lowerBound) to \(length.upperBound) are allowed")
    }
    return text
  }

  /// A decimal as it is written, never through a Double.
  mutating func price(_ field: String, currency: String) -> Int64 {
    let digits: String
    switch value(field) {
    case .string(let text), .number(let text): digits = text
    default:
      refuse(field, "is missing")
      return 0
    }
    let places = Currency.digits(currency)
    guard let amount = Amount(digits) else {
      refuse(field, "\"\(digits.prefix(40))\" is not a decimal number")
      return 0
    }
    guard let whole = amount.rescaled(toDigits: places) else {
      refuse(field, "has more than the \(places) digits that \(currency) has")
      return 0
    }
    guard amount > 0, amount <= 1_000_000 else {
      refuse(field, "must be above 0 and at most 1000000")
      return 0
    }
    return whole.minor
  }

  mutating func integer(_ field: String, range: ClosedRange<Int64>) -> Int64? {
    let digits: String
    switch value(field) {
    case nil: return nil
    case .string(let text), .number(let text): digits = text
    default:
      refuse(field, "must be a whole number")
      return nil
    }
    guard let number = Int64(digits), range.contains(number) else {
      refuse(field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  /// - Parameter nullAs: stands for a null in the list; without it a null is refused.
  mutating func texts(
    _ field: String, count: ClosedRange<Int>, nullAs: String? = nil
  ) -> [String] {
    var texts: [String] = []
    switch value(field) {
    case nil: break
    case .string(let text) where isText: texts = text.split(separator: "|").map(String.init)
    case .array(let elements):
      for element in elements {
        switch element {
        case .string(let text): texts.append(text)
        case .null where nullAs != nil: texts.append(nullAs ?? "")
        default:
          refuse(field, "must be a list of texts")
          return []
        }
      }
    default: refuse(field, "must be a list of texts")
    }
    if !count.contains(texts.count) {
      refuse(
        field,
        "has \(texts.count) entries; \(count.lowerBound) to \(count.upperBound) are allowed")
    }
    return texts
  }

  /// A list of any values, or its JSON text in CSV; nil when it is not there.
  mutating func list(_ field: String) -> [JSONValue]? {
    switch value(field) {
    case nil: return nil
    case .array(let elements): return elements
    case .string(let text) where isText:
      if case .array(let elements)? = try? JSONValue(parsing: Array(text.utf8)) {
        return elements
      }
    default: break
    }
    refuse(field, isText ? "must be a list as JSON" : "must be a list")
    return []
  }

  /// An object of texts, or `name=text|name=text` in CSV.
  mutating func pairs(_ field: String, count: ClosedRange<Int>) -> [String: String] {
    var pairs: [String: String] = [:]
    switch value(field) {
    case nil: break
    case .string(let text) where isText:
      for part in text.split(separator: "|") {
        guard let sign = part.firstIndex(of: "=") else {
          refuse(field, "must be name=text pairs, parted by |")
          return [:]
        }
        pairs[String(part[..<sign])] = String(part[part.index(after: sign)...])
      }
    case .object(let members):
      for member in members {
        guard case .string(let text) = member.value else {
          refuse(field, "must be an object of texts")
          return [:]
        }
        pairs[member.name] = text
      }
    default: refuse(field, "must be an object of texts")
    }
    if !count.contains(pairs.count) {
      refuse(field, "has \(pairs.count) entries; at most \(count.upperBound) are allowed")
    }
    return pairs
  }

  /// `{"lat":…,"lon":…}`, `{"latitude":…,"longitude":…}`, or `lat,lon` in CSV.
  mutating func point(_ field: String) -> GeoPoint? {
    let parts: [String?]
    switch value(field) {
    case nil: return nil
    case .string(let text) where isText:
      parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    case .object(let object):
      let named = JSONValue.object(object)
      parts = [
        number(named["lat"] ?? named["latitude"]), number(named["lon"] ?? named["longitude"]),
      ]
    default: parts = []
    }
    guard parts.count == 2, let latitude = parts[0].flatMap(Double.init),
      let longitude = parts[1].flatMap(Double.init),
      let point = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
    else {
      refuse(field, "must be a latitude from -90 to 90 and a longitude from -180 to 180")
      return nil
    }
    return point
  }

  private func number(_ value: JSONValue?) -> String? {
    guard case .number(let digits) = value else { return nil }
    return digits
  }
}
