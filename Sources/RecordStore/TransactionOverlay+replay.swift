// The overlay of logged transactions: what comes back into the trees when the log is replayed.

import Bytes
import CommitLog

extension TransactionOverlay {
  /// What the transactions with these entries of the log, one after the other, have written. Index
  /// entries follow from `tables`; rows of a table that is not there are written without any. Events
  /// are none of the trees' business.
  ///
  /// A unique value may pass from one row to another within a transaction, in an order that the
  /// log does not keep; so first all old index entries go, then all new ones come.
  init(
    replaying entries: [LogEntry], tables: [UInt32: TableDescriptor], over base: WorkingTrees
  ) throws(StoreError) {
    for (tree, rows) in Self.lastRows(of: entries) { trees[tree] = Tree(ascending: rows) }
    var changes: [IndexChange] = []
    for (tree, rows) in trees {
      guard let table = tables[tree >> 8], !table.indexes.isEmpty else { continue }
      let reader = base.reader(tree)
      for chunk in rows.chunks {
        for row in chunk {
          changes += try IndexChange.changes(
            in: table, key: row.key, before: try reader.value(row.key), after: row.value)
        }
      }
    }
    for change in changes where change.value == nil { set(change) }
    for change in changes where change.value != nil { set(change) }
  }

  /// The rows of each tree in ascending order of their keys, each as it was left. Sorted by the first
  /// bytes of the keys, which are compared whole only where those are equal: a batch has several
  /// hundred thousand rows, each of which would cost a cache miss a comparison.
  private static func lastRows(of entries: [LogEntry]) -> [UInt32: [Entry]] {
    var rows: [UInt32: [Entry]] = [:]
    for operation in entries.lazy.flatMap(\.operations) {
      switch operation {
      case .put(let table, let key, let value, _):
        let row = Entry(key: key, value: value, operation: nil)
        rows[TableDescriptor.tree(of: table), default: []].append(row)
      case .delete(let table, let key, _):
        let row = Entry(key: key, value: nil, operation: nil)
        rows[TableDescriptor.tree(of: table), default: []].append(row)
      case .event: break
      }
    }
    return rows.mapValues { rows in
      var order = rows.indices.map { (head: head(rows[$0].key), index: $0) }
      order.sort { left, right in
        if left.head != right.head { return left.head < right.head }
        let (first, second) = (rows[left.index].key, rows[right.index].key)
        return first == second ? left.index < right.index : first.isBelow(second)
      }
      var last: [Entry] = []
      last.reserveCapacity(order.count)
      for place in order {
        if last.last?.key == rows[place.index].key { last.removeLast() }
        last.append(rows[place.index])
      }
      return last
    }
  }

  /// The first eight bytes of a key as a number in key order, missing ones as zero.
  private static func head(_ key: [UInt8]) -> UInt64 {
    var head: UInt64 = 0
    for index in 0..<8 { head = head << 8 | (index < key.count ? UInt64(key[index]) : 0) }
    return head
  }
}
