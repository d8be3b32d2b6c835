// Backups of a database that is open and at work: the records of the older checkpoint, written
// compactly, and the log from there on (DataFormats/backup.md).
//
//   hold the checkpoint and its log  ->  NAME.partial/ records.souk, secrets/, log/, MANIFEST
//                                    ->  proof  ->  rename to NAME
//
// Invariants
// 1. The target appears whole or not at all, and nothing that exists is overwritten.
// 2. Everything in it was proved after it was written: the records page by page, the log by its
//    hashes when it is read, every file by the MANIFEST.
// 3. The writer waits for nothing but the pin.

import Bytes
import CommitLog
import Disk
import RecordStore

public struct BackupProgress: Equatable, Sendable {
  /// Bytes of the records written so far, and about how many there will be.
  public var bytesWritten: UInt64
  public var bytesExpected: UInt64
}

extension Database {
  /// Writes a backup to the new folder `target`, on this database's disk, beside readers and writers.
  /// It can be restored to every commit from the older checkpoint to the newest at its end.
  ///
  /// Errors: `notEmpty`; `log(.released)` when it took so long that the log was needed elsewhere;
  /// `store(.snapshotExpired)` likewise for the pages; what the disk says. Then there is no target.
  public func backup(
    to target: String, progress: (BackupProgress) -> Void = { _ in }
  ) throws(DatabaseError) -> BackupManifest {
    do {
      var folder = try NewFolder(at: target, disk: configuration.disk)
      do {
        let manifest = try fill(&folder, progress)
        try folder.finish()
        return manifest
      } catch {
        folder.abandon()
        throw error
      }
    } catch {
      throw DatabaseError(error)
    }
  }

  private func fill(
    _ folder: inout NewFolder, _ progress: (BackupProgress) -> Void
  ) throws -> BackupManifest {
    let disk = configuration.disk
    let hold = try holdHistory(purpose: "backup")
    let info = store.info()
    let expected = (info.pageCount - min(info.pageCount, info.freePages)) * UInt64(info.pageSize)
    let written = try store.writeAnew(
      hold.records, disk: disk, path: folder.path + "/" + DataDirectory.storeFile
    ) { bytes in
      progress(BackupProgress(bytesWritten: bytes, bytesExpected: max(bytes, expected)))
    }
    // The proof opens the file, which must not change it.
    try RecordStore.prove(
      written, disk: OverlayDisk(over: disk), folder: folder.path, tables: configuration.tables)
    var manifest = BackupManifest()
    manifest.databaseID = databaseID
    manifest.createdAt = configuration.now()
    manifest.recordsLSN = written.lsn.rawValue
    manifest.recordsTime = hold.records.time
    manifest.recordsHash = written.contentHash
    try folder.makeFolder(DataDirectory.secretsName)
    try copySecrets(from: configuration.path, on: disk, to: folder)
    try folder.makeFolder("log")
    let last = log.durableLSN
    let copy = try LogCopy(
      from: written.lsn, through: last, segmentBytesMost: configuration.segmentBytes,
      read: { [self] in try readLog(from: written.lsn.next, through: last, $0) })
    try copy.write(
      disk: disk, folder: folder.path + "/log", databaseID: databaseID, epoch: 1,
      time: manifest.recordsTime)
    manifest.lastLSN = last.rawValue
    manifest.lastTime = copy.lastTime ?? manifest.recordsTime
    manifest.files = try proofs(in: folder)
    try folder.write(manifest.encoded, as: BackupManifest.fileName)
    progress(
      BackupProgress(bytesWritten: written.fileBytes, bytesExpected: written.fileBytes))
    return manifest
  }

  private func proofs(in folder: NewFolder) throws -> [BackupManifest.File] {
    var names = [DataDirectory.storeFile]
    for inner in ["log", DataDirectory.secretsName] {
      names += try folder.disk.list(folder.path + "/" + inner).map { inner + "/" + $0 }
    }
    return try names.map { name in
      let file = try folder.disk.open(folder.path + "/" + name, mode: .readOnly)
      defer { file.close() }
      return BackupManifest.File(name: name, try FileProof(of: file))
    }
  }

  private func copySecrets(from path: String, on disk: any Disk, to folder: NewFolder) throws {
    let secrets = path + "/" + DataDirectory.secretsName
    for name in try disk.list(secrets) where !name.hasSuffix(".new") {
      _ = try folder.copy(
        secrets + "/" + name, from: disk, as: DataDirectory.secretsName + "/" + name)
    }
  }
}

/// A stretch of a log, to be written as a log of its own.
struct LogCopy {
  /// Bytes of operations after which a group is closed.
  private static let groupBytes = 1 << 20

  private let first: LSN
  private let segmentBytes: Int
  private let read: (_ body: (borrowing LogEntry) throws -> Void) throws -> Void
  private(set) var entries: UInt64 = 0
  /// Of the last commit; nil when there is none.
  private(set) var lastTime: Timestamp?

  /// The commits behind `base` up to `last`, which `read` gives in order. They are read once here, to
  /// know their size: a small log gets a small file.
  init(
    from base: LSN, through last: LSN, segmentBytesMost: Int,
    read: @escaping (_ body: (borrowing LogEntry) throws -> Void) throws -> Void
  ) throws {
    first = base.next
    self.read = read
    var bytes = 0
    var (entries, lastTime) = (UInt64(0), Timestamp?.none)
    try read { entry in
      bytes += LogEntry.frameBytesMost + LogEntry.bytesMost(of: entry.operations)
      entries += 1
      lastTime = entry.time
    }
    guard entries == last.rawValue - base.rawValue else {
      throw DatabaseError.log(
        .corrupt(
          file: "log", offset: 0,
          reason: "\(entries) commits between \(base) and \(last)"))
    }
    (self.entries, self.lastTime) = (entries, lastTime)
    // A header, a seal and a tick come on top; the header alone takes 4096.
    segmentBytes = min(segmentBytesMost, (bytes + 3 * 4096) & ~4095)
  }

  /// Makes the log in `folder`, which is empty, and syncs it.
  func write(
    disk: any Disk, folder: String, databaseID: UUIDv7, epoch: UInt64, time: Timestamp,
    segmentBytes: Int? = nil
  ) throws {
    var options = FileCommitLog.Options()
    options.segmentBytes = segmentBytes ?? self.segmentBytes
    let log = try FileCommitLog.create(
      disk: disk, folder: folder, databaseID: databaseID, options: options, firstLSN: first,
      epoch: epoch, time: time)
    var group: [LogEntry] = []
    var bytes = LogEntry.frameBytesMost
    try read { entry in
      let size = LogEntry.bytesMost(of: entry.operations)
      if !group.isEmpty, bytes + size > min(Self.groupBytes, log.frameBytesMost) {
        try log.append(group)
        group.removeAll(keepingCapacity: true)
        bytes = LogEntry.frameBytesMost
      }
      group.append(copy entry)
      bytes += size
    }
    if !group.isEmpty { try log.append(group) }
    try log.close()
  }
}
