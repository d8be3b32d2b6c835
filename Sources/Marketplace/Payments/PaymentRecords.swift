// Records of money that moved: transactions of an order, ledger entries, and what the embedded test
// provider has charged.
//
// Invariant of the ledger: the lines of one transaction sum to zero. A positive line is a debit (we
// hold more, or owe less), a negative one a credit.
//
//   charge   provider:test +total · seller:ID −goods · tax −tax · delivery −fee
//   refund   the same lines with the opposite signs, under a transaction of its own

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

/// What the embedded test provider has charged, by our key. Table 15.
public struct TestCharge: Record, Equatable {
  /// `{orderID}:{attempt}`.
  public var providerKey = ""
  public var reference = ""
  public var amountMinor: Int64 = 0
  public var refundedMinor: Int64 = 0
  public var currency = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "providerKey", &providerKey)
    try visitor.field(2, "reference", &reference)
    try visitor.field(3, "amountMinor", &amountMinor)
    try visitor.field(4, "refundedMinor", &refundedMinor)
    try visitor.field(5, "currency", &currency)
    try visitor.field(6, "createdAt", &createdAt)
  }

  public static let table = Table<TestCharge>(
    number: 15, name: "testCharges", indexes: [byReference])
  public static let byReference = Index<TestCharge>(
    number: 1, name: "byReference", isUnique: true
  ) { [key($0.reference)] }
  public var primaryKey: [UInt8] { key(providerKey) }
}
