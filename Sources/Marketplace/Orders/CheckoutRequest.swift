// The body of POST /checkout.

import Bytes

/// How the buyer pays: a provider's token, never a card number.
public struct CheckoutPayment: Fields, Equatable {
  public var method = "card"
  public var token = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "method", &method, .length(1...50))
    try visitor.field(2, "token", &token, .length(1...255).required)
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
