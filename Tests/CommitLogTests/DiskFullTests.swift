// A full volume: rotation needs a new file, and its absence must cost nothing but the append.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct DiskFullTests {
  /// Appends until one fails; the LSN of the last that did not.
  func fill(_ log: FileCommitLog, from first: UInt64) -> UInt64 {
    var lsn = first
    while (try? log.append([Fixture.entry(lsn, valueBytes: 200)])) != nil { lsn += 1 }
    return lsn - 1
  }

  @Test func aFullVolumeRefusesAnAppendAndTheLogGoesOnWhenThereIsSpace() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    disk.capacity = 20 << 10
    let last = fill(log, from: 1)
    #expect(last > 10 && log.durableLSN == LSN(last))
    let before = disk.files.map { disk.contents($0) }
    for _ in 0..<3 {
      #expect(throws: LogError.self) {
        try log.append([Fixture.entry(last + 1, valueBytes: 200)])
      }
      #expect(throws: LogError.self) { try log.prepareNextSegment() }
      #expect(throws: DiskError.self) { try log.ensureRoom(forFrame: 4000) }
    }
    // No seal, no leftover: the log and the volume are as they were.
    #expect(disk.files.map { disk.contents($0) } == before)
    #expect(try Fixture.all(log).count == Int(last))
    disk.capacity = nil
    try log.append([Fixture.entry(last + 1, valueBytes: 200)])
    #expect(try Fixture.all(log).count == Int(last) + 1)
    let (again, _) = try Fixture.open(disk.restart(keeping: .none), 8 << 10)
    #expect(again.durableLSN == LSN(last + 1))
  }

  @Test func releasedSpaceIsEnoughToGoOn() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    disk.capacity = 24 << 10
    var last = fill(log, from: 1)
    for _ in 0..<5 {
      try log.release(below: LSN(last))
      let next = fill(log, from: last + 1)
      #expect(next > last)
      last = next
    }
    // Behind a tear, or in a used file, opening needs the space of one segment.
    disk.capacity = nil
    let (again, _) = try Fixture.open(disk.restart(keeping: .none), 8 << 10)
    #expect(again.durableLSN == LSN(last))
  }

  @Test func roomOnceEnsuredIsThere() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...100 as ClosedRange<UInt64> {
      disk.capacity = nil
      try log.ensureRoom(forFrame: 400)
      disk.capacity = 0
      try log.append([Fixture.entry(lsn, valueBytes: 200)])
    }
  }

  /// A full volume at any allocation while a log is opened after a tear: the next opening, with
  /// space, finds everything.
  @Test func aFullVolumeDuringRecoveryLosesNothing() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...5 as ClosedRange<UInt64> { try log.append([Fixture.entry(lsn)]) }
    disk.fail(.write, effect: .half)
    #expect(throws: LogError.self) { try log.append([Fixture.entry(6, valueBytes: 900)]) }
    let torn = disk.restart(keeping: .all)
    torn.capacity = 8 << 10
    #expect(throws: LogError.self) { _ = try Fixture.open(torn, 8 << 10) }
    #expect(torn.files == ["log/00000000000000000001.log"])
    torn.capacity = nil
    #expect(try Fixture.open(torn, 8 << 10).log.durableLSN == LSN(5))
  }
}
