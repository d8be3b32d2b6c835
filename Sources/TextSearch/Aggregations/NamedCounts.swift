// NamedCounts: counts by name, put together from segments that number their names each in its own way.
//
// The first segment is kept as it is, for often it is the only one. From the second on, names stand
// sorted with their counts, and a segment's are merged in, for its names are sorted too.

struct NamedCounts {
  private var first: (names: TermDictionary, counts: [UInt32])?
  private var names: [[UInt8]] = []
  private var counts: [Int] = []
  private var isMerged = false

  /// Adds the counts by number of a segment's names.
  mutating func add(_ dictionary: TermDictionary, _ numbers: [UInt32]) {
    guard isMerged || first != nil else {
      first = (dictionary, numbers)
      return
    }
    if let first {
      merge(first.names, first.counts)
      self.first = nil
      isMerged = true
    }
    merge(dictionary, numbers)
  }

  private mutating func merge(_ dictionary: TermDictionary, _ numbers: [UInt32]) {
    var walker = TermWalker(dictionary)
    var mergedNames: [[UInt8]] = []
    var mergedCounts: [Int] = []
    var next = 0
    for (number, count) in numbers.enumerated() where count > 0 {
      walker.move(to: number)
      let name = walker.term
      while next < names.count, names[next].lexicographicallyPrecedes(name) {
        mergedNames.append(names[next])
        mergedCounts.append(counts[next])
        next += 1
      }
      mergedNames.append(name)
      if next < names.count, names[next] == name {
        mergedCounts.append(counts[next] + Int(count))
        next += 1
      } else {
        mergedCounts.append(Int(count))
      }
    }
    mergedNames += names[next...]
    mergedCounts += counts[next...]
    (names, counts) = (mergedNames, mergedCounts)
  }

  var differentNames: Int {
    first.map { first in first.counts.count { $0 > 0 } } ?? names.count
  }

  /// The `size` largest counts, equal ones by name; and the sum of all others.
  func best(_ size: Int) -> (best: [(name: [UInt8], count: Int)], others: Int) {
    let counts = first.map { $0.counts.map(Int.init) } ?? self.counts
    let places = Self.largest(counts, size)
    let others = counts.reduce(0, +) - places.reduce(0) { $0 + counts[$1] }
    let best = places.map { place in
      (name: first.map { $0.names.term(place) } ?? names[place], count: counts[place])
    }
    return (best, others)
  }

  /// The places of the largest counts above zero, largest first, equal ones in order. Places are in the
  /// order of the names.
  private static func largest(_ counts: [Int], _ size: Int) -> [Int] {
    guard size > 0 else { return [] }
    guard size <= 64 else {
      let sorted = counts.indices.filter { counts[$0] > 0 }.sorted {
        counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1
      }
      return Array(sorted.prefix(size))
    }
    var best: [Int] = []
    for (place, count) in counts.enumerated() where count > 0 {
      if best.count == size, count <= counts[best[size - 1]] { continue }
      var to = best.count
      while to > 0, counts[best[to - 1]] < count { to -= 1 }
      best.insert(place, at: to)
      if best.count > size { best.removeLast() }
    }
    return best
  }
}
