// PlaceIndex: the places of a segment's documents, sorted by a grid, so that a circle or a box looks only
// at the documents of near cells.
//
// A cell is a row of latitude (1/65,536 of 180 degrees, 306 m) and a column of longitude (1/65,536 of 360
// degrees); its code is row << 16 | column. Rows cover a circle tightly, and each row costs one search.
//
// Invariants
// 1. `codes` ascend, and codes[n] is the cell of document documents[n]; equal cells by document.
// 2. points[d] is document d's place, packed, and cells[d] its coarse cell (`GeoCells`); both are empty when
//    no document has a place.

package struct PlaceIndex: Sendable {
  let points: Frozen<Int64>
  let codes: Frozen<UInt32>
  let documents: Frozen<UInt32>
  let cells: Frozen<UInt16>

  var sizeBytes: Int {
    points.sizeBytes + codes.sizeBytes + documents.sizeBytes + cells.sizeBytes
  }

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
    cells = Frozen(pairs.isEmpty ? [] : points.map(GeoCells.cell))
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
