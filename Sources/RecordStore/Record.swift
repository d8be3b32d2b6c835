// Record: a Swift struct that the store keeps. From its one field list (Fields) come its stored
// form, its JSON and its schema; from its table declaration, its place and its indexes.
//
//   extension Bookmark: Record {
//     static let table = Table<Bookmark>(
//       number: 12, name: "bookmarks", indexes: [byOwner])
//     static let byOwner = Index<Bookmark>(number: 1, name: "byOwner") { [key($0.ownerID)] }
//     var primaryKey: [UInt8] { key(title) }
//   }

import Bytes

public protocol Record: Fields {
  static var table: Table<Self> { get }
  /// Built with `key(...)`; unique within the table; never changes while the record lives.
  var primaryKey: [UInt8] { get }
}

/// The declaration of a record's table.
public struct Table<R: Record>: Sendable {
  public let number: UInt32
  public let name: String
  public let logsBeforeImages: Bool
  public let indexes: [Index<R>]
  /// What the store knows of the table. Made once, so that a put does not build it again.
  public let descriptor: TableDescriptor
  /// Decodes a stored row. Compiled for `R` where the table is declared, so that a caller that is
  /// generic over its reader does not decode field by field through R's witnesses.
  public let decode: @Sendable (RawSpan) throws(DecodeError) -> R
  /// The entries of a record, whose primary key is given, in all indexes: for a caller that has the
  /// record in hand, so that the row is not decoded for them.
  public let entries: @Sendable (_ record: R, _ primaryKey: [UInt8]) -> IndexEntries

  /// Inlinable, as is `IndexDescriptor.init(erasing:)`, so that the closures are compiled for the record
  /// where the table is declared: reading a record through its type's witnesses took three times as long.
  @inlinable
  public init(
    number: UInt32, name: String, logsBeforeImages: Bool = false, indexes: [Index<R>] = []
  ) {
    self.number = number
    decode = { (value) throws(DecodeError) -> R in try FieldBinary.decode(R.self, from: value) }
    self.name = name
    self.logsBeforeImages = logsBeforeImages
    self.indexes = indexes
    let entries: @Sendable (R, [UInt8]) -> IndexEntries = { record, primaryKey in
      var entries = IndexEntries(reserving: indexes.count)
      for (place, index) in indexes.enumerated() {
        entries.append(
          index.keys(record), place: place, isUnique: index.isUnique, primaryKey: primaryKey)
      }
      return entries
    }
    self.entries = entries
    descriptor = TableDescriptor(
      number: number, name: name, logsBeforeImages: logsBeforeImages,
      indexes: indexes.map(IndexDescriptor.init(erasing:))
    ) { (value, primaryKey) throws(DecodeError) -> IndexEntries in
      // One decoding for all indexes.
      entries(try FieldBinary.decode(R.self, from: value), primaryKey)
    }
  }
}

/// The declaration of one secondary index.
public struct Index<R: Record>: Sendable {
  public let number: UInt32
  public let name: String
  public let isUnique: Bool
  /// Keys under which the record is found; several for a multi-valued index, none to leave it out.
  public let keys: @Sendable (R) -> [[UInt8]]

  public init(
    number: UInt32, name: String, isUnique: Bool = false,
    keys: @escaping @Sendable (R) -> [[UInt8]]
  ) {
    self.number = number
    self.name = name
    self.isUnique = isUnique
    self.keys = keys
  }
}

extension TableDescriptor {
  public init<R: Record>(erasing table: Table<R>) { self = table.descriptor }
}

extension IndexDescriptor {
  /// The keys of a stored record, which is decoded for them.
  @inlinable
  public init<R: Record>(erasing index: Index<R>) {
    self.init(number: index.number, name: index.name, isUnique: index.isUnique) {
      (value) throws(DecodeError) -> [[UInt8]] in
      index.keys(try FieldBinary.decode(R.self, from: value))
    }
  }
}
