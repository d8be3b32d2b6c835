// IndexPage: pages of rows in the order of an index. A page continues behind the index entry of its last
// row, so rows that come or go in between neither repeat nor skip others.

import Bytes
import RecordStore

enum IndexPage {
  static func read<R: Record>(
    _ reader: some RecordReader, _ index: Index<R>, prefix: [UInt8], limit: Int, cursor: String?,
    filter: String, _ cursors: PageCursors
  ) throws -> (rows: [R], next: String?) {
    var range = KeyRange(prefix: prefix)
    if let cursor { range.lower = try cursors.decode(cursor, filter: filter) + [0] }
    var found: [(entry: [UInt8], primaryKey: [UInt8])] = []
    try reader.forEachEntry(in: index, .range(range)) {
      (entry, primaryKey) throws(StoreError) -> ScanStep in
      found.append((entry.withUnsafeBytes { Array($0) }, primaryKey))
      return found.count <= limit ? .next : .stop
    }
    let rows = try found.prefix(limit).map { pair in
      guard let row = try reader.get(R.self, pair.primaryKey) else {
        throw StoreError.corrupt("index \(index.name) names a row that is not there")
      }
      return row
    }
    let hasMore = found.count > limit && limit > 0
    return (
      rows, hasMore ? cursors.encode(position: found[limit - 1].entry, filter: filter) : nil
    )
  }
}
