// Coupons: who makes them, when one can be used, and counting its uses.

import Bytes
import RecordStore

/// Why a coupon takes nothing off; the word of `details.reason`.
public enum CouponRefusal: String, Sendable, Equatable {
  case unknown, inactive, expired
  case notStarted = "not_started"
  case usedUp = "used_up"
  case usedByYou = "used_by_you"
  case minimum = "minimum_not_reached"
  case otherCurrency = "other_currency"
  case noGoods = "no_matching_goods"

  public var message: String {
    switch self {
    case .unknown: "There is no such coupon."
    case .inactive: "The coupon is not in use."
    case .expired: "The coupon has expired."
    case .notStarted: "The coupon cannot be used yet."
    case .usedUp: "The coupon has been used up."
    case .usedByYou: "You have used this coupon as often as it allows."
    case .minimum: "The coupon needs a larger purchase."
    case .otherCurrency: "The coupon is for another currency."
    case .noGoods: "Nothing in the cart is covered by the coupon."
    }
  }

  /// BIZ_5005.
  public func error(code: String) -> MarketError {
    MarketError(
      .invalidCoupon, message,
      details: .object([.init("reason", .string(rawValue)), .init("code", .string(code))]))
  }
}

public enum Coupons {
  // MARK: Their makers

  /// Errors: RES_4002 for a code that exists; VAL_3001 for a rule that makes no sense.
  public static func create(
    _ transaction: Transaction, _ input: CouponInput, caller: Caller
  ) throws -> CouponView {
    var coupon = Coupon()
    coupon.code = Coupon.folded(input.code)
    guard !coupon.code.isEmpty, coupon.code.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw MarketError.invalid(
        "/code", rule: "format", "A code has printable ASCII characters and no blanks.")
    }
    guard try transaction.get(Coupon.self, coupon.primaryKey) == nil else {
      throw MarketError(.alreadyExists, "There is a coupon with this code.")
    }
    coupon.sellerID = caller.isAdmin ? nil : caller.userID
    coupon.createdAt = transaction.time
    try set(&coupon, input, at: transaction.time)
    try transaction.insert(coupon)
    return CouponView(coupon)
  }

  /// Replaces all but the code. Errors: as `create`; RES_4001 for somebody else's.
  public static func replace(
    _ transaction: Transaction, code: String, _ input: CouponInput, caller: Caller
  ) throws -> CouponView {
    var coupon = try own(transaction, code, caller)
    guard Coupon.folded(input.code) == coupon.code else {
      throw MarketError.invalid(
        "/code", rule: "equal", "A coupon keeps its code; make another one instead.")
    }
    try set(&coupon, input, at: transaction.time)
    coupon.version += 1
    try transaction.put(coupon)
    return CouponView(coupon)
  }

  /// Ends a coupon. It stays on record, because orders name it.
  public static func end(
    _ transaction: Transaction, code: String, caller: Caller
  ) throws {
    var coupon = try own(transaction, code, caller)
    guard coupon.isActive else { return }
    coupon.isActive = false
    coupon.version += 1
    coupon.updatedAt = transaction.time
    try transaction.put(coupon)
  }

  /// The caller's coupons in order of their codes, an administrator's are all; from after `after`.
  public static func list(
    _ reader: some RecordReader, caller: Caller, after: String?, limit: Int
  ) throws -> (coupons: [CouponView], hasMore: Bool) {
    var page: [CouponView] = []
    var hasMore = false
    // The smallest key above that of `after`.
    let range = KeyRange(from: after.map { key($0) + [0] } ?? [])
    try reader.forEach(Coupon.self, range) { (coupon) throws(StoreError) -> ScanStep in
      guard caller.isAdmin || coupon.sellerID == caller.userID else { return .next }
      guard page.count < limit else {
        hasMore = true
        return .stop
      }
      page.append(CouponView(coupon))
      return .next
    }
    return (page, hasMore)
  }

  private static func own(
    _ reader: some RecordReader, _ code: String, _ caller: Caller
  ) throws -> Coupon {
    guard let coupon = try reader.get(Coupon.self, key(Coupon.folded(code))),
      caller.isAdmin || coupon.sellerID == caller.userID
    else { throw MarketError.notFound("coupon") }
    return coupon
  }

  private static func set(
    _ coupon: inout Coupon, _ input: CouponInput, at time: Timestamp
  ) throws {
    let digits = Currency.digits(input.currency)
    func minor(_ amount: Amount, _ digits: UInt8, _ path: String) throws -> Int64 {
      guard let scaled = amount.rescaled(toDigits: digits) else {
        throw MarketError.invalid(path, rule: "digits", "At most \(digits) digits after the point.")
      }
      return scaled.minor
    }
    coupon.type = input.type
    coupon.value = try minor(input.value, input.type == .percentage ? 2 : digits, "/value")
    if input.type == .percentage, coupon.value > 10_000 {
      throw MarketError.invalid("/value", rule: "range", "At most 100 percent can be taken off.")
    }
    if let starts = input.startsAt, let expires = input.expiresAt, expires <= starts {
      throw MarketError.invalid("/expiresAt", rule: "range", "A coupon ends after it starts.")
    }
    coupon.currency = input.currency
    coupon.minPurchaseMinor = try input.minPurchase.map { try minor($0, digits, "/minPurchase") }
    coupon.maxDiscountMinor = try input.maxDiscount.map { try minor($0, digits, "/maxDiscount") }
    coupon.usageLimit = input.usageLimit
    coupon.perUserLimit = input.perUserLimit
    coupon.startsAt = input.startsAt
    coupon.expiresAt = input.expiresAt
    coupon.isActive = input.isActive
    coupon.updatedAt = time
  }

  // MARK: Its users

  /// The coupon behind a code, and why this user cannot use it now, whatever is in the cart.
  static func find(
    _ reader: some RecordReader, code: String, userID: UUIDv7, at time: Timestamp
  ) throws -> (coupon: Coupon?, refusal: CouponRefusal?) {
    guard let coupon = try reader.get(Coupon.self, key(Coupon.folded(code))) else {
      return (nil, .unknown)
    }
    if !coupon.isActive { return (coupon, .inactive) }
    if let starts = coupon.startsAt, time < starts { return (coupon, .notStarted) }
    if let expires = coupon.expiresAt, time >= expires { return (coupon, .expired) }
    if let limit = coupon.usageLimit, coupon.usedCount >= limit { return (coupon, .usedUp) }
    if let limit = coupon.perUserLimit {
      let use = try reader.get(CouponUse.self, key(coupon.code, userID))
      if (use?.count ?? 0) >= limit { return (coupon, .usedByYou) }
    }
    return (coupon, nil)
  }

  /// Counts a use, in the commit of its order.
  static func count(
    _ transaction: Transaction, code: String, userID: UUIDv7, delta: Int64
  ) throws {
    guard var coupon = try transaction.get(Coupon.self, key(code)) else {
      throw MarketError(.internalError, "An order names a coupon that is not there.")
    }
    coupon.usedCount += delta
    try transaction.put(coupon)
    var use = try transaction.get(CouponUse.self, key(code, userID)) ?? CouponUse()
    use.code = code
    use.userID = userID
    use.count += delta
    if use.count > 0 {
      try transaction.put(use)
    } else {
      try transaction.delete(CouponUse.self, use.primaryKey)
    }
  }
}
