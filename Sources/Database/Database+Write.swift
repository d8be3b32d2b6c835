// The writer: takes what is queued, runs each transaction against the working state, appends the
// group as one frame, makes it durable with one sync, shows it to readers, answers everybody.
// There is no timer: while one sync runs the queue fills, and that is the next group.

import Bytes
import CommitLog
import RecordStore
import Views

struct WriteQueue {
  var jobs: [WriteJob] = []
  var isClosed = false
  /// Set by invariant 4: nothing is answered any more.
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
  case control(@Sendable () -> Void)
}

/// The writer's own variables. Only the thread that runs `step` touches them.
final class WriterState: @unchecked Sendable {
  var lsn: LSN
  var time: Timestamp

  init(lsn: LSN, time: Timestamp) {
    self.lsn = lsn
    self.time = time
  }
}

extension Database {
  /// Queues a transaction. `body` runs on the writer, alone; it must be short, do no I/O, and be
  /// deterministic but for the time and identifiers that the transaction gives it. What it throws
  /// drops all it did. `completion` is called on the writer's thread when the commit is durable and
  /// visible, or has failed.
  public func write<Value: Sendable>(
    requestID: UUIDv7 = .zero,
    _ body: @escaping @Sendable (Transaction) throws -> Value,
    completion: @escaping @Sendable (Result<Committed<Value>, any Error>) -> Void
  ) {
    let slot = ValueSlot<Value>()
    let job = WriteJob.transaction(
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
    if let refusal = enqueue(job) { completion(.failure(refusal)) }
  }

  public func write<Value: Sendable>(
    requestID: UUIDv7 = .zero, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws -> Committed<Value> {
    try await withUnsafeThrowingContinuation { continuation in
      write(requestID: requestID, body) { continuation.resume(with: $0) }
    }
  }

  /// Queues a transaction and waits for it. Never call it on an event loop.
  public func writeBlocking<Value: Sendable>(
    requestID: UUIDv7 = .zero, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) throws -> Committed<Value> {
    let answer = Monitor<Result<Committed<Value>, any Error>?>(nil)
    write(requestID: requestID, body) { result in answer.signal { $0 = result } }
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

  /// Runs the writer until the queue is closed and empty.
  func runWriter() {
    while true {
      let goesOn = queue.wait { queue -> Bool? in
        if queue.hasFailed { return false }
        if !queue.jobs.isEmpty { return true }
        return queue.isClosed ? false : nil
      }
      guard goesOn else { return }
      _ = step()
    }
  }

  /// Runs one group. Returns false when nothing was queued.
  @discardableResult
  public func step() -> Bool {
    let limit = configuration.limits.groupTransactions
    let jobs = queue.withLock { queue -> [WriteJob] in
      guard !queue.hasFailed else { return [] }
      if queue.jobs.count <= limit {
        defer { queue.jobs = [] }
        return queue.jobs
      }
      let taken = Array(queue.jobs[..<limit])
      queue.jobs.removeFirst(limit)
      return taken
    }
    guard !jobs.isEmpty else { return false }
    var group = Group()
    for job in jobs {
      switch job {
      case .transaction(let requestID, let run, let finish):
        execute(requestID: requestID, run: run, finish: finish, in: &group)
        if group.bytes >= configuration.limits.groupBytes {
          guard commit(&group) else { return true }
        }
      case .control(let body):
        guard commit(&group) else { return true }
        body()
      }
    }
    _ = commit(&group)
    return true
  }

  /// Transactions that ran and are not durable yet.
  struct Group {
    var entries: [LogEntry] = []
    var answers: [(finish: @Sendable (WriteOutcome) -> Void, outcome: WriteOutcome)] = []
    var bytes = 0
  }

  private func execute(
    requestID: UUIDv7, run: (Transaction) throws -> Void,
    finish: @escaping @Sendable (WriteOutcome) -> Void, in group: inout Group
  ) {
    // The clock may step back; the log's time never does.
    let time = max(configuration.now(), writer.time)
    do {
      let transaction = store.beginTransaction(time: time, random: configuration.random)
      try run(transaction)
      let operations = try store.commit(transaction)
      if operations.isEmpty {
        group.answers.append((finish, .committed(writer.lsn, time)))
        return
      }
      writer.lsn = writer.lsn.next
      writer.time = time
      for operation in operations { group.bytes += operation.byteCount }
      group.entries.append(
        LogEntry(lsn: writer.lsn, time: time, requestID: requestID, operations: operations))
      group.answers.append((finish, .committed(writer.lsn, time)))
    } catch {
      // Answered with the group: the refusal may rest on what an earlier member of it wrote.
      group.answers.append((finish, .failed(error)))
    }
  }

  /// Makes the group durable and visible, then answers. False when the log has failed.
  private func commit(_ group: inout Group) -> Bool {
    if !group.entries.isEmpty {
      do {
        try log.append(group.entries)
        try store.publish(lsn: writer.lsn)
      } catch {
        fail(group, because: error)
        return false
      }
      publish(group.entries)
    }
    let answers = group.answers
    group = Group()
    for answer in answers { answer.finish(answer.outcome) }
    return true
  }

  private func publish(_ entries: [LogEntry]) {
    for view in configuration.views {
      for entry in entries { view.apply(entry) }
    }
    let lsn = writer.lsn
    let snapshot = DatabaseSnapshot(
      lsn: lsn, records: store.snapshot(purpose: "published"),
      views: configuration.views.map { $0.snapshot() })
    // The snapshot that this one replaces is let go after the lock, not under it.
    var replaced: DatabaseSnapshot?
    let ready = published.withLock { state -> [@Sendable () -> Void] in
      replaced = state.snapshot
      state.snapshot = snapshot
      guard !state.waiters.isEmpty else { return [] }
      let ready = state.waiters.filter { $0.lsn <= lsn }.map(\.body)
      state.waiters.removeAll { $0.lsn <= lsn }
      return ready
    }
    _ = consume replaced
    for body in ready { body() }
  }

  private func fail(_ group: Group, because error: any Error) {
    let waiting = queue.signal { queue -> [WriteJob] in
      queue.hasFailed = true
      defer { queue.jobs = [] }
      return queue.jobs
    }
    configuration.onFatal(
      #"{"level":"fatal","event":"log-failed","error":"\#(error)","exit":74}"#)
    // Only a simulation comes this far.
    for answer in group.answers { answer.finish(.failed(DatabaseError.outcomeUnknown)) }
    for case .transaction(_, _, let finish) in waiting {
      finish(.failed(DatabaseError.outcomeUnknown))
    }
  }
}

extension Operation {
  /// Roughly the bytes it takes in a frame.
  var byteCount: Int {
    switch self {
    case .put(_, let key, let value, let before):
      16 + key.count + value.count + (before?.count ?? 0)
    case .delete(_, let key, let before): 16 + key.count + (before?.count ?? 0)
    case .event(_, let payload): 16 + payload.count
    }
  }
}

/// Carries a transaction's value from the writer's `run` to its `finish`, both on one thread.
private final class ValueSlot<Value: Sendable>: @unchecked Sendable {
  var value: Value?
}
