// SegmentMerge: the standing documents of several segments as one segment's content. Scores and
// answers are the same before and after: postings, lengths and keys are carried over as they are.

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

    var content = SegmentContent()
    var origins: [UInt64] = []
    var renumbered = sources.map { [UInt32](repeating: .max, count: $0.segment.count) }
    for (number, entry) in order.enumerated() {
      let segment = sources[entry.source].segment
      renumbered[entry.source][entry.document] = UInt32(number)
      content.ordinals.append(entry.ordinal)
      content.digests.append(segment.digests[entry.document])
      content.keyBytes +=
        segment.keyBytes[
          Int(segment.keyStarts[entry.document])..<Int(segment.keyStarts[entry.document + 1])]
      content.keyStarts.append(UInt32(content.keyBytes.count))
      origins.append(Place.packed(segment: segment.number, document: entry.document))
    }
    guard let first = sources.first?.segment else { return (content, origins) }
    for field in first.fields.indices {
      var merged = mergeField(sources.map { $0.segment.fields[field] }, renumbered)
      merged.lengths = order.map {
        sources[$0.source].segment.fields[field].lengths[$0.document]
      }
      content.fields.append(merged)
    }
    for column in first.keywords.indices {
      content.keywords.append(
        mergeKeywords(
          sources.map { $0.segment.keywords[column] }, order.map { ($0.source, $0.document) }))
    }
    return (content, origins)
  }

  private static func mergeField(
    _ fields: [FieldPostings], _ renumbered: [[UInt32]]
  ) -> FieldPostings {
    var result = FieldPostings()
    var postings: [UInt64] = []
    walk(fields.map(\.terms)) { term, numbers in
      postings.removeAll(keepingCapacity: true)
      var ascends = true
      for (source, number) in numbers {
        for posting in fields[source].postings(of: number) {
          let document = renumbered[source][Int(fields[source].documents[posting])]
          guard document != .max else { continue }
          let packed = UInt64(document) << 32 | UInt64(fields[source].frequencies[posting])
          if let last = postings.last, last > packed { ascends = false }
          postings.append(packed)
        }
      }
      guard !postings.isEmpty else { return }
      if !ascends { postings.sort() }
      result.terms.append(term)
      for packed in postings {
        result.documents.append(UInt32(packed >> 32))
        result.frequencies.append(UInt32(truncatingIfNeeded: packed))
      }
      result.starts.append(UInt32(result.documents.count))
    }
    return result
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
    var result = KeywordValues()
    var renumbered = columns.map { [UInt32](repeating: .max, count: $0.values.count) }
    walk(columns.map(\.values)) { value, numbers in
      guard numbers.contains(where: { used[$0.source][$0.number] }) else { return }
      for (source, number) in numbers { renumbered[source][number] = UInt32(result.values.count) }
      result.values.append(value)
    }
    for (source, document) in order {
      for index in columns[source].numbers(of: document) {
        result.numbers.append(renumbered[source][Int(columns[source].numbers[index])])
      }
      result.starts.append(UInt32(result.numbers.count))
    }
    return result
  }

  /// Calls `body` with each distinct term, ascending, and its number in each dictionary that has it.
  private static func walk(
    _ dictionaries: [TermDictionary],
    _ body: (_ term: ArraySlice<UInt8>, _ numbers: [(source: Int, number: Int)]) -> Void
  ) {
    var next = [Int](repeating: 0, count: dictionaries.count)
    var numbers: [(source: Int, number: Int)] = []
    while true {
      numbers.removeAll(keepingCapacity: true)
      for source in dictionaries.indices where next[source] < dictionaries[source].count {
        guard let lowest = numbers.first else {
          numbers.append((source, next[source]))
          continue
        }
        let other = dictionaries[lowest.source]
        if dictionaries[source].precedes(next[source], other, lowest.number) {
          numbers.removeAll(keepingCapacity: true)
          numbers.append((source, next[source]))
        } else if !other.precedes(lowest.number, dictionaries[source], next[source]) {
          numbers.append((source, next[source]))
        }
      }
      guard let lowest = numbers.first else { return }
      body(dictionaries[lowest.source].term(lowest.number), numbers)
      for (source, _) in numbers { next[source] += 1 }
    }
  }
}
