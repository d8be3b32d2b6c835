// LogRetention: what of the log must be kept, and for whom. The log is kept from the older checkpoint
// or from the slowest consumer, whichever is further back; but nobody may hold it for ever.
//
// 1. Nothing behind the position of a healthy consumer is released.
// 2. A consumer that would keep more than the budget is told to rebuild, and keeps nothing any more.
// 3. A consumer that must rebuild stays so until it registers again at a position that is still there.

import Synchronization

/// Consumers of a log by name: views, backups, followers.
public final class LogRetention: Sendable {
  public struct Consumer: Equatable, Sendable {
    public var name: String
    /// The last commit that it holds durably.
    public var position: LSN
    /// Its entries are gone, or were never there: it must start from a snapshot of the truth.
    public var mustRebuild: Bool
    /// Commits behind the durable end.
    public var lag: UInt64 = 0
    /// Bytes of log that only wait for readers at its position; 0 when it must rebuild.
    public var retainedBytes: UInt64 = 0
  }

  private struct State {
    var consumers: [String: Consumer] = [:]
    /// Everything up to here is released, or about to be.
    var released = LSN.zero
  }

  private let log: any CommitLog
  public let budgetBytes: UInt64
  private let state = Mutex(State())

  /// 4 GiB are 64 segments of the default size.
  public init(_ log: any CommitLog, budgetBytes: UInt64 = 4 << 30) {
    self.log = log
    self.budgetBytes = budgetBytes
  }

  /// Adds a consumer, or puts one back that was told to rebuild. False when it must rebuild: what
  /// comes after `position` is gone, or `position` is beyond the log.
  @discardableResult
  public func register(_ name: String, at position: LSN) -> Bool {
    state.withLock { state in
      let durable = log.durableLSN
      let isThere =
        position <= durable && position >= state.released
        && position.rawValue + 1 >= log.oldestLSN.rawValue
      state.consumers[name] = Consumer(name: name, position: position, mustRebuild: !isThere)
      return isThere
    }
  }

  /// The consumer holds everything up to `position`. False when it must rebuild or is not known.
  @discardableResult
  public func advance(_ name: String, to position: LSN) -> Bool {
    state.withLock { state in
      guard let consumer = state.consumers[name], !consumer.mustRebuild else { return false }
      state.consumers[name]?.position = max(consumer.position, position)
      return true
    }
  }

  public func remove(_ name: String) {
    state.withLock { _ = $0.consumers.removeValue(forKey: name) }
  }

  /// Lets go of what neither the checkpoint nor a healthy consumer needs. `checkpoint` is the older of
  /// the two that the store may be opened from. Returns who must rebuild from now on, by name.
  @discardableResult
  public func release(checkpoint: LSN) throws(LogError) -> [String] {
    let (floor, marked) = state.withLock { state in
      var floor = checkpoint
      var marked: [String] = []
      for (name, consumer) in state.consumers
      where !consumer.mustRebuild && consumer.position < checkpoint {
        if log.retainedBytes(from: consumer.position.next) > budgetBytes {
          state.consumers[name]?.mustRebuild = true
          marked.append(name)
        } else {
          floor = min(floor, consumer.position)
        }
      }
      state.released = max(state.released, floor)
      return (floor, marked.sorted())
    }
    // Not under the lock: this syncs folders, and nobody who advances waits for a disk.
    try log.release(below: floor.next)
    return marked
  }

  /// All consumers by name.
  public func report() -> [Consumer] {
    let durable = log.durableLSN
    return state.withLock { $0.consumers.values.sorted { $0.name < $1.name } }.map { consumer in
      var consumer = consumer
      guard consumer.position < durable else { return consumer }
      consumer.lag = durable.rawValue - consumer.position.rawValue
      if !consumer.mustRebuild {
        consumer.retainedBytes = log.retainedBytes(from: consumer.position.next)
      }
      return consumer
    }
  }
}
