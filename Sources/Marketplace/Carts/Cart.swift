// Cart: what a user or a guest means to buy. One each; prices are not kept, they are looked up.
//
// Invariants
// 1. A variant is in a cart at most once; adding it again adds to its quantity.
// 2. 1 ≤ quantity ≤ 999, and never more than was available when it was last set.
// 3. All products of a cart have one currency.
// 4. A guest's cart goes when nobody has touched it for 30 days, a few at a time as others come.

import Bytes
import RecordStore

/// One line of a cart.
public struct CartItem: Fields, Equatable {
  public var id = UUIDv7.zero
  public var productID = UUIDv7.zero
  /// The product's own id when it has no variants.
  public var variantID = UUIDv7.zero
  public var quantity: Int64 = 0
  public var addedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "variantId", &variantID)
    try visitor.field(4, "quantity", &quantity)
    try visitor.field(5, "addedAt", &addedAt)
  }
}

/// The cart of a user, or of a guest under the guest's id. Table 9.
public struct Cart: Record, Equatable {
  /// Lines in one cart, so that a checkout stays one short transaction.
  public static let itemsMax = 200
  public static let quantityMax: Int64 = 999

  public var userID = UUIDv7.zero
  public var id = UUIDv7.zero
  public var items: [CartItem] = []
  public var version: Int64 = 0
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  public var couponCode: String?
  public var isGuest = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "userId", &userID)
    try visitor.field(2, "id", &id)
    try visitor.field(3, "items", &items)
    try visitor.field(4, "version", &version)
    try visitor.field(5, "createdAt", &createdAt)
    try visitor.field(6, "updatedAt", &updatedAt)
    try visitor.field(7, "couponCode", &couponCode)
    try visitor.field(8, "isGuest", &isGuest)
  }

  public static let table = Table<Cart>(number: 9, name: "carts", indexes: [byGuestTime])
  /// Guests' carts by the last change.
  public static let byGuestTime = Index<Cart>(number: 1, name: "byGuestTime") {
    $0.isGuest ? [key($0.updatedAt)] : []
  }
  public var primaryKey: [UInt8] { key(userID) }
}

/// POST /cart/add.
public struct CartAddRequest: Fields, Equatable {
  public var productID = UUIDv7.zero
  public var variantID: UUIDv7?
  public var quantity: Int64 = 1

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID, .required)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "quantity", &quantity, .range(1...Cart.quantityMax).required)
  }
}

/// PUT /cart/update.
public struct CartUpdateRequest: Fields, Equatable {
  public var itemID = UUIDv7.zero
  public var quantity: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "itemId", &itemID, .required)
    try visitor.field(2, "quantity", &quantity, .range(1...Cart.quantityMax).required)
  }
}

/// DELETE /cart/remove; `?itemId=` says the same.
public struct CartRemoveRequest: Fields, Equatable {
  public var itemID = UUIDv7.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "itemId", &itemID, .required)
  }
}
