// ProductSearch: what of the records the text index sees. A pure function of one row's change.
//
//   Product      a document under its ordinal while it is for sale; its key is the primary key
//   StockLevel   adds the change of its available units to the cell `stock` of its product
//
// The stock cell outlives the document, so that rows may come in any order.

import Bytes
import RecordStore
import TextSearch
import Views

public enum ProductSearch {
  public static let schema = TextSchema(
    fields: [
      TextSchema.Field("title", boost: 3), TextSchema.Field("category", boost: 2),
      TextSchema.Field("description"),
    ],
    columns: [
      TextSchema.Column("price", .document), TextSchema.Column("popularity", .document),
      TextSchema.Column("createdAt", .document), TextSchema.Column("updatedAt", .document),
      TextSchema.Column("stock", .sum),
      // Nothing rates yet: the cells have no values until there are reviews.
      TextSchema.Column("rating", .assigned), TextSchema.Column("reviewCount", .assigned),
    ],
    keywords: ["category", "brand", "categoryId", "seller", "tags"])

  /// Ratings in the index are hundredths.
  public static let ratingDigits = 2

  public static let tables = [Product.table.number, StockLevel.table.number]

  /// Counted up with every change of what the projection makes of a row.
  static let projectionVersion: UInt64 = 1

  /// A fresh, empty index of products.
  public static func makeIndex() -> TextIndex {
    TextIndex(
      schema: schema, tables: tables, projectionVersion: projectionVersion, projection: projection)
  }

  /// A row that does not decode is damage that the store reports; the index has nothing to add.
  public static let projection: TextProjection = { change in
    switch change.table {
    case Product.table.number: products(change)
    case StockLevel.table.number: stock(change)
    default: []
    }
  }

  private static func products(_ change: Change) -> [TextOperation] {
    let before = decode(Product.self, change.before)
    let after = decode(Product.self, change.after)
    if let after, after.isForSale {
      let document = document(of: after)
      if let before, before.isForSale, self.document(of: before) == document { return [] }
      return [.put(ordinal: after.ordinal, document: document)]
    }
    guard let before, before.isForSale else { return [] }
    return [.remove(ordinal: before.ordinal)]
  }

  private static func stock(_ change: Change) -> [TextOperation] {
    let before = decode(StockLevel.self, change.before)
    let after = decode(StockLevel.self, change.after)
    guard let level = after ?? before else { return [] }
    let delta = (after?.available ?? 0) &- (before?.available ?? 0)
    return delta == 0
      ? [] : [.add(ordinal: level.productOrdinal, column: "stock", delta: delta)]
  }

  static func document(of product: Product) -> TextDocument {
    var location: GeoPoint?
    if let latitude = product.latitudeE7, let longitude = product.longitudeE7 {
      location = GeoPoint(latitude: latitude, longitude: longitude)
    }
    return TextDocument(
      key: product.primaryKey,
      texts: texts(of: product),
      keywords: [
        "category": product.categoryPath, "brand": product.brand.isEmpty ? [] : [product.brand],
        "categoryId": product.categoryID.map { [$0.description] } ?? [],
        "seller": [product.sellerID.description], "tags": product.keywords,
      ],
      numbers: [
        "price": price(of: product), "popularity": product.popularity,
        "createdAt": product.createdAt.microseconds,
        "updatedAt": product.updatedAt.microseconds,
      ],
      location: location)
  }

  /// What is searched by words, by the names of the fields.
  public static func texts(of product: Product) -> [String: String] {
    [
      "title": product.title,
      "description": DescriptionHTML.words(of: product.description),
      "category": product.categoryPath.joined(separator: " "),
    ]
  }

  /// Prices in the index are ten-thousandths of a unit, so that currencies of 0 to 4 digits compare.
  public static let priceDigits: UInt8 = 4

  static func price(of product: Product) -> Int64 {
    let amount = Amount(minor: product.priceMinor, digits: Currency.digits(product.currency))
    return amount.rescaled(toDigits: priceDigits)?.minor ?? .max
  }

  private static func decode<R: Record>(_ type: R.Type, _ bytes: [UInt8]?) -> R? {
    guard let bytes else { return nil }
    return try? FieldBinary.decode(type, from: bytes.span.bytes)
  }
}
