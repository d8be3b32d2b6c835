// RecordWriter: what can be asked of and done to the records inside a transaction. Both writes are
// raw; the typed ones over records are extensions (TypedWriter).

import Bytes

/// Puts and deletes of rows; the implementer keeps the indexes of the table in step.
public protocol RecordWriter: RecordReader {
  /// Writes the row `key` of `table`, replacing the one that is there.
  ///
  /// Throws `uniqueViolation` when another row holds a value of a unique index.
  func put(_ table: TableDescriptor, key: [UInt8], value: [UInt8]) throws(StoreError)

  /// Removes the row `key` of `table`; false when there was none.
  func delete(_ table: TableDescriptor, key: [UInt8]) throws(StoreError) -> Bool
}
