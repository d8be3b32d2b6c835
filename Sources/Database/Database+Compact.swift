// Compaction of a stopped database: the records are written anew beside the old file, proved, synced
// and renamed over it. The log stays, and goes on where it was.
//
//   records.souk, compaction/records.souk  ->  records.souk
//
// What a crash leaves: before the rename the old file and a folder that the next opening removes;
// after it the new file. Both hold the commit that the log is at, or replay to it.

import Bytes
import CommitLog
import Disk
import RecordStore

public struct CompactionReport: Equatable, Sendable {
  /// The commit that the new file holds.
  public var lsn: LSN
  public var bytesBefore: UInt64
  public var bytesAfter: UInt64
  /// Bytes of all keys and values.
  public var liveBytes: UInt64
  public var trees: Int
  public var entries: UInt64
}

extension Database {
  /// Writes the records of the database at `configuration.path` anew, without the space that is free.
  /// Nobody may have it open; a running server is compacted into another folder by `backup`.
  ///
  /// Throws `refused`, and leaves the file as it is, when the new one would not be smaller. Needs the
  /// space of the new file beside the old one.
  public static func compact(_ configuration: Configuration) throws(DatabaseError)
    -> CompactionReport
  {
    var quiet = configuration
    quiet.runsThreads = false
    quiet.views = []
    let database = try open(quiet)
    do {
      let report = try database.replaceStore()
      try database.closeWithoutCheckpoint()
      return report
    } catch {
      try? NewFolder.removeAll(
        configuration.path + "/" + DataDirectory.compactionName, configuration.disk)
      try? database.closeWithoutCheckpoint()
      throw DatabaseError(error)
    }
  }

  private func replaceStore() throws -> CompactionReport {
    let (disk, path) = (configuration.disk, configuration.path)
    let storePath = path + "/" + DataDirectory.storeFile
    let folder = path + "/" + DataDirectory.compactionName
    let old = try disk.open(storePath, mode: .readOnly)
    let bytesBefore = try old.size()
    old.close()
    try disk.createDirectory(folder)
    let snapshot = snapshot()
    let written = try store.writeAnew(
      snapshot.records, disk: disk, path: folder + "/" + DataDirectory.storeFile)
    guard written.fileBytes < bytesBefore else {
      throw DatabaseError.refused(
        "compacting \(storePath) would not make it smaller: it has \(bytesBefore) bytes, "
          + "the compacted file would have \(written.fileBytes)")
    }
    try RecordStore.prove(written, disk: disk, folder: folder, tables: configuration.tables)
    try disk.syncDirectory(folder)
    try disk.rename(folder + "/" + DataDirectory.storeFile, to: storePath)
    try disk.syncDirectory(path)
    try NewFolder.removeAll(folder, disk)
    return CompactionReport(
      lsn: written.lsn, bytesBefore: bytesBefore, bytesAfter: written.fileBytes,
      liveBytes: written.liveBytes, trees: written.trees, entries: written.entries)
  }

  /// Lets go of the folder: a checkpoint would go to a file that has lost its name.
  private func closeWithoutCheckpoint() throws(DatabaseError) {
    queue.signal { $0.isClosed = true }
    defer {
      store.close()
      directory.unlock()
    }
    do { try log.close() } catch { throw .log(error) }
  }
}
