// Quote: what lines cost, as a whole and split by seller. Used by the cart's view and by checkout,
// so that both say the same.
//
// A part's subtotal, tax and delivery fee are computed for the part, and the whole is their sum:
// identity 3 of Order.swift holds by construction. A discount on the whole is split over the parts
// by largest remainder.

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
  /// In order of the sellers' first lines.
  var parts: [Part] = []
  var pricing = Pricing()

  /// Throws `MoneyError.overflow` for amounts beyond 64 bits, `currencyMismatch` for lines of two
  /// currencies.
  init(
    _ lines: [PricedLine], policies: OrderPolicies, address: DeliveryAddress?,
    discountMinor: Int64 = 0
  ) throws(MoneyError) {
    self.lines = lines
    let currency = lines.first?.product.currency ?? ""
    var taxes: [Int64] = []
    for (index, line) in lines.enumerated() {
      guard line.product.currency == currency else {
        throw .currencyMismatch(currency, line.product.currency)
      }
      let total = try Money.product(line.variant.priceMinor, line.item.quantity)
      lineTotals.append(total)
      taxes.append(
        try policies.tax.tax(on: Money(minor: total, currency: currency), to: address))
      if let part = parts.firstIndex(where: { $0.sellerID == line.product.sellerID }) {
        parts[part].lines.append(index)
      } else {
        parts.append(Part(sellerID: line.product.sellerID, lines: [index]))
      }
    }
    for index in parts.indices {
      var part = Pricing()
      part.currency = currency
      part.subtotalMinor = try Money.sum(parts[index].lines.map { lineTotals[$0] })
      part.taxMinor = try Money.sum(parts[index].lines.map { taxes[$0] })
      part.deliveryFeeMinor = try policies.delivery.fee(
        for: Money(minor: part.subtotalMinor, currency: currency), to: address)
      parts[index].pricing = part
    }
    if discountMinor != 0, !parts.isEmpty {
      let shares = try Money.split(
        discountMinor, weights: parts.map(\.pricing.subtotalMinor))
      for (index, share) in shares.enumerated() { parts[index].pricing.discountMinor = share }
    }
    for index in parts.indices {
      parts[index].pricing.totalMinor = try Self.total(parts[index].pricing)
    }
    pricing.currency = currency
    pricing.subtotalMinor = try Money.sum(parts.map(\.pricing.subtotalMinor))
    pricing.taxMinor = try Money.sum(parts.map(\.pricing.taxMinor))
    pricing.deliveryFeeMinor = try Money.sum(parts.map(\.pricing.deliveryFeeMinor))
    pricing.discountMinor = try Money.sum(parts.map(\.pricing.discountMinor))
    pricing.totalMinor = try Self.total(pricing)
  }

  private static func total(_ pricing: Pricing) throws(MoneyError) -> Int64 {
    let sum = try Money.sum([
      pricing.subtotalMinor, pricing.taxMinor, pricing.deliveryFeeMinor,
    ])
    return try Money(minor: sum, currency: "").subtracting(
      Money(minor: pricing.discountMinor, currency: "")
    ).minor
  }
}
