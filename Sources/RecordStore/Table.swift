// Table: what the store must know of a record type, without knowing the type: the numbers of its
// trees and how its index keys come out of its stored bytes.
//
// Numbers: table t lives in tree t * 256, its index i (1...255) in tree t * 256 + i. Both are part
// of the format: never reused, never changed.
//
// An index entry
//   unique       index key                -> primary key
//   not unique   index key, primary key   -> primary key

import Bytes

/// The entries of one row in all indexes of its table, each once.
public struct IndexEntries: Equatable, Sendable {
  public struct Entry: Equatable, Sendable {
    /// Place of the index in the table's list; it rises from entry to entry.
    public var place: Int
    /// The key of the entry in the index's tree.
    public var key: [UInt8]

    @inlinable
    public init(place: Int, key: [UInt8]) {
      self.place = place
      self.key = key
    }
  }

  public private(set) var all: [Entry] = []

  @inlinable
  public init(reserving count: Int) { reserve(count) }

  @usableFromInline
  mutating func reserve(_ count: Int) {
    if count > 0 { all.reserveCapacity(count) }
  }

  /// Adds what the index at `place` gives for the row `primaryKey`.
  public mutating func append(
    _ indexKeys: consuming [[UInt8]], place: Int, isUnique: Bool, primaryKey: [UInt8]
  ) {
    let first = all.count
    for index in indexKeys.indices {
      var key: [UInt8] = []
      // Taken out, so that it grows in its place.
      swap(&key, &indexKeys[index])
      if !isUnique { key.append(contentsOf: primaryKey) }
      // An index may give one key twice.
      if index > 0, all[first...].contains(where: { $0.key == key }) { continue }
      all.append(Entry(place: place, key: key))
    }
  }
}

public struct TableDescriptor: Sendable {
  /// The entries of a stored record, whose primary key is given, in all indexes.
  public typealias EntriesOfAll =
    @Sendable (_ value: RawSpan, _ primaryKey: [UInt8]) throws(DecodeError) -> IndexEntries

  public var number: UInt32
  public var name: String
  /// Log the value that a put or delete replaces; for tables that views project.
  public var logsBeforeImages: Bool
  public var indexes: [IndexDescriptor] {
    // What was given for the old list is not true of another.
    didSet { entriesOfAll = nil }
  }
  /// The same as asking each of `indexes`, but the record is decoded once. Nil: ask each.
  private var entriesOfAll: EntriesOfAll?

  public init(
    number: UInt32, name: String, logsBeforeImages: Bool = false, indexes: [IndexDescriptor] = [],
    entriesOfAll: EntriesOfAll? = nil
  ) {
    self.number = number
    self.name = name
    self.logsBeforeImages = logsBeforeImages
    self.indexes = indexes
    self.entriesOfAll = entriesOfAll
  }

  /// The entries of a stored record in all of `indexes`.
  func entries(of value: RawSpan, _ primaryKey: [UInt8]) throws(DecodeError) -> IndexEntries {
    if let entriesOfAll { return try entriesOfAll(value, primaryKey) }
    var entries = IndexEntries(reserving: indexes.count)
    for (place, index) in indexes.enumerated() {
      entries.append(
        try index.keys(value), place: place, isUnique: index.isUnique, primaryKey: primaryKey)
    }
    return entries
  }

  public var tree: UInt32 { number << 8 }
}

public struct IndexDescriptor: Sendable {
  /// 1...255 within its table.
  public var number: UInt32
  public var name: String
  public var isUnique: Bool
  /// The index keys of a stored record; empty when it is not in the index. Pure.
  public var keys: @Sendable (RawSpan) throws(DecodeError) -> [[UInt8]]

  public init(
    number: UInt32, name: String, isUnique: Bool,
    keys: @escaping @Sendable (RawSpan) throws(DecodeError) -> [[UInt8]]
  ) {
    self.number = number
    self.name = name
    self.isUnique = isUnique
    self.keys = keys
  }
}
