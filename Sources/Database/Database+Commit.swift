// The committer: makes sealed groups durable, one at a time and in order, shows each to readers in
// all engines at once, and answers everybody who is in it.
//
// Invariants
// 1. At most one group is being appended: so the log never has more than one write in flight.
// 2. A group is shown after its frame is durable, and answered after it is shown.
// 3. Locks in the order in which they may be taken: queue, commits.

import Bytes
import CommitLog
import RecordStore
import Views

enum GroupSeal {
  case done(SealedGroup)
  /// What of it can fail is done; the rest is done while the log is being written. Only when the committer
  /// is the writer.
  case begun(LSN)
}

/// A group that the store has finished: what is left is the log and the answers.
struct CommitGroup {
  var entries: [LogEntry]
  var answers: [(finish: @Sendable (WriteOutcome) -> Void, outcome: WriteOutcome)]
  /// Nil when none of its transactions has written anything.
  var sealed: GroupSeal?
  var bytes: Int
}

struct CommitQueue {
  /// Sealed groups in order; with threads at most one.
  var waiting: [CommitGroup] = []
  var isBusy = false
  var isClosed = false
  /// Frame bytes of all that is waiting or being appended.
  var bytes = 0

  var count: Int { waiting.count + (isBusy ? 1 : 0) }
}

extension Database {
  /// Groups that are sealed and not answered yet.
  var inFlight: Int { commits.withLock { $0.count } }
  var inFlightBytes: Int { commits.withLock { $0.bytes } }

  // MARK: The writer's side

  /// Seals the group and leaves it to the committer; waits while that has one waiting already.
  func handOver(_ group: inout OpenGroup) {
    guard let sealed = seal(&group, whole: true) else { return }
    if configuration.runsThreads {
      commits.wait { commits in commits.waiting.isEmpty ? true : nil }
    }
    commits.signal { commits in
      commits.bytes += sealed.bytes
      commits.waiting.append(sealed)
    }
    reclaim()
  }

  /// Commits the group on this thread, after all that is on its way.
  func commit(_ group: inout OpenGroup) {
    let sealed = seal(&group, whole: false)
    drain()
    if let sealed { finish(sealed) }
    checkpointIfWorthwhile()
  }

  /// Waits until nothing is on its way to the log.
  func drain() {
    guard configuration.runsThreads else {
      while stepCommit() {}
      return
    }
    commits.wait { commits in commits.count == 0 ? true : nil }
  }

  private func reclaim() {
    takeBackPages()
    checkpointIfWorthwhile()
  }

  private func checkpointIfWorthwhile() {
    guard isCheckpointWorthwhile else { return }
    // What is frozen is what readers see: so everything must be shown first.
    drain()
    takeBackPages()
    if !hasFailed { freezeAfterTheLast() }
  }

  private func takeBackPages() {
    do {
      try store.reclaim()
    } catch {
      stop(because: error)
    }
  }

  /// Ends the group in the store. What cannot be sealed (a page of the catalog cannot be read) is
  /// rolled back and refused; nothing of it has reached the log.
  private func seal(_ group: inout OpenGroup, whole: Bool) -> CommitGroup? {
    guard !group.isEmpty else { return nil }
    defer { group = OpenGroup() }
    if hasFailed {
      abandon(&group)
      return nil
    }
    guard let first = group.entries.first else {
      return CommitGroup(entries: [], answers: group.answers, sealed: nil, bytes: 0)
    }
    do throws(StoreError) {
      let sealed: GroupSeal
      if whole {
        sealed = .done(try store.seal(lsn: writer.lsn))
      } else {
        try store.beginSeal()
        sealed = .begun(writer.lsn)
      }
      return CommitGroup(
        entries: group.entries, answers: group.answers, sealed: sealed, bytes: group.bytes)
    } catch {
      if store.isLost { stop(because: error) }
      store.rollBackGroup()
      writer.lsn = LSN(first.lsn.rawValue - 1)
      return CommitGroup(
        entries: [], answers: group.answers.map { ($0.finish, .failed(error)) }, sealed: nil,
        bytes: 0)
    }
  }

  // MARK: The committer's side

  /// Commits what is handed over until the queue is closed and empty.
  func runCommitter() {
    while true {
      let next = commits.wait { commits -> CommitGroup?? in
        guard let group = commits.takeFirst() else { return commits.isClosed ? .some(nil) : nil }
        return group
      }
      guard let group = next else { return }
      // The writer may be waiting to leave the next one.
      commits.signal { _ in }
      finish(group)
      end(group)
      // The writer may be waiting for this with an open group.
      queue.signal { _ in }
    }
  }

  /// Commits the oldest group that `stepExecute` left; false when there is none. For simulation.
  @discardableResult
  public func stepCommit() -> Bool {
    guard let group = commits.withLock({ $0.takeFirst() }) else { return false }
    finish(group)
    end(group)
    return true
  }

  private func end(_ group: CommitGroup) {
    commits.signal { commits in
      commits.isBusy = false
      commits.bytes -= group.bytes
    }
  }

  /// Makes the group durable and visible, then answers. From the append on there is no way back: an
  /// error is fatal, and the next opening finds the group in the log or does not.
  private func finish(_ group: CommitGroup) {
    if hasFailed { return refuse(group) }
    if let seal = group.sealed {
      let sealed: SealedGroup
      do {
        sealed = try append(group.entries, seal)
      } catch {
        stop(because: error)
        return refuse(group)
      }
      store.show(sealed)
      publish(group.entries, lsn: sealed.lsn)
      views.publishedBytes.add(UInt64(group.bytes), ordering: .relaxed)
    }
    for answer in group.answers { answer.finish(answer.outcome) }
  }

  private func append(_ entries: [LogEntry], _ seal: GroupSeal) throws -> SealedGroup {
    switch seal {
    case .done(let sealed):
      try log.append(entries)
      return sealed
    case .begun(let lsn):
      var result = Result<SealedGroup, StoreError>.failure(.disk("the group was not sealed"))
      try log.append(entries) { [self] in
        do throws(StoreError) {
          result = .success(try store.seal(lsn: lsn))
        } catch {
          result = .failure(error)
        }
        // Those that the groups before this one have let go of.
        takeBackPages()
      }
      return try result.get()
    }
  }

  private func refuse(_ group: CommitGroup) {
    for answer in group.answers { answer.finish(.failed(DatabaseError.outcomeUnknown)) }
  }

  private func publish(_ entries: [LogEntry], lsn: LSN) {
    let views = views.all
    for view in views {
      for entry in entries { view.apply(entry) }
    }
    let snapshot = DatabaseSnapshot(
      lsn: lsn, records: store.snapshot(purpose: "published"),
      views: views.map { $0.snapshot() })
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

  /// Invariant 4 of the database: says why, once, and answers nothing that was not answered before.
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
    // Whoever waits for the committer looks again.
    commits.signal { _ in }
  }
}

extension CommitQueue {
  fileprivate mutating func takeFirst() -> CommitGroup? {
    guard !waiting.isEmpty else { return nil }
    isBusy = true
    return waiting.removeFirst()
  }
}
