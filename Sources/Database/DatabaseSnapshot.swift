// DatabaseSnapshot: one value that pins every engine at the same LSN. A request takes one and reads
// only from it, so that what a search returns can always be loaded.

import Bytes
import CommitLog
import RecordStore
import Views

public struct DatabaseSnapshot: Sendable {
  public let lsn: LSN
  /// The records; a `RecordReader`.
  public let records: Snapshot
  let views: [any ViewSnapshot]

  /// The state of one view, by the type of its snapshot; nil when no such view is open.
  public func view<S: ViewSnapshot>(_ type: S.Type) -> S? {
    for view in views {
      if let found = view as? S { return found }
    }
    return nil
  }

  func replacingView(at index: Int, by state: any ViewSnapshot) -> DatabaseSnapshot {
    var states = views
    states[index] = state
    return DatabaseSnapshot(lsn: lsn, records: records, views: states)
  }
}

/// The result of a write, and where in the log it is.
public struct Committed<Value: Sendable>: Sendable {
  public let lsn: LSN
  public let time: Timestamp
  public let value: Value
}
