// Typed reads: records instead of bytes, the same in a snapshot and inside a transaction.
//
// A read by index takes the primary key from the entry, then gets the row. An entry without its
// row, or a row that does not decode, is damage and throws.

import Bytes

/// Which entries of an index: all that have one key, a prefix of it, or a range.
public enum IndexRange: Equatable, Sendable {
  /// Entries whose whole index key is this one.
  case equal([UInt8])
  /// Entries whose key starts with these bytes (the leading components of a tuple).
  case prefix([UInt8])
  /// Entries from `lower` up to, not including, `upper`.
  case range(KeyRange)
  case all

  /// The range of entries in the index's tree. In an index that is not unique the primary key
  /// follows the index key, so that entries of one key are those with it as their prefix.
  var keys: KeyRange {
    switch self {
    case .equal(let key), .prefix(let key): KeyRange(prefix: key)
    case .range(let range): range
    case .all: KeyRange()
    }
  }
}

extension Index {
  /// The tree of this index.
  public var tree: UInt32 { R.table.number << 8 | number }
}

extension RecordReader {
  /// The record of this primary key; nil when there is none.
  ///
  /// Throws `StoreError.record` when the stored bytes do not decode.
  @inlinable
  public func get<R: Record>(_ type: R.Type = R.self, _ key: [UInt8]) throws(StoreError) -> R? {
    try withValue(tree: R.table.descriptor.tree, key: key) { (value) throws(StoreError) -> R in
      try R.stored(value)
    }
  }

  /// Whether there is a record of this primary key; it is not decoded.
  @inlinable
  public func contains<R: Record>(_ type: R.Type, _ key: [UInt8]) throws(StoreError) -> Bool {
    try withValue(tree: R.table.descriptor.tree, key: key) { (_) throws(StoreError) in true }
      ?? false
  }

  /// The record with this key of a unique index; nil when there is none.
  @inlinable
  public func lookup<R: Record>(_ index: Index<R>, _ key: [UInt8]) throws(StoreError) -> R? {
    guard index.isUnique else { return try first(in: index, .equal(key)) }
    let primaryKey = try withValue(tree: index.tree, key: key) {
      (value) throws(StoreError) -> [UInt8] in [UInt8](copying: value)
    }
    guard let primaryKey else { return nil }
    return try row(of: index, primaryKey)
  }

  /// Visits the records of a table by primary key until `body` says stop.
  @inlinable
  public func forEach<R: Record>(
    _ type: R.Type = R.self, _ range: KeyRange = KeyRange(), reverse: Bool = false,
    _ body: (R) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    try scan(tree: R.table.descriptor.tree, range, reverse: reverse) {
      (_, value) throws(StoreError) -> ScanStep in try body(try R.stored(value))
    }
  }

  /// Visits the records of a part of an index, in the order of the index, until `body` says stop.
  /// A record with several keys in the part is visited once for each.
  @inlinable
  public func forEach<R: Record>(
    in index: Index<R>, _ range: IndexRange = .all, reverse: Bool = false,
    _ body: (R) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    try forEachEntry(in: index, range, reverse: reverse) {
      (_, primaryKey) throws(StoreError) -> ScanStep in try body(try row(of: index, primaryKey))
    }
  }

  /// Visits the entries of a part of an index without getting their rows.
  public func forEachEntry<R: Record>(
    in index: Index<R>, _ range: IndexRange = .all, reverse: Bool = false,
    _ body: (_ entry: RawSpan, _ primaryKey: [UInt8]) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    try scan(tree: index.tree, range.keys, reverse: reverse) {
      (entry, value) throws(StoreError) -> ScanStep in
      if case .equal(let key) = range {
        // A longer key may only start with this one; its entry is then not this key's.
        let entryBytes = index.isUnique ? key.count : key.count + value.byteCount
        if entry.byteCount != entryBytes { return .next }
      }
      return try body(entry, [UInt8](copying: value))
    }
  }

  /// The records of a part of an index, in its order, at most `limit` of them.
  @inlinable
  public func all<R: Record>(
    in index: Index<R>, _ range: IndexRange = .all, reverse: Bool = false, limit: Int = .max
  ) throws(StoreError) -> [R] {
    var records: [R] = []
    guard limit > 0 else { return records }
    try forEach(in: index, range, reverse: reverse) { (record) throws(StoreError) -> ScanStep in
      records.append(record)
      return records.count < limit ? .next : .stop
    }
    return records
  }

  /// The records of a table by primary key, at most `limit` of them.
  @inlinable
  public func all<R: Record>(
    _ type: R.Type = R.self, _ range: KeyRange = KeyRange(), reverse: Bool = false,
    limit: Int = .max
  ) throws(StoreError) -> [R] {
    var records: [R] = []
    guard limit > 0 else { return records }
    try forEach(type, range, reverse: reverse) { (record) throws(StoreError) -> ScanStep in
      records.append(record)
      return records.count < limit ? .next : .stop
    }
    return records
  }

  /// The first record of a part of an index, or with `reverse` the last.
  @inlinable
  public func first<R: Record>(
    in index: Index<R>, _ range: IndexRange = .all, reverse: Bool = false
  ) throws(StoreError) -> R? {
    try all(in: index, range, reverse: reverse, limit: 1).first
  }

  /// The row that an index entry names.
  @usableFromInline
  func row<R: Record>(of index: Index<R>, _ primaryKey: [UInt8]) throws(StoreError) -> R {
    guard let record = try get(R.self, primaryKey) else {
      throw .corrupt("index \(R.table.name).\(index.name) names a row that is not there")
    }
    return record
  }
}

extension Record {
  /// Decodes a stored row.
  @inlinable
  static func stored(_ value: RawSpan) throws(StoreError) -> Self {
    do throws(DecodeError) {
      return try Self.table.decode(value)
    } catch {
      throw .record(table: Self.table.name, error)
    }
  }
}
