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

/// Answers fast whether places are within a distance of one; the same as comparing `metres`.
struct GeoCircle {
  let origin: GeoPoint
  let metres: Double
  private let cosine: Double
  /// The square of half the chord of the circle's radius.
  private let square: Double

  init(_ origin: GeoPoint, metres: Double) {
    self.origin = origin
    self.metres = metres
    cosine = cos(Double(origin.latitude) * GeoPoint.radiansPerUnit)
    let half = min(metres / GeoPoint.earthRadiusMetres / 2, .pi / 2)
    square = sin(half) * sin(half)
  }

  /// The Taylor series of the sine, within 1e-10 up to a right angle.
  @inline(__always)
  private static func sine(_ x: Double) -> Double {
    let y = x * x
    var sum = -1.0 / 1_307_674_368_000
    sum = sum * y + 1.0 / 6_227_020_800
    sum = sum * y - 1.0 / 39_916_800
    sum = sum * y + 1.0 / 362_880
    sum = sum * y - 1.0 / 5_040
    sum = sum * y + 1.0 / 120
    sum = sum * y - 1.0 / 6
    return x + x * y * sum
  }

  @inline(__always)
  func contains(_ point: GeoPoint) -> Bool {
    let half = GeoPoint.radiansPerUnit / 2
    let latitude = Self.sine(Double(Int64(point.latitude) - Int64(origin.latitude)) * half)
    var apart = abs(Int64(point.longitude) - Int64(origin.longitude))
    if apart > 1_800_000_000 { apart = 3_600_000_000 - apart }
    let longitude = Self.sine(Double(apart) * half)
    let halfSine = Self.sine(Double(point.latitude) * half)
    let found =
      latitude * latitude + cosine * (1 - 2 * halfSine * halfSine) * longitude * longitude
    // So near to the edge that rounding could decide, the formula itself does.
    if abs(found - square) <= 1e-8 * (square + found) + 1e-14 {
      return origin.metres(to: point) <= metres
    }
    return found < square
  }
}
