// DemandForecast: how many units will be asked for in the coming days, from how many were sold on each
// past one. A pure function of the series.
//
//   few data        fewer than 14 days, or fewer than 5 with a sale      nothing is forecast
//   intermittent    days / days with a sale >= 1.32                      Croston's method with the
//                                                                        Syntetos-Boylan correction
//   4 weeks or more                                                      additive Holt-Winters, weekly
//   else                                                                 exponential smoothing
//
// Sources: Croston, "Forecasting and stock control for intermittent demands" (1972); Syntetos and
// Boylan, "The accuracy of intermittent demand estimates" (2005), whose 1.32 it is; Holt-Winters as in
// Hyndman and Athanasopoulos, "Forecasting: principles and practice", chapter 8. The smoothing weights
// are those of a small grid with the least squared error one day ahead.

import Bytes
import Glibc

public enum ForecastMethod: String, FieldEnum {
  case tooFewData = "too_few_data"
  case croston
  case holtWinters = "holt_winters"
  case exponentialSmoothing = "exponential_smoothing"
}

public struct DemandForecast: Equatable, Sendable {
  public static let daysLeast = 14
  public static let soldDaysLeast = 5
  static let intermittentFrom = 1.32
  static let week = 7
  /// Of a normal distribution, 80 % lie within so many standard deviations.
  static let deviations = 1.2816

  public var method: ForecastMethod
  /// Units expected on each coming day, none negative.
  public var perDay: [Double] = []
  /// Units over all coming days, and the bounds that hold four times out of five.
  public var expected = 0.0
  public var lower = 0.0
  public var upper = 0.0

  /// - Parameters:
  ///   - sold: units sold a day, oldest first, none negative.
  ///   - horizon: days to look ahead, at least one.
  public init(sold: [Double], horizon: Int) {
    let soldDays = sold.count { $0 > 0 }
    guard sold.count >= Self.daysLeast, soldDays >= Self.soldDaysLeast else {
      method = .tooFewData
      return
    }
    let fit: Fit
    if Double(sold.count) / Double(soldDays) >= Self.intermittentFrom {
      method = .croston
      fit = Self.croston(sold)
    } else if sold.count >= 4 * Self.week {
      method = .holtWinters
      fit = Self.best(
        of: Self.grid.flatMap { level in
          Self.grid.map { season in
            Self.holtWinters(sold, level: level, trend: 0.05, season: season)
          }
        })
    } else {
      method = .exponentialSmoothing
      fit = Self.best(of: Self.grid.map { Self.smoothed(sold, weight: $0) })
    }
    perDay = (0..<max(1, horizon)).map { max(0, fit.ahead($0)) }
    expected = perDay.reduce(0, +)
    let spread = Self.deviations * fit.deviation * Double(perDay.count).squareRoot()
    lower = max(0, expected - spread)
    upper = expected + spread
  }

  // MARK: Methods

  private static let grid = [0.05, 0.1, 0.2, 0.3, 0.5]

  private struct Fit {
    var squaredError: Double
    var errors: Int
    /// The forecast for the day so many days after the first coming one.
    var ahead: (Int) -> Double

    var deviation: Double { errors > 0 ? (squaredError / Double(errors)).squareRoot() : 0 }
  }

  private static func best(of fits: [Fit]) -> Fit {
    fits.min { $0.deviation < $1.deviation }
      ?? Fit(squaredError: 0, errors: 0, ahead: { _ in 0 })
  }

  private static func smoothed(_ sold: [Double], weight: Double) -> Fit {
    let start = sold.prefix(week)
    var level = start.reduce(0, +) / Double(max(1, start.count))
    var squares = 0.0
    for value in sold.dropFirst(week) {
      let error = value - level
      squares += error * error
      level += weight * error
    }
    let last = level
    return Fit(squaredError: squares, errors: max(0, sold.count - week)) { _ in last }
  }

  private static func croston(_ sold: [Double]) -> Fit {
    let weight = 0.1
    let sales = sold.filter { $0 > 0 }
    var size = sales.reduce(0, +) / Double(max(1, sales.count))
    var gap = Double(sold.count) / Double(max(1, sales.count))
    var since = 1.0
    var squares = 0.0
    for value in sold {
      let rate = (1 - weight / 2) * size / gap
      squares += (value - rate) * (value - rate)
      if value > 0 {
        size += weight * (value - size)
        gap += weight * (since - gap)
        since = 1
      } else {
        since += 1
      }
    }
    let rate = (1 - weight / 2) * size / gap
    return Fit(squaredError: squares, errors: sold.count) { _ in rate }
  }

  private static func holtWinters(
    _ sold: [Double], level levelWeight: Double, trend trendWeight: Double, season weight: Double
  ) -> Fit {
    let first = sold[..<week].reduce(0, +) / Double(week)
    let second = sold[week..<2 * week].reduce(0, +) / Double(week)
    var level = first
    var trend = (second - first) / Double(week)
    var season = sold[..<week].map { $0 - first }
    var squares = 0.0
    for day in week..<sold.count {
      let error = sold[day] - (level + trend + season[day % week])
      squares += error * error
      let before = level
      level = levelWeight * (sold[day] - season[day % week]) + (1 - levelWeight) * (level + trend)
      trend = trendWeight * (level - before) + (1 - trendWeight) * trend
      season[day % week] = weight * (sold[day] - level) + (1 - weight) * season[day % week]
    }
    let (last, slope, pattern) = (level, trend, season)
    return Fit(squaredError: squares, errors: sold.count - week) { ahead in
      last + slope * Double(ahead + 1) + pattern[(sold.count + ahead) % week]
    }
  }
}
