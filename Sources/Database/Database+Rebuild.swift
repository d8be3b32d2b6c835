// Rebuilding a view beside the live one, and comparing one with the records.
//
//   hold the log at S  ->  a twin from the records at S  ->  the log behind S  ->  [writer: the rest, swap]
//                      ->  the twin's files in the place of the old ones
//
// Invariants
// 1. Until the swap readers and commits see the old view; what fails before leaves it as it was.
// 2. The swap happens between two groups, at one LSN: no snapshot shows anything in between.
// 3. The files of the view that is replaced are gone before the swap: a crash never brings it back.

import CommitLog
import RecordStore
import Views

public struct ViewProgress: Equatable, Sendable {
  public enum Step: Sendable {
    /// Rows of the records.
    case reading
    /// Commits that came meanwhile.
    case following
    /// The files.
    case writing
  }

  public var step: Step
  public var done: UInt64
  public var total: UInt64
}

public struct ViewRebuild: Sendable {
  public var name: String
  /// The commit at which the twin took the view's place.
  public var lsn: LSN
  /// Rows that it was made from.
  public var rows: UInt64
  /// Commits that it took from the log behind them.
  public var commits: UInt64
  public var digest: Digest
  /// Of the view that it replaced, at the same commit: another one was wrong.
  public var replacedDigest: Digest
  /// Why its files are not written yet; it is tried again.
  public var failure: String?
}

public struct ViewVerification: Sendable {
  public var name: String
  public var lsn: LSN
  public var rows: UInt64
  public var digest: Digest
  /// Of a view made from the records of the same snapshot.
  public var expected: Digest
  public var isSound: Bool { digest == expected }
}

extension Database {
  /// Names of the views, as `rebuildView` and `verifyView` take them.
  public var viewNames: [String] { views.names }

  /// Makes the view `name` anew from the records, beside the live one, and puts it in its place. Readers
  /// and writers go on meanwhile; it needs the memory of a second view. Blocks the calling thread, which
  /// may be neither an event loop nor one of the database's: this is what `souk engine rebuild` calls, and
  /// what a job for reindexing should call.
  ///
  /// `progress` is called on the calling thread, every some hundred rows or commits and at each step.
  ///
  /// Errors: `refused` when there is no such view or it is being rebuilt already; `closed` when the database
  /// is closed meanwhile; `store(.snapshotExpired)` and `log(.released)` when it took longer than the
  /// budgets allow. Then the live view is as it was.
  public func rebuildView(
    _ name: String, progress: (ViewProgress) -> Void = { _ in }
  ) throws(DatabaseError) -> ViewRebuild {
    let index = try viewIndex(name)
    try beginRebuild(name)
    defer { keeper.signal { $0.rebuilding = nil } }
    let consumer = "rebuild of \(name)"
    defer { retention.remove(consumer) }
    let twin = views[index].view.makeEmpty()
    let rows = try fill(twin, consumer, progress)
    let start = twin.appliedLSN
    do {
      try follow(twin, consumer, progress)
    } catch {
      throw DatabaseError(error)
    }
    progress(ViewProgress(step: .writing, done: 0, total: 1))
    var swapped: Result<(old: any ViewSnapshot, new: any ViewSnapshot), DatabaseError> =
      .failure(.closed)
    whileKeeping {
      let keepsFiles = views[index].keepsFiles
      // What cannot be cleared now is cleared before the twin is written; the slot says so.
      if keepsFiles { try? clearFiles(index) }
      swapped = swap(index, twin, start)
      if case .success = swapped, keepsFiles, twin.appliedLSN > .zero { flush(index) }
    }
    let (old, new) = try swapped.get()
    progress(ViewProgress(step: .writing, done: 1, total: 1))
    return ViewRebuild(
      name: name, lsn: new.lsn, rows: rows, commits: new.lsn.rawValue - start.rawValue,
      digest: new.digest, replacedDigest: old.digest, failure: views[index].failure)
  }

  private func viewIndex(_ name: String) throws(DatabaseError) -> Int {
    guard let index = views.index(of: name) else {
      let names = views.names
      throw .refused(
        "there is no view named \(name); "
          + (names.isEmpty ? "there is none at all" : "there is \(names.joined(separator: ", "))"))
    }
    return index
  }

  private func beginRebuild(_ name: String) throws(DatabaseError) {
    let refusal = keeper.withLock { state -> DatabaseError? in
      if state.isStopping { return .closed }
      if let other = state.rebuilding {
        return .refused("view \(other) is being rebuilt; try again when that is done")
      }
      state.rebuilding = name
      return nil
    }
    if let refusal { throw refusal }
  }

  private var isClosing: Bool { keeper.withLock { $0.isStopping } }

