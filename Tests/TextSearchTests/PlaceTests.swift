// PlaceTests: circles and boxes on the grid against every place, the poles and the date line included.

import Glibc
import Testing

@testable import TextSearch

@Suite struct PlaceTests {
  /// Often at the edges of the map, where things go wrong.
  static func place(_ random: inout Random) throws -> GeoPoint {
    func coordinate(_ most: Int) -> Int32 {
      switch random.below(6) {
      case 0: return Int32(most)
      case 1: return Int32(-most)
      case 2: return Int32(most - random.below(1_000_000))
      case 3: return Int32(random.below(2_000_001) - 1_000_000)
      default: return Int32(random.below(2 * most + 1) - most)
      }
    }
    return try #require(
      GeoPoint(latitude: coordinate(900_000_000), longitude: coordinate(1_800_000_000)))
  }

  static func metres(_ random: inout Random) -> Double {
    switch random.below(5) {
    case 0: 0
    case 1: Double(random.below(1_000)) / 10
    case 2: Double(random.below(100_000))
    case 3: Double(random.below(2_000_000))
    default: Double(random.below(21_000_000))
    }
  }

  @Test func circlesHoldWhatTheHaversineSays() throws {
    var random = Random(3)
    for round in 0..<4_000 {
      let origin = try Self.place(&random)
      var metres = Self.metres(&random)
      let other = try Self.place(&random)
      // Exactly at the edge, now and then.
      if round % 7 == 0 { metres = origin.metres(to: other) }
      let isInside = origin.metres(to: other) <= metres
      #expect(GeoCircle(origin, metres: metres).contains(other) == isInside, "round \(round)")
      if isInside {
        #expect(GeoArea(around: origin, metres: metres).contains(other), "round \(round)")
      }
    }
  }

  @Test func theGridFindsEveryPlaceOfAnArea() throws {
    var random = Random(5)
    var points: [Int64] = []
    for _ in 0..<1_200 {
      points.append(random.below(5) == 0 ? GeoPoint.packedNone : try Self.place(&random).packed)
    }
    let index = PlaceIndex(points: points)
    for round in 0..<80 {
      let origin = try Self.place(&random)
      let other = try Self.place(&random)
      let metres = Self.metres(&random)
      let box = GeoArea(
        north: Int64(max(origin.latitude, other.latitude)), west: Int64(origin.longitude),
        south: Int64(min(origin.latitude, other.latitude)), east: Int64(other.longitude))
      for area in [GeoArea(around: origin, metres: metres), box] {
        #expect(PlaceIndex.rows(area) >= 1)
        let found = Set(index.ranges(area).joined().map { Int(index.documents[$0]) })
        for document in points.indices {
          guard let point = index.point(document), area.contains(point) else { continue }
          #expect(found.contains(document), "round \(round)")
        }
      }
    }
  }

  /// Near the edges of the area and of its cells too, where a cell is taken for what it is not.
  @Test func coarseCellsDecideAsThePlacesDo() throws {
    var random = Random(6)
    var inside = 0
    var points = try (0..<1_500).map { _ in try Self.place(&random).packed }
    points.append(GeoPoint.packedNone)
    let cells = points.map(GeoCells.cell)
    for round in 0..<400 {
      let origin = try Self.place(&random)
      let other = try Self.place(&random)
      let metres = Self.metres(&random)
      let box = GeoArea(
        north: Int64(max(origin.latitude, other.latitude)), west: Int64(origin.longitude),
        south: Int64(min(origin.latitude, other.latitude)), east: Int64(other.longitude))
      let circle = GeoCircle(origin, metres: metres)
      for region in [
        GeoCells(GeoArea(around: origin, metres: metres), circle), GeoCells(box, nil),
      ] {
        for (packed, cell) in zip(points, cells) {
          let bit = UInt64(1) << UInt64(cell & 63)
          let isOuter = region.outer[Int(cell >> 6)] & bit != 0
          let isInner = region.inner[Int(cell >> 6)] & bit != 0
          let isIn = GeoPoint(packed: packed).map { point in
            region.circle.map { $0.origin.metres(to: point) <= metres }
              ?? region.area.contains(point)
          }
          #expect(isIn != true || isOuter, "round \(round)")
          #expect(!isInner || isIn == true, "round \(round)")
          #expect(region.contains(packed) == (isIn ?? false))
          if isInner { inside += 1 }
        }
      }
    }
    #expect(inside > 10_000, "hardly any cell was enough")
  }

  /// Along the rim of circles of every size: just inside and just outside.
  @Test func noCellReachesOverTheRimOfACircle() throws {
    var random = Random(7)
    for round in 0..<3_000 {
      let origin = try Self.place(&random)
      let metres = Self.metres(&random)
      let region = GeoCells(
        GeoArea(around: origin, metres: metres), GeoCircle(origin, metres: metres))
      let angle = Double(random.below(360)) * .pi / 180
      let reach = metres / 111_195
      let latitude = Double(origin.latitude) / 1e7 + reach * cos(angle)
      guard abs(latitude) < 90 else { continue }
      var longitude =
        Double(origin.longitude) / 1e7
        + reach * sin(angle) / max(0.01, cos(latitude * .pi / 180))
      longitude -= (longitude / 360).rounded() * 360
      guard let near = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude) else {
        continue
      }
      let cell = GeoCells.cell(near.packed)
      let isInner = region.inner[Int(cell >> 6)] >> UInt64(cell & 63) & 1 == 1
      let isOuter = region.outer[Int(cell >> 6)] >> UInt64(cell & 63) & 1 == 1
      let isIn = origin.metres(to: near) <= metres
      #expect(!isInner || isIn, "round \(round)")
      #expect(isOuter || !isIn, "round \(round)")
    }
  }
}
