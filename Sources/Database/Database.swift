// Database: the only door to the engines. Opens and recovers them, runs every write through the one
// writer, pins them all at one LSN for readers, and closes them cleanly.
//
// Invariants
// 1. A reader never sees a commit whose frame is not durable, and no write is answered before it is.
// 2. Records and views are published together: a snapshot shows all engines at the same LSN.
// 3. Transactions run one at a time, in the order of their LSNs: the history is serial by
//    construction.
// 4. When the log cannot be made durable nothing more is answered; the process stops.

import Bytes
import CommitLog
import Disk
import RecordStore
import Synchronization
import Views

public final class Database: Sendable {
  public struct Configuration: Sendable {
    /// The data folder.
    public var path: String
    public var disk: any Disk
    /// Every table that the application declares.
    public var tables: [TableDescriptor]
    /// The views that follow the log, freshly made and empty.
    public var views: [any View]
    public var limits = Limits()
    /// Bytes of page cache.
    public var cacheBytes = 64 << 20
    /// Bytes a log segment.
    public var segmentBytes = 64 << 20
    public var now: @Sendable () -> Timestamp
    public var random: @Sendable () -> UInt64
    /// True: the threads of `Threads` run. False: the owner calls `step` (or `stepExecute` and
    /// `stepCommit`), `checkpoint` and `flushViews`; nothing happens in between. For simulation.
    public var runsThreads = true
    /// Called once, with one line for the log, when invariant 4 strikes. The production handler
    /// ends the process with exit code 74 and does not return.
    public var onFatal: @Sendable (String) -> Void
    /// Called with one line for the log when something deserves an operator's look.
    public var onNotice: @Sendable (String) -> Void = { _ in }

    public init(
      path: String, disk: any Disk, tables: [TableDescriptor], views: [any View] = [],
      now: @escaping @Sendable () -> Timestamp = SystemClock.now,
      random: @escaping @Sendable () -> UInt64 = SystemRandom().next,
      onFatal: @escaping @Sendable (String) -> Void = exitAfterFatal
    ) {
      self.path = path
      self.disk = disk
      self.tables = tables
      self.views = views
      self.now = now
      self.random = random
      self.onFatal = onFatal
    }
  }

  public struct Limits: Sendable {
    /// Writes that may wait; beyond it `DatabaseError.overloaded`, so that memory stays bounded.
    public var queuedWrites = 8192
    /// Transactions in one group, so that the last to arrive does not wait for ever.
    public var groupTransactions = 1024
    /// Bytes of operations after which a group is closed.
    public var groupBytes = 4 << 20
    /// Bytes of log after which a checkpoint is made.
    public var checkpointLogBytes = 256 << 20
    /// Bytes of the last checkpoint that have been replaced, after which another is made if they are
    /// a fifth of the store: so a store that is overwritten stays small.
    public var checkpointReplacedBytes = 48 << 20
    /// Seconds after which changes are checkpointed however few they are.
    public var checkpointSeconds = 60
    /// Bytes of log, or seconds, after which the views write what they hold: what an opening has to take
    /// from the log.
    public var viewFlushLogBytes = 32 << 20
    public var viewFlushSeconds = 60
    /// Bytes of log that are kept for one view, backup or follower; then it must start over.
    public var logRetainedBytes: UInt64 = 4 << 30
    /// How long a snapshot may be read after a later commit was shown.
    public var snapshotSeconds: Int64 = 300
    /// Bytes of the file that one snapshot may keep from being used again.
    public var snapshotBytes: UInt64 = 4 << 30
    public init() {}
  }

  /// What recovery found, for the banner and for `store info`.
  public struct Opening: Sendable {
    public var checkpointLSN: LSN
    public var recoveredLSN: LSN
    /// Commits replayed from the log after the checkpoint.
    public var replayedCommits: Int
    public var log: LogRecoveryReport
    public var store: StoreOpening
    public var lastCommitTime: Timestamp
  }

  let configuration: Configuration
  let directory: DataDirectory
  let store: RecordStore
  let log: FileCommitLog
  public let opening: Opening
  let queue: Monitor<WriteQueue>
  let commits = Monitor(CommitQueue())
  let published: Mutex<Published>
  let views: ViewSet
  let keeper = Monitor(KeeperState())
  /// Touched only by whoever has `WriteQueue.isTaken`.
  let writer: WriterState
  let maintenance: Monitor<MaintenanceState>
  /// Why the volume takes no writes; nil while it does.
  let fullness = Mutex<String?>(nil)
  let checkpoints = Monitor(CheckpointState())
  let threads = Mutex<Threads?>(nil)
  /// Keeps the log for whoever reads it; see `HistoryHold`.
  let retention: LogRetention

  init(
    configuration: Configuration, directory: DataDirectory, store: RecordStore,
    log: FileCommitLog, opening: Opening
  ) {
    self.configuration = configuration
    self.directory = directory
    self.store = store
    self.log = log
    retention = LogRetention(log, budgetBytes: configuration.limits.logRetainedBytes)
    self.opening = opening
    queue = Monitor(WriteQueue())
    views = ViewSet(
      configuration.views, disk: configuration.disk, folder: directory.viewsFolder,
      isPaced: configuration.runsThreads)
    published = Mutex(
      Published(
        snapshot: DatabaseSnapshot(
          lsn: opening.recoveredLSN, records: store.snapshot(purpose: "published"),
          views: configuration.views.map { $0.snapshot() })))
    writer = WriterState(lsn: opening.recoveredLSN, time: opening.lastCommitTime)
    maintenance = Monitor(MaintenanceState())
  }

  public var path: String { configuration.path }
  public var databaseID: UUIDv7 { store.databaseID }

  /// The LSN that a snapshot taken now would have.
  public var visibleLSN: LSN { published.withLock { $0.snapshot.lsn } }

  /// Pins every engine at one LSN. Cheap: everybody who asks between two commits shares one pin.
  /// Keep it for one request and let it go.
  public func snapshot() -> DatabaseSnapshot {
    published.withLock { $0.snapshot }
  }

  /// Calls `body` as soon as a snapshot would show `lsn`: at once when it does already.
  public func whenVisible(_ lsn: LSN, _ body: @escaping @Sendable () -> Void) {
    let isVisible = published.withLock { state in
      if state.snapshot.lsn >= lsn { return true }
      state.waiters.append((lsn, body))
      return false
    }
    if isVisible { body() }
  }

  /// Secret bytes made once for this database and kept in a file of mode 0600.
  public func secret(named name: String, byteCount: Int) throws(DatabaseError) -> [UInt8] {
    try directory.secret(named: name, byteCount: byteCount, random: configuration.random)
  }
}

/// What readers see.
struct Published {
  var snapshot: DatabaseSnapshot
  var waiters: [(lsn: LSN, body: @Sendable () -> Void)] = []
}
