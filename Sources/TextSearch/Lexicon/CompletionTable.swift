// CompletionTable: texts that begin, at any of their words, with what was typed. Immutable.
//
// A key is an entry's words from one of them to the last, as the standard analyser writes them, with a
// space between two and a zero byte at the end: "red running shoes", "running shoes", "shoes". All keys
// of an entry are ends of one run of bytes. Sorted, the keys that begin so are a range; a tree of the
// heaviest weight in each half, quarter and so on gives the best of a range without looking at the rest.
//
// Invariants
// 1. `keys` ascend by their bytes; heads[n] is the first eight bytes of key n, big-endian.
// 2. Leaf `leaves + n` of `heaviest` is the weight of key n's entry, -1 beyond the last; an inner node is
//    the greater of its two.

final class CompletionTable: Sendable {
  struct Key {
    /// Where the key's bytes begin in `bytes`.
    var start: UInt32
    var entry: UInt32
    var isWholeText: Bool
  }

  let entries: [CompletionEntry]
  let bytes: [UInt8]
  let keys: [Key]
  let heads: [UInt64]
  let heaviest: [Int]
  let leaves: Int
  /// Entries by their payloads.
  private let byPayload: [UInt32]

  /// Of entries with the same payload the last counts.
  init(_ given: [CompletionEntry]) {
    entries = Self.withoutRepeats(given)
    var bytes: [UInt8] = []
    var keys: [Key] = []
    var list = TermList()
    for (index, entry) in entries.enumerated() {
      list.removeAll()
      Analyser.standard.analyse(entry.text, into: &list)
      for word in 0..<list.count {
        keys.append(
          Key(
            start: UInt32(truncatingIfNeeded: bytes.count),
            entry: UInt32(truncatingIfNeeded: index), isWholeText: word == 0))
        bytes += list[word]
        bytes.append(word + 1 < list.count ? UInt8(ascii: " ") : 0)
      }
    }
    (keys, heads) = Self.sorted(keys, bytes)
    (self.bytes, self.keys) = (bytes, keys)
    var leaves = 1
    while leaves < keys.count { leaves *= 2 }
    var heaviest = [Int](repeating: -1, count: 2 * leaves)
    for (number, key) in keys.enumerated() {
      heaviest[leaves + number] = entries[Int(key.entry)].weight
    }
    for node in stride(from: leaves - 1, to: 0, by: -1) {
      heaviest[node] = max(heaviest[2 * node], heaviest[2 * node + 1])
    }
    (self.leaves, self.heaviest) = (leaves, heaviest)
    byPayload = entries.indices.map { UInt32(truncatingIfNeeded: $0) }
      .sorted { [entries] in
        entries[Int($0)].payload.lexicographicallyPrecedes(entries[Int($1)].payload)
      }
  }

  private static func withoutRepeats(_ entries: [CompletionEntry]) -> [CompletionEntry] {
    var last: [[UInt8]: Int] = [:]
    last.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() { last[entry.payload] = index }
    guard last.count < entries.count else { return entries }
    return entries.enumerated().filter { last[$1.payload] == $0 }.map(\.element)
  }

  private static func sorted(_ keys: [Key], _ bytes: [UInt8]) -> ([Key], [UInt64]) {
    var pairs = keys.map { key in (head: head(bytes, Int(key.start)), key: key) }
    bytes.withUnsafeBufferPointer { bytes in
      pairs.sort { left, right in
        if left.head != right.head { return left.head < right.head }
        var (a, b) = (Int(left.key.start), Int(right.key.start))
        // Ends at the zero byte of one of them at the latest.
        while bytes[a] == bytes[b] && bytes[a] != 0 { (a, b) = (a + 1, b + 1) }
        return bytes[a] != bytes[b] ? bytes[a] < bytes[b] : left.key.entry < right.key.entry
      }
    }
    return (pairs.map(\.key), pairs.map(\.head))
  }

  /// The first eight bytes of a key, zeros after its end.
  private static func head(_ bytes: [UInt8], _ start: Int) -> UInt64 {
    var head: UInt64 = 0
    for index in start..<start + 8 {
      guard index < bytes.count, bytes[index] != 0 else { break }
      head |= UInt64(bytes[index]) << UInt64(56 - 8 * (index - start))
    }
    return head
  }

  func entry(withPayload payload: [UInt8]) -> UInt32? {
    var (low, high) = (0, byPayload.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[Int(byPayload[middle])].payload.lexicographicallyPrecedes(payload) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < byPayload.count, entries[Int(byPayload[low])].payload == payload else { return nil }
    return byPayload[low]
  }

  // MARK: Ranges of keys

  /// Keys that begin with the same `depth` bytes.
  struct Node {
    var keys: Range<Int>
    var depth: Int
  }

  var root: Node { Node(keys: 0..<keys.count, depth: 0) }

  /// The byte of a key; zero from its end on.
  private func byte(_ key: Int, _ place: Int) -> UInt8 {
    if place < 8 { return UInt8(truncatingIfNeeded: heads[key] >> UInt64(56 - 8 * place)) }
    return bytes[Int(keys[key].start) + place]
  }

  /// The keys of `node` that go on with `letters`; nil if there are none.
  func node(_ node: Node, _ letters: some Sequence<UInt8>) -> Node? {
    var (low, high) = (node.keys.lowerBound, node.keys.upperBound)
    var depth = node.depth
    for letter in letters {
      guard low < high else { return nil }
      if byte(low, depth) != letter || byte(high - 1, depth) != letter {
        low = firstKey(low..<high, depth) { $0 >= letter }
        high = firstKey(low..<high, depth) { $0 > letter }
      }
      depth += 1
    }
    return low < high ? Node(keys: low..<high, depth: depth) : nil
  }

  private func firstKey(
    _ range: Range<Int>, _ depth: Int, where isRight: (UInt8) -> Bool
  ) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if isRight(byte(middle, depth)) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Calls `body` with each character that the keys of `node` go on with, and the keys that do.
  func forEachChild(of node: Node, _ body: (ArraySlice<UInt8>, Node) -> Void) {
    var low = node.keys.lowerBound
    let high = node.keys.upperBound
    while low < high {
      let start = Int(keys[low].start) + node.depth
      let lead = bytes[start]
      let width = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
      let letter = bytes[start..<start + width]
      guard let child = self.node(Node(keys: low..<high, depth: node.depth), letter) else { return }
      if lead != 0 { body(letter, child) }
      low = child.keys.upperBound
    }
  }
}
