// Ranking: the best `limit` rows, in order, from wherever the query continues.
//
// Each sort key becomes 64 bits whose unsigned order is the wanted order, so that a row is compared
// by up to four integers and its ordinal. The heap keeps its worst row on top.

struct Ranking {
  struct Row {
    var keys: SIMD4<UInt64>
    var ordinal: UInt32
    var segment: Int
    var document: Int
    var score: Double

    @inline(__always)
    func precedes(_ other: Row) -> Bool {
      for index in 0..<4 where keys[index] != other.keys[index] {
        return keys[index] < other.keys[index]
      }
      return ordinal < other.ordinal
    }
  }

  private enum Key {
    case score
    case ascending(ChunkedColumn<Int64>)
    case descending(ChunkedColumn<Int64>)
    case distance(GeoPoint, ChunkedColumn<Int64>)
  }

  private static let signBit: UInt64 = 1 << 63
  private let keys: [Key]
  private let limit: Int
  private var after: Row?
  private var heap: [Row] = []

  init(_ query: TextQuery, _ state: IndexState) throws(TextError) {
    guard query.sort.count <= TextQuery.sortKeysMax else { throw .tooManySortKeys }
    limit = query.limit
    var keys: [Key] = []
    for key in query.sort {
      switch key {
      case .score: keys.append(.score)
      case .ascending(let name): keys.append(.ascending(try Self.column(name, state)))
      case .descending(let name): keys.append(.descending(try Self.column(name, state)))
      case .distance:
        guard let origin = query.origin else { throw .invalidDistance }
        keys.append(.distance(origin, state.points))
      }
    }
    self.keys = keys
    if let position = query.after { after = try row(at: position) }
  }

  private static func column(
    _ name: String, _ state: IndexState
  ) throws(TextError) -> ChunkedColumn<Int64> {
    guard let index = state.schema.column(name) else { throw .unknownColumn(name) }
    return state.columns[index]
  }

  private func row(at position: TextPosition) throws(TextError) -> Row {
    guard position.values.count == keys.count else { throw .invalidPosition }
    var bits = SIMD4<UInt64>()
    for (index, value) in position.values.enumerated() {
      switch (keys[index], value) {
      case (.score, .score(let score)) where score >= 0: bits[index] = ~score.bitPattern
      case (.ascending, .number(let number)): bits[index] = Self.ascending(number)
      case (.descending, .number(let number)): bits[index] = ~Self.ascending(number)
      case (.distance, .metres(let metres)) where metres >= 0: bits[index] = metres.bitPattern
      default: throw .invalidPosition
      }
    }
    return Row(keys: bits, ordinal: position.ordinal, segment: 0, document: 0, score: 0)
  }

  private static func ascending(_ number: Int64) -> UInt64 {
    UInt64(bitPattern: number) ^ signBit
  }

  @inline(__always)
  private func bits(_ key: Key, _ ordinal: UInt32, _ score: Double) -> UInt64 {
    switch key {
    // Scores and distances are never negative, so their bit patterns order as they do.
    case .score: return ~score.bitPattern
    case .ascending(let column): return Self.ascending(column[ordinal])
    case .descending(let column): return ~Self.ascending(column[ordinal])
    case .distance(let origin, let points):
      return (GeoPoint(packed: points[ordinal]).map { origin.metres(to: $0) } ?? .infinity)
        .bitPattern
    }
  }

  @inline(__always)
  mutating func offer(ordinal: UInt32, score: Double, segment: Int, document: Int) {
    guard limit > 0 else { return }
    var row = Row(
      keys: SIMD4(), ordinal: ordinal, segment: segment, document: document, score: score)
    for index in keys.indices {
      row.keys[index] = bits(keys[index], ordinal, score)
      if index == 0, heap.count == limit, row.keys[0] > heap[0].keys[0] { return }
    }
    if let after, !after.precedes(row) { return }
    if heap.count < limit {
      heap.append(row)
      siftUp()
    } else if row.precedes(heap[0]) {
      heap[0] = row
      siftDown()
    }
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[parent].precedes(heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child].precedes(heap[child + 1]) { child += 1 }
      guard heap[parent].precedes(heap[child]) else { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }

  func sorted() -> [Row] { heap.sorted { $0.precedes($1) } }

  func values(of row: Row) -> [SortValue] {
    keys.indices.map { index in
      switch keys[index] {
      case .score: .score(row.score)
      case .ascending(let column), .descending(let column): .number(column[row.ordinal])
      case .distance: .metres(Double(bitPattern: row.keys[index]))
      }
    }
  }
}
