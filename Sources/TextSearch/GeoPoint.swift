// GeoPoint: a place on Earth, and the distance between two.

import Glibc

/// A place, in units of 1e-7 degrees (11 mm along a meridian).
public struct GeoPoint: Hashable, Sendable {
  /// -900,000,000 (south pole) ... 900,000,000.
  public let latitude: Int32
  /// -1,800,000,000 ... 1,800,000,000, east positive.
  public let longitude: Int32

  /// Nil when out of range.
  public init?(latitude: Int32, longitude: Int32) {
    guard (-900_000_000...900_000_000).contains(latitude),
      (-1_800_000_000...1_800_000_000).contains(longitude)
    else { return nil }
    self.latitude = latitude
    self.longitude = longitude
  }

  /// Nil when out of range or not finite. Rounds to 1e-7 degrees.
  public init?(degreesLatitude: Double, degreesLongitude: Double) {
    guard abs(degreesLatitude) <= 90, abs(degreesLongitude) <= 180 else { return nil }
    self.init(
      latitude: Int32((degreesLatitude * 1e7).rounded()),
      longitude: Int32((degreesLongitude * 1e7).rounded()))
  }

  /// Earth's mean radius in metres (IUGG).
  public static let earthRadiusMetres = 6_371_008.8

  static let radiansPerUnit = Double.pi / 180 / 1e7

  /// Great-circle distance by the haversine formula, which stays exact for near points. The date
  /// line needs no care: only the sine of half the longitudes' difference is used.
  public func metres(to other: GeoPoint) -> Double {
    let halfLatitude = Double(other.latitude - latitude) * Self.radiansPerUnit / 2
    let halfLongitude =
      Double(Int64(other.longitude) - Int64(longitude)) * Self.radiansPerUnit / 2
    let sineLatitude = sin(halfLatitude)
    let sineLongitude = sin(halfLongitude)
    let cosines =
      cos(Double(latitude) * Self.radiansPerUnit)
      * cos(Double(other.latitude) * Self.radiansPerUnit)
    let square = sineLatitude * sineLatitude + cosines * sineLongitude * sineLongitude
    // Rounding can lift the square of an antipode's half chord over one.
    return 2 * Self.earthRadiusMetres * asin(min(1, square.squareRoot()))
  }

  /// True only when the latitudes alone put `other` beyond `metres`: a cheap first test.
  func isSurelyBeyond(_ metres: Double, from other: GeoPoint) -> Bool {
    let apart = abs(Double(other.latitude) - Double(latitude)) * Self.radiansPerUnit
    return apart * Self.earthRadiusMetres > metres * 1.000_001 + 0.1
  }

  // Packed for a column: latitude in the high half. No valid point packs to `Int64.min`.
  var packed: Int64 { Int64(latitude) << 32 | Int64(UInt32(bitPattern: longitude)) }

  static let packedNone = Int64.min

  init?(packed: Int64) {
    guard packed != Self.packedNone else { return nil }
    self.init(
      latitude: Int32(truncatingIfNeeded: packed >> 32),
      longitude: Int32(truncatingIfNeeded: packed))
  }
}
