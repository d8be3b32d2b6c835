// TextIndex: the text engine, a view of the log. Here is a commit; give me a snapshot to search.
//
// Invariants
// 1. A snapshot is a frozen copy that shares all unchanged parts with the writer's state; a query
//    takes no lock. Pinning one takes the writer's lock for a moment.
// 2. A merge in `maintain` runs outside the lock; only its installation is inside.

import Bytes
import CommitLog
import Synchronization
import Views

public final class TextIndex: View {
  public let name = "text"
  public let tables: [UInt32]
  public let schema: TextSchema
  private let projection: TextProjection
  private let policy: MergePolicy
  /// What the owner counts up when its projection changes, so that files made by the old one are known.
  let projectionVersion: UInt64
  private let writer: Mutex<Writer>
  /// The file of each segment that was written or loaded, by the segment's number.
  let fileNames = Mutex<[UInt64: String]>([:])

  private struct Writer: Sendable {
    var state: IndexState
    /// Of the present state, if it has been asked for.
    var frozen: TextSnapshot?

    mutating func freeze() -> TextSnapshot {
      if let frozen { return frozen }
      let snapshot = TextSnapshot(state)
      frozen = snapshot
      return snapshot
    }
  }

  /// How many documents of a rebuild are held before they become a segment.
  private static let rebuildDocuments = 8_192

  /// An empty index of `tables`' rows, as `projection` sees them.
  public convenience init(
    schema: TextSchema, tables: [UInt32], projectionVersion: UInt64 = 0,
    projection: @escaping TextProjection
  ) {
    self.init(
      schema: schema, tables: tables, policy: MergePolicy(), projectionVersion: projectionVersion,
      projection: projection)
  }

  package init(
    schema: TextSchema, tables: [UInt32], policy: MergePolicy, projectionVersion: UInt64 = 0,
    projection: @escaping TextProjection
  ) {
    self.schema = schema
    self.tables = tables
    self.projection = projection
    self.policy = policy
    self.projectionVersion = projectionVersion
    writer = Mutex(Writer(state: IndexState(schema: schema)))
  }

  public var appliedLSN: LSN { writer.withLock { $0.state.appliedLSN } }

  public func apply(_ entry: LogEntry) {
    writer.withLock { writer in
      guard entry.lsn > writer.state.appliedLSN else { return }
      writer.frozen = nil
      for operation in entry.operations {
        guard let change = Change(operation), tables.contains(change.table) else { continue }
        for step in projection(change) { writer.state.perform(step) }
      }
      writer.state.flush()
      writer.state.mergeInline(policy)
      writer.state.appliedLSN = entry.lsn
    }
  }

  public func snapshot() -> any ViewSnapshot { textSnapshot() }

  /// The same as `snapshot`, with its type.
  public func textSnapshot() -> TextSnapshot { writer.withLock { $0.freeze() } }

  public func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var state = IndexState(schema: schema)
    try rows { table, key, value in
      guard tables.contains(table) else { return }
      let change = Change(table: table, key: Array(copying: key), after: Array(copying: value))
      for step in projection(change) { state.perform(step) }
      if state.pendingCount >= Self.rebuildDocuments {
        state.flush()
        state.mergeInline(policy)
      }
    }
    state.flush()
    state.mergeInline(policy)
    state.appliedLSN = lsn
    // Only a rebuild that read every row replaces what was there.
    writer.withLock {
      $0.frozen = nil
      $0.state = state
    }
  }

  public func makeEmpty() -> any View {
    TextIndex(
      schema: schema, tables: tables, policy: policy, projectionVersion: projectionVersion,
      projection: projection)
  }

  /// Puts a state that was read in the place of the present one.
  func install(_ state: IndexState) {
    writer.withLock {
      $0.frozen = nil
      $0.state = state
    }
  }

  public func maintain() -> Bool { maintain(beforeInstalling: {}) }

  /// `beforeInstalling` runs between a merge and its installation, where commits may come.
  package func maintain(beforeInstalling: () -> Void) -> Bool {
    let sources: [LiveSegment]? = writer.withLock { writer in
      policy.candidates(writer.state.segments).map { chosen in
        chosen.map { writer.state.segments[$0] }
      }
    }
    guard let sources else { return false }
    let merged = SegmentMerge.merge(sources)
    beforeInstalling()
    return writer.withLock { writer in
      writer.frozen = nil
      writer.state.install(merged.content, merged.origins, replacing: sources)
      return policy.candidates(writer.state.segments) != nil
    }
  }
}
