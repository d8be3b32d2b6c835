// IndexState: everything that the writer of a TextIndex changes.
//
// Invariants
// 1. A standing document is at places[ordinal] and nowhere else, and its bit in its segment is set.
// 2. The statistics are those of the standing documents alone, so a score is a function of the live
//    data, whatever the history of segments.
// 3. `digest` is the sum over live ordinals of their document and of their cells of `.sum` and
//    `.assigned` columns that are not as they begin.
// 4. Between commits nothing is pending.

import Bytes
import CommitLog
import Views

/// What BM25 needs to know of a field.
struct FieldStatistics: Equatable, Sendable {
  /// Documents with at least one term in the field.
  var documents = 0
  /// Terms in all of them.
  var terms = 0
}

/// When segments are merged. Answers do not depend on it.
package struct MergePolicy: Sendable {
  /// So many segments of like size become one.
  package var fanIn = 4
  /// A merge of more documents is left to `maintain`, off the commit path...
  package var inlineDocumentsMax = 2_048
  /// ...unless there are more segments than this, for every query pays for each of them.
  package var segmentsMax = 48

  package init(fanIn: Int = 4, inlineDocumentsMax: Int = 2_048, segmentsMax: Int = 48) {
    self.fanIn = fanIn
    self.inlineDocumentsMax = inlineDocumentsMax
    self.segmentsMax = segmentsMax
  }

  /// Which segments to merge next: the lowest full tier, a tier being a power of `fanIn`; else one
  /// that is a third dead.
  func candidates(_ segments: [LiveSegment]) -> [Int]? {
    var tiers: [Int: [Int]] = [:]
    for (index, view) in segments.enumerated() {
      var tier = 0
      var size = view.liveCount
      while size >= fanIn {
        size /= fanIn
        tier += 1
      }
      tiers[tier, default: []].append(index)
    }
    for tier in tiers.keys.sorted() {
      if let members = tiers[tier], members.count >= fanIn,
        members.reduce(0, { $0 + segments[$1].liveCount }) <= Place.documentsMax
      {
        return members
      }
    }
    for (index, view) in segments.enumerated() where view.deadCount * 3 > view.segment.count {
      return [index]
    }
    return nil
  }
}

/// One term in all segments.
struct TermPlaces: Equatable, Sendable {
  /// Standing documents that have it.
  private(set) var frequency = 0
  /// By segment; -1 where it is not.
  private var numbers: [Int32]

  init(segments: Int) { numbers = Array(repeating: -1, count: segments) }

  mutating func add(_ number: Int, frequency: Int, segment: Int) {
    numbers[segment] = Int32(truncatingIfNeeded: number)
    self.frequency += frequency
  }

  func number(in segment: Int) -> Int? {
    numbers[segment] >= 0 ? Int(numbers[segment]) : nil
  }
}

struct IndexState: Sendable {
  private(set) var schema: TextSchema
  var appliedLSN = LSN.zero
  var segments: [LiveSegment] = []
  var places = ChunkedColumn<UInt64>(initial: 0)
  /// One for each column of the schema.
  var columns: [ChunkedColumn<Int64>]
  var points = ChunkedColumn<Int64>(initial: GeoPoint.packedNone)
  var statistics: [FieldStatistics]
  var documentCount = 0
  var digest = Digest()
  /// Of a state that is searched; nil while it may change.
  var scales: [FieldScale]?
  private var nextSegment: UInt64 = 0
  private var pending: [UInt32: TextDocument] = [:]

  init(schema: TextSchema) {
    self.schema = schema
    columns = schema.columns.map {
      ChunkedColumn(initial: $0.kind == .sum ? 0 : NumericCell.none)
    }
    statistics = schema.fields.map { _ in FieldStatistics() }
  }

  var pendingCount: Int { pending.count }

  mutating func perform(_ operation: TextOperation) {
    switch operation {
    case .put(let ordinal, let document): put(ordinal, document)
    case .remove(let ordinal): remove(ordinal)
    case .add(let ordinal, let column, let delta):
      let index = cellColumn(column, .sum)
      setCell(ordinal, index, columns[index][ordinal] &+ delta)
    case .set(let ordinal, let column, let value):
      setCell(ordinal, cellColumn(column, .assigned), value ?? NumericCell.none)
    }
  }

