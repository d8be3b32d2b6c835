// SegmentDecoder: the bytes of a segment's file, proved and made a segment again. Everything that a search
// reads without looking is looked at here: each term, posting, bound and position.

import Bytes
import Kernels

extension SegmentFile {
  /// `fields` tells for each text field whether positions are kept; `keywords` is the number of columns.
  static func decode(
    _ bytes: [UInt8], fields: [Bool], keywords: Int
  ) throws(DecodeError) -> SegmentContent {
    var reader = ByteReader(bytes.span.bytes)
    guard bytes.count >= 32 else { throw DecodeError(.truncated, "segment", at: 0) }
    guard try reader.array(8) == magic else { throw DecodeError(.invalid, "segment magic", at: 0) }
    guard try reader.u32() == version else {
      throw DecodeError(.invalid, "segment version", at: 8)
    }
    let body = bytes.count.subtractingReportingOverflow(8).partialValue
    var seal = ByteReader(bytes.span.bytes)
    try seal.skip(body)
    guard try seal.u64() == XXH64.hash(bytes.span.bytes.extracting(first: body)) else {
      throw DecodeError(.invalid, "segment hash", at: body)
    }
    let count = Int(try reader.u32())
    guard count <= Place.documentsMax, count <= reader.remaining else {
      throw DecodeError(.overflow, "documents", at: 12)
    }
    guard Int(try reader.u16()) == fields.count, Int(try reader.u16()) == keywords,
      try reader.u32() == 0
    else { throw DecodeError(.invalid, "segment shape", at: 16) }
    return try decodeBody(&reader, count, fields, keywords)
  }

  private static func decodeBody(
    _ reader: inout ByteReader, _ count: Int, _ fields: [Bool], _ keywords: Int
  ) throws(DecodeError) -> SegmentContent {
    let ordinals = try ascending(&reader, count, below: 1 << 32)
    var keyStarts: [UInt32] = [0]
    keyStarts.reserveCapacity(count)
    var total: UInt64 = 0
    for _ in 0..<count {
      total =
        total.addingReportingOverflow(
          UInt64(clamping: try reader.count(limit: reader.remaining, "key length"))
        ).partialValue
      keyStarts.append(UInt32(truncatingIfNeeded: total))
    }
    guard total <= UInt64(clamping: reader.remaining), total < 1 << 32 else {
      throw DecodeError(.truncated, "keys", at: reader.offset)
    }
    let keys = try reader.array(Int(clamping: total))
    var digests: [UInt64] = []
    for _ in 0..<count {
      digests.append(try reader.u64())
      digests.append(try reader.u64())
    }
    var points: [Int64] = []
    if try reader.u8() == 1 {
      for _ in 0..<count {
        let packed = try reader.i64()
        if let point = GeoPoint(packed: packed),
          GeoPoint(latitude: point.latitude, longitude: point.longitude) == nil
        {
          throw DecodeError(.invalid, "place", at: reader.offset)
        }
        points.append(packed)
      }
    }
    var fieldIndexes: [FieldIndex] = []
    for keepsPositions in fields {
      fieldIndexes.append(try field(&reader, count, keepsPositions))
    }
    var columns: [KeywordValues] = []
    for _ in 0..<keywords { columns.append(try column(&reader, count)) }
    try reader.skip(8)
    try reader.finish("segment")
    return SegmentContent(
      ordinals: Frozen(ordinals), fields: fieldIndexes, keywords: columns,
      places: PlaceIndex(points: points), keyBytes: Frozen(keys), keyStarts: PartStarts(keyStarts),
      digests: Frozen(digests))
  }

  /// `count` ascending numbers below `bound`.
  private static func ascending(
    _ reader: inout ByteReader, _ count: Int, below bound: UInt64
  ) throws(DecodeError) -> [UInt32] {
    var values: [UInt32] = []
    values.reserveCapacity(min(count, reader.remaining))
    var next: UInt64 = 0
    for _ in 0..<count {
      let (value, overflow) = next.addingReportingOverflow(try reader.varint())
      guard !overflow, value < bound else {
        throw DecodeError(.overflow, "ascending numbers", at: reader.offset)
      }
      values.append(UInt32(truncatingIfNeeded: value))
      next = value.addingReportingOverflow(1).partialValue
    }
    return values
  }

  // MARK: Dictionaries

