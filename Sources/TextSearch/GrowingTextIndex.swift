// GrowingTextIndex: the text engine by itself, for an owner that has many indices whose documents get new
// fields while they are in use. Here are operations; give me a snapshot to search.
//
// Invariants
// 1. A snapshot is a frozen copy that shares all unchanged parts with the writer's state.
// 2. A merge runs outside the lock, and is thrown away when the schema has grown meanwhile.
// 3. An index that grew answers as one that had the schema from the beginning.
//
// It lives in memory only. `TextIndex` is the view that keeps files; the schema of its files is fixed.

import CommitLog
import Synchronization

public final class GrowingTextIndex: Sendable {
  private struct Writer: Sendable {
    var state: IndexState
    /// Of the present state, if it has been asked for.
    var frozen: TextSnapshot?
  }

  private let policy = MergePolicy()
  private let writer: Mutex<Writer>

  public init(_ schema: TextSchema = TextSchema(fields: [])) {
    writer = Mutex(Writer(state: IndexState(schema: schema)))
  }

  /// Adds fields and columns behind those there are; their names must be new, and all fields together no
  /// more than `TextLimits.fields`.
  public func grow(_ added: TextSchema) {
    writer.withLock { writer in
      writer.frozen = nil
      writer.state.grow(added)
    }
  }

  /// Performs `operations` in their order; their names are the schema's.
  public func apply(_ operations: [TextOperation], at lsn: LSN) {
    writer.withLock { writer in
      writer.frozen = nil
      for operation in operations { writer.state.perform(operation) }
      writer.state.flush()
      writer.state.mergeInline(policy)
      writer.state.appliedLSN = lsn
    }
  }

  public func textSnapshot() -> TextSnapshot {
    writer.withLock { writer in
      if let frozen = writer.frozen { return frozen }
      let snapshot = TextSnapshot(writer.state)
      writer.frozen = snapshot
      return snapshot
    }
  }

  /// Merges in the background; changes no answer. False when nothing is left to merge.
  public func maintain() -> Bool { maintain(beforeInstalling: {}) }

  package func maintain(beforeInstalling: () -> Void) -> Bool {
    let found = writer.withLock { writer -> (sources: [LiveSegment], fields: Int, keywords: Int)? in
      policy.candidates(writer.state.segments).map { chosen in
        (
          chosen.map { writer.state.segments[$0] }, writer.state.schema.fields.count,
          writer.state.schema.keywords.count
        )
      }
    }
    guard let found else { return false }
    let merged = SegmentMerge.merge(found.sources)
    beforeInstalling()
    return writer.withLock { writer in
      let schema = writer.state.schema
      guard schema.fields.count == found.fields, schema.keywords.count == found.keywords else {
        return true
      }
      writer.frozen = nil
      writer.state.install(merged.content, merged.origins, replacing: found.sources)
      return policy.candidates(writer.state.segments) != nil
    }
  }
}
