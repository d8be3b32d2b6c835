// SegmentEncoder: a segment as the bytes of a file (DataFormats/text-segment.md). What follows from the
// rest is not written: offsets, blocks of dictionaries, norms, the documents of keyword values.

import Bytes

enum SegmentFile {
  static let magic: [UInt8] = [0x89, 0x53, 0x54, 0x58, 0x0d, 0x0a, 0x1a, 0x0a]
  static let version: UInt32 = 1

  /// magic 8 | u32 version | u32 documents | u16 text fields | u16 keyword columns | u32 zero | body |
  /// u64 XXH64 of all before
  static func encode(_ content: SegmentContent) -> [UInt8] {
    var writer = ByteWriter(reserving: 1 << 16)
    writer.append(magic)
    writer.u32(version)
    writer.u32(UInt32(content.ordinals.count))
    writer.u16(UInt16(content.fields.count))
    writer.u16(UInt16(content.keywords.count))
    writer.u32(0)
    append(ascending: content.ordinals.buffer, to: &writer)
    for document in 0..<content.ordinals.count {
      writer.varint(UInt64(content.keyStarts[document].count))
    }
    writer.append(content.keyBytes.array)
    for half in content.digests.buffer { writer.u64(half) }
    writer.u8(content.places.points.count == 0 ? 0 : 1)
    for point in content.places.points.buffer { writer.i64(point) }
    for field in content.fields { append(field, to: &writer) }
    for column in content.keywords { append(column, to: &writer) }
    writer.u64(XXH64.hash(writer.bytes))
    return writer.bytes
  }

  /// The first, then each difference less one.
  private static func append(
    ascending values: some Sequence<UInt32>, to writer: inout ByteWriter
  ) {
    var last = UInt32.max
    for value in values {
      writer.varint(UInt64(value &- last &- 1))
      last = value
    }
  }

  private static func append(_ dictionary: TermDictionary, to writer: inout ByteWriter) {
    writer.varint(UInt64(dictionary.count))
    writer.lengthPrefixed(dictionary.bytes.array)
  }

  private static func append(_ field: FieldIndex, to writer: inout ByteWriter) {
    for document in 0..<field.lengths.count { writer.varint(UInt64(field.lengths[document])) }
    append(field.terms, to: &writer)
    let postings = field.postings
    for term in 0..<postings.frequencies.count {
      let isOnce = postings.frequencies.isOnce(term)
      writer.varint(UInt64(postings.frequency(term)) << 1 | (isOnce ? 1 : 0))
      if isOnce { writer.varint(UInt64(postings.starts[term])) }
    }
    writer.lengthPrefixed(field.postings.bytes.array)
    writer.lengthPrefixed(field.postings.positions.array)
  }

  private static func append(_ column: KeywordValues, to writer: inout ByteWriter) {
    append(column.values, to: &writer)
    for document in 0..<column.starts.count {
      let range = column.numbers(of: document)
      writer.varint(UInt64(range.count))
      append(ascending: range.lazy.map { column.numbers[$0] }, to: &writer)
    }
  }
}
