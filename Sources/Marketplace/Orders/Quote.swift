// Quote: what lines cost, as a whole and split by seller. Used by the cart's view and by checkout,
// so that both say the same.
//
// 1. A coupon's discount is split over the lines that it covers by largest remainder, and tax is on
//    what a line costs after its share, rounded once a line.
// 2. A part's amounts are the sums over its lines and its delivery fee, and the whole is the sum of
//    the parts: identity 3 of Order.swift holds by construction.

import Bytes
import RecordStore

/// A cart line with the product and variant that it names.
struct PricedLine {
  var item: CartItem
  var product: Product
  var variant: ProductVariant

  init(_ item: CartItem, _ product: Product, _ variant: ProductVariant) {
    self.item = item
    self.product = product
    self.variant = variant
  }
}

struct Quote {
  /// One seller's lines and what they cost.
  struct Part {
    var sellerID: UUIDv7
    /// Indices into `lines`.
    var lines: [Int] = []
    var pricing = Pricing()
  }

  var lines: [PricedLine]
  /// Price × quantity of each line.
  var lineTotals: [Int64] = []
  /// Each line's share of the discount, and its tax.
  var lineDiscounts: [Int64] = []
  var lineTaxes: [Int64] = []
  /// In order of the sellers' first lines.
  var parts: [Part] = []
  var pricing = Pricing()
  /// Why the coupon takes nothing off these lines.
  var couponRefusal: CouponRefusal?

  /// Throws `MoneyError.overflow` for amounts beyond 64 bits, `currencyMismatch` for lines of two
  /// currencies.
  init(
    _ lines: [PricedLine], policies: OrderPolicies, address: DeliveryAddress?,
    coupon: Coupon? = nil
  ) throws(MoneyError) {
    self.lines = lines
    let currency = lines.first?.product.currency ?? ""
    lineTotals.reserveCapacity(lines.count)
    lineTaxes.reserveCapacity(lines.count)
    parts.reserveCapacity(lines.count)
    for (index, line) in lines.enumerated() {
      guard line.product.currency == currency else {
        throw .currencyMismatch(currency, line.product.currency)
      }
      lineTotals.append(try Money.product(line.variant.priceMinor, line.item.quantity))
      if let part = parts.firstIndex(where: { $0.sellerID == line.product.sellerID }) {
        parts[part].lines.append(index)
      } else {
        parts.append(Part(sellerID: line.product.sellerID, lines: [index]))
      }
    }
    lineDiscounts = Array(repeating: 0, count: lines.count)
    if let coupon { try apply(coupon, currency) }
    for index in lines.indices {
      let net = Money(minor: lineTotals[index] - lineDiscounts[index], currency: currency)
      lineTaxes.append(try policies.tax.tax(on: net, to: address))
    }
    for index in parts.indices {
      let own = parts[index].lines
      var part = Pricing()
      part.currency = currency
      part.subtotalMinor = try Self.sum(lineTotals, at: own)
      part.taxMinor = try Self.sum(lineTaxes, at: own)
      part.discountMinor = try Self.sum(lineDiscounts, at: own)
      part.deliveryFeeMinor = try policies.delivery.fee(
        for: Money(minor: part.subtotalMinor - part.discountMinor, currency: currency),
        to: address)
      part.totalMinor = try Self.total(part)
      parts[index].pricing = part
    }
    pricing.currency = currency
    pricing.subtotalMinor = try Money.sum(parts.lazy.map(\.pricing.subtotalMinor))
    pricing.taxMinor = try Money.sum(parts.lazy.map(\.pricing.taxMinor))
    pricing.deliveryFeeMinor = try Money.sum(parts.lazy.map(\.pricing.deliveryFeeMinor))
    pricing.discountMinor = try Money.sum(parts.lazy.map(\.pricing.discountMinor))
    pricing.totalMinor = try Self.total(pricing)
  }

  private mutating func apply(_ coupon: Coupon, _ currency: String) throws(MoneyError) {
    let covered =
      coupon.sellerID == nil
      ? Array(lines.indices)
      : lines.indices.filter { lines[$0].product.sellerID == coupon.sellerID }
    let isMoney =
      coupon.type == .fixed || coupon.minPurchaseMinor != nil
      || coupon.maxDiscountMinor != nil
    let eligible = try Money.sum(covered.map { lineTotals[$0] })
    if covered.isEmpty {
      couponRefusal = .noGoods
    } else if isMoney, coupon.currency != currency {
      couponRefusal = .otherCurrency
    } else if eligible < coupon.minPurchaseMinor ?? 0 {
      couponRefusal = .minimum
    } else {
      let shares = try Money.split(
        try coupon.discount(on: eligible), weights: covered.map { lineTotals[$0] })
      for (index, share) in zip(covered, shares) { lineDiscounts[index] = share }
    }
  }

  private static func sum(_ amounts: [Int64], at places: [Int]) throws(MoneyError) -> Int64 {
    try Money.sum(places.lazy.map { amounts[$0] })
  }

  private static func total(_ pricing: Pricing) throws(MoneyError) -> Int64 {
    try Money.sum([
      pricing.subtotalMinor, pricing.taxMinor, pricing.deliveryFeeMinor, -pricing.discountMinor,
    ])
  }
}
