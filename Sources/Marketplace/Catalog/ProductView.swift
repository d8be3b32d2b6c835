// ProductView: a product as clients see it.

import Bytes
import RecordStore

public struct CategoryReference: Fields, Equatable {
  public var id: UUIDv7?
  public var name = ""
  /// Names from the root, joined by ` / `.
  public var path = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "path", &path)
  }
}

public struct VariantView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var name = ""
  public var sku = ""
  public var price = Amount(minor: 0, digits: 0)
  public var priceMinor: Int64 = 0
  public var attributes: [String: String] = [:]
  public var inventory: Int64 = 0
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "sku", &sku)
    try visitor.field(4, "price", &price)
    try visitor.field(5, "priceMinor", &priceMinor)
    try visitor.field(6, "attributes", &attributes)
    try visitor.field(7, "inventory", &inventory)
  }
}

public struct PlaceView: Fields, Equatable {
  public var latitude: Double?
  public var longitude: Double?
  public var address = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "latitude", &latitude)
    try visitor.field(2, "longitude", &longitude)
    try visitor.field(3, "address", &address)
    try visitor.field(4, "city", &city)
    try visitor.field(5, "state", &state)
    try visitor.field(6, "zipCode", &zipCode)
  }
}

public struct SEOView: Fields, Equatable {
  public var slug = ""
  public var metaTitle = ""
  public var metaDescription = ""
  public var keywords: [String] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "slug", &slug)
    try visitor.field(2, "metaTitle", &metaTitle)
    try visitor.field(3, "metaDescription", &metaDescription)
    try visitor.field(4, "keywords", &keywords)
  }
}

public struct ProductView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  public var title = ""
  public var description = ""
  public var price = Amount(minor: 0, digits: 0)
  public var priceMinor: Int64 = 0
  public var currency = ""
  public var category: CategoryReference?
  public var categories: [String] = []
  public var brand = ""
  public var images: [ProductImage] = []
  public var attributes: [String: String] = [:]
  public var variants: [VariantView] = []
  public var stock: Int64 = 0
  public var inStock = false
  public var location: PlaceView?
  public var locationID: UUIDv7?
  public var seo = SEOView()
  public var status = ProductStatus.draft
  public var slug = ""
  public var version: Int64 = 0
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "sellerId", &sellerID)
    try visitor.field(3, "title", &title)
    try visitor.field(4, "description", &description)
    try visitor.field(5, "price", &price)
    try visitor.field(6, "priceMinor", &priceMinor)
    try visitor.field(7, "currency", &currency)
    try visitor.field(8, "category", &category)
    try visitor.field(9, "categories", &categories)
    try visitor.field(10, "brand", &brand)
    try visitor.field(11, "images", &images)
    try visitor.field(12, "attributes", &attributes)
    try visitor.field(13, "variants", &variants)
    try visitor.field(14, "stock", &stock)
    try visitor.field(15, "inStock", &inStock)
    try visitor.field(16, "location", &location)
    try visitor.field(17, "locationId", &locationID)
    try visitor.field(18, "seo", &seo)
    try visitor.field(19, "status", &status)
    try visitor.field(20, "slug", &slug)
    try visitor.field(21, "version", &version)
    try visitor.field(22, "createdAt", &createdAt)
    try visitor.field(23, "updatedAt", &updatedAt)
  }

  /// The view of `product` with the stock that `reader` sees.
  public init(_ product: Product, _ reader: some RecordReader) throws {
    let digits = Currency.digits(product.currency)
    id = product.id
    sellerID = product.sellerID
    title = product.title
    description = product.description
    price = Amount(minor: product.priceMinor, digits: digits)
    priceMinor = product.priceMinor
    currency = product.currency
    if let name = product.categoryPath.last {
      var reference = CategoryReference()
      reference.id = product.categoryID
      reference.name = name
      reference.path = product.categoryPath.joined(separator: " / ")
      category = reference
    }
    categories = product.categoryPath
    brand = product.brand
    images = product.images
    attributes = product.attributes
    let levels = try Inventory.levels(reader, productID: product.id)
    stock = try Inventory.total(levels.map(\.available))
    inStock = stock > 0
    variants = try product.variants.map { variant in
      var view = VariantView()
      view.id = variant.id
      view.name = variant.name
      view.sku = variant.sku
      view.price = Amount(minor: variant.priceMinor, digits: digits)
      view.priceMinor = variant.priceMinor
      view.attributes = variant.attributes
      view.inventory = try Inventory.total(
        levels.filter { $0.variantID == variant.id }.map(\.available))
      return view
    }
    if product.latitudeE7 != nil || !product.address.isEmpty {
      var place = PlaceView()
      place.latitude = product.latitudeE7.map { Double($0) / 1e7 }
      place.longitude = product.longitudeE7.map { Double($0) / 1e7 }
      place.address = product.address
      place.city = product.city
      place.state = product.state
      place.zipCode = product.zipCode
      location = place
    }
    locationID = product.locationID
    seo.slug = product.slug
    seo.metaTitle = product.metaTitle
    seo.metaDescription = product.metaDescription
    seo.keywords = product.keywords
    status = product.status
    slug = product.slug
    version = product.version
    createdAt = product.createdAt
    updatedAt = product.updatedAt
  }
}

/// A page of products.
public struct ProductPage: Fields, Equatable {
  public var data: [ProductView] = []
  public var hasMore = false
  public var nextCursor: String?
  /// With `q`, for `POST /search/click`.
  public var searchID: String?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
    try visitor.field(4, "searchId", &searchID)
  }
}

/// The variants of a product.
public struct VariantList: Fields, Equatable {
  public var data: [VariantView] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}
