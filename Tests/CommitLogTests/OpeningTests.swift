// Opening reads what the owner needs, and no more: the segments behind its checkpoint are left to whoever
// reads them, who finds their damage.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct OpeningTests {
  static let entries = (1...80).map { Fixture.entry($0, valueBytes: 150) }

  static func disk() throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for entry in entries { try log.append([entry]) }
    return disk
  }

  static func open(_ disk: SimulatedDisk, applied: UInt64) throws -> FileCommitLog {
    try FileCommitLog.open(
      disk: disk, folder: Fixture.folder, databaseID: Fixture.databaseID,
      options: Fixture.options(8 << 10), evidence: LSN(80), applied: LSN(applied),
      time: Fixture.time
    ).log
  }

  /// First LSNs of the segments.
  static func firsts(_ disk: SimulatedDisk) throws -> [UInt64] {
    try LogImage.segments(of: disk).map {
      LogImage(try #require(disk.contents($0))).number(40, 8)
    }
  }

  func isCorrupt(_ error: any Error) -> Bool {
    if case .corrupt = error as? LogError { true } else { false }
  }

  @Test func onlySegmentsBeyondTheCheckpointAreWalked() throws {
    let disk = try Self.disk()
    let firsts = try Self.firsts(disk)
    for applied in [0, firsts[1] - 2, firsts[1] - 1, firsts[2] - 1, firsts[2], 80, .max] {
      let copy = disk.clone()
      copy.startTrace()
      let log = try Self.open(copy, applied: applied)
      let walked = copy.trace.count { $0.kind == .read && $0.count == 8 << 10 }
      #expect(walked == max(1, firsts.count - firsts.dropFirst().count { $0 - 1 <= applied }))
      #expect(try Fixture.all(log) == Self.entries)
      for start in [2, firsts[1], firsts[2] - 1, 80] {
        #expect(
          try Fixture.all(log, from: LSN(start)) == Array(Self.entries[Int(start - 1)...]))
      }
      try log.append([Fixture.entry(81)])
      try log.release(below: LSN(firsts[2]))
      #expect(log.oldestLSN == LSN(firsts[2]) && log.durableLSN == LSN(81))
    }
  }

  @Test func damageBehindTheCheckpointIsFoundByItsReader() throws {
    let disk = try Self.disk()
    let firsts = try Self.firsts(disk)
    let paths = LogImage.segments(of: disk)
    let image = LogImage(try #require(disk.contents(paths[1])))
    let seal = try #require(image.frames.last).range
    for offset in [4096, 5000, seal.lowerBound, seal.upperBound - 1] {
      let copy = disk.clone()
      copy.damage(paths[1], at: offset, with: [image.bytes[offset] ^ 0x22])
      #expect { try Self.open(copy, applied: firsts[2] - 2) } throws: { isCorrupt($0) }
      let log = try Self.open(copy, applied: firsts[2] - 1)
      #expect(
        try Fixture.all(log, from: LSN(firsts[2])) == Array(Self.entries[Int(firsts[2] - 1)...]))
      #expect { try Fixture.all(log) } throws: { isCorrupt($0) }
    }
  }

  /// A whole segment, and a file that ends early with a right seal.
  @Test func aGapBehindTheCheckpointIsFoundByItsReader() throws {
    let disk = try Self.disk()
    let firsts = try Self.firsts(disk)
    let paths = LogImage.segments(of: disk)
    let copy = disk.clone()
    try copy.remove(paths[1])
    #expect { try Self.open(copy, applied: 0) } throws: { isCorrupt($0) }
    let log = try Self.open(copy, applied: 80)
    #expect { try Fixture.all(log) } throws: { isCorrupt($0) }
    #expect(try Fixture.all(log, from: LSN(firsts[2])).count == Int(81 - firsts[2]))
  }
}
