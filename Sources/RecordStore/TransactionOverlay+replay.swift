// The index entries of logged transactions: they are not in the log, and follow from the rows.

import Bytes
import CommitLog

extension TransactionOverlay {
  /// What the rows change in the indexes of `tables`, as they stand in `base`; `rows` is sorted. Rows of
  /// a table that is not there are written without any.
  ///
  /// A unique value may pass from one row to another within a transaction, in an order that the
  /// log does not keep; so first all old index entries go, then all new ones come.
  init(
    indexing rows: ReplayRows, tables: [UInt32: TableDescriptor], over base: WorkingTrees
  ) throws(StoreError) {
    var changes: [IndexChange] = []
    for range in rows.treeRanges {
      let tree = rows.rows[range.lowerBound].tree
      guard let table = tables[tree >> 8], !table.indexes.isEmpty else { continue }
      let reader = base.reader(tree)
      for index in range where !rows.isReplaced(index) {
        changes += try rows.withRow(index) { (key, value) throws(StoreError) in
          let key = [UInt8](key.buffer)
          return try IndexChange.changes(
            in: table, key: key, before: try reader.value(key),
            after: value.map { [UInt8]($0.buffer) })
        }
      }
    }
    for change in changes where change.value == nil { set(change) }
    for change in changes where change.value != nil { set(change) }
  }
}
