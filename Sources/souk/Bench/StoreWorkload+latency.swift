// What one client's commits wait for: pages that are free, and checkpoints with readers that are always
// there. Souk alone: both ask whether it keeps its own promise (a commit pays for neither).

import Database
import Glibc
import RecordStore
import Server

extension StoreWorkload {
  private static let manyPages = 1_000_000

  /// Commits of one client into two stores that take turns, one of which has many free pages.
  func freePages() throws -> [Measure] {
    let stores = ["none", "many"].map { name in
      var workload = self
      workload.folder = folder + "-" + name
      return workload
    }
    defer { for store in stores { try? BenchFolder.remove(store.folder) } }
    let databases = try stores.map { try $0.database() }
    for (store, database) in zip(stores, databases) { try store.loadRows(into: database) }
    try Self.makeFreePages(Self.manyPages, in: databases[1])
    for database in databases { try database.checkpoint() }
    var random = StoreRows.Random(23)
    var latencies: [[Int64]] = [[], []]
    // Half a second each, so that a slow moment of the machine falls on both.
    for _ in 0..<max(2, Int(seconds * 2)) {
      for (number, database) in databases.enumerated() {
        let end = Self.nanos() + 500_000_000
        while Self.nanos() < end {
          latencies[number].append(try timedCommit(to: database, random: &random).nanos)
        }
      }
    }
    let free = databases.map { Double($0.storeInfo.freePages) }
    for database in databases { try database.close() }
    let sorted = latencies.map { $0.sorted() }
    return [
      Measure("p50OverNone", Self.micros(sorted[1], 50) / Self.micros(sorted[0], 50)),
      Measure("p50MicrosNone", Self.micros(sorted[0], 50)),
      Measure("p50MicrosMany", Self.micros(sorted[1], 50)),
      Measure("p99MicrosNone", Self.micros(sorted[0], 99)),
      Measure("p99MicrosMany", Self.micros(sorted[1], 99)),
      Measure("freePagesNone", free[0]), Measure("freePagesMany", free[1]),
    ]
  }

  /// Writes values of 16 MiB and deletes them again, until so many pages are free.
  private static func makeFreePages(_ pages: Int, in database: Database) throws {
    let value = [UInt8](repeating: 7, count: (16 << 20) - 4096)
    let count = pages * 8192 / value.count + 1
    @Sendable func key(_ number: Int) -> [UInt8] { [0] + Array("large \(number)".utf8) }
    for number in 0..<count {
      _ = try database.writeBlocking { try $0.put(table, key: key(number), value: value) }
    }
    _ = try database.writeBlocking { transaction in
      for number in 0..<count { try transaction.delete(table, key: key(number)) }
    }
    // What a checkpoint still holds is free after the one that follows it.
    for _ in 0..<3 {
      try database.checkpoint()
      _ = try database.writeBlocking { try $0.put(table, key: key(0), value: [0]) }
    }
  }

  /// Commits of one client, while checkpoints are made and not made in turn, and three readers hold
  /// snapshots of 100 ms, each over the beginning of the next.
  func checkpointLatency() throws -> [Measure] {
    // What others have left to be written is not to be waited for.
    sync()
    let database = try database(checkpoints: false)
    try loadRows(into: database)
    try database.checkpoint()
    let isOver = EndSignal()
    let checkpoints = Gathered()
    let failure = FirstFailure()
    var workers = (0..<3).map { _ in
      Worker {
        do { try hold(database, until: isOver) } catch { failure.note(error) }
      }
    }
    workers.append(
      Worker {
        while !isOver.isGiven {
          usleep(200_000)
          let start = Self.nanos()
          do { try database.checkpoint() } catch { return failure.note(error) }
          checkpoints.add([start, Self.nanos()])
        }
      })
    var random = StoreRows.Random(29)
    var commits: [(start: Int64, nanos: Int64)] = []
    let end = Self.nanos() + Int64(seconds * 1e9)
    do {
      while Self.nanos() < end {
        commits.append(try timedCommit(to: database, random: &random))
      }
    } catch {
      failure.note(error)
    }
    isOver.give()
    for worker in workers { worker.join() }
    if let error = failure.error { throw error }
    let backlog = database.logExtent.retainedBytes
    try database.close()
    let (beside, outside) = Self.split(commits, by: checkpoints.sorted)
    guard beside.count >= 100, outside.count >= 100 else {
      throw VerbFailure("too few commits beside and between checkpoints in \(seconds) s")
    }
    return [
      Measure("p99OverOutside", Self.micros(beside, 99) / Self.micros(outside, 99)),
      Measure("p99MicrosOutside", Self.micros(outside, 99)),
      Measure("p99MicrosBeside", Self.micros(beside, 99)),
      Measure("p50MicrosOutside", Self.micros(outside, 50)),
      Measure("p50MicrosBeside", Self.micros(beside, 50)),
      Measure("checkpoints", Double(checkpoints.sorted.count / 2)),
      Measure("logMiB", Double(backlog) / 1_048_576),
    ]
  }

  /// Holds snapshots of 100 ms, the next one taken before one goes, and reads in each.
  private func hold(_ database: Database, until isOver: EndSignal) throws {
    var random = StoreRows.Random(31)
    var buffer = newKeyBuffer()
    var held = database.snapshot()
    while !isOver.isGiven {
      let next = database.snapshot()
      for _ in 0..<100 {
        try expectRow(
          StoreRows.stored(random.next() % keys, of: keys), in: held.records, buffer: &buffer)
      }
      usleep(100_000)
      held = next
    }
  }

  /// Which commits ran while a checkpoint did, and which did not: `checkpoints` are beginnings and ends.
  private static func split(
    _ commits: [(start: Int64, nanos: Int64)], by checkpoints: [Int64]
  ) -> (beside: [Int64], outside: [Int64]) {
    var (beside, outside): ([Int64], [Int64]) = ([], [])
    var next = 0
    for commit in commits {
      // The first checkpoint that ends after the commit's beginning.
      while next < checkpoints.count, checkpoints[next + 1] < commit.start { next += 2 }
      let overlaps = next < checkpoints.count && checkpoints[next] < commit.start + commit.nanos
      if overlaps { beside.append(commit.nanos) } else { outside.append(commit.nanos) }
    }
    return (beside.sorted(), outside.sorted())
  }

  private static func micros(_ sorted: [Int64], _ percent: Int) -> Double {
    percentile(sorted, percent) / 1000
  }

  private func timedCommit(
    to database: Database, random: inout StoreRows.Random
  ) throws -> (start: Int64, nanos: Int64) {
    let rows = (0..<StoreRows.rowsPerCommit).map { _ in
      StoreRows.Row(StoreRows.stored(random.next() % keys, of: keys), version: 1)
    }
    let start = Self.nanos()
    try write(rows, to: database)
    return (start, Self.nanos() - start)
  }
}
