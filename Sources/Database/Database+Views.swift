// The views' files: loading at an opening, writing in the background, and who is at them.
//
//   opening   load -> the log behind it        or: the records, when there is anything wrong with the files
//   at work   due? -> flush beside commits -> the log is let go up to there
//   closing   flush
//
// Invariants
// 1. What is wrong with a view's files never stops an opening and never changes an answer: the view is
//    made from the records, which is what its files were made from.
// 2. A view applies only commits that are durable, so its files are never ahead of the log. Files that are
//    (somebody exchanged the log, or a disk lied) are removed before a commit can be made that they do not
//    have.
// 3. One thread at a time merges, writes or clears files of views; none of that is on a commit's path.
// 4. A flush that fails is told, tried again later, and leaves no file behind that nobody names.

import Bytes
import CommitLog
import Disk
import RecordStore
import Views

struct KeeperState {
  var isStopping = false
  /// Somebody merges, writes or clears.
  var isBusy = false
  /// The view that is being rebuilt.
  var rebuilding: String?
}

extension Database {
  // MARK: Opening

  /// Brings every view to the recovered commit, and shows them.
  func openViews() throws(DatabaseError) {
    let records = store.snapshot(purpose: "opening of the views")
    for index in 0..<views.count { try openView(index, records) }
    let snapshot = DatabaseSnapshot(
      lsn: opening.recoveredLSN, records: store.snapshot(purpose: "published"),
      views: views.all.map { $0.snapshot() })
    published.withLock { $0.snapshot = snapshot }
  }

  private func openView(_ index: Int, _ records: Snapshot) throws(DatabaseError) {
    let (view, folder, lsn) = (views[index].view, views[index].folder, opening.recoveredLSN)
    let reason: String
    do {
      if let loaded = try load(index) {
        views.update(index) {
          $0.origin = .loaded(lsn: loaded)
          $0.flushedLSN = loaded
          $0.microsAtFlush = SystemClock.monotonicMicroseconds()
        }
        // Without its place in the log the files would lag for ever; the next flush puts them back.
        retention.register(views[index].consumer, at: loaded)
        return
      }
      reason = Self.flaw(of: folder)
      if reason != Self.noFiles { views.update(index) { $0.mustClear = true } }
    } catch {
      reason = "\(error)"
      views.update(index) { $0.mustClear = true }
      clearIfAhead(index, error)
    }
    if reason != Self.noFiles {
      notice("warn", "view-rebuilt", view.name, reason)
    }
    try rebuild(view, from: records, at: lsn)
    views.update(index) { $0.origin = .rebuilt(lsn: lsn, reason: reason) }
  }

  private static let noFiles = "it had no files"

  /// Files and then log; the position of the files. Nil when they cannot be loaded; throws when that or
  /// the log says why not.
  private func load(_ index: Int) throws -> LSN? {
    let view = views[index].view
    guard try view.load(from: views[index].folder, databaseID: databaseID) else { return nil }
    let (loaded, lsn) = (view.appliedLSN, opening.recoveredLSN)
    guard loaded <= lsn else { throw ViewFlaw.ahead(files: loaded, log: lsn) }
    try readLog(from: loaded.next, through: lsn) { entry in
      guard entry.lsn == view.appliedLSN.next else { throw ViewFlaw.gap(before: entry.lsn) }
      view.apply(entry)
    }
    guard view.appliedLSN == lsn else { throw ViewFlaw.gap(before: lsn.next) }
    return loaded
  }

  /// Invariant 2. A folder that cannot be cleared now is cleared before the next flush.
  private func clearIfAhead(_ index: Int, _ error: any Error) {
    guard case ViewFlaw.ahead = error, (try? views[index].folder.clear()) != nil else { return }
    views.update(index) { $0.mustClear = false }
  }

