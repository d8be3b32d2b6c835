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

  /// The lines that a payment of these parts makes, from the provider to the sellers.
  static func chargeLines(
    provider name: String, total: Int64, parts: [SellerOrder]
  ) throws(MoneyError) -> [Line] {
    var lines = [Line(provider(name), total)]
    for part in parts {
      lines.append(
        Line(
          seller(part.sellerID),
          try Money.sum([part.pricing.discountMinor, -part.pricing.subtotalMinor])))
    }
    lines.append(Line(tax, -(try Money.sum(parts.map(\.pricing.taxMinor)))))
    lines.append(Line(delivery, -(try Money.sum(parts.map(\.pricing.deliveryFeeMinor)))))
    return lines.filter { $0.amountMinor != 0 }
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
