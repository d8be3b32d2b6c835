// PaymentProvider: who moves the money. Its calls are made inside the order's transaction and may
// only read and write records, so that asking and remembering are one commit. A provider outside the
// process writes the request here and answers `pending`; a worker of its own sends it after the
// commit and writes what came back, and `state` reports that. Either way the order waits in the
// books, not in memory, and `Settlement` completes it.

import Bytes
import RecordStore

/// What came of asking for a charge.
public enum ChargeOutcome: Equatable, Sendable {
  /// Charged; the provider's name for it.
  case succeeded(reference: String)
  /// Not charged, and asking again will not help.
  case declined(reason: String)
  /// Not charged; asking again may help.
  case unavailable
  /// Not charged yet: the buyer must prove who he is (3-D Secure).
  case challenge
  /// Asked, and not answered yet: it may be charged later.
  case processing
}

/// What has become of a charge since.
public enum ChargeState: Equatable, Sendable {
  case charged(reference: String)
  /// It will never be charged.
  case ended(reason: String)
  /// It may still be charged.
  case open
}

public protocol PaymentProvider: Sendable {
  /// As in `provider:NAME` of the ledger.
  var name: String { get }

  /// Charges once for one key: the same key again answers the first charge.
  func charge(
    _ transaction: Transaction, key providerKey: String, amount: Money, token: String
  ) throws -> ChargeOutcome

  /// What has become of the charge of this key by now.
  func state(_ transaction: Transaction, key providerKey: String) throws -> ChargeState

  /// The buyer's answer to a challenge. Throws RES_4003 when none is open.
  func answer(
    _ transaction: Transaction, key providerKey: String, challenge answer: String
  ) throws -> ChargeState

  /// Gives the charge up. `open` when that is not in the provider's hands any more: it may still come.
  func void(_ transaction: Transaction, key providerKey: String) throws -> ChargeState

  /// Gives back part or all of a charge. Throws RES_4003 beyond what was charged.
  func refund(_ transaction: Transaction, reference: String, amount: Money) throws
}
