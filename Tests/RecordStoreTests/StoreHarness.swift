// What the store's tests share: two declared tables over raw values, a model, and the check that
// every test which opens a store ends with.

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

/// Rows whose value is `key(group: UInt32, rest)`: indexed by group, and unique by its first 8 bytes
/// of rest in the second table.
enum StoreHarness {
  static let folder = "data"
  static let file = "data/records.souk"
  static let databaseID = UUIDv7(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)

  static let plain = TableDescriptor(number: 1, name: "plain")
  static let grouped = TableDescriptor(
    number: 2, name: "grouped", logsBeforeImages: true,
    indexes: [
      IndexDescriptor(number: 1, name: "byFirstByte", isUnique: false) { value in
        var key: [UInt8] = value.byteCount > 0 ? [UInt8](copying: value.extracting(0..<1)) : []
        key.append(0)
        return [key]
      }
    ])
  static let tables = [plain, grouped]

  static func disk() -> SimulatedDisk {
    let disk = SimulatedDisk()
    disk.install(folder + "/keep", [1])
    return disk
  }

  static func options(cachePages: Int = 64) -> RecordStore.Options {
    var options = RecordStore.Options()
    options.pageSize = 4096
    options.cacheBytes = cachePages * 4096
    return options
  }

  static func create(_ disk: SimulatedDisk, cachePages: Int = 64) throws -> RecordStore {
    try RecordStore.create(
      disk: disk, folder: folder, databaseID: databaseID, options: options(cachePages: cachePages),
      tables: tables)
  }

  static func open(
    _ disk: SimulatedDisk, cachePages: Int = 64
  ) throws -> (RecordStore, StoreOpening) {
    try RecordStore.open(
      disk: disk, folder: folder, options: options(cachePages: cachePages), tables: tables)
  }

  /// Every test that opens a store ends here.
  static func expectSound(
    _ store: RecordStore, _ note: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let report = store.check(deep: true)
    #expect(report.problems == [], "\(note)", sourceLocation: sourceLocation)
    let info = store.info()
    let first: UInt64 = info.pageSize == 4096 ? 2 : 1
    let sum = report.reachedPages + report.retiredPages + report.freePages + report.freeMapPages
    #expect(sum + first == info.pageCount, "\(note)", sourceLocation: sourceLocation)
  }
}

/// The oracle: what the rows of the two tables are.
struct StoreModel: Equatable {
  var rows: [UInt32: [[UInt8]: [UInt8]]] = [:]

  mutating func apply(_ operations: [Operation]) {
    for operation in operations {
      switch operation {
      case .put(let table, let key, let value, _): rows[table, default: [:]][key] = value
      case .delete(let table, let key, _): rows[table, default: [:]][key] = nil
      case .event: break
      }
    }
    rows = rows.filter { !$0.value.isEmpty }
  }

  static func read(_ reader: some RecordReader) throws -> StoreModel {
    var model = StoreModel()
    for table in StoreHarness.tables {
      var rows: [[UInt8]: [UInt8]] = [:]
      try reader.scan(tree: table.tree, KeyRange(), reverse: false) { key, value in
        rows[[UInt8](copying: key)] = [UInt8](copying: value)
        return .next
      }
      if !rows.isEmpty { model.rows[table.number] = rows }
    }
    return model
  }
}

/// Random transactions from a seed, with the model kept in step, and the log of what was done.
struct StoreWorkload {
  var generator: SplitMix64
  var model = StoreModel()
  var log: [LogEntry] = []
  var keyCount: UInt64 = 200

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// One transaction of a few puts and deletes, published as its own group.
  mutating func step(_ store: RecordStore) throws {
    let lsn = LSN(
      log.count == 0 ? store.publishedLSN.rawValue + 1 : log[log.count - 1].lsn.rawValue + 1)
    let time = Timestamp(microseconds: Int64(lsn.rawValue) * 1_000_000)
    let transaction = store.beginTransaction(time: time) { 7 }
    for _ in 0..<Int.random(in: 1...6, using: &generator) {
      let table = StoreHarness.tables[Int.random(in: 0...1, using: &generator)]
      let key = Bytes.key(UInt64.random(in: 0..<keyCount, using: &generator))
      switch Int.random(in: 0..<20, using: &generator) {
      case 0..<5: _ = try transaction.delete(table, key: key)
      case 5: try transaction.put(table, key: key, value: bytes(3000...20_000))
      default: try transaction.put(table, key: key, value: bytes(0...300))
      }
    }
    let operations = try store.commit(transaction)
    model.apply(operations)
    try store.publish(lsn: lsn)
    log.append(LogEntry(lsn: lsn, time: time, operations: operations))
  }

  private mutating func bytes(_ sizes: ClosedRange<Int>) -> [UInt8] {
    let count = Int.random(in: sizes, using: &generator)
    let word = generator.next()
    return (0..<count).map {
      UInt8(truncatingIfNeeded: word >> UInt64($0 % 8 * 8)) &+ UInt8($0 & 7)
    }
  }
}
