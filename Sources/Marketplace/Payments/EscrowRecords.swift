// Records of money that is kept back from the sellers of a paid order until the buyer has the goods.

import Bytes
import RecordStore

public enum EscrowState: String, FieldEnum {
  /// The sellers are owed it when it is released.
  case held
  case released
  /// All of it went back to the buyer.
  case ended
}

/// What is kept back from one seller, in minor units.
public struct EscrowPart: Fields, Equatable {
  public var sellerID = UUIDv7.zero
  public var heldMinor: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sellerId", &sellerID)
    try visitor.field(2, "heldMinor", &heldMinor)
  }
}

/// The escrow of one order. Table 33.
public struct Escrow: Record, Equatable {
  public var orderID = UUIDv7.zero
  public var state = EscrowState.held
  public var currency = ""
  /// What is still held, or was when it was released.
  public var parts: [EscrowPart] = []
  /// When it is released by itself.
  public var releaseAt = Timestamp.zero
  public var releasedAt: Timestamp?
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID)
    try visitor.field(2, "state", &state)
    try visitor.field(3, "currency", &currency)
    try visitor.field(4, "parts", &parts)
    try visitor.field(5, "releaseAt", &releaseAt)
    try visitor.field(6, "releasedAt", &releasedAt)
    try visitor.field(7, "createdAt", &createdAt)
    try visitor.field(8, "updatedAt", &updatedAt)
  }

  public static let table = Table<Escrow>(number: 33, name: "escrows", indexes: [byRelease])
  /// Those that are held, in the order in which they are due.
  public static let byRelease = Index<Escrow>(number: 1, name: "byRelease") {
    $0.state == .held ? [key($0.releaseAt)] : []
  }
  public var primaryKey: [UInt8] { key(orderID) }

  var heldMinor: Int64 { get throws(MoneyError) { try Money.sum(parts.map(\.heldMinor)) } }
}

/// POST /payments/escrow/create.
public struct EscrowRequest: Fields, Equatable {
  public var orderID = UUIDv7.zero
  public var releaseAfterDays: Int64 = 14

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID, .required)
    try visitor.field(
      2, "releaseAfterDays", &releaseAfterDays,
      .range(1...90).summary("After so many days the sellers get it without being asked."))
  }
}

/// POST /payments/escrow/release.
public struct EscrowReleaseRequest: Fields, Equatable {
  public var orderID = UUIDv7.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID, .required)
  }
}

/// What is kept back from one seller, as the API shows it.
public struct EscrowPartView: Fields, Equatable {
  public var sellerID = UUIDv7.zero
  public var amount: Amount = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sellerId", &sellerID)
    try visitor.field(2, "amount", &amount)
  }
}

/// An escrow as the API shows it: whole to the buyer, a seller's own part to the seller.
public struct EscrowView: Fields, Equatable {
  public var orderID = UUIDv7.zero
  public var state = EscrowState.held
  public var amount: Amount = 0
  public var currency = ""
  public var parts: [EscrowPartView] = []
  public var releaseAt = Timestamp.zero
  public var releasedAt: Timestamp?
  public var createdAt = Timestamp.zero

  public init() {}

  init(_ escrow: Escrow, sellerID: UUIDv7? = nil) throws(MoneyError) {
    let digits = Currency.digits(escrow.currency)
    let shown = escrow.parts.filter { sellerID == nil || $0.sellerID == sellerID }
    orderID = escrow.orderID
    state = escrow.state
    amount = Amount(minor: try Money.sum(shown.map(\.heldMinor)), digits: digits)
    currency = escrow.currency
    parts = shown.map { part in
      var view = EscrowPartView()
      view.sellerID = part.sellerID
      view.amount = Amount(minor: part.heldMinor, digits: digits)
      return view
    }
    releaseAt = escrow.releaseAt
    releasedAt = escrow.releasedAt
    createdAt = escrow.createdAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orderId", &orderID)
    try visitor.field(2, "state", &state)
    try visitor.field(3, "amount", &amount)
    try visitor.field(4, "currency", &currency)
    try visitor.field(5, "parts", &parts)
    try visitor.field(6, "releaseAt", &releaseAt)
    try visitor.field(7, "releasedAt", &releasedAt)
    try visitor.field(8, "createdAt", &createdAt)
  }
}
