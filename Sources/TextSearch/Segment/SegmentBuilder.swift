// SegmentBuilder: documents to a segment's content.

import Bytes
import Views

struct SegmentBuilder {
  let schema: TextSchema

  /// `documents` in any order, one for each ordinal.
  func build(_ documents: [(ordinal: UInt32, document: TextDocument)]) -> SegmentContent {
    let documents = documents.sorted { $0.ordinal < $1.ordinal }
    let fields = schema.fields.map { field in
      var builder = FieldBuilder(field)
      for entry in documents { builder.add(entry.document.texts[field.name] ?? "") }
      return builder.finish()
    }
    let keywords = schema.keywords.map { column in
      var builder = KeywordBuilder()
      for entry in documents { builder.add(entry.document.keywords[column] ?? []) }
      return builder.finish()
    }
    var keyBytes: [UInt8] = []
    var keyStarts: [UInt32] = [0]
    var digests: [UInt64] = []
    for entry in documents {
      keyBytes += entry.document.key
      keyStarts.append(UInt32(keyBytes.count))
      let digest = digest(of: entry.document, ordinal: entry.ordinal)
      digests += [digest.high, digest.low]
    }
    return SegmentContent(
      ordinals: Frozen(documents.map(\.ordinal)), fields: fields, keywords: keywords,
      places: PlaceIndex(
        points: documents.map { $0.document.location?.packed ?? GeoPoint.packedNone }),
      keyBytes: Frozen(keyBytes), keyStarts: PartStarts(keyStarts), digests: Frozen(digests))
  }

  /// The fields and keyword columns of documents that have nothing in them.
  func empty(documents: Int) -> (fields: [FieldIndex], keywords: [KeywordValues]) {
    let fields = schema.fields.map { field in
      var builder = FieldBuilder(field)
      for _ in 0..<documents { builder.add("") }
      return builder.finish()
    }
    let keywords = schema.keywords.map { _ in
      var builder = KeywordBuilder()
      for _ in 0..<documents { builder.add([]) }
      return builder.finish()
    }
    return (fields, keywords)
  }

  /// Of the document's content in the schema's order.
  private func digest(of document: TextDocument, ordinal: UInt32) -> Digest {
    var writer = ByteWriter(reserving: 512)
    writer.u8(ElementTag.document)
    writer.u32(ordinal)
    writer.lengthPrefixed(document.key)
    for field in schema.fields { writer.string(document.texts[field.name] ?? "") }
    for column in schema.keywords {
      let values = KeywordBuilder.distinct(document.keywords[column] ?? [])
      writer.varint(UInt64(values.count))
      for value in values { writer.lengthPrefixed(value) }
    }
    for column in schema.columns where column.kind == .document {
      writer.i64(document.numbers[column.name] ?? NumericCell.none)
    }
    writer.i64(document.location?.packed ?? GeoPoint.packedNone)
    var digest = Digest()
    digest.add(writer.bytes)
    return digest
  }
}

/// The first byte of an element of the digest.
enum ElementTag {
  static let document: UInt8 = 1
  static let cell: UInt8 = 2
}

/// Collects the values of one keyword column.
struct KeywordBuilder {
  private var numbers: [[UInt8]: UInt32] = [:]
  private var values: [[UInt8]] = []
  private var documents: [UInt32] = []
  private var starts: [UInt32] = [0]

  /// Values compare by their bytes, not by canonical equivalence as Strings do.
  static func distinct(_ values: [String]) -> [[UInt8]] {
    if values.isEmpty { return [] }
    if values.count == 1 { return [Array(values[0].utf8)] }
    return Set(values.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
  }

  mutating func add(_ strings: [String]) {
    for value in Self.distinct(strings) {
      if let number = numbers[value] {
        documents.append(number)
      } else {
        documents.append(UInt32(values.count))
        numbers[value] = UInt32(values.count)
        values.append(value)
      }
    }
    starts.append(UInt32(documents.count))
  }

  func finish() -> KeywordValues {
    let order = values.indices.sorted { values[$0].lexicographicallyPrecedes(values[$1]) }
    var rank = [UInt32](repeating: 0, count: values.count)
    var dictionary = TermDictionaryBuilder()
    for (number, value) in order.enumerated() {
      rank[value] = UInt32(number)
      dictionary.append(values[value])
    }
    // A document's values were added in the order of their bytes, so their ranks ascend.
    return Self.values(
      dictionary.finish(), numbers: documents.map { rank[Int($0)] }, starts: starts)
  }

  /// Adds the other direction: the documents of each value.
  static func values(
    _ dictionary: TermDictionary, numbers: [UInt32], starts: [UInt32]
  ) -> KeywordValues {
    var next = [Int](repeating: 0, count: dictionary.count)
    for number in numbers { next[Int(number)] += 1 }
    var total = 0
    for number in next.indices { (next[number], total) = (total, total + next[number]) }
    var holders = [UInt32](repeating: 0, count: numbers.count)
    for document in 0..<max(0, starts.count - 1) {
      for index in Int(starts[document])..<Int(starts[document + 1]) {
        let number = Int(numbers[index])
        holders[next[number]] = UInt32(document)
        next[number] += 1
      }
    }
    var writer = PostingsWriter(norms: [], keepsPositions: false)
    var start = 0
    for number in next.indices {
      for holder in holders[start..<next[number]] { writer.add(holder, count: 1) }
      writer.finishTerm()
      start = next[number]
    }
    return KeywordValues(
      values: dictionary, postings: writer.finish(), starts: PartStarts(starts),
      numbers: NarrowRun(numbers))
  }
}
