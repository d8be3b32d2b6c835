// Ledger: posts lines that sum to zero, or nothing.

import Bytes
import RecordStore

public enum Ledger {
  /// One line to be posted.
  public struct Line: Sendable, Equatable {
    public var account: String
    public var amountMinor: Int64

    public init(_ account: String, _ amountMinor: Int64) {
      self.account = account
      self.amountMinor = amountMinor
    }
  }

  public static func provider(_ name: String) -> String { "provider:" + name }
  public static func seller(_ id: UUIDv7) -> String { "seller:" + id.description }
  public static let tax = "tax"
  public static let delivery = "delivery"

  public static let commission = "commission"
  public static let discounts = "discounts"

  /// The lines that a payment of these parts makes, from the provider to the sellers.
  ///
  /// - Parameter discountBearer: the seller whose coupon it was; nil when the marketplace bears it.
  static func chargeLines(
    provider name: String, total: Int64, parts: [SellerOrder], discountBearer: UUIDv7?
  ) throws(MoneyError) -> [Line] {
    var lines = [Line(provider(name), total)]
    var borne: Int64 = 0
    for part in parts {
      var goods = part.pricing.subtotalMinor
      if discountBearer == part.sellerID {
        goods -= part.pricing.discountMinor
      } else {
        borne = try Money.sum([borne, part.pricing.discountMinor])
      }
      lines.append(Line(seller(part.sellerID), part.commissionMinor - goods))
    }
    lines.append(Line(commission, -(try Money.sum(parts.map(\.commissionMinor)))))
    lines.append(Line(tax, -(try Money.sum(parts.map(\.pricing.taxMinor)))))
    lines.append(Line(delivery, -(try Money.sum(parts.map(\.pricing.deliveryFeeMinor)))))
    lines.append(Line(discounts, borne))
    return lines.filter { $0.amountMinor != 0 }
  }

  /// The lines that give back `refunded` of a charge in all, when `before` was given back already.
  ///
  /// What is owed to others shrinks in proportion, by largest remainder over everything given back
  /// so far, so that the last part brings each account to exactly zero.
  static func refundLines(
    of charge: [LedgerEntry], before: Int64, refunded: Int64
  ) throws(MoneyError) -> [Line] {
    let first = try reversal(of: charge, refunded: before)
    let last = try reversal(of: charge, refunded: refunded)
    var lines: [Line] = []
    for (entry, (from, to)) in zip(charge, zip(first, last)) where to != from {
      lines.append(Line(entry.account, to - from))
    }
    return lines
  }

  /// What `refunded` takes back from each line of a charge. The provider's line is the first.
  private static func reversal(
    of charge: [LedgerEntry], refunded: Int64
  ) throws(MoneyError) -> [Int64] {
    guard let total = charge.first?.amountMinor, total > 0 else {
      return charge.map { _ in 0 }
    }
    let owed = charge.map { max(0, -$0.amountMinor) }
    let borne = charge.dropFirst().map { max(0, $0.amountMinor) }
    let gross = try Money.scaled(try Money.sum(owed), by: refunded, over: total)
    let fromOthers = try Money.split(gross, weights: owed)
    let fromBearers = try Money.split(try Money.sum([gross, -refunded]), weights: [0] + borne)
    return charge.indices.map { index in
      index == 0 ? -refunded : fromOthers[index] - fromBearers[index]
    }
  }

  /// Writes the lines of one transaction. Throws SYS_9001 unless they sum to zero.
  static func post(
    _ transaction: Transaction, _ lines: [Line], transactionID: UUIDv7, currency: String
  ) throws {
    guard try Money.sum(lines.map(\.amountMinor)) == 0 else {
      throw MarketError(.internalError, "The books would not balance.")
    }
    for (index, line) in lines.enumerated() {
      var entry = LedgerEntry()
      entry.transactionID = transactionID
      entry.line = UInt32(index)
      entry.account = line.account
      entry.amountMinor = line.amountMinor
      entry.currency = currency
      entry.createdAt = transaction.time
      try transaction.insert(entry)
    }
  }

  /// The lines of a transaction, in their order.
  public static func lines(
    _ reader: some RecordReader, of transactionID: UUIDv7
  ) throws -> [LedgerEntry] {
    try reader.all(LedgerEntry.self, KeyRange(prefix: key(transactionID)))
  }
}
