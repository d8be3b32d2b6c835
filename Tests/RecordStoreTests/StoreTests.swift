// The store end to end: transactions, snapshots, checkpoints, reopening, damage.

import Bytes
import CommitLog
import Disk
import RecordStore
import Testing

@Test func whatWasPublishedIsThereAfterACheckpointAndAReopening() throws {
  let disk = StoreHarness.disk()
  let store = try StoreHarness.create(disk)
  let transaction = store.beginTransaction(time: Timestamp(microseconds: 5)) { 1 }
  try transaction.put(StoreHarness.plain, key: [1], value: [10])
  try transaction.put(StoreHarness.grouped, key: [2], value: [20])
  let operations = try store.commit(transaction)
  #expect(operations.count == 2)
  #expect(store.snapshot(purpose: "before").trees == [])
  try store.publish(lsn: LSN(1))
  let hash = try store.contentHash(store.snapshot(purpose: "hash"))
  #expect(try store.checkpoint())
  StoreHarness.expectSound(store)
  store.close()

  let (again, opening) = try StoreHarness.open(disk)
  #expect(opening.checkpointLSN == LSN(1))
  #expect(opening.checkpointTime == Timestamp(microseconds: 5))
  #expect(opening.otherRejected == nil)
  #expect(again.databaseID == StoreHarness.databaseID)
  let snapshot = again.snapshot(purpose: "read")
  let value = try snapshot.withValue(tree: StoreHarness.plain.tree, key: [1]) {
    [UInt8](copying: $0)
  }
  #expect(value == [10])
  #expect(try again.contentHash(snapshot) == hash)
  StoreHarness.expectSound(again)
}

@Test(arguments: 0..<12 as Range<UInt64>)
func aStoreUnderRandomWorkEqualsItsModel(seed: UInt64) throws {
  let disk = StoreHarness.disk()
  // Half of the runs have a cache that is far too small.
  let cachePages = seed % 2 == 0 ? 24 : 256
  var store = try StoreHarness.create(disk, cachePages: cachePages)
  var work = StoreWorkload(seed: seed)
  var choice = SplitMix64(seed: seed &+ 1000)
  var held: [(Snapshot, StoreModel)] = []
  for step in 0..<600 {
    try work.step(store)
    let note = "seed \(seed), step \(step)"
    switch Int.random(in: 0..<40, using: &choice) {
    case 0: try store.checkpoint()
    case 1...3: held.append((store.snapshot(purpose: "test"), work.model))
    case 4...7 where !held.isEmpty:
      let (snapshot, model) = held.remove(at: Int.random(in: 0..<held.count, using: &choice))
      #expect(try StoreModel.read(snapshot) == model, "\(note)")
    case 8:
      held = []
      store.close()
      let opening: StoreOpening
      (store, opening) = try StoreHarness.open(disk, cachePages: cachePages)
      var replay = Replay(into: store)
      for entry in work.log where entry.lsn > opening.checkpointLSN { try replay.add(entry) }
      try replay.finish()
      #expect(try StoreModel.read(store.snapshot(purpose: "test")) == work.model, "\(note)")
    case 9: StoreHarness.expectSound(store, note)
    default: break
    }
  }
  for (snapshot, model) in held { #expect(try StoreModel.read(snapshot) == model, "seed \(seed)") }
  #expect(try StoreModel.read(store.snapshot(purpose: "test")) == work.model, "seed \(seed)")
  StoreHarness.expectSound(store, "seed \(seed)")
}

@Test(arguments: 0..<4 as Range<UInt64>)
func workGoesOnWhileACheckpointIsWritten(seed: UInt64) throws {
  let disk = StoreHarness.disk()
  let store = try StoreHarness.create(disk, cachePages: 32)
  var work = StoreWorkload(seed: seed)
  for _ in 0..<30 {
    for _ in 0..<5 { try work.step(store) }
    let frozen = try #require(try store.freeze())
    let model = work.model
    for _ in 0..<5 { try work.step(store) }
    #expect(try store.freeze() == nil)
    try store.writeFrozen(frozen)
    for _ in 0..<5 { try work.step(store) }
    // A crash here finds the frozen state.
    let (other, opening) = try StoreHarness.open(disk.restart(keeping: .none), cachePages: 32)
    #expect(opening.checkpointLSN == frozen.lsn, "seed \(seed)")
    #expect(try StoreModel.read(other.snapshot(purpose: "test")) == model, "seed \(seed)")
    StoreHarness.expectSound(other, "seed \(seed)")
    store.finish(frozen)
  }
  StoreHarness.expectSound(store, "seed \(seed)")
}

@Test func aCrashAtAnyDiskCallLeavesOneOfTheTwoCheckpoints() throws {
  func run(_ disk: SimulatedDisk) throws -> [LSN: StoreModel] {
    var states: [LSN: StoreModel] = [.zero: StoreModel()]
    let (store, _) = try StoreHarness.open(disk)
    var work = StoreWorkload(seed: 3)
    for _ in 0..<5 {
      for _ in 0..<12 {
        try work.step(store)
        states[store.publishedLSN] = work.model
      }
      try store.checkpoint()
    }
    return states
  }
  let fresh = StoreHarness.disk()
  try StoreHarness.create(fresh).close()
  let whole = fresh.clone()
  let states = try run(whole)
  var lastSeen = LSN.zero
  for call in 0..<whole.callCount {
    for moment in SimulatedDisk.Moment.allCases {
      let disk = fresh.clone()
      disk.crash(atCall: call, moment)
      _ = try? run(disk)
      for survival in [SimulatedDisk.Survival.none, .all, .random(seed: UInt64(call))] {
        let note = "call \(call) \(moment) \(survival)"
        let (store, opening) = try StoreHarness.open(disk.restart(keeping: survival))
        let found = try StoreModel.read(store.snapshot(purpose: "test"))
        #expect(found == states[opening.checkpointLSN], "\(note)")
        #expect(opening.checkpointLSN.rawValue % 12 == 0, "\(note)")
        if case .none = survival {
          #expect(opening.checkpointLSN >= lastSeen, "\(note)")
          lastSeen = opening.checkpointLSN
        }
        StoreHarness.expectSound(store, note)
      }
    }
  }
  #expect(lastSeen == LSN(60))
}

@Test func aCrashWhileTheStoreIsMadeLeavesNoStoreOrAnEmptyOne() throws {
  let whole = StoreHarness.disk()
  try StoreHarness.create(whole).close()
  for call in 0..<whole.callCount {
    for seed in 0..<4 as Range<UInt64> {
      let disk = StoreHarness.disk()
      disk.crash(atCall: call)
      _ = try? StoreHarness.create(disk)
      let after = disk.restart(keeping: .random(seed: seed))
      let store =
        try after.exists(StoreHarness.file)
        ? try StoreHarness.open(after).0 : try StoreHarness.create(after)
      #expect(store.publishedLSN == .zero)
      StoreHarness.expectSound(store, "call \(call), seed \(seed)")
    }
  }
}