  private func cellColumn(_ name: String, _ kind: TextSchema.Column.Kind) -> Int {
    guard let index = schema.column(name), schema.columns[index].kind == kind else {
      preconditionFailure("the projection writes column \(name) in a way its kind does not allow")
    }
    return index
  }

  private func isLive(_ ordinal: UInt32) -> Bool {
    places[ordinal] != 0 || pending[ordinal] != nil
  }

  private mutating func put(_ ordinal: UInt32, _ document: TextDocument) {
    if !isLive(ordinal) {
      documentCount += 1
      addCells(of: ordinal)
    }
    if places[ordinal] != 0 { unlink(ordinal) }
    pending[ordinal] = document
    for (index, column) in schema.columns.enumerated() where column.kind == .document {
      columns[index][ordinal] = document.numbers[column.name] ?? NumericCell.none
    }
    points[ordinal] = document.location?.packed ?? GeoPoint.packedNone
  }

  private mutating func remove(_ ordinal: UInt32) {
    guard isLive(ordinal) else { return }
    if places[ordinal] != 0 { unlink(ordinal) }
    pending[ordinal] = nil
    documentCount -= 1
    for (index, column) in schema.columns.enumerated() where column.kind == .document {
      columns[index][ordinal] = NumericCell.none
    }
    points[ordinal] = GeoPoint.packedNone
    removeCells(of: ordinal)
  }

  /// Takes an ordinal's document out of its segment and the statistics.
  private mutating func unlink(_ ordinal: UInt32) {
    let place = places[ordinal]
    places[ordinal] = 0
    let number = Place.segment(place)
    guard let index = segments.firstIndex(where: { $0.segment.number == number }) else {
      preconditionFailure("a place names a segment that is there")
    }
    let document = Place.document(place)
    segments[index].kill(document)
    let segment = segments[index].segment
    for field in segment.fields.indices {
      let length = Int(segment.fields[field].lengths[document])
      statistics[field].terms -= length
      if length > 0 { statistics[field].documents -= 1 }
    }
    digest.subtract(segment.digest(document))
    if segments[index].liveCount == 0 { segments.remove(at: index) }
  }

  // MARK: Cells

  private mutating func setCell(_ ordinal: UInt32, _ column: Int, _ value: Int64) {
    let old = columns[column][ordinal]
    guard old != value else { return }
    if isLive(ordinal) {
      let none = columns[column].initial
      if old != none { digest.remove(Self.element(ordinal, column, old)) }
      if value != none { digest.add(Self.element(ordinal, column, value)) }
    }
    columns[column][ordinal] = value
  }

  private static func element(_ ordinal: UInt32, _ column: Int, _ value: Int64) -> [UInt8] {
    var writer = ByteWriter(reserving: 17)
    writer.u8(ElementTag.cell)
    writer.u32(ordinal)
    writer.u32(UInt32(column))
    writer.i64(value)
    return writer.bytes
  }

  private mutating func addCells(of ordinal: UInt32) {
    for (index, column) in schema.columns.enumerated() where column.kind != .document {
      let value = columns[index][ordinal]
      if value != columns[index].initial { digest.add(Self.element(ordinal, index, value)) }
    }
  }

  private mutating func removeCells(of ordinal: UInt32) {
    for (index, column) in schema.columns.enumerated() where column.kind != .document {
      let value = columns[index][ordinal]
      if value != columns[index].initial { digest.remove(Self.element(ordinal, index, value)) }
    }
  }

  // MARK: Growing

  /// Adds text fields, columns and keyword columns at the ends of the schema's lists. No document has a
  /// value in them. The documents' digests stay those of the schema that they were written with.
  mutating func grow(_ added: TextSchema) {
    flush()
    schema = TextSchema(
      fields: schema.fields + added.fields, columns: schema.columns + added.columns,
      keywords: schema.keywords + added.keywords)
    columns += added.columns.map {
      ChunkedColumn(initial: $0.kind == .sum ? 0 : NumericCell.none)
    }
    statistics += added.fields.map { _ in FieldStatistics() }
    guard !added.fields.isEmpty || !added.keywords.isEmpty else { return }
    for index in segments.indices {
      var content = segments[index].segment.content
      let empty = SegmentBuilder(schema: added).empty(documents: content.ordinals.count)
      content.fields += empty.fields
      content.keywords += empty.keywords
      let segment = Segment(number: segments[index].segment.number, content: content)
      segments[index] = LiveSegment(segment, standingAsIn: segments[index])
    }
  }

