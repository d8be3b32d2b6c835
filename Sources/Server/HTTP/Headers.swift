// Headers: header fields in order, found by name without regard to case.

import NIOHTTP1

/// The header fields of a request or a response.
public struct Headers: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  var fields: HTTPHeaders

  public init() {
    fields = HTTPHeaders()
  }

  public init(dictionaryLiteral elements: (String, String)...) {
    fields = HTTPHeaders(elements)
  }

  init(_ fields: HTTPHeaders) {
    self.fields = fields
  }

  /// The first value of `name`; setting replaces every value, setting `nil` removes them.
  public subscript(name: String) -> String? {
    get { fields.first(name: name) }
    set {
      if let newValue {
        fields.replaceOrAdd(name: name, value: newValue)
      } else {
        fields.remove(name: name)
      }
    }
  }

  /// Every value of `name`, in order, not split at commas.
  public func all(_ name: String) -> [String] { fields[name] }

  public func contains(_ name: String) -> Bool { fields.contains(name: name) }

  /// Appends a field and keeps those of the same name (`Set-Cookie`).
  public mutating func add(_ name: String, _ value: String) {
    fields.add(name: name, value: value)
  }

  public var isEmpty: Bool { fields.isEmpty }

  /// Every field, in order.
  var pairs: [(name: String, value: String)] { fields.map { ($0.name, $0.value) } }

  /// Fields, those of one name each for itself.
  var count: Int { fields.count }
}
