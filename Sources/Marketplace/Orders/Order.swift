// Order and SellerOrder: what a buyer bought, and each seller's part of it.
//
// An Order is what the buyer sees and pays: all lines, one price. It is split into one SellerOrder a
// seller, which has its own number, price and way through the states. Lines keep the name and price
// of the moment of purchase: what becomes of the product later does not change an order.
//
// Identities, in minor units of the order's currency
// 1. Σ items.total = pricing.subtotal, and the same within each part.
// 2. subtotal + tax + deliveryFee − discount = total, for the order and for each part.
// 3. Σ parts of any of the five amounts = that amount of the order.

import Bytes
import RecordStore

public enum OrderStatus: String, FieldEnum {
  case pending, confirmed, processing, shipped, delivered, completed, cancelled, refunded
}

public enum PaymentStatus: String, FieldEnum {
  case pending, processing, completed, failed, refunded
  case inEscrow = "in_escrow"
}

/// Where an order goes.
public struct DeliveryAddress: Fields, Equatable {
  public var street = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var country = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "street", &street, .length(1...255).required)
    try visitor.field(2, "city", &city, .length(1...100).required)
    try visitor.field(3, "state", &state, .length(0...100))
    try visitor.field(4, "zipCode", &zipCode, .length(1...20).required)
    try visitor.field(5, "country", &country, .format("country").required)
  }
}

/// A line of an order.
public struct OrderItem: Fields, Equatable {
  public var id = UUIDv7.zero
  public var sellerOrderID = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var variantID = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  public var productName = ""
  public var productImage = ""
  public var quantity: Int64 = 0
  public var unitPriceMinor: Int64 = 0
  public var totalMinor: Int64 = 0
  /// Where its units were taken from, so that a cancelled line goes back there.
  public var shares: [StockShare] = []
  /// Its share of the order's discount, and the tax on what is left.
  public var discountMinor: Int64 = 0
  public var taxMinor: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "sellerOrderId", &sellerOrderID)
    try visitor.field(3, "productId", &productID)
    try visitor.field(4, "variantId", &variantID)
    try visitor.field(5, "sellerId", &sellerID)
    try visitor.field(6, "productName", &productName)
    try visitor.field(7, "productImage", &productImage)
    try visitor.field(8, "quantity", &quantity)
    try visitor.field(9, "unitPriceMinor", &unitPriceMinor)
    try visitor.field(10, "totalMinor", &totalMinor)
    try visitor.field(11, "shares", &shares)
    try visitor.field(12, "discountMinor", &discountMinor)
    try visitor.field(13, "taxMinor", &taxMinor)
  }
}

/// The five amounts of an order or a part of one, in minor units.
public struct Pricing: Fields, Equatable {
  public var subtotalMinor: Int64 = 0
  public var taxMinor: Int64 = 0
  public var deliveryFeeMinor: Int64 = 0
  public var discountMinor: Int64 = 0
  public var totalMinor: Int64 = 0
  public var currency = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "subtotalMinor", &subtotalMinor)
    try visitor.field(2, "taxMinor", &taxMinor)
    try visitor.field(3, "deliveryFeeMinor", &deliveryFeeMinor)
    try visitor.field(4, "discountMinor", &discountMinor)
    try visitor.field(5, "totalMinor", &totalMinor)
    try visitor.field(6, "currency", &currency)
  }
}

/// When an order entered a state.
public struct OrderTimelineEntry: Fields, Equatable {
  public var status = OrderStatus.pending
  public var timestamp = Timestamp.zero
  public var notes: String?

  public init() {}

  public init(_ status: OrderStatus, at timestamp: Timestamp, notes: String? = nil) {
    self.status = status
    self.timestamp = timestamp
    self.notes = notes
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "status", &status)
    try visitor.field(2, "timestamp", &timestamp)
    try visitor.field(3, "notes", &notes)
  }
}

/// How an order is paid.
public struct OrderPayment: Fields, Equatable {
  public var method = ""
  public var status = PaymentStatus.pending
  public var transactionID = UUIDv7.zero
  public var paidAt: Timestamp?
  /// What the buyer must do for the payment to go on.
  public var action: PaymentAction?
  public var refundedMinor: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "method", &method)
    try visitor.field(2, "status", &status)
    try visitor.field(3, "transactionId", &transactionID)
    try visitor.field(4, "paidAt", &paidAt)
    try visitor.field(5, "action", &action)
    try visitor.field(6, "refundedMinor", &refundedMinor)
  }
}

