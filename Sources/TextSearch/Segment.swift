// Segment: an immutable part of the index. Its documents have local numbers from zero.
//
// Invariants
// 1. `ordinals` ascend: local order is ordinal order.
// 2. In a field, starts[t] ..< starts[t + 1] are the postings of term t, documents ascending, each
//    with a frequency of at least one; a term has at least one posting.
// 3. lengths[d] is the field's exact number of terms in document d: the sum of its frequencies.
// 4. Keyword values of a document are distinct and ascending, in starts[d] ..< starts[d + 1].
// 5. A segment never changes. Which of its documents still stand is said by `LiveSegment`.

import Views

/// The inverted index of one text field.
package struct FieldPostings: Sendable {
  var terms = TermDictionary()
  var starts: [UInt32] = [0]
  var documents: [UInt32] = []
  var frequencies: [UInt32] = []
  var lengths: [UInt32] = []

  func postings(of term: Int) -> Range<Int> { Int(starts[term])..<Int(starts[term + 1]) }

  var sizeBytes: Int {
    terms.sizeBytes + 4 * (starts.count + documents.count + frequencies.count + lengths.count)
  }
}

/// The values of one keyword column.
package struct KeywordValues: Sendable {
  var values = TermDictionary()
  var starts: [UInt32] = [0]
  var numbers: [UInt32] = []

  func numbers(of document: Int) -> Range<Int> {
    Int(starts[document])..<Int(starts[document + 1])
  }

  var sizeBytes: Int { values.sizeBytes + 4 * (starts.count + numbers.count) }
}

package final class Segment: Sendable {
  /// Unique in the life of an index.
  let number: UInt64
  let ordinals: [UInt32]
  let fields: [FieldPostings]
  let keywords: [KeywordValues]
  /// External keys, end to end; document d's are keyStarts[d] ..< keyStarts[d + 1].
  let keyBytes: [UInt8]
  let keyStarts: [UInt32]
  /// Digest of each document's content.
  let digests: [Digest]

  init(number: UInt64, content: SegmentContent) {
    self.number = number
    ordinals = content.ordinals
    fields = content.fields
    keywords = content.keywords
    keyBytes = content.keyBytes
    keyStarts = content.keyStarts
    digests = content.digests
  }

  var count: Int { ordinals.count }

  func key(_ document: Int) -> [UInt8] {
    Array(keyBytes[Int(keyStarts[document])..<Int(keyStarts[document + 1])])
  }

  var sizeBytes: Int {
    fields.reduce(0) { $0 + $1.sizeBytes } + keywords.reduce(0) { $0 + $1.sizeBytes }
      + ordinals.count * (4 + 4 + 16) + keyBytes.count
  }
}

/// What a builder or a merge makes, before it has a number.
package struct SegmentContent {
  var ordinals: [UInt32] = []
  var fields: [FieldPostings] = []
  var keywords: [KeywordValues] = []
  var keyBytes: [UInt8] = []
  var keyStarts: [UInt32] = [0]
  var digests: [Digest] = []
}

/// A segment, and which of its documents stand.
package struct LiveSegment: Sendable {
  let segment: Segment
  /// Bit d is set while document d stands; bits past the last document are zero.
  private(set) var live: [UInt64]
  private(set) var liveCount: Int

  /// With every document standing.
  init(_ segment: Segment) {
    self.segment = segment
    liveCount = segment.count
    live = Array(repeating: .max, count: (segment.count + 63) / 64)
    if segment.count % 64 != 0 { live[live.count - 1] = (1 << UInt64(segment.count % 64)) - 1 }
  }

  var deadCount: Int { segment.count - liveCount }

  @inline(__always)
  func isLive(_ document: Int) -> Bool { live[document >> 6] >> UInt64(document & 63) & 1 == 1 }

  mutating func kill(_ document: Int) {
    guard isLive(document) else { return }
    live[document >> 6] &= ~(1 << UInt64(document & 63))
    liveCount -= 1
  }

  /// How many standing documents of field `field` have term `term`.
  func documentFrequency(field: Int, term: Int) -> Int {
    let postings = segment.fields[field]
    let range = postings.postings(of: term)
    guard deadCount > 0 else { return range.count }
    var count = 0
    for posting in range where isLive(Int(postings.documents[posting])) { count += 1 }
    return count
  }
}

/// Where an ordinal's document is: zero, or the segment's number plus one above 26 bits of document.
struct Place {
  static let documentBits: UInt64 = 26
  /// A segment holds at most this many documents.
  static let documentsMax = 1 << 26

  static func packed(segment: UInt64, document: Int) -> UInt64 {
    (segment + 1) << documentBits | UInt64(document)
  }

  static func segment(_ packed: UInt64) -> UInt64 { packed >> documentBits - 1 }
  static func document(_ packed: UInt64) -> Int { Int(packed & (1 << documentBits - 1)) }
}