  /// The twin at S, with the log held from there on.
  private func fill(
    _ twin: any View, _ consumer: String, _ progress: (ViewProgress) -> Void
  ) throws(DatabaseError) -> UInt64 {
    // On the writer's thread the log still has what follows the newest snapshot.
    let snapshot = try onWriter { [self] () throws(StoreError) -> DatabaseSnapshot in
      let snapshot = self.snapshot()
      retention.register(consumer, at: snapshot.lsn)
      return snapshot
    }
    let total = rows(of: twin, in: snapshot)
    progress(ViewProgress(step: .reading, done: 0, total: total))
    try rebuild(twin, from: snapshot.records, at: snapshot.lsn) { rows throws(DatabaseError) in
      if isClosing { throw .closed }
      progress(ViewProgress(step: .reading, done: rows, total: total))
    }
    return total
  }

  private func rows(of view: any View, in snapshot: DatabaseSnapshot) -> UInt64 {
    view.tables.reduce(0) { $0 + snapshot.records.entryCount(tree: $1 << 8) }
  }

  /// Commits that are left for the swap, while which the writer waits.
  private static let swapCommits: UInt64 = 256
  /// When so many rounds in a row bring the twin no nearer, the swap takes all that is left.
  private static let roundsWithoutGain = 8

  private func follow(
    _ twin: any View, _ consumer: String, _ progress: (ViewProgress) -> Void
  ) throws {
    let start = twin.appliedLSN
    var follower = LogFollower(log, after: start)
    var (least, lost) = (UInt64.max, 0)
    while true {
      let durable = log.durableLSN.rawValue
      let left = durable - follower.position.rawValue
      progress(
        ViewProgress(
          step: .following, done: follower.position.rawValue - start.rawValue,
          total: durable - start.rawValue))
      lost = left < least ? 0 : lost + 1
      least = min(least, left)
      if left <= Self.swapCommits || lost >= Self.roundsWithoutGain { return }
      if isClosing { throw DatabaseError.closed }
      try follower.take(atMost: 1024) { twin.apply($0) }
      retention.advance(consumer, to: follower.position)
    }
  }

  private func swap(
    _ index: Int, _ twin: any View, _ start: LSN
  ) -> Result<(old: any ViewSnapshot, new: any ViewSnapshot), DatabaseError> {
    let result = Monitor<Result<(old: any ViewSnapshot, new: any ViewSnapshot), DatabaseError>>(
      .failure(.closed))
    runOnWriter { [self] in
      result.withLock { state in
        do {
          // Nothing is on its way to the log: its end is what readers see.
          var follower = LogFollower(log, after: twin.appliedLSN)
          try follower.take { twin.apply($0) }
          let (old, new) = (views[index].view.snapshot(), twin.snapshot())
          guard new.lsn == visibleLSN else { throw ViewFlaw.gap(before: visibleLSN.next) }
          views.update(index) {
            $0.view = twin
            $0.origin = .rebuilt(lsn: start, reason: "it was asked for")
          }
          show(new, at: index)
          state = .success((old, new))
        } catch {
          state = .failure(DatabaseError(error))
        }
      }
    }
    return result.withLock { $0 }
  }

  /// The published snapshot with another state of one view.
  private func show(_ state: any ViewSnapshot, at index: Int) {
    var replaced: DatabaseSnapshot?
    published.withLock { published in
      replaced = published.snapshot
      published.snapshot = published.snapshot.replacingView(at: index, by: state)
    }
    // Let go after the lock, not under it.
    _ = consume replaced
  }

  /// Compares a view with one that is made from the records of the same snapshot. Readers and writers go
  /// on meanwhile; it needs the memory of a second view. Errors as of `rebuildView`.
  public func verifyView(
    _ name: String, progress: (ViewProgress) -> Void = { _ in }
  ) throws(DatabaseError) -> ViewVerification {
    try verify(views[try viewIndex(name)].view, in: snapshot(), progress)
  }

  func verify(
    _ view: any View, in snapshot: DatabaseSnapshot, _ progress: (ViewProgress) -> Void = { _ in }
  ) throws(DatabaseError) -> ViewVerification {
    guard let index = views.index(of: view.name) else { throw .closed }
    let total = rows(of: view, in: snapshot)
    let twin = view.makeEmpty()
    progress(ViewProgress(step: .reading, done: 0, total: total))
    try rebuild(twin, from: snapshot.records, at: snapshot.lsn) { rows throws(DatabaseError) in
      if isClosing { throw .closed }
      progress(ViewProgress(step: .reading, done: rows, total: total))
    }
    return ViewVerification(
      name: view.name, lsn: snapshot.lsn, rows: total, digest: snapshot.views[index].digest,
      expected: twin.snapshot().digest)
  }
}
