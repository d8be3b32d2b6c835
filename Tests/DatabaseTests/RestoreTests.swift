// Restoring to a point: every commit and every moment that a backup holds, and the sentence about
// those that it does not hold. And the hashes of earlier states, which replay the same log.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct RestoreTests {
  /// A database after 60 transactions, its backup, and each commit's hash and time.
  private static func history(
    _ seed: UInt64, _ workload: Workload
  ) throws -> (disk: SimulatedDisk, manifest: BackupManifest, states: [LSN: (String, Timestamp)]) {
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    var states: [LSN: (String, Timestamp)] = [:]
    for number in 0..<60 {
      let committed = try database.writeBlocking(workload.body(number))
      states[committed.lsn] = (try database.contentHash().hash, committed.time)
      if number == 15 || number == 30 { try database.checkpoint() }
    }
    // Every state that the log still leads to can be hashed without touching anything.
    for lsn in 16...60 as ClosedRange<UInt64> {
      #expect(try database.contentHash(at: LSN(lsn)).hash == states[LSN(lsn)]?.0)
    }
    for lsn in [LSN(15), LSN(61)] {
      #expect {
        _ = try database.contentHash(at: lsn)
      } throws: { error in
        guard case .outOfRange(let reason)? = error as? DatabaseError else { return false }
        return reason.contains("from 16 to 60")
      }
    }
    let manifest = try database.backup(to: "backup")
    #expect(database.readers().logConsumers.isEmpty)
    try database.close()
    return (disk, manifest, states)
  }

  @Test func everyCommitAndMomentOfABackupCanBeRestored() throws {
    let seed = testSeed(260)
    let workload = Workload(seed: seed, count: 61)
    let (disk, manifest, states) = try Self.history(seed, workload)
    #expect(manifest.range == LSN(16)...LSN(60))
    for lsn in manifest.range.lowerBound.rawValue...manifest.range.upperBound.rawValue {
      let state = try #require(states[LSN(lsn)])
      for point in [RestorePoint.lsn(LSN(lsn)), .time(state.1)] {
        let image = disk.clone()
        let (report, configuration) = try BackupTests.restored(
          image, from: "backup", to: "copy", until: point)
        #expect(report.lsn == LSN(lsn) && report.time == state.1 && report.hash == state.0)
        #expect(report.droppedCommits == 60 - lsn)
        let copy = try Database.open(configuration)
        let content = try copy.workloadContent()
        #expect(content.count == Int(lsn) && content.notes == workload.states[Int(lsn)])
        // Another future begins here, and no frame of the old one comes back.
        _ = try copy.writeBlocking(workload.body(Int(lsn)))
        try copy.close()
        let again = try Database.open(configuration)
        #expect(try again.workloadContent().notes == workload.states[Int(lsn) + 1])
        #expect(try again.check(deep: true).findings.isEmpty)
        try again.close()
      }
    }
  }

  @Test func aPointOutsideTheRangeIsRefusedWithTheRange() throws {
    let seed = testSeed(261)
    let (disk, manifest, _) = try Self.history(seed, Workload(seed: seed, count: 60))
    let early = Timestamp(microseconds: manifest.recordsTime.microseconds - 1)
    let late = Timestamp(microseconds: manifest.createdAt.microseconds + 1)
    for point in [RestorePoint.lsn(LSN(15)), .lsn(LSN(61)), .time(early), .time(late)] {
      #expect {
        _ = try BackupTests.restored(disk, from: "backup", to: "copy", until: point)
      } throws: { error in
        guard case .outOfRange(let reason)? = error as? DatabaseError else { return false }
        return reason.contains("from 16 to 60") || reason.contains("\(manifest.recordsTime)")
      }
      #expect(try !disk.exists("copy"))
    }
    let moment = RestorePoint.time(manifest.createdAt)
    #expect(
      try BackupTests.restored(disk, from: "backup", to: "copy", until: moment).report.lsn
        == LSN(60))
    #expect {
      _ = try BackupTests.restored(disk, from: "backup", to: "copy")
    } throws: { error in
      if case .notEmpty("copy")? = error as? DatabaseError { true } else { false }
    }
    #expect {
      _ = try BackupTests.restored(disk, from: "db", to: "other")
    } throws: { error in
      if case .backup("db", let reason)? = error as? DatabaseError {
        reason.contains("MANIFEST")
      } else {
        false
      }
    }
  }
}