  /// Why a view did not load, as far as its manifest tells.
  private static func flaw(of folder: ViewFolder) -> String {
    do throws(ManifestError) {
      _ = try folder.standing()
      return "its files are damaged, of another database, or of another version or configuration"
    } catch {
      if case .missing = error { return noFiles }
      return "\(error)"
    }
  }

  /// Makes a view anew from the rows of a snapshot. `progress` is called now and then with the number of
  /// rows so far; what it throws ends it, and is thrown.
  func rebuild(
    _ view: any View, from records: Snapshot, at lsn: LSN,
    progress: (UInt64) throws(DatabaseError) -> Void = { _ in }
  ) throws(DatabaseError) {
    var rows: UInt64 = 0
    do {
      try view.rebuild(at: lsn) { body in
        for table in view.tables {
          var failure: DatabaseError?
          try records.scan(tree: table << 8, KeyRange(), reverse: false) { key, value in
            body(table, key, value)
            rows += 1
            guard rows % 256 == 0 else { return .next }
            do throws(DatabaseError) { try progress(rows) } catch { failure = error }
            return failure == nil ? .next : .stop
          }
          if let failure { throw failure }
        }
      }
    } catch let error as StoreError {
      throw .store(error)
    } catch let error as DatabaseError {
      throw error
    } catch {
      throw .view(name: view.name, reason: "\(error)")
    }
  }

  // MARK: At work

  /// How often the keeper looks whether there is something to do.
  private static let keeperMillis = 50
  /// How long it leaves a view alone whose flush has failed.
  private static let retryMicroseconds: Int64 = 10_000_000

  func runKeeper() {
    while keeper.wait(milliseconds: Self.keeperMillis, { $0.isStopping ? true : nil }) == nil {
      for index in 0..<views.count {
        whileKeeping {
          _ = views[index].view.maintain()
          if isFlushDue(index, SystemClock.monotonicMicroseconds()) { flush(index) }
        }
      }
    }
  }

  private func isFlushDue(_ index: Int, _ now: Int64) -> Bool {
    let slot = views[index]
    guard hasSomethingToFlush(slot), now >= slot.notBefore, readOnlyReason == nil else {
      return false
    }
    // What was rebuilt is written at once: so a kill does not cost another rebuild.
    guard let last = slot.microsAtFlush, slot.flushedLSN != nil else { return true }
    let bytes = views.publishedBytes.load(ordering: .relaxed) - slot.bytesAtFlush
    return bytes >= UInt64(configuration.limits.viewFlushLogBytes)
      || now - last >= Int64(configuration.limits.viewFlushSeconds) * 1_000_000
  }

  private func hasSomethingToFlush(_ slot: ViewSlot) -> Bool {
    let lsn = slot.view.appliedLSN
    return slot.keepsFiles && lsn > .zero && lsn != slot.flushedLSN
  }

  /// Writes what every view holds, beside commits. What fails is told by `viewReports` and a notice, and
  /// is tried again. The keeper's thread calls it when it is due; an owner without threads may.
  public func flushViews() {
    for index in 0..<views.count {
      whileKeeping { if hasSomethingToFlush(views[index]) { flush(index) } }
    }
  }

  /// Invariant 3.
  func whileKeeping(_ body: () -> Void) {
    keeper.wait { state -> Bool? in
      guard !state.isBusy else { return nil }
      state.isBusy = true
      return true
    }
    body()
    keeper.signal { $0.isBusy = false }
  }

