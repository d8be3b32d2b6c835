// Settlement: an order whose payment was not known when it was made becomes a paid one, or is given up
// and everything goes back. Asked by the buyer's answer to a challenge, by cancelling, and again and
// again for whatever is open, beginning at the start of the server.
//
// Invariants
// 1. An order is confirmed once: only while it is pending.
// 2. A charge that comes after its order was given up is given back in the same commit that learns
//    of it. So every charge has one order that is paid, or one refund.
// 3. What is open is in the index `byCheck`: nothing is forgotten by a crash.

import Bytes
import RecordStore

public enum Settlement {
  /// How long an order may wait for its payment.
  public static let orderSeconds: Int64 = 15 * 60
  /// How long a charge of an order that was given up may still come.
  public static let lateSeconds: Int64 = 7 * 86_400
  static let firstCheckSeconds: Int64 = 2
  static let checkSecondsMax: Int64 = 300

  static func newAttempt(orderID: UUIDv7, attempt: UInt32, at time: Timestamp) -> PaymentAttempt {
    var record = PaymentAttempt()
    record.orderID = orderID
    record.attempt = attempt
    record.checkAt = time.adding(seconds: firstCheckSeconds)
    record.expiresAt = time.adding(seconds: orderSeconds)
    record.createdAt = time
    record.updatedAt = time
    return record
  }

  // MARK: What is open

  /// Whether an attempt is due at `time`.
  public static func isDue(_ reader: some RecordReader, at time: Timestamp) throws -> Bool {
    guard let next = try reader.first(in: PaymentAttempt.byCheck) else { return false }
    return next.checkAt <= time
  }

  /// What asking about open attempts came to.
  public struct Report: Sendable, Equatable {
    public var checked = 0
    public var confirmed = 0
    public var givenUp = 0
    public var refunded = 0

    public init() {}
  }

  /// Asks the provider about open attempts, oldest first, and settles what is known by now.
  ///
  /// - Parameter all: also those that are not due yet: at the start of the server.
  public static func settle(
    _ transaction: Transaction, all: Bool = false, limit: Int = 100,
    provider: any PaymentProvider, policies: OrderPolicies
  ) throws -> Report {
    var report = Report()
    // A key above every time that is due; times are kept as they sort.
    let end = all ? nil : key(transaction.time.adding(seconds: 1))
    let due = try transaction.all(
      in: PaymentAttempt.byCheck, .range(KeyRange(to: end)), limit: limit)
    for attempt in due {
      report.checked += 1
      let state = try provider.state(transaction, key: attempt.providerKey)
      switch try settle(transaction, attempt, state, provider: provider, policies: policies) {
      case .charged: report.confirmed += 1
      case .ended: report.givenUp += 1
      case .refunded: report.refunded += 1
      case .open: break
      }
    }
    return report
  }

  /// Brings one attempt to where `state` says it is.
  @discardableResult
  static func settle(
    _ transaction: Transaction, _ attempt: PaymentAttempt, _ state: ChargeState,
    provider: any PaymentProvider, policies: OrderPolicies
  ) throws -> PaymentAttemptState {
    guard attempt.state == .open,
      var order = try transaction.get(Order.self, key(attempt.orderID))
    else { return attempt.state }
    var attempt = attempt
    var parts = try Orders.parts(transaction, of: order.id)
    attempt.updatedAt = transaction.time
    switch state {
    case .charged(let reference) where order.status == .pending:
      try confirm(
        transaction, &order, &parts, reference: reference, provider: provider, policies: policies)
      attempt.state = .charged
    case .charged(let reference):
      try post(transaction, &order, &parts, reference: reference, provider, policies)
      try Refunds.refundRest(
        transaction, &order, reason: "The order had been given up.", provider: provider)
      attempt.state = .refunded
    case .ended(let reason):
      if order.status == .pending {
        try giveUp(transaction, &order, &parts, reason: reason, by: order.buyerID)
      }
      attempt.state = .ended
    case .open:
      try wait(transaction, &attempt, &order, &parts, provider)
    }
    try Orders.save(transaction, &order, parts)
    try transaction.put(attempt)
    return attempt.state
  }

  private static func wait(
    _ transaction: Transaction, _ attempt: inout PaymentAttempt, _ order: inout Order,
    _ parts: inout [SellerOrder], _ provider: any PaymentProvider
  ) throws {
    if transaction.time >= attempt.expiresAt {
      guard order.status == .pending else {
        // A week after the order was given up.
        attempt.state = .ended
        return
      }
      if case .ended = try provider.void(transaction, key: attempt.providerKey) {
        attempt.state = .ended
      }
      try giveUp(transaction, &order, &parts, reason: "payment_expired", by: order.buyerID)
      attempt.expiresAt = transaction.time.adding(seconds: lateSeconds)
    }
    let age = (transaction.time.microseconds - attempt.createdAt.microseconds) / 1_000_000
    attempt.checkAt = transaction.time.adding(
      seconds: min(checkSecondsMax, max(firstCheckSeconds, age)))
  }

