// The writer: takes what is queued, runs each transaction against the working state, and hands the
// group on to be made durable. While one group is being synced the next one executes; what arrives
// meanwhile joins it. There is no timer.
//
//   queue -> execute ... -> seal -> [committer: append, sync, show, answer]
//
// Invariants
// 1. Groups are committed in the order in which they were sealed, so answers come in that order too:
//    also a refusal waits for what it rests on.
// 2. What a transaction reads is the working state: all groups before it, durable or not. Should one
//    of them not become durable, the process stops before anything is answered.
// 3. Before an entry is applied, the log has space for it and for all that is on its way there.

import Bytes
import CommitLog
import RecordStore

/// The writer's own variables. Only whoever has `WriteQueue.isTaken` touches them.
final class WriterState: @unchecked Sendable {
  var lsn: LSN
  var time: Timestamp

  init(lsn: LSN, time: Timestamp) {
    self.lsn = lsn
    self.time = time
  }
}

/// Transactions that ran and are not sealed yet.
struct OpenGroup {
  var entries: [LogEntry] = []
  var answers: [(finish: @Sendable (WriteOutcome) -> Void, outcome: WriteOutcome)] = []
  /// At least the size of its frame.
  var bytes = LogEntry.frameBytesMost

  var isEmpty: Bool { answers.isEmpty }
}

extension Database {
  /// Runs the writer until the queue is closed and empty.
  func runWriter() {
    var group = OpenGroup()
    while let jobs = nextJobs(for: group) {
      run(jobs, &group)
      // Alone and with nobody waiting: another thread would only cost the way there and back.
      if inFlight == 0, group.entries.count <= 1, isQueueEmpty {
        commit(&group)
      } else if inFlight == 0 || isFull(group) {
        handOver(&group)
      }
      if group.isEmpty { queue.signal { $0.isTaken = false } }
    }
    abandon(&group)
  }

  /// Waits for something to do; nil when the writer is to end. An open group is this thread's until
  /// it is handed over; an empty answer asks for that.
  private func nextJobs(for group: OpenGroup) -> [WriteJob]? {
    queue.wait { queue -> [WriteJob]?? in
      if queue.hasFailed { return .some(nil) }
      guard group.isEmpty else {
        if !queue.jobs.isEmpty { return takeJobs(&queue) }
        return inFlight == 0 ? [] : nil
      }
      if queue.isTaken { return nil }
      if queue.jobs.isEmpty { return queue.isClosed ? .some(nil) : nil }
      queue.isTaken = true
      return takeJobs(&queue)
    }
  }

  private func takeJobs(_ queue: inout WriteQueue) -> [WriteJob] {
    let limit = configuration.limits.groupTransactions
    guard queue.jobs.count > limit else {
      defer { queue.jobs = [] }
      return queue.jobs
    }
    defer { queue.jobs.removeFirst(limit) }
    return Array(queue.jobs[..<limit])
  }

  /// Whether the caller is the writer now, until it calls `runAlone`.
  func takeWriter() -> Bool {
    guard configuration.runsThreads else { return false }
    return queue.withLock { queue in
      guard !queue.isTaken, queue.jobs.isEmpty, inFlight == 0, !queue.hasFailed, !queue.isClosed
      else { return false }
      queue.isTaken = true
      return true
    }
  }

  func runAlone(_ job: WriteJob) {
    var group = OpenGroup()
    run([job], &group)
    commit(&group)
    // The writer's thread sleeps on, unless something has arrived for it.
    queue.signalIfNeeded { queue in
      queue.isTaken = false
      return !queue.jobs.isEmpty || queue.isClosed
    }
  }

  /// Runs all that is queued as one group, and commits it. For an owner without threads. Returns
  /// false when nothing was queued.
  @discardableResult
  public func step() -> Bool {
    let hasExecuted = stepExecute()
    while stepCommit() {}
    return hasExecuted
  }

