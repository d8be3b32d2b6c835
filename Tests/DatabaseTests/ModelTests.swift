// The whole database against a sorted array: writes, scans both ways, snapshots kept for long,
// checkpoints, refusals, restarts, crashes and compactions in random order. Each seed has weights of
// its own, some of them 0, so that different runs are different tests (swarm testing, Groce 2012).

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

/// Pairs in the order of their keys.
private struct SortedRows: Equatable {
  var rows: [(key: [UInt8], value: [UInt8])] = []

  static func == (first: SortedRows, second: SortedRows) -> Bool {
    first.rows.elementsEqual(second.rows) { $0 == $1 }
  }

  /// Where the key is or would be.
  func place(_ key: [UInt8]) -> Int {
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  subscript(key: [UInt8]) -> [UInt8]? {
    get {
      let place = place(key)
      return place < rows.count && rows[place].key == key ? rows[place].value : nil
    }
    set {
      let place = place(key)
      let isThere = place < rows.count && rows[place].key == key
      switch newValue {
      case let value? where isThere: rows[place].value = value
      case let value?: rows.insert((key, value), at: place)
      case nil where isThere: rows.remove(at: place)
      case nil: break
      }
    }
  }

  func slice(_ range: KeyRange) -> ArraySlice<(key: [UInt8], value: [UInt8])> {
    let (low, high) = (place(range.lower), range.upper.map(place) ?? rows.count)
    return low < high ? rows[low..<high] : []
  }
}

private struct Differs: Error, CustomStringConvertible {
  var description: String
}

private struct Abandoned: Error {}

private enum Step: Int, CaseIterable {
  case write, bulk, refused, scan, keep, look, drop, checkpoint, restart, crash, compact
}

/// One run: a database, its model, and the snapshots that were kept with theirs.
private struct ModelRun {
  static let table = TableDescriptor(number: 9, name: "rows")

  let seed: UInt64
  var random: SplitMix64
  var disk = SimulatedDisk()
  var database: Database
  var model = SortedRows()
  var kept: [(snapshot: DatabaseSnapshot, model: SortedRows)] = []
  let weights: [Int]
  let keyBytesMost: Int

  init(seed: UInt64) throws {
    self.seed = seed
    var random = SplitMix64(seed: seed)
    let usual = [30, 3, 3, 10, 3, 6, 3, 2, 1, 1, 1]
    weights = usual.map { weight in
      let isLeftOut = Int.random(in: 0..<4, using: &random) == 0
      return isLeftOut ? 0 : weight * Int.random(in: 1...3, using: &random)
    }
    keyBytesMost = [2, 6, 40, 1000][Int.random(in: 0..<4, using: &random)]
    database = try Database.create(Self.configuration(disk, seed))
    self.random = random
  }

