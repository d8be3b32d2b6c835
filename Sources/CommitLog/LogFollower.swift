// LogFollower: reads a log from a position on, for as long as its owner likes. It stands on the
// protocol alone, so that it follows any log.
//
// 1. It hands on durable entries only, each once, in order, without a gap.
// 2. When its next entry has been released it throws `LogError.released`: its owner rebuilds.

/// A place in a log, and what to do to get on from there. A value: one owner, as many as one likes.
public struct LogFollower: Sendable {
  private let log: any CommitLog
  /// The last entry that was taken.
  public private(set) var position: LSN

  public init(_ log: any CommitLog, after position: LSN) {
    self.log = log
    self.position = position
  }

  private struct Enough: Error {}

  /// Calls `body` with each durable entry behind the position, at most `limit`, and returns how many
  /// there were. The position moves with each entry that `body` has returned from; what `body` throws
  /// is thrown on, and its entry comes again.
  @discardableResult
  public mutating func take(
    atMost limit: Int = .max, _ body: (borrowing LogEntry) throws -> Void
  ) throws -> Int {
    guard limit > 0, log.durableLSN > position else { return 0 }
    var count = 0
    var last = position
    defer { position = last }
    do {
      try log.read(from: position.next) { entry in
        try body(entry)
        last = entry.lsn
        count += 1
        if count == limit { throw Enough() }
      }
    } catch is Enough {}
    return count
  }

  /// Calls `body` once as soon as there is more: with true, or with false when there will be nothing
  /// more, since the log was closed or has failed. See `CommitLog.whenDurable`.
  public func whenMore(_ body: @escaping @Sendable (Bool) -> Void) {
    let next = position.rawValue.addingReportingOverflow(1)
    log.whenDurable(next.overflow ? position : LSN(next.partialValue), body)
  }

  /// Waits for more; false when there will be nothing more.
  public func waitForMore() async -> Bool {
    await withUnsafeContinuation { continuation in
      whenMore { continuation.resume(returning: $0) }
    }
  }
}
