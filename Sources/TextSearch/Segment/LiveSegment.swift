// LiveSegment: a segment, and which of its documents stand.
//
// Statistics are exact: a term's document frequency is that of the standing documents. Counting the
// fallen ones costs a look at each, so the counts are remembered, and a count that was made when fewer
// had fallen is brought up to date by those that fell since.
//
// Invariants
// 1. Bit d of `live` is set while document d stands; bits past the last document are zero.
// 2. `fallen` lists the documents that fell, in that order, and only grows.
// 3. `counts` is shared by all states of one segment; an entry says how much of `fallen` it has seen.

import Bytes
import Synchronization

package struct LiveSegment: Sendable {
  let segment: Segment
  private(set) var live: [UInt64]
  private(set) var fallen: [UInt32] = []
  private let counts = FallenCounts()

  /// With every document standing.
  init(_ segment: Segment) {
    self.segment = segment
    live = Array(repeating: .max, count: (segment.count + 63) / 64)
    if segment.count % 64 != 0 { live[live.count - 1] = (1 << UInt64(segment.count % 64)) - 1 }
  }

  /// `segment` in the place of another's, with the same documents, of which the same stand.
  init(_ segment: Segment, standingAsIn other: LiveSegment) {
    self.segment = segment
    (live, fallen) = (other.live, other.fallen)
  }

  var liveCount: Int { segment.count - fallen.count }
  var deadCount: Int { fallen.count }

  @inline(__always)
  func isLive(_ document: Int) -> Bool { live[document >> 6] >> UInt64(document & 63) & 1 == 1 }

  mutating func kill(_ document: Int) {
    guard isLive(document) else { return }
    live[document >> 6] &= ~(1 << UInt64(document & 63))
    fallen.append(UInt32(document))
  }

  /// How many standing documents of text field `field` have term `term`.
  func documentFrequency(field: Int, term: Int) -> Int {
    let postings = segment.fields[field].postings
    let all = postings.frequency(term)
    guard !fallen.isEmpty else { return all }
    return all - counts.count(FallenCounts.Name(field: field, term: term), fallen, postings)
  }
}

/// How many of the fallen documents had a term.
private final class FallenCounts: Sendable {
  struct Name: Hashable {
    var field: Int
    var term: Int
  }

  private struct Entry {
    var seen = 0
    var count = 0
  }

  /// More are forgotten: what is asked for again is counted again.
  private static let entriesMost = 4_096
  private let entries = Mutex<[Name: Entry]>([:])

  func count(_ name: Name, _ fallen: [UInt32], _ postings: Postings) -> Int {
    var entry = entries.withLock { $0[name] } ?? Entry()
    if entry.seen == fallen.count { return entry.count }
    // A later state has counted more than this one knows of.
    if entry.seen > fallen.count { entry = Entry() }
    entry.count += Self.count(fallen[entry.seen...].sorted(), postings, term: name.term)
    entry.seen = fallen.count
    entries.withLock { entries in
      if entries[name].map({ $0.seen < entry.seen }) ?? true {
        if entries.count >= Self.entriesMost { entries.removeAll(keepingCapacity: true) }
        entries[name] = entry
      }
    }
    return entry.count
  }

  private static func count(_ documents: [UInt32], _ postings: Postings, term: Int) -> Int {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * Postings.blockDocuments) {
      guard let scratch = $0.baseAddress else { return 0 }
      var cursor = PostingsCursor(postings, term: term, scratch: scratch)
      var count = 0
      for document in documents {
        cursor.seek(document)
        if cursor.isAtEnd { break }
        if cursor.document == document { count += 1 }
      }
      return count
    }
  }
}

/// The documents of external keys, hashed when they are first asked for.
package final class KeyIndex: Sendable {
  private let slots = Mutex<[UInt32]>([])

  /// The documents whose key is `key`; at most one of them stands.
  func documents(of key: [UInt8], _ segment: Segment) -> [Int] {
    let wanted = key.withUnsafeBytes { KeyIndex.hash($0) }
    return slots.withLock { slots in
      if slots.isEmpty { slots = Self.build(segment) }
      var found: [Int] = []
      var slot = Int(truncatingIfNeeded: wanted) & (slots.count - 1)
      while slots[slot] != .max {
        let document = Int(slots[slot])
        if segment.content.keyBytes.buffer[segment.keyRange(document)].elementsEqual(key) {
          found.append(document)
        }
        slot = (slot + 1) & (slots.count - 1)
      }
      return found
    }
  }

  private static func build(_ segment: Segment) -> [UInt32] {
    var size = 16
    while size < 2 * segment.count { size *= 2 }
    var slots = [UInt32](repeating: .max, count: size)
    for document in 0..<segment.count {
      let key = UnsafeRawBufferPointer(
        UnsafeBufferPointer(rebasing: segment.content.keyBytes.buffer[segment.keyRange(document)]))
      var slot = Int(truncatingIfNeeded: hash(key)) & (size - 1)
      while slots[slot] != .max { slot = (slot + 1) & (size - 1) }
      slots[slot] = UInt32(document)
    }
    return slots
  }

  private static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { XXH64.hash(key) }
}
