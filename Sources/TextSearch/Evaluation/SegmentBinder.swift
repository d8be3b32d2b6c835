// SegmentBinder: binds plans to one segment.

import Kernels

final class SegmentBinder {
  let segment: Segment
  let view: LiveSegment
  /// The segment's place in the state.
  let index: Int
  let scales: [FieldScale]
  let scratch: SearchScratch
  /// For whoever needs a buffer for a moment only.
  let spare: WindowBuffer
  /// About how many documents the clauses beside the one that is bound leave to look at.
  private var expected: Int

  init(_ view: LiveSegment, at index: Int, _ scales: [FieldScale], _ scratch: SearchScratch) {
    self.view = view
    self.index = index
    segment = view.segment
    self.scales = scales
    self.scratch = scratch
    spare = scratch.makeBuffer()
    expected = view.segment.count
  }

  /// The plan's node; nil when nothing in the segment can match. `isScored` is false where only the
  /// matches count.
  func bind(_ plan: QueryPlan, isScored: Bool) -> WindowNode? {
    switch plan {
    case .nothing: return nil
    case .all(let score): return AllNode(score: score)
    case .words(let words): return WordsNode(words, self, isScored: isScored)
    case .phrase(let phrase): return PhraseNode(phrase, self)
    case .lists(let lists, let score): return bind(lists, score)
    case .cells(let cells, let range, let score):
      return RangeNode(cells, range, segment.ordinals, score: score)
    case .exists(let exists, let score): return bind(exists, score)
    case .keys(let keys, let score): return bind(keys, score)
    case .area(let cells, let score): return bind(cells, score)
    case .best(let plans, let tie):
      return union(plans, tie: tie, isScored)
    case .sum(let plans): return union(plans, tie: nil, isScored)
    case .bool(let bool): return bind(bool, isScored)
    case .constant(let inner, let score):
      return bind(inner, isScored: false).map { ConstantNode($0, score: score) }
    case .function(let function): return bind(function)
    }
  }

  private func union(_ plans: [QueryPlan], tie: Float?, _ isScored: Bool) -> WindowNode? {
    let nodes = plans.compactMap { bind($0, isScored: isScored) }
    return nodes.count <= 1
      ? nodes.first : UnionNode(nodes, tie: tie, isScored: isScored, self)
  }

  private func bind(_ plan: BoolPlan, _ isScored: Bool) -> WindowNode? {
    var parts = BoolNode.Parts()
    let outside = expected
    defer { expected = outside }
    for must in plan.must {
      guard let node = bind(must, isScored: isScored) else { return nil }
      parts.must.append(node)
      expected = min(expected, node.documentsMost)
    }
    for filter in plan.filter {
      guard let node = bind(filter, isScored: false) else { return nil }
      parts.filter.append(node)
    }
    parts.should = plan.should.compactMap { bind($0, isScored: isScored) }
    guard parts.should.count >= plan.minimumShould else { return nil }
    parts.mustNot = plan.mustNot.compactMap { bind($0, isScored: false) }
    parts.minimumShould = plan.minimumShould
    // What is not scored and may be missing changes nothing.
    if !isScored, plan.minimumShould == 0 { parts.should = [] }
    if !isScored {
      parts.filter += parts.must
      parts.must = []
    }
    return BoolNode(parts, isScored: isScored, self)
  }

  private func bind(_ plan: FunctionPlan) -> WindowNode? {
    guard let inner = bind(plan.query, isScored: true) else { return nil }
    var functions: [(filter: WindowNode?, function: FunctionPlan.Function)] = []
    for entry in plan.functions {
      guard let filter = entry.filter else {
        functions.append((nil, entry.function))
        continue
      }
      guard let node = bind(filter, isScored: false) else { continue }
      functions.append((node, entry.function))
    }
    return FunctionNode(inner, functions, plan, self)
  }

  // MARK: Whole segments

  private func bind(_ plan: ListsPlan, _ score: Float) -> WindowNode? {
    let terms: TermDictionary
    let postings: Postings
    switch plan.source {
    case .field(let field):
      (terms, postings) = (segment.fields[field].terms, segment.fields[field].postings)
    case .keyword(let column):
      (terms, postings) = (segment.keywords[column].values, segment.keywords[column].postings)
    }
    var numbers: [Int] = []
    switch plan.choice {
    case .values(let values): numbers = values.compactMap { terms.find($0) }
    case .prefix(let prefix): numbers = Array(terms.range(ofPrefix: prefix))
    }
    guard !numbers.isEmpty else { return nil }
    let bitmap = BitmapNode.makeBitmap(segment.count, scratch)
    let memory = scratch.make(UInt32.self, 2 * Postings.blockDocuments)
    for number in numbers {
      var cursor = PostingsCursor(postings, term: number, scratch: memory)
      while true {
        let (first, count) = cursor.take(before: .max)
        guard count > 0 else { break }
        kernels_scatter_bits(cursor.documents + first, count, 0, bitmap)
        cursor.refill()
      }
    }
    return BitmapNode(bitmap, score: score)
  }

  private func bind(_ keys: [[UInt8]], _ score: Float) -> WindowNode? {
    var documents: [Int] = []
    for key in keys { documents += segment.keyIndex.documents(of: key, segment) }
    guard !documents.isEmpty else { return nil }
    let bitmap = BitmapNode.makeBitmap(segment.count, scratch)
    for document in documents { bitmap[document >> 6] |= 1 << UInt64(document & 63) }
    return BitmapNode(bitmap, score: score)
  }

  private func bind(_ plan: ExistsPlan, _ score: Float) -> WindowNode? {
    switch plan {
    case .field(let field):
      let norms = segment.fields[field].norms.base
      return TestNode(score: score) { norms[$0] > 0 }
    case .keyword(let column):
      let values = segment.keywords[column]
      return TestNode(score: score) { !values.numbers(of: $0).isEmpty }
    case .place:
      let places = segment.places
      return places.codes.count == 0 ? nil : TestNode(score: score) { places.point($0) != nil }
    }
  }

  private func bind(_ cells: GeoCells, _ score: Float) -> WindowNode? {
    let places = segment.places
    guard places.codes.count > 0, cells.area.south <= cells.area.north else { return nil }
    // A row costs about as much as looking at fifty documents, and a near place as eight.
    let budget = expected - 50 * PlaceIndex.rows(cells.area)
    guard budget > 0 else { return AreaNode(places, cells, score: score, scratch) }
    let ranges = places.ranges(cells.area)
    guard 8 * ranges.reduce(0, { $0 + $1.count }) <= budget else {
      return AreaNode(places, cells, score: score, scratch)
    }
    let bitmap = BitmapNode.makeBitmap(segment.count, scratch)
    var isEmpty = true
    for place in ranges.joined() {
      let document = Int(places.documents.base[place])
      guard cells.contains(places.points[document]) else { continue }
      bitmap[document >> 6] |= 1 << UInt64(document & 63)
      isEmpty = false
    }
    return isEmpty ? nil : BitmapNode(bitmap, score: score)
  }
}
