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
  case control(run: @Sendable () -> Void, abandon: @Sendable () -> Void)

  /// Answers a job that will not be run.
  func refuse(_ error: DatabaseError) {
    switch self {
    case .transaction(_, _, let finish): finish(.failed(error))
    case .control(_, let abandon): abandon()
    }
  }
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
    for (index, job) in jobs.enumerated() {
      switch job {
      case .transaction(let requestID, let run, let finish):
        execute(requestID: requestID, run: run, finish: finish, in: &group)
        if group.bytes >= configuration.limits.groupBytes { commit(&group) }
      case .control(let run, _):
        commit(&group)
        if !hasFailed { run() }
      }
      if hasFailed {
        for answer in group.answers { answer.finish(.failed(DatabaseError.outcomeUnknown)) }
        if case .control = job { job.refuse(.outcomeUnknown) }
        for job in jobs[(index + 1)...] { job.refuse(.outcomeUnknown) }
        return true
      }
    }
    commit(&group)
    return true
  }

  private var hasFailed: Bool { queue.withLock { $0.hasFailed } }

  /// Transactions that ran and are not durable yet.
  struct Group {
    var entries: [LogEntry] = []
    var answers: [(finish: @Sendable (WriteOutcome) -> Void, outcome: WriteOutcome)] = []
    /// At least the size of its frame.
    var bytes = LogEntry.frameBytesMost
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
      let bytes = LogEntry.bytesMost(of: transaction.operations)
      guard bytes > 0 else {
        group.answers.append((finish, .committed(writer.lsn, time)))
        return
      }
      try makeRoom(bytes, &group)
      let operations = try store.commit(transaction)
      writer.lsn = writer.lsn.next
      writer.time = time
      group.bytes += bytes
      group.entries.append(
        LogEntry(lsn: writer.lsn, time: time, requestID: requestID, operations: operations))
      group.answers.append((finish, .committed(writer.lsn, time)))
    } catch {
      if hasFailed { return finish(.failed(DatabaseError.outcomeUnknown)) }
      // Answered with the group: the refusal may rest on what an earlier member of it wrote.
      group.answers.append((finish, .failed(error)))
      do {
        if store.isLost { throw error }
        try repair(group)
      } catch {
        fail(group, because: error)
        group = Group()
      }
    }
  }

  /// Sees to it that nothing but the disk can keep the log from taking an entry, before the entry is
  /// applied: it fits in a frame, with the group or after it, and the frame has its space.
  private func makeRoom(_ bytes: Int, _ group: inout Group) throws {
    let limit = log.frameBytesMost
    guard LogEntry.frameBytesMost + bytes <= limit else {
      throw StoreError.transactionTooLarge(bytes: bytes, limit: limit - LogEntry.frameBytesMost)
    }
    if group.bytes + bytes > limit {
      commit(&group)
      if hasFailed { throw DatabaseError.outcomeUnknown }
    }
    do {
      try log.ensureRoom(forFrame: group.bytes + bytes)
    } catch {
      throw error.kind == .noSpace ? StoreError.readOnly("\(error)") : StoreError.disk("\(error)")
    }
  }

  /// After a transaction failed half applied (a page of a tree could not be read) the group starts
  /// over without it. One bad page then refuses the writes that need it, and no others.
  private func repair(_ group: Group) throws(StoreError) {
    guard store.needsRollBack else { return }
    store.rollBackGroup()
    for entry in group.entries { try store.replay(entry) }
  }

  /// Makes the group durable and visible, then answers. From the append on there is no way back: an
  /// error is fatal, and the next opening finds the group in the log or does not.
  private func commit(_ group: inout Group) {
    if !group.entries.isEmpty {
      do {
        try log.append(group.entries)
        try store.publish(lsn: writer.lsn)
      } catch {
        fail(group, because: error)
        group = Group()
        return
      }
      publish(group.entries)
    }
    let answers = group.answers
    group = Group()
    for answer in answers { answer.finish(answer.outcome) }
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
    stop(because: error)
    // Only a simulation comes this far.
    for answer in group.answers { answer.finish(.failed(DatabaseError.outcomeUnknown)) }
  }

  /// Invariant 4: says why, once, and answers nothing that was not answered before.
  func stop(because error: any Error) {
    let (waiting, isFirst) = queue.signal { queue -> ([WriteJob], Bool) in
      defer {
        queue.hasFailed = true
        queue.jobs = []
      }
      return (queue.jobs, !queue.hasFailed)
    }
    if isFirst {
      configuration.onFatal(
        #"{"level":"fatal","event":"log-failed","error":"\#(error)","exit":74}"#)
    }
    for job in waiting { job.refuse(.outcomeUnknown) }
  }
}

extension LogEntry {
  /// At least what a frame takes besides its entries, and an entry besides its operations.
  static let frameBytesMost = 64
  private static let entryBytesMost = 48

  /// At least the bytes that an entry of these operations takes in a frame; 0 for none.
  static func bytesMost(of operations: [Operation]) -> Int {
    guard !operations.isEmpty else { return 0 }
    return operations.reduce(entryBytesMost) { $0 + $1.bytesMost }
  }
}

extension Operation {
  /// Kind and flag take a byte each, the table and three lengths at most five.
  fileprivate var bytesMost: Int {
    switch self {
    case .put(_, let key, let value, let before):
      24 + key.count + value.count + (before?.count ?? 0)
    case .delete(_, let key, let before): 24 + key.count + (before?.count ?? 0)
    case .event(_, let payload): 24 + payload.count
    }
  }
}

/// Carries a transaction's value from the writer's `run` to its `finish`, both on one thread.
private final class ValueSlot<Value: Sendable>: @unchecked Sendable {
  var value: Value?
}
