// StoreWorkload: one measurement of `souk bench store` over souk itself, in a process of its own, by
// the calls that every user of the database has. Benchmarks/store/driver.h runs the same loops over
// the peers, takes the same options and prints the same line; a change here is a change there.

import Bytes
import Database
import Disk
import Glibc
import RecordStore
import Server

struct StoreWorkload {
  static let table = TableDescriptor(number: 1, name: "rows")
  static let names: [String: @Sendable (StoreWorkload) throws -> [Measure]] = [
    "commit": { try $0.commit() }, "load": { try $0.load() }, "get": { try $0.get() },
    "scan": { try $0.scan() }, "open": { try $0.open() }, "memory": { try $0.memory() },
    "fill-log": { try $0.fillLog() }, "recover": { try $0.recover() },
    "space": { try $0.space() }, "sync-floor": { try $0.syncFloor() },
    "memory-floor": { $0.memoryFloor() }, "free-pages": { try $0.freePages() },
    "checkpoint": { try $0.checkpointLatency() },
  ]

  struct Measure: Fields {
    var name = ""
    var value = 0.0

    init() {}
    init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "value", &value)
    }
  }

  /// What a measurement prints, ours and a peer's.
  struct Line: Fields {
    var engine = ""
    var version = ""
    /// `StoreRows.sample` in hexadecimal.
    var sample = ""
    var measures: [Measure] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "engine", &engine)
      try visitor.field(2, "version", &version)
      try visitor.field(3, "sample", &sample)
      try visitor.field(4, "measures", &measures)
    }
  }

  var folder: String
  var keys: UInt64
  var seconds: Double
  var cacheBytes: Int
  var clients: Int
  var isOrdered: Bool
  var rows: UInt64

  var liveBytes: Double { Double(keys) * Double(StoreRows.keyBytes + StoreRows.valueBytes) }

  static func nanos() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  // MARK: The database

  func configuration() -> Database.Configuration {
    var configuration = Database.Configuration(
      path: folder, disk: PosixDisk(), tables: [Self.table])
    configuration.cacheBytes = cacheBytes
    return configuration
  }

  /// Opens or makes the database. Without `checkpoints` all that is written stays in the log.
  func database(checkpoints: Bool = true) throws -> Database {
    var configuration = configuration()
    if !checkpoints {
      configuration.limits.checkpointLogBytes = 1 << 40
      configuration.limits.checkpointReplacedBytes = 1 << 40
      configuration.limits.checkpointSeconds = 1 << 30
    }
    return try PosixDisk().exists(folder)
      ? Database.open(configuration) : Database.create(configuration)
  }

  func write(_ rows: [StoreRows.Row], to database: Database) throws {
    _ = try database.writeBlocking { transaction in
      for row in rows { try transaction.put(Self.table, key: row.key, value: row.value) }
    }
  }

  /// Rows in key order into an empty database; durable when it returns. Transactions of a thousand
  /// rows, a few of them queued while the writer works.
  func loadRows(into database: Database) throws {
    let failure = FirstFailure()
    let inFlight = Slots(8)
    var first: UInt64 = 0
    while first < keys, failure.error == nil {
      let rows = (first..<min(first + 1000, keys)).map {
        StoreRows.Row(StoreRows.stored($0, of: keys), version: 0)
      }
      first += UInt64(rows.count)
      inFlight.take()
      database.write(
        { transaction in
          for row in rows { try transaction.put(Self.table, key: row.key, value: row.value) }
        },
        completion: { result in
          if case .failure(let error) = result { failure.note(error) }
          inFlight.giveBack()
        })
    }
    inFlight.takeAll()
    if let error = failure.error { throw error }
  }

  /// Reads one row and proves it.
  @inline(__always)
  func expectRow(
    _ key: StoreRows.Key, in records: Snapshot, buffer: inout [UInt8]
  ) throws(StoreError) {
    buffer.withUnsafeMutableBytes { key.store(into: $0) }
    let fits = try records.withValue(tree: Self.table.tree, key: buffer) {
      (value) throws(StoreError) -> Bool in StoreRows.fits(value, key)
    }
    guard fits == true else { throw .corrupt("a row is missing or wrong") }
  }

  // MARK: Commits

  func commit() throws -> [Measure] {
    let database = try database()
    try loadRows(into: database)
    try database.checkpoint()
    let writtenFirst = ProcessFigures.bytesWritten
    let start = Self.nanos() + 300_000_000
    let end = start + Int64(seconds * 1e9)
    let made = Counter(0)
    let completed = Counter(0)
    let latencies = Gathered()
    let ends = Gathered()
    let failure = FirstFailure()
    let workers = (0..<clients).map { number in
      Worker {
        do {
          var client = Client(number, workload: self, start: start, end: end)
          try client.run(on: database, numbers: made, completed: completed)
          latencies.add(client.latencies)
          ends.add([client.last])
        } catch {
          failure.note(error)
        }
      }
    }
    let left = start - Self.nanos()
    if left > 0 { usleep(UInt32(left / 1000)) }
    let writtenBefore = ProcessFigures.bytesWritten
    let processorBefore = ProcessFigures.processorMicros
    for worker in workers { worker.join() }
    if let error = failure.error { throw error }
    let processor = ProcessFigures.processorMicros - processorBefore
    let written = ProcessFigures.bytesWritten - writtenBefore
    let sorted = latencies.sorted
    guard let last = ends.sorted.last, !sorted.isEmpty else {
      throw VerbFailure("no commit was completed in \(seconds) s")
    }
    try database.close()
    let count = Double(sorted.count)
    return [
      Measure("commitsPerSecond", count * 1e9 / Double(last - start)),
      Measure("p50Micros", percentile(sorted, 50) / 1000),
      Measure("p99Micros", percentile(sorted, 99) / 1000),
      Measure("bytesPerCommit", Double(written) / count),
      Measure(
        "bytesPerCommitClosed",
        Double(ProcessFigures.bytesWritten - writtenFirst) / Double(completed.value)),
      Measure("cpuMicrosPerCommit", processor / count),
    ]
  }

  /// One client of `commit`.
  private struct Client {
    let number: Int
    let workload: StoreWorkload
    let start: Int64
    let end: Int64
    var latencies: [Int64] = []
    var last: Int64 = 0

    init(_ number: Int, workload: StoreWorkload, start: Int64, end: Int64) {
      self.number = number
      self.workload = workload
      self.start = start
      self.end = end
    }

    mutating func run(on database: Database, numbers: Counter, completed: Counter) throws {
      var random = StoreRows.Random(StoreRows.mix(UInt64(number + 1)))
      while true {
        let commit = UInt64(numbers.next())
        let rows = (0..<UInt64(StoreRows.rowsPerCommit)).map { place in
          StoreRows.Row(
            workload.isOrdered
              ? StoreRows.ordered(commit: commit, place: place) : random.key(), version: 1)
        }
        let before = nanos()
        guard before < end else { return }
        try workload.write(rows, to: database)
        let after = nanos()
        _ = completed.next()
        guard before >= start else { continue }
        latencies.append(after - before)
        last = after
      }
    }
  }
}

/// A count of places that may be taken at once. The semaphore is used by pointer, as it must be.
private final class Slots: @unchecked Sendable {
  private let count: Int
  private let semaphore: UnsafeMutablePointer<sem_t>

  init(_ count: Int) {
    self.count = count
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, UInt32(count))
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func take() { while sem_wait(semaphore) != 0 {} }
  func giveBack() { sem_post(semaphore) }
  /// Waits until every place has been given back.
  func takeAll() { for _ in 0..<count { take() } }
}