  private static func dictionary(
    _ reader: inout ByteReader
  ) throws(DecodeError) -> TermDictionary {
    let count = try reader.count(limit: reader.remaining, "terms")
    let start = reader.offset
    let bytes = try reader.lengthPrefixedArray()
    var entries = ByteReader(bytes.span.bytes)
    var builder = TermDictionaryBuilder()
    var last: [UInt8] = []
    var left = 0
    for number in 0..<count {
      let shared = left == 0 ? 0 : try entries.count(limit: last.count, "shared bytes")
      left = left == 0 ? TermDictionary.blockTerms : left
      left = left.subtractingReportingOverflow(1).partialValue
      let more = try entries.count(limit: entries.remaining, "further bytes")
      var term = Array(last.prefix(shared))
      term.append(contentsOf: try entries.array(more))
      guard number == 0 || last.lexicographicallyPrecedes(term) else {
        throw DecodeError(.invalid, "order of terms", at: start)
      }
      last = term
      builder.append(last)
    }
    try entries.finish("terms")
    let dictionary = builder.finish()
    // Only the shortest form is read: another would be another file with the same content.
    guard dictionary.bytes.array == bytes else {
      throw DecodeError(.invalid, "form of terms", at: start)
    }
    return dictionary
  }

  // MARK: Fields

  private static func field(
    _ reader: inout ByteReader, _ count: Int, _ keepsPositions: Bool
  ) throws(DecodeError) -> FieldIndex {
    var lengths: [UInt32] = []
    for _ in 0..<count {
      lengths.append(UInt32(truncatingIfNeeded: try reader.count(limit: 1 << 31, "length")))
    }
    let norms = lengths.map(Norm.norm(ofLength:))
    let terms = try dictionary(&reader)
    var frequencies: [UInt32] = []
    var starts: [UInt32] = []
    for _ in 0..<terms.count {
      let code = try reader.varint("frequency")
      let frequency = UInt32(truncatingIfNeeded: code >> 1)
      guard code >> 1 >= 1, code >> 1 <= UInt64(clamping: count), code & 1 == 0 || frequency == 1
      else { throw DecodeError(.invalid, "frequency", at: reader.offset) }
      frequencies.append(frequency | (code & 1 == 1 ? Postings.onceBit : 0))
      let last = count.subtractingReportingOverflow(1).partialValue
      let document = code & 1 == 0 ? 0 : try reader.count(limit: last, "document")
      starts.append(UInt32(truncatingIfNeeded: document))
    }
    let bytes = try reader.lengthPrefixedArray()
    let positions = try reader.lengthPrefixedArray()
    var check = PostingsCheck(norms: norms, keepsPositions: keepsPositions)
    try check.run(frequencies, &starts, bytes, positions)
    return FieldIndex(
      terms: terms,
      postings: Postings(
        frequencies: TermFrequencies(frequencies), starts: Frozen(starts), bytes: Frozen(bytes),
        positionStarts: Frozen(check.positionStarts), positions: Frozen(positions)),
      norms: Frozen(norms), lengths: NarrowRun(lengths))
  }

  private static func column(
    _ reader: inout ByteReader, _ count: Int
  ) throws(DecodeError) -> KeywordValues {
    let values = try dictionary(&reader)
    var starts: [UInt32] = [0]
    var numbers: [UInt32] = []
    for _ in 0..<count {
      let held = try reader.count(limit: min(values.count, reader.remaining), "values")
      numbers.append(
        contentsOf: try ascending(&reader, held, below: UInt64(clamping: values.count)))
      starts.append(UInt32(truncatingIfNeeded: numbers.count))
    }
    guard numbers.count < 1 << 31 else {
      throw DecodeError(.overflow, "values", at: reader.offset)
    }
    // A value without a document would have an empty list, which no writer makes.
    guard Set(numbers).count == values.count else {
      throw DecodeError(.invalid, "unused value", at: reader.offset)
    }
    return KeywordBuilder.values(values, numbers: numbers, starts: starts)
  }
}

/// Walks all postings of a field once, and finds where each term's begin.
struct PostingsCheck {
  private let norms: [UInt8]
  private let keepsPositions: Bool
  private(set) var positionStarts: [UInt32] = []
  private var documents = [UInt32](repeating: 0, count: Postings.blockDocuments)
  private var counts = [UInt32](repeating: 0, count: Postings.blockDocuments)
  /// The next document that is allowed, and the largest count and least norm since the bound was read.
  private var next: UInt64 = 0
  private var most: UInt32 = 0
  private var least = UInt8.max
  private var norm: Frozen<UInt8>

  init(norms: [UInt8], keepsPositions: Bool) {
    self.norms = norms
    self.keepsPositions = keepsPositions
    norm = Frozen(norms)
  }

  mutating func run(
    _ frequencies: [UInt32], _ starts: inout [UInt32], _ bytes: [UInt8], _ positions: [UInt8]
  ) throws(DecodeError) {
    guard bytes.count < 1 << 32, positions.count < 1 << 32 else {
      throw DecodeError(.overflow, "postings", at: 0)
    }
    var reader = ByteReader(bytes.span.bytes)
    var places = ByteReader(positions.span.bytes)
    var found: [UInt32] = []
    for (frequency, start) in zip(frequencies, starts) {
      if keepsPositions { positionStarts.append(UInt32(truncatingIfNeeded: places.offset)) }
      (next, most, least) = (0, 0, .max)
      if frequency & Postings.onceBit != 0 {
        found.append(start)
        try accept(start, 1, &places)
      } else {
        found.append(UInt32(truncatingIfNeeded: reader.offset))
        try list(Int(clamping: frequency), &reader, &places)
      }
    }
    starts = found
    try reader.finish("postings")
    try places.finish("positions")
  }

