// The tree against a sorted array: random operations in groups, a full check after every group, and
// older roots that must go on reading what they read when they were sealed.

import Bytes
import RecordStore
import Testing

/// The oracle: what a tree should hold.
struct TreeModel {
  private(set) var entries: [(key: [UInt8], value: [UInt8])] = []

  private func lowerBound(_ key: [UInt8]) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key.lexicographicallyPrecedes(key) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  subscript(key: [UInt8]) -> [UInt8]? {
    let index = lowerBound(key)
    return index < entries.count && entries[index].key == key ? entries[index].value : nil
  }

  mutating func put(_ key: [UInt8], _ value: [UInt8]) -> Bool {
    let index = lowerBound(key)
    if index < entries.count, entries[index].key == key {
      entries[index].value = value
      return true
    }
    entries.insert((key, value), at: index)
    return false
  }

  mutating func delete(_ key: [UInt8]) -> Bool {
    let index = lowerBound(key)
    guard index < entries.count, entries[index].key == key else { return false }
    entries.remove(at: index)
    return true
  }

  func scan(_ range: KeyRange, reverse: Bool) -> [(key: [UInt8], value: [UInt8])] {
    let start = lowerBound(range.lower)
    let end = range.upper.map(lowerBound) ?? entries.count
    guard start < end else { return [] }
    return reverse ? entries[start..<end].reversed() : Array(entries[start..<end])
  }
}

/// Keys and values of one flavour.
enum TreeWorkload: CaseIterable, Sendable {
  case short, sharedPrefixes, zeroBytes, long, ascending, mixedSizes, large

