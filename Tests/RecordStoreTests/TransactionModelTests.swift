// Transactions against a model: rows in a dictionary, indexes derived from them by hand. Every
// committed transaction is also replayed into a second store, which must come to hold the same.

import Bytes
import CommitLog
import RecordStore
import Testing

/// A row here: u8 unique number (above 99: none), u8 tag count, the tags, then anything.
private let shelf = TableDescriptor(
  number: 3, name: "shelf", logsBeforeImages: true,
  indexes: [
    IndexDescriptor(number: 1, name: "byNumber", isUnique: true) { value throws(DecodeError) in
      var reader = ByteReader(value)
      let number = try reader.u8()
      return number > 99 ? [] : [[number]]
    },
    IndexDescriptor(number: 2, name: "byTag", isUnique: false) { value throws(DecodeError) in
      var reader = ByteReader(value)
      try reader.skip(1)
      return try reader.array(Int(try reader.u8())).map { [$0] }
    },
  ])
private let plain = TableDescriptor(number: 4, name: "plain")

private struct ShelfModel {
  var rows: [UInt32: TreeModel] = [3: TreeModel(), 4: TreeModel()]

  /// What a tree should hold, derived from the rows.
  func tree(_ number: UInt32) -> TreeModel {
    let rows = self.rows[number >> 8] ?? TreeModel()
    var tree = TreeModel()
    for row in rows.entries {
      switch number & 0xff {
      case 0: _ = tree.put(row.key, row.value)
      case 1: if row.value[0] <= 99 { _ = tree.put([row.value[0]], row.key) }
      default:
        for tag in row.value[2..<2 + Int(row.value[1])] { _ = tree.put([tag] + row.key, row.key) }
      }
    }
    return tree
  }

  func violates(_ key: [UInt8], _ value: [UInt8]) -> Bool {
    guard value[0] <= 99 else { return false }
    return rows[3]?.entries.contains { $0.key != key && $0.value[0] == value[0] } ?? false
  }
}

private let trees: [UInt32] = [0x300, 0x301, 0x302, 0x400]

private func makeTrees(_ pageSize: Int = 4096) throws -> (TreeTestPages, WorkingTrees) {
  let pages = TreeTestPages(pageSize: pageSize)
  return (
    pages, try WorkingTrees(pages: pages, catalog: PageReference(number: 0, hash: 0))
  )
}

private func begin(_ trees: WorkingTrees, seed: UInt64 = 1) -> Transaction {
  var random = SeededRandom(seed: seed)
  return Transaction(trees: trees, time: Timestamp(microseconds: 1_700_000_000_000_000)) {
    random.next()
  }
}

private func scanned(
  _ reader: some RecordReader, _ tree: UInt32, _ range: KeyRange, reverse: Bool
) throws -> [(key: [UInt8], value: [UInt8])] {
  var pairs: [(key: [UInt8], value: [UInt8])] = []
  try reader.scan(tree: tree, range, reverse: reverse) { key, value in
    pairs.append(([UInt8](copying: key), [UInt8](copying: value)))
    return .next
  }
  return pairs
}

/// As the log holds it; position and time are of no account to the trees.
private func entry(_ transaction: Transaction) -> LogEntry {
  LogEntry(lsn: LSN(1), time: .zero, operations: transaction.operations)
}

