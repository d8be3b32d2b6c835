// Ranking: the best `limit` documents, in order, from wherever the search continues.
//
// Each sort key becomes 64 bits whose unsigned order is the wanted order, so that a document is compared
// by up to four integers and its ordinal. Of a keyword these are the first eight bytes; equal ones are
// compared in full. The heap keeps its worst row on top.

struct Ranking: BlockRanking {
  struct Row {
    var keys = SIMD4<UInt64>()
    var ordinal: UInt32
    var score: Float
    /// The segment's place in the search; nil for the position that a search continues from.
    var segment: Int?
    var document: Int
  }

  private enum Key {
    case score(descending: Bool)
    case column(CellReader<Int64>, descending: Bool)
    case keyword(Int, descending: Bool)
    case distance(GeoPoint, CellReader<Int64>, descending: Bool)
  }

  private static let signBit: UInt64 = 1 << 63
  private let state: IndexState
  private let origin: GeoPoint?
  private let keys: [Key]
  private let comparesKeywords: Bool
  let isByScore: Bool
  private let limit: Int
  private var after: Row?
  private var afterValues: [SortValue] = []
  private var heap: [Row] = []
  private var segment: SegmentColumns?

  init(
    _ sort: [TextSort], limit: Int, after position: TextPosition? = nil, origin: GeoPoint?,
    _ state: IndexState
  ) throws(TextError) {
    guard sort.count <= TextLimits.sortKeys else { throw .tooManySortKeys }
    var keys: [Key] = []
    for key in sort { keys.append(try Self.key(key, origin, state)) }
    self.keys = keys
    self.state = state
    self.origin = origin
    self.limit = limit
    comparesKeywords = keys.contains { if case .keyword = $0 { true } else { false } }
    isByScore = sort.first == .score(descending: true)
    heap.reserveCapacity(min(limit, 1_024))
    if let position { try begin(after: position) }
  }

  private static func key(
    _ sort: TextSort, _ origin: GeoPoint?, _ state: IndexState
  ) throws(TextError) -> Key {
    switch sort {
    case .score(let descending): return .score(descending: descending)
    case .column(let name, let descending):
      guard let index = state.schema.column(name) else { throw .unknownColumn(name) }
      return .column(CellReader(state.columns[index]), descending: descending)
    case .keyword(let name, let descending):
      guard let index = state.schema.keyword(name) else { throw .unknownColumn(name) }
      return .keyword(index, descending: descending)
    case .distance(let descending):
      guard let origin else { throw .invalidDistance }
      return .distance(origin, CellReader(state.points), descending: descending)
    }
  }

  private mutating func begin(after position: TextPosition) throws(TextError) {
    guard position.values.count == keys.count else { throw .invalidPosition }
    var row = Row(ordinal: position.ordinal, score: 0, segment: nil, document: 0)
    for (index, value) in position.values.enumerated() {
      switch (keys[index], value) {
      case (.score(let descending), .score(let score)) where score >= 0:
        row.keys[index] = Self.bits(Float(score), descending)
      case (.column(_, let descending), .number(let number)) where number != NumericCell.none:
        row.keys[index] = Self.bits(number, descending)
      case (.keyword(_, let descending), .keyword(let text)):
        row.keys[index] = Self.bits(text.utf8, descending)
      case (.column, .missing), (.keyword, .missing): row.keys[index] = .max
      case (.distance(_, _, let descending), .metres(let metres)) where metres >= 0:
        row.keys[index] = Self.bits(metres: metres, descending)
      default: throw .invalidPosition
      }
    }
    after = row
    afterValues = position.values
  }

  // MARK: Keys

  // Scores and distances are never negative, so their bit patterns order as they do.
  @inline(__always)
  private static func bits(_ score: Float, _ descending: Bool) -> UInt64 {
    let bits = UInt64(score.bitPattern)
    return descending ? ~bits : bits
  }

  @inline(__always)
  private static func bits(_ number: Int64, _ descending: Bool) -> UInt64 {
    if number == NumericCell.none { return .max }
    let bits = UInt64(bitPattern: number) ^ signBit
    return descending ? ~bits : bits
  }

  private static func bits(metres: Double, _ descending: Bool) -> UInt64 {
    if metres.isInfinite { return .max }
    return descending ? ~metres.bitPattern : metres.bitPattern
  }

  private static func bits(_ text: some Collection<UInt8>, _ descending: Bool) -> UInt64 {
    let head = TermDictionary.head(text)
    return descending ? ~head : head
  }

