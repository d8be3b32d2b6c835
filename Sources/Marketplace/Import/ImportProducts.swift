// ImportProducts: a row becomes a product, on sale unless it says otherwise, with its stock at the
// place it is sold from.

import Bytes
import RecordStore

struct ProductRow: Sendable {
  var externalID: String
  /// The imported shop that sells it; empty when the row names none.
  var storeID: String
  var content = Product()
  /// Units at its place; nil when the row does not say.
  var stock: Int64?
  /// Nil: those that it has stay.
  var variants: [VariantRow]?

  init(_ row: inout ImportRow) {
    externalID = row.text("externalId", length: 1...64)
    storeID = row.text("storeId", length: 0...64)
    content.title = row.text("title", length: 3...255)
    content.description = DescriptionHTML.clean(row.text("description", length: 10...5000))
    content.brand = row.text("brand", length: 0...100)
    let currency = row.text("currency", length: 0...3)
    if !currency.isEmpty {
      if Currency.isWellFormed(currency) {
        content.currency = currency
      } else {
        row.refuse("currency", "must be an ISO 4217 code such as USD")
      }
    }
    content.priceMinor = row.price("price", currency: content.currency)
    content.popularity = row.integer("popularity", range: 0...1_000_000_000) ?? 0
    content.categoryPath = row.texts("categories", count: 0...CategoryPath.levelsMax)
    let image = row.text("image", length: 0...2048)
    let images = row.texts("images", count: 0...10)
    content.images = (image.isEmpty || images.contains(image) ? images : [image] + images)
      .map { ProductImage(url: $0, alt: content.title) }
    if content.images.count > 10 { row.refuse("images", "a product has at most 10 images") }
    content.attributes = row.pairs("attributes", count: 0...50)
    stock = row.integer("stock", range: 0...Inventory.quantityMax)
    variants = row.variants("variants", currency: content.currency)
    let status = row.text("status", length: 0...20)
    content.status = .active
    if !status.isEmpty {
      if let known = ProductStatus(rawValue: status) {
        content.status = known
      } else {
        let names = ProductStatus.allCases.map(\.rawValue).joined(separator: ", ")
        row.refuse("status", "must be one of \(names)")
      }
    }
  }

  func write(
    _ transaction: Transaction, owner: ProductOwner, stock: Int64?
  ) throws -> ImportReport.Outcome {
    // What was made here is exported under its own identifier.
    let old =
      try transaction.lookup(Product.byExternalID, key(externalID))
      ?? UUIDv7(externalID).flatMap { try Catalog.find(transaction, id: $0) }
    let product: Product
    switch owner {
    case .shops(let shops):
      let shop = try shop(transaction, shops: shops, old: old)
      product = try merged(with: old, sellerID: shop.sellerID, shop: shop, transaction)
    case .seller(let sellerID, let place):
      guard old == nil || old?.sellerID == sellerID, storeID.isEmpty else {
        throw MarketError(
          .insufficientPermissions, "Product \(externalID) belongs to another seller.")
      }
      product = try merged(with: old, sellerID: sellerID, shop: place, transaction)
      try Catalog.requirePublishable(product)
    }
    let outcome: ImportReport.Outcome
    if let old {
      outcome = old == product ? .unchanged : .updated
    } else {
      outcome = .created
    }
    if outcome != .unchanged { try transaction.put(product) }
    if let locationID = product.locationID {
      for (index, variant) in product.sellableVariants.enumerated() {
        let own = variants.flatMap { $0.isEmpty ? nil : $0[index].stock }
        guard let stock = own ?? self.stock ?? stock else { continue }
        let level = try transaction.get(StockLevel.self, key(variant.id, locationID))
        if level?.quantity == stock { continue }
        try Inventory.set(
          transaction, variantID: variant.id, locationID: locationID, quantity: stock,
          notes: "import")
      }
    }
    return outcome
  }

  private func shop(
    _ transaction: Transaction, shops: ImportedShops?, old: Product?
  ) throws -> Location {
    if !storeID.isEmpty {
      guard
        let named = try Locations.imported(transaction, storeID)
      else {
        throw MarketError(
          .notFound, "Product \(externalID) names shop \(storeID), which has not been imported.")
      }
      return named
    }
    if let old, let locationID = old.locationID,
      let place = try transaction.get(Location.self, key(locationID))
    {
      return place
    }
    guard let shops else {
      throw MarketError(
        .missingRequiredField,
        "Product \(externalID) names no shop: give it a storeId, or use --assign-to-stores.")
    }
    return shops.shop(for: externalID)
  }

  /// The product as it shall be; equal to `old` when the row says nothing new.
  private func merged(
    with old: Product?, sellerID: UUIDv7, shop: Location?, _ transaction: Transaction
  ) throws -> Product {
    var product = old ?? content
    if let old {
      product.title = content.title
      product.description = content.description
      product.brand = content.brand
      product.currency = content.currency
      product.priceMinor = content.priceMinor
      product.popularity = content.popularity
      product.categoryPath = content.categoryPath
      product.images = content.images
      product.attributes = content.attributes
      product.status = content.status
      product.deletedAt = nil
      product.slug = old.isDeleted ? "" : old.slug
    } else {
      product.id = transaction.newID()
      product.ordinal = try transaction.nextOrdinal(space: Catalog.ordinalSpace)
      product.externalID = externalID
      product.createdAt = transaction.time
      product.updatedAt = transaction.time
    }
    product.sellerID = sellerID
    if let variants { try Self.set(variants, of: &product, transaction) }
    if let shop { product.take(placeOf: shop, keepingOwn: false) }
    product.categoryID = try Categories.find(transaction, path: content.categoryPath)?.id
    if product.slug.isEmpty {
      product.slug = try Catalog.freeSlug(
        transaction, Slug.make(product.title, fallback: "product"), product)
    }
    if let old, old != product {
      product.version = old.version + 1
      product.updatedAt = transaction.time
    }
    return product
  }
}