@Suite struct TransactionModelTests {
  @Test(arguments: UInt64(1)...12)
  func behaveLikeAModelAndReplayToTheSameContent(_ seed: UInt64) throws {
    let comment: Comment = "seed \(seed)"
    var random = SeededRandom(seed: seed)
    let (pages, live) = try makeTrees()
    let (replayPages, replayed) = try makeTrees()
    var model = ShelfModel()
    for group in 0..<20 {
      var logged: [LogEntry] = []
      for _ in 0..<4 {
        let transaction = begin(live, seed: random.next())
        var draft = model
        for _ in 0..<Int.random(in: 0...(group == 7 ? 700 : 30), using: &random) {
          try step(transaction, &draft, &random, comment)
        }
        for tree in trees { try expectSame(transaction, tree, draft.tree(tree), &random, comment) }
        let before = model
        guard Int.random(in: 0..<4, using: &random) > 0 else { continue }
        try expectOperations(transaction.operations, from: before, to: draft, comment)
        try live.apply(transaction.overlay)
        logged.append(entry(transaction))
        model = draft
      }
      // Now all at once, now one by one: what is merged first must come to the same.
      for part in group % 2 == 0 ? [logged] : logged.map({ [$0] }) {
        try replayed.replay(part, tables: [3: shelf])
      }
      try live.beginSeal()
      pages.isSealing = true
      let root = try live.seal()
      pages.endGroup()
      let replayedRoot = try replayed.seal()
      replayPages.endGroup()
      for (store, trees, root) in [
        (pages, live, root), (replayPages, replayed, replayedRoot),
      ] {
        let catalog = try Catalog.root(of: root, pages: store)
        #expect(try Catalog.roots(of: root, pages: store) == trees.roots, comment)
        store.expectClean(roots: Array(trees.roots.values) + [catalog], comment)
      }
      for tree in trees {
        let expected = model.tree(tree).entries
        for store in [live, replayed] {
          let found = try scanned(store.reader(tree), KeyRange(), reverse: false)
          #expect(same(found, expected), comment)
        }
      }
    }
  }

  private func step(
    _ transaction: Transaction, _ draft: inout ShelfModel, _ random: inout SeededRandom,
    _ comment: Comment
  ) throws {
    let table = Bool.random(using: &random) ? shelf : plain
    let key: [UInt8] = Bytes.key(table.name, UInt32.random(in: 0..<60, using: &random))
    if Int.random(in: 0..<3, using: &random) == 0 {
      let expected = draft.rows[table.number]?.delete(key)
      #expect(try transaction.delete(table, key: key) == expected, comment)
      return
    }
    let tags = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      UInt8.random(in: 0...4, using: &random)
    }
    let rest = [UInt8](repeating: 9, count: Int.random(in: 0...200, using: &random))
    let value = [UInt8.random(in: 0...140, using: &random), UInt8(tags.count)] + tags + rest
    if table.number == 3, draft.violates(key, value) {
      #expect(throws: StoreError.uniqueViolation(index: "byNumber"), comment) {
        try transaction.put(table, key: key, value: value)
      }
    } else {
      try transaction.put(table, key: key, value: value)
      _ = draft.rows[table.number]?.put(key, value)
    }
  }

  private func expectSame(
    _ transaction: Transaction, _ tree: UInt32, _ model: TreeModel, _ random: inout SeededRandom,
    _ comment: Comment
  ) throws {
    for reverse in [false, true] {
      var ranges = [KeyRange()]
      if let a = model.entries.randomElement(using: &random)?.key,
        let b = model.entries.randomElement(using: &random)?.key
      {
        ranges += [
          KeyRange(from: a, to: b), KeyRange(from: b), KeyRange(to: a), KeyRange(prefix: a),
        ]
      }
      for range in ranges {
        let expected = model.scan(range, reverse: reverse)
        let found = try scanned(transaction, tree, range, reverse: reverse)
        #expect(same(found, expected), comment)
        // A scan that stops visits exactly one pair more than it lets pass.
        let limit = expected.isEmpty ? 0 : Int.random(in: 1...expected.count, using: &random)
        var visited = 0
        try transaction.scan(tree: tree, range, reverse: reverse) { _, _ in
          visited += 1
          return visited >= limit ? .stop : .next
        }
        #expect(visited == limit, comment)
      }
    }
    for entry in model.entries {
      let value = try transaction.withValue(tree: tree, key: entry.key) { value in
        [UInt8](copying: value)
      }
      #expect(value == entry.value, comment)
    }
  }

  private func expectOperations(
    _ operations: [Operation], from before: ShelfModel, to after: ShelfModel, _ comment: Comment
  ) throws {
    var touched: Set<[UInt8]> = []
    var rebuilt = before
    for operation in operations {
      switch operation {
      case .put(let table, let key, let value, let image):
        #expect(touched.insert(key).inserted, comment)
        #expect(image == (table == 3 ? before.rows[table]?[key] : nil), comment)
        _ = rebuilt.rows[table]?.put(key, value)
      case .delete(let table, let key, let image):
        #expect(touched.insert(key).inserted, comment)
        #expect(image == (table == 3 ? before.rows[table]?[key] : nil), comment)
        #expect(rebuilt.rows[table]?.delete(key) == true, comment)
      case .event: Issue.record("an event nobody appended; \(comment)")
      }
    }
    for table in [UInt32(3), 4] {
      let left = rebuilt.rows[table]?.entries ?? []
      #expect(same(left, after.rows[table]?.entries ?? []), comment)
    }
  }

  private func scanned(
    _ reader: TreeReader, _ range: KeyRange, reverse: Bool
  ) throws -> [(key: [UInt8], value: [UInt8])] {
    try RecordStoreTests.scanned(reader, range, reverse: reverse)
  }

  private func scanned(
    _ transaction: Transaction, _ tree: UInt32, _ range: KeyRange, reverse: Bool
  ) throws -> [(key: [UInt8], value: [UInt8])] {
    try RecordStoreTests.scanned(transaction, tree, range, reverse: reverse)
  }
}