  /// Inside `whileKeeping` only.
  func flush(_ index: Int) {
    let slot = views[index]
    let now = SystemClock.monotonicMicroseconds()
    let bytes = views.publishedBytes.load(ordering: .relaxed)
    do {
      try requireSpace()
      if slot.mustClear { try clearFiles(index) }
      // From here on the log is kept for it.
      if views[index].flushedLSN == nil {
        retention.register(slot.consumer, at: slot.view.appliedLSN)
      }
      guard let lsn = try slot.view.flush(to: slot.folder, databaseID: databaseID) else {
        retention.remove(slot.consumer)
        return views.update(index) { $0.keepsFiles = false }
      }
      if !retention.advance(slot.consumer, to: lsn) { retention.register(slot.consumer, at: lsn) }
      views.update(index) {
        $0.flushedLSN = lsn
        $0.failure = nil
        $0.bytesAtFlush = bytes
        $0.microsAtFlush = now
      }
    } catch {
      if views[index].flushedLSN == nil { retention.remove(slot.consumer) }
      try? slot.folder.discardUnnamed()
      views.update(index) {
        $0.failure = "\(error)"
        $0.notBefore = now + Self.retryMicroseconds
      }
      // Once until it succeeds, not every ten seconds.
      if slot.failure == nil {
        notice("warn", "view-not-written", slot.view.name, "\(error)")
      }
    }
  }

  /// After it no opening loads what was there. Inside `whileKeeping` only.
  func clearFiles(_ index: Int) throws(DiskError) {
    retention.remove(views[index].consumer)
    views.update(index) {
      $0.mustClear = true
      $0.flushedLSN = nil
    }
    try views[index].folder.clear()
    views.update(index) { $0.mustClear = false }
  }

  /// The last of a volume is for the log and the records: views can be made again.
  private func requireSpace() throws(DiskError) {
    let least = UInt64(configuration.segmentBytes) * 2
    guard try configuration.disk.freeBytes(configuration.path) >= least else {
      throw DiskError(.noSpace, call: "write", path: directory.viewsFolder)
    }
  }

  /// One line for an operator.
  func notice(_ level: String, _ event: String, _ view: String, _ reason: String) {
    var writer = JSONWriter()
    writer.string(reason)
    let text = String(decoding: writer.bytes, as: UTF8.self)
    configuration.onNotice(
      #"{"level":"\#(level)","event":"\#(event)","view":"\#(view)","reason":\#(text)}"#)
  }

  // MARK: Looking

  /// Reads every file that a view's manifest names. A view whose files are no use works, but takes longer
  /// to open, and something has harmed them.
  func viewFileProblems() -> [String] {
    var problems: [String] = []
    for index in 0..<views.count {
      whileKeeping {
        let slot = views[index]
        guard let flaw = slot.filesFlaw else { return }
        problems.append(
          "view \(slot.view.name) works, but its files are no use: \(flaw); "
            + "`souk engine rebuild \(slot.view.name)` writes them anew")
      }
    }
    return problems
  }

  /// Every view: where it stands, and what its files hold.
  public func viewReports() -> [ViewReport] {
    let snapshot = snapshot()
    let consumers = retention.report()
    return zip(views.slots.withLock { $0 }, snapshot.views).map { slot, state in
      let consumer = consumers.first { $0.name == slot.consumer }
      var report = ViewReport(
        name: slot.view.name, lsn: state.lsn, digest: state.digest, rows: 0, origin: slot.origin,
        keepsFiles: slot.keepsFiles, files: nil, lag: consumer?.lag ?? 0,
        retainedBytes: consumer?.retainedBytes ?? 0, failure: slot.failure,
        flaw: slot.unusedReason)
      for table in slot.view.tables {
        report.rows += snapshot.records.entryCount(tree: table << 8)
      }
      if slot.flushedLSN != nil, let manifest = try? slot.folder.standing() {
        report.files = ViewReport.Files(
          lsn: manifest.appliedLSN, count: manifest.files.count,
          bytes: manifest.files.reduce(0) { $0 &+ $1.bytes })
      }
      return report
    }
  }
}

/// Why a view's files do not do.
enum ViewFlaw: Error, CustomStringConvertible {
  case ahead(files: LSN, log: LSN)
  case gap(before: LSN)

  var description: String {
    switch self {
    case .ahead(let files, let log):
      "its files hold commit \(files), the log ends at commit \(log)"
    case .gap(let lsn): "the log has a gap before commit \(lsn)"
    }
  }
}
