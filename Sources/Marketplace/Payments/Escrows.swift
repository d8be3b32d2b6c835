// Escrows: what the sellers of a paid order are owed waits in an account of the order until the buyer
// says that the goods are there, an administrator does, or the time is over.
//
//   create    seller:ID +held · escrow:ORDER −held
//   release   the same lines with the opposite signs
//   refund    what a refund takes from a seller is taken from what is held of it first (`charge`)
//
// Invariants
// 1. The account of an order holds what its escrow says, while it is held, and nothing otherwise.
// 2. What is held of a seller is what that order owes the seller, until it is released; so a whole refund
//    brings it to exactly zero, and ends the escrow.

import Bytes
import RecordStore

public enum Escrows {
  public static func account(_ orderID: UUIDv7) -> String { "escrow:" + orderID.description }

  /// Keeps back what the sellers are owed for an order.
  ///
  /// Errors: RES_4001 unless the caller is the buyer or an administrator; RES_4003 for an order that is
  /// not paid (`not_paid`), has come to its end (`order_ended`), or has had an escrow (`escrow_exists`).
  public static func create(
    _ transaction: Transaction, _ request: EscrowRequest, caller: Caller
  ) throws -> EscrowView {
    var order = try order(transaction, request.orderID, caller)
    guard try transaction.get(Escrow.self, key(order.id)) == nil else {
      throw MarketError.conflict("The order has an escrow already.", reason: "escrow_exists")
    }
    guard order.payment.status == .completed else {
      throw MarketError.conflict("The order has not been paid.", reason: "not_paid")
    }
    guard ![.completed, .cancelled, .refunded].contains(order.status) else {
      throw MarketError.conflict(
        "The order is \(order.status.rawValue): there is nothing to wait for.",
        reason: "order_ended")
    }
    var escrow = Escrow()
    escrow.orderID = order.id
    escrow.currency = order.pricing.currency
    escrow.parts = try owed(transaction, order)
    escrow.createdAt = transaction.time
    escrow.updatedAt = transaction.time
    escrow.releaseAt = transaction.time.adding(seconds: request.releaseAfterDays * 86_400)
    guard try escrow.heldMinor > 0 else {
      throw MarketError.conflict("The order owes its sellers nothing.", reason: "nothing_owed")
    }
    try post(transaction, escrow, sign: 1)
    try transaction.insert(escrow)
    order.payment.status = .inEscrow
    try Orders.save(transaction, &order)
    return try EscrowView(escrow)
  }

  /// Gives the sellers what is held. Errors: RES_4001 unless the caller is the buyer or an administrator,
  /// or there is no escrow; RES_4003 when nothing is held any more (`not_held`).
  public static func release(
    _ transaction: Transaction, _ request: EscrowReleaseRequest, caller: Caller
  ) throws -> EscrowView {
    _ = try order(transaction, request.orderID, caller)
    guard let escrow = try transaction.get(Escrow.self, key(request.orderID)) else {
      throw MarketError.notFound("escrow")
    }
    guard escrow.state == .held else {
      throw MarketError.conflict(
        "The escrow is \(escrow.state.rawValue): nothing is held.", reason: "not_held")
    }
    return try EscrowView(try release(transaction, escrow))
  }

  /// An escrow, to those whom its order concerns. Throws RES_4001 for others.
  public static func view(
    _ reader: some RecordReader, orderID: UUIDv7, caller: Caller
  ) throws -> EscrowView {
    guard let order = try reader.get(Order.self, key(orderID)),
      let escrow = try reader.get(Escrow.self, key(orderID))
    else { throw MarketError.notFound("escrow") }
    if caller.isAdmin || order.buyerID == caller.userID { return try EscrowView(escrow) }
    guard escrow.parts.contains(where: { $0.sellerID == caller.userID }) else {
      throw MarketError.notFound("escrow")
    }
    return try EscrowView(escrow, sellerID: caller.userID)
  }

  // MARK: Time

