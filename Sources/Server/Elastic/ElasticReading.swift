// ElasticReading: taking JSON apart, with an error that names the clause and the member.

import Bytes
import Marketplace

/// The members of an object, each to be taken once; what is left over is an error.
struct ElasticMembers {
  let clause: String
  private var members: [JSONValue.Member]

  init(_ value: JSONValue, of clause: String) throws(ElasticError) {
    guard case .object(let members) = value else {
      throw .parsing("[\(clause)] must be an object")
    }
    (self.clause, self.members) = (clause, members)
  }

  var names: [String] { members.map(\.name) }

  mutating func take(_ name: String) -> JSONValue? {
    guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
    let value = members.remove(at: index).value
    return value == .null ? nil : value
  }

  /// The next member, whatever it is called.
  mutating func takeAny() -> JSONValue.Member? { members.isEmpty ? nil : members.removeFirst() }

  /// Members that change nothing here.
  mutating func ignore(_ names: String...) {
    members.removeAll { names.contains($0.name) }
  }

  /// A member that changes nothing here, as long as it says what is done anyway; anything else is refused.
  mutating func require(_ name: String, oneOf known: [String]) throws(ElasticError) {
    guard let value = try text(name) else { return }
    guard known.contains(value) else {
      throw .illegal(
        "[\(clause)] [\(name)] can be \(known.joined(separator: " or ")) only here, not \(value)")
    }
  }

  /// Members that would change something, and do not here.
  mutating func refuse(_ names: String...) throws(ElasticError) {
    for name in names where take(name) != nil {
      throw .illegal("[\(clause)] does not support [\(name)] here (docs/search.md)")
    }
  }

  func finish() throws(ElasticError) {
    guard let first = members.first else { return }
    throw .parsing("[\(clause)] does not support [\(first.name)]")
  }

  mutating func text(_ name: String) throws(ElasticError) -> String? {
    guard let value = take(name) else { return nil }
    return try ElasticValue.text(value, "\(clause)] [\(name)")
  }

  mutating func number(_ name: String) throws(ElasticError) -> Double? {
    guard let value = take(name) else { return nil }
    guard let number = ElasticValue.number(value) else {
      throw .parsing("[\(clause)] [\(name)] must be a number")
    }
    return number
  }

  mutating func integer(_ name: String, _ range: ClosedRange<Int>) throws(ElasticError) -> Int? {
    guard let value = take(name) else { return nil }
    guard let number = ElasticValue.integer(value), range.contains(number) else {
      throw .illegal(
        "[\(clause)] [\(name)] must be a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  mutating func flag(_ name: String) throws(ElasticError) -> Bool? {
    guard let value = take(name) else { return nil }
    switch value {
    case .bool(let flag): return flag
    case .string("true"): return true
    case .string("false"): return false
    default: throw .parsing("[\(clause)] [\(name)] must be true or false")
    }
  }

  /// One object, or a list of them.
  mutating func list(_ name: String) -> [JSONValue] {
    switch take(name) {
    case nil: []
    case .array(let elements)?: elements
    case .some(let value): [value]
    }
  }
}

enum ElasticValue {
  /// A string, or a number or truth value as it is written.
  static func text(_ value: JSONValue, _ place: String) throws(ElasticError) -> String {
    switch value {
    case .string(let text): return text
    case .number(let text): return text
    case .bool(let flag): return flag ? "true" : "false"
    default: throw .parsing("[\(place)] must be a string")
    }
  }

  /// A number, or a string that is one.
  static func number(_ value: JSONValue) -> Double? { DocumentCells.number(value) }

  static func integer(_ value: JSONValue) -> Int? {
    number(value).flatMap { Int(exactly: $0) }
  }

  /// Names in a string or a list of strings.
  static func names(_ value: JSONValue, _ place: String) throws(ElasticError) -> [String] {
    guard case .array(let elements) = value else { return [try text(value, place)] }
    var names: [String] = []
    for element in elements { names.append(try text(element, place)) }
    return names
  }
}
