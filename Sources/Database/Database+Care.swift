// Care: what keeps the database healthy and answers nobody: the log's next segment, the idle tick,
// the budgets, and the orderly end. Checkpoints: Database+Checkpoint.swift; views: Database+Views.swift.

import Bytes
import CommitLog
import Disk
import RecordStore
import Views

struct MaintenanceState {
  var isStopping = false
}

/// The threads of an open database.
struct Threads {
  var writer: Worker
  var committer: Worker
  var checkpointer: Worker
  var care: Worker
  var keeper: Worker
}

extension Database {
  func startThreads() {
    guard configuration.runsThreads else { return }
    let started = Threads(
      writer: Worker { [self] in runWriter() }, committer: Worker { [self] in runCommitter() },
      checkpointer: Worker { [self] in runCheckpointer() }, care: Worker { [self] in runCare() },
      keeper: Worker { [self] in runKeeper() })
    threads.withLock { $0 = started }
  }

  /// How often the care thread looks; also the idle time after which a tick makes the last frame
  /// provably durable (storage rule: at most this long is a torn tail ambiguous).
  private static let carePeriodMillis = 50

  /// How often snapshots are held against their budgets, and a full volume is tried again.
  private static let budgetPeriodMicroseconds: Int64 = 1_000_000

  private func runCare() {
    var lastBudget = SystemClock.monotonicMicroseconds()
    while true {
      let isStopping = maintenance.wait(milliseconds: Self.carePeriodMillis) { state in
        state.isStopping ? true : nil
      }
      if isStopping == true { return }
      if SystemClock.monotonicMicroseconds() - lastBudget >= Self.budgetPeriodMicroseconds {
        lastBudget = SystemClock.monotonicMicroseconds()
        careForBudgets()
      }
      careForLog()
    }
  }

  /// Expires snapshots that have outlived their budgets, and leaves the read-only state when the
  /// volume has space again. The care thread calls it; an owner without threads may.
  public func careForBudgets() {
    for snapshot in store.expireSnapshots(now: configuration.now()) {
      configuration.onNotice(
        #"{"level":"warn","event":"snapshot-expired","purpose":"\#(snapshot.purpose)","#
          + #""commit":\#(snapshot.lsn),"heldPages":\#(snapshot.heldPages)}"#)
    }
    guard readOnlyReason != nil else { return }
    runOnWriter { [self] in
      do {
        try log.prepareNextSegment()
        try store.requireSpace()
        leaveReadOnly()
      } catch {
        // Still full; the next period tries again.
      }
    }
  }

  /// Why writes are refused for want of space; nil while they are not. It ends by itself.
  public var readOnlyReason: String? { fullness.withLock { $0 } }

  func enterReadOnly(_ reason: String) {
    let isNew = fullness.withLock { fullness in
      defer { fullness = reason }
      return fullness == nil
    }
    if isNew {
      configuration.onNotice(
        #"{"level":"error","event":"read-only","reason":"the volume is full"}"#)
    }
  }

  func leaveReadOnly() {
    let wasFull = fullness.withLock { fullness in
      defer { fullness = nil }
      return fullness != nil
    }
    if wasFull { configuration.onNotice(#"{"level":"info","event":"writable-again"}"#) }
  }

  /// Prepares the next segment off the commit path, and ticks when the log is idle.
  private func careForLog() {
    do {
      try log.prepareNextSegment()
    } catch {
      // The writer asks for it when it gets there, and refuses what needs it. The tick waits too: it
      // may be the one that needs it, and then the failure would be fatal.
      return
    }
    let isIdle = queue.withLock { $0.jobs.isEmpty }
    guard isIdle, log.needsTick else { return }
    runOnWriter { [self] in
      do {
        try log.tick()
      } catch {
        stop(because: error)
      }
    }
  }

  /// Runs `body` between two groups and waits for it. Returns without having run it when the database
  /// is closed or has failed.
  func runOnWriter(_ body: @escaping @Sendable () -> Void) {
    let done = Monitor(false)
    let end: @Sendable () -> Void = { done.signal { $0 = true } }
    let refusal = enqueue(
      .control(
        run: {
          body()
          end()
        }, abandon: end))
    guard refusal == nil else { return }
    if !configuration.runsThreads { while step() {} }
    _ = done.wait { $0 ? true : nil }
  }

  /// Runs what is queued, checkpoints, writes the views' files, and lets go of the folder. Later writes
  /// are refused.
  public func close() throws(DatabaseError) {
    maintenance.signal { $0.isStopping = true }
    checkpoints.signal { $0.isStopping = true }
    let running = threads.withLock { threads in
      defer { threads = nil }
      return threads
    }
    views.pace.isPaced.store(false, ordering: .relaxed)
    keeper.signal { $0.isStopping = true }
    running?.care.join()
    running?.keeper.join()
    keeper.wait { $0.rebuilding == nil ? true : nil }
    running?.checkpointer.join()
    // Whatever fails, the threads end and the folder is let go: all that was answered is in the log.
    var failure: DatabaseError?
    if !hasFailed {
      do { try checkpoint() } catch { failure = error }
    }
    queue.signal { $0.isClosed = true }
    if let running { running.writer.join() } else { while step() {} }
    commits.signal { $0.isClosed = true }
    running?.committer.join()
    if !hasFailed, readOnlyReason == nil { flushViews() }
    do { try log.close() } catch { failure = failure ?? .log(error) }
    store.close()
    directory.unlock()
    if let failure { throw failure }
  }
}
