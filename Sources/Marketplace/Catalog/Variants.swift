// Variants: the ways in which a product can be bought, each with its own price and stock. A product
// without any is its own only variant.
//
// Invariants
// 1. A variant that has stock cannot go, be it dropped alone or with a new list.
// 2. SKUs are distinct within a product, and among all of its seller's products.

import Bytes
import RecordStore

extension Catalog {
  public static let variantsMax = 100

  /// Errors: as `update`; RES_4003 with `variant_in_stock` when stock lies at the product itself,
  /// which is no variant any more once it has one; RES_4002 for a SKU that is taken.
  public static func addVariant(
    _ transaction: Transaction, productID: UUIDv7, _ input: VariantInput, expectedVersion: Int64?,
    by actor: CatalogActor
  ) throws -> Product {
    try changeOwned(
      transaction, productID, expectedVersion, by: actor
    ) { product in
      guard product.variants.count < variantsMax else {
        throw MarketError.invalid(
          "/variants", rule: "count", "A product has at most \(variantsMax) variants.")
      }
      var variant = ProductVariant()
      variant.id = transaction.newID()
      try fill(&variant, input, product.currency, "")
      product.variants.append(variant)
    }
  }

  public static func changeVariant(
    _ transaction: Transaction, productID: UUIDv7, variantID: UUIDv7, _ input: VariantInput,
    expectedVersion: Int64?, by actor: CatalogActor
  ) throws -> Product {
    try changeOwned(transaction, productID, expectedVersion, by: actor) { product in
      let place = try place(of: variantID, in: product)
      try fill(&product.variants[place], input, product.currency, "")
    }
  }

  public static func removeVariant(
    _ transaction: Transaction, productID: UUIDv7, variantID: UUIDv7, expectedVersion: Int64?,
    by actor: CatalogActor
  ) throws -> Product {
    try changeOwned(transaction, productID, expectedVersion, by: actor) { product in
      product.variants.remove(at: try place(of: variantID, in: product))
    }
  }

  /// Adds a link to a picture; VAL_3001 beyond ten.
  public static func addImage(
    _ transaction: Transaction, productID: UUIDv7, _ image: ProductImage, expectedVersion: Int64?,
    by actor: CatalogActor
  ) throws -> Product {
    try changeOwned(transaction, productID, expectedVersion, by: actor) { product in
      guard product.images.count < 10 else {
        throw MarketError.invalid("/url", rule: "count", "A product has at most 10 images.")
      }
      guard !product.images.contains(where: { $0.url == image.url }) else {
        throw MarketError(.alreadyExists, "The product has this image already.")
      }
      product.images.append(image)
    }
  }

  private static func place(of variantID: UUIDv7, in product: Product) throws -> Int {
    guard let place = product.variants.firstIndex(where: { $0.id == variantID }) else {
      throw MarketError.notFound("variant")
    }
    return place
  }

  private static func fill(
    _ variant: inout ProductVariant, _ input: VariantInput, _ currency: String, _ path: String
  ) throws {
    variant.name = input.name
    variant.sku = input.sku
    variant.priceMinor = try minor(input.price, currency, "\(path)/price")
    variant.attributes = input.attributes
  }

  /// The whole list of a product's variants anew; those that name an identifier stay who they are.
  static func replaceVariants(
    of product: inout Product, _ inputs: [VariantInput], _ transaction: Transaction
  ) throws {
    var seen: Set<UUIDv7> = []
    product.variants = try inputs.enumerated().map { index, input in
      var variant = ProductVariant()
      if let id = input.id {
        guard product.variants.contains(where: { $0.id == id }), seen.insert(id).inserted else {
          throw MarketError.invalid(
            "/variants/\(index)/id", rule: "reference", "The product has no such variant left.")
        }
        variant.id = id
      } else {
        variant.id = transaction.newID()
      }
      try fill(&variant, input, product.currency, "/variants/\(index)")
      return variant
    }
    try requireFreeSKUs(product, transaction)
  }

  static func requireNoStock(
    of dropped: Set<UUIDv7>, _ productID: UUIDv7, _ transaction: Transaction
  ) throws {
    guard !dropped.isEmpty else { return }
    for level in try Inventory.levels(transaction, productID: productID)
    where dropped.contains(level.variantID) && level.quantity != 0 {
      throw MarketError.conflict(
        "A variant with stock cannot go; set its stock to zero first.", reason: "variant_in_stock")
    }
  }

  static func requireFreeSKUs(_ product: Product, _ transaction: Transaction) throws {
    var seen: Set<String> = []
    for variant in product.variants where !variant.sku.isEmpty {
      let other = try transaction.lookup(Product.bySKU, key(product.sellerID, variant.sku))
      guard seen.insert(variant.sku).inserted, other == nil || other?.id == product.id else {
        throw MarketError(
          .alreadyExists, "Another variant has the SKU “\(variant.sku)”.",
          details: .object([.init("sku", .string(variant.sku))]))
      }
    }
  }
}
