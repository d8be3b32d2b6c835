// Inspection: what is in the database, and the proof that all of it fits together.

import Bytes
import CommitLog
import RecordStore
import Views

/// What `check` found, over all engines.
public struct DatabaseCheck: Sendable {
  public var lsn: LSN
  public var store: CheckReport
  /// Each view's digest beside the one of a twin made from the records alone.
  public var views: [ViewCheck]
  /// What is wrong with the views' files; only a deep check looks.
  public var fileProblems: [String] = []

  public struct ViewCheck: Sendable {
    public var name: String
    public var digest: Digest
    public var expected: Digest
  }

  /// One sentence a flaw; empty for a sound database.
  public var findings: [String] {
    store.problems
      + views.filter { $0.digest != $0.expected }.map {
        "view \($0.name) has digest \($0.digest), the records say \($0.expected); "
          + "`souk engine rebuild \($0.name)` mends it"
      } + fileProblems
  }
}

extension Database {
  /// The store's numbers; any thread.
  public var storeInfo: StoreInfo { store.info() }

  /// The log's durable end, its oldest commit, and the bytes it keeps; any thread.
  public var logExtent: (durableLSN: LSN, oldestLSN: LSN, retainedBytes: UInt64) {
    let oldest = log.oldestLSN
    return (log.durableLSN, oldest, log.retainedBytes(from: oldest))
  }

  /// Writes that wait for the writer.
  public var queuedWrites: Int { queue.withLock { $0.jobs.count } }

  /// Why writes are refused; nil when they are not.
  public var notReadyReason: String? {
    let stopped: String? = queue.withLock { queue in
      if queue.hasFailed { return "the log has failed" }
      return queue.isClosed ? "the database is closed" : nil
    }
    return stopped ?? readOnlyReason.map { _ in "the volume is full: reads only" }
  }

  /// Names of the declared tables with their rows in `snapshot`.
  public func tableCounts(in snapshot: DatabaseSnapshot) -> [(name: String, rows: UInt64)] {
    configuration.tables.map { ($0.name, snapshot.records.entryCount(tree: $0.tree)) }
  }

  /// Names, positions and digests of the views in `snapshot`.
  public func viewStates(in snapshot: DatabaseSnapshot) -> [(name: String, digest: Digest)] {
    zip(views.names, snapshot.views).map { ($0, $1.digest) }
  }

  /// Proves the store and compares every view with the records. The writer waits for the proof of the
  /// store. `deep` reads every byte from the disk again and proves both checkpoints.
  public func check(deep: Bool) throws(DatabaseError) -> DatabaseCheck {
    let (snapshot, report) = try onWriter {
      [self] () throws(StoreError) -> (DatabaseSnapshot, CheckReport) in
      (self.snapshot(), store.check(deep: deep))
    }
    var found: [DatabaseCheck.ViewCheck] = []
    // Views are compared with what the records say, so the records must be sound first.
    if report.isSound {
      for view in views.all {
        let verified = try verify(view, in: snapshot)
        found.append(
          DatabaseCheck.ViewCheck(
            name: view.name, digest: verified.digest, expected: verified.expected))
      }
    }
    return DatabaseCheck(
      lsn: snapshot.lsn, store: report, views: found, fileProblems: deep ? viewFileProblems() : [])
  }

  /// A hash of every row of every tree in order: equal for equal content, however it is laid out.
  public func contentHash() throws(DatabaseError) -> (lsn: LSN, hash: String) {
    let snapshot = snapshot()
    do {
      return (snapshot.lsn, try store.contentHash(snapshot.records))
    } catch {
      throw .store(error)
    }
  }
}
