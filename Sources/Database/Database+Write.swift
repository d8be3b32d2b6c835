// Writing: how a transaction gets to the writer and its answer back. The writer itself is in
// Database+Writer.swift, what makes its groups durable in Database+Commit.swift.
//
// Invariant: whoever runs transactions has set `WriteQueue.isTaken`, so there is one at a time: the
// writer's thread, or a caller of `writeBlocking` that found nobody at work.

import Bytes
import CommitLog
import RecordStore

struct WriteQueue {
  var jobs: [WriteJob] = []
  /// Somebody runs transactions.
  var isTaken = false
  var isClosed = false
  /// Set by invariant 4 of the database: nothing is answered any more.
  var hasFailed = false
}

enum WriteOutcome {
  case committed(LSN, Timestamp)
  case failed(any Error)
}

/// A queued write, or a piece of care that must run between groups.
enum WriteJob: Sendable {
  case transaction(
    requestID: UUIDv7, run: @Sendable (Transaction) throws -> Void,
    finish: @Sendable (WriteOutcome) -> Void)
  case control(run: @Sendable () -> Void, abandon: @Sendable () -> Void)

  /// Answers a job that will not be run.
  func refuse(_ error: DatabaseError) {
    switch self {
    case .transaction(_, _, let finish): finish(.failed(error))
    case .control(_, let abandon): abandon()
    }
  }
}

extension Database {
  /// Queues a transaction. `body` runs on the writer, alone; it must be short, do no I/O, and be
  /// deterministic but for the time and identifiers that the transaction gives it. What it throws
  /// drops all it did. `completion` is called on a thread of the database when the commit is durable
  /// and visible, or has failed; it must not wait for another write.
  public func write<Value: Sendable>(
    requestID: UUIDv7 = .zero,
    _ body: @escaping @Sendable (Transaction) throws -> Value,
    completion: @escaping @Sendable (Result<Committed<Value>, any Error>) -> Void
  ) {
    let job = Self.job(requestID: requestID, body, completion: completion)
    if let refusal = enqueue(job) { completion(.failure(refusal)) }
  }

  private static func job<Value: Sendable>(
    requestID: UUIDv7, _ body: @escaping @Sendable (Transaction) throws -> Value,
    completion: @escaping @Sendable (Result<Committed<Value>, any Error>) -> Void
  ) -> WriteJob {
    let slot = ValueSlot<Value>()
    return .transaction(
      requestID: requestID,
      run: { transaction in slot.value = try body(transaction) },
      finish: { outcome in
        switch outcome {
        case .failed(let error): completion(.failure(error))
        case .committed(let lsn, let time):
          guard let value = slot.value else {
            return completion(.failure(DatabaseError.closed))
          }
          completion(.success(Committed(lsn: lsn, time: time, value: value)))
        }
      })
  }

  public func write<Value: Sendable>(
    requestID: UUIDv7 = .zero, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws -> Committed<Value> {
    try await withUnsafeThrowingContinuation { continuation in
      write(requestID: requestID, body) { continuation.resume(with: $0) }
    }
  }

  /// Queues a transaction and waits for it. Never call it on an event loop. When nobody is at work
  /// the caller does the writer's work itself, which spares it two changes of thread.
  public func writeBlocking<Value: Sendable>(
    requestID: UUIDv7 = .zero, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) throws -> Committed<Value> {
    let answer = Monitor<Result<Committed<Value>, any Error>?>(nil)
    let job = Self.job(requestID: requestID, body) { result in answer.signal { $0 = result } }
    if takeWriter() {
      runAlone(job)
    } else if let refusal = enqueue(job) {
      throw refusal
    }
    if !configuration.runsThreads { while step() {} }
    return try answer.wait { $0 }.get()
  }

  func enqueue(_ job: WriteJob) -> DatabaseError? {
    queue.signal { queue in
      if queue.hasFailed { return .outcomeUnknown }
      if queue.isClosed { return .closed }
      if queue.jobs.count >= configuration.limits.queuedWrites, case .transaction = job {
        return .overloaded
      }
      queue.jobs.append(job)
      return nil
    }
  }
}

/// Carries a transaction's value from the writer's `run` to its `finish`; the hand-over of the group
/// from one thread to the other orders the two accesses.
private final class ValueSlot<Value: Sendable>: @unchecked Sendable {
  var value: Value?
}
