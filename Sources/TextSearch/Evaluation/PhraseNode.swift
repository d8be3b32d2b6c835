// PhraseNode: words that stand at given distances, scored by how often they do.
//
// An occurrence begins at `low`: each word chooses a place at least its own offset after `low`, no two the
// same place of one term, and none is more than `slop` beyond its offset. Words choose the first place that is
// free, in the order of their offsets; since all reach equally far, that finds a choice if there is one.
// An occurrence counts 1 / (1 + the farthest that a word is beyond its offset). Every `low` at which a word
// stands exactly is tried, so an exact phrase counts once wherever it stands.

final class PhraseNode: WindowNode {
  private struct Word {
    var offset: UInt32
    var cursors: UnsafeMutableBufferPointer<PostingsCursor>
    /// Words of the same terms have the same number: they must not take the same place.
    var kind: Int
  }

  private let words: [Word]
  private let slop: UInt32
  private let weight: Float
  private let norms: UnsafePointer<UInt8>
  private let inverse: UnsafePointer<Float>
  private var places: [[UInt32]]
  /// Per word, where the next place to look at stands, while `low` ascends.
  private var starts: [Int]
  private var taken: [(kind: Int, place: UInt32)] = []

  init?(_ plan: PhrasePlan, _ binder: SegmentBinder) {
    let field = binder.segment.fields[plan.field]
    guard field.postings.hasPositions else { return nil }
    var words: [Word] = []
    for (index, word) in plan.words.enumerated() {
      let cursors = word.terms.compactMap { term in
        field.terms.find(term).map {
          PostingsCursor(
            field.postings, term: $0,
            scratch: binder.scratch.make(UInt32.self, 2 * Postings.blockDocuments))
        }
      }
      let memory = UnsafeMutableBufferPointer<PostingsCursor>.allocate(capacity: cursors.count)
      _ = memory.initialize(from: cursors)
      words.append(
        Word(
          offset: word.offset, cursors: memory,
          kind: plan.words.firstIndex { $0.terms == word.terms } ?? index))
    }
    self.words = words
    slop = plan.slop
    weight = plan.weight
    norms = field.norms.base
    inverse = binder.scales[plan.field].inverse.base
    places = words.map { _ in [] }
    starts = words.map { _ in 0 }
    super.init()
    guard words.allSatisfy({ !$0.cursors.isEmpty }) else { return nil }
  }

  deinit {
    for word in words {
      word.cursors.deinitialize()
      word.cursors.deallocate()
    }
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.clearBits()
    var hasMatch = false
    var target = UInt32(window.start)
    while let document = nextCommon(from: target), document < UInt32(window.end) {
      let frequency = occurrences(in: document)
      if frequency > 0 {
        hasMatch = true
        let slot = Int(document) - window.start
        buffer.bits[slot >> 6] |= 1 << UInt64(slot & 63)
        buffer.scores[slot] =
          weight - weight / (1 + Float(frequency) * inverse[Int(norms[Int(document)])])
      }
      target = document + 1
    }
    return hasMatch
  }

  /// The first document from `target` on that has a term of every word.
  private func nextCommon(from target: UInt32) -> UInt32? {
    var target = target
    while true {
      let start = target
      for word in words {
        var least: UInt32?
        for index in word.cursors.indices {
          word.cursors[index].seek(target)
          if !word.cursors[index].isAtEnd {
            least = min(least ?? .max, word.cursors[index].document)
          }
        }
        guard let least else { return nil }
        target = max(target, least)
      }
      if target == start { return target }
    }
  }

  private func occurrences(in document: UInt32) -> Double {
    for (index, word) in words.enumerated() {
      places[index].removeAll(keepingCapacity: true)
      var lists = 0
      for cursor in word.cursors where !cursor.isAtEnd && cursor.document == document {
        cursor.readPositions(into: &places[index])
        lists += 1
      }
      if lists > 1 { places[index].sort() }
      starts[index] = 0
    }
    // Where a word stands, less its offset, in ascending order over all words.
    var frequency = 0.0
    var next = words.indices.map { _ in 0 }
    while true {
      var low: UInt32?
      for (index, word) in words.enumerated() {
        while next[index] < places[index].count, places[index][next[index]] < word.offset {
          next[index] += 1
        }
        if next[index] < places[index].count {
          low = min(low ?? .max, places[index][next[index]] - word.offset)
        }
      }
      guard let low else { return frequency }
      if let length = length(from: low) { frequency += 1 / (1 + Double(length)) }
      for (index, word) in words.enumerated() {
        while next[index] < places[index].count,
          places[index][next[index]] < word.offset
            || places[index][next[index]] - word.offset <= low
        {
          next[index] += 1
        }
      }
    }
  }

  /// How far the farthest word is beyond its offset from `low`; nil when not all find a place.
  private func length(from low: UInt32) -> UInt32? {
    taken.removeAll(keepingCapacity: true)
    var length: UInt32 = 0
    for (index, word) in words.enumerated() {
      let wanted = low + word.offset
      while starts[index] < places[index].count, places[index][starts[index]] < wanted {
        starts[index] += 1
      }
      var place = starts[index]
      while place < places[index].count,
        taken.contains(where: { $0 == (word.kind, places[index][place]) })
      {
        place += 1
      }
      guard place < places[index].count, places[index][place] - wanted <= slop else { return nil }
      length = max(length, places[index][place] - wanted)
      taken.append((word.kind, places[index][place]))
    }
    return length
  }
}