/// A step that the buyer's bank asks for.
public struct PaymentAction: Fields, Equatable {
  /// `challenge`.
  public var type = "challenge"
  /// Where to post the answer.
  public var url = ""
  public var expiresAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "type", &type)
    try visitor.field(2, "url", &url)
    try visitor.field(3, "expiresAt", &expiresAt)
  }
}

/// The coupon that an order has used.
public struct OrderCoupon: Fields, Equatable {
  public var code = ""
  /// Whose it was; nil for the marketplace's.
  public var sellerID: UUIDv7?

  public init() {}

  public init(_ coupon: Coupon) {
    code = coupon.code
    sellerID = coupon.sellerID
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code)
    try visitor.field(2, "sellerId", &sellerID)
  }
}

/// Why and by whom an order was cancelled.
public struct OrderCancellation: Fields, Equatable {
  public var reason = ""
  public var cancelledBy = UUIDv7.zero
  public var cancelledAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "reason", &reason)
    try visitor.field(2, "cancelledBy", &cancelledBy)
    try visitor.field(3, "cancelledAt", &cancelledAt)
  }
}

/// A purchase as its buyer sees it. Table 10.
public struct Order: Record, Equatable {
  public var id = UUIDv7.zero
  public var orderNumber = ""
  public var buyerID = UUIDv7.zero
  public var status = OrderStatus.pending
  public var items: [OrderItem] = []
  public var pricing = Pricing()
  public var payment = OrderPayment()
  public var address = DeliveryAddress()
  public var timeline: [OrderTimelineEntry] = []
  public var notes: String?
  public var cancellation: OrderCancellation?
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  public var coupon: OrderCoupon?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderNumber", &orderNumber)
    try visitor.field(3, "buyerId", &buyerID)
    try visitor.field(4, "status", &status)
    try visitor.field(5, "items", &items)
    try visitor.field(6, "pricing", &pricing)
    try visitor.field(7, "payment", &payment)
    try visitor.field(8, "address", &address)
    try visitor.field(9, "timeline", &timeline)
    try visitor.field(10, "notes", &notes)
    try visitor.field(11, "cancellation", &cancellation)
    try visitor.field(12, "version", &version)
    try visitor.field(13, "createdAt", &createdAt)
    try visitor.field(14, "updatedAt", &updatedAt)
    try visitor.field(15, "coupon", &coupon)
  }

  public static let table = Table<Order>(
    number: 10, name: "orders", indexes: [byNumber, byBuyer])
  /// Orders that are paid, or have been; the others have no number.
  public static let byNumber = Index<Order>(number: 1, name: "byNumber", isUnique: true) {
    $0.orderNumber.isEmpty ? [] : [key($0.orderNumber)]
  }
  /// In order of the identifiers, which is the order of purchase.
  public static let byBuyer = Index<Order>(number: 2, name: "byBuyer") { [key($0.buyerID)] }
  public var primaryKey: [UInt8] { key(id) }
}

/// One seller's part of an order. Table 11.
public struct SellerOrder: Record, Equatable {
  public var id = UUIDv7.zero
  public var orderID = UUIDv7.zero
  public var orderNumber = ""
  public var sellerID = UUIDv7.zero
  public var status = OrderStatus.pending
  public var pricing = Pricing()
  public var timeline: [OrderTimelineEntry] = []
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  /// What the marketplace keeps of the goods' price.
  public var commissionMinor: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderId", &orderID)
    try visitor.field(3, "orderNumber", &orderNumber)
    try visitor.field(4, "sellerId", &sellerID)
    try visitor.field(5, "status", &status)
    try visitor.field(6, "pricing", &pricing)
    try visitor.field(7, "timeline", &timeline)
    try visitor.field(8, "version", &version)
    try visitor.field(9, "createdAt", &createdAt)
    try visitor.field(10, "updatedAt", &updatedAt)
    try visitor.field(11, "commissionMinor", &commissionMinor)
  }

  public static let table = Table<SellerOrder>(
    number: 11, name: "sellerOrders", indexes: [byOrder, bySeller])
  public static let byOrder = Index<SellerOrder>(number: 1, name: "byOrder") {
    [key($0.orderID)]
  }
  public static let bySeller = Index<SellerOrder>(number: 2, name: "bySeller") {
    [key($0.sellerID)]
  }
  public var primaryKey: [UInt8] { key(id) }
}

/// A number that counts up, by name. Table 16.
public struct Counter: Record, Equatable {
  public var name = ""
  public var value: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "value", &value)
  }

  public static let table = Table<Counter>(number: 16, name: "counters")
  public var primaryKey: [UInt8] { key(name) }
}
