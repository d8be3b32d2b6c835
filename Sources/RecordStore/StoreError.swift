// StoreError: everything that the record store can say other than yes.

import Bytes

public enum StoreError: Error, Equatable, Sendable {
  /// Bytes on disk are damaged; names the place. Nothing was changed.
  case corrupt(String)
  /// The file belongs to a newer version of the format.
  case newerFormat(version: UInt32)
  /// The file is not a record store, or one of another database.
  case foreign(String)
  /// Another record holds this value of a unique index.
  case uniqueViolation(index: String)
  /// A key of more than `KeyLimits.keyBytesMax` bytes.
  case keyTooLong(bytes: Int)
  /// A value of more than `KeyLimits.valueBytesMax` bytes.
  case valueTooLong(bytes: Int)
  /// The transaction wrote more than a transaction may.
  case transactionTooLarge(bytes: Int, limit: Int)
  /// The snapshot outlived its age or byte budget.
  case snapshotExpired
  /// The volume is full: reads go on, writes wait until there is space.
  case readOnly(String)
  /// A stored record does not decode.
  case record(table: String, DecodeError)
  case disk(String)
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .corrupt(let reason), .foreign(let reason), .readOnly(let reason), .disk(let reason):
      reason
    case .newerFormat(let version): "format version \(version) is newer than this program"
    case .uniqueViolation(let index): "another record has this value of \(index)"
    case .keyTooLong(let bytes):
      "a key of \(bytes) bytes; the longest has \(KeyLimits.keyBytesMax)"
    case .valueTooLong(let bytes):
      "a value of \(bytes) bytes; the longest has \(KeyLimits.valueBytesMax)"
    case .transactionTooLarge(let bytes, let limit):
      "a transaction of \(bytes) bytes; the largest has \(limit)"
    case .snapshotExpired: "the snapshot has outlived its budget"
    case .record(let table, let cause): "a record of \(table) does not decode: \(cause)"
    }
  }
}

/// The largest key and value the store takes.
public enum KeyLimits {
  /// So that a branch page always holds at least four separators.
  public static let keyBytesMax = 1024
  public static let valueBytesMax = 16 << 20
}
