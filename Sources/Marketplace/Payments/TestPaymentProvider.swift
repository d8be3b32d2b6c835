// TestPaymentProvider: the embedded provider. It keeps its charges in this very database, and its
// tokens play every part that a real one can:
//
//   token           outcome
//   tok_success     charged
//   tok_decline     declined, reason card_declined
//   tok_challenge   waits for the buyer's answer: "pass" charges, anything else declines
//   tok_timeout     unavailable: nothing was charged
//   tok_late        not answered; charged five seconds later, even if it was given up meanwhile
//   any other       declined, reason unknown_token

import Bytes
import RecordStore

public enum TestChargeState: String, FieldEnum {
  case charged, challenge, late, ended
}

/// What the embedded test provider has charged, or may charge, by our key. Table 15.
public struct TestCharge: Record, Equatable {
  /// `{orderID}:{attempt}`.
  public var providerKey = ""
  public var reference = ""
  public var amountMinor: Int64 = 0
  public var refundedMinor: Int64 = 0
  public var currency = ""
  public var createdAt = Timestamp.zero
  public var state = TestChargeState.charged
  /// When a late one is charged.
  public var dueAt: Timestamp?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "providerKey", &providerKey)
    try visitor.field(2, "reference", &reference)
    try visitor.field(3, "amountMinor", &amountMinor)
    try visitor.field(4, "refundedMinor", &refundedMinor)
    try visitor.field(5, "currency", &currency)
    try visitor.field(6, "createdAt", &createdAt)
    try visitor.field(7, "state", &state)
    try visitor.field(8, "dueAt", &dueAt)
  }

  public static let table = Table<TestCharge>(
    number: 15, name: "testCharges", indexes: [byReference])
  public static let byReference = Index<TestCharge>(
    number: 1, name: "byReference", isUnique: true
  ) { [key($0.reference)] }
  public var primaryKey: [UInt8] { key(providerKey) }

  fileprivate var chargeState: ChargeState {
    switch state {
    case .charged: .charged(reference: reference)
    case .ended: .ended(reason: "card_declined")
    case .challenge, .late: .open
    }
  }
}

public struct TestPaymentProvider: PaymentProvider {
  public let name = "test"
  /// How late `tok_late` is.
  public static let lateSeconds: Int64 = 5

  public init() {}

  public func charge(
    _ transaction: Transaction, key providerKey: String, amount: Money, token: String
  ) throws -> ChargeOutcome {
    var charge = TestCharge()
    if let present = try transaction.get(TestCharge.self, key(providerKey)) {
      return Self.outcome(of: present)
    }
    switch token {
    case "tok_success": break
    case "tok_decline": return .declined(reason: "card_declined")
    case "tok_timeout": return .unavailable
    case "tok_challenge": charge.state = .challenge
    case "tok_late":
      charge.state = .late
      charge.dueAt = transaction.time.adding(seconds: Self.lateSeconds)
    default: return .declined(reason: "unknown_token")
    }
    charge.providerKey = providerKey
    charge.reference = "ch_test_" + transaction.newID().description
    charge.amountMinor = amount.minor
    charge.currency = amount.currency
    charge.createdAt = transaction.time
    try transaction.insert(charge)
    return Self.outcome(of: charge)
  }

  private static func outcome(of charge: TestCharge) -> ChargeOutcome {
    switch charge.state {
    case .charged: .succeeded(reference: charge.reference)
    case .challenge: .challenge
    case .late: .processing
    case .ended: .declined(reason: "card_declined")
    }
  }

  public func state(_ transaction: Transaction, key providerKey: String) throws -> ChargeState {
    guard var charge = try transaction.get(TestCharge.self, key(providerKey)) else {
      return .ended(reason: "unknown_charge")
    }
    if charge.state == .late, let due = charge.dueAt, transaction.time >= due {
      charge.state = .charged
      try transaction.put(charge)
    }
    return charge.chargeState
  }

  public func answer(
    _ transaction: Transaction, key providerKey: String, challenge answer: String
  ) throws -> ChargeState {
    guard var charge = try transaction.get(TestCharge.self, key(providerKey)),
      charge.state == .challenge
    else { throw MarketError.conflict("There is no challenge to answer.", reason: "no_challenge") }
    charge.state = answer == "pass" ? .charged : .ended
    try transaction.put(charge)
    return charge.chargeState
  }

  public func void(_ transaction: Transaction, key providerKey: String) throws -> ChargeState {
    guard var charge = try transaction.get(TestCharge.self, key(providerKey)) else {
      return .ended(reason: "unknown_charge")
    }
    if charge.state == .challenge {
      charge.state = .ended
      try transaction.put(charge)
    }
    return charge.chargeState
  }

  public func refund(_ transaction: Transaction, reference: String, amount: Money) throws {
    guard var charge = try transaction.lookup(TestCharge.byReference, key(reference)),
      charge.currency == amount.currency, charge.state == .charged
    else { throw MarketError.notFound("charge") }
    let refunded = try Money.sum([charge.refundedMinor, amount.minor])
    guard amount.minor >= 0, refunded <= charge.amountMinor else {
      throw MarketError.conflict(
        "The refund is more than was charged.", reason: "refund_exceeds_charge")
    }
    charge.refundedMinor = refunded
    try transaction.put(charge)
  }
}
