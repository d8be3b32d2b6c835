// SegmentMerge: the standing documents of several segments as one segment's content. Scores and
// answers are the same before and after: counts, positions, lengths and keys are carried over as they
// are, and nothing is analysed or sorted again that is in order already.

enum SegmentMerge {
  /// The content, and for each new document the place it came from.
  static func merge(_ sources: [LiveSegment]) -> (content: SegmentContent, origins: [UInt64]) {
    var order: [(ordinal: UInt32, source: Int, document: Int)] = []
    order.reserveCapacity(sources.reduce(0) { $0 + $1.liveCount })
    for (source, view) in sources.enumerated() {
      for document in 0..<view.segment.count where view.isLive(document) {
        order.append((view.segment.ordinals[document], source, document))
      }
    }
    order.sort { $0.ordinal < $1.ordinal }
    var renumbered = sources.map { [UInt32](repeating: .max, count: $0.segment.count) }
    for (number, entry) in order.enumerated() {
      renumbered[entry.source][entry.document] = UInt32(number)
    }
    let segments = sources.map(\.segment)
    let places = order.map { entry -> Int64 in
      segments[entry.source].places.point(entry.document)?.packed ?? GeoPoint.packedNone
    }
    let fields = (segments.first?.fields ?? []).indices.map { field in
      mergeField(
        segments.map { $0.fields[field] }, renumbered, order.map { ($0.source, $0.document) })
    }
    let keywords = (segments.first?.keywords ?? []).indices.map { column in
      mergeKeywords(
        segments.map { $0.keywords[column] }, order.map { ($0.source, $0.document) })
    }
    var keyBytes: [UInt8] = []
    var keyStarts: [UInt32] = [0]
    var digests: [UInt64] = []
    for entry in order {
      let segment = segments[entry.source]
      keyBytes += segment.content.keyBytes.buffer[segment.keyRange(entry.document)]
      keyStarts.append(UInt32(keyBytes.count))
      digests.append(segment.content.digests[2 * entry.document])
      digests.append(segment.content.digests[2 * entry.document + 1])
    }
    let content = SegmentContent(
      ordinals: Frozen(order.map(\.ordinal)), fields: fields, keywords: keywords,
      places: PlaceIndex(points: places), keyBytes: Frozen(keyBytes),
      keyStarts: PartStarts(keyStarts), digests: Frozen(digests))
    let origins = order.map {
      Place.packed(segment: segments[$0.source].number, document: $0.document)
    }
    return (content, origins)
  }

  private static func mergeField(
    _ fields: [FieldIndex], _ renumbered: [[UInt32]], _ order: [(source: Int, document: Int)]
  ) -> FieldIndex {
    let lengths = order.map { fields[$0.source].lengths[$0.document] }
    let norms = order.map { fields[$0.source].norms[$0.document] }
    var terms = TermDictionaryBuilder()
    let keepsPositions = fields.contains { $0.postings.hasPositions }
    var merge = PostingsMerge(
      fields.map(\.postings), renumbered,
      PostingsWriter(norms: norms, keepsPositions: keepsPositions))
    walk(fields.map(\.terms)) { term, numbers in
      if merge.add(numbers) { terms.append(term) }
    }
    return FieldIndex(
      terms: terms.finish(), postings: merge.writer.finish(), norms: Frozen(norms),
      lengths: NarrowRun(lengths))
  }

  private static func mergeKeywords(
    _ columns: [KeywordValues], _ order: [(source: Int, document: Int)]
  ) -> KeywordValues {
    var used = columns.map { [Bool](repeating: false, count: $0.values.count) }
    for (source, document) in order {
      for index in columns[source].numbers(of: document) {
        used[source][Int(columns[source].numbers[index])] = true
      }
    }
    var values = TermDictionaryBuilder()
    var renumbered = columns.map { [UInt32](repeating: .max, count: $0.values.count) }
    walk(columns.map(\.values)) { value, numbers in
      guard numbers.contains(where: { used[$0.source][$0.number] }) else { return }
      for (source, number) in numbers { renumbered[source][number] = UInt32(values.count) }
      values.append(value)
    }
    var numbers: [UInt32] = []
    var starts: [UInt32] = [0]
    for (source, document) in order {
      for index in columns[source].numbers(of: document) {
        numbers.append(renumbered[source][Int(columns[source].numbers[index])])
      }
      starts.append(UInt32(numbers.count))
    }
    return KeywordBuilder.values(values.finish(), numbers: numbers, starts: starts)
  }

