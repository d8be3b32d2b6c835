// StockLevel: how many units of a variant are at a location. Table 5.
//
// Invariants
// 1. `quantity` is the sum of the movements of (variant, location). Only `Inventory` writes either.
// 2. 0 <= reserved <= quantity.

import Bytes
import RecordStore

public struct StockLevel: Fields, Equatable {
  public var variantID = UUIDv7.zero
  public var locationID = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var productOrdinal: UInt32 = 0
  public var sellerID = UUIDv7.zero
  public var quantity: Int64 = 0
  /// Held for orders that are not paid yet.
  public var reserved: Int64 = 0
  /// Low from here on down; zero means that nobody wants to be told.
  public var reorderPoint: Int64 = 0
  public var version: Int64 = 0
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "variantId", &variantID)
    try visitor.field(2, "locationId", &locationID)
    try visitor.field(3, "productId", &productID)
    try visitor.field(4, "productOrdinal", &productOrdinal)
    try visitor.field(5, "sellerId", &sellerID)
    try visitor.field(6, "quantity", &quantity)
    try visitor.field(7, "reserved", &reserved)
    try visitor.field(8, "reorderPoint", &reorderPoint)
    try visitor.field(9, "version", &version)
    try visitor.field(10, "updatedAt", &updatedAt)
  }

  /// Units that can be sold.
  public var available: Int64 { quantity &- reserved }

  public var isLow: Bool { reorderPoint > 0 && available <= reorderPoint }
}

extension StockLevel: Record {
  public static let table = Table<StockLevel>(
    number: 5, name: "stockLevels", logsBeforeImages: true,
    indexes: [byProduct, byLocation, byLow])

  public var primaryKey: [UInt8] { key(variantID, locationID) }

  public static let byProduct = Index<StockLevel>(number: 1, name: "byProduct") {
    [key($0.productID)]
  }
  /// (location, product)
  public static let byLocation = Index<StockLevel>(number: 2, name: "byLocation") {
    [key($0.locationID, $0.productID)]
  }
  /// (seller, available less reorder point): the most urgent first
  public static let byLow = Index<StockLevel>(number: 3, name: "byLow") {
    $0.isLow ? [key($0.sellerID, $0.available &- $0.reorderPoint)] : []
  }
}

public enum StockMovementKind: String, FieldEnum {
  case sale
  case restock
  case adjustment
  case `return`
  /// Half of a move between two locations; both halves have one reference.
  case transfer
}

/// One change of one stock level, never changed afterwards. Table 6.
public struct StockMovement: Fields, Equatable {
  public var id = UUIDv7.zero
  public var variantID = UUIDv7.zero
  public var locationID = UUIDv7.zero
  public var kind = StockMovementKind.adjustment
  /// Signed: what the level's quantity changed by.
  public var quantity: Int64 = 0
  /// The order, return or import that caused it.
  public var referenceID: UUIDv7?
  public var notes = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "locationId", &locationID)
    try visitor.field(4, "kind", &kind)
    try visitor.field(5, "quantity", &quantity)
    try visitor.field(6, "referenceId", &referenceID)
    try visitor.field(7, "notes", &notes)
    try visitor.field(8, "createdAt", &createdAt)
  }
}

extension StockMovement: Record {
  public static let table = Table<StockMovement>(
    number: 6, name: "stockMovements", indexes: [byLevel, byReference])

  public var primaryKey: [UInt8] { key(id) }

  /// (variant, location), then in order of time, which is the order of identifiers
  public static let byLevel = Index<StockMovement>(number: 1, name: "byLevel") {
    [key($0.variantID, $0.locationID)]
  }
  public static let byReference = Index<StockMovement>(number: 2, name: "byReference") {
    $0.referenceID.map { [key($0)] } ?? []
  }
}
