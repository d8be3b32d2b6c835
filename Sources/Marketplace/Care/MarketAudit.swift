// MarketAudit: whether the records agree with one another, over a whole snapshot: the invariants that
// every commit keeps, checked anew from the records alone. For `souk doctor`, and for tests that
// have just pulled the plug.

import Bytes
import RecordStore

/// What was counted and what does not fit.
public struct MarketAuditReport: Fields, Equatable {
  public var orders: Int64 = 0
  public var paidOrders: Int64 = 0
  public var openPayments: Int64 = 0
  public var ledgerEntries: Int64 = 0
  public var stockLevels: Int64 = 0
  /// One sentence each; at most `findingsMax`.
  public var findings: [String] = []

  public static let findingsMax = 100

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "orders", &orders)
    try visitor.field(2, "paidOrders", &paidOrders)
    try visitor.field(3, "openPayments", &openPayments)
    try visitor.field(4, "ledgerEntries", &ledgerEntries)
    try visitor.field(5, "stockLevels", &stockLevels)
    try visitor.field(6, "findings", &findings)
  }

  fileprivate mutating func find(_ text: String) {
    if findings.count < Self.findingsMax { findings.append(text) }
  }
}

public enum MarketAudit {
  /// Visits every order, ledger entry, payment and stock level once. Memory grows with the number of
  /// orders and stock levels.
  public static func run(_ reader: some RecordReader) throws -> MarketAuditReport {
    var report = MarketAuditReport()
    var owed: [String: Int128] = [:]
    try orders(reader, &report, &owed)
    try books(reader, &report, owed)
    try escrows(reader, &report)
    try stock(reader, &report)
    try coupons(reader, &report)
    return report
  }

  /// Every order's amounts add up, and its payment is what it says.
  private static func orders(
    _ reader: some RecordReader, _ report: inout MarketAuditReport,
    _ owed: inout [String: Int128]
  ) throws {
    for order in try reader.all(Order.self) {
      report.orders += 1
      let name = order.orderNumber.isEmpty ? order.id.description : order.orderNumber
      let parts = try Orders.parts(reader, of: order.id)
      for pricing in parts.map(\.pricing) + [order.pricing] where !pricing.addsUp {
        report.find("order \(name): the amounts do not add up to the total")
      }
      if parts.reduce(Int128(0), { $0 + Int128($1.pricing.totalMinor) })
        != Int128(order.pricing.totalMinor)
      {
        report.find("order \(name): its sellers' parts do not sum to it")
      }
      let isPaid = [.completed, .refunded, .inEscrow].contains(order.payment.status)
      if isPaid {
        report.paidOrders += 1
        owed[order.pricing.currency, default: 0] +=
          Int128(order.pricing.totalMinor) - Int128(order.payment.refundedMinor)
        if try reader.get(PaymentTransaction.self, key(order.payment.transactionID)) == nil {
          report.find("order \(name): it is paid, and its payment is not on record")
        }
      } else if order.status == .pending {
        report.openPayments += 1
        let attempts = try reader.all(PaymentAttempt.self, KeyRange(prefix: key(order.id)))
        if !attempts.contains(where: { $0.state == .open }) {
          report.find("order \(name): it waits for a payment that nobody is asked about")
        }
      } else if order.status != .cancelled {
        report.find("order \(name): it is \(order.status.rawValue) and was never paid")
      }
    }
  }

  /// Every transaction sums to zero, and the providers hold what the orders are worth.
  private static func books(
    _ reader: some RecordReader, _ report: inout MarketAuditReport, _ owed: [String: Int128]
  ) throws {
    var held: [String: Int128] = [:]
    var current: (id: UUIDv7, sum: Int128)?
    var count: Int64 = 0
    var unbalanced: [UUIDv7] = []
    try reader.forEach(LedgerEntry.self) { (entry) throws(StoreError) -> ScanStep in
      count += 1
      if entry.account.hasPrefix("provider:") {
        held[entry.currency, default: 0] += Int128(entry.amountMinor)
      }
      if current?.id == entry.transactionID {
        current?.sum += Int128(entry.amountMinor)
      } else {
        if let done = current, done.sum != 0 { unbalanced.append(done.id) }
        current = (entry.transactionID, Int128(entry.amountMinor))
      }
      return .next
    }
    if let done = current, done.sum != 0 { unbalanced.append(done.id) }
    report.ledgerEntries = count
    for id in unbalanced { report.find("payment \(id): its ledger entries do not sum to zero") }
    for currency in Set(held.keys).union(owed.keys).sorted() {
      let (inBooks, ofOrders) = (held[currency] ?? 0, owed[currency] ?? 0)
      if inBooks != ofOrders {
        report.find(
          "\(currency): the providers hold \(inBooks) minor units in the books, and the orders that "
            + "are paid are worth \(ofOrders)")
      }
    }
  }

  /// Each escrow's account holds what the escrow says.
  private static func escrows(
    _ reader: some RecordReader, _ report: inout MarketAuditReport
  ) throws {
    for escrow in try reader.all(Escrow.self) {
      let account = Escrows.account(escrow.orderID)
      let entries = try reader.all(
        in: LedgerEntry.byAccount, .equal(key(account, escrow.currency)))
      let inBooks = -entries.reduce(Int128(0)) { $0 + Int128($1.amountMinor) }
      let held =
        escrow.state == .held ? escrow.parts.reduce(Int128(0)) { $0 + Int128($1.heldMinor) } : 0
      if inBooks != held {
        report.find(
          "order \(escrow.orderID): the books hold \(inBooks) minor units in escrow, not \(held)")
      }
    }
  }

  /// No level is negative or holds back more than it has, and the movements sum to it.
  private static func stock(
    _ reader: some RecordReader, _ report: inout MarketAuditReport
  ) throws {
    var moved: [[UInt8]: Int64] = [:]
    try reader.forEach(StockMovement.self) { (movement) throws(StoreError) -> ScanStep in
      let place = key(movement.variantID, movement.locationID)
      moved[place] = (moved[place] ?? 0) &+ movement.quantity
      return .next
    }
    for level in try reader.all(StockLevel.self) {
      report.stockLevels += 1
      let name = "stock of \(level.variantID) at \(level.locationID)"
      if level.quantity < 0 || level.reserved < 0 || level.reserved > level.quantity {
        report.find("\(name): \(level.quantity) units with \(level.reserved) held back")
      }
      let sum = moved[level.primaryKey] ?? 0
      if sum != level.quantity {
        report.find("\(name): \(level.quantity) units, and its movements sum to \(sum)")
      }
    }
  }

  private static func coupons(
    _ reader: some RecordReader, _ report: inout MarketAuditReport
  ) throws {
    for coupon in try reader.all(Coupon.self) {
      if coupon.usedCount < 0 || coupon.usedCount > coupon.usageLimit ?? .max {
        report.find("coupon \(coupon.code): used \(coupon.usedCount) times")
      }
    }
  }
}

extension Pricing {
  /// subtotal + tax + delivery − discount = total.
  var addsUp: Bool {
    Int128(subtotalMinor) + Int128(taxMinor) + Int128(deliveryFeeMinor) - Int128(discountMinor)
      == Int128(totalMinor)
  }
}
