// SegmentBuilder: documents to a segment's content.

import Bytes
import Views

struct SegmentBuilder {
  let schema: TextSchema

  /// `documents` in any order, one for each ordinal.
  func build(_ documents: [(ordinal: UInt32, document: TextDocument)]) -> SegmentContent {
    let documents = documents.sorted { $0.ordinal < $1.ordinal }
    var content = SegmentContent()
    content.ordinals = documents.map(\.ordinal)
    for field in schema.fields {
      var builder = FieldBuilder()
      for (number, entry) in documents.enumerated() {
        builder.add(
          entry.document.texts[field.name] ?? "", document: UInt32(number),
          analyser: field.analyser)
      }
      content.fields.append(builder.finish())
    }
    for column in schema.keywords {
      content.keywords.append(
        Self.keywordValues(documents.map { $0.document.keywords[column] ?? [] }))
    }
    for entry in documents {
      content.keyBytes += entry.document.key
      content.keyStarts.append(UInt32(content.keyBytes.count))
      content.digests.append(digest(of: entry.document, ordinal: entry.ordinal))
    }
    return content
  }

  /// Values compare by their bytes, not by canonical equivalence as Strings do.
  private static func keywordValues(_ documents: [[String]]) -> KeywordValues {
    let documents = documents.map { Set($0.map { Array($0.utf8) }) }
    var result = KeywordValues()
    var numbers: [[UInt8]: UInt32] = [:]
    let distinct = documents.reduce(into: Set<[UInt8]>()) { $0.formUnion($1) }
    for value in distinct.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      numbers[value] = UInt32(result.values.count)
      result.values.append(value[...])
    }
    for values in documents {
      result.numbers += values.compactMap { numbers[$0] }.sorted()
      result.starts.append(UInt32(result.numbers.count))
    }
    return result
  }

  /// Of the document's content in the schema's order.
  private func digest(of document: TextDocument, ordinal: UInt32) -> Digest {
    var writer = ByteWriter(reserving: 256)
    writer.u8(ElementTag.document)
    writer.u32(ordinal)
    writer.lengthPrefixed(document.key)
    for field in schema.fields { writer.string(document.texts[field.name] ?? "") }
    for column in schema.keywords {
      let values = Set((document.keywords[column] ?? []).map { Array($0.utf8) })
        .sorted { $0.lexicographicallyPrecedes($1) }
      writer.varint(UInt64(values.count))
      for value in values { writer.lengthPrefixed(value) }
    }
    for column in schema.columns where column.kind == .document {
      writer.i64(document.numbers[column.name] ?? 0)
    }
    writer.i64(document.location?.packed ?? GeoPoint.packedNone)
    var digest = Digest()
    digest.add(writer.bytes)
    return digest
  }
}

/// First byte of every digested element.
enum ElementTag {
  static let document: UInt8 = 1
  static let cell: UInt8 = 2
}

/// Collects one field's postings. Terms are found by open addressing over an arena; postings of a
/// term are put together at the end by a counting sort, which keeps documents ascending.
private struct FieldBuilder {
  private struct Entry {
    var term: UInt32
    var document: UInt32
    var frequency: UInt32
  }

  private var arena: [UInt8] = []
  private var starts: [UInt32] = [0]
  private var lastEntry: [UInt32] = []
  private var slots = [UInt32](repeating: .max, count: 64)
  private var hashes: [UInt64] = []
  private var entries: [Entry] = []
  private var lengths: [UInt32] = []
  private var list = TermList()

  mutating func add(_ text: String, document: UInt32, analyser: Analyser) {
    list.removeAll()
    analyser.analyse(text, into: &list)
    lengths.append(UInt32(list.count))
    for index in 0..<list.count {
      let term = find(list.bytes[list.range(index)])
      let last = Int(lastEntry[term])
      if last < entries.count && entries[last].document == document {
        entries[last].frequency += 1
      } else {
        lastEntry[term] = UInt32(entries.count)
        entries.append(Entry(term: UInt32(term), document: document, frequency: 1))
      }
    }
  }

  private mutating func find(_ term: ArraySlice<UInt8>) -> Int {
    let hash = term.withUnsafeBytes { XXH64.hash($0) }
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != .max {
      let number = Int(slots[slot])
      if hashes[number] == hash
        && arena[Int(starts[number])..<Int(starts[number + 1])].elementsEqual(term)
      {
        return number
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = hashes.count
    slots[slot] = UInt32(number)
    hashes.append(hash)
    arena.append(contentsOf: term)
    starts.append(UInt32(arena.count))
    lastEntry.append(.max)
    if hashes.count * 2 > slots.count { grow() }
    return number
  }

  private mutating func grow() {
    slots = Array(repeating: .max, count: slots.count * 2)
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number)
    }
  }

  func finish() -> FieldPostings {
    func term(_ number: Int) -> ArraySlice<UInt8> {
      arena[Int(starts[number])..<Int(starts[number + 1])]
    }
    let heads = (0..<hashes.count).map { TermDictionary.head(term($0)) }
    let order = (0..<hashes.count).sorted { left, right in
      heads[left] != heads[right]
        ? heads[left] < heads[right] : term(left).lexicographicallyPrecedes(term(right))
    }
    var result = FieldPostings()
    result.lengths = lengths
    var counts = [UInt32](repeating: 0, count: hashes.count)
    for entry in entries { counts[Int(entry.term)] += 1 }
    var next = [UInt32](repeating: 0, count: hashes.count)
    var total: UInt32 = 0
    for number in order {
      result.terms.append(term(number))
      next[number] = total
      total += counts[number]
      result.starts.append(total)
    }
    result.documents = Array(repeating: 0, count: entries.count)
    result.frequencies = Array(repeating: 0, count: entries.count)
    for entry in entries {
      let position = Int(next[Int(entry.term)])
      next[Int(entry.term)] += 1
      result.documents[position] = entry.document
      result.frequencies[position] = entry.frequency
    }
    return result
  }
}
