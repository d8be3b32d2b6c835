// Asking for the money of an order that is pending: by checkout, and again by a buyer whose first way
// of paying has not come to anything.
//
// Invariant: an order has one open attempt at most. Another one begins when the provider has said that
// the one before it will never be charged.

import Bytes
import RecordStore

/// POST /payments/process.
public struct PaymentRequest: Fields, Equatable {
  public var orderID = UUIDv7.zero
  public var payment = CheckoutPayment()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID, .required)
    try visitor.field(2, "payment", &payment, .required)
  }
}

extension Settlement {
  /// Asks for the charge, and answers the provider's reference; nil when the answer is to come, with
  /// an attempt on record. The caller writes the order. Throws BIZ_5003 or EXT_6001.
  static func charge(
    _ transaction: Transaction, _ order: inout Order, attempt: UInt32, token: String,
    provider: any PaymentProvider
  ) throws -> String? {
    let outcome = try provider.charge(
      transaction, key: PaymentAttempt.providerKey(orderID: order.id, attempt: attempt),
      amount: Money(minor: order.pricing.totalMinor, currency: order.pricing.currency),
      token: token)
    switch outcome {
    case .succeeded(let reference): return reference
    case .declined(let reason):
      throw MarketError(
        .paymentFailed, "The payment was declined. Nothing was charged or ordered.",
        details: .object([.init("reason", .string(reason))]))
    case .unavailable:
      throw MarketError(
        .paymentGateway,
        "The payment provider did not answer. Nothing was charged or ordered; try again.")
    case .challenge, .processing:
      let record = newAttempt(orderID: order.id, attempt: attempt, at: transaction.time)
      try transaction.insert(record)
      order.payment.status = .processing
      if outcome == .challenge {
        var action = PaymentAction()
        action.url = "/payments/challenge/\(order.id)"
        action.expiresAt = record.expiresAt
        order.payment.action = action
      }
      return nil
    }
  }

  /// Pays an order that still waits for its payment in another way. What was asked before is given up
  /// first; had it been charged meanwhile, the order is paid by that, and nothing more is charged.
  ///
  /// Errors: RES_4001 unless the caller is the buyer; RES_4003 for an order that waits for no
  /// payment (`not_payable`), or whose charge may still come (`payment_in_flight`); BIZ_5003 and
  /// EXT_6001 as checkout, after which all is as it was.
  public static func pay(
    _ transaction: Transaction, _ request: PaymentRequest, caller: Caller,
    provider: any PaymentProvider, policies: OrderPolicies
  ) throws -> OrderView {
    guard let found = try transaction.get(Order.self, key(request.orderID)),
      found.buyerID == caller.userID
    else { throw MarketError.notFound("order") }
    guard found.status == .pending else {
      throw MarketError.conflict(
        "The order is \(found.status.rawValue) and waits for no payment.", reason: "not_payable")
    }
    var order = try stop(transaction, found, provider: provider, policies: policies)
    guard order.status == .pending else {
      return try Orders.view(transaction, id: order.id, caller: caller)
    }
    guard try open(transaction, order.id) == nil else {
      throw MarketError.conflict(
        "The payment that was begun can neither be stopped nor be told yet. Ask again later.",
        reason: "payment_in_flight")
    }
    let attempts = try transaction.all(PaymentAttempt.self, KeyRange(prefix: key(order.id)))
    order.payment = OrderPayment()
    order.payment.method = request.payment.method
    let reference = try charge(
      transaction, &order, attempt: (attempts.last?.attempt ?? 0) + 1,
      token: request.payment.token, provider: provider)
    var parts = try Orders.parts(transaction, of: order.id)
    if let reference {
      try confirm(
        transaction, &order, &parts, reference: reference, provider: provider, policies: policies)
    }
    try Orders.save(transaction, &order, parts)
    return try Orders.view(transaction, id: order.id, caller: caller)
  }
}