  // MARK: The buyer

  /// The buyer's answer to a challenge. RES_4001 for an order that is not the caller's, RES_4003 when
  /// nothing is asked.
  public static func answer(
    _ transaction: Transaction, orderID: UUIDv7, caller: Caller, answer: String,
    provider: any PaymentProvider, policies: OrderPolicies
  ) throws -> OrderView {
    guard let order = try transaction.get(Order.self, key(orderID)), order.buyerID == caller.userID
    else { throw MarketError.notFound("order") }
    guard let attempt = try open(transaction, orderID) else {
      throw MarketError.conflict("There is no challenge to answer.", reason: "no_challenge")
    }
    let state = try provider.answer(transaction, key: attempt.providerKey, challenge: answer)
    try settle(transaction, attempt, state, provider: provider, policies: policies)
    return try Orders.view(transaction, id: orderID, caller: caller)
  }

  /// Gives the charge of a pending order up before it is cancelled, and answers the order as it is
  /// then: pending and without an open charge that could be stopped, or confirmed after all.
  static func stop(
    _ transaction: Transaction, _ order: Order, provider: any PaymentProvider,
    policies: OrderPolicies
  ) throws -> Order {
    guard order.status == .pending, var attempt = try open(transaction, order.id) else {
      return order
    }
    switch try provider.void(transaction, key: attempt.providerKey) {
    case .charged(let reference):
      try settle(
        transaction, attempt, .charged(reference: reference), provider: provider,
        policies: policies)
    case .ended:
      attempt.state = .ended
      attempt.updatedAt = transaction.time
      try transaction.put(attempt)
    case .open:
      attempt.expiresAt = transaction.time.adding(seconds: lateSeconds)
      attempt.updatedAt = transaction.time
      try transaction.put(attempt)
    }
    return try transaction.get(Order.self, key(order.id)) ?? order
  }

  static func open(
    _ reader: some RecordReader, _ orderID: UUIDv7
  ) throws -> PaymentAttempt? {
    try reader.all(PaymentAttempt.self, KeyRange(prefix: key(orderID))).last { $0.state == .open }
  }

  // MARK: Both ends

  /// The order is paid: number, states, books. The caller writes order and parts.
  static func confirm(
    _ transaction: Transaction, _ order: inout Order, _ parts: inout [SellerOrder],
    reference: String, provider: any PaymentProvider, policies: OrderPolicies
  ) throws {
    order.orderNumber = try Orders.nextNumber(transaction)
    order.status = .confirmed
    let entry = OrderTimelineEntry(.confirmed, at: transaction.time)
    order.timeline.append(entry)
    order.updatedAt = transaction.time
    for index in parts.indices {
      parts[index].orderNumber = "\(order.orderNumber)-\(index + 1)"
      parts[index].status = .confirmed
      parts[index].timeline.append(entry)
      parts[index].updatedAt = transaction.time
    }
    try post(transaction, &order, &parts, reference: reference, provider, policies)
  }

  /// Writes the charge into the books.
  private static func post(
    _ transaction: Transaction, _ order: inout Order, _ parts: inout [SellerOrder],
    reference: String, _ provider: any PaymentProvider, _ policies: OrderPolicies
  ) throws {
    var payment = PaymentTransaction()
    payment.id = transaction.newID()
    payment.orderID = order.id
    payment.userID = order.buyerID
    payment.amountMinor = order.pricing.totalMinor
    payment.currency = order.pricing.currency
    payment.method = order.payment.method
    payment.gateway = provider.name
    payment.gatewayReference = reference
    payment.status = .completed
    payment.createdAt = transaction.time
    try transaction.insert(payment)
    order.payment.transactionID = payment.id
    order.payment.status = .completed
    order.payment.paidAt = transaction.time
    order.payment.action = nil
    let bearer = order.coupon?.sellerID
    for index in parts.indices {
      let pricing = parts[index].pricing
      let goods =
        bearer == parts[index].sellerID
        ? pricing.subtotalMinor - pricing.discountMinor : pricing.subtotalMinor
      parts[index].commissionMinor = try Money.scaled(
        goods, by: policies.commissionBasisPoints, over: 10_000)
    }
    try Ledger.post(
      transaction,
      Ledger.chargeLines(
        provider: provider.name, total: order.pricing.totalMinor, parts: parts,
        discountBearer: bearer),
      transactionID: payment.id, currency: order.pricing.currency)
  }

  /// The order came to nothing: stock and coupon go back, and what was bought is in the cart again.
  static func giveUp(
    _ transaction: Transaction, _ order: inout Order, _ parts: inout [SellerOrder],
    reason: String, by userID: UUIDv7
  ) throws {
    try Orders.end(transaction, &order, &parts, reason: reason, by: userID)
    order.payment.status = .failed
    order.payment.action = nil
    try Carts.put(
      transaction, order.items.map { ($0.productID, $0.variantID, $0.quantity) },
      into: order.buyerID, coupon: order.coupon?.code)
  }
}
