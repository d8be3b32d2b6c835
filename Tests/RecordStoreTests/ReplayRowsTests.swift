// Rows that wait for a replay against a dictionary that takes them one after the other.

import Bytes
import CommitLog
import Testing

@testable import RecordStore

@Suite struct ReplayRowsTests {
  @Test(arguments: [1, 7, 300, 20_000])
  func theyAreWhatASerialApplicationLeaves(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    var (rows, oracle) = (ReplayRows(), [UInt32: [[UInt8]: [UInt8]?]]())
    for number in 0..<count {
      // Keys that share their first eight bytes, short ones, and large values that fill blocks.
      let key = Bytes.key(random.next() % 5) + Bytes.key(random.next() % UInt64(max(3, count / 3)))
      let short = Array(key.prefix(Int(random.next() % 17)))
      let size = random.next() % 100 == 0 ? 200_000 : Int(random.next() % 50)
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
      let table = UInt32(1 + random.next() % 3)
      let chosen = random.next() % 4 == 0 ? short : key
      let operation =
        random.next() % 4 == 0
        ? Operation.delete(table: table, key: chosen, before: value)
        : .put(table: table, key: chosen, value: value, before: nil)
      oracle[TableDescriptor.tree(of: table), default: [:]][chosen] = .some(
        operation == .delete(table: table, key: chosen, before: value) ? nil : value)
      rows.add(
        LogEntry(
          lsn: LSN(UInt64(number + 1)), time: .zero,
          operations: [.event(stream: 1, payload: key), operation]))
    }
    rows.sort()
    #expect(rows.rows.count == count)
    let trees = rows.treeRanges.map { rows.rows[$0.lowerBound].tree }
    #expect(trees == oracle.keys.sorted())
    for range in rows.treeRanges {
      var found: [(key: [UInt8], value: [UInt8]?)] = []
      for index in range where !rows.isReplaced(index) {
        try rows.withRow(index) { key, value in
          found.append(([UInt8](key.buffer), value.map { [UInt8]($0.buffer) }))
        }
      }
      #expect(zip(found, found.dropFirst()).allSatisfy { $0.key.lexicographicallyPrecedes($1.key) })
      let expected = oracle[rows.rows[range.lowerBound].tree] ?? [:]
      #expect(found.count == expected.count)
      for (key, value) in found { #expect(expected[key] == .some(value), "key \(key)") }
    }
    rows.removeAll()
    #expect(rows.treeRanges.isEmpty)
  }
}
