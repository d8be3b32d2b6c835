// Replay: the log's entries come back into the store, many at a time: what they put and delete is
// merged first and applied in the order of the keys, so that each page is copied once for all that
// changes in it. On random keys that is the difference between a page a row and a page for many.
//
// Invariants
// 1. After `add` and `finish` have returned, what is published is the state after an entry, but for
//    pages that `add` publishes in between to keep memory bounded: nobody reads before `finish`.
// 2. Memory: half of the cache's for pages, and half of it for rows that wait to be applied.

import CommitLog

public struct Replay: ~Copyable {
  /// What an entry of an index takes, about, until it is applied.
  private static let indexOverhead = 256

  private let store: RecordStore
  private let bytesMax: Int
  private var rows = ReplayRows()
  private var range: ClosedRange<LSN>?
  private var bytes = 0

  public init(into store: RecordStore) {
    self.store = store
    bytesMax = max(1 << 20, store.options.cacheBytes / 2)
    store.pager.sharesMemory = true
  }

  /// Takes the next entry of the log.
  public mutating func add(_ entry: LogEntry) throws(StoreError) {
    rows.add(entry)
    store.note(entry.time)
    range = (range?.lowerBound ?? entry.lsn)...entry.lsn
    for operation in entry.operations {
      bytes += ReplayRows.rowOverhead + operation.byteCount
      if let table = operation.table {
        bytes += Self.indexOverhead * (store.tables[table]?.indexes.count ?? 0)
      }
    }
    if bytes >= bytesMax { try apply() }
  }

  /// Applies and publishes all that was added; nothing is added behind it.
  public mutating func finish() throws(StoreError) {
    try apply()
    rows = ReplayRows()
    store.pager.sharesMemory = false
  }

  private mutating func apply() throws(StoreError) {
    guard let range else { return }
    var next = range.lowerBound
    rows.sort()
    try store.replay(rows) { [store] () throws(StoreError) in
      // The numbers of the entries serve to publish their pages in parts.
      guard store.isGroupLarge, next < range.upperBound else { return }
      try store.publish(lsn: next)
      next = next.next
    }
    try store.publish(lsn: range.upperBound)
    rows.removeAll()
    (self.range, bytes) = (nil, 0)
  }
}

extension Operation {
  fileprivate var byteCount: Int {
    switch self {
    case .put(_, let key, let value, _): key.count + value.count
    case .delete(_, let key, _): key.count
    case .event: 0
    }
  }

  fileprivate var table: UInt32? {
    switch self {
    case .put(let table, _, _, _), .delete(let table, _, _): table
    case .event: nil
    }
  }
}
