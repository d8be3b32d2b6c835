// ViewContract: the promises of View.swift, asked of any view. It knows the view only by the protocol
// and a table of rows beside it, the model. To hold another engine to it: make `history` fit its rows.

import Bytes
import CommitLog
import Disk
import Views

struct ViewContract {
  struct Model {
    var rows: [[UInt8]: [UInt8]] = [:]
  }

  /// An empty view of the kind under test.
  var make: () -> any View
  /// Commits 1 to n, and the rows of the view's tables after each.
  var history: [(entry: LogEntry, after: Model)] = []
  var table: UInt32
  let databaseID = UUIDv7(high: 0x0190_0000_0000_7abc, low: 0x8000_0000_0000_0007)

  /// Random puts, deletes and events over few keys, so that most commits change a row again; some
  /// commits touch nothing of the view.
  init(table: UInt32, seed: UInt64, commits: Int, make: @escaping () -> any View) {
    self.make = make
    self.table = table
    var random = SplitMix64(seed: seed)
    var model = Model()
    for lsn in 1...UInt64(commits) {
      var operations: [Operation] = []
      for _ in 0..<random.next() % 4 {
        let key = [UInt8(random.next() % 40), 1]
        let before = model.rows[key]
        switch random.next() % 5 {
        case 0:
          operations.append(.event(stream: table, payload: key))
        case 1:
          operations.append(.put(table: table + 1, key: key, value: [9], before: nil))
        case 2 where before != nil:
          operations.append(.delete(table: table, key: key, before: before))
          model.rows[key] = nil
        default:
          let value = [UInt8(random.next() & 0xff), UInt8(random.next() & 3)]
          operations.append(.put(table: table, key: key, value: value, before: before))
          model.rows[key] = value
        }
      }
      let entry = LogEntry(
        lsn: LSN(lsn), time: Timestamp(microseconds: Int64(lsn)), operations: operations)
      history.append((entry, model))
    }
  }

  /// What a promise found broken; nil when it holds.
  typealias Breach = String

  func replayed(to count: Int) -> any View {
    let view = make()
    for step in history[..<count] { view.apply(step.entry) }
    return view
  }

  func rebuilt(at count: Int, seed: UInt64 = 0) throws -> any View {
    let view = make()
    try rebuild(view, at: count, seed: seed)
    return view
  }

  func rebuild(_ view: any View, at count: Int, seed: UInt64) throws {
    let model = count == 0 ? Model() : history[count - 1].after
    var random = SplitMix64(seed: seed)
    let rows = model.rows.shuffled(using: &random)
    try view.rebuild(at: LSN(UInt64(count))) { body in
      for (key, value) in rows { body(table, key.span.bytes, value.span.bytes) }
    }
  }

  private func difference(_ one: any View, _ other: any View, _ what: String) -> Breach? {
    let (left, right) = (one.snapshot(), other.snapshot())
    if left.lsn != right.lsn { return "\(what): LSN \(left.lsn) and \(right.lsn)" }
    if one.appliedLSN != left.lsn { return "\(what): a snapshot of another LSN" }
    if left.digest != right.digest { return "\(what): another digest at \(left.lsn)" }
    return nil
  }

  // MARK: The promises

  /// Invariant 4: rebuild == replay, whatever the order of the rows.
  func rebuildIsReplay() throws -> Breach? {
    for count in [0, 1, history.count / 3, history.count] {
      for seed in 0..<3 as Range<UInt64> {
        let view = try rebuilt(at: count, seed: seed)
        if let breach = difference(view, replayed(to: count), "rebuild at \(count)") {
          return breach
        }
      }
    }
    return nil
  }

  /// Invariant 4: rebuild first, then replay, also over a state that held something else.
  func mixturesAgree() throws -> Breach? {
    let view = replayed(to: history.count / 2)
    for count in stride(from: 0, to: history.count, by: max(1, history.count / 7)) {
      try rebuild(view, at: count, seed: UInt64(count))
      for step in history[count...] { view.apply(step.entry) }
      if let breach = difference(view, replayed(to: history.count), "rebuilt at \(count)") {
        return breach
      }
    }
    return nil
  }

  /// Invariant 2: what is at or below the position changes nothing, one by one and in any overlap.
  func applyIsIdempotent() -> Breach? {
    let view = make()
    for (index, step) in history.enumerated() {
      view.apply(step.entry)
      let before = view.snapshot()
      for old in history[max(0, index - 3)...index] { view.apply(old.entry) }
      if view.appliedLSN != step.entry.lsn { return "LSN \(view.appliedLSN) after a repeat" }
      if view.snapshot().digest != before.digest { return "\(step.entry.lsn) changes twice" }
    }
    return difference(view, replayed(to: history.count), "with repeats")
  }

  /// Invariant 3: a snapshot stays what it was while the view goes on, is rebuilt and merged.
  func snapshotsAreFrozen() throws -> Breach? {
    let view = make()
    var pinned: [(snapshot: any ViewSnapshot, digest: Digest)] = []
    for step in history {
      view.apply(step.entry)
      let snapshot = view.snapshot()
      pinned.append((snapshot, snapshot.digest))
      if step.entry.lsn.rawValue % 16 == 0 { while view.maintain() {} }
    }
    try rebuild(view, at: history.count / 2, seed: 5)
    for (step, pin) in zip(history, pinned)
    where pin.snapshot.lsn != step.entry.lsn || pin.snapshot.digest != pin.digest {
      return "the snapshot at \(step.entry.lsn) has changed"
    }
    return nil
  }

  /// `maintain` ends, and changes no answer.
  func maintenanceChangesNothing() -> Breach? {
    let view = replayed(to: history.count)
    for _ in 0..<1000 where view.maintain() {}
    if view.maintain() { return "maintenance without an end" }
    return difference(view, replayed(to: history.count), "after maintenance")
  }

  /// A twin is empty, of the same kind, and independent.
  func twinsAreEmpty() -> Breach? {
    let view = replayed(to: history.count)
    let twin = view.makeEmpty()
    if let breach = difference(twin, make(), "a twin") { return breach }
    if twin.name != view.name || twin.tables != view.tables { return "a twin of another kind" }
    for step in history { twin.apply(step.entry) }
    return difference(twin, view, "a twin that caught up")
  }

  /// Invariant 5: what was flushed is loaded, and goes on as if nothing had been.
  func filesKeepTheView() throws -> Breach? {
    let disk = SimulatedDisk()
    let folder = ViewFolder(disk, path: "views")
    for count in [history.count / 4, history.count / 2] {
      let view = replayed(to: count)
      guard let lsn = try view.flush(to: folder, databaseID: databaseID) else { return nil }
      if lsn > view.appliedLSN { return "a flush beyond the view" }
      let crashed = ViewFolder(disk.restart(keeping: .none), path: "views")
      let loaded = make()
      guard try loaded.load(from: crashed, databaseID: databaseID) else { return "not loaded" }
      if loaded.appliedLSN != lsn { return "loaded at \(loaded.appliedLSN), flushed at \(lsn)" }
      for step in history[..<count] { loaded.apply(step.entry) }
      if let breach = difference(loaded, view, "loaded at \(count)") { return breach }
      if try make().load(from: crashed, databaseID: .zero) { return "another database's files" }
    }
    return nil
  }

  /// The first broken promise.
  func firstBreach() throws -> Breach? {
    try rebuildIsReplay() ?? applyIsIdempotent() ?? mixturesAgree() ?? snapshotsAreFrozen()
      ?? maintenanceChangesNothing() ?? twinsAreEmpty() ?? filesKeepTheView()
  }
}
