// Forecasts: each method where it belongs, and series whose future is known.

import Bytes
import Marketplace
import RecordStore
import Testing

@Suite struct ForecastTests {
  @Test func tooFewDaysOrSalesAreSaidToBeTooFew() {
    #expect(DemandForecast(sold: [], horizon: 7).method == .tooFewData)
    #expect(DemandForecast(sold: Array(repeating: 3, count: 13), horizon: 7).method == .tooFewData)
    let rare = (0..<60).map { $0 % 20 == 0 ? 4.0 : 0 }
    #expect(DemandForecast(sold: rare, horizon: 7).method == .tooFewData)
  }

  @Test func aConstantDemandGoesOn() {
    for days in [14, 20, 28, 100] {
      let forecast = DemandForecast(sold: Array(repeating: 5, count: days), horizon: 10)
      #expect(forecast.method == (days < 28 ? .exponentialSmoothing : .holtWinters))
      #expect(abs(forecast.expected - 50) < 1e-9)
      #expect(forecast.lower == forecast.expected && forecast.upper == forecast.expected)
      #expect(forecast.perDay.count == 10)
    }
  }

  @Test func aWeeklyPatternIsSeen() {
    let pattern = [2.0, 2, 3, 3, 5, 9, 8]
    let sold = (0..<56).map { pattern[$0 % 7] }
    let forecast = DemandForecast(sold: sold, horizon: 7)
    #expect(forecast.method == .holtWinters)
    for (day, expected) in forecast.perDay.enumerated() {
      #expect(abs(expected - pattern[day]) < 0.2, "day \(day)")
    }
  }

  @Test func rareSalesHaveARate() {
    // Three units every fifth day: 0.6 a day; the correction takes a twentieth off.
    let sold = (0..<100).map { $0 % 5 == 4 ? 3.0 : 0 }
    let forecast = DemandForecast(sold: sold, horizon: 30)
    #expect(forecast.method == .croston)
    #expect(abs(forecast.expected - 30 * 0.6 * 0.95) < 0.5)
    #expect(forecast.lower < forecast.expected && forecast.upper > forecast.expected)
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func anySeriesHasAFiniteForecastInItsBounds(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let days = Int(random.next() % 190)
    let most = random.next() % 1_000_000_000 + 1
    let sold = (0..<days).map { _ in random.next() % 3 == 0 ? 0 : Double(random.next() % most) }
    let forecast = DemandForecast(sold: sold, horizon: Int(random.next() % 90) + 1)
    #expect(forecast.expected.isFinite && forecast.upper.isFinite, "seed \(seed)")
    #expect(0 <= forecast.lower && forecast.lower <= forecast.expected, "seed \(seed)")
    #expect(forecast.expected <= forecast.upper, "seed \(seed)")
    #expect(forecast.perDay.allSatisfy { $0 >= 0 }, "seed \(seed)")
  }

  @Test func theSeriesIsSalesLessReturnsByDay() throws {
    let shop = try CheckoutFixture()
    let seller = try shop.user("seller@example.com", role: .seller)
    let product = try shop.product(of: seller, price: 100, stock: [500])
    let place = try #require(try Inventory.levels(shop.records, variantID: product.id).first)
    for day in 0..<30 {
      try shop.write { transaction in
        let shares = try Inventory.take(
          transaction, variantID: product.id, quantity: 4, referenceID: seller.id)
        if day % 10 == 0 {
          try Inventory.giveBack(
            transaction, variantID: product.id,
            shares: [StockShare(locationID: shares[0].locationID, quantity: 1)],
            referenceID: seller.id)
        }
        // Neither counted nor moved units are demand.
        try Inventory.adjust(
          transaction, variantID: product.id, locationID: place.locationID, delta: 2,
          kind: .restock)
      }
      shop.skip(seconds: 86_400)
    }
    let view = try ForecastView(
      productID: product.id, horizon: 7, shop.records, at: try shop.now())
    #expect(view.daysObserved == 30)
    #expect(view.unitsSold == 30 * 4 - 3)
    #expect(view.method == .holtWinters)
    #expect(view.available == 500 - 120 + 3 + 60)
    #expect(try #require(view.expected) > 20)
    let early = try ForecastView(
      productID: UUIDv7(high: 9, low: 9), horizon: 7, shop.records, at: try shop.now())
    #expect(early.method == .tooFewData && early.expected == nil && !early.message.isEmpty)
    try shop.finish()
  }
}
