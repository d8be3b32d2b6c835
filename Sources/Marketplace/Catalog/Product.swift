// Product: what is for sale. Table 3.
//
// Invariants
// 1. `ordinal` is dense, given once, never reused: the product's number in every view.
// 2. `slug` is unique among products that are not deleted and among past slugs of other products.
// 3. A product without variants has one default variant, whose identifier is the product's.
// 4. A seller's stock-keeping units are distinct, over all of his products that are not deleted.
// 5. `version` rises by one with every change; it is the entity tag.
// 6. A deleted product keeps its row, because orders point to it, and is in no index but
//    `byExternalID`.

import Bytes
import RecordStore

public enum ProductStatus: String, FieldEnum, Comparable {
  case draft
  case active
  case inactive
  case outOfStock = "out_of_stock"

  public static func < (left: ProductStatus, right: ProductStatus) -> Bool {
    left.rawValue < right.rawValue
  }
}

public struct ProductImage: Fields, Equatable {
  public var url = ""
  public var thumbnail = ""
  public var alt = ""

  public init() {}

  public init(url: String, thumbnail: String = "", alt: String = "") {
    self.url = url
    self.thumbnail = thumbnail
    self.alt = alt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "url", &url, .format("uri").required)
    try visitor.field(2, "thumbnail", &thumbnail, .length(0...2048))
    try visitor.field(3, "alt", &alt, .length(0...255))
  }
}

public struct ProductVariant: Fields, Equatable {
  public var id = UUIDv7.zero
  public var name = ""
  public var sku = ""
  public var priceMinor: Int64 = 0
  public var attributes: [String: String] = [:]

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "sku", &sku)
    try visitor.field(4, "priceMinor", &priceMinor)
    try visitor.field(5, "attributes", &attributes)
  }
}

public struct Product: Fields, Equatable {
  public var id = UUIDv7.zero
  public var ordinal: UInt32 = 0
  /// The user of role seller who owns it.
  public var sellerID = UUIDv7.zero
  public var title = ""
  public var description = ""
  /// Whole minor units of `currency`.
  public var priceMinor: Int64 = 0
  public var currency = "USD"
  public var categoryID: UUIDv7?
  /// Names from the root to the product's category.
  public var categoryPath: [String] = []
  public var brand = ""
  public var images: [ProductImage] = []
  public var attributes: [String: String] = [:]
  /// Empty: invariant 3.
  public var variants: [ProductVariant] = []
  /// Where it is sold from.
  public var locationID: UUIDv7?
  /// Units of 1e-7 degrees; both or neither.
  public var latitudeE7: Int32?
  public var longitudeE7: Int32?
  public var address = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var slug = ""
  public var metaTitle = ""
  public var metaDescription = ""
  public var keywords: [String] = []
  public var status = ProductStatus.draft
  public var popularity: Int64 = 0
  /// The identifier in the file it was imported from; empty when it was made here.
  public var externalID = ""
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  public var deletedAt: Timestamp?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "ordinal", &ordinal)
    try visitor.field(3, "sellerId", &sellerID)
    try visitor.field(4, "title", &title)
    try visitor.field(5, "description", &description)
    try visitor.field(6, "priceMinor", &priceMinor)
    try visitor.field(7, "currency", &currency)
    try visitor.field(8, "categoryId", &categoryID)
    try visitor.field(9, "categoryPath", &categoryPath)
    try visitor.field(10, "brand", &brand)
    try visitor.field(11, "images", &images)
    try visitor.field(12, "attributes", &attributes)
    try visitor.field(13, "variants", &variants)
    try visitor.field(14, "locationId", &locationID)
    try visitor.field(15, "latitudeE7", &latitudeE7)
    try visitor.field(16, "longitudeE7", &longitudeE7)
    try visitor.field(17, "address", &address)
    try visitor.field(18, "city", &city)
    try visitor.field(19, "state", &state)
    try visitor.field(20, "zipCode", &zipCode)
    try visitor.field(21, "slug", &slug)
    try visitor.field(22, "metaTitle", &metaTitle)
    try visitor.field(23, "metaDescription", &metaDescription)
    try visitor.field(24, "keywords", &keywords)
    try visitor.field(25, "status", &status)
    try visitor.field(26, "popularity", &popularity)
    try visitor.field(27, "externalId", &externalID)
    try visitor.field(28, "version", &version)
    try visitor.field(29, "createdAt", &createdAt)
    try visitor.field(30, "updatedAt", &updatedAt)
    try visitor.field(31, "deletedAt", &deletedAt)
  }

  public var isDeleted: Bool { deletedAt != nil }

  /// Active and not deleted: a buyer can find it and put it in a cart.
  public var isForSale: Bool { status == .active && deletedAt == nil }

  /// The variants that can be bought; one stands for the product when it declares none.
  public var sellableVariants: [ProductVariant] {
    guard variants.isEmpty else { return variants }
    var only = ProductVariant()
    only.id = id
    only.name = title
    only.priceMinor = priceMinor
    return [only]
  }

  public func variant(_ variantID: UUIDv7) -> ProductVariant? {
    sellableVariants.first { $0.id == variantID }
  }
}

