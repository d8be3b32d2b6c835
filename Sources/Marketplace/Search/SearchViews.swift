// What a search answers.

import Bytes
import TextSearch

public struct SearchHit: Fields, Equatable {
  public var id = UUIDv7.zero
  public var title = ""
  public var price = Amount(minor: 0, digits: 0)
  public var currency = ""
  public var priceMinor: Int64 = 0
  public var slug = ""
  public var image: String?
  public var sellerID = UUIDv7.zero
  public var stock: Int64 = 0
  /// From the given place, in the unit that was asked for.
  public var distance: Double?
  public var score = 0.0
  /// With `highlight=true`, where something was matched.
  public var highlights: SearchHighlights?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "title", &title)
    try visitor.field(3, "price", &price)
    try visitor.field(4, "currency", &currency)
    try visitor.field(5, "priceMinor", &priceMinor)
    try visitor.field(6, "slug", &slug)
    try visitor.field(7, "image", &image)
    try visitor.field(8, "sellerId", &sellerID)
    try visitor.field(9, "stock", &stock)
    try visitor.field(10, "distance", &distance)
    try visitor.field(11, "score", &score)
    try visitor.field(12, "highlights", &highlights)
  }
}

/// Parts of a product's texts with the matched words between `<mark>` and `</mark>`; everything else in
/// them is escaped, so that they can stand in a page as they are.
public struct SearchHighlights: Fields, Equatable {
  public var title: [String] = []
  public var category: [String] = []
  public var description: [String] = []

  public init() {}

  /// Nil where nothing was matched.
  init?(_ parts: [String: [String]]) {
    guard !parts.isEmpty else { return nil }
    title = parts["title"] ?? []
    category = parts["category"] ?? []
    description = parts["description"] ?? []
  }

  static let style: TextHighlight = {
    var style = TextHighlight(["title", "category", "description"])
    style.before = "<mark>"
    style.after = "</mark>"
    style.fragmentLength = 160
    style.fragmentCount = 2
    return style
  }()

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "title", &title)
    try visitor.field(2, "category", &category)
    try visitor.field(3, "description", &description)
  }
}

public struct FacetValue: Fields, Equatable {
  public var name = ""
  public var count: Int64 = 0
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "count", &count)
  }
}

/// `from` is included, `to` is not.
public struct PriceRange: Fields, Equatable {
  public var from: Int64?
  public var to: Int64?
  public var count: Int64 = 0
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "from", &from)
    try visitor.field(2, "to", &to)
    try visitor.field(3, "count", &count)
  }
}

public struct SearchFacets: Fields, Equatable {
  public var categories: [FacetValue] = []
  public var brands: [FacetValue] = []
  public var priceRanges: [PriceRange] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "categories", &categories)
    try visitor.field(2, "brands", &brands)
    try visitor.field(3, "priceRanges", &priceRanges)
  }
}

public struct SearchPage: Fields, Equatable {
  public var data: [SearchHit] = []
  public var facets = SearchFacets()
  public var total: Int64 = 0
  public var hasMore = false
  public var nextCursor: String?
  /// For `POST /search/click`; on a search's first page.
  public var searchID: String?
  /// Other spellings that find something, where nothing has the words as they are spelt.
  public var didYouMean: [String] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "facets", &facets)
    try visitor.field(3, "total", &total)
    try visitor.field(4, "hasMore", &hasMore)
    try visitor.field(5, "nextCursor", &nextCursor)
    try visitor.field(6, "searchId", &searchID)
    try visitor.field(7, "didYouMean", &didYouMean)
  }
}
