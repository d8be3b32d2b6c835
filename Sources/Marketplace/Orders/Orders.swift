// Orders: reading orders, cancelling them, and moving a seller's part through its states.
//
//   from         to
//   pending      confirmed (by its payment alone), cancelled
//   confirmed    processing, shipped, cancelled
//   processing   shipped, cancelled
//   shipped      delivered
//   delivered    completed
//
// `cancelled` is reached by cancelling the whole order, never by this table alone, because stock and
// money go back with it. The order's own state is that of its least advanced part.

import Bytes
import RecordStore

/// POST /orders/{id}/cancel.
public struct CancelRequest: Fields, Equatable {
  public var reason = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "reason", &reason, .length(0...1000))
  }
}

/// PUT /orders/{id}/status.
public struct OrderStatusRequest: Fields, Equatable {
  public var status = OrderStatus.processing
  public var notes: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "status", &status, .required)
    try visitor.field(2, "notes", &notes, .length(0...1000))
  }
}

public enum Orders {
  // MARK: Numbers

  /// `SK-2026-000001`: counts from one in each year of log time. Numbers of confirmed orders only,
  /// so they have no gaps.
  static func nextNumber(_ transaction: Transaction) throws -> String {
    let year = String(transaction.time.description.prefix(4))
    let name = "orders-" + year
    var counter = try transaction.get(Counter.self, key(name)) ?? Counter()
    counter.name = name
    counter.value += 1
    try transaction.put(counter)
    let digits = String(counter.value)
    return "SK-\(year)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  // MARK: Asking

  public struct Page: Sendable {
    public var orders: [OrderView] = []
    public var hasMore = false
  }

  /// An order by its identifier or by that of a seller's part.
  ///
  /// The buyer and administrators see the whole order, or the part that was named; a seller sees the
  /// seller's own part. To everybody else there is no such order (RES_4001).
  public static func view(
    _ reader: some RecordReader, id: UUIDv7, caller: Caller
  ) throws -> OrderView {
    if let order = try reader.get(Order.self, key(id)) {
      let parts = try parts(reader, of: order.id)
      if caller.isAdmin || caller.userID == order.buyerID {
        return OrderView(order, parts: parts)
      }
      if let part = parts.first(where: { $0.sellerID == caller.userID }) {
        return OrderView(part: part, of: order)
      }
    } else if let part = try reader.get(SellerOrder.self, key(id)),
      let order = try reader.get(Order.self, key(part.orderID)),
      caller.isAdmin || caller.userID == order.buyerID || caller.userID == part.sellerID
    {
      return OrderView(part: part, of: order)
    }
    throw MarketError.notFound("order")
  }

  /// A buyer's orders, newest first, at most `limit`, those before the order `before` when it is
  /// given; and whether there are more.
  public static func list(
    _ reader: some RecordReader, buyerID: UUIDv7, before: UUIDv7?, limit: Int
  ) throws -> Page {
    let prefix = key(buyerID)
    let range = KeyRange(
      from: prefix, to: before.map { prefix + key($0) } ?? keyAfterPrefix(prefix))
    let orders = try reader.all(
      in: Order.byBuyer, .range(range), reverse: true, limit: limit + 1)
    let page = try orders.prefix(limit).map {
      OrderView($0, parts: try parts(reader, of: $0.id))
    }
    return Page(orders: page, hasMore: orders.count > limit)
  }

  /// A seller's parts, newest first, as the seller sees them.
  public static func list(
    _ reader: some RecordReader, sellerID: UUIDv7, status: OrderStatus?, before: UUIDv7?,
    limit: Int
  ) throws -> Page {
    let prefix = key(sellerID)
    let range = KeyRange(
      from: prefix, to: before.map { prefix + key($0) } ?? keyAfterPrefix(prefix))
    var found: [SellerOrder] = []
    try reader.forEach(in: SellerOrder.bySeller, .range(range), reverse: true) {
      (part) throws(StoreError) -> ScanStep in
      if status == nil || part.status == status { found.append(part) }
      return found.count > limit ? .stop : .next
    }
    var page = Page(hasMore: found.count > limit)
    for part in found.prefix(limit) {
      guard let order = try reader.get(Order.self, key(part.orderID)) else { continue }
      page.orders.append(OrderView(part: part, of: order))
    }
    return page
  }

  /// Every order, newest first: for administrators.
  public static func listAll(
    _ reader: some RecordReader, status: OrderStatus?, before: UUIDv7?, limit: Int
  ) throws -> Page {
    var found: [Order] = []
    try reader.forEach(Order.self, KeyRange(to: before.map { key($0) }), reverse: true) {
      (order) throws(StoreError) -> ScanStep in
      if status == nil || order.status == status { found.append(order) }
      return found.count > limit ? .stop : .next
    }
    return Page(
      orders: try found.prefix(limit).map { OrderView($0, parts: try parts(reader, of: $0.id)) },
      hasMore: found.count > limit)
  }

  static func parts(_ reader: some RecordReader, of orderID: UUIDv7) throws -> [SellerOrder] {
    try reader.all(in: SellerOrder.byOrder, .equal(key(orderID)))
  }

  // MARK: Changing

  /// Cancels an order that has not been shipped: stock goes back where it came from, the whole
  /// charge is refunded, the books are reversed, in this one commit.
  ///
  /// Errors: RES_4001 unless the caller is the buyer or an administrator; BIZ_5004 when a part is
  /// shipped or the order has ended.
  public static func cancel(
    _ transaction: Transaction, id: UUIDv7, caller: Caller, reason: String,
    provider: any PaymentProvider, policies: OrderPolicies
  ) throws -> OrderView {
    guard let found = try transaction.get(Order.self, key(id)),
      caller.isAdmin || caller.userID == found.buyerID
    else { throw MarketError.notFound("order") }
    var order = try Settlement.stop(transaction, found, provider: provider, policies: policies)
    var parts = try parts(transaction, of: order.id)
    let cancellable: Set<OrderStatus> = [.pending, .confirmed, .processing]
    guard cancellable.contains(order.status),
      parts.allSatisfy({ cancellable.contains($0.status) })
    else {
      throw MarketError(
        .orderCannotBeCancelled, "The order cannot be cancelled any more.",
        details: .object([.init("status", .string(order.status.rawValue))]))
    }
    if order.status == .pending {
      order.payment.status = .failed
      order.payment.action = nil
    }
    try end(transaction, &order, &parts, reason: reason, by: caller.userID)
    try Refunds.refundRest(transaction, &order, reason: reason, provider: provider)
    try save(transaction, &order, parts)
    return OrderView(order, parts: parts)
  }

  /// Writes an order that was changed, as its next version, and those of its parts that were.
  static func save(
    _ transaction: Transaction, _ order: inout Order, _ parts: [SellerOrder] = []
  ) throws {
    order.version += 1
    order.updatedAt = transaction.time
    try transaction.put(order)
    for part in parts { try transaction.put(part) }
  }

  /// The order is over before it was shipped: its stock and its coupon go back. The caller writes
  /// order and parts, and sees to the money.
  static func end(
    _ transaction: Transaction, _ order: inout Order, _ parts: inout [SellerOrder],
    reason: String, by userID: UUIDv7
  ) throws {
    for item in order.items {
      try Inventory.giveBack(
        transaction, variantID: item.variantID, shares: item.shares, referenceID: order.id)
    }
    if let coupon = order.coupon {
      try Coupons.count(transaction, code: coupon.code, userID: order.buyerID, delta: -1)
    }
    let entry = OrderTimelineEntry(
      .cancelled, at: transaction.time, notes: reason.isEmpty ? nil : reason)
    for index in parts.indices {
      parts[index].status = .cancelled
      parts[index].timeline.append(entry)
      parts[index].version += 1
      parts[index].updatedAt = transaction.time
    }
    var cancellation = OrderCancellation()
    cancellation.reason = reason
    cancellation.cancelledBy = userID
    cancellation.cancelledAt = transaction.time
    order.status = .cancelled
    order.cancellation = cancellation
    order.timeline.append(entry)
    order.updatedAt = transaction.time
  }

  private static let nextStates: [OrderStatus: Set<OrderStatus>] = [
    .confirmed: [.processing, .shipped], .processing: [.shipped],
    .shipped: [.delivered], .delivered: [.completed],
  ]
  private static let progress: [OrderStatus] = [
    .pending, .confirmed, .processing, .shipped, .delivered, .completed,
  ]

  /// Moves a seller's part to its next state, named by the part's identifier, or by the order's when
  /// the caller sells one part of it.
  ///
  /// Errors: RES_4001 unless the caller is that seller or an administrator; RES_4003 for a step that
  /// the table does not have.
  public static func setStatus(
    _ transaction: Transaction, id: UUIDv7, caller: Caller, _ request: OrderStatusRequest
  ) throws -> OrderView {
    var candidates: [SellerOrder] = []
    if let part = try transaction.get(SellerOrder.self, key(id)) {
      candidates = [part]
    } else {
      candidates = try parts(transaction, of: id)
    }
    candidates.removeAll { !caller.isAdmin && $0.sellerID != caller.userID }
    guard candidates.count == 1, var part = candidates.first,
      var order = try transaction.get(Order.self, key(part.orderID))
    else { throw MarketError.notFound("order of one seller") }
    guard nextStates[part.status]?.contains(request.status) == true else {
      throw MarketError.conflict(
        "An order that is \(part.status.rawValue) cannot become \(request.status.rawValue).",
        reason: "illegal_transition")
    }
    part.status = request.status
    part.timeline.append(
      OrderTimelineEntry(request.status, at: transaction.time, notes: request.notes))
    part.version += 1
    part.updatedAt = transaction.time
    try transaction.put(part)
    let states = try parts(transaction, of: order.id).map(\.status)
    if let slowest = progress.first(where: states.contains), slowest != order.status {
      order.status = slowest
      order.timeline.append(OrderTimelineEntry(slowest, at: transaction.time))
    }
    try save(transaction, &order)
    return OrderView(part: part, of: order)
  }
}
