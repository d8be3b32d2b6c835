// The measurements of a loaded store: reads, openings, memory, recovery, space; and the floors that
// stand beside them.

import Bytes
import Database
import Glibc
import RecordStore
import Server

extension StoreWorkload {
  private static let passes = 3

  func newKeyBuffer() -> [UInt8] { [UInt8](repeating: 0, count: StoreRows.keyBytes) }

  func load() throws -> [Measure] {
    let database = try database()
    let start = Self.nanos()
    try loadRows(into: database)
    let durable = Self.nanos()
    try database.close()
    let closed = Self.nanos()
    return [
      Measure("recordsPerSecond", Double(keys) * 1e9 / Double(durable - start)),
      Measure("recordsPerSecondClosed", Double(keys) * 1e9 / Double(closed - start)),
    ] + spaceMeasures()
  }

  func get() throws -> [Measure] {
    let database = try database()
    let records = database.snapshot().records
    let gets = min(keys, 500_000)
    var random = StoreRows.Random(7)
    var buffer = newKeyBuffer()
    guard try countRows(records) == keys else { throw VerbFailure("get: not all rows were seen") }
    var nanosPerGet: [Double] = []
    // The first pass warms up.
    for _ in 0...Self.passes {
      let start = Self.nanos()
      for _ in 0..<gets {
        let key = StoreRows.stored(random.next() % keys, of: keys)
        try expectRow(key, in: records, buffer: &buffer)
      }
      nanosPerGet.append(Double(Self.nanos() - start) / Double(gets))
    }
    try database.close()
    return [Measure("nanosPerGet", median(Array(nanosPerGet.dropFirst())))]
  }

  func scan() throws -> [Measure] {
    let database = try database()
    let records = database.snapshot().records
    var rates: [Double] = []
    for _ in 0...Self.passes {
      let start = Self.nanos()
      guard try countRows(records) == keys else {
        throw VerbFailure("scan: not all rows were seen")
      }
      rates.append(Double(keys) * 1e9 / Double(Self.nanos() - start))
    }
    try database.close()
    return [Measure("recordsPerSecond", median(Array(rates.dropFirst())))]
  }

