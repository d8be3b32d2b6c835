// KeysetList: pages of a table whose keys rise with time, newest first. A page continues after the
// key of its last row, so rows that come or go in between neither repeat nor skip others.
//
// One page looks at `rowsMax` rows at most: with a narrow filter it may hold fewer rows than asked
// for, or none, and still name a next page.

import Bytes
import RecordStore

enum KeysetList {
  static let rowsMax = 5000

  /// - Parameters:
  ///   - filter: everything that decides what is listed.
  ///   - limit: 1 ... 100.
  static func page<R: Record>(
    _ reader: some RecordReader, _ type: R.Type, filter: String, limit: Int, cursor: String?,
    _ cursors: PageCursors, accepts: (R) -> Bool
  ) throws -> (rows: [R], next: String?) {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 rows.")
    }
    let upper = try cursor.map { try cursors.decode($0, filter: filter) }
    var rows: [R] = []
    var looked = 0
    var last: [UInt8]?
    var hasMore = false
    try reader.forEach(type, KeyRange(to: upper), reverse: true) {
      (row: R) throws(StoreError) -> ScanStep in
      if rows.count == limit || looked == rowsMax {
        hasMore = true
        return .stop
      }
      looked += 1
      last = row.primaryKey
      if accepts(row) { rows.append(row) }
      return .next
    }
    guard hasMore, let last else { return (rows, nil) }
    return (rows, cursors.encode(position: last, filter: filter))
  }
}
