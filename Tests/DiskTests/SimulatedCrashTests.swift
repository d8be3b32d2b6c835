// A crash at every call of a random workload, against a model of what may be on the disk then; and
// the same seed giving the same calls, answers and bytes.

import Bytes
import Disk
import Testing

@Suite struct SimulatedCrashTests {
  static let sectors = 6
  static let sectorBytes = SimulatedDisk.sectorBytes

  /// What a sector may hold: the value of the last sync, or one written since.
  struct Model {
    var durable = [UInt8](repeating: 0, count: sectors)
    var since: [[UInt8]] = Array(repeating: [], count: sectors)

    mutating func sync() {
      for sector in 0..<sectors {
        durable[sector] = since[sector].last ?? durable[sector]
        since[sector] = []
      }
    }
  }

  /// Random whole-sector writes and syncs until a call fails; what the disk may hold then.
  static func run(_ disk: SimulatedDisk, seed: UInt64) -> Model {
    var model = Model()
    var random = SplitMix64(seed: seed)
    do {
      let file = try disk.open("a", mode: .readWrite)
      for step in 1...40 {
        if random.next() % 5 == 0 {
          // A crash after the call leaves it done, one before it not: `since` allows both.
          let synced = model
          try file.sync()
          model = synced
          model.sync()
        } else {
          let first = Int(random.next() % UInt64(sectors))
          let count = 1 + Int(random.next() % UInt64(sectors - first))
          for sector in first..<first + count { model.since[sector].append(UInt8(step)) }
          try file.write(
            [UInt8](repeating: UInt8(step), count: count * sectorBytes),
            at: UInt64(first * sectorBytes))
        }
      }
    } catch {}
    return model
  }

  static func disk() -> SimulatedDisk {
    let disk = SimulatedDisk()
    disk.install("a", [UInt8](repeating: 0, count: sectors * sectorBytes))
    return disk
  }

  @Test(arguments: SimulatedDisk.Moment.allCases)
  func aCrashAtAnyCallLeavesEachSectorAsSyncedOrAsWrittenSince(
    _ moment: SimulatedDisk.Moment
  ) throws {
    var isTorn = false
    for seed in 0..<6 as Range<UInt64> {
      for call in 0..<42 {
        let disk = Self.disk()
        disk.crash(atCall: call, moment)
        let model = Self.run(disk, seed: seed)
        for mask in [0, 1, 0b10101, 0b101010, UInt64.max] as [UInt64] {
          let bytes = try #require(disk.restart(keeping: .mask(mask)).contents("a"))
          for sector in 0..<Self.sectors {
            let start = sector * Self.sectorBytes
            let found = Set(bytes[start..<start + Self.sectorBytes])
            let allowed = [model.durable[sector]] + model.since[sector]
            #expect(
              found.count == 1 && found.isSubset(of: Set(allowed)),
              "seed \(seed) call \(call) mask \(mask) sector \(sector)")
          }
          isTorn = isTorn || Set(bytes).count > 2
        }
        // Whatever the crash does to the others, a sector without unsynced writes is as synced.
        let bytes = try #require(disk.restart(keeping: .random(seed: seed)).contents("a"))
        for sector in 0..<Self.sectors where model.since[sector].isEmpty {
          #expect(
            bytes[(sector * Self.sectorBytes)...].prefix(Self.sectorBytes)
              .allSatisfy { $0 == model.durable[sector] },
            "seed \(seed) call \(call) sector \(sector)")
        }
      }
    }
    #expect(isTorn)
  }

  /// A life with every fault in it: what was answered, what was called, what is left.
  static func life(seed: UInt64) -> (answers: [String], trace: [DiskCall], files: [[UInt8]]) {
    var random = SplitMix64(seed: seed)
    var disk = disk()
    disk.startTrace()
    var answers: [String] = []
    var trace: [DiskCall] = []
    for _ in 0..<80 {
      switch random.next() % 24 {
      case 0: disk.fail(.write, effect: .half)
      case 1: disk.fail(nil, skipping: Int(random.next() % 3), with: .noSpace)
      case 2: disk.lieAboutSyncs(disk.callCount..<disk.callCount + 4)
      case 3: disk.flipBit("a", bit: Int(random.next() % 20_000))
      case 4: disk.swapRanges("a", 0, sectorBytes, count: sectorBytes)
      case 5: disk.capacity = 20_000 + random.next() % 40_000
      case 6, 7:
        disk.crash(
          atCall: disk.callCount + Int(random.next() % 3), random.next() & 1 == 0 ? .after : .before
        )
      default: answers.append(OverlayDiskTests.call(disk, SplitMix64(seed: random.next())))
      }
      if disk.isCrashed {
        trace += disk.trace
        disk = disk.restart(keeping: .random(seed: random.next()))
        disk.startTrace()
      }
    }
    return (answers, trace + disk.trace, disk.files.compactMap { disk.contents($0) })
  }

  @Test func oneSeedGivesOneLife() {
    var lives: Set<[String]> = []
    var crashes = 0
    for seed in 0..<60 as Range<UInt64> {
      let first = Self.life(seed: seed)
      let second = Self.life(seed: seed)
      #expect(first.answers == second.answers, "seed \(seed)")
      #expect(first.trace == second.trace, "seed \(seed)")
      #expect(first.files == second.files, "seed \(seed)")
      lives.insert(first.answers)
      crashes += first.answers.filter { $0.hasSuffix("crashed") }.count
    }
    #expect(lives.count == 60)
    #expect(crashes > 60)
  }
}