  private static func configuration(
    _ disk: SimulatedDisk, _ seed: UInt64
  ) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: seed)
    configuration.tables = workloadTables + [table]
    configuration.cacheBytes = 512 << 10
    configuration.segmentBytes = 1 << 20
    return configuration
  }

  private mutating func someKey() -> [UInt8] {
    if Bool.random(using: &random), !model.rows.isEmpty {
      return model.rows[Int.random(in: model.rows.indices, using: &random)].key
    }
    // Few different bytes, so that keys share prefixes; the extreme ones among them.
    let alphabet: [UInt8] = [0, 1, 0x61, 0x62, 0xff]
    return (0..<Int.random(in: 1...keyBytesMost, using: &random)).map { _ in
      alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
    }
  }

  private mutating func someValue() -> [UInt8] {
    let most = [0, 20, 20, 20, 20, 20, 300, 300, 300, 300, 300, 300, 30_000][
      Int.random(in: 0..<13, using: &random)]
    let length = Int.random(in: 0...most / (Bool.random(using: &random) ? 1 : 10), using: &random)
    return [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: length)
  }

  mutating func step() throws {
    var pick = Int.random(in: 0..<max(1, weights.reduce(0, +)), using: &random)
    for step in Step.allCases {
      pick -= weights[step.rawValue]
      if pick < 0 { return try run(step) }
    }
    try run(.write)
  }

  private mutating func run(_ step: Step) throws {
    switch step {
    case .write: try write(count: Int.random(in: 1...6, using: &random), isRefused: false)
    case .bulk: try write(count: 120, isRefused: false)
    case .refused: try write(count: Int.random(in: 1...30, using: &random), isRefused: true)
    case .scan: try compare(database.snapshot(), model)
    case .keep:
      if kept.count < 6 { kept.append((database.snapshot(), model)) }
    case .look:
      guard let index = kept.indices.randomElement(using: &random) else { return }
      try compare(kept[index].snapshot, kept[index].model)
    case .drop:
      if let index = kept.indices.randomElement(using: &random) { kept.remove(at: index) }
    case .checkpoint: try database.checkpoint()
    case .restart:
      try database.close()
      try reopen()
    case .crash:
      disk = disk.restart(keeping: .random(seed: random.next()))
      try reopen()
    case .compact:
      kept = []
      try database.close()
      do {
        _ = try Database.compact(Self.configuration(disk, seed))
      } catch DatabaseError.refused {
        // It would not have been smaller.
      }
      try reopen()
    }
  }

  private mutating func reopen() throws {
    kept = []
    database = try Database.open(Self.configuration(disk, seed))
    try compareAll()
  }

  /// Writes and reads in one transaction, which sees what it wrote.
  private mutating func write(count: Int, isRefused: Bool) throws {
    var after = model
    var changes: [(key: [UInt8], value: [UInt8]?, expected: [UInt8]?)] = []
    for _ in 0..<count {
      let key = someKey()
      let value = Int.random(in: 0..<3, using: &random) == 0 ? nil : someValue()
      changes.append((key, value, after[key]))
      after[key] = value
    }
    let rows = after.rows.count
    do {
      _ = try database.writeBlocking { [changes] transaction in
        for (key, value, expected) in changes {
          let found = try transaction.withValue(tree: Self.table.tree, key: key) { span in
            [UInt8](copying: span)
          }
          if found != expected { throw Differs(description: "in a transaction: \(key)") }
          if let value {
            try transaction.put(Self.table, key: key, value: value)
          } else {
            _ = try transaction.delete(Self.table, key: key)
          }
        }
        if isRefused { throw Abandoned() }
      }
      model = after
      let counted = database.snapshot().records.entryCount(tree: Self.table.tree)
      if Int(counted) != rows { throw Differs(description: "\(counted) rows counted, not \(rows)") }
    } catch is Abandoned {
      // As if it had never been.
    }
  }

  private mutating func someRange() -> KeyRange {
    let (first, second) = (someKey(), someKey())
    switch Int.random(in: 0..<5, using: &random) {
    case 0: return KeyRange()
    case 1: return KeyRange(prefix: Array(first.prefix(2)))
    case 2: return KeyRange(from: first)
    default:
      let isBelow = first.lexicographicallyPrecedes(second)
      return KeyRange(from: isBelow ? first : second, to: isBelow ? second : first)
    }
  }

  private mutating func compare(_ snapshot: DatabaseSnapshot, _ model: SortedRows) throws {
    try compare(
      snapshot, model, someRange(), reverse: Bool.random(using: &random),
      limit: Int.random(in: 1...400, using: &random))
    let key = someKey()
    let found = try snapshot.records.withValue(tree: Self.table.tree, key: key) { span in
      [UInt8](copying: span)
    }
    if found != model[key] { throw Differs(description: "at \(snapshot.lsn): \(key)") }
  }

  private func compare(
    _ snapshot: DatabaseSnapshot, _ model: SortedRows, _ range: KeyRange, reverse: Bool,
    limit: Int
  ) throws {
    var found = SortedRows()
    try snapshot.records.scan(tree: Self.table.tree, range, reverse: reverse) { key, value in
      found.rows.append(([UInt8](copying: key), [UInt8](copying: value)))
      return found.rows.count < limit ? .next : .stop
    }
    let slice = model.slice(range)
    let expected = reverse ? Array(slice.reversed().prefix(limit)) : Array(slice.prefix(limit))
    if found != SortedRows(rows: expected) {
      throw Differs(
        description: "at \(snapshot.lsn): a scan of \(range), reverse \(reverse), gives "
          + "\(found.rows.count) rows instead of \(expected.count), or others")
    }
  }

  func compareAll() throws {
    try compare(database.snapshot(), model, KeyRange(), reverse: false, limit: .max)
    let findings = try database.check(deep: true).findings
    if !findings.isEmpty { throw Differs(description: "check: \(findings)") }
  }
}

@Suite struct ModelTests {
  @Test func theDatabaseIsASortedArrayWhateverHappens() {
    let seed = testSeed(1600)
    let steps = 1200
    let failures = onTwoThreads(scaled(ci: 60, nightly: 20_000)) { number -> [String] in
      let own = seed &+ UInt64(number)
      var done = 0
      do {
        var run = try ModelRun(seed: own)
        while done < steps {
          try run.step()
          done += 1
        }
        try run.compareAll()
        return []
      } catch {
        return ["seed \(own), step \(done): \(error)"]
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }
}
