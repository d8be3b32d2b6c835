// ElasticMapping: what the fields of an index are called, and where the text engine keeps them.

import Bytes
import Marketplace

/// One field that can be asked for.
struct ElasticField: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Words of a field of the engine. `column` has its whole values, for counts and orders.
    case text(String, column: String? = nil, isPrefix: Bool = false)
    case keyword(String)
    /// A column of whole numbers, each `digits` decimals smaller than the field's value.
    case number(String, digits: Int)
    /// A column of microseconds.
    case date(String)
    /// True where the column is one or more.
    case flag(String)
    case place
    /// The document's own identifier.
    case identifier
  }

  var name: String
  /// As a mapping calls it.
  var type: String
  var kind: Kind

  init(_ name: String, _ type: String, _ kind: Kind) {
    (self.name, self.type, self.kind) = (name, type, kind)
  }
}

struct ElasticMapping: Sendable {
  /// In the order of the mapping.
  let fields: [ElasticField]
  private let byName: [String: ElasticField]

  init(_ fields: [ElasticField]) {
    self.fields = fields
    byName = Dictionary(fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  subscript(name: String) -> ElasticField? { byName[name] }

  /// The marketplace's catalogue. `category` is a plain object: a nested one could not be asked for
  /// beside the other fields.
  static let products = ElasticMapping([
    ElasticField("id", "keyword", .identifier),
    ElasticField("title", "text", .text("title")),
    ElasticField("title.autocomplete", "text", .text("title", isPrefix: true)),
    ElasticField("description", "text", .text("description")),
    ElasticField("price", "float", .number("price", digits: Int(ProductSearch.priceDigits))),
    ElasticField("category.id", "keyword", .keyword("categoryId")),
    ElasticField("category.name", "text", .text("category", column: "category")),
    ElasticField("category.name.keyword", "keyword", .keyword("category")),
    ElasticField("category.path", "keyword", .keyword("category")),
    ElasticField("seller.id", "keyword", .keyword("seller")),
    ElasticField("brand", "keyword", .keyword("brand")),
    ElasticField("location", "geo_point", .place),
    ElasticField("rating", "float", .number("rating", digits: ProductSearch.ratingDigits)),
    ElasticField("reviewCount", "integer", .number("reviewCount", digits: 0)),
    ElasticField("stock", "integer", .number("stock", digits: 0)),
    ElasticField("inStock", "boolean", .flag("stock")),
    ElasticField("popularity", "integer", .number("popularity", digits: 0)),
    ElasticField("tags", "keyword", .keyword("tags")),
    ElasticField("createdAt", "date", .date("createdAt")),
    ElasticField("updatedAt", "date", .date("updatedAt")),
  ])

  /// The mapping as its endpoint shows it: what has a dot is inside an object, or is a second reading
  /// of a field.
  var json: JSONValue {
    .object([.init("properties", properties(under: ""))])
  }

  private func properties(under prefix: String) -> JSONValue {
    var members: [JSONValue.Member] = []
    var seen: Set<String> = []
    for field in fields where field.name.hasPrefix(prefix) {
      let rest = field.name.dropFirst(prefix.count)
      let name = String(rest.prefix { $0 != "." })
      guard seen.insert(name).inserted else { continue }
      let path = prefix + name
      let hasMore = fields.contains { $0.name.hasPrefix(path + ".") }
      var parts: [JSONValue.Member] = []
      if let own = self[path] {
        parts.append(.init("type", .string(own.type)))
        if hasMore { parts.append(.init("fields", properties(under: path + "."))) }
      } else {
        parts.append(.init("properties", properties(under: path + ".")))
      }
      members.append(.init(name, .object(parts)))
    }
    return .object(members)
  }
}
