// Restoring a backup: into a new folder, to the last commit that it holds, or to an earlier commit or
// moment. What comes after that is not copied, so that the restored database ends there.
//
// Invariants
// 1. Every file of the backup is proved before anything is written, and the backup is only read.
// 2. The new folder appears whole or not at all, after it was opened and checked in memory.
// 3. The restored log begins in a new epoch: no frame of the original is ever taken for one of it.

import Bytes
import CommitLog
import Disk
import RecordStore

public enum RestorePoint: Equatable, Sendable {
  /// The state after this commit.
  case lsn(LSN)
  /// The state at this moment: after the last commit that was not later.
  case time(Timestamp)
}

public struct RestoreReport: Equatable, Sendable {
  public var databaseID: UUIDv7
  /// The last commit of the restored database, and when it was made.
  public var lsn: LSN
  public var time: Timestamp
  /// The commits that the backup could have been restored to.
  public var range: ClosedRange<LSN>
  /// Commits of the backup that were left out.
  public var droppedCommits: UInt64
  /// As `contentHash`.
  public var hash: String
}

extension Database {
  /// Makes the database of the backup in the folder `backup` at `configuration.path`, which must not
  /// exist or be empty; `configuration` is the one that it will be opened with.
  ///
  /// Errors: `backup` when the backup is damaged or none, `outOfRange`, `notEmpty`, what the disk
  /// says. Then there is no new folder.
  public static func restore(
    from backup: String, _ configuration: Configuration, until: RestorePoint? = nil
  ) throws(DatabaseError) -> RestoreReport {
    let disk = configuration.disk
    let manifest = try BackupManifest.read(backup, disk: disk)
    try manifest.verify(backup, disk: disk)
    do {
      let end = try find(until, manifest, backup, configuration)
      var folder = try NewFolder(at: configuration.path, disk: disk)
      do {
        try fill(&folder, from: backup, manifest, through: end, configuration)
        let (time, hash) = try proof(of: folder.path, at: end, configuration)
        try folder.finish()
        return RestoreReport(
          databaseID: manifest.databaseID, lsn: end, time: time, range: manifest.range,
          droppedCommits: manifest.lastLSN - end.rawValue, hash: hash)
      } catch {
        folder.abandon()
        throw error
      }
    } catch {
      throw DatabaseError(error)
    }
  }

  /// The commit that a point means.
  private static func find(
    _ until: RestorePoint?, _ manifest: BackupManifest, _ backup: String,
    _ configuration: Configuration
  ) throws -> LSN {
    switch until {
    case nil: return manifest.range.upperBound
    case .lsn(let lsn):
      guard manifest.range.contains(lsn) else {
        throw DatabaseError.outOfRange(
          "backup \(backup) cannot be restored to commit \(lsn): it holds the commits from "
            + "\(manifest.range.lowerBound) to \(manifest.range.upperBound)")
      }
      return lsn
    case .time(let time):
      guard time >= manifest.recordsTime, time <= max(manifest.createdAt, manifest.lastTime) else {
        throw DatabaseError.outOfRange(
          "backup \(backup) cannot be restored to \(time): it holds the time from "
            + "\(manifest.recordsTime) to \(max(manifest.createdAt, manifest.lastTime))")
      }
      var found = manifest.range.lowerBound
      try readLog(of: backup, manifest, configuration, through: manifest.range.upperBound) {
        entry in
        if entry.time <= time { found = entry.lsn }
      }
      return found
    }
  }

  /// Reads the log of a backup without changing a byte of it.
  private static func readLog(
    of backup: String, _ manifest: BackupManifest, _ configuration: Configuration,
    through last: LSN, _ body: (borrowing LogEntry) throws -> Void
  ) throws {
    guard last > manifest.range.lowerBound else { return }
    var options = FileCommitLog.Options()
    options.segmentBytes = configuration.segmentBytes
    let log = try FileCommitLog.open(
      disk: OverlayDisk(over: configuration.disk), folder: backup + "/log",
      databaseID: manifest.databaseID, options: options,
      evidence: manifest.range.upperBound, time: manifest.createdAt
    ).log
    try log.read(from: manifest.range.lowerBound.next) { entry in
      if entry.lsn <= last { try body(entry) }
    }
  }

  private static func fill(
    _ folder: inout NewFolder, from backup: String, _ manifest: BackupManifest,
    through end: LSN, _ configuration: Configuration
  ) throws {
    let disk = configuration.disk
    try folder.makeFolder(DataDirectory.secretsName)
    try folder.makeFolder("log")
    for file in manifest.files {
      let parts = file.name.split(separator: "/", omittingEmptySubsequences: false)
      let isSecret = parts.count == 2 && parts[0] == DataDirectory.secretsName && parts[1] != ".."
      guard isSecret || file.name == DataDirectory.storeFile else { continue }
      let proof = try folder.copy(backup + "/" + file.name, from: disk, as: file.name)
      guard BackupManifest.File(name: file.name, proof) == file else {
        throw DatabaseError.backup(path: backup, reason: "\(file.name) changed while it was read")
      }
    }
    let copy = try LogCopy(
      from: manifest.range.lowerBound, through: end,
      segmentBytesMost: configuration.segmentBytes,
      read: { try readLog(of: backup, manifest, configuration, through: end, $0) })
    try copy.write(
      disk: disk, folder: folder.path + "/log", databaseID: manifest.databaseID,
      epoch: restoredEpochLeast | configuration.random() >> 32, time: manifest.recordsTime,
      segmentBytes: configuration.segmentBytes)
  }

  /// Above any that a database reaches by itself, which takes a segment of log an epoch; and hardly
  /// ever twice the same.
  private static let restoredEpochLeast: UInt64 = 1 << 40

  /// Opens the restored database in memory, replays its log and proves all of it.
  private static func proof(
    of path: String, at end: LSN, _ configuration: Configuration
  ) throws -> (time: Timestamp, hash: String) {
    var quiet = configuration
    quiet.path = path
    quiet.disk = OverlayDisk(over: configuration.disk)
    quiet.runsThreads = false
    quiet.views = []
    let database = try open(quiet)
    let check = try database.check(deep: true)
    guard check.findings.isEmpty, check.lsn == end else {
      throw DatabaseError.unexpected(
        "the restored database is at commit \(check.lsn) instead of \(end): "
          + check.findings.joined(separator: "; "))
    }
    let hash = try database.contentHash().hash
    let time = database.opening.lastCommitTime
    try database.close()
    return (time, hash)
  }
}