  /// Goes over all rows in key order and proves each.
  private func countRows(_ records: Snapshot) throws(StoreError) -> UInt64 {
    var count: UInt64 = 0
    try records.scan(tree: Self.table.tree, KeyRange(), reverse: false) {
      (key, value) throws(StoreError) -> ScanStep in
      guard key.byteCount == StoreRows.keyBytes else { throw .corrupt("a row is wrong") }
      let row = StoreRows.Key(
        high: UInt64(bigEndian: key.unsafeLoadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)))
      guard StoreRows.fits(value, row) else { throw .corrupt("a row is wrong") }
      count += 1
      return .next
    }
    return count
  }

  func open() throws -> [Measure] {
    var buffer = newKeyBuffer()
    let start = Self.nanos()
    let database = try database()
    try expectRow(
      StoreRows.stored(keys / 2, of: keys), in: database.snapshot().records, buffer: &buffer)
    let opened = Self.nanos()
    try database.close()
    return [Measure("openMillis", Double(opened - start) / 1e6)]
  }

  /// Ten overwrites in a transaction, then a hundred gets, all over the store, for the time given.
  func memory() throws -> [Measure] {
    let database = try database()
    var random = StoreRows.Random(11)
    var buffer = newKeyBuffer()
    var gets = 0
    var ownPeak: UInt64 = 0
    let end = Self.nanos() + Int64(seconds * 1e9)
    while Self.nanos() < end {
      let version = UInt64(gets)
      try write(
        (0..<StoreRows.rowsPerCommit).map { _ in
          StoreRows.Row(StoreRows.stored(random.next() % keys, of: keys), version: version)
        }, to: database)
      let records = database.snapshot().records
      for _ in 0..<100 {
        let key = StoreRows.stored(random.next() % keys, of: keys)
        try expectRow(key, in: records, buffer: &buffer)
      }
      gets += 100
      if gets % 10_000 == 0 { ownPeak = max(ownPeak, ProcessFigures.privateBytes) }
    }
    try database.close()
    let peak = Double(ProcessFigures.peakBytes)
    return [
      Measure("peakMiB", peak / 1_048_576), Measure("peakOverCache", peak / Double(cacheBytes)),
      Measure("getsPerSecond", Double(gets) / seconds),
      Measure("privateOverCache", Double(ownPeak) / Double(cacheBytes)),
    ]
  }

  // MARK: Recovery: the first process writes 256 MiB of rows and is killed, the second opens.

  func fillLog() throws -> [Measure] {
    let database = try database(checkpoints: false)
    var random = StoreRows.Random(13)
    let rowBytes = StoreRows.keyBytes + StoreRows.valueBytes
    var count = 0
    while count * rowBytes < 256 << 20 {
      try write(
        (0..<1000).map { _ in StoreRows.Row(random.key(), version: 2) }, to: database)
      count += 1000
    }
    return [
      Measure("rows", Double(count)), Measure("logMiB", Double(count * rowBytes) / 1_048_576),
    ]
  }

  func recover() throws -> [Measure] {
    var random = StoreRows.Random(13)
    var buffer = newKeyBuffer()
    let start = Self.nanos()
    let database = try database()
    let records = database.snapshot().records
    try expectRow(random.key(), in: records, buffer: &buffer)
    let nanos = Double(Self.nanos() - start)
    for index in 1..<max(rows, 1) {
      let key = random.key()
      guard index % 1000 == 0 || index == rows - 1 else { continue }
      try expectRow(key, in: records, buffer: &buffer)
    }
    try database.close()
    return [
      Measure("recoveryMillis", nanos / 1e6), Measure("rowsPerSecond", Double(rows) * 1e9 / nanos),
    ]
  }

  // MARK: Space

  /// A hundred rounds, each of which overwrites a twentieth of the rows, at random.
  func space() throws -> [Measure] {
    let database = try database()
    try loadRows(into: database)
    var random = StoreRows.Random(17)
    for round in 1...100 as ClosedRange<UInt64> {
      for _ in stride(from: 0, to: keys / 20, by: 1000) {
        let rows = (0..<1000).map { _ in
          StoreRows.Row(StoreRows.stored(random.next() % keys, of: keys), version: round)
        }
        try write(rows, to: database)
      }
    }
    try database.close()
    let before = spaceMeasures()
    let report = try Database.compact(configuration())
    return before + [Measure("compactedOverLive", Double(report.bytesAfter) / liveBytes)]
  }

  /// The size of the store's file, and of all that is in the folder, in times of the rows' bytes.
  private func spaceMeasures() -> [Measure] {
    let file = BenchFolder.bytes(folder + "/" + RecordStore.fileName)
    return [
      Measure("fileOverLive", Double(file) / liveBytes),
      Measure("folderOverLive", Double(BenchFolder.bytes(folder)) / liveBytes),
    ]
  }

  // MARK: Floors

  func syncFloor() throws -> [Measure] {
    [Measure("commitsPerSecond", try DiskFloor.syncsPerSecond(folder: folder, seconds: 1))]
  }

  /// A chain of reads through as many bytes as the rows have, a cache line each, at random: what one
  /// reference that is not in the processor's caches costs.
  func memoryFloor() -> [Measure] {
    let lines = max(2, Int(liveBytes) / 64)
    // A cycle through all lines (Sattolo 1986), so that every read depends on the one before.
    var next = (0..<lines).map(UInt32.init)
    var random = StoreRows.Random(19)
    for index in stride(from: lines - 1, to: 0, by: -1) {
      next.swapAt(index, Int(random.next() % UInt64(index)))
    }
    var memory = [UInt32](repeating: 0, count: lines * 16)
    for index in 0..<lines { memory[index * 16] = next[index] }
    next = []
    var at = 0
    var nanos: [Double] = []
    for _ in 0...Self.passes {
      let start = Self.nanos()
      for _ in 0..<1_000_000 { at = Int(memory[at * 16]) }
      nanos.append(Double(Self.nanos() - start) / 1_000_000)
    }
    // The place reached is used, so that the chain is not optimised away.
    return [
      Measure("nanosPerGet", median(Array(nanos.dropFirst()))), Measure("lastLine", Double(at)),
    ]
  }
}
