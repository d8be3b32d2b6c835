// ElasticDocuments: the catalogue's products as JSON documents, as they are at one snapshot.

import Bytes
import Database
import Marketplace
import RecordStore
import TextSearch

final class ElasticDocuments: ElasticIndex {
  static let index = "products"

  var name: String { Self.index }
  var mapping: ElasticMapping { .products }
  let snapshot: DatabaseSnapshot
  let text: TextSnapshot
  private var sellers: [UUIDv7: String] = [:]

  init(_ snapshot: DatabaseSnapshot) throws(ElasticError) {
    guard let text = snapshot.view(TextSnapshot.self) else {
      throw ElasticError(
        "no_shard_available_action_exception", "this server keeps no text index", status: 503)
    }
    (self.snapshot, self.text) = (snapshot, text)
  }

  /// With or without a prefix such as `prd_`.
  static func id(_ text: String) -> UUIDv7? {
    UUIDv7(text.lastIndex(of: "_").map { text[text.index(after: $0)...] } ?? text[...])
  }

  func document(key: [UInt8]) throws -> ElasticDocument? {
    guard let product = try product(key) else { return nil }
    return ElasticDocument(
      id: product.id.description, version: product.version, sequence: nil,
      source: { try self.source(of: product) }, texts: { ProductSearch.texts(of: product) })
  }

  /// A product that is for sale: others are in no index.
  func product(_ key: [UInt8]) throws -> Product? {
    guard let product = try snapshot.records.get(Product.self, key), product.isForSale else {
      return nil
    }
    return product
  }

  func source(of product: Product) throws -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("id", .string(product.id.description)), .init("title", .string(product.title)),
      .init("description", .string(DescriptionHTML.words(of: product.description))),
      .init("price", .number(price(of: product))), .init("currency", .string(product.currency)),
    ]
    if let name = product.categoryPath.last {
      var category: [JSONValue.Member] = [
        .init("name", .string(name)),
        .init("path", .array(product.categoryPath.map { .string($0) })),
      ]
      if let id = product.categoryID {
        category.insert(.init("id", .string(id.description)), at: 0)
      }
      members.append(.init("category", .object(category)))
    }
    members.append(
      .init(
        "seller",
        .object([
          .init("id", .string(product.sellerID.description)),
          .init("name", .string(try sellerName(product.sellerID))),
        ])))
    if !product.brand.isEmpty { members.append(.init("brand", .string(product.brand))) }
    if let latitude = product.latitudeE7, let longitude = product.longitudeE7 {
      members.append(
        .init(
          "location",
          .object([
            .init("lat", .number("\(Double(latitude) / 1e7)")),
            .init("lon", .number("\(Double(longitude) / 1e7)")),
          ])))
    }
    appendFigures(of: product, to: &members)
    return .object(members)
  }

  private func appendFigures(of product: Product, to members: inout [JSONValue.Member]) {
    if let rating = text.value("rating", of: product.ordinal) {
      let value = DocumentCells.value(Double(rating), digits: ProductSearch.ratingDigits)
      members.append(.init("rating", .number("\(value)")))
    }
    if let count = text.value("reviewCount", of: product.ordinal) {
      members.append(.init("reviewCount", .int(count)))
    }
    let stock = text.value("stock", of: product.ordinal) ?? 0
    members += [
      .init("stock", .int(stock)), .init("inStock", .bool(stock > 0)),
      .init("popularity", .int(product.popularity)),
      .init("tags", .array(product.keywords.map { .string($0) })),
      .init("slug", .string(product.slug)),
      .init("images", .array(product.images.map { .string($0.url) })),
      .init("createdAt", .string(product.createdAt.description)),
      .init("updatedAt", .string(product.updatedAt.description)),
    ]
  }

  private func price(of product: Product) -> String {
    Amount(minor: product.priceMinor, digits: Currency.digits(product.currency)).description
  }

  private func sellerName(_ id: UUIDv7) throws -> String {
    if let name = sellers[id] { return name }
    let user = try snapshot.records.get(User.self, key(id))
    let name = user?.businessName ?? ""
    sellers[id] = name
    return name
  }
}
