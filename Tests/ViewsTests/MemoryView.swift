// MemoryView: a whole view in a few lines, to hold the contract against: the rows of one table in a
// dictionary, with a digest that is kept up to date, and one file when it is flushed.

import Bytes
import CommitLog
import Disk
import Synchronization
import Views

final class MemoryView: View {
  /// Ways to be wrong, to see that the contract's tests notice.
  enum Flaw: CaseIterable {
    case appliesTwice, forgetsDeletes, ignoresBefore, sharesItsState, digestsOrder,
      dropsEventCommits
  }

  struct State {
    var lsn = LSN.zero
    var rows: [[UInt8]: [UInt8]] = [:]
    var digest = Digest()
    var steps: UInt64 = 0
  }

  struct Snapshot: ViewSnapshot {
    var lsn: LSN
    var digest: Digest
    var rows: [[UInt8]: [UInt8]]
  }

  /// A snapshot that is none.
  struct Window: ViewSnapshot {
    var view: MemoryView
    var lsn: LSN { view.appliedLSN }
    var digest: Digest { view.state.withLock { $0.digest } }
  }

  static let table: UInt32 = 7
  private let state = Mutex(State())
  private let flaw: Flaw?

  init(_ flaw: Flaw? = nil) { self.flaw = flaw }

  let name = "memory"
  let tables = [MemoryView.table]
  var appliedLSN: LSN { state.withLock { $0.lsn } }
  var rows: [[UInt8]: [UInt8]] { state.withLock { $0.rows } }
  func makeEmpty() -> any View { MemoryView(flaw) }
  func maintain() -> Bool { false }

  func snapshot() -> any ViewSnapshot {
    if flaw == .sharesItsState { return Window(view: self) }
    return state.withLock { Snapshot(lsn: $0.lsn, digest: $0.digest, rows: $0.rows) }
  }

  func apply(_ entry: LogEntry) {
    state.withLock { state in
      guard entry.lsn > state.lsn || flaw == .appliesTwice else { return }
      let changes = entry.operations.compactMap(Change.init).filter { $0.table == Self.table }
      if flaw == .dropsEventCommits && entry.operations.isEmpty { return }
      for change in changes { step(&state, change) }
      state.lsn = max(state.lsn, entry.lsn)
    }
  }

  private func step(_ state: inout State, _ change: Change) {
    state.steps += 1
    if change.after == nil && flaw == .forgetsDeletes { return }
    if let before = change.before, flaw != .ignoresBefore {
      state.digest.remove(change.key + [0] + before)
    }
    if let after = change.after { state.digest.add(change.key + [0] + after) }
    if flaw == .digestsOrder { state.digest.add(change.key + [UInt8(state.steps & 0xff)]) }
    state.rows[change.key] = change.after
  }

  func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var fresh = State(lsn: lsn)
    try rows { table, key, value in
      step(
        &fresh, Change(table: table, key: Array(copying: key), after: Array(copying: value)))
    }
    state.withLock { $0 = fresh }
  }

  // MARK: Files

  private func identity(_ databaseID: UUIDv7) -> Manifest.Identity {
    Manifest.Identity(databaseID: databaseID, view: name, version: 1, configuration: 0)
  }

  func flush(to folder: ViewFolder, databaseID: UUIDv7) throws -> LSN? {
    let pinned = state.withLock { $0 }
    var writer = ByteWriter()
    for (key, value) in pinned.rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      writer.lengthPrefixed(key)
      writer.lengthPrefixed(value)
    }
    let file = try folder.write("rows-\(pinned.lsn)", writer.bytes)
    try folder.commit(
      Manifest(
        identity(databaseID), appliedLSN: pinned.lsn, digest: pinned.digest, files: [file]))
    return pinned.lsn
  }

  func load(from folder: ViewFolder, databaseID: UUIDv7) throws -> Bool {
    do {
      let manifest = try folder.open(identity(databaseID))
      var fresh = State(lsn: manifest.appliedLSN)
      for file in manifest.files {
        let bytes = try folder.read(file)
        var reader = ByteReader(bytes.span.bytes)
        while !reader.isAtEnd {
          let key = try reader.lengthPrefixedArray()
          let value = try reader.lengthPrefixedArray()
          step(&fresh, Change(table: Self.table, key: key, after: value))
        }
      }
      guard flaw != nil || fresh.digest == manifest.digest else { return false }
      state.withLock { $0 = fresh }
      return true
    } catch let error as ManifestError {
      if case .disk(let error) = error { throw error }
      return false
    } catch is DecodeError {
      return false
    }
  }
}
