// Refunds: part or all of a charge goes back, in the books as with the provider.
//
// Invariant: what was given back of a charge never exceeds it, and when all of it was, every account
// of the charge is back at what it was before.

import Bytes
import RecordStore

/// POST /payments/refund.
public struct RefundRequest: Fields, Equatable {
  public var orderID = UUIDv7.zero
  /// What is left of the charge when it is not given.
  public var amount: Amount?
  public var reason = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID, .required)
    try visitor.field(2, "amount", &amount, .amount(above: 0, to: 1_000_000_000))
    try visitor.field(3, "reason", &reason, .length(0...1000))
  }
}

/// A payment or a refund as the API shows it.
public struct PaymentView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var orderID = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var kind = PaymentTransactionKind.charge
  public var amount: Amount = 0
  public var refunded: Amount = 0
  public var currency = ""
  public var method = ""
  public var gateway = ""
  public var status = PaymentStatus.pending
  public var reason: String?
  public var createdAt = Timestamp.zero

  public init() {}

  public init(_ payment: PaymentTransaction) {
    let digits = Currency.digits(payment.currency)
    id = payment.id
    orderID = payment.orderID
    userID = payment.userID
    kind = payment.kind
    amount = Amount(minor: payment.amountMinor, digits: digits)
    refunded = Amount(minor: payment.refundedMinor, digits: digits)
    currency = payment.currency
    method = payment.method
    gateway = payment.gateway
    status = payment.status
    reason = payment.reason
    createdAt = payment.createdAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderId", &orderID)
    try visitor.field(3, "userId", &userID)
    try visitor.field(4, "kind", &kind)
    try visitor.field(5, "amount", &amount)
    try visitor.field(6, "refunded", &refunded)
    try visitor.field(7, "currency", &currency)
    try visitor.field(8, "method", &method)
    try visitor.field(9, "gateway", &gateway)
    try visitor.field(10, "status", &status)
    try visitor.field(11, "reason", &reason)
    try visitor.field(12, "createdAt", &createdAt)
  }
}

public enum Refunds {
  /// Gives part or all of an order's charge back.
  ///
  /// Errors: RES_4001 unless the caller is an administrator, or the only seller of the order;
  /// RES_4003 for an order that is not paid, or for more than is left of its charge.
  public static func refund(
    _ transaction: Transaction, _ request: RefundRequest, caller: Caller,
    provider: any PaymentProvider
  ) throws -> PaymentView {
    guard var order = try transaction.get(Order.self, key(request.orderID)) else {
      throw MarketError.notFound("order")
    }
    let sellers = Set(order.items.map(\.sellerID))
    guard caller.isAdmin || sellers == [caller.userID] else { throw MarketError.notFound("order") }
    guard let charge = try charge(transaction, of: order) else {
      throw MarketError.conflict("The order has not been paid.", reason: "not_paid")
    }
    let digits = Currency.digits(charge.currency)
    let left = charge.amountMinor - charge.refundedMinor
    var amount = left
    if let asked = request.amount {
      guard let scaled = asked.rescaled(toDigits: digits) else {
        throw MarketError.invalid(
          "/amount", rule: "digits", "At most \(digits) digits after the point.")
      }
      amount = scaled.minor
    }
    guard amount > 0, amount <= left else {
      throw MarketError.conflict(
        "Only \(Amount(minor: left, digits: digits)) \(charge.currency) are left of the charge.",
        reason: "refund_exceeds_charge")
    }
    let refund = try give(
      transaction, &order, charge, amount, reason: request.reason, provider: provider)
    try Orders.save(transaction, &order)
    return PaymentView(refund)
  }

  /// Gives back what is left of an order's charge, if it has one. The caller writes the order.
  static func refundRest(
    _ transaction: Transaction, _ order: inout Order, reason: String,
    provider: any PaymentProvider
  ) throws {
    guard let charge = try charge(transaction, of: order) else { return }
    let left = charge.amountMinor - charge.refundedMinor
    guard left > 0 else { return }
    _ = try give(transaction, &order, charge, left, reason: reason, provider: provider)
  }

  private static func charge(
    _ reader: some RecordReader, of order: Order
  ) throws -> PaymentTransaction? {
    guard order.payment.transactionID != .zero else { return nil }
    return try reader.get(PaymentTransaction.self, key(order.payment.transactionID))
  }

  private static func give(
    _ transaction: Transaction, _ order: inout Order, _ charge: PaymentTransaction,
    _ amount: Int64, reason: String, provider: any PaymentProvider
  ) throws -> PaymentTransaction {
    try provider.refund(
      transaction, reference: charge.gatewayReference,
      amount: Money(minor: amount, currency: charge.currency))
    var refund = charge
    refund.id = transaction.newID()
    refund.kind = .refund
    refund.amountMinor = amount
    refund.refundedMinor = 0
    refund.reason = reason.isEmpty ? nil : reason
    refund.createdAt = transaction.time
    try transaction.insert(refund)
    var charge = charge
    let before = charge.refundedMinor
    charge.refundedMinor = try Money.sum([before, amount])
    try transaction.put(charge)
    let lines = try Ledger.refundLines(
      of: Ledger.lines(transaction, of: charge.id), before: before,
      refunded: charge.refundedMinor)
    try Ledger.post(
      transaction, try Escrows.charge(transaction, lines, of: order), transactionID: refund.id,
      currency: charge.currency)
    order.payment.refundedMinor = charge.refundedMinor
    if charge.refundedMinor == charge.amountMinor { order.payment.status = .refunded }
    return refund
  }

  // MARK: Asking

  /// A payment or refund; RES_4001 unless the caller paid it or is an administrator.
  public static func view(
    _ reader: some RecordReader, id: UUIDv7, caller: Caller
  ) throws -> PaymentView {
    guard let payment = try reader.get(PaymentTransaction.self, key(id)),
      caller.isAdmin || payment.userID == caller.userID
    else { throw MarketError.notFound("payment") }
    return PaymentView(payment)
  }

  /// A user's payments and refunds, newest first, those before `before`; and whether there are more.
  public static func history(
    _ reader: some RecordReader, userID: UUIDv7, before: UUIDv7?, limit: Int
  ) throws -> (payments: [PaymentView], hasMore: Bool) {
    let prefix = key(userID)
    let range = KeyRange(
      from: prefix, to: before.map { prefix + key($0) } ?? keyAfterPrefix(prefix))
    let found = try reader.all(
      in: PaymentTransaction.byUser, .range(range), reverse: true, limit: limit + 1)
    return (found.prefix(limit).map { PaymentView($0) }, found.count > limit)
  }
}