  func key(_ random: inout SeededRandom, _ counter: Int) -> [UInt8] {
    switch self {
    case .short:
      return (0..<Int.random(in: 0...3, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    case .sharedPrefixes, .mixedSizes, .large:
      let seller = UInt32.random(in: 0..<5, using: &random)
      return Bytes.key("listings", seller, UInt64.random(in: 0..<400, using: &random))
    case .zeroBytes:
      return (0..<Int.random(in: 0...9, using: &random)).map { _ in
        UInt8.random(in: 0...1, using: &random)
      }
    case .long:
      let length =
        Int.random(in: 0..<4, using: &random) == 0
        ? Int.random(in: 0...8, using: &random)
        : Int.random(in: 900...KeyLimits.keyBytesMax, using: &random)
      var key = [UInt8](repeating: UInt8.random(in: 0...2, using: &random), count: length)
      if length > 2 { key[length - 1] = UInt8.random(in: 0...9, using: &random) }
      if length > 600 { key[600] = UInt8.random(in: 0...9, using: &random) }
      return key
    case .ascending: return Bytes.key(UInt64(counter))
    }
  }

  func value(_ random: inout SeededRandom) -> [UInt8] {
    let length: Int
    switch self {
    case .short, .zeroBytes, .ascending, .sharedPrefixes:
      length = Int.random(in: 0...120, using: &random)
    case .long: length = Int.random(in: 0...40, using: &random)
    case .mixedSizes: length = Int.random(in: 0...2500, using: &random)
    case .large:
      length =
        Int.random(in: 0..<8, using: &random) == 0
        ? Int.random(in: 0...70_000, using: &random) : Int.random(in: 0...6000, using: &random)
    }
    var state = random.next()
    return (0..<length).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }
}

func scanned(
  _ reader: TreeReader, _ range: KeyRange, reverse: Bool
) throws -> [(key: [UInt8], value: [UInt8])] {
  var pairs: [(key: [UInt8], value: [UInt8])] = []
  try reader.scan(range, reverse: reverse) { key, value in
    pairs.append(([UInt8](copying: key), [UInt8](copying: value)))
    return .next
  }
  return pairs
}

func same(
  _ left: [(key: [UInt8], value: [UInt8])], _ right: [(key: [UInt8], value: [UInt8])]
) -> Bool {
  left.count == right.count && zip(left, right).allSatisfy { $0 == $1 }
}

@Suite struct TreeModelTests {
  @Test(arguments: TreeWorkload.allCases, [4096, 8192, 16384])
  func behavesLikeASortedArray(_ workload: TreeWorkload, pageSize: Int) throws {
    for seed in UInt64(1)...3 {
      let comment: Comment = "workload \(workload), page size \(pageSize), seed \(seed)"
      var random = SeededRandom(seed: seed &* 7919 &+ UInt64(pageSize))
      let pages = TreeTestPages(pageSize: pageSize)
      let editor = TreeEditor(pages: pages)
      var root = TreeRoot.empty
      var model = TreeModel()
      var kept: [(root: TreeRoot, model: TreeModel)] = []
      var counter = 0
      for group in 0..<24 {
        // Phases of growing and shrinking, so that merges and an empty tree are reached.
        let deletes = group % 8 < 5 ? 25 : 85
        for _ in 0..<(workload == .large ? 40 : 150) {
          if Int.random(in: 0..<100, using: &random) < deletes {
            let victim = model.entries.randomElement(using: &random)?.key
            let key =
              Int.random(in: 0..<5, using: &random) == 0 ? nil : victim
            let target = key ?? workload.key(&random, counter)
            #expect(try editor.delete(&root, key: target) == model.delete(target), comment)
          } else {
            counter += 1
            let key = workload.key(&random, counter)
            let value = workload.value(&random)
            #expect(
              try editor.put(&root, key: key, value: value) == model.put(key, value), comment)
          }
        }
        try TreeCheck(pages: pages, isSealed: false).walk(root) { _ in }
        try editor.seal(&root)
        pages.endGroup()
        try #require(root.entryCount == UInt64(model.entries.count), comment)
        pages.expectClean(roots: [root], comment)
        if group % 6 == 0 { kept.append((root, model)) }
        expectSame(TreeReader(pages: pages, root: root), model, workload, &random, comment)
      }
      for (old, oldModel) in kept {
        expectSame(TreeReader(pages: pages, root: old), oldModel, workload, &random, comment)
      }
    }
  }

  private func expectSame(
    _ reader: TreeReader, _ model: TreeModel, _ workload: TreeWorkload,
    _ random: inout SeededRandom, _ comment: Comment
  ) {
    do {
      for reverse in [false, true] {
        let all = try scanned(reader, KeyRange(), reverse: reverse)
        #expect(same(all, model.scan(KeyRange(), reverse: reverse)), comment)
        for _ in 0..<6 {
          let lower = workload.key(&random, Int.random(in: 0..<4000, using: &random))
          let upper = workload.key(&random, Int.random(in: 0..<4000, using: &random))
          let ranges = [
            KeyRange(from: lower, to: upper), KeyRange(from: lower), KeyRange(to: upper),
            KeyRange(prefix: Array(lower.prefix(2))),
          ]
          for range in ranges {
            let found = try scanned(reader, range, reverse: reverse)
            #expect(same(found, model.scan(range, reverse: reverse)), comment)
          }
        }
      }
      for _ in 0..<40 {
        let key = workload.key(&random, Int.random(in: 0..<4000, using: &random))
        #expect(try reader.value(key) == model[key], comment)
      }
      for entry in model.entries {
        #expect(try reader.value(entry.key) == entry.value, comment)
      }
    } catch {
      Issue.record("\(error); \(comment)")
    }
  }

  @Test func holdsAValueOfSixteenMebibytes() throws {
    let pages = TreeTestPages(pageSize: 8192)
    let editor = TreeEditor(pages: pages)
    var root = TreeRoot.empty
    let largest = (0..<KeyLimits.valueBytesMax).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
    try editor.put(&root, key: [1], value: largest)
    try editor.put(&root, key: [2], value: [2])
    try editor.seal(&root)
    pages.endGroup()
    #expect(try TreeReader(pages: pages, root: root).value([1]) == largest)
    #expect(pages.liveExtents.count == 16)
    pages.expectClean(roots: [root], "largest value")
    #expect(throws: StoreError.valueTooLong(bytes: largest.count + 1)) {
      try editor.put(&root, key: [1], value: largest + [0])
    }
    #expect(throws: StoreError.keyTooLong(bytes: KeyLimits.keyBytesMax + 1)) {
      try editor.put(&root, key: [UInt8](repeating: 0, count: KeyLimits.keyBytesMax + 1), value: [])
    }
    try editor.put(&root, key: [1], value: [1])
    try editor.seal(&root)
    pages.endGroup()
    #expect(pages.liveExtents.isEmpty)
    pages.expectClean(roots: [root], "largest value replaced")
  }

  @Test func ascendingKeysLeaveFullPages() throws {
    let pages = TreeTestPages(pageSize: 8192)
    let editor = TreeEditor(pages: pages)
    var root = TreeRoot.empty
    let value = [UInt8](repeating: 7, count: 100)
    for number in 0..<20_000 { try editor.put(&root, key: Bytes.key(UInt64(number)), value: value) }
    let leastBytes = 20_000 * (8 + 100)
    #expect(Double(leastBytes) / Double(pages.live.count * 8192) > 0.85)
    pages.expectClean(roots: [root], "ascending")
  }

  @Test func randomKeysLeavePagesTwoThirdsFull() throws {
    let pages = TreeTestPages(pageSize: 8192)
    let editor = TreeEditor(pages: pages)
    var root = TreeRoot.empty
    var random = SeededRandom(seed: 11)
    let value = [UInt8](repeating: 7, count: 100)
    for _ in 0..<20_000 {
      try editor.put(&root, key: Bytes.key(random.next(), random.next()), value: value)
    }
    #expect(Double(20_000 * (16 + 100)) / Double(pages.live.count * 8192) > 0.55)
    pages.expectClean(roots: [root], "random")
  }
}
