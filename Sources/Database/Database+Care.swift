// Care: what keeps the database small and quick and answers nobody: checkpoints, the log's next
// segment, the idle tick, merging in the views, and the orderly end.

import Bytes
import CommitLog
import Disk
import RecordStore
import Views

struct MaintenanceState {
  var isStopping = false
}

extension Database {
  func startThreads() {
    guard configuration.runsThreads else { return }
    workers.withLock { workers in
      workers.append(Worker { [self] in runWriter() })
      workers.append(Worker { [self] in runMaintenance() })
      workers.append(Worker { [self] in runCommitter() })
    }
  }

  /// How often the care thread looks; also the idle time after which a tick makes the last frame
  /// provably durable (storage rule: at most this long is a torn tail ambiguous).
  private static let carePeriodMillis = 50

  private func runMaintenance() {
    var lastCheckpoint = SystemClock.monotonicMicroseconds()
    while true {
      let isStopping = maintenance.wait(milliseconds: Self.carePeriodMillis) { state in
        state.isStopping ? true : nil
      }
      if isStopping == true { return }
      let elapsed = SystemClock.monotonicMicroseconds() - lastCheckpoint
      if isCheckpointDue(microseconds: elapsed) {
        lastCheckpoint = SystemClock.monotonicMicroseconds()
        // A checkpoint that cannot be made (a full disk) loses nothing: the log has everything. The
        // next period tries again.
        _ = try? checkpoint()
      }
      careForLog()
      for view in configuration.views { _ = view.maintain() }
    }
  }

  private func isCheckpointDue(microseconds elapsed: Int64) -> Bool {
    let limits = configuration.limits
    if log.bytesSinceRelease >= limits.checkpointLogBytes { return true }
    return store.hasUncheckpointedChanges
      && elapsed >= Int64(limits.checkpointSeconds) * 1_000_000
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

  /// Writes a checkpoint beside the writer, and lets go of the log below the older of the two.
  /// Does nothing when there is nothing new, or when another checkpoint is under way.
  public func checkpoint() throws(DatabaseError) {
    let frozen = Monitor<Result<FrozenCheckpoint?, StoreError>>(.success(nil))
    runOnWriter { [self] in
      frozen.withLock { state in
        do throws(StoreError) {
          state = .success(try store.freeze())
        } catch {
          state = .failure(error)
        }
      }
    }
    do throws(StoreError) {
      guard let checkpoint = try frozen.withLock({ $0 }).get() else { return }
      defer { runOnWriter { [self] in store.finish(checkpoint) } }
      do throws(StoreError) {
        try store.writeFrozen(checkpoint)
      } catch {
        if checkpoint.isLost { stop(because: error) }
        throw error
      }
    } catch {
      throw .store(error)
    }
    do {
      try retention.release(checkpoint: store.olderCheckpointLSN)
    } catch {
      // Which names the log's folder has on the disk is not known any more.
      stop(because: error)
      throw .log(error)
    }
  }

  /// Runs what is queued, checkpoints, and lets go of the folder. Later writes are refused.
  public func close() throws(DatabaseError) {
    maintenance.signal { $0.isStopping = true }
    let running = workers.withLock { workers in
      defer { workers = [] }
      return workers
    }
    if running.count > 1 { running[1].join() }
    // Whatever fails, the threads end and the folder is let go: all that was answered is in the log.
    var failure: DatabaseError?
    if !hasFailed {
      do { try checkpoint() } catch { failure = error }
    }
    queue.signal { $0.isClosed = true }
    if let writer = running.first { writer.join() } else { while step() {} }
    commits.signal { $0.isClosed = true }
    running.last?.join()
    do { try log.close() } catch { failure = failure ?? .log(error) }
    store.close()
    directory.unlock()
    if let failure { throw failure }
  }
}