  /// Calls `body` with each distinct term, ascending, and its number in each dictionary that has it.
  private static func walk(
    _ dictionaries: [TermDictionary],
    _ body: (_ term: [UInt8], _ numbers: [(source: Int, number: Int)]) -> Void
  ) {
    var walkers = dictionaries.map { TermWalker($0) }
    var numbers: [(source: Int, number: Int)] = []
    while true {
      numbers.removeAll(keepingCapacity: true)
      for source in walkers.indices where !walkers[source].isAtEnd {
        guard let lowest = numbers.first else {
          numbers.append((source, walkers[source].number))
          continue
        }
        switch compare(walkers[source].term, walkers[lowest.source].term) {
        case ..<0:
          numbers.removeAll(keepingCapacity: true)
          numbers.append((source, walkers[source].number))
        case 0: numbers.append((source, walkers[source].number))
        default: break
        }
      }
      guard let lowest = numbers.first else { return }
      body(walkers[lowest.source].term, numbers)
      for (source, _) in numbers { walkers[source].next() }
    }
  }

  private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
    let common = min(left.count, right.count)
    for index in 0..<common where left[index] != right[index] {
      return Int(left[index]) - Int(right[index])
    }
    return left.count - right.count
  }
}

/// Writes the postings of one term after another from those of the sources.
private struct PostingsMerge {
  /// One standing posting of a source.
  private struct Entry {
    var document: UInt32
    var count: UInt32
    var source: UInt32
    /// Where its positions stand among the source's, and how many bytes they take.
    var offset: UInt32
    var size: UInt32
  }

  private let postings: [Postings]
  private let renumbered: [[UInt32]]
  private(set) var writer: PostingsWriter
  private var entries: [Entry] = []

  init(_ postings: [Postings], _ renumbered: [[UInt32]], _ writer: PostingsWriter) {
    (self.postings, self.renumbered, self.writer) = (postings, renumbered, writer)
  }

  /// False, and nothing is written, when no document with the term stands.
  mutating func add(_ numbers: [(source: Int, number: Int)]) -> Bool {
    entries.removeAll(keepingCapacity: true)
    var ascends = true
    for (source, number) in numbers { read(source, number, &ascends) }
    guard !entries.isEmpty else { return false }
    if !ascends { entries.sort { $0.document < $1.document } }
    for entry in entries {
      writer.add(entry.document, count: entry.count)
      if entry.size > 0 {
        let positions = postings[Int(entry.source)].positions
        writer.add(
          positions: UnsafeBufferPointer(
            start: positions.base + Int(entry.offset), count: Int(entry.size)))
      }
    }
    writer.finishTerm()
    return true
  }

  private mutating func read(_ source: Int, _ number: Int, _ ascends: inout Bool) {
    let postings = self.postings[source]
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * Postings.blockDocuments) {
      guard let scratch = $0.baseAddress else { return }
      var cursor = PostingsCursor(postings, term: number, scratch: scratch)
      var place = cursor.positions
      while !cursor.isAtEnd {
        let start = place
        if postings.hasPositions { PostingsCursor.skip(cursor.count, &place) }
        let document = renumbered[source][Int(cursor.document)]
        if document != .max {
          if let last = entries.last, last.document > document { ascends = false }
          entries.append(
            Entry(
              document: document, count: cursor.count, source: UInt32(source),
              offset: UInt32(start - postings.positions.base), size: UInt32(place - start)))
        }
        cursor.advance()
      }
    }
  }
}
