// A checkpoint never starves: with readers that are always there, each holding its snapshot over the
// beginning of the next one's, the log that a restart would have to replay stays bounded (test T22).

import Bytes
import Database
import Disk
import RecordStore
import Synchronization
import Testing

@Suite struct StarvationTests {
  private static let rows = TableDescriptor(number: 9, name: "rows")
  private static let keys: UInt64 = 2000
  private static let valueBytes = 900
  private static let rowsPerCommit: UInt64 = 8
  private static let trigger = 4 << 20

  @Test func readersThatNeverEndDoNotKeepTheLogFromBeingLetGo() throws {
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: [Self.rows],
      onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 256 << 10
    configuration.limits.checkpointLogBytes = Self.trigger
    let database = try Database.create(configuration)
    let isOver = Atomic(false)
    let stale = Atomic(0)
    let readers = (0..<3).map { number in
      Worker {
        var random = SplitMix64(seed: UInt64(number))
        var held = database.snapshot()
        var before = held.records.entryCount(tree: Self.rows.tree)
        while !isOver.load(ordering: .relaxed) {
          // The next snapshot is there before this one goes.
          let next = database.snapshot()
          for _ in 0..<200 {
            let key = key(random.next() % Self.keys)
            _ = try? held.records.withValue(tree: Self.rows.tree, key: key) { $0.byteCount }
          }
          if held.records.entryCount(tree: Self.rows.tree) != before {
            stale.add(1, ordering: .relaxed)
          }
          (held, before) = (next, next.records.entryCount(tree: Self.rows.tree))
        }
      }
    }
    // A commit's frame: its rows, and a little around each.
    let commitBytes = Int(Self.rowsPerCommit) * (Self.valueBytes + 40) + 128
    var longest = 0
    for commit in 0..<UInt64(scaled(ci: 5000, nightly: 60_000)) {
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: commit), count: Self.valueBytes)
      _ = try database.writeBlocking { transaction in
        for row in 0..<Self.rowsPerCommit {
          let id = (commit * Self.rowsPerCommit + row) % Self.keys
          try transaction.put(Self.rows, key: key(id), value: value)
        }
      }
      let behind = database.visibleLSN.rawValue - database.storeInfo.newestCheckpointLSN.rawValue
      longest = max(longest, Int(behind) * commitBytes)
    }
    isOver.store(true, ordering: .relaxed)
    for reader in readers { reader.join() }
    #expect(longest <= 2 * Self.trigger, "\(longest) bytes behind the newest checkpoint")
    #expect(stale.load(ordering: .relaxed) == 0)
    #expect(try database.check(deep: true).findings.isEmpty)
    try database.close()
  }
}
