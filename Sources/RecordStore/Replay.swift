// Replay: the log's entries come back into the store, many at a time: what they put and delete is
// merged first and applied in the order of the keys, so that each page is copied once for all that
// changes in it. On random keys that is the difference between a page a row and a page a few rows.
//
// Invariants
// 1. After `add` and `finish` have returned, what is published is the state after an entry, but for
//    pages that `add` publishes in between to keep memory bounded: nobody reads before `finish`.
// 2. Memory: the cache, and rows of at most an eighth of it that wait to be applied.

import CommitLog

public struct Replay: ~Copyable {
  /// What a row takes in memory besides its bytes: the headers of two arrays, and its places.
  private static let rowOverhead = 160

  private let store: RecordStore
  private let bytesMax: Int
  private var entries: [LogEntry] = []
  private var bytes = 0

  public init(into store: RecordStore) {
    self.store = store
    bytesMax = max(1 << 20, store.options.cacheBytes / 8)
  }

  /// Takes the next entry of the log.
  public mutating func add(_ entry: LogEntry) throws(StoreError) {
    entries.append(entry)
    for operation in entry.operations { bytes += Self.rowOverhead + operation.byteCount }
    if bytes >= bytesMax { try finish() }
  }

  /// Applies and publishes all that was added.
  public mutating func finish() throws(StoreError) {
    guard let first = entries.first, let last = entries.last else { return }
    var next = first.lsn
    try store.replay(entries) { [store] () throws(StoreError) in
      // The numbers of the entries serve to publish their pages in parts.
      guard store.isGroupLarge, next < last.lsn else { return }
      try store.publish(lsn: next)
      next = next.next
    }
    try store.publish(lsn: last.lsn)
    entries.removeAll(keepingCapacity: true)
    bytes = 0
  }
}

extension Operation {
  fileprivate var byteCount: Int {
    switch self {
    case .put(_, let key, let value, let before): key.count + value.count + (before?.count ?? 0)
    case .delete(_, let key, let before): key.count + (before?.count ?? 0)
    case .event(_, let payload): payload.count
    }
  }
}
