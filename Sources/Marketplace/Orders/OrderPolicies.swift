// What a marketplace adds to the price of goods, tax and delivery, and what it keeps of it, each a
// policy with its default. The defaults are zero: souk knows no tax tables and no carriers, and a
// guess would be charged.

import Bytes

/// Tax on one line of an order.
public protocol TaxPolicy: Sendable {
  /// The tax in minor units on `amount`, the line's total before tax, rounded once.
  func tax(on amount: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64
}

/// What a seller charges for bringing the goods.
public protocol DeliveryPolicy: Sendable {
  /// The fee in minor units for one seller's part of an order.
  func fee(for subtotal: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64
}

/// One rate for everything, added to the price and rounded half-up for each line.
public struct FlatRateTax: TaxPolicy {
  /// Hundredths of a percent: 825 is 8.25 %.
  public var basisPoints: Int64

  public init(basisPoints: Int64 = 0) { self.basisPoints = basisPoints }

  public func tax(on amount: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64 {
    try Money.scaled(amount.minor, by: basisPoints, over: 10_000)
  }
}

/// One fee for each seller's part.
public struct FlatFeeDelivery: DeliveryPolicy {
  /// In minor units of the order's currency.
  public var feeMinor: Int64

  public init(feeMinor: Int64 = 0) { self.feeMinor = feeMinor }

  public func fee(for subtotal: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64 {
    feeMinor
  }
}

/// The policies that carts and checkouts use.
public struct OrderPolicies: Sendable {
  public var tax: any TaxPolicy
  public var delivery: any DeliveryPolicy
  /// What the marketplace keeps of a seller's goods, in hundredths of a percent, rounded half-up once
  /// a seller's part. Tax and delivery bear none.
  public var commissionBasisPoints: Int64

  public init(
    tax: any TaxPolicy = FlatRateTax(), delivery: any DeliveryPolicy = FlatFeeDelivery(),
    commissionBasisPoints: Int64 = 0
  ) {
    self.tax = tax
    self.delivery = delivery
    self.commissionBasisPoints = commissionBasisPoints
  }
}
