// ProductInput: what a seller sends. One field list serves creating, where title, description and
// price must be there, and changing, where what is left out stays.

import Bytes
import TextSearch

public struct VariantInput: Fields, Equatable {
  /// The variant that is meant, when it exists already.
  public var id: UUIDv7?
  public var name = ""
  public var sku = ""
  public var price = Amount(minor: 0, digits: 0)
  public var attributes: [String: String] = [:]

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name, .length(1...255).required)
    try visitor.field(3, "sku", &sku, .length(0...100))
    try visitor.field(4, "price", &price, .amount(above: 0, to: 1_000_000).required)
    try visitor.field(5, "attributes", &attributes, .count(0...50))
  }
}

public struct PlaceInput: Fields, Equatable {
  /// WGS84 degrees.
  public var latitude = 0.0
  public var longitude = 0.0
  public var address = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "latitude", &latitude, .range(-90...90).required)
    try visitor.field(2, "longitude", &longitude, .range(-180...180).required)
    try visitor.field(3, "address", &address, .length(0...500))
    try visitor.field(4, "city", &city, .length(0...100))
    try visitor.field(5, "state", &state, .length(0...100))
    try visitor.field(6, "zipCode", &zipCode, .length(0...20))
  }

  var point: GeoPoint? {
    GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
  }
}

public struct SEOInput: Fields, Equatable {
  public var slug: String?
  public var metaTitle: String?
  public var metaDescription: String?
  public var keywords: [String]?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "slug", &slug, .format("slug").bounded(1...Slug.lengthMax))
    try visitor.field(2, "metaTitle", &metaTitle, .length(0...255))
    try visitor.field(3, "metaDescription", &metaDescription, .length(0...500))
    try visitor.field(4, "keywords", &keywords, .count(0...50))
  }
}

extension FieldRules {
  func bounded(_ bounds: ClosedRange<Int>) -> FieldRules {
    var rules = self
    rules.length = bounds
    return rules
  }
  func required(_ isRequired: Bool) -> FieldRules { isRequired ? required : self }
  func counted(_ bounds: ClosedRange<Int>) -> FieldRules {
    var rules = self
    rules.count = bounds
    return rules
  }
}

/// PUT and PATCH /products/{id}: what is left out stays.
public struct ProductChange: Fields, Equatable {
  public var title: String?
  public var description: String?
  public var price: Amount?
  public var currency: String?
  /// Identifier, slug or name of a category.
  public var category: String?
  public var brand: String?
  public var images: [String]?
  public var attributes: [String: String] = [:]
  public var variants: [VariantInput]?
  public var location: PlaceInput?
  public var locationID: UUIDv7?
  public var seo: SEOInput?
  public var status: ProductStatus?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visit(&visitor, isNew: false)
  }

  mutating func visit(
    _ visitor: inout some FieldVisitor, isNew: Bool
  ) throws(FieldError) {
    try visitor.field(1, "title", &title, .length(3...255).required(isNew))
    try visitor.field(2, "description", &description, .length(10...5000).required(isNew))
    try visitor.field(
      3, "price", &price, .amount(above: 0, to: 1_000_000).required(isNew))
    try visitor.field(4, "currency", &currency, .format("currency"))
    try visitor.field(
      5, "category", &category, .length(1...255).summary("Identifier, slug or name."))
    try visitor.field(6, "brand", &brand, .length(0...100))
    try visitor.field(7, "images", &images, .format("uri").counted(0...10))
    try visitor.field(8, "attributes", &attributes, .count(0...50))
    try visitor.field(9, "variants", &variants, .count(0...100))
    try visitor.field(10, "location", &location)
    try visitor.field(11, "locationId", &locationID)
    try visitor.field(12, "seo", &seo)
    try visitor.field(
      13, "status", &status,
      FieldRules().summary("An active product needs an image and a place."))
  }
}

/// POST /products.
public struct ProductInput: Fields, Equatable {
  public var content = ProductChange()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try content.visit(&visitor, isNew: true)
  }
}