  public static func isDue(_ reader: some RecordReader, at time: Timestamp) throws -> Bool {
    guard let next = try reader.first(in: Escrow.byRelease) else { return false }
    return next.releaseAt <= time
  }

  /// Releases what is due, the oldest first; answers how many.
  @discardableResult
  public static func releaseDue(_ transaction: Transaction, limit: Int = 100) throws -> Int {
    let end = key(transaction.time.adding(seconds: 1))
    let due = try transaction.all(in: Escrow.byRelease, .range(KeyRange(to: end)), limit: limit)
    for escrow in due where escrow.releaseAt <= transaction.time {
      _ = try release(transaction, escrow)
    }
    return due.count
  }

  // MARK: Refunds

  /// Takes from the escrow what a refund would take from sellers: their lines, as far as something is held
  /// of them, become lines of the order's account.
  static func charge(
    _ transaction: Transaction, _ lines: [Ledger.Line], of order: Order
  ) throws -> [Ledger.Line] {
    guard order.payment.status == .inEscrow,
      var escrow = try transaction.get(Escrow.self, key(order.id)), escrow.state == .held
    else { return lines }
    var charged: [Ledger.Line] = []
    for line in lines {
      guard line.amountMinor > 0,
        let index = escrow.parts.firstIndex(where: { Ledger.seller($0.sellerID) == line.account })
      else {
        charged.append(line)
        continue
      }
      let taken = min(line.amountMinor, escrow.parts[index].heldMinor)
      escrow.parts[index].heldMinor -= taken
      charged.append(Ledger.Line(account(order.id), taken))
      charged.append(Ledger.Line(line.account, line.amountMinor - taken))
    }
    escrow.updatedAt = transaction.time
    if try escrow.heldMinor == 0 { escrow.state = .ended }
    try transaction.put(escrow)
    return charged.filter { $0.amountMinor != 0 }
  }

  // MARK: Parts

  private static func order(
    _ reader: some RecordReader, _ id: UUIDv7, _ caller: Caller
  ) throws -> Order {
    guard let order = try reader.get(Order.self, key(id)),
      caller.isAdmin || order.buyerID == caller.userID
    else { throw MarketError.notFound("order") }
    return order
  }

  /// What the order owes each of its sellers after all its charges and refunds.
  private static func owed(_ reader: some RecordReader, _ order: Order) throws -> [EscrowPart] {
    var balances: [String: [Int64]] = [:]
    for payment in try reader.all(in: PaymentTransaction.byOrder, .equal(key(order.id))) {
      for line in try Ledger.lines(reader, of: payment.id) {
        balances[line.account, default: []].append(line.amountMinor)
      }
    }
    var parts: [EscrowPart] = []
    for seller in try Orders.parts(reader, of: order.id).map(\.sellerID) {
      var part = EscrowPart()
      part.sellerID = seller
      part.heldMinor = max(0, try -Money.sum(balances[Ledger.seller(seller)] ?? []))
      parts.append(part)
    }
    return parts
  }

  private static func release(_ transaction: Transaction, _ escrow: Escrow) throws -> Escrow {
    var escrow = escrow
    try post(transaction, escrow, sign: -1)
    escrow.state = .released
    escrow.releasedAt = transaction.time
    escrow.updatedAt = transaction.time
    try transaction.put(escrow)
    if var order = try transaction.get(Order.self, key(escrow.orderID)),
      order.payment.status == .inEscrow
    {
      order.payment.status = .completed
      try Orders.save(transaction, &order)
    }
    return escrow
  }

  private static func post(_ transaction: Transaction, _ escrow: Escrow, sign: Int64) throws {
    let lines = escrow.parts.filter { $0.heldMinor != 0 }.map {
      Ledger.Line(Ledger.seller($0.sellerID), sign * $0.heldMinor)
    }
    try Ledger.post(
      transaction, lines + [Ledger.Line(account(escrow.orderID), -sign * (try escrow.heldMinor))],
      transactionID: transaction.newID(), currency: escrow.currency)
  }
}
