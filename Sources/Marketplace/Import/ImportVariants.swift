// Variants in a product's row: a list of objects, as JSON text in a CSV cell. A variant that is there
// already is known by its SKU, or by its name when it has none, and stays who it is.

import Bytes
import RecordStore

/// One variant of a row: `{"name","sku","price","attributes","stock"}`.
struct VariantRow: Sendable {
  var content = ProductVariant()
  /// Units at the product's place; nil when the row does not say.
  var stock: Int64?
}

extension ImportRow {
  /// Nil when the row says nothing of variants.
  mutating func variants(_ field: String, currency: String) -> [VariantRow]? {
    guard let elements = list(field) else { return nil }
    guard elements.count <= 100 else {
      refuse(field, "has \(elements.count) entries; at most 100 are allowed")
      return []
    }
    return elements.enumerated().map { index, element in
      var variant = VariantRow()
      guard case .object(let members) = element else {
        refuse("\(field)[\(index)]", "must be an object")
        return variant
      }
      var row = ImportRow(line: line, object: members)
      variant.content.name = row.text("name", length: 1...255)
      variant.content.sku = row.text("sku", length: 0...100)
      variant.content.priceMinor = row.price("price", currency: currency)
      variant.content.attributes = row.pairs("attributes", count: 0...50)
      variant.stock = row.integer("stock", range: 0...Inventory.quantityMax)
      for issue in row.issues { refuse("\(field)[\(index)].\(issue.field)", issue.message) }
      return variant
    }
  }
}

extension ProductRow {
  /// The variants as they shall be; what goes must have no stock, and a SKU is a seller's once.
  static func set(
    _ rows: [VariantRow], of product: inout Product, _ transaction: Transaction
  ) throws {
    let old = product.variants
    let before = Set(product.sellableVariants.map(\.id))
    var taken: Set<UUIDv7> = []
    product.variants = rows.map { row in
      let present = old.first { variant in
        !taken.contains(variant.id)
          && (row.content.sku.isEmpty
            ? variant.sku.isEmpty && variant.name == row.content.name
            : variant.sku == row.content.sku)
      }
      var variant = row.content
      variant.id = present?.id ?? transaction.newID()
      taken.insert(variant.id)
      return variant
    }
    try Catalog.requireNoStock(
      of: before.subtracting(product.sellableVariants.map(\.id)), product.id, transaction)
    try Catalog.requireFreeSKUs(product, transaction)
  }
}
