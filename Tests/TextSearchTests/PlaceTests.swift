// PlaceTests: circles and boxes on the grid against every place, the poles and the date line included.

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
}
