// Reservation: units held for an owner until they are paid for, given back, or too old. Table 25.
//
// Invariants
// 1. A level's `reserved` is the sum of the shares of the reservations that are held there.
// 2. Only `held` changes, once, to one of the other states.

import Bytes
import RecordStore

public enum ReservationState: String, FieldEnum {
  case held
  /// The units were sold.
  case committed
  case released
  case expired
}

public struct Reservation: Fields, Equatable {
  public var id = UUIDv7.zero
  /// What it is held for: a payment attempt, an order, a cart.
  public var ownerID = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var variantID = UUIDv7.zero
  public var quantity: Int64 = 0
  /// Where the units lie.
  public var shares: [StockShare] = []
  public var state = ReservationState.held
  public var createdAt = Timestamp.zero
  public var expiresAt = Timestamp.zero
  public var endedAt: Timestamp?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "ownerId", &ownerID)
    try visitor.field(3, "sellerId", &sellerID)
    try visitor.field(4, "productId", &productID)
    try visitor.field(5, "variantId", &variantID)
    try visitor.field(6, "quantity", &quantity)
    try visitor.field(7, "shares", &shares)
    try visitor.field(8, "state", &state)
    try visitor.field(9, "createdAt", &createdAt)
    try visitor.field(10, "expiresAt", &expiresAt)
    try visitor.field(11, "endedAt", &endedAt)
  }
}

extension Reservation: Record {
  public static let table = Table<Reservation>(
    number: 25, name: "reservations",
    indexes: [byOwner, bySeller, heldByVariant, heldByExpiry])

  public var primaryKey: [UInt8] { key(id) }

  public static let byOwner = Index<Reservation>(number: 1, name: "byOwner") {
    [key($0.ownerID)]
  }
  /// (seller, newest first)
  public static let bySeller = Index<Reservation>(number: 2, name: "bySeller") {
    [key($0.sellerID, Descending($0.createdAt))]
  }
  /// (variant, end) of what is held
  public static let heldByVariant = Index<Reservation>(number: 3, name: "heldByVariant") {
    $0.state == .held ? [key($0.variantID, $0.expiresAt)] : []
  }
  /// (end) of what is held
  public static let heldByExpiry = Index<Reservation>(number: 4, name: "heldByExpiry") {
    $0.state == .held ? [key($0.expiresAt)] : []
  }
}
