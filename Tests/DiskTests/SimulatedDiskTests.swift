// The fault model of SimulatedDisk, number by number.

import Disk
import Testing

@Suite struct SimulatedDiskTests {
  /// A disk with a durable file "a" of `count` bytes of value 1.
  func disk(_ count: Int = 2048) throws -> (SimulatedDisk, any DiskFile) {
    let disk = SimulatedDisk()
    disk.install("a", [UInt8](repeating: 1, count: count))
    return (disk, try disk.open("a", mode: .readWrite))
  }

  @Test func unsyncedWritesAreLostAndSyncedOnesStay() throws {
    let (disk, file) = try disk()
    try file.write([2, 2], at: 0)
    try file.sync()
    try file.write([3, 3], at: 1000)
    #expect(try file.read(2, at: 1000) == [3, 3])
    disk.crash()
    let lost = try #require(disk.restart(keeping: .none).contents("a"))
    #expect(lost[0] == 2 && lost[1000] == 1)
    let kept = try #require(disk.restart(keeping: .all).contents("a"))
    #expect(kept[0] == 2 && kept[1000] == 3)
  }

  @Test func everySubsetOfSectorsCanSurvive() throws {
    let (disk, file) = try disk()
    try file.write([UInt8](repeating: 2, count: 1024), at: 256)
    #expect(disk.unsyncedCount == 3)
    var seen: Set<[UInt8]> = []
    for mask in 0..<8 as Range<UInt64> {
      let bytes = try #require(disk.restart(keeping: .mask(mask)).contents("a"))
      seen.insert(bytes)
      #expect(bytes[300] == (mask & 1 != 0 ? 2 : 1))
      #expect(bytes[600] == (mask & 2 != 0 ? 2 : 1))
      #expect(bytes[1100] == (mask & 4 != 0 ? 2 : 1))
    }
    #expect(seen.count == 8)
  }

  @Test func everyFateHappensAndNoneTouchesTheBytesBeside() throws {
    let (disk, file) = try disk()
    try file.write([UInt8](repeating: 2, count: 100), at: 600)
    try file.write([UInt8](repeating: 3, count: 100), at: 600)
    var fates: Set<String> = []
    for seed in 0..<200 as Range<UInt64> {
      let bytes = try #require(disk.restart(keeping: .random(seed: seed)).contents("a"))
      #expect(bytes[..<600].allSatisfy { $0 == 1 } && bytes[700...].allSatisfy { $0 == 1 })
      let part = Set(bytes[600..<700])
      fates.insert(part.count == 1 ? "\(part.first ?? 0)" : "garbage")
      #expect(disk.restart(keeping: .random(seed: seed)).contents("a") == bytes)
    }
    #expect(fates == ["1", "2", "3", "garbage"])
  }

  @Test func anUnsyncedSizeIsOneUnit() throws {
    let (disk, file) = try disk(512)
    try file.reserve(2048)
    try file.write([5], at: 1600)
    #expect(disk.unsyncedCount == 2)
    #expect(disk.restart(keeping: .none).contents("a")?.count == 512)
    #expect(disk.restart(keeping: .mask(2)).contents("a")?.count == 512)
    #expect(disk.restart(keeping: .mask(1)).contents("a")?.count == 2048)
    #expect(disk.restart(keeping: .all).contents("a")?[1600] == 5)
    try file.sync()
    #expect(disk.unsyncedCount == 0)
    #expect(disk.restart(keeping: .none).contents("a")?[1600] == 5)
  }

  @Test func bytesCutOffAndGrownAgainAreZeroOnlyAfterASync() throws {
    let (disk, file) = try disk(1024)
    try file.truncate(100)
    try file.truncate(1024)
    #expect(try file.read(1, at: 700) == [0])
    #expect(disk.restart(keeping: .none).contents("a")?[700] == 1)
    try file.sync()
    #expect(disk.restart(keeping: .none).contents("a")?[700] == 0)
  }

  @Test func namesWaitForTheSyncOfTheirFolder() throws {
    let disk = SimulatedDisk()
    try disk.createDirectory("f")
    try disk.syncDirectory("")
    let file = try disk.create("f/a")
    try file.write([1], at: 0)
    try file.sync()
    #expect(disk.unsyncedCount == 1)
    #expect(disk.restart(keeping: .none).files == [])
    try disk.syncDirectory("f")
    #expect(disk.restart(keeping: .none).contents("f/a") == [1])
    try disk.rename("f/a", to: "f/b")
    #expect(disk.restart(keeping: .none).files == ["f/a"])
    #expect(disk.restart(keeping: .all).files == ["f/b"])
    try disk.remove("f/b")
    #expect(disk.restart(keeping: .none).files == ["f/a"])
    #expect(disk.restart(keeping: .mask(1)).files == ["f/b"])
    #expect(disk.restart(keeping: .all).files == [])
    try disk.syncDirectory("f")
    #expect(disk.restart(keeping: .none).files == [])
  }

  @Test func aLostFolderLosesWhatIsInIt() throws {
    let disk = SimulatedDisk()
    try disk.createDirectory("f")
    let file = try disk.create("f/a")
    try file.sync()
    try disk.syncDirectory("f")
    #expect(disk.restart(keeping: .none).files == [])
    #expect(disk.restart(keeping: .all).files == ["f/a"])
  }

