// Segment: an immutable part of the index. Its documents have local numbers from zero.
//
// Invariants
// 1. `ordinals` ascend strictly: local order is ordinal order.
// 2. lengths[d] is the exact number of a field's words in document d, norms[d] its norm.
// 3. Keyword values of a document are distinct and ascending, at starts[d], and the
//    column's postings say the same the other way round.
// 4. A segment never changes. Which of its documents still stand is said by `LiveSegment`.

import Views

/// The inverted index of one text field.
/// A class, so that a search copies one reference and not those of all its parts.
package final class FieldIndex: Sendable {
  let terms: TermDictionary
  let postings: Postings
  let norms: Frozen<UInt8>
  let lengths: NarrowRun

  init(
    terms: TermDictionary, postings: Postings, norms: Frozen<UInt8>, lengths: NarrowRun
  ) {
    (self.terms, self.postings, self.norms, self.lengths) = (terms, postings, norms, lengths)
  }

  var sizeBytes: Int {
    terms.sizeBytes + postings.sizeBytes + norms.sizeBytes + lengths.sizeBytes
  }
}

/// The values of one keyword column: by document, and the documents by value.
package final class KeywordValues: Sendable {
  /// Distinct values, ascending by their bytes; a value's number is its place.
  let values: TermDictionary
  let postings: Postings
  let starts: PartStarts
  let numbers: NarrowRun

  init(values: TermDictionary, postings: Postings, starts: PartStarts, numbers: NarrowRun) {
    (self.values, self.postings, self.starts, self.numbers) = (values, postings, starts, numbers)
  }

  /// Where in `numbers` a document's value numbers stand.
  @inline(__always)
  func numbers(of document: Int) -> Range<Int> { starts[document] }

  var sizeBytes: Int {
    values.sizeBytes + postings.sizeBytes + starts.sizeBytes + numbers.sizeBytes
  }
}

/// What a builder, a merge or a file makes, before it has a number.
package struct SegmentContent: Sendable {
  var ordinals: Frozen<UInt32>
  var fields: [FieldIndex]
  var keywords: [KeywordValues]
  var places: PlaceIndex
  /// External keys, end to end.
  var keyBytes: Frozen<UInt8>
  var keyStarts: PartStarts
  /// Digest of each document's content: high, then low.
  var digests: Frozen<UInt64>
}

package final class Segment: Sendable {
  /// Unique in the life of an index.
  let number: UInt64
  let content: SegmentContent
  let keyIndex = KeyIndex()

  init(number: UInt64, content: SegmentContent) {
    self.number = number
    self.content = content
  }

  var count: Int { content.ordinals.count }
  var ordinals: Frozen<UInt32> { content.ordinals }
  var fields: [FieldIndex] { content.fields }
  var keywords: [KeywordValues] { content.keywords }
  var places: PlaceIndex { content.places }

  func keyRange(_ document: Int) -> Range<Int> { content.keyStarts[document] }

  func key(_ document: Int) -> [UInt8] {
    let range = keyRange(document)
    return Array(content.keyBytes.buffer[range])
  }

  func digest(_ document: Int) -> Digest {
    var digest = Digest()
    digest.high = content.digests[2 * document]
    digest.low = content.digests[2 * document + 1]
    return digest
  }

  var sizeBytes: Int {
    fields.reduce(0) { $0 + $1.sizeBytes } + keywords.reduce(0) { $0 + $1.sizeBytes }
      + content.ordinals.sizeBytes + content.keyBytes.sizeBytes + content.keyStarts.sizeBytes
      + content.digests.sizeBytes + places.sizeBytes
  }
}

/// Where an ordinal's document is: zero, or the segment's number plus one above 24 bits of document.
struct Place {
  static let documentBits: UInt64 = 24
  /// A segment holds at most this many documents.
  static let documentsMax = 1 << 24

  static func packed(segment: UInt64, document: Int) -> UInt64 {
    (segment + 1) << documentBits | UInt64(document)
  }

  static func segment(_ packed: UInt64) -> UInt64 { packed >> documentBits - 1 }
  static func document(_ packed: UInt64) -> Int { Int(packed & (1 << documentBits - 1)) }
}
