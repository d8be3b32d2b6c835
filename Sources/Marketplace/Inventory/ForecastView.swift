// ForecastView: GET /inventory/forecast/{productId}. The series are a product's own sales, from its
// movements: units sold less units returned, by day of UTC, over the last half year or since its first
// movement. Today is not over and does not count.

import Bytes
import RecordStore

public struct ForecastView: Fields, Equatable {
  public static let daysBack: Int64 = 182
  public static let horizonMax = 90

  public var productID = UUIDv7.zero
  public var method = ForecastMethod.tooFewData
  /// Whole days that were looked at, and the units sold in them.
  public var daysObserved: Int64 = 0
  public var unitsSold: Int64 = 0
  public var horizonDays: Int64 = 0
  public var expected: Double?
  public var lower: Double?
  public var upper: Double?
  public var perDay: [Double] = []
  public var available: Int64 = 0
  /// After how many days what is available will be sold, at the expected rate.
  public var daysOfStock: Double?
  public var message = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID)
    try visitor.field(2, "method", &method)
    try visitor.field(3, "daysObserved", &daysObserved)
    try visitor.field(4, "unitsSold", &unitsSold)
    try visitor.field(5, "horizonDays", &horizonDays)
    try visitor.field(6, "expected", &expected)
    try visitor.field(7, "lower", &lower, FieldRules().summary("With upper: four times in five."))
    try visitor.field(8, "upper", &upper)
    try visitor.field(9, "perDay", &perDay)
    try visitor.field(10, "available", &available)
    try visitor.field(11, "daysOfStock", &daysOfStock)
    try visitor.field(12, "message", &message)
  }

  /// - Parameter horizon: 1 ... `horizonMax` days.
  public init(
    productID: UUIDv7, horizon: Int, _ reader: some RecordReader, at time: Timestamp
  ) throws {
    let sold = try Self.series(reader, productID: productID, at: time)
    self.productID = productID
    daysObserved = Int64(sold.count)
    unitsSold = try Inventory.total(sold)
    horizonDays = Int64(horizon)
    available = try Inventory.available(reader, productID: productID)
    let forecast = DemandForecast(sold: sold.map(Double.init), horizon: horizon)
    method = forecast.method
    guard method != .tooFewData else {
      message =
        "There are too few data: a forecast needs \(DemandForecast.daysLeast) days, "
        + "\(DemandForecast.soldDaysLeast) of them with a sale."
      return
    }
    expected = Self.rounded(forecast.expected)
    lower = Self.rounded(forecast.lower)
    upper = Self.rounded(forecast.upper)
    perDay = forecast.perDay.map(Self.rounded)
    let rate = forecast.expected / Double(horizon)
    daysOfStock = rate > 0 ? Self.rounded(Double(available) / rate) : nil
  }

  /// Hundredths: more digits would claim what nobody knows.
  private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  /// Units sold less returned on each whole day, oldest first, none below zero.
  static func series(
    _ reader: some RecordReader, productID: UUIDv7, at time: Timestamp
  ) throws -> [Int64] {
    let dayMicros: Int64 = 86_400_000_000
    let today = time.microseconds / dayMicros
    let first = today - daysBack
    let start = UUIDv7(time: Timestamp(microseconds: first * dayMicros), random: (0, 0))
    var days = [Int64](repeating: 0, count: Int(daysBack))
    var earliest = today
    for level in try Inventory.levels(reader, productID: productID) {
      let prefix = key(level.variantID, level.locationID)
      var range = KeyRange(prefix: prefix)
      range.lower = prefix + key(start)
      try reader.forEach(in: StockMovement.byLevel, .range(range)) {
        (movement) throws(StoreError) -> ScanStep in
        let day = movement.createdAt.microseconds / dayMicros
        guard day >= first, day < today else { return day < first ? .next : .stop }
        earliest = min(earliest, day)
        if movement.kind == .sale || movement.kind == .return {
          days[Int(day - first)] -= movement.quantity
        }
        return .next
      }
    }
    return days[Int(earliest - first)...].map { max(0, $0) }
  }
}