  @Test func aCrashComesBeforeOrAfterItsCallAndEndsEverything() throws {
    for moment in SimulatedDisk.Moment.allCases {
      let (disk, file) = try disk()
      disk.crash(atCall: disk.callCount + 1, moment)
      try file.write([2], at: 0)
      #expect(kind { try file.sync() } == .crashed)
      #expect(kind { _ = try file.read(1, at: 0) } == .crashed)
      #expect(kind { _ = try disk.open("a", mode: .readOnly) } == .crashed)
      let found = disk.restart(keeping: .none).contents("a")?[0]
      #expect(found == (moment == .before ? 1 : 2))
    }
  }

  @Test func callsFailOnceOrForEver() throws {
    let (disk, file) = try disk()
    disk.fail(.write, skipping: 1, with: .noSpace)
    try file.write([2], at: 0)
    #expect(kind { try file.write([3], at: 0) } == .noSpace)
    try file.write([4], at: 1)
    #expect(disk.contents("a")?[0...1] == [2, 4])
    disk.fail(nil, lasting: true)
    for _ in 0..<3 { #expect(kind { try file.write([9], at: 0) } == .inputOutput(5)) }
    #expect(kind { _ = try file.size() } == .inputOutput(5))
    disk.clearFailures()
    #expect(try file.read(1, at: 0) == [2])
  }

  @Test func aFailedWriteCanHaveBeenDoneWhollyOrHalf() throws {
    for effect in SimulatedDisk.Effect.allCases {
      let (disk, file) = try disk()
      disk.fail(.write, effect: effect)
      #expect(kind { try file.write([8, 8, 8, 8], at: 0) } == .inputOutput(5))
      let expected: [UInt8] =
        switch effect {
        case .none: [1, 1, 1, 1]
        case .half: [8, 8, 1, 1]
        case .whole: [8, 8, 8, 8]
        }
      #expect(try file.read(4, at: 0) == expected)
    }
  }

  @Test func aFailedSyncForgetsWhatWasUnsynced() throws {
    let (disk, file) = try disk()
    try file.write([2], at: 0)
    disk.fail(.sync)
    #expect(kind { try file.sync() } == .inputOutput(5))
    // The second sync says yes, reads see the data, and it never reaches the disk.
    try file.sync()
    #expect(try file.read(1, at: 0) == [2])
    #expect(disk.restart(keeping: .all).contents("a")?[0] == 1)

    try file.write([3], at: 1)
    disk.fail(.sync, effect: .whole)
    #expect(kind { try file.sync() } == .inputOutput(5))
    #expect(disk.restart(keeping: .none).contents("a")?[1] == 3)
  }

  @Test func aLyingSyncLeavesEverythingUnsynced() throws {
    let (disk, file) = try disk()
    disk.lieAboutSyncs(0..<1000)
    try file.write([2], at: 0)
    try file.sync()
    #expect(disk.restart(keeping: .none).contents("a")?[0] == 1)
    disk.lieAboutSyncs(nil)
    try file.sync()
    #expect(disk.restart(keeping: .none).contents("a")?[0] == 2)
  }

  @Test func aFullDiskRefusesGrowthOnly() throws {
    let (disk, file) = try disk(1000)
    disk.capacity = 1500
    #expect(try disk.freeBytes("") == 500)
    #expect(kind { try file.reserve(1501) } == .noSpace)
    try file.write([2], at: 999)
    try file.reserve(1500)
    let other = try disk.create("b")
    #expect(kind { try other.write([1], at: 0) } == .noSpace)
    try disk.remove("a")
    try other.write([1], at: 0)
  }

  @Test func damageAtRestIsSeenAndSurvives() throws {
    let (disk, file) = try disk()
    let earlier = disk.clone()
    try file.write([2, 3], at: 512)
    try file.sync()
    disk.swapRanges("a", 0, 512, count: 2)
    #expect(try file.read(2, at: 0) == [2, 3])
    #expect(disk.restart(keeping: .none).contents("a")?[512] == 1)
    disk.flipBit("a", bit: 8 * 1024 + 2)
    #expect(try file.read(1, at: 1024) == [5])
    disk.revert("a", 0..<2048, to: earlier)
    #expect(disk.contents("a") == earlier.contents("a"))
  }

  @Test func aCloneGoesItsOwnWay() throws {
    let (disk, file) = try disk()
    try file.write([2], at: 0)
    let clone = disk.clone()
    #expect(clone.unsyncedCount == 1)
    try file.write([3], at: 0)
    try file.sync()
    #expect(clone.contents("a")?[0] == 2)
    #expect(clone.restart(keeping: .none).contents("a")?[0] == 1)
  }

  @Test func everyCallIsCountedAndTraced() throws {
    let disk = SimulatedDisk()
    disk.startTrace()
    let file = try disk.create("a")
    try file.write([1, 2], at: 3)
    try file.sync()
    _ = try disk.list("")
    #expect(disk.callCount == 4)
    #expect(disk.trace.map(\.kind) == [.create, .write, .sync, .list])
    #expect(disk.trace[1] == DiskCall(kind: .write, path: "a", offset: 3, count: 2))
  }

  @Test func manyThreadsMayCallAtOnce() async throws {
    let (disk, _) = try disk(64 * 512)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          let file = try disk.open("a", mode: .readWrite)
          for round in 0..<200 {
            try file.write([UInt8(worker), UInt8(round)], at: UInt64(worker * 4096))
            _ = try file.read(2, at: UInt64(worker * 4096))
            if round % 10 == 0 { try file.sync() }
          }
        }
      }
      try await group.waitForAll()
    }
    let bytes = try #require(disk.contents("a"))
    for worker in 0..<8 {
      #expect(bytes[worker * 4096] == UInt8(worker) && bytes[worker * 4096 + 1] == 199)
    }
  }
}