  /// Runs all that is queued as one group and leaves it to `stepCommit`, as the writer does while an
  /// earlier group is being synced. For simulation.
  @discardableResult
  public func stepExecute() -> Bool {
    let jobs = queue.withLock { queue in queue.hasFailed ? [] : takeJobs(&queue) }
    guard !jobs.isEmpty else { return false }
    var group = OpenGroup()
    run(jobs, &group)
    handOver(&group)
    return true
  }

  private var isQueueEmpty: Bool { queue.withLock { $0.jobs.isEmpty } }
  var hasFailed: Bool { queue.withLock { $0.hasFailed } }

  private func isFull(_ group: OpenGroup) -> Bool {
    group.answers.count >= configuration.limits.groupTransactions
      || group.bytes >= configuration.limits.groupBytes || store.isGroupLarge
  }

  private func run(_ jobs: [WriteJob], _ group: inout OpenGroup) {
    for (index, job) in jobs.enumerated() {
      switch job {
      case .transaction(let requestID, let run, let finish):
        execute(requestID: requestID, run: run, finish: finish, in: &group)
        if group.bytes >= configuration.limits.groupBytes || store.isGroupLarge {
          handOver(&group)
        }
      case .control(let run, _):
        commit(&group)
        if !hasFailed { run() }
      }
      if hasFailed {
        abandon(&group)
        if case .control = job { job.refuse(.outcomeUnknown) }
        for job in jobs[(index + 1)...] { job.refuse(.outcomeUnknown) }
        return
      }
    }
  }

  private func execute(
    requestID: UUIDv7, run: (Transaction) throws -> Void,
    finish: @escaping @Sendable (WriteOutcome) -> Void, in group: inout OpenGroup
  ) {
    // The clock may stand still or step back; no two commits share a time, so that identifiers made
    // of it are in the order of the commits.
    let time = max(configuration.now(), Timestamp(microseconds: writer.time.microseconds &+ 1))
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
      if case StoreError.readOnly(let reason) = error { enterReadOnly(reason) }
      // Answered with the group: the refusal may rest on what an earlier member of it wrote.
      group.answers.append((finish, .failed(error)))
      do {
        if store.isLost { throw error }
        try repair(group)
      } catch {
        stop(because: error)
        abandon(&group)
      }
    }
  }

  /// Sees to it that nothing but the disk can keep the log from taking an entry, before the entry is
  /// applied: it fits in a frame, with the group or after it, and the frame has its space.
  private func makeRoom(_ bytes: Int, _ group: inout OpenGroup) throws {
    let limit = log.frameBytesMost
    guard LogEntry.frameBytesMost + bytes <= limit else {
      throw StoreError.transactionTooLarge(bytes: bytes, limit: limit - LogEntry.frameBytesMost)
    }
    if group.bytes + bytes > limit {
      let last = writer.lsn
      handOver(&group)
      // The group could not be sealed, and is gone; this transaction may have read what it wrote.
      if writer.lsn != last { throw StoreError.disk("the commits before it could not be finished") }
    }
    // What is on its way and this frame share a segment at the worst, so that one spare is enough.
    if inFlightBytes + group.bytes + bytes > limit { drain() }
    if hasFailed { throw DatabaseError.outcomeUnknown }
    do {
      try log.ensureRoom(forFrame: inFlightBytes + group.bytes + bytes)
    } catch {
      throw error.kind == .noSpace ? StoreError.readOnly("\(error)") : StoreError.disk("\(error)")
    }
  }

  /// After a transaction failed half applied (a page of a tree could not be read) the group starts
  /// over without it. One bad page then refuses the writes that need it, and no others.
  private func repair(_ group: OpenGroup) throws(StoreError) {
    guard store.needsRollBack else { return }
    store.rollBackGroup()
    try store.replay(group.entries)
  }

  /// Answers a group that nothing more is to be done for.
  func abandon(_ group: inout OpenGroup) {
    for answer in group.answers { answer.finish(.failed(DatabaseError.outcomeUnknown)) }
    group = OpenGroup()
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
