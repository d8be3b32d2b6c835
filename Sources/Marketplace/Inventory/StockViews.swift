// What is asked and answered about stock.

import Bytes
import RecordStore

public struct StockLevelView: Fields, Equatable {
  public var variantID = UUIDv7.zero
  public var locationID = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var quantity: Int64 = 0
  public var reserved: Int64 = 0
  public var available: Int64 = 0
  public var reorderPoint: Int64 = 0
  public var version: Int64 = 0
  public var updatedAt = Timestamp.zero

  public init() {}

  public init(_ level: StockLevel) {
    variantID = level.variantID
    locationID = level.locationID
    productID = level.productID
    quantity = level.quantity
    reserved = level.reserved
    available = level.available
    reorderPoint = level.reorderPoint
    version = level.version
    updatedAt = level.updatedAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "variantId", &variantID)
    try visitor.field(2, "locationId", &locationID)
    try visitor.field(3, "productId", &productID)
    try visitor.field(4, "quantity", &quantity)
    try visitor.field(5, "reserved", &reserved)
    try visitor.field(6, "available", &available)
    try visitor.field(7, "reorderPoint", &reorderPoint)
    try visitor.field(8, "version", &version)
    try visitor.field(9, "updatedAt", &updatedAt)
  }
}

public struct ProductStockView: Fields, Equatable {
  public var productID = UUIDv7.zero
  public var total: Int64 = 0
  public var inStock = false
  public var levels: [StockLevelView] = []

  public init() {}

  public init(productID: UUIDv7, _ reader: some RecordReader) throws {
    let stored = try Inventory.levels(reader, productID: productID)
    self.productID = productID
    total = try Inventory.total(stored.map(\.available))
    inStock = total > 0
    levels = stored.map(StockLevelView.init)
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID)
    try visitor.field(2, "total", &total)
    try visitor.field(3, "inStock", &inStock)
    try visitor.field(4, "levels", &levels)
  }
}

public struct StockPage: Fields, Equatable {
  public var data: [StockLevelView] = []
  public var hasMore = false
  public var nextCursor: String?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

/// PUT /inventory/product/{productId}.
public struct StockSetRequest: Fields, Equatable {
  /// The product itself when left out.
  public var variantID: UUIDv7?
  /// The product's own place when left out.
  public var locationID: UUIDv7?
  public var quantity: Int64 = 0
  public var reorderPoint: Int64?
  public var expectedVersion: Int64?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "variantId", &variantID)
    try visitor.field(2, "locationId", &locationID)
    try visitor.field(3, "quantity", &quantity, .range(0...1_000_000_000).required)
    try visitor.field(4, "reorderPoint", &reorderPoint, .range(0...1_000_000_000))
    try visitor.field(5, "expectedVersion", &expectedVersion)
  }
}

/// POST /inventory/adjust.
public struct StockAdjustRequest: Fields, Equatable {
  public var productID = UUIDv7.zero
  public var variantID: UUIDv7?
  public var locationID: UUIDv7?
  public var delta: Int64 = 0
  public var reason = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID, .required)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "locationId", &locationID)
    try visitor.field(
      4, "delta", &delta, .range(-1_000_000_000...1_000_000_000).required.summary("Signed."))
    try visitor.field(5, "reason", &reason, .length(1...500).required)
  }
}

extension Inventory {
  public static func set(
    _ transaction: Transaction, productID: UUIDv7, _ request: StockSetRequest,
    expectedVersion: Int64?, by actor: CatalogActor
  ) throws -> ProductStockView {
    let place = try place(
      transaction, productID, request.variantID, request.locationID, by: actor)
    try set(
      transaction, variantID: place.variantID, locationID: place.locationID,
      quantity: request.quantity, reorderPoint: request.reorderPoint,
      expectedVersion: request.expectedVersion ?? expectedVersion)
    return try ProductStockView(productID: productID, transaction)
  }

  public static func adjust(
    _ transaction: Transaction, _ request: StockAdjustRequest, by actor: CatalogActor
  ) throws -> StockLevelView {
    let place = try place(
      transaction, request.productID, request.variantID, request.locationID, by: actor)
    return StockLevelView(
      try adjust(
        transaction, variantID: place.variantID, locationID: place.locationID,
        delta: request.delta, notes: request.reason))
  }

  /// Where a request means, with what it leaves out filled in.
  static func place(
    _ transaction: Transaction, _ productID: UUIDv7, _ variantID: UUIDv7?,
    _ locationID: UUIDv7?, by actor: CatalogActor
  ) throws -> (variantID: UUIDv7, locationID: UUIDv7) {
    let product = try Catalog.owned(transaction, id: productID, nil, by: actor)
    let variantID = try sellable(product, variantID)
    if let locationID = locationID ?? product.locationID { return (variantID, locationID) }
    if let primary = try Locations.primary(transaction, sellerID: product.sellerID) {
      return (variantID, primary.id)
    }
    return (variantID, try Locations.makePrimary(transaction, like: product).id)
  }

  /// The levels at a location, by product, `limit` of them after `position`.
  public static func page(
    _ reader: some RecordReader, locationID: UUIDv7, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> StockPage {
    try page(
      reader, StockLevel.byLocation, prefix: key(locationID), limit: limit, cursor: cursor,
      filter: "stock|\(locationID)", cursors)
  }

  /// What is at or below its reorder point, most urgent first. Nil: of all sellers, by seller.
  public static func lowStock(
    _ reader: some RecordReader, sellerID: UUIDv7?, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> StockPage {
    try page(
      reader, StockLevel.byLow, prefix: sellerID.map { key($0) } ?? [], limit: limit,
      cursor: cursor, filter: "low|\(sellerID?.description ?? "")", cursors)
  }

  private static func page(
    _ reader: some RecordReader, _ index: Index<StockLevel>, prefix: [UInt8], limit: Int,
    cursor: String?, filter: String, _ cursors: PageCursors
  ) throws -> StockPage {
    let list = try IndexPage.read(
      reader, index, prefix: prefix, limit: limit, cursor: cursor, filter: filter, cursors)
    var page = StockPage()
    page.data = list.rows.map(StockLevelView.init)
    page.hasMore = list.next != nil
    page.nextCursor = list.next
    return page
  }
}
