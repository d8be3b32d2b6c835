// RecordWriter: what can be asked of and done to the records inside a transaction. All writes are
// raw; the typed ones over records are extensions (TypedWriter).

import Bytes

/// Puts and deletes of rows; the implementer keeps the indexes of the table in step.
public protocol RecordWriter: RecordReader {
  /// Writes the row `key` of `table`, replacing the one that is there.
  ///
  /// Throws `uniqueViolation` when another row holds a value of a unique index.
  func put(_ table: TableDescriptor, key: [UInt8], value: [UInt8]) throws(StoreError)

  /// The same for a caller that has the index entries of the new row already.
  func put(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError)

  /// As that `put`, for a row that must be new: throws `uniqueViolation(index: "primary")` when there
  /// is one.
  func insert(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError)

  /// Removes the row `key` of `table`; false when there was none.
  func delete(_ table: TableDescriptor, key: [UInt8]) throws(StoreError) -> Bool
}

extension RecordWriter {
  public func put(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError) {
    try put(table, key: key, value: value)
  }

  public func insert(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError) {
    let isThere = try withValue(tree: table.tree, key: key) { (_) throws(StoreError) in true }
    guard isThere == nil else { throw .uniqueViolation(index: "primary") }
    try put(table, key: key, value: value, entries: entries)
  }
}
