// Typed writes: records instead of bytes, inside a transaction.

import Bytes

extension RecordWriter {
  /// Writes `record` in place of the one with its primary key, if there is one.
  @inlinable
  public func put<R: Record>(_ record: R) throws(StoreError) {
    try put(R.table.descriptor, key: record.primaryKey, value: FieldBinary.encode(record))
  }

  /// Writes a new record. Throws `uniqueViolation(index: "primary")` when its key is taken.
  @inlinable
  public func insert<R: Record>(_ record: R) throws(StoreError) {
    let key = record.primaryKey
    guard try !contains(R.self, key) else { throw .uniqueViolation(index: "primary") }
    try put(R.table.descriptor, key: key, value: FieldBinary.encode(record))
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
    try put(R.table.descriptor, key: key, value: FieldBinary.encode(record))
    return record
  }

  /// Removes the record of this key; false when there was none.
  @inlinable @discardableResult
  public func delete<R: Record>(_ type: R.Type, _ key: [UInt8]) throws(StoreError) -> Bool {
    try delete(R.table.descriptor, key: key)
  }
}
