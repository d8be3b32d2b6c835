// GeoCells: the coarse cells that an area or a circle touches, and those that lie in it whole. A document
// whose cell is not touched is out, one whose cell lies in it is in, and only the others' places are looked
// at. A cell takes two bytes where a place takes eight, and no sines.
//
// A cell is one of 250 rows of latitude (0.72 degrees, 80 km) and one of 256 columns of longitude; its number
// is row << 8 | column. Documents without a place are in a cell of their own, which no area touches.
//
// Invariants
// 1. Every place of the area is in a cell of `outer`.
// 2. Every place of a cell of `inner` is in the area, and in the circle if there is one.

import Glibc
import Kernels

final class GeoCells: Sendable {
  let area: GeoArea
  let circle: GeoCircle?
  let outer: Frozen<UInt64>
  let inner: Frozen<UInt64>

  static let rows = 250
  private static let height = 2 * GeoArea.quarter / 250
  private static let width = 2 * GeoArea.half / 256
  private static let none = UInt16.max

  static func cell(_ packed: Int64) -> UInt16 {
    guard let point = GeoPoint(packed: packed) else { return none }
    return UInt16(row(Int64(point.latitude)) << 8 | column(Int64(point.longitude)))
  }

  private static func row(_ latitude: Int64) -> Int {
    Int(min(max((latitude + GeoArea.quarter) / height, 0), Int64(rows - 1)))
  }

  private static func column(_ longitude: Int64) -> Int {
    Int(min(max((longitude + GeoArea.half) / width, 0), 255))
  }

  init(_ area: GeoArea, _ circle: GeoCircle?) {
    (self.area, self.circle) = (area, circle)
    var outer = [UInt64](repeating: 0, count: 1_024)
    var inner = outer
    func set(_ bits: inout [UInt64], _ row: Int, _ column: Int) {
      bits[row << 2 | column >> 6] |= 1 << UInt64(column & 63)
    }
    if area.south <= area.north {
      for row in Self.row(area.south)...Self.row(area.north) {
        for span in area.spans {
          for column in Self.column(span.lowerBound)...Self.column(span.upperBound) {
            set(&outer, row, column)
          }
        }
        for span in Self.within(row, area, circle) {
          // The whole cells between two meridians, which may lie beyond the date line.
          let first = (span.lowerBound + 3 * GeoArea.half + Self.width - 1) / Self.width
          let past = (span.upperBound + 3 * GeoArea.half) / Self.width
          for column in first..<max(first, min(past, first + 256)) {
            set(&inner, row, Int(column & 255))
          }
        }
      }
    }
    (self.outer, self.inner) = (Frozen(outer), Frozen(inner))
  }

  /// Between which meridians all of a row is in the area, or in the circle.
  private static func within(
    _ row: Int, _ area: GeoArea, _ circle: GeoCircle?
  ) -> [ClosedRange<Int64>] {
    let low = Int64(row) * height - GeoArea.quarter
    guard let circle else {
      return low >= area.south && low + height <= area.north ? area.spans : []
    }
    // On a meridian the farthest place of the row is at one of its ends, and on a parallel the farthest
    // place is at the edge, unless a pole or the other side of the Earth is near.
    guard circle.metres < 8_000_000, area.west != -GeoArea.half else { return [] }
    let reach = min(circle.reach(at: low), circle.reach(at: low + height))
    guard reach > 0 else { return [] }
    let origin = Int64(circle.origin.longitude)
    return [origin - reach...origin + reach]
  }

  /// Clears the bits of documents that are not in it; `cells` and `points` are the window's.
  func restrict(
    _ cells: UnsafePointer<UInt16>, _ points: UnsafePointer<Int64>,
    _ bits: UnsafeMutablePointer<UInt64>, _ unsure: UnsafeMutablePointer<UInt64>
  ) {
    kernels_keep_in_cells(cells, bits, Window.words, outer.base, inner.base, unsure)
    for word in 0..<Window.words where unsure[word] != 0 {
      forEachBit(unsure[word], word) { slot in
        if !contains(points[slot]) { bits[word] &= ~(1 << UInt64(slot & 63)) }
      }
    }
  }

  @inline(__always)
  func contains(_ packed: Int64) -> Bool {
    guard let point = GeoPoint(packed: packed), area.contains(point) else { return false }
    return circle?.contains(point) ?? true
  }
}

extension GeoCircle {
  /// How far east and west of the origin all places of a parallel are in the circle, in 1e-7 degrees, and a
  /// little less; zero or less: none are.
  fileprivate func reach(at latitude: Int64) -> Int64 {
    let (own, other) = (
      Double(origin.latitude) * GeoPoint.radiansPerUnit,
      Double(latitude) * GeoPoint.radiansPerUnit
    )
    let across = cos(own) * cos(other)
    guard across > 1e-6 else { return 0 }
    let cosine = (cos(metres / GeoPoint.earthRadiusMetres) - sin(own) * sin(other)) / across
    guard cosine < 1 else { return 0 }
    // A thousandth of a degree less covers any rounding.
    return Int64(acos(max(-1, cosine)) / GeoPoint.radiansPerUnit) - 10_000
  }
}
