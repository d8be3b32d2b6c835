// OrderView: an order as the API shows it, whole to its buyer, a part to a seller.

import Bytes
import RecordStore

public struct PricingView: Fields, Equatable {
  public var subtotal: Amount = 0
  public var tax: Amount = 0
  public var deliveryFee: Amount = 0
  public var discount: Amount = 0
  public var total: Amount = 0
  public var currency = ""

  public init() {}

  public init(_ pricing: Pricing) {
    let digits = Currency.digits(pricing.currency)
    subtotal = Amount(minor: pricing.subtotalMinor, digits: digits)
    tax = Amount(minor: pricing.taxMinor, digits: digits)
    deliveryFee = Amount(minor: pricing.deliveryFeeMinor, digits: digits)
    discount = Amount(minor: pricing.discountMinor, digits: digits)
    total = Amount(minor: pricing.totalMinor, digits: digits)
    currency = pricing.currency
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "subtotal", &subtotal)
    try visitor.field(2, "tax", &tax)
    try visitor.field(3, "deliveryFee", &deliveryFee)
    try visitor.field(4, "discount", &discount)
    try visitor.field(5, "total", &total)
    try visitor.field(6, "currency", &currency)
  }
}

public struct OrderItemView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var productID = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  public var productName = ""
  public var productImage = ""
  public var variantID = UUIDv7.zero
  public var quantity: Int64 = 0
  public var unitPrice: Amount = 0
  public var totalPrice: Amount = 0
  public var status = OrderStatus.pending

  public init() {}

  public init(_ item: OrderItem, currency: String, status: OrderStatus) {
    let digits = Currency.digits(currency)
    id = item.id
    productID = item.productID
    sellerID = item.sellerID
    productName = item.productName
    productImage = item.productImage
    variantID = item.variantID
    quantity = item.quantity
    unitPrice = Amount(minor: item.unitPriceMinor, digits: digits)
    totalPrice = Amount(minor: item.totalMinor, digits: digits)
    self.status = status
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "sellerId", &sellerID)
    try visitor.field(4, "productName", &productName)
    try visitor.field(5, "productImage", &productImage)
    try visitor.field(6, "variantId", &variantID)
    try visitor.field(7, "quantity", &quantity)
    try visitor.field(8, "unitPrice", &unitPrice)
    try visitor.field(9, "totalPrice", &totalPrice)
    try visitor.field(10, "status", &status)
  }
}

public struct SellerOrderView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var orderNumber = ""
  public var sellerID = UUIDv7.zero
  public var status = OrderStatus.pending
  public var items: [OrderItemView] = []
  public var pricing = PricingView()
  public var timeline: [OrderTimelineEntry] = []

  public init() {}

  public init(_ part: SellerOrder, of order: Order) {
    id = part.id
    orderNumber = part.orderNumber
    sellerID = part.sellerID
    status = part.status
    items = order.items.filter { $0.sellerOrderID == part.id }.map {
      OrderItemView($0, currency: order.pricing.currency, status: part.status)
    }
    pricing = PricingView(part.pricing)
    timeline = part.timeline
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderNumber", &orderNumber)
    try visitor.field(3, "sellerId", &sellerID)
    try visitor.field(4, "status", &status)
    try visitor.field(5, "items", &items)
    try visitor.field(6, "pricing", &pricing)
    try visitor.field(7, "timeline", &timeline)
  }
}

public struct OrderDeliveryView: Fields, Equatable {
  public var address = DeliveryAddress()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "address", &address)
  }
}

public struct OrderView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var orderNumber = ""
  public var buyerID = UUIDv7.zero
  public var status = OrderStatus.pending
  public var items: [OrderItemView] = []
  public var pricing = PricingView()
  /// One a seller.
  public var orders: [SellerOrderView] = []
  /// Nil for a seller, whom the buyer's payment does not concern.
  public var payment: OrderPayment?
  public var delivery = OrderDeliveryView()
  public var timeline: [OrderTimelineEntry] = []
  public var notes: String?
  public var cancellation: OrderCancellation?
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero
  public var coupon: OrderCoupon?

  public init() {}

  /// The whole order, as its buyer and administrators see it.
  public init(_ order: Order, parts: [SellerOrder]) {
    id = order.id
    orderNumber = order.orderNumber
    buyerID = order.buyerID
    status = order.status
    orders = parts.map { SellerOrderView($0, of: order) }
    let status = Dictionary(
      parts.map { ($0.id, $0.status) }, uniquingKeysWith: { first, _ in first })
    items = order.items.map {
      OrderItemView(
        $0, currency: order.pricing.currency, status: status[$0.sellerOrderID] ?? order.status)
    }
    pricing = PricingView(order.pricing)
    payment = order.payment
    delivery.address = order.address
    timeline = order.timeline
    notes = order.notes
    cancellation = order.cancellation
    createdAt = order.createdAt
    updatedAt = order.updatedAt
    coupon = order.coupon
  }

  /// One seller's part, in the same shape: number, state, lines and amounts are the part's.
  public init(part: SellerOrder, of order: Order) {
    let view = SellerOrderView(part, of: order)
    id = part.id
    orderNumber = part.orderNumber
    buyerID = order.buyerID
    status = part.status
    items = view.items
    pricing = view.pricing
    orders = [view]
    delivery.address = order.address
    timeline = part.timeline
    notes = order.notes
    cancellation = order.cancellation
    createdAt = part.createdAt
    updatedAt = part.updatedAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderNumber", &orderNumber)
    try visitor.field(3, "buyerId", &buyerID)
    try visitor.field(4, "status", &status)
    try visitor.field(5, "items", &items)
    try visitor.field(6, "pricing", &pricing)
    try visitor.field(7, "orders", &orders)
    try visitor.field(8, "payment", &payment)
    try visitor.field(9, "delivery", &delivery)
    try visitor.field(10, "timeline", &timeline)
    try visitor.field(11, "notes", &notes)
    try visitor.field(12, "cancellation", &cancellation)
    try visitor.field(13, "createdAt", &createdAt)
    try visitor.field(14, "updatedAt", &updatedAt)
    try visitor.field(15, "coupon", &coupon)
  }
}
