// Records of money that moved or may move: transactions of an order, ledger entries, and charges
// that are not settled yet.
//
// Invariant of the ledger: the lines of one transaction sum to zero. A positive line is a debit (we
// hold more, or owe less), a negative one a credit.
//
//   charge   provider:test +total · seller:ID −(goods − commission) · commission −commission ·
//            tax −tax · delivery −fee · discounts +discount (what the marketplace bears)
//   refund   the same lines with the opposite signs, in proportion to what is given back, under a
//            transaction of its own

import Bytes
import RecordStore

public enum PaymentTransactionKind: String, FieldEnum {
  case charge, refund
}

/// One movement between the buyer and us. Table 12.
public struct PaymentTransaction: Record, Equatable {
  public var id = UUIDv7.zero
  public var orderID = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var kind = PaymentTransactionKind.charge
  public var amountMinor: Int64 = 0
  public var currency = ""
  public var method = ""
  public var gateway = ""
  /// The provider's own name for it.
  public var gatewayReference = ""
  public var status = PaymentStatus.pending
  public var createdAt = Timestamp.zero
  /// Of a charge: what was given back of it.
  public var refundedMinor: Int64 = 0
  /// Of a refund: why.
  public var reason: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "orderId", &orderID)
    try visitor.field(3, "userId", &userID)
    try visitor.field(4, "kind", &kind)
    try visitor.field(5, "amountMinor", &amountMinor)
    try visitor.field(6, "currency", &currency)
    try visitor.field(7, "method", &method)
    try visitor.field(8, "gateway", &gateway)
    try visitor.field(9, "gatewayReference", &gatewayReference)
    try visitor.field(10, "status", &status)
    try visitor.field(11, "createdAt", &createdAt)
    try visitor.field(12, "refundedMinor", &refundedMinor)
    try visitor.field(13, "reason", &reason)
  }

  public static let table = Table<PaymentTransaction>(
    number: 12, name: "paymentTransactions", indexes: [byOrder, byUser])
  public static let byOrder = Index<PaymentTransaction>(number: 1, name: "byOrder") {
    [key($0.orderID)]
  }
  public static let byUser = Index<PaymentTransaction>(number: 2, name: "byUser") {
    [key($0.userID)]
  }
  public var primaryKey: [UInt8] { key(id) }
}

/// One line of a transaction in the books. Table 13.
public struct LedgerEntry: Record, Equatable {
  public var transactionID = UUIDv7.zero
  public var line: UInt32 = 0
  public var account = ""
  /// Signed.
  public var amountMinor: Int64 = 0
  public var currency = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "transactionId", &transactionID)
    try visitor.field(2, "line", &line)
    try visitor.field(3, "account", &account)
    try visitor.field(4, "amountMinor", &amountMinor)
    try visitor.field(5, "currency", &currency)
    try visitor.field(6, "createdAt", &createdAt)
  }

  public static let table = Table<LedgerEntry>(
    number: 13, name: "ledgerEntries", indexes: [byAccount])
  public static let byAccount = Index<LedgerEntry>(number: 1, name: "byAccount") {
    [key($0.account, $0.currency)]
  }
  public var primaryKey: [UInt8] { key(transactionID, line) }
}

public enum PaymentAttemptState: String, FieldEnum {
  /// Not known yet: stock is taken, the order waits.
  case open
  case charged
  /// It was never charged.
  case ended
  /// It was charged after the order had been given up, and given back.
  case refunded
}

/// A charge that was not settled in the commit that asked for it. Table 32.
public struct PaymentAttempt: Record, Equatable {
  public var orderID = UUIDv7.zero
  public var attempt: UInt32 = 1
  public var state = PaymentAttemptState.open
  /// When to ask the provider again.
  public var checkAt = Timestamp.zero
  /// When to give the order up.
  public var expiresAt = Timestamp.zero
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID)
    try visitor.field(2, "attempt", &attempt)
    try visitor.field(3, "state", &state)
    try visitor.field(4, "checkAt", &checkAt)
    try visitor.field(5, "expiresAt", &expiresAt)
    try visitor.field(6, "createdAt", &createdAt)
    try visitor.field(7, "updatedAt", &updatedAt)
  }

  public static let table = Table<PaymentAttempt>(
    number: 32, name: "paymentAttempts", indexes: [byCheck])
  /// The open ones, in the order in which they are due.
  public static let byCheck = Index<PaymentAttempt>(number: 1, name: "byCheck") {
    $0.state == .open ? [key($0.checkAt)] : []
  }
  public var primaryKey: [UInt8] { key(orderID, attempt) }

  /// Our key for the provider.
  public static func providerKey(orderID: UUIDv7, attempt: UInt32) -> String {
    "\(orderID):\(attempt)"
  }
  public var providerKey: String { Self.providerKey(orderID: orderID, attempt: attempt) }
}
