// Typed writes: records instead of bytes, inside a transaction.

import Bytes

extension RecordWriter {
  /// Writes `record` in place of the one with its primary key, if there is one.
  @inlinable
  public func put<R: Record>(_ record: R) throws(StoreError) {
    let key = record.primaryKey
    try put(
      R.table.descriptor, key: key, value: FieldBinary.encode(record),
      entries: R.table.entries(record, key))
  }

  /// Writes a new record. Throws `uniqueViolation(index: "primary")` when its key is taken.
  @inlinable
  public func insert<R: Record>(_ record: R) throws(StoreError) {
    let key = record.primaryKey
    try insert(
      R.table.descriptor, key: key, value: FieldBinary.encode(record),
      entries: R.table.entries(record, key))
  }

  /// Changes the record of this key and writes it back; nil when there is none.
  ///
  /// The change must leave the primary key as it is. Returns the record as written.
  @inlinable @discardableResult
  public func update<R: Record>(
    _ type: R.Type = R.self, _ key: [UInt8], _ change: (inout R) throws(StoreError) -> Void
  ) throws(StoreError) -> R? {
    guard var record = try get(R.self, key) else { return nil }
    try change(&record)
    precondition(record.primaryKey == key, "an update must not change the primary key")
    try put(
      R.table.descriptor, key: key, value: FieldBinary.encode(record),
      entries: R.table.entries(record, key))
    return record
  }

  /// Removes the record of this key; false when there was none.
  @inlinable @discardableResult
  public func delete<R: Record>(_ type: R.Type, _ key: [UInt8]) throws(StoreError) -> Bool {
    try delete(R.table.descriptor, key: key)
  }
}
