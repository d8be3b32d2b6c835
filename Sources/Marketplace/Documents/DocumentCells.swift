// DocumentCells: numbers, dates and distances of documents and queries in the units of the engine's
// columns. Decimal numbers are moved by their digits, never through floating point.

import Bytes
import TextSearch

public enum DocumentCells {
  /// What dates of documents and queries may look like, as Elasticsearch calls it.
  public static let dateFormats = [
    "strict_date_optional_time", "strict_date_optional_time||epoch_millis", "date_optional_time",
    "epoch_millis",
  ]

  /// A number, or a string that is one.
  public static func number(_ value: JSONValue) -> Double? {
    let number: Double? =
      switch value {
      case .number(let text): Double(text)
      case .string(let text): Double(text)
      default: nil
      }
    return number.flatMap { $0.isFinite ? $0 : nil }
  }

  /// The greatest whole number of units that is not above `value`, and whether it is `value`.
  public static func floor(_ value: JSONValue, digits: Int) -> (cell: Int64, isExact: Bool)? {
    let text: String
    switch value {
    case .number(let written): text = written
    case .string(let written): text = written
    default: return nil
    }
    let bytes = Array(text.utf8)
    let decimal: (minor: Int64, digits: UInt8)?
    do throws(JSONError) {
      decimal = try JSONReader.read(bytes.span.bytes) { (reader) throws(JSONError) in
        let number = try reader.number()
        try reader.finish()
        return number.decimal
      }
    } catch {
      return nil
    }
    if let decimal { return scaled(decimal.minor, Int(decimal.digits), to: digits) }
    // Too long for exact digits: it is beyond every cell, or has more digits than matter.
    guard let number = Double(text), number.isFinite else { return nil }
    var scaled = number
    for _ in 0..<digits { scaled *= 10 }
    let down = scaled.rounded(.down)
    if down >= 0x1p63 { return (.max, false) }
    return down < -0x1p63 ? (.min, false) : (Int64(down), false)
  }

  private static func scaled(_ minor: Int64, _ from: Int, to: Int) -> (cell: Int64, isExact: Bool) {
    var minor = minor
    var isExact = true
    if from > to {
      for _ in to..<from {
        let next = minor.quotientAndRemainder(dividingBy: 10)
        isExact = isExact && next.remainder == 0
        minor = next.remainder < 0 ? next.quotient - 1 : next.quotient
      }
    } else {
      for _ in from..<to {
        let next = minor.multipliedReportingOverflow(by: 10)
        if next.overflow { return (minor < 0 ? .min : .max, false) }
        minor = next.partialValue
      }
    }
    return (minor, isExact)
  }

  /// A cell as the field's value; exact as far as a double is.
  public static func value(_ cell: Double, digits: Int) -> Double {
    var divisor = 1.0
    for _ in 0..<digits { divisor *= 10 }
    return cell / divisor
  }

  /// The microseconds of a date, and how many of them it names: a day when there is no time of day.
  ///
  /// - Parameter now: what `now-7d` is told from; nil where only dates that stay may be.
  public static func date(
    _ value: JSONValue, now: Timestamp? = nil
  ) -> (from: Int64, width: Int64)? {
    switch value {
    case .number:
      guard let millis = value.int64 else { return nil }
      let micros = millis.multipliedReportingOverflow(by: 1_000)
      return micros.overflow ? nil : (micros.partialValue, 1_000)
    case .string(let text):
      if text.hasPrefix("now") { return relative(text, to: now).map { ($0, 1) } }
      if text.utf8.count == 10, let day = Timestamp(text + "T00:00:00Z") {
        return (day.microseconds, 86_400_000_000)
      }
      if let time = Timestamp(text) ?? Timestamp(text + "Z") { return (time.microseconds, 1) }
      return text.utf8.count > 4 ? Int64(text).flatMap { date(.int($0)) } : nil
    default: return nil
    }
  }

  /// `now`, `now-7d`, `now+1h`.
  private static func relative(_ text: String, to now: Timestamp?) -> Int64? {
    guard let now = now?.microseconds else { return nil }
    let rest = text.dropFirst(3)
    guard let sign = rest.first else { return now }
    guard sign == "-" || sign == "+", let unit = rest.last, let seconds = seconds(of: unit),
      let count = Int64(rest.dropFirst().dropLast()), (0...1_000_000).contains(count)
    else { return nil }
    let micros = count * seconds * 1_000_000
    return sign == "-" ? now - micros : now + micros
  }

  public static func seconds(of unit: Character) -> Int64? {
    switch unit {
    case "s": 1
    case "m": 60
    case "h", "H": 3_600
    case "d": 86_400
    case "w": 604_800
    default: nil
    }
  }

  // MARK: Places and distances

  /// Metres of one unit; nil for a unit that nobody knows.
  public static func metres(of unit: String) -> Double? {
    switch unit {
    case "", "m", "meters": 1
    case "km", "kilometers": 1_000
    case "mi", "miles": 1_609.344
    case "yd", "yards": 0.9144
    case "ft", "feet": 0.3048
    case "in", "inch": 0.0254
    case "cm", "centimeters": 0.01
    case "mm", "millimeters": 0.001
    case "nmi", "NM", "nauticalmiles": 1_852
    default: nil
    }
  }

  /// `5mi`, `2.5 km`, or a number of metres.
  public static func distance(_ value: JSONValue) -> Double? {
    guard case .string(let text) = value else {
      return number(value).flatMap { $0 >= 0 ? $0 : nil }
    }
    let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "-" || $0 == "+" }
    let unit = text.dropFirst(digits.count).filter { $0 != " " }
    guard let number = Double(digits), number.isFinite, number >= 0, let metres = metres(of: unit)
    else { return nil }
    return number * metres
  }

  /// `{"lat":…,"lon":…}`, `[lon, lat]`, `"lat,lon"` or `POINT (lon lat)`.
  public static func place(_ value: JSONValue) -> GeoPoint? {
    var latitude: Double?
    var longitude: Double?
    switch value {
    case .object:
      latitude = value["lat"].flatMap(number)
      longitude = value["lon"].flatMap(number)
    case .array(let parts) where parts.count == 2:
      longitude = number(parts[0])
      latitude = number(parts[1])
    case .string(let text):
      if text.hasPrefix("POINT"), let open = text.firstIndex(of: "("), text.last == ")" {
        let parts = text[text.index(after: open)...].dropLast().split(separator: " ")
        guard parts.count == 2 else { return nil }
        (longitude, latitude) = (Double(parts[0]), Double(parts[1]))
      } else {
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        guard parts.count == 2 else { return nil }
        (latitude, longitude) = (Double(parts[0]), Double(parts[1]))
      }
    default: return nil
    }
    guard let latitude, let longitude else { return nil }
    return GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
  }
}
