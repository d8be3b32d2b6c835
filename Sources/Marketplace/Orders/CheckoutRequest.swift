// The bodies of POST /checkout, /checkout/quote and /orders.

import Bytes

/// How the buyer pays: a provider's token, never a card number.
public struct CheckoutPayment: Fields, Equatable {
  public var method = "card"
  /// The provider's token; empty when a way that was saved is named.
  public var token = ""
  public var methodID: UUIDv7?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "method", &method, .length(1...50))
    try visitor.field(
      2, "token", &token,
      .length(0...255).summary("The provider's token for this payment; or give `methodId`."))
    try visitor.field(
      3, "methodId", &methodID,
      FieldRules().summary("One of the buyer's saved payment methods, instead of a token."))
  }
}

/// POST /checkout.
public struct CheckoutRequest: Fields, Equatable {
  public var deliveryAddress = DeliveryAddress()
  public var payment = CheckoutPayment()
  /// What the buyer was shown; another total is refused instead of charged.
  public var expectedTotal: Amount?
  public var notes: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "deliveryAddress", &deliveryAddress, .required)
    try visitor.field(2, "payment", &payment, .required)
    try visitor.field(3, "expectedTotal", &expectedTotal)
    try visitor.field(4, "notes", &notes, .length(0...1000))
  }
}

/// POST /checkout/quote.
public struct QuoteRequest: Fields, Equatable {
  public var deliveryAddress = DeliveryAddress()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "deliveryAddress", &deliveryAddress, .required)
  }
}

/// POST /orders: a checkout that names what is bought instead of taking it from a cart.
public struct OrderRequest: Fields, Equatable {
  public var checkout = CheckoutRequest()
  /// For whom; the caller without it.
  public var userID: UUIDv7?
  public var items: [CartAddRequest] = []
  public var couponCode: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try checkout.visit(&visitor)
    try visitor.field(
      5, "userId", &userID, FieldRules().summary("For whom; administrators only."))
    try visitor.field(6, "items", &items, .count(1...Cart.itemsMax).required)
    try visitor.field(7, "couponCode", &couponCode, .length(1...50))
  }
}

/// One seller's part of a quote.
public struct QuotePartView: Fields, Equatable {
  public var sellerID = UUIDv7.zero
  public var pricing = PricingView()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sellerId", &sellerID)
    try visitor.field(2, "pricing", &pricing)
  }
}

/// What a checkout would cost now.
public struct QuoteView: Fields, Equatable {
  public var pricing = PricingView()
  /// One a seller.
  public var orders: [QuotePartView] = []
  public var coupon: OrderCoupon?

  public init() {}

  init(_ quote: Quote, _ coupon: Coupon?) {
    pricing = PricingView(quote.pricing)
    orders = quote.parts.map { part in
      var view = QuotePartView()
      view.sellerID = part.sellerID
      view.pricing = PricingView(part.pricing)
      return view
    }
    self.coupon = coupon.map { OrderCoupon($0) }
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "pricing", &pricing)
    try visitor.field(2, "orders", &orders)
    try visitor.field(3, "coupon", &coupon)
  }
}
