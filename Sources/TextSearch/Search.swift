// Search: one query over one state. Segments one by one, each in windows of 4,096 documents: first
// the scores of the window's matches, then filters, counts and the best hits, document by document.
//
// A window's accumulators stay in the first cache levels, and its matches come out in the order of
// ordinals, so the columns are read forwards.

struct Search {
  static let windowDocuments = 4_096

  let state: IndexState
  let query: TextQuery
  let scorer: Scorer
  private let matchesAll: Bool
  private let filters: RowFilters
  private var ranking: Ranking
  private var facets: FacetCounter
  private var total = 0
  private var scores = [Double](repeating: 0, count: windowDocuments)
  private var sums = [Double](repeating: 0, count: windowDocuments)
  private var matches = [UInt64](repeating: 0, count: windowDocuments / 64)
  private var touched = [UInt64](repeating: 0, count: windowDocuments / 64)

  /// A term's postings in a field of the present segment.
  private struct Cursor {
    var term: Int
    var next: Int
    var end: Int
  }

  init(_ query: TextQuery, _ state: IndexState) throws(TextError) {
    guard (0...TextQuery.limitMax).contains(query.limit) else {
      throw .limitOutOfRange(query.limit)
    }
    self.state = state
    self.query = query
    matchesAll = query.text.unicodeScalars.allSatisfy { $0.properties.isWhitespace }
    scorer = try Scorer(query.text, state)
    filters = try RowFilters(query, state)
    ranking = try Ranking(query, state)
    facets = try FacetCounter(query, state)
  }

  mutating func run() -> TextResult {
    for (index, view) in state.segments.enumerated() {
      searchSegment(index, view)
    }
    let hits = ranking.sorted().map { row in
      let segment = state.segments[row.segment].segment
      let place = GeoPoint(packed: state.points[row.ordinal])
      var metres: Double?
      if let origin = query.origin, let place { metres = origin.metres(to: place) }
      return TextHit(
        ordinal: row.ordinal, key: segment.key(row.document), score: row.score,
        sortValues: ranking.values(of: row), metres: metres)
    }
    return TextResult(hits: hits, total: total, facets: facets.finish())
  }

  private mutating func searchSegment(_ index: Int, _ view: LiveSegment) {
    let segment = view.segment
    var cursors = segment.fields.indices.map { field in
      scorer.terms.indices.compactMap { term -> Cursor? in
        guard let rank = segment.fields[field].terms.find(scorer.terms[term].bytes[...]) else {
          return nil
        }
        let range = segment.fields[field].postings(of: rank)
        return Cursor(term: term, next: range.lowerBound, end: range.upperBound)
      }
    }
    guard matchesAll || cursors.contains(where: { !$0.isEmpty }) else { return }
    let accepts = filters.segmentFilter(segment)
    facets.begin(segment)
    var start = 0
    while start < segment.count {
      let end = min(start + Self.windowDocuments, segment.count)
      let words = (end - start + 63) / 64
      if matchesAll {
        for word in 0..<words { matches[word] = view.live[start / 64 + word] }
      } else {
        for word in 0..<words { matches[word] = 0 }
        for field in cursors.indices {
          accumulate(field, segment.fields[field], &cursors[field], start, end, words)
        }
        for word in 0..<words { matches[word] &= view.live[start / 64 + word] }
      }
      collect(index, segment, accepts, start, words)
      start = end
    }
    facets.end(segment)
  }

  /// Adds a field's scores of documents `start ..< end` to the window.
  private mutating func accumulate(
    _ field: Int, _ postings: FieldPostings, _ cursors: inout [Cursor], _ start: Int, _ end: Int,
    _ words: Int
  ) {
    guard !cursors.isEmpty else { return }
    let values = scorer.fields[field]
    for index in cursors.indices {
      var next = cursors[index].next
      let last = cursors[index].end
      let weight = values.weights[cursors[index].term]
      while next < last {
        let document = Int(postings.documents[next])
        guard document < end else { break }
        let count = Double(postings.frequencies[next])
        let length = Double(postings.lengths[document])
        let slot = document - start
        sums[slot] += weight * (count / (count + (values.base + values.slope * length)))
        touched[slot >> 6] |= 1 << UInt64(slot & 63)
        next += 1
      }
      cursors[index].next = next
    }
    for word in 0..<words {
      var bits = touched[word]
      touched[word] = 0
      while bits != 0 {
        let slot = word << 6 | bits.trailingZeroBitCount
        bits &= bits - 1
        let score = values.boost * sums[slot]
        sums[slot] = 0
        let isFirst = matches[word] >> UInt64(slot & 63) & 1 == 0
        if isFirst || score > scores[slot] { scores[slot] = score }
        matches[word] |= 1 << UInt64(slot & 63)
      }
    }
  }

  /// Filters, counts and ranks the window's matches.
  private mutating func collect(
    _ index: Int, _ segment: Segment, _ accepts: SegmentFilter, _ start: Int, _ words: Int
  ) {
    for word in 0..<words {
      var bits = matches[word]
      while bits != 0 {
        let slot = word << 6 | bits.trailingZeroBitCount
        bits &= bits - 1
        let document = start + slot
        let ordinal = segment.ordinals[document]
        guard filters.accepts(ordinal), accepts.accepts(document, segment) else { continue }
        total += 1
        facets.count(document, ordinal, segment)
        ranking.offer(
          ordinal: ordinal, score: matchesAll ? 0 : scores[slot], segment: index,
          document: document)
      }
    }
  }
}
