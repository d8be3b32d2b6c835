// Damage, a full disk, expired snapshots, and readers beside the writer: nothing wrong is ever read.

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

/// A closed store with two checkpoints, and the rows of each.
private func twoCheckpoints() throws -> (
  disk: SimulatedDisk, older: StoreModel, newer: StoreModel, meta: MetaBlock
) {
  let disk = StoreHarness.disk()
  let store = try StoreHarness.create(disk)
  var work = StoreWorkload(seed: 11)
  for _ in 0..<40 { try work.step(store) }
  try store.checkpoint()
  let older = work.model
  for _ in 0..<40 { try work.step(store) }
  try store.checkpoint()
  store.close()
  let file = try disk.open(StoreHarness.file, mode: .readOnly)
  var newest: MetaBlock?
  for slot in 0...1 {
    let block = try #require(try file.read(4096, at: MetaBlock.offset(slot: slot)))
    let meta = try MetaBlock.decode(block, slot: slot)
    if meta.sequence > newest?.sequence ?? 0 { newest = meta }
  }
  return (disk, older, work.model, try #require(newest))
}

@Test func aDamagedNewestCheckpointGivesWayToTheOlderOne() throws {
  let made = try twoCheckpoints()
  let slot = Int(MetaBlock.offset(slot: made.meta.slot))
  var places = (0..<512).map { slot + $0 }
  places += (0..<64).map { Int(made.meta.root.number) * 4096 + $0 * 61 }
  places += (0..<Int(made.meta.freeMap.byteCount)).map {
    Int(made.meta.freeMap.firstPage) * 4096 + $0
  }
  for place in places {
    let disk = made.disk.clone()
    disk.flipBit(StoreHarness.file, bit: place * 8 + place % 8)
    let (store, opening) = try StoreHarness.open(disk)
    #expect(opening.checkpointLSN == LSN(40), "byte \(place)")
    #expect(opening.otherRejected != nil, "byte \(place)")
    #expect(try StoreModel.read(store.snapshot(purpose: "test")) == made.older, "byte \(place)")
    StoreHarness.expectSound(store, "byte \(place)")
  }
}

@Test func aLostFreeMapIsRebuiltWhenNoOtherCheckpointIsSound() throws {
  let made = try twoCheckpoints()
  made.disk.damage(
    StoreHarness.file, at: Int(MetaBlock.offset(slot: 1 - made.meta.slot)), with: [0])
  made.disk.damage(StoreHarness.file, at: Int(made.meta.freeMap.firstPage) * 4096, with: [0xff])
  let (store, opening) = try StoreHarness.open(made.disk)
  #expect(opening.rebuiltFreeMap)
  #expect(try StoreModel.read(store.snapshot(purpose: "test")) == made.newer)
  let problems = store.check(deep: true).problems
  #expect(problems.count == 1 && problems[0].contains("extent at page"), "\(problems)")
  // Two checkpoints later nothing refers to the lost map.
  for number in UInt64(81)...82 {
    let row = LogEntry(
      lsn: LSN(number), time: .zero,
      operations: [.put(table: 77, key: key(number), value: [1], before: nil)])
    try store.replay([row])
    try store.publish(lsn: row.lsn)
    try store.checkpoint()
  }
  StoreHarness.expectSound(store)
}

@Test func aFlippedByteOfAnyPageIsNeverReadAsARow() throws {
  let made = try twoCheckpoints()
  var detected = 0
  for page in 2..<made.meta.pageCount {
    let disk = made.disk.clone()
    disk.flipBit(StoreHarness.file, bit: Int(page) * 32768 + Int(page * 7919 % 32768))
    // The older checkpoint stands in, or the read is refused; a wrong row is never returned.
    let (store, opening) = try StoreHarness.open(disk)
    let isSound = store.check(deep: true).isSound
    if let found = try? StoreModel.read(store.snapshot(purpose: "test")) {
      #expect(found == (opening.checkpointLSN == LSN(80) ? made.newer : made.older), "\(page)")
    } else {
      #expect(!isSound, "page \(page)")
    }
    if !isSound || opening.otherRejected != nil { detected += 1 }
  }
  #expect(detected > 10)
}

@Test func swappedPagesAreDetected() throws {
  let made = try twoCheckpoints()
  let root = Int(made.meta.root.number)
  var refusals = 0
  for page in 2..<Int(made.meta.pageCount) where page != root {
    let disk = made.disk.clone()
    disk.swapRanges(StoreHarness.file, root * 4096, page * 4096, count: 4096)
    // Refused when the other page is one of the older checkpoint's roots (catalog, two tables, one
    // index): then neither checkpoint is sound.
    guard let (store, opening) = try? StoreHarness.open(disk) else {
      refusals += 1
      continue
    }
    #expect(opening.checkpointLSN == LSN(40))
    if let found = try? StoreModel.read(store.snapshot(purpose: "test")) {
      #expect(found == made.older)
    } else {
      #expect(!store.check(deep: true).isSound)
    }
  }
  #expect(refusals == 4)
}

@Test func aFullDiskRefusesWritesAndLosesNothing() throws {
  let disk = StoreHarness.disk()
  let store = try StoreHarness.create(disk)
  var work = StoreWorkload(seed: 5)
  for _ in 0..<20 { try work.step(store) }
  disk.capacity = UInt64(disk.contents(StoreHarness.file)?.count ?? 0) + 1
  var refusals = 0
  let before = work.model
  for number in 0..<40 {
    let transaction = store.beginTransaction(time: Timestamp(microseconds: 1 << 40)) { 1 }
    try transaction.put(
      StoreHarness.plain, key: key(UInt64(9_000 + number)),
      value: [UInt8](repeating: 7, count: 200_000))
    let outcome = Result { () throws(StoreError) in try store.commit(transaction) }
    if case .failure(.readOnly) = outcome { refusals += 1 }
  }
  #expect(refusals == 40)
  #expect(try StoreModel.read(store.snapshot(purpose: "test")) == before)
  disk.capacity = nil
  for _ in 0..<20 { try work.step(store) }
  try store.checkpoint()
  #expect(try StoreModel.read(store.snapshot(purpose: "test")) == work.model)
  StoreHarness.expectSound(store)
}

@Test func anExpiredSnapshotThrowsAndItsPagesAreUsedAgain() throws {
  let store = try StoreHarness.create(StoreHarness.disk())
  var work = StoreWorkload(seed: 8)
  for _ in 0..<30 { try work.step(store) }
  let snapshot = store.snapshot(purpose: "forgotten")
  for _ in 0..<60 { try work.step(store) }
  for _ in 0..<3 {
    try store.checkpoint()
    try work.step(store)
  }
  let retained = store.info().retiredPages
  let held = try #require(store.info().snapshots.first).heldPages
  #expect(held > 0)
  #expect(store.expireSnapshots(now: Timestamp(microseconds: 40_000_000)).isEmpty)
  let expired = store.expireSnapshots(now: Timestamp(microseconds: 900_000_000))
  #expect(expired.map(\.purpose) == ["forgotten"])
  #expect(throws: StoreError.snapshotExpired) { try StoreModel.read(snapshot) }
  let transaction = store.beginTransaction(time: Timestamp(microseconds: 1 << 40)) { 1 }
  try transaction.put(StoreHarness.plain, key: [1], value: [1])
  _ = try store.commit(transaction)
  try store.publish(lsn: store.publishedLSN.next)
  // The transaction retires a path of the tree and the catalog's page, no more.
  #expect(store.info().retiredPages <= retained - held + 4)
  StoreHarness.expectSound(store)
}

@Test func aScanThatExpiresOnItsWayEndsWithTheError() throws {
  let store = try StoreHarness.create(StoreHarness.disk())
  func write(_ lsn: UInt64) throws {
    let transaction = store.beginTransaction(time: Timestamp(microseconds: Int64(lsn))) { 1 }
    for row in 0..<300 as Range<UInt64> {
      try transaction.put(
        StoreHarness.plain, key: key(row), value: [UInt8](repeating: UInt8(lsn), count: 200))
    }
    _ = try store.commit(transaction)
    try store.publish(lsn: LSN(lsn))
  }
  try write(1)
  let snapshot = store.snapshot(purpose: "slow")
  try write(2)
  var seen = 0
  #expect(throws: StoreError.snapshotExpired) {
    try snapshot.scan(tree: StoreHarness.plain.tree, KeyRange(), reverse: false) {
      (_, value) throws(StoreError) in
      seen += 1
      #expect(value.withUnsafeBytes { $0.allSatisfy { $0 == 1 } })
      if seen == 50 {
        _ = store.expireSnapshots(now: Timestamp(microseconds: 900_000_000))
      }
      return .next
    }
  }
  #expect(seen >= 50 && seen < 300, "\(seen)")
}

