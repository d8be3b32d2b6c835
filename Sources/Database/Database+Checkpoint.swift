// Checkpoints: when one is due, and who does which part of it.
//
//   freeze   the writer, between two groups: when enough of the last checkpoint has been replaced,
//            when the time or the log's length asks for it, or when `checkpoint` is called
//   write    the checkpointer's thread, or the caller of `checkpoint`
//   finish   the writer again
//
// Invariants
// 1. One checkpoint is under way at a time.
// 2. What has been replaced can be used again only when the second checkpoint after it is durable. So
//    the writer freezes one as soon as a fifth of the store has been replaced, and waits before it
//    for the one under way: the file stays below twice what is in use, however fast the writes.
// 3. The checkpointer never waits for the writer, since the writer may be waiting for it.

import CommitLog
import RecordStore

struct CheckpointState {
  var isStopping = false
  /// The writer has been asked for one.
  var isAsked = false
  /// Frozen by the writer, for the checkpointer.
  var frozen: FrozenCheckpoint?
  /// Being written, by the checkpointer or by a caller of `checkpoint`.
  var current: FrozenCheckpoint?
}

extension Database {
  /// How often the checkpointer looks whether one is due.
  private static let lookMillis = 50
  /// How long it leaves things alone when one has failed.
  private static let retryMicroseconds: Int64 = 1_000_000

  // MARK: The checkpointer's thread

  func runCheckpointer() {
    var last = SystemClock.monotonicMicroseconds()
    var notBefore: Int64 = 0
    while true {
      _ = checkpoints.wait(milliseconds: Self.lookMillis) { state in
        state.isStopping || state.frozen != nil ? true : nil
      }
      let (isStopping, frozen) = checkpoints.withLock { state in (state.isStopping, state.take()) }
      let now = SystemClock.monotonicMicroseconds()
      if let frozen {
        last = now
        // One that cannot be written (a full disk) loses nothing: the log has everything.
        do { try write(frozen) } catch { notBefore = now + Self.retryMicroseconds }
        askForEnd(of: frozen)
      }
      if isStopping { return }
      if now >= notBefore, isDue(microseconds: now - last) { askForCheckpoint() }
    }
  }

  private func isDue(microseconds elapsed: Int64) -> Bool {
    let limits = configuration.limits
    if log.bytesSinceRelease >= limits.checkpointLogBytes { return true }
    return store.hasUncheckpointedChanges
      && elapsed >= Int64(limits.checkpointSeconds) * 1_000_000
  }

  /// Lets the writer freeze one; it may be asleep.
  private func askForCheckpoint() {
    let isNew = checkpoints.withLock { state in
      defer { state.isAsked = true }
      return !state.isAsked
    }
    guard isNew else { return }
    let end: @Sendable () -> Void = { [self] in checkpoints.withLock { $0.isAsked = false } }
    let refusal = enqueue(
      .control(
        run: { [self] in
          freezeForCheckpointer()
          end()
        }, abandon: end))
    if refusal != nil { end() }
  }

  private func askForEnd(of checkpoint: FrozenCheckpoint) {
    _ = enqueue(.control(run: { [self] in finish(checkpoint) }, abandon: {}))
  }

  // MARK: The writer's side

  /// Asked after each group: invariant 2.
  var isCheckpointWorthwhile: Bool {
    configuration.runsThreads
      && store.isCheckpointWorthwhile(bytesLeast: configuration.limits.checkpointReplacedBytes)
  }

  /// Waits for the checkpoint under way, and freezes the next. Nothing may be on its way to the log.
  func freezeAfterTheLast() {
    checkpoints.wait { state -> Bool? in
      let isUnderWay = state.frozen != nil || state.current?.isUnderWay == true
      return isUnderWay && !state.isStopping ? nil : true
    }
    if let written = checkpoints.withLock({ $0.current }), !written.isUnderWay { finish(written) }
    freezeForCheckpointer()
  }

  private func freezeForCheckpointer() {
    checkpoints.signal { state in
      guard !state.isStopping, state.frozen == nil else { return }
      // What cannot be frozen now (a full disk) is tried again when the next is due.
      state.frozen = (try? store.freeze()) ?? nil
    }
  }

  private func finish(_ checkpoint: FrozenCheckpoint) {
    store.finish(checkpoint)
    checkpoints.signal { state in
      if state.current === checkpoint { state.current = nil }
    }
  }

  // MARK: Any thread

  /// Writes a checkpoint beside the writer, and lets go of the log below the older of the two.
  /// Does nothing when there is nothing new, or when another checkpoint is under way.
  public func checkpoint() throws(DatabaseError) {
    let taken = Monitor<Result<FrozenCheckpoint?, StoreError>>(.success(nil))
    runOnWriter { [self] in taken.withLock { $0 = freezeForCaller() } }
    let frozen: FrozenCheckpoint?
    do throws(StoreError) {
      frozen = try taken.withLock({ $0 }).get()
    } catch {
      throw .store(error)
    }
    guard let frozen else { return }
    defer { runOnWriter { [self] in finish(frozen) } }
    try write(frozen)
  }

  private func freezeForCaller() -> Result<FrozenCheckpoint?, StoreError> {
    checkpoints.withLock { state in
      if let frozen = state.take() { return .success(frozen) }
      do throws(StoreError) {
        guard let frozen = try store.freeze() else { return .success(nil) }
        state.current = frozen
        return .success(frozen)
      } catch {
        return .failure(error)
      }
    }
  }

  /// Makes it durable, and lets go of the log that neither it nor the one before it needs.
  private func write(_ checkpoint: FrozenCheckpoint) throws(DatabaseError) {
    // The writer may be waiting for the end.
    defer { checkpoints.signal { _ in } }
    do throws(StoreError) {
      try store.writeFrozen(checkpoint)
    } catch {
      if checkpoint.isLost { stop(because: error) }
      throw .store(error)
    }
    do {
      try retention.release(checkpoint: checkpoint.previousLSN)
    } catch {
      // Which names the log's folder has on the disk is not known any more.
      stop(because: error)
      throw .log(error)
    }
  }
}

extension CheckpointState {
  /// What the writer has frozen; the caller writes it.
  fileprivate mutating func take() -> FrozenCheckpoint? {
    guard let frozen else { return nil }
    current = frozen
    self.frozen = nil
    return frozen
  }
}