  // MARK: Segments

  /// How many documents have a term in a field, and which of each segment's terms it is.
  func find(_ field: Int, _ term: [UInt8]) -> TermPlaces {
    var places = TermPlaces(segments: segments.count)
    for (index, view) in segments.enumerated() {
      guard let number = view.segment.fields[field].terms.find(term) else { continue }
      places.add(
        number, frequency: view.documentFrequency(field: field, term: number), segment: index)
    }
    return places
  }

  /// Makes the pending documents a segment.
  mutating func flush() {
    guard !pending.isEmpty else { return }
    let content = SegmentBuilder(schema: schema).build(
      pending.map { (ordinal: $0.key, document: $0.value) })
    pending.removeAll()
    append(LiveSegment(makeSegment(content)))
  }

  private mutating func append(_ view: LiveSegment) {
    let segment = view.segment
    segments.append(view)
    for document in 0..<segment.count where view.isLive(document) {
      let place = Place.packed(segment: segment.number, document: document)
      places[segment.ordinals[document]] = place
      digest.add(segment.digest(document))
      for field in segment.fields.indices {
        let length = segment.fields[field].lengths[document]
        guard length > 0 else { continue }
        statistics[field].documents += 1
        statistics[field].terms += Int(length)
      }
    }
  }

  /// Takes in a segment that was read, whose cells are there already. False when it does not fit.
  mutating func add(_ content: SegmentContent, fallen: [UInt32]) -> Bool {
    var view = LiveSegment(makeSegment(content))
    for document in fallen {
      guard Int(document) < view.segment.count, view.isLive(Int(document)) else { return false }
      view.kill(Int(document))
    }
    guard view.liveCount > 0 else { return false }
    for document in 0..<view.segment.count where view.isLive(document) {
      let ordinal = view.segment.ordinals[document]
      guard places[ordinal] == 0 else { return false }
      documentCount += 1
      addCells(of: ordinal)
      points[ordinal] = view.segment.places.point(document)?.packed ?? GeoPoint.packedNone
    }
    append(view)
    return true
  }

  private mutating func makeSegment(_ content: SegmentContent) -> Segment {
    defer { nextSegment += 1 }
    return Segment(number: nextSegment, content: content)
  }

  /// Merges what the policy wants merged on the commit path.
  mutating func mergeInline(_ policy: MergePolicy) {
    while let chosen = policy.candidates(segments) {
      let documents = chosen.reduce(0) { $0 + segments[$1].liveCount }
      guard documents <= policy.inlineDocumentsMax || segments.count > policy.segmentsMax else {
        return
      }
      let sources = chosen.map { segments[$0] }
      let merged = SegmentMerge.merge(sources)
      install(merged.content, merged.origins, replacing: sources)
    }
  }

  /// Puts a merged segment in the place of its sources; documents that fell meanwhile stay fallen.
  /// Changes nothing when a source is no longer there.
  mutating func install(
    _ content: SegmentContent, _ origins: [UInt64], replacing sources: [LiveSegment]
  ) {
    let replaced = Set(sources.map(\.segment.number))
    guard segments.count(where: { replaced.contains($0.segment.number) }) == replaced.count else {
      return
    }
    var view = LiveSegment(makeSegment(content))
    for (document, ordinal) in view.segment.ordinals.buffer.enumerated() {
      if places[ordinal] == origins[document] {
        places[ordinal] = Place.packed(segment: view.segment.number, document: document)
      } else {
        view.kill(document)
      }
    }
    segments.removeAll { replaced.contains($0.segment.number) }
    if view.liveCount > 0 { segments.append(view) }
  }
}

extension Digest {
  fileprivate mutating func add(_ other: Digest) {
    high &+= other.high
    low &+= other.low
  }

  fileprivate mutating func subtract(_ other: Digest) {
    high &-= other.high
    low &-= other.low
  }
}