extension Product: Record {
  public static let table = Table<Product>(
    number: 3, name: "products", logsBeforeImages: true,
    indexes: [bySlug, bySeller, byNewest, byPrice, byExternalID, byVariant, byCategory, bySKU])

  public var primaryKey: [UInt8] { key(id) }

  public static let bySlug = Index<Product>(number: 1, name: "bySlug", isUnique: true) {
    $0.isDeleted || $0.slug.isEmpty ? [] : [key($0.slug)]
  }
  /// (seller, newest first)
  public static let bySeller = Index<Product>(number: 2, name: "bySeller") {
    $0.isDeleted ? [] : [key($0.sellerID, Descending($0.createdAt))]
  }
  /// (status, newest first)
  public static let byNewest = Index<Product>(number: 3, name: "byNewest") {
    $0.isDeleted ? [] : [key($0.status.rawValue, Descending($0.createdAt))]
  }
  /// (status, price in minor units)
  public static let byPrice = Index<Product>(number: 4, name: "byPrice") {
    $0.isDeleted ? [] : [key($0.status.rawValue, $0.priceMinor)]
  }
  public static let byExternalID = Index<Product>(
    number: 5, name: "byExternalID", isUnique: true
  ) {
    $0.externalID.isEmpty ? [] : [key($0.externalID)]
  }
  public static let byVariant = Index<Product>(number: 6, name: "byVariant", isUnique: true) {
    product in
    product.isDeleted ? [] : product.sellableVariants.map { key($0.id) }
  }
  /// (every category from the root to its own, status, newest first)
  public static let byCategory = Index<Product>(number: 7, name: "byCategory") { product in
    guard !product.isDeleted else { return [] }
    return CategoryPath.prefixKeys(product.categoryPath).map {
      key($0, product.status.rawValue, Descending(product.createdAt))
    }
  }
  /// (seller, stock-keeping unit of a variant)
  public static let bySKU = Index<Product>(number: 8, name: "bySKU", isUnique: true) { product in
    guard !product.isDeleted else { return [] }
    return product.variants.filter { !$0.sku.isEmpty }.map { key(product.sellerID, $0.sku) }
  }
}

/// A slug that a product had before; its address still leads there. Table 17.
public struct PastSlug: Fields, Equatable {
  public var slug = ""
  public var productID = UUIDv7.zero
  public var retiredAt = Timestamp.zero

  public init() {}

  public init(slug: String, productID: UUIDv7, retiredAt: Timestamp) {
    self.slug = slug
    self.productID = productID
    self.retiredAt = retiredAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "slug", &slug)
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "retiredAt", &retiredAt)
  }
}

extension PastSlug: Record {
  public static let table = Table<PastSlug>(number: 17, name: "pastSlugs")
  public var primaryKey: [UInt8] { key(slug) }
}
