// History: the states between the older checkpoint and now. The records of that checkpoint and the
// log behind it are held while somebody reads them; backups and hashes of earlier states do. A
// holder that would keep too much of the log loses it (LogRetention), and is told `released`.

import Bytes
import CommitLog
import Disk
import RecordStore

/// Keeps one checkpoint's pages, and the log from there on, until it is dropped.
final class HistoryHold: Sendable {
  /// The older checkpoint's records.
  let records: Snapshot
  private let database: Database
  private let name: String

  fileprivate init(records: Snapshot, database: Database, name: String) {
    self.records = records
    self.database = database
    self.name = name
  }

  deinit { database.retention.remove(name) }
}

extension Database {
  /// Holds the older checkpoint. On the writer's thread it is certain that the log still has all
  /// that follows: the log is let go only after the store has let go of the checkpoint.
  func holdHistory(purpose: String) throws(DatabaseError) -> HistoryHold {
    try onWriter { [self] () throws(StoreError) in
      let records = try store.olderCheckpointSnapshot(purpose: purpose)
      let names = Set(retention.report().map(\.name))
      var number = 1
      while names.contains("\(purpose) \(number)") { number += 1 }
      let name = "\(purpose) \(number)"
      retention.register(name, at: records.lsn)
      return HistoryHold(records: records, database: self, name: name)
    }
  }

  /// Calls `body` with the entries from `first` to `last` in order.
  func readLog(
    from first: LSN, through last: LSN, _ body: (borrowing LogEntry) throws -> Void
  ) throws {
    guard first <= last else { return }
    do {
      try log.read(from: first) { entry in
        guard entry.lsn <= last else { throw EndOfReading() }
        try body(entry)
      }
    } catch is EndOfReading {}
  }

  /// The hash of all records as they were after `lsn`, made by replaying the log in memory. From the
  /// older checkpoint to now; `outOfRange` names both otherwise. Takes memory for the pages that
  /// changed since.
  public func contentHash(at lsn: LSN) throws(DatabaseError) -> (lsn: LSN, hash: String) {
    let newest = try contentHashIfNewest(lsn)
    if let newest { return newest }
    let hold = try holdHistory(purpose: "hash at commit \(lsn)")
    let visible = visibleLSN
    guard lsn >= hold.records.lsn, lsn <= visible else {
      throw .outOfRange(
        "commit \(lsn) cannot be looked at: the commits from \(hold.records.lsn) to \(visible) can")
    }
    do {
      let copy = try store.copyInMemory(
        of: hold.records, disk: configuration.disk, folder: configuration.path)
      defer { copy.close() }
      var replay = Replay(into: copy)
      try readLog(from: hold.records.lsn.next, through: lsn) { entry in try replay.add(entry) }
      try replay.finish()
      return (lsn, try copy.contentHash(copy.snapshot(purpose: "hash")))
    } catch {
      throw DatabaseError(error)
    }
  }

  private func contentHashIfNewest(
    _ lsn: LSN
  ) throws(DatabaseError) -> (lsn: LSN, hash: String)? {
    let snapshot = snapshot()
    guard snapshot.lsn == lsn else { return nil }
    do throws(StoreError) {
      return (lsn, try store.contentHash(snapshot.records))
    } catch {
      throw .store(error)
    }
  }
}

private struct EndOfReading: Error {}
