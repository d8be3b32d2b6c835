// PlaceIndex: the places of a segment's documents, sorted by a grid, so that a circle or a box looks only
// at the documents of near cells.
//
// A cell is a row of latitude (1/65,536 of 180 degrees, 306 m) and a column of longitude (1/65,536 of 360
// degrees); its code is row << 16 | column. Rows cover a circle tightly, and each row costs one search.
//
// Invariants
// 1. `codes` ascend, and codes[n] is the cell of document documents[n]; equal cells by document.
// 2. points[d] is document d's place, packed; `points` is empty when no document has a place.

import Glibc

package struct PlaceIndex: Sendable {
  let points: Frozen<Int64>
  let codes: Frozen<UInt32>
  let documents: Frozen<UInt32>

  var sizeBytes: Int { points.sizeBytes + codes.sizeBytes + documents.sizeBytes }

  /// `points` has a packed place for each document.
  init(points: [Int64]) {
    var pairs: [UInt64] = []
    for (document, packed) in points.enumerated() {
      if let point = GeoPoint(packed: packed) {
        pairs.append(UInt64(Self.code(point)) << 32 | UInt64(document))
      }
    }
    pairs.sort()
    codes = Frozen(pairs.map { UInt32($0 >> 32) })
    documents = Frozen(pairs.map { UInt32(truncatingIfNeeded: $0) })
    self.points = Frozen(pairs.isEmpty ? [] : points)
  }

  func point(_ document: Int) -> GeoPoint? {
    points.count == 0 ? nil : GeoPoint(packed: points[document])
  }

  static func row(_ latitude: Int64) -> UInt32 {
    let shifted = min(max(latitude + 900_000_000, 0), 1_800_000_000)
    return UInt32(min(65_535, shifted * 65_536 / 1_800_000_000))
  }

  static func column(_ longitude: Int64) -> UInt32 {
    let shifted = min(max(longitude + 1_800_000_000, 0), 3_600_000_000)
    return UInt32(min(65_535, shifted * 65_536 / 3_600_000_000))
  }

  static func code(_ point: GeoPoint) -> UInt32 {
    row(Int64(point.latitude)) << 16 | column(Int64(point.longitude))
  }

  /// How many rows an area touches.
  static func rows(_ area: GeoArea) -> Int { Int(row(area.north) - row(area.south)) + 1 }

  /// The ranges of `documents` whose cells touch the area.
  func ranges(_ area: GeoArea) -> [Range<Int>] {
    let rows = Self.row(area.south)...Self.row(area.north)
    let spans = area.spans
    var ranges: [Range<Int>] = []
    var start = 0
    for row in rows {
      start = lowerBound(row << 16, from: start)
      for span in spans {
        let first = lowerBound(row << 16 | Self.column(span.lowerBound), from: start)
        let past = (row << 16 | Self.column(span.upperBound)).addingReportingOverflow(1)
        let end = past.overflow ? codes.count : lowerBound(past.partialValue, from: first)
        if end > first { ranges.append(first..<end) }
      }
    }
    return ranges
  }

  /// The first place whose code is not below `code`.
  private func lowerBound(_ code: UInt32, from: Int) -> Int {
    var low = from
    var high = codes.count
    while low < high {
      let middle = (low + high) / 2
      if codes.base[middle] < code { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

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