  private mutating func list(
    _ frequency: Int, _ reader: inout ByteReader, _ places: inout ByteReader
  ) throws(DecodeError) {
    let whole = frequency / Postings.blockDocuments
    let tail = frequency % Postings.blockDocuments
    guard whole > 0 else {
      let bound = (try reader.u8(), try reader.u8())
      try self.tail(tail, &reader, &places)
      return try check(bound, at: reader.offset)
    }
    let blocks = tail > 0 ? whole.addingReportingOverflow(1).partialValue : whole
    let size = blocks.multipliedReportingOverflow(by: Postings.entryBytes)
    guard !size.overflow else { throw DecodeError(.overflow, "table", at: reader.offset) }
    let table = try reader.array(size.partialValue, "table")
    var entries = ByteReader(table.span.bytes)
    let (data, first) = (reader.offset, places.offset)
    for block in 0..<blocks {
      let last = try entries.u32()
      let offsets = (try entries.u32(), try entries.u32())
      let bits = (try entries.u8(), try entries.u8())
      let bound = (try entries.u8(), try entries.u8())
      guard
        Int(clamping: offsets.0) == reader.offset.subtractingReportingOverflow(data).partialValue,
        Int(clamping: offsets.1) == places.offset.subtractingReportingOverflow(first).partialValue,
        bits.0 <= 32, bits.1 <= 32
      else { throw DecodeError(.invalid, "table entry", at: data) }
      if block < whole {
        try self.block(bits, &reader, &places)
      } else {
        guard bits == (0, 0) else { throw DecodeError(.invalid, "table entry", at: data) }
        try self.tail(tail, &reader, &places)
      }
      guard next == UInt64(clamping: last).addingReportingOverflow(1).partialValue else {
        throw DecodeError(.invalid, "last document", at: data)
      }
      try check(bound, at: data)
    }
  }

  private mutating func tail(
    _ count: Int, _ reader: inout ByteReader, _ places: inout ByteReader
  ) throws(DecodeError) {
    for _ in 0..<count {
      let code = try reader.varint("posting")
      let (document, overflow) = next.addingReportingOverflow(code >> 1)
      guard !overflow, document < UInt64(clamping: norms.count) else {
        throw DecodeError(.overflow, "document", at: reader.offset)
      }
      var times = 1
      if code & 1 == 0 {
        times = try reader.count(limit: 1 << 30, "count")
        guard times > 1 else { throw DecodeError(.invalid, "count", at: reader.offset) }
      }
      try accept(
        UInt32(truncatingIfNeeded: document), UInt32(truncatingIfNeeded: times), &places)
    }
  }

  private mutating func block(
    _ bits: (UInt8, UInt8), _ reader: inout ByteReader, _ places: inout ByteReader
  ) throws(DecodeError) {
    let gaps = try reader.array(
      Int(clamping: bits.0).multipliedReportingOverflow(by: 16).partialValue)
    let excess = try reader.array(
      Int(clamping: bits.1).multipliedReportingOverflow(by: 16).partialValue)
    let before = UInt32(truncatingIfNeeded: next.subtractingReportingOverflow(1).partialValue)
    kernels_unpack_ascending(gaps, UInt32(clamping: bits.0), before, &documents)
    kernels_unpack_counts(excess, UInt32(clamping: bits.1), &counts)
    for (document, count) in zip(documents, counts) {
      guard count >= 1, count <= 1 << 30 else {
        throw DecodeError(.overflow, "count", at: reader.offset)
      }
      try accept(document, count, &places)
    }
  }

  /// One posting, with its positions.
  private mutating func accept(
    _ document: UInt32, _ count: UInt32, _ places: inout ByteReader
  ) throws(DecodeError) {
    guard UInt64(clamping: document) >= next, Int(clamping: document) < norms.count else {
      throw DecodeError(.invalid, "order of documents", at: places.offset)
    }
    next = UInt64(clamping: document).addingReportingOverflow(1).partialValue
    most = max(most, count)
    least = min(least, norm.value(Int(clamping: document)) ?? 0)
    guard keepsPositions else { return }
    for _ in 0..<count { _ = try places.count(limit: 1 << 32, "position") }
  }

  /// A bound that is not the tight one would be another file with the same content.
  private mutating func check(
    _ bound: (count: UInt8, norm: UInt8), at offset: Int
  ) throws(DecodeError) {
    guard bound == (UInt8(clamping: most), least) else {
      throw DecodeError(.invalid, "bound", at: offset)
    }
    (most, least) = (0, .max)
  }
}