@Test func readersBesideTheWriterSeeWholeStatesOnly() async throws {
  let store = try StoreHarness.create(StoreHarness.disk(), cachePages: 20)
  func write(_ lsn: UInt64) throws {
    let transaction = store.beginTransaction(time: Timestamp(microseconds: Int64(lsn))) { 1 }
    for row in 0..<80 as Range<UInt64> {
      var value = ByteWriter()
      for _ in 0..<30 { value.u64(lsn &* 1_000_003 &+ row) }
      try transaction.put(StoreHarness.plain, key: key(row), value: value.bytes)
    }
    _ = try store.commit(transaction)
    try store.publish(lsn: LSN(lsn))
  }
  try write(1)
  let reads = try await withThrowingTaskGroup(of: Int.self) { group in
    for reader in 0..<3 as Range<UInt64> {
      group.addTask {
        var generator = SplitMix64(seed: reader)
        var reads = 0
        while store.publishedLSN < LSN(300) || reads < 200 {
          let snapshot = store.snapshot(purpose: "reader")
          for _ in 0..<20 {
            let row = UInt64.random(in: 0..<80, using: &generator)
            let value = try snapshot.withValue(tree: StoreHarness.plain.tree, key: key(row)) {
              [UInt8](copying: $0)
            }
            var expected = ByteWriter()
            for _ in 0..<30 { expected.u64(snapshot.lsn.rawValue &* 1_000_003 &+ row) }
            #expect(value == expected.bytes)
            reads += 1
          }
          // The pool may have fewer threads than there are readers: let the writer run.
          await Task.yield()
        }
        return reads
      }
    }
    group.addTask {
      for lsn in 2...300 as ClosedRange<UInt64> {
        try write(lsn)
        if lsn % 10 == 0 { try store.checkpoint() }
        await Task.yield()
      }
      return 0
    }
    var total = 0
    for try await count in group { total += count }
    return total
  }
  #expect(reads >= 600)
  #expect(store.info().cache.evictions > 0)
  StoreHarness.expectSound(store)
}
