// TransactionOverlay: what a transaction has written and nobody else sees yet: keys with a new value, or
// none for a deleted one, of all trees in one sorted list.
//
// The list is cut into chunks of at most `chunkCountMax` entries, so that an insert moves a few
// kilobytes however large the transaction is; most transactions live in one chunk.
//
// Invariants
// 1. Entries ascend by tree and key within a chunk and from chunk to chunk; no chunk is empty.
// 2. An overlay is a value: a scan works on its own copy, and sees what was there when it began.

import Bytes
import CommitLog

public struct TransactionOverlay {
  public struct Entry {
    public var tree: UInt32
    public var key: [UInt8]
    /// Nil: deleted.
    public var value: [UInt8]?
    /// Place in the transaction's list of operations; nil for index entries.
    var operation: Int?
  }

  struct Position {
    var chunk: Int
    var index: Int
  }

  static let chunkCountMax = 256
  /// What an ordinary transaction writes, without growing.
  private static let chunkCountFirst = 64

  public private(set) var chunks: [[Entry]] = []

  public init() {}

  /// The first entry that is not below `key` of `tree`, perhaps one past a chunk's end.
  func lowerBound(_ tree: UInt32, _ key: [UInt8]) -> (position: Position, found: Bool) {
    var low = 0
    var high = chunks.count
    // The last chunk that begins at or below the key.
    while high - low > 1 {
      let middle = (low + high) / 2
      if Self.order(chunks[middle][0], tree, key) > 0 { high = middle } else { low = middle }
    }
    guard low < chunks.count else { return (Position(chunk: 0, index: 0), false) }
    var first = 0
    var end = chunks[low].count
    while first < end {
      let middle = (first + end) / 2
      let order = Self.order(chunks[low][middle], tree, key)
      if order == 0 { return (Position(chunk: low, index: middle), true) }
      if order < 0 { first = middle + 1 } else { end = middle }
    }
    return (Position(chunk: low, index: first), false)
  }

  /// The first entry of a tree above `tree`, perhaps one past a chunk's end.
  func end(of tree: UInt32) -> Position {
    guard tree < .max else { return Position(chunk: chunks.count, index: 0) }
    return lowerBound(tree + 1, []).position
  }

  private static func order(_ entry: Entry, _ tree: UInt32, _ key: [UInt8]) -> Int {
    guard entry.tree == tree else { return entry.tree < tree ? -1 : 1 }
    return entry.key.withBorrowedBytes { left in
      key.withBorrowedBytes { right in BorrowedBytes.compare(left, right) }
    }
  }

  func entry(_ tree: UInt32, _ key: [UInt8]) -> Entry? {
    let (position, found) = lowerBound(tree, key)
    return found ? chunks[position.chunk][position.index] : nil
  }

  mutating func set(_ entry: Entry) {
    let (position, found) = lowerBound(entry.tree, entry.key)
    if found {
      chunks[position.chunk][position.index] = entry
      return
    }
    guard !chunks.isEmpty else {
      var chunk: [Entry] = []
      chunk.reserveCapacity(Self.chunkCountFirst)
      chunk.append(entry)
      chunks.append(chunk)
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

  mutating func remove(_ tree: UInt32, _ key: [UInt8]) {
    let (position, found) = lowerBound(tree, key)
    guard found else { return }
    chunks[position.chunk].remove(at: position.index)
    if chunks[position.chunk].isEmpty { chunks.remove(at: position.chunk) }
  }

  /// Removes and adds entries of the indexes of `table` for the row `key`.
  mutating func set(_ changes: IndexChanges, of table: TableDescriptor, _ key: [UInt8]) {
    for entry in changes.going { set(Entry(entry, of: table, row: nil)) }
    for entry in changes.coming { set(Entry(entry, of: table, row: key)) }
  }
}

/// The entries of indexes that go and come with the change of one row.
struct IndexChanges {
  var going: [IndexEntries.Entry] = []
  var coming: [IndexEntries.Entry] = []

  /// What changes in the indexes of `table` when the row `key` changes from `before` to `after`.
  ///
  /// - Parameter entries: those of `after`, when the caller has them.
  init(
    in table: TableDescriptor, key: [UInt8], before: [UInt8]?, after: [UInt8]?,
    entries: IndexEntries? = nil
  ) throws(StoreError) {
    guard !table.indexes.isEmpty else { return }
    if let entries {
      coming = entries.all
    } else if let after {
      coming = try Self.entries(table, key, after).all
    }
    if let before {
      let old = try Self.entries(table, key, before).all
      if old == coming {
        coming = []
      } else {
        let new = coming
        coming.removeAll { old.contains($0) }
        going = old.filter { !new.contains($0) }
      }
    }
    for entry in coming where entry.key.count > KeyLimits.keyBytesMax {
      throw StoreError.keyTooLong(bytes: entry.key.count)
    }
  }

  private static func entries(
    _ table: TableDescriptor, _ key: [UInt8], _ value: [UInt8]
  ) throws(StoreError) -> IndexEntries {
    do throws(DecodeError) {
      return try table.entries(of: value.span.bytes, key)
    } catch {
      throw StoreError.record(table: table.name, error)
    }
  }
}

extension TransactionOverlay.Entry {
  /// The entry of an index that goes, or comes and leads to `row`.
  init(_ entry: IndexEntries.Entry, of table: TableDescriptor, row: [UInt8]?) {
    self.init(tree: table.tree(at: entry.place), key: entry.key, value: row, operation: nil)
  }
}

extension TableDescriptor {
  /// The tree of a table's rows, for any number that a log may hold.
  static func tree(of number: UInt32) -> UInt32 { number << 8 }

  /// The tree of the index at this place of the list.
  func tree(at place: Int) -> UInt32 { tree + indexes[place].number }
}
