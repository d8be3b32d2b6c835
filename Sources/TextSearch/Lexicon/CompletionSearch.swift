// CompletionSearch: the best entries for what was typed, over the levels of a set of completions.
//
// Where the exact beginning has too few entries, one typo is looked for: a letter wrong, missing, too
// many, or swapped with its neighbour, but the first letter right, and the last one too, for after it
// anything may still come. Only if nothing at all was found the last letter is given up as well.

struct CompletionSearch {
  /// Shorter beginnings are taken as they are.
  static let lettersLeastForTypos = 3

  private let levels: [Completions.Level]
  private let limit: Int
  private var found: [Completion] = []
  private var taken: Set<UInt64> = []

  init(_ levels: [Completions.Level], limit: Int) {
    self.levels = levels
    self.limit = limit
  }

  mutating func run(_ typed: String, allowsTypo: Bool) -> [Completion] {
    var list = TermList()
    Analyser.standard.analyse(typed, into: &list)
    var words: [UInt8] = []
    for index in 0..<list.count {
      if index > 0 { words.append(UInt8(ascii: " ")) }
      words += list[index]
    }
    let lastIsWhole = !words.isEmpty && typed.unicodeScalars.last?.properties.isWhitespace == true
    take(typos: 0) { table in
      guard lastIsWhole else { return table.node(table.root, words).map { [$0] } ?? [] }
      return [UInt8(ascii: " "), 0].compactMap { table.node(table.root, words + [$0]) }
    }
    let letters = String(decoding: words, as: UTF8.self).unicodeScalars.map {
      Array(String($0).utf8)
    }
    guard allowsTypo, found.count < limit, letters.count >= Self.lettersLeastForTypos else {
      return found
    }
    take(typos: 1) { Self.nodes(oneTypoFrom: letters, in: $0) }
    if found.isEmpty {
      take(typos: 1) { $0.node($0.root, letters.dropLast().joined()).map { [$0] } ?? [] }
    }
    return found
  }

  // MARK: The best of ranges

  private struct Branch {
    var weight: Int
    var level: Int
    /// Of the level's tree.
    var node: Int

    /// Heavier first; then the newer level, then the key that comes first.
    func precedes(_ other: Branch) -> Bool {
      if weight != other.weight { return weight > other.weight }
      return level != other.level ? level > other.level : node < other.node
    }
  }

  /// Adds the best entries of the keys that `nodes` names in each level, best first.
  private mutating func take(typos: Int, _ nodes: (CompletionTable) -> [CompletionTable.Node]) {
    var heap = Heap<Branch> { $0.precedes($1) }
    for (number, level) in levels.enumerated() {
      for node in nodes(level.table) {
        Self.cover(node.keys, level.table) {
          heap.push(Branch(weight: level.table.heaviest[$0], level: number, node: $0))
        }
      }
    }
    while found.count < limit, let best = heap.pop() {
      let table = levels[best.level].table
      guard best.node >= table.leaves else {
        for child in [2 * best.node, 2 * best.node + 1] where table.heaviest[child] >= 0 {
          heap.push(Branch(weight: table.heaviest[child], level: best.level, node: child))
        }
        continue
      }
      let entry = table.keys[best.node - table.leaves].entry
      guard !levels[best.level].dead.contains(entry),
        taken.insert(UInt64(best.level) << 32 | UInt64(entry)).inserted
      else { continue }
      found.append(Completion(entry: table.entries[Int(entry)], typos: typos))
    }
  }

  /// The fewest nodes of the tree that together are the range.
  private static func cover(
    _ range: Range<Int>, _ table: CompletionTable, _ body: (Int) -> Void
  ) {
    var (low, high) = (range.lowerBound + table.leaves, range.upperBound + table.leaves)
    while low < high {
      if low & 1 == 1 {
        body(low)
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        body(high)
      }
      (low, high) = (low / 2, high / 2)
    }
  }

  // MARK: One typo

  private static func nodes(
    oneTypoFrom letters: [[UInt8]], in table: CompletionTable
  ) -> [CompletionTable.Node] {
    var nodes: [CompletionTable.Node] = []
    // Where the letters so far lead to, letter by letter.
    guard var node = table.node(table.root, letters[0]) else { return [] }
    func add(_ from: CompletionTable.Node, _ rest: some Sequence<[UInt8]>) {
      if let end = table.node(from, rest.joined()) { nodes.append(end) }
    }
    for place in 1..<letters.count {
      let rest = letters[place...]
      if place + 1 < letters.count {
        add(node, rest.dropFirst())
        add(node, [rest[place + 1], rest[place]] + rest.dropFirst(2))
      }
      table.forEachChild(of: node) { letter, child in
        guard !letter.elementsEqual(rest[place]) else {
          // The letter once more: typed once where there are two.
          return add(child, rest)
        }
        add(child, rest)
        if place + 1 < letters.count { add(child, rest.dropFirst()) }
      }
      guard let next = table.node(node, letters[place]) else { break }
      node = next
    }
    return nodes
  }
}

/// A binary heap: the element that precedes all others comes first.
private struct Heap<Element> {
  private var elements: [Element] = []
  private let precedes: (Element, Element) -> Bool

  init(_ precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, precedes(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let last = elements.popLast() else { return nil }
    guard let first = elements.first else { return last }
    elements[0] = last
    var parent = 0
    while 2 * parent + 1 < elements.count {
      var child = 2 * parent + 1
      if child + 1 < elements.count, precedes(elements[child + 1], elements[child]) { child += 1 }
      guard precedes(elements[child], elements[parent]) else { break }
      elements.swapAt(child, parent)
      parent = child
    }
    return first
  }
}
