// CartView: a cart as the API shows it, with today's prices and stock.

import Bytes
import RecordStore

/// What a cart line shows of its product.
public struct CartProductView: Fields, Equatable {
  public var title = ""
  public var image = ""
  public var sellerID = UUIDv7.zero
  public var inStock = false
  /// The most that the line's quantity can be now.
  public var maxQuantity: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "title", &title)
    try visitor.field(2, "image", &image)
    try visitor.field(3, "sellerId", &sellerID)
    try visitor.field(4, "inStock", &inStock)
    try visitor.field(5, "maxQuantity", &maxQuantity)
  }
}

public struct CartItemView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var variantID = UUIDv7.zero
  public var quantity: Int64 = 0
  /// Of one unit.
  public var price: Amount = 0
  public var product = CartProductView()
  public var addedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "variantId", &variantID)
    try visitor.field(4, "quantity", &quantity)
    try visitor.field(5, "price", &price)
    try visitor.field(6, "product", &product)
    try visitor.field(7, "addedAt", &addedAt)
  }
}

public struct CartTotalsView: Fields, Equatable {
  public var subtotal: Amount = 0
  public var estimatedTax: Amount = 0
  public var estimatedDelivery: Amount = 0
  public var total: Amount = 0
  public var discount: Amount = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "subtotal", &subtotal)
    try visitor.field(2, "estimatedTax", &estimatedTax)
    try visitor.field(3, "estimatedDelivery", &estimatedDelivery)
    try visitor.field(4, "total", &total)
    try visitor.field(5, "discount", &discount)
  }
}

/// The coupon of a cart, and whether it takes something off now.
public struct CartCouponView: Fields, Equatable {
  public var code = ""
  public var discount: Amount = 0
  public var isValid = true
  /// Why not.
  public var message: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code)
    try visitor.field(2, "discount", &discount)
    try visitor.field(3, "isValid", &isValid)
    try visitor.field(4, "message", &message)
  }
}

public struct CartView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var items: [CartItemView] = []
  /// Of what is for sale; a line whose product is gone adds nothing.
  public var totals = CartTotalsView()
  public var currency = ""
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  public var coupons: [CartCouponView] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "items", &items)
    try visitor.field(4, "totals", &totals)
    try visitor.field(5, "currency", &currency)
    try visitor.field(6, "createdAt", &createdAt)
    try visitor.field(7, "updatedAt", &updatedAt)
    try visitor.field(8, "coupons", &coupons)
  }
}