@Suite struct TransactionTests {
  @Test func aUniqueValueMayGoRoundAmongRows() throws {
    let (pages, live) = try makeTrees()
    let (replayPages, replayed) = try makeTrees()
    let first = begin(live)
    for number in UInt8(0)..<3 { try first.put(shelf, key: [number], value: [number, 0]) }
    // Three rows exchange their unique numbers through a fourth value.
    let second = begin(live)
    try live.apply(first.overlay)
    try second.put(shelf, key: [0], value: [50, 0])
    try second.put(shelf, key: [1], value: [0, 0])
    try second.put(shelf, key: [2], value: [1, 0])
    try second.put(shelf, key: [0], value: [2, 0])
    try live.apply(second.overlay)
    for transaction in [first, second] {
      try replayed.replay([entry(transaction)], tables: [3: shelf])
    }
    for store in [live, replayed] {
      #expect(try store.reader(0x301).value([0]) == [1])
      #expect(try store.reader(0x301).value([1]) == [2])
      #expect(try store.reader(0x301).value([2]) == [0])
      #expect(store.reader(0x301).root.entryCount == 3)
    }
    pages.expectClean(roots: Array(live.roots.values), "exchange")
    replayPages.expectClean(roots: Array(replayed.roots.values), "exchange replayed")
  }

