// Free space against a set of page numbers, at random; and that neither commits nor readers ever pay
// for how many pages are free: between checkpoints nothing of it is written (test T21). And that a
// checkpoint does not hold up the disk (test T22).
//
// Covers: FreeSpace.swift

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

@Suite struct FreeSpaceTests {
  @Test(arguments: UInt64(1)...8)
  func handsOutWhatASetOfNumbersSaysIsFree(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var space = FreeSpace(firstPage: 2, pageCount: 64)
    var free = Set<UInt64>(2..<64)
    var taken: [PageRun] = []
    for step in 0..<4000 {
      let note: Comment = "seed \(seed), step \(step)"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let page = space.take()
        #expect(page == free.min(), note)
        if let page {
          free.remove(page)
          taken.append(PageRun(first: page, count: 1))
        }
      case 4..<6:
        let count = UInt64.random(in: 1...9, using: &random)
        let hasRun = free.contains { first in (first..<first + count).allSatisfy(free.contains) }
        let first = space.takeRun(count)
        #expect((first != nil) == hasRun, note)
        if let first {
          #expect((first..<first + count).allSatisfy(free.contains), note)
          free.subtract(first..<first + count)
          taken.append(PageRun(first: first, count: count))
        }
      case 6..<9 where !taken.isEmpty:
        let run = taken.remove(at: Int.random(in: 0..<taken.count, using: &random))
        space.release(run.pages)
        free.formUnion(run.pages)
      case 9 where space.pageCount < 400:
        let count = space.pageCount + UInt64.random(in: 1...40, using: &random)
        free.formUnion(space.pageCount..<count)
        space.extend(to: count)
      default: break
      }
      #expect(space.freeCount == UInt64(free.count), note)
    }
  }

  @Test func commitsWriteNothingOfTheFreePages() throws {
    let disk = StoreHarness.disk()
    let store = try StoreHarness.create(disk, cachePages: 4096)
    func write(_ ids: Range<UInt64>, at lsn: UInt64, _ value: [UInt8]?) throws {
      let transaction = store.beginTransaction(time: Timestamp(microseconds: Int64(lsn))) { 1 }
      for id in ids {
        if let value {
          try transaction.put(StoreHarness.plain, key: key(id), value: value)
        } else {
          _ = try transaction.delete(StoreHarness.plain, key: key(id))
        }
      }
      _ = try store.commit(transaction)
      try store.publish(lsn: LSN(lsn))
    }
    try write(0..<20_000, at: 1, [UInt8](repeating: 1, count: 200))
    try write(10..<20_000, at: 2, nil)
    for lsn in UInt64(3)...6 {
      try write(0..<1, at: lsn, [UInt8(lsn)])
      try store.checkpoint()
    }
    #expect(store.info().freePages > 1000)
    let before = disk.contents(StoreHarness.file)
    for lsn in UInt64(7)..<107 { try write(lsn..<lsn + 3, at: lsn, [UInt8(lsn)]) }
    #expect(disk.contents(StoreHarness.file) == before)
    try store.checkpoint()
    StoreHarness.expectSound(store)
  }

  /// The log is on the same disk: no sync of a checkpoint may have megabytes to write before it.
  @Test func checkpointsAreSyncedInChunks() throws {
    let disk = StoreHarness.disk()
    let store = try StoreHarness.create(disk, cachePages: 4096)
    let transaction = store.beginTransaction(time: .zero) { 1 }
    for id in UInt64(0)..<10_000 {
      try transaction.put(
        StoreHarness.plain, key: key(id), value: [UInt8](repeating: 1, count: 200))
    }
    _ = try store.commit(transaction)
    try store.publish(lsn: LSN(1))
    disk.startTrace()
    try store.checkpoint()
    var (bytes, most, all) = (0, 0, 0)
    for call in disk.trace where call.path == StoreHarness.file {
      if call.kind == .write { bytes += call.count }
      guard call.kind == .sync else { continue }
      (most, all, bytes) = (max(most, bytes), all + bytes, 0)
    }
    #expect(all > 2_000_000 && bytes == 0)
    #expect(most <= 144 << 10, "\(most) bytes wait for one sync")
    StoreHarness.expectSound(store)
  }
}
