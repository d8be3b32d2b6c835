// Coupon: a code that lowers the price of goods, and how often each user has used it.
//
// Invariants
// 1. A code is kept folded to capitals; two coupons never have the same one.
// 2. 0 ≤ usedCount ≤ usageLimit, and a user's count stays within `perUserLimit`: both are counted in
//    the commit of the order that uses the coupon, and given back when that order is cancelled.
// 3. A seller's coupon lowers the price of that seller's goods only, and the seller bears it; the
//    marketplace bears one of its own.

import Bytes
import RecordStore

public enum CouponType: String, FieldEnum {
  /// `value` is hundredths of a percent.
  case percentage
  /// `value` is minor units of `currency`.
  case fixed
}

/// Table 30.
public struct Coupon: Record, Equatable {
  public static let codeBytesMax = 40

  public var code = ""
  public var type = CouponType.percentage
  public var value: Int64 = 0
  /// Of a fixed amount and of the two bounds.
  public var currency = ""
  public var minPurchaseMinor: Int64?
  public var maxDiscountMinor: Int64?
  /// Nil for a coupon of the marketplace.
  public var sellerID: UUIDv7?
  public var usageLimit: Int64?
  public var perUserLimit: Int64?
  public var usedCount: Int64 = 0
  public var startsAt: Timestamp?
  public var expiresAt: Timestamp?
  public var isActive = true
  public var version: Int64 = 1
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code)
    try visitor.field(2, "type", &type)
    try visitor.field(3, "value", &value)
    try visitor.field(4, "currency", &currency)
    try visitor.field(5, "minPurchaseMinor", &minPurchaseMinor)
    try visitor.field(6, "maxDiscountMinor", &maxDiscountMinor)
    try visitor.field(7, "sellerId", &sellerID)
    try visitor.field(8, "usageLimit", &usageLimit)
    try visitor.field(9, "perUserLimit", &perUserLimit)
    try visitor.field(10, "usedCount", &usedCount)
    try visitor.field(11, "startsAt", &startsAt)
    try visitor.field(12, "expiresAt", &expiresAt)
    try visitor.field(13, "isActive", &isActive)
    try visitor.field(14, "version", &version)
    try visitor.field(15, "createdAt", &createdAt)
    try visitor.field(16, "updatedAt", &updatedAt)
  }

  public static let table = Table<Coupon>(number: 30, name: "coupons")
  public var primaryKey: [UInt8] { key(code) }

  /// The code as it is kept: capitals, without blanks around it.
  public static func folded(_ code: String) -> String {
    var text = code.uppercased()[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  /// What it takes off goods that cost `eligible` minor units: never more than they cost.
  public func discount(on eligible: Int64) throws(MoneyError) -> Int64 {
    let wanted =
      switch type {
      case .percentage: try Money.scaled(eligible, by: value, over: 10_000)
      case .fixed: value
      }
    return max(0, min(wanted, maxDiscountMinor ?? wanted, eligible))
  }
}

/// How often a user has used a coupon. Table 31.
public struct CouponUse: Record, Equatable {
  public var code = ""
  public var userID = UUIDv7.zero
  public var count: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "count", &count)
  }

  public static let table = Table<CouponUse>(number: 31, name: "couponUses")
  public var primaryKey: [UInt8] { key(code, userID) }
}

/// POST /coupons, and PUT /coupons/{code} without the code.
public struct CouponInput: Fields, Equatable {
  public var code = ""
  public var type = CouponType.percentage
  public var value: Amount = 0
  public var currency = Carts.defaultCurrency
  public var minPurchase: Amount?
  public var maxDiscount: Amount?
  public var usageLimit: Int64?
  public var perUserLimit: Int64?
  public var startsAt: Timestamp?
  public var expiresAt: Timestamp?
  public var isActive = true

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "code", &code,
      .length(1...Coupon.codeBytesMax).required.summary("Capitals and small letters are the same."))
    try visitor.field(2, "type", &type, .required)
    try visitor.field(
      3, "value", &value,
      .amount(above: 0, to: 1_000_000).required.summary("Percent, or an amount of `currency`."))
    try visitor.field(4, "currency", &currency, .format("currency"))
    try visitor.field(5, "minPurchase", &minPurchase, .amount(0, to: 1_000_000))
    try visitor.field(6, "maxDiscount", &maxDiscount, .amount(above: 0, to: 1_000_000))
    try visitor.field(7, "usageLimit", &usageLimit, .range(1...1_000_000_000))
    try visitor.field(8, "perUserLimit", &perUserLimit, .range(1...1_000_000))
    try visitor.field(9, "startsAt", &startsAt)
    try visitor.field(10, "expiresAt", &expiresAt)
    try visitor.field(11, "isActive", &isActive)
  }
}

/// POST /cart/coupons.
public struct CouponApplyRequest: Fields, Equatable {
  public var code = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code, .length(1...Coupon.codeBytesMax).required)
  }
}

/// A coupon as the API shows it.
public struct CouponView: Fields, Equatable {
  public var code = ""
  public var type = CouponType.percentage
  public var value: Amount = 0
  public var currency = ""
  public var minPurchase: Amount?
  public var maxDiscount: Amount?
  public var sellerID: UUIDv7?
  public var usageLimit: Int64?
  public var perUserLimit: Int64?
  public var usedCount: Int64 = 0
  public var startsAt: Timestamp?
  public var expiresAt: Timestamp?
  public var isActive = true
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public init(_ coupon: Coupon) {
    let digits = Currency.digits(coupon.currency)
    code = coupon.code
    type = coupon.type
    value = Amount(minor: coupon.value, digits: coupon.type == .percentage ? 2 : digits)
    currency = coupon.currency
    minPurchase = coupon.minPurchaseMinor.map { Amount(minor: $0, digits: digits) }
    maxDiscount = coupon.maxDiscountMinor.map { Amount(minor: $0, digits: digits) }
    sellerID = coupon.sellerID
    usageLimit = coupon.usageLimit
    perUserLimit = coupon.perUserLimit
    usedCount = coupon.usedCount
    startsAt = coupon.startsAt
    expiresAt = coupon.expiresAt
    isActive = coupon.isActive
    createdAt = coupon.createdAt
    updatedAt = coupon.updatedAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "code", &code)
    try visitor.field(2, "type", &type)
    try visitor.field(3, "value", &value)
    try visitor.field(4, "currency", &currency)
    try visitor.field(5, "minPurchase", &minPurchase)
    try visitor.field(6, "maxDiscount", &maxDiscount)
    try visitor.field(7, "sellerId", &sellerID)
    try visitor.field(8, "usageLimit", &usageLimit)
    try visitor.field(9, "perUserLimit", &perUserLimit)
    try visitor.field(10, "usedCount", &usedCount)
    try visitor.field(11, "startsAt", &startsAt)
    try visitor.field(12, "expiresAt", &expiresAt)
    try visitor.field(13, "isActive", &isActive)
    try visitor.field(14, "createdAt", &createdAt)
    try visitor.field(15, "updatedAt", &updatedAt)
  }
}
