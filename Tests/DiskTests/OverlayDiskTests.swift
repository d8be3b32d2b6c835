// OverlayDisk: the disk below is never changed, and what shows above is what a disk of its own would
// show after the same calls. The oracle is a copy of the disk below.

import Bytes
import Disk
import Testing

@Suite struct OverlayDiskTests {
  static func below() -> SimulatedDisk {
    let disk = SimulatedDisk()
    for (index, name) in ["f/a", "f/b", "f/g/c", "d"].enumerated() {
      disk.install(
        name, (0..<(5000 * index + 100)).map { UInt8(truncatingIfNeeded: $0 &* (index + 3)) })
    }
    return disk
  }

  static let paths = ["f/a", "f/b", "f/g/c", "f/g", "f/n", "n", "n/x", "d", "f", "f/g/x"]

  static func all(_ disk: any Disk) -> [String] {
    var lines: [String] = []
    for path in ["", "f", "f/g", "n", "f/n"] {
      let names = (try? disk.list(path)).map { "\($0)" } ?? "none"
      lines.append(path + ": " + names)
    }
    for path in paths {
      guard let file = try? disk.open(path, mode: .readOnly), let size = try? file.size() else {
        continue
      }
      let bytes = (try? file.read(Int(size), at: 0)) ?? []
      lines.append("\(path) \(size) \(bytes.hashValue)")
    }
    return lines
  }

  /// One random call on any disk; what it said.
  static func call(_ disk: any Disk, _ random: SplitMix64) -> String {
    var random = random
    let path = paths[Int(random.next() % UInt64(paths.count))]
    let other = paths[Int(random.next() % UInt64(paths.count))]
    let offset = random.next() % 12_000
    let kind = random.next() % 8
    let said = kindOfError {
      switch kind {
      case 0: _ = try disk.create(path)
      case 1: try disk.createDirectory(path)
      case 2:
        // The overlay moves no folders, which nothing does on top of one.
        if (try? disk.list(path)) == nil { try disk.rename(path, to: other) }
      case 3: try disk.remove(path)
      case 4: try disk.syncDirectory(path)
      default:
        let file = try disk.open(path, mode: .readWrite)
        switch kind {
        case 5: try file.truncate(offset)
        case 6: try file.reserve(offset)
        default:
          let byte = UInt8(random.next() & 0xff)
          try file.write([UInt8](repeating: byte, count: Int(random.next() % 9000)), at: offset)
        }
        try file.sync()
      }
    }
    return "\(kind) \(path) \(other): \(said)"
  }

  static func kindOfError(_ body: () throws -> Void) -> String {
    kind(body).map { "\($0)" } ?? "fine"
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func itShowsWhatACopyWouldShowAndLeavesTheDiskBelowAlone(seed: UInt64) throws {
    let below = Self.below()
    let oracle = below.clone()
    let before = below.files.map { ($0, below.contents($0)) }
    let overlay = OverlayDisk(over: below)
    below.startTrace()
    var random = SplitMix64(seed: seed)
    for step in 0..<60 {
      let calls = SplitMix64(seed: random.next())
      #expect(
        Self.call(overlay, calls) == Self.call(oracle, calls), "seed \(seed) step \(step)")
      #expect(Self.all(overlay) == Self.all(oracle), "seed \(seed) step \(step)")
    }
    #expect(below.trace.allSatisfy { !$0.kind.changes })
    #expect(below.unsyncedCount == 0)
    #expect(below.files.count == before.count)
    for (path, bytes) in before { #expect(below.contents(path) == bytes, "\(path)") }
  }

  @Test func twoOverlaysDoNotSeeEachOther() throws {
    let below = Self.below()
    let first = OverlayDisk(over: below)
    let second = OverlayDisk(over: below)
    try first.open("d", mode: .readWrite).write([1, 2, 3], at: 0)
    try first.remove("f/a")
    #expect(try second.open("d", mode: .readOnly).read(3, at: 0) == [0, 6, 12])
    #expect(try second.exists("f/a"))
    #expect(try first.open("d", mode: .readOnly).read(4, at: 0) == [1, 2, 3, 18])
  }

  @Test func aLockBelowHolds() throws {
    let below = Self.below()
    let overlay = OverlayDisk(over: below)
    let lock = try below.lock("LOCK")
    #expect(kind { _ = try overlay.lock("LOCK") } == .locked)
    withExtendedLifetime(lock) {}
  }
}