  @Test func aRowThatComesAndGoesLeavesNoOperation() throws {
    let (_, live) = try makeTrees()
    for table in [shelf, plain] {
      let transaction = begin(live)
      try transaction.put(table, key: [1], value: [7, 1, 3])
      #expect(try transaction.delete(table, key: [1]))
      #expect(try !transaction.delete(table, key: [1]))
      #expect(transaction.operations == [])
      try transaction.put(table, key: [1], value: [8, 0])
      #expect(
        transaction.operations
          == [.put(table: table.number, key: [1], value: [8, 0], before: nil)])
    }
  }

  @Test func aDiscardedTransactionLeavesNoTrace() throws {
    let (pages, live) = try makeTrees()
    do {
      let transaction = begin(live)
      try transaction.put(shelf, key: [1], value: [1, 0])
      _ = try transaction.nextOrdinal(space: 9)
    }
    #expect(live.roots.isEmpty)
    #expect(pages.live.isEmpty)
    #expect(try begin(live).nextOrdinal(space: 9) == 0)
  }

  @Test func ordinalsAreDenseASpaceAndReplayed() throws {
    let (_, live) = try makeTrees()
    let (_, replayed) = try makeTrees()
    for expected in [UInt32(0), 3, 6] {
      let transaction = begin(live)
      for step in UInt32(0)..<3 {
        #expect(try transaction.nextOrdinal(space: 1) == expected + step)
      }
      #expect(try transaction.nextOrdinal(space: 2) == expected / 3)
      try live.apply(transaction.overlay)
      try replayed.replay([entry(transaction)], tables: [:])
    }
    #expect(try begin(replayed).nextOrdinal(space: 1) == 9)
  }

  @Test func newIdentifiersAscend() throws {
    let (_, live) = try makeTrees()
    for word in [UInt64(0), .max, 1 << 61] {
      let transaction = Transaction(trees: live, time: Timestamp(microseconds: 5000)) { word }
      var last = UUIDv7.zero
      for _ in 0..<1000 {
        let id = transaction.newID()
        #expect(id > last)
        #expect(id.high >> 12 & 15 == 7)
        #expect(id.low >> 62 == 2)
        last = id
      }
    }
  }

  @Test func aTransactionHasALimitOfBytes() throws {
    let (_, live) = try makeTrees()
    let transaction = begin(live)
    let mebibyte = [UInt8](repeating: 200, count: 1 << 20)
    // The same row again and again counts once.
    for _ in 0..<20 { try transaction.put(plain, key: [0], value: mebibyte) }
    for number in UInt8(1)..<16 { try transaction.put(plain, key: [number], value: mebibyte) }
    let count = transaction.operations.count
    do throws(StoreError) {
      try transaction.put(plain, key: [16], value: mebibyte)
      Issue.record("the limit was not noticed")
    } catch {
      guard case .transactionTooLarge = error else { throw error }
    }
    #expect(transaction.operations.count == count)
    #expect(try transaction.withValue(tree: plain.tree, key: [16]) { $0.byteCount } == nil)
    #expect(throws: Never.self) {
      try transaction.delete(plain, key: [1])
      try transaction.put(plain, key: [16], value: mebibyte)
    }
  }

  @Test func aScanSeesTheTransactionAsItWasWhenItBegan() throws {
    let (_, live) = try makeTrees()
    let first = begin(live)
    for number in UInt8(0)..<10 { try first.put(plain, key: [number], value: [number]) }
    try live.apply(first.overlay)
    let transaction = begin(live)
    try transaction.put(plain, key: [3], value: [33])
    var seen: [UInt8] = []
    try transaction.scan(tree: plain.tree, KeyRange(), reverse: false) {
      key, value throws(StoreError) in
      let number = [UInt8](copying: key)[0]
      seen.append([UInt8](copying: value)[0])
      if number < 10 {
        try transaction.delete(plain, key: [number])
        try transaction.put(plain, key: [number + 100], value: [number])
      }
      return .next
    }
    #expect(seen == [0, 1, 2, 33, 4, 5, 6, 7, 8, 9])
    #expect(
      try scanned(transaction, plain.tree, KeyRange(), reverse: false).map { $0.key[0] }
        == Array(100..<110))
  }

  @Test func aGroupCanBeRolledBack() throws {
    let (pages, live) = try makeTrees()
    let first = begin(live)
    try first.put(plain, key: [1], value: [1])
    try live.apply(first.overlay)
    _ = try live.seal()
    pages.endGroup()
    let sealed = live.roots
    let second = begin(live)
    try second.put(plain, key: [1], value: [2])
    try second.put(shelf, key: [1], value: [2, 0])
    try live.apply(second.overlay)
    #expect(live.roots != sealed)
    live.rollBack()
    #expect(live.roots == sealed)
    #expect(try live.reader(plain.tree).value([1]) == [1])
  }
}
