// GeoArea: a part of the Earth between two parallels and two meridians, which may cross the date line.

import Glibc

/// A part of the Earth between two parallels and two meridians, in 1e-7 degrees.
struct GeoArea {
  var south: Int64
  var north: Int64
  /// From west to east; the west is east of the east when the area crosses the date line.
  var west: Int64
  var east: Int64

  static let quarter: Int64 = 900_000_000
  static let half: Int64 = 1_800_000_000

  /// Holds every point within `metres` of `origin`, and a little more.
  init(around origin: GeoPoint, metres: Double) {
    // A little more than the angle, for rounding.
    let angle = min(metres / GeoPoint.earthRadiusMetres, .pi) * (1 + 1e-9) + 1e-9
    let latitude = Double(origin.latitude) * GeoPoint.radiansPerUnit
    let reach = Int64((angle / GeoPoint.radiansPerUnit).rounded(.up)) + 1
    south = max(-Self.quarter, Int64(origin.latitude) - reach)
    north = min(Self.quarter, Int64(origin.latitude) + reach)
    let isAtPole = abs(latitude) + angle >= .pi / 2
    // The widest longitude of a circle that holds no pole.
    let ratio = isAtPole ? 1 : min(1, sin(angle) / cos(latitude))
    let width = isAtPole ? .pi : asin(ratio) * (1 + 1e-9) + 1e-9
    let reachEast = Int64((width / GeoPoint.radiansPerUnit).rounded(.up)) + 1
    // The two edges of the map are one meridian: an area that touches it has both.
    guard reachEast < Self.half - 1 else {
      (west, east) = (-Self.half, Self.half)
      return
    }
    west = Self.wrapped(Int64(origin.longitude) - reachEast)
    east = Self.wrapped(Int64(origin.longitude) + reachEast)
    if abs(west) == Self.half { west = Self.half }
    if abs(east) == Self.half { east = -Self.half }
  }

  /// A box; `west` may be east of `east`.
  init(north: Int64, west: Int64, south: Int64, east: Int64) {
    (self.north, self.south, self.west, self.east) = (north, south, west, east)
  }

  private static func wrapped(_ longitude: Int64) -> Int64 {
    longitude < -half
      ? longitude + 2 * half : longitude > half ? longitude - 2 * half : longitude
  }

  /// One, or two when the area crosses the date line; each from west to east.
  var spans: [ClosedRange<Int64>] {
    west <= east ? [west...east] : [west...Self.half, -Self.half...east]
  }

  @inline(__always)
  func contains(_ point: GeoPoint) -> Bool {
    let latitude = Int64(point.latitude)
    guard latitude >= south, latitude <= north else { return false }
    let longitude = Int64(point.longitude)
    return west <= east
      ? longitude >= west && longitude <= east : longitude >= west || longitude <= east
  }
}
