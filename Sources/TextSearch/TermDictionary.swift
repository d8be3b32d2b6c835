// TermDictionary: sorted byte strings in one arena, found by binary search.
//
// Invariants
// 1. Terms ascend by their bytes, without repeats; a term's number is its rank.
// 2. starts[n] ..< starts[n + 1] are the bytes of term n; starts has one element more than there are
//    terms.
// 3. heads[n] is the first eight bytes of term n, big-endian, padded with zeros, so that unequal
//    heads order as their terms do and most comparisons touch no arena byte.

package struct TermDictionary: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var starts: [UInt32] = [0]
  private(set) var heads: [UInt64] = []

  var count: Int { heads.count }
  var sizeBytes: Int { bytes.count + 4 * starts.count + 8 * heads.count }

  /// Appends a term above all others.
  mutating func append(_ term: ArraySlice<UInt8>) {
    heads.append(Self.head(term))
    bytes.append(contentsOf: term)
    starts.append(UInt32(bytes.count))
  }

  func range(_ number: Int) -> Range<Int> { Int(starts[number])..<Int(starts[number + 1]) }
  func term(_ number: Int) -> ArraySlice<UInt8> { bytes[range(number)] }

  /// The number of `term`, nil when it is not there.
  func find(_ term: ArraySlice<UInt8>) -> Int? {
    let head = Self.head(term)
    var low = 0
    var high = heads.count
    while low < high {
      let middle = (low + high) / 2
      if heads[middle] < head
        || (heads[middle] == head && self.term(middle).lexicographicallyPrecedes(term))
      {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < heads.count, heads[low] == head, self.term(low).elementsEqual(term) else {
      return nil
    }
    return low
  }

  /// Whether term `number` here comes before term `otherNumber` of `other`.
  func precedes(_ number: Int, _ other: TermDictionary, _ otherNumber: Int) -> Bool {
    if heads[number] != other.heads[otherNumber] {
      return heads[number] < other.heads[otherNumber]
    }
    return term(number).lexicographicallyPrecedes(other.term(otherNumber))
  }

  static func head(_ term: ArraySlice<UInt8>) -> UInt64 {
    var head: UInt64 = 0
    var shift: UInt64 = 56
    for byte in term.prefix(8) {
      head |= UInt64(byte) << shift
      shift &-= 8
    }
    return head
  }
}