  private func bits(_ key: Key, _ row: Row) -> UInt64 {
    switch key {
    case .score(let descending): return Self.bits(row.score, descending)
    case .column(let cells, let descending): return Self.bits(cells[row.ordinal], descending)
    case .keyword(let column, let descending):
      return keyword(column, row).map { Self.bits($0, descending) } ?? .max
    case .distance(let origin, let points, let descending):
      let metres = GeoPoint(packed: points[row.ordinal]).map { origin.metres(to: $0) }
      return Self.bits(metres: metres ?? .infinity, descending)
    }
  }

  /// The least value of a row's keyword column.
  private func keyword(_ column: Int, _ row: Row) -> [UInt8]? {
    guard let place = row.segment else { return nil }
    let values = state.segments[place].segment.keywords[column]
    let numbers = values.numbers(of: row.document)
    return numbers.isEmpty ? nil : values.values.term(Int(values.numbers[numbers.lowerBound]))
  }

  // MARK: Order

  @inline(__always)
  private func precedes(_ left: Row, _ right: Row) -> Bool {
    if comparesKeywords { return precedesInFull(left, right) }
    for index in 0..<4 where left.keys[index] != right.keys[index] {
      return left.keys[index] < right.keys[index]
    }
    return left.ordinal < right.ordinal
  }

  /// Keywords whose bits are equal are compared as they are before the next key is looked at.
  private func precedesInFull(_ left: Row, _ right: Row) -> Bool {
    for (index, key) in keys.enumerated() {
      if left.keys[index] != right.keys[index] { return left.keys[index] < right.keys[index] }
      guard case .keyword(let column, let descending) = key else { continue }
      let first = text(left, index, column)
      let second = text(right, index, column)
      guard let first, let second else {
        if (first == nil) != (second == nil) { return second == nil }
        continue
      }
      if first != second {
        return first.lexicographicallyPrecedes(second) != descending
      }
    }
    return left.ordinal < right.ordinal
  }

  private func text(_ row: Row, _ index: Int, _ column: Int) -> [UInt8]? {
    if row.segment != nil { return keyword(column, row) }
    if case .keyword(let text) = afterValues[index] { return Array(text.utf8) }
    return nil
  }

  // MARK: Rows

  /// The least score that a document needs to be kept now; below zero while any is kept.
  var leastScore: Float {
    guard isByScore, heap.count == limit, let worst = heap.first else { return -1 }
    return worst.score
  }

  mutating func begin(_ segment: SegmentColumns) { self.segment = segment }

  mutating func offer(_ block: DocumentBlock) {
    guard limit > 0, let segment else { return }
    for index in 0..<block.count {
      let score = block.scores[index]
      if isByScore, score < leastScore { continue }
      offer(
        Row(
          ordinal: block.ordinals[index], score: score, segment: segment.index,
          document: Int(block.documents[index])))
    }
  }

  @inline(__always)
  mutating func offer(_ offered: Row) {
    var row = offered
    for index in keys.indices {
      row.keys[index] = bits(keys[index], row)
      if index == 0, !comparesKeywords, heap.count == limit, row.keys[0] > heap[0].keys[0] {
        return
      }
    }
    if let after, !precedes(after, row) { return }
    if heap.count < limit {
      heap.append(row)
      siftUp()
    } else if precedes(row, heap[0]) {
      heap[0] = row
      siftDown()
    }
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(heap[parent], heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, precedes(heap[child], heap[child + 1]) { child += 1 }
      guard precedes(heap[parent], heap[child]) else { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }

  // MARK: Result

  mutating func finish() -> [TextHit] { finish(skipping: 0) }

  func finish(skipping offset: Int) -> [TextHit] {
    heap.sorted(by: precedes).dropFirst(offset).map { row in
      let key = row.segment.map { state.segments[$0].segment.key(row.document) }
      let place = GeoPoint(packed: state.points[row.ordinal])
      var metres: Double?
      if let origin, let place { metres = origin.metres(to: place) }
      return TextHit(
        ordinal: row.ordinal, key: key ?? [], score: Double(row.score),
        sortValues: keys.map { value($0, row) }, metres: metres)
    }
  }

  private func value(_ key: Key, _ row: Row) -> SortValue {
    switch key {
    case .score: return .score(Double(row.score))
    case .column(let cells, _):
      let number = cells[row.ordinal]
      return number == NumericCell.none ? .missing : .number(number)
    case .keyword(let column, _):
      return keyword(column, row).map { .keyword(String(decoding: $0, as: UTF8.self)) } ?? .missing
    case .distance(let origin, let points, _):
      let metres = GeoPoint(packed: points[row.ordinal]).map { origin.metres(to: $0) }
      return .metres(metres ?? .infinity)
    }
  }
}
