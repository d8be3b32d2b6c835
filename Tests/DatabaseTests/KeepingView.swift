// KeepingView: a view of the notes that keeps files, in the way of a real engine: a base with all rows and
// deltas with what changed since, merged into a new base now and then. Simple enough to be the oracle's
// equal: what it holds is a dictionary.

import Bytes
import CommitLog
import Database
import Disk
import Synchronization
import Views

final class KeepingView: View {
  struct State: ViewSnapshot {
    var lsn = LSN.zero
    var rows: [[UInt8]: [UInt8]] = [:]
    var digest = Digest()
  }

  private struct Core: Sendable {
    var state = State()
    /// Changed since the last file; nil for a row that is gone.
    var changed: [[UInt8]: [UInt8]?] = [:]
    /// In order; the first is a base.
    var files: [Manifest.File] = []
  }

  /// So many deltas are merged into a base.
  private static let deltasMost = 3
  private let core = Mutex(Core())
  private let version: UInt32
  /// The number of the change, from 1, that the view pretends not to have seen.
  private let lostChange: Int?
  private let changes = Atomic<Int>(0)
  /// Called in the middle of a flush, where commits may come.
  private let whileFlushing: @Sendable () -> Void

  init(
    version: UInt32 = 1, losing: Int? = nil, whileFlushing: @escaping @Sendable () -> Void = {}
  ) {
    self.version = version
    lostChange = losing
    self.whileFlushing = whileFlushing
  }

  let name = "keeping"
  let tables: [UInt32] = [Note.table.number]
  var appliedLSN: LSN { core.withLock { $0.state.lsn } }
  func snapshot() -> any ViewSnapshot { core.withLock { $0.state } }
  func makeEmpty() -> any View { KeepingView(version: version) }
  func maintain() -> Bool { false }

  func apply(_ entry: LogEntry) {
    core.withLock { core in
      guard entry.lsn > core.state.lsn else { return }
      for operation in entry.operations {
        guard let change = Views.Change(operation), tables.contains(change.table) else { continue }
        if changes.add(1, ordering: .relaxed).newValue == lostChange { continue }
        Self.change(&core.state, change.key, before: change.before, after: change.after)
        core.changed[change.key] = .some(change.after)
      }
      core.state.lsn = entry.lsn
    }
  }

  private static func change(
    _ state: inout State, _ key: [UInt8], before: [UInt8]?, after: [UInt8]?
  ) {
    if let before { state.digest.remove(key + before) }
    if let after { state.digest.add(key + after) }
    state.rows[key] = after
  }

  func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var fresh = Core()
    fresh.state.lsn = lsn
    try rows { _, key, value in
      Self.change(
        &fresh.state, [UInt8](copying: key), before: nil, after: [UInt8](copying: value))
    }
    core.withLock { $0 = fresh }
  }

  // MARK: Files

  private func identity(_ databaseID: UUIDv7) -> Manifest.Identity {
    Manifest.Identity(databaseID: databaseID, view: name, version: version, configuration: 7)
  }

  func flush(to folder: ViewFolder, databaseID: UUIDv7) throws -> LSN? {
    let pinned = core.withLock { core in
      defer { core.changed = [:] }
      return core
    }
    do {
      // The folder may have been cleared.
      let isThere =
        (try? folder.open(identity(databaseID)).files) == pinned.files.sorted(by: Self.byName)
      let isBase = pinned.files.isEmpty || !isThere || pinned.files.count > Self.deltasMost
      let content =
        isBase
        ? Self.encode(pinned.state.rows.map { ($0.key, .some($0.value)) })
        : Self.encode(pinned.changed.map { ($0.key, $0.value) })
      let name = (isBase ? "base-" : "delta-") + "\(pinned.state.lsn)"
      let file = try folder.write(name, content)
      whileFlushing()
      let files = isBase ? [file] : pinned.files + [file]
      try folder.commit(
        Manifest(
          identity(databaseID), appliedLSN: pinned.state.lsn, digest: pinned.state.digest,
          files: files))
      core.withLock { $0.files = files }
      return pinned.state.lsn
    } catch {
      // They are not in any file: the next attempt writes a base.
      core.withLock { $0.files = [] }
      throw error
    }
  }

  private static func byName(_ one: Manifest.File, _ other: Manifest.File) -> Bool {
    one.name.utf8.lexicographicallyPrecedes(other.name.utf8)
  }

  private static func encode(_ rows: [(key: [UInt8], value: [UInt8]?)]) -> [UInt8] {
    var writer = ByteWriter()
    for (key, value) in rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      writer.lengthPrefixed(key)
      writer.u8(value == nil ? 0 : 1)
      if let value { writer.lengthPrefixed(value) }
    }
    return writer.bytes
  }

  func load(from folder: ViewFolder, databaseID: UUIDv7) throws -> Bool {
    do {
      let manifest = try folder.open(identity(databaseID))
      var fresh = Core()
      // A base comes before its deltas by its name's first letter; deltas by their commits.
      fresh.files = manifest.files.sorted {
        ($0.name.hasPrefix("b") ? 0 : 1, number($0)) < ($1.name.hasPrefix("b") ? 0 : 1, number($1))
      }
      for file in fresh.files { try Self.read(try folder.read(file), into: &fresh.state) }
      fresh.state.lsn = manifest.appliedLSN
      guard fresh.state.digest == manifest.digest else { return false }
      core.withLock { $0 = fresh }
      return true
    } catch let error as ManifestError {
      if case .disk(let error) = error { throw error }
      return false
    } catch is DecodeError {
      return false
    }
  }

  private func number(_ file: Manifest.File) -> UInt64 {
    file.name.split(separator: "-").last.flatMap { UInt64($0) } ?? 0
  }

  private static func read(_ bytes: [UInt8], into state: inout State) throws {
    var reader = ByteReader(bytes.span.bytes)
    while !reader.isAtEnd {
      let key = try reader.lengthPrefixedArray()
      let isThere = try reader.u8() == 1
      let value = isThere ? try reader.lengthPrefixedArray() : nil
      change(&state, key, before: state.rows[key], after: value)
    }
  }
}
