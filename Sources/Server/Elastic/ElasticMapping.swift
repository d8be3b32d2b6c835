// ElasticMapping: what the fields of an index are called, and where the text engine keeps them.

import Bytes
import Marketplace
import TextSearch

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
    /// Texts that may be completed, and the column of their weights.
    case completion(String, weight: String)
  }

  var name: String
  /// As a mapping calls it.
  var type: String
  var kind: Kind
  /// Where in the document its value stands.
  var path: String
  /// What a text's words are made by.
  var analyser = Analyser.standard

  /// - Parameter path: nil for a field that is called by its path.
  init(_ name: String, _ type: String, _ kind: Kind, path: String? = nil) {
    (self.name, self.type, self.kind, self.path) = (name, type, kind, path ?? name)
  }
}

struct ElasticMapping: Sendable {
  /// In the order of the mapping.
  let fields: [ElasticField]
  private let byName: [String: ElasticField]
  private let keyOf: @Sendable (String) -> [UInt8]?

  /// - Parameter keyOf: the engine's key of a document's identifier; nil when nothing can have it.
  init(_ fields: [ElasticField], keyOf: @escaping @Sendable (String) -> [UInt8]?) {
    self.fields = fields
    self.keyOf = keyOf
    byName = Dictionary(fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  subscript(name: String) -> ElasticField? {
    byName[name] ?? (name == "_id" ? ElasticField("_id", "_id", .identifier) : nil)
  }

  func key(of id: String) -> [UInt8]? { keyOf(id) }

  /// The marketplace's catalogue. `category` is a plain object: a nested one could not be asked for
  /// beside the other fields.
  static let products = ElasticMapping([
    ElasticField("id", "keyword", .identifier),
    ElasticField("title", "text", .text("title")),
    ElasticField("title.autocomplete", "text", .text("title", isPrefix: true), path: "title"),
    ElasticField(
      "title.completion", "completion", .completion("title", weight: "popularity"), path: "title"),
    ElasticField("description", "text", .text("description")),
    ElasticField("price", "float", .number("price", digits: Int(ProductSearch.priceDigits))),
    ElasticField("category.id", "keyword", .keyword("categoryId")),
    ElasticField("category.name", "text", .text("category", column: "category")),
    ElasticField("category.name.keyword", "keyword", .keyword("category"), path: "category.name"),
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
  ]) { id in ElasticDocuments.id(id).map { Bytes.key($0) } }

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
