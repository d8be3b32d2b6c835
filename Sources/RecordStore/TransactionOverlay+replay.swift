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
    self.init()
    var coming: [Entry] = []
    for range in rows.treeRanges {
      let tree = rows.rows[range.lowerBound].tree
      guard let table = tables[tree >> 8], !table.indexes.isEmpty else { continue }
      let reader = base.reader(tree)
      for index in range where !rows.isReplaced(index) {
        let (key, changes) = try rows.withRow(index) { (key, value) throws(StoreError) in
          let key = [UInt8](key.buffer)
          let changes = try IndexChanges(
            in: table, key: key, before: try reader.value(key),
            after: value.map { [UInt8]($0.buffer) })
          return (key, changes)
        }
        for entry in changes.going {
          set(Entry(entry, of: table, row: nil))
        }
        coming += changes.coming.map { Entry($0, of: table, row: key) }
      }
    }
    for entry in coming { set(entry) }
  }
}
