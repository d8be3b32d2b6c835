// TransactionOverlay: what a transaction has written and nobody else sees yet, for each tree a
// sorted list of keys with a new value, or none for a deleted one.
//
// A tree's list is cut into chunks of at most `chunkCountMax` entries, so that an insert moves a few
// kilobytes however large the transaction is; most transactions live in one chunk.
//
// Invariants
// 1. Keys ascend within a chunk and from chunk to chunk; no chunk is empty.
// 2. An overlay is a value: a scan works on its own copy, and sees what was there when it began.

import Bytes
import CommitLog

public struct TransactionOverlay {
  public struct Entry {
    public var key: [UInt8]
    /// Nil: deleted.
    public var value: [UInt8]?
    /// Place in the transaction's list of operations; nil for index entries.
    var operation: Int?
  }

  /// The new entries of one tree.
  public struct Tree {
    static let chunkCountMax = 256

    public private(set) var chunks: [[Entry]] = []

    init() {}

    /// Of entries in ascending order of their keys, each key once.
    init(ascending entries: some Sequence<Entry>) {
      var chunk: [Entry] = []
      for entry in entries {
        chunk.append(entry)
        guard chunk.count == Self.chunkCountMax else { continue }
        chunks.append(chunk)
        chunk = []
      }
      if !chunk.isEmpty { chunks.append(chunk) }
    }

    struct Position {
      var chunk: Int
      var index: Int
    }

    /// The first entry whose key is not below `key`, perhaps one past a chunk's end.
    func lowerBound(_ key: [UInt8]) -> (position: Position, found: Bool) {
      var low = 0
      var high = chunks.count
      // The last chunk that begins at or below the key.
      while high - low > 1 {
        let middle = (low + high) / 2
        if key.isBelow(chunks[middle][0].key) { high = middle } else { low = middle }
      }
      guard low < chunks.count else { return (Position(chunk: 0, index: 0), false) }
      let chunk = chunks[low]
      var first = 0
      var end = chunk.count
      while first < end {
        let middle = (first + end) / 2
        if chunk[middle].key.isBelow(key) { first = middle + 1 } else { end = middle }
      }
      let found = first < chunk.count && chunk[first].key == key
      return (Position(chunk: low, index: first), found)
    }

    func entry(_ key: [UInt8]) -> Entry? {
      let (position, found) = lowerBound(key)
      return found ? chunks[position.chunk][position.index] : nil
    }

    mutating func set(_ entry: Entry) {
      let (position, found) = lowerBound(entry.key)
      if found {
        chunks[position.chunk][position.index] = entry
        return
      }
      guard !chunks.isEmpty else {
        chunks.append([entry])
        return
      }
      chunks[position.chunk].insert(entry, at: position.index)
      let count = chunks[position.chunk].count
      if count > Self.chunkCountMax {
        // Keys that arrive in order leave full chunks behind.
        let isAtEnd = position.chunk == chunks.count - 1 && position.index == count - 1
        let cut = isAtEnd ? count - 1 : count / 2
        let tail = Array(chunks[position.chunk][cut...])
        chunks[position.chunk].removeSubrange(cut...)
        chunks.insert(tail, at: position.chunk + 1)
      }
    }

    mutating func remove(_ key: [UInt8]) {
      let (position, found) = lowerBound(key)
      guard found else { return }
      chunks[position.chunk].remove(at: position.index)
      if chunks[position.chunk].isEmpty { chunks.remove(at: position.chunk) }
    }
  }

  public internal(set) var trees: [UInt32: Tree] = [:]

  public init() {}

  func entry(_ tree: UInt32, _ key: [UInt8]) -> Entry? { trees[tree]?.entry(key) }

  mutating func set(_ tree: UInt32, _ entry: Entry) {
    trees[tree, default: Tree()].set(entry)
  }

  mutating func set(_ change: IndexChange) {
    set(change.tree, Entry(key: change.key, value: change.value, operation: nil))
  }
}

/// One entry of an index that comes or goes with a row.
struct IndexChange {
  var tree: UInt32
  var index: IndexDescriptor
  var key: [UInt8]
  /// The row's primary key; nil when the entry goes.
  var value: [UInt8]?

  /// What changes in the indexes of `table` when the row `key` changes from `before` to `after`:
  /// the entries that go, then those that come.
  static func changes(
    in table: TableDescriptor, key: [UInt8], before: [UInt8]?, after: [UInt8]?
  ) throws(StoreError) -> [IndexChange] {
    guard !table.indexes.isEmpty else { return [] }
    let oldKeys = try indexKeys(table, before)
    let newKeys = try indexKeys(table, after)
    var changes: [IndexChange] = []
    for (place, index) in table.indexes.enumerated() {
      let old = try entryKeys(index, oldKeys?[place] ?? [], key)
      let new = try entryKeys(index, newKeys?[place] ?? [], key)
      let tree = table.tree + index.number
      for entry in old where !new.contains(entry) {
        changes.append(IndexChange(tree: tree, index: index, key: entry, value: nil))
      }
      for entry in new where !old.contains(entry) {
        changes.append(IndexChange(tree: tree, index: index, key: entry, value: key))
      }
    }
    return changes
  }

  /// The keys of a row in each index of its table; nil for no row.
  private static func indexKeys(
    _ table: TableDescriptor, _ value: [UInt8]?
  ) throws(StoreError) -> [[[UInt8]]]? {
    guard let value else { return nil }
    do throws(DecodeError) {
      return try table.indexKeys(value.span.bytes)
    } catch {
      throw StoreError.record(table: table.name, error)
    }
  }

  /// A row's entries in one index, each once.
  private static func entryKeys(
    _ index: IndexDescriptor, _ indexKeys: [[UInt8]], _ key: [UInt8]
  ) throws(StoreError) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    entries.reserveCapacity(indexKeys.count)
    for indexKey in indexKeys {
      let entry = index.isUnique ? indexKey : indexKey + key
      guard entry.count <= KeyLimits.keyBytesMax else {
        throw StoreError.keyTooLong(bytes: entry.count)
      }
      if !entries.contains(entry) { entries.append(entry) }
    }
    return entries
  }
}

extension TableDescriptor {
  /// The tree of a table's rows, for any number that a log may hold.
  static func tree(of number: UInt32) -> UInt32 { number << 8 }
}
