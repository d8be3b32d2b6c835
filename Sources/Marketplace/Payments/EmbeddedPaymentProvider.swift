// EmbeddedPaymentProvider: a payment provider that keeps its charges in this very database, so that
// charging is part of the order's commit: there is no moment at which one exists without the other.
// A provider outside the process can never be called inside a transaction and needs another
// workflow; this protocol is not for it.
//
// TestPaymentProvider, the embedded one:
//
//   token           outcome
//   tok_success     succeeded
//   tok_decline     declined, reason card_declined
//   tok_challenge   declined, reason challenge_required: nobody is there to answer the challenge
//   tok_timeout     unavailable: nothing was charged
//   tok_late        unavailable: nothing was charged (a charge that settles later would need a
//                   pending order)
//   any other       declined, reason unknown_token

import Bytes
import RecordStore

/// What came of a charge.
public enum ChargeOutcome: Equatable, Sendable {
  /// Charged; the provider's name for it.
  case succeeded(reference: String)
  /// Not charged, and asking again will not help.
  case declined(reason: String)
  /// Not charged; asking again may help.
  case unavailable
}

public protocol EmbeddedPaymentProvider: Sendable {
  /// As in `provider:NAME` of the ledger.
  var name: String { get }

  /// Charges once for one key: the same key again answers the first charge.
  func charge(
    _ transaction: Transaction, key providerKey: String, amount: Money, token: String
  ) throws -> ChargeOutcome

  /// Gives back part or all of a charge. Throws RES_4003 beyond what was charged.
  func refund(_ transaction: Transaction, reference: String, amount: Money) throws
}

public struct TestPaymentProvider: EmbeddedPaymentProvider {
  public let name = "test"

  public init() {}

  public func charge(
    _ transaction: Transaction, key providerKey: String, amount: Money, token: String
  ) throws -> ChargeOutcome {
    if let charge = try transaction.get(TestCharge.self, Bytes.key(providerKey)) {
      return .succeeded(reference: charge.reference)
    }
    switch token {
    case "tok_success": break
    case "tok_decline": return .declined(reason: "card_declined")
    case "tok_challenge": return .declined(reason: "challenge_required")
    case "tok_timeout", "tok_late": return .unavailable
    default: return .declined(reason: "unknown_token")
    }
    var charge = TestCharge()
    charge.providerKey = providerKey
    charge.reference = "ch_test_" + transaction.newID().description
    charge.amountMinor = amount.minor
    charge.currency = amount.currency
    charge.createdAt = transaction.time
    try transaction.insert(charge)
    return .succeeded(reference: charge.reference)
  }

  public func refund(_ transaction: Transaction, reference: String, amount: Money) throws {
    guard var charge = try transaction.lookup(TestCharge.byReference, Bytes.key(reference)),
      charge.currency == amount.currency
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
