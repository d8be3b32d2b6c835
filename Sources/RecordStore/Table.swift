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

public struct TableDescriptor: Sendable {
  /// The keys of a stored record in several indexes, in their order.
  public typealias KeysOfAll = @Sendable (RawSpan) throws(DecodeError) -> [[[UInt8]]]

  public var number: UInt32
  public var name: String
  /// Log the value that a put or delete replaces; for tables that views project.
  public var logsBeforeImages: Bool
  public var indexes: [IndexDescriptor] {
    // What was given for the old list is not true of another.
    didSet { keysOfAll = nil }
  }
  /// The same as asking each of `indexes`, but the record is decoded once. Nil: ask each.
  private var keysOfAll: KeysOfAll?

  public init(
    number: UInt32, name: String, logsBeforeImages: Bool = false, indexes: [IndexDescriptor] = [],
    keysOfAll: KeysOfAll? = nil
  ) {
    self.number = number
    self.name = name
    self.logsBeforeImages = logsBeforeImages
    self.indexes = indexes
    self.keysOfAll = keysOfAll
  }

  /// The keys of a stored record in each of `indexes`, in their order.
  func indexKeys(_ value: RawSpan) throws(DecodeError) -> [[[UInt8]]] {
    if let keysOfAll { return try keysOfAll(value) }
    var keys: [[[UInt8]]] = []
    keys.reserveCapacity(indexes.count)
    for index in indexes { keys.append(try index.keys(value)) }
    return keys
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
