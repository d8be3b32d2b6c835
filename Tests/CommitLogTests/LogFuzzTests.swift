// Arbitrary and well-formed nonsense: opening and reading ends in entries or in an error, never in a
// trap, also when the hashes over the nonsense are right.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct LogFuzzTests {
  /// Opens and reads; what was thrown, if anything.
  func use(_ path: String, _ bytes: [UInt8], _ base: SimulatedDisk) -> (any Error)? {
    let disk = base.clone()
    disk.install(path, bytes)
    do {
      let log = try Fixture.open(disk, 8 << 10).log
      try log.read(from: log.oldestLSN) { entry in _ = entry.operations.count }
      return nil
    } catch { return error }
  }

  static func nonsense(_ random: inout SplitMix64) -> UInt64 {
    switch random.next() % 6 {
    case 0: 0
    case 1: .max
    case 2: 1 << (random.next() % 64)
    case 3: (1 << (random.next() % 64)) &- 1
    case 4: random.next() % 300
    default: random.next()
    }
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func framesOfNonsenseWithRightHashesNeverTrap(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (disk, log) = try Fixture.disk([1...3, 4...4, 5...9], valueBytes: 60, 8 << 10)
    try log.tick()
    let (path, whole) = LogImage.last(of: disk)
    let frames = whole.frames
    var refused = 0
    for round in 0..<scaled(ci: 2500, nightly: 4_000_000) {
      var image = whole
      let index = Int(random.next() % UInt64(frames.count))
      let range = frames[index].range
      for _ in 0...random.next() % 3 {
        switch random.next() % 3 {
        case 0:
          let (field, width) = [
            (0, 4), (4, 2), (6, 2), (8, 8), (16, 4), (20, 4), (24, 8), (32, 8),
          ][
            Int(random.next() % 8)]
          image.set(Self.nonsense(&random), at: range.lowerBound + field, width)
        case 1 where range.count > 64:
          let width = [1, 2, 4, 8][Int(random.next() % 4)]
          let at = Int.random(in: range.lowerBound + 48...range.upperBound - width, using: &random)
          image.set(Self.nonsense(&random), at: at, width)
        default:
          let at = Int.random(in: range, using: &random)
          image.bytes[at] ^= 1 << UInt8(random.next() % 8)
        }
      }
      image.rehash(range)
      if round % 2 == 0 { image.rechain(from: index) }
      if use(path, image.bytes, disk) != nil { refused += 1 }
    }
    #expect(refused > 1000, "seed \(seed)")
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func headersOfNonsenseWithRightHashesNeverTrap(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (disk, _) = try Fixture.disk([1...3, 4...4], valueBytes: 60, 8 << 10)
    let (path, whole) = LogImage.last(of: disk)
    var refused = 0
    for _ in 0..<scaled(ci: 1000, nightly: 1_000_000) {
      var image = whole
      let (field, width) = [(8, 4), (12, 4), (16, 8), (32, 8), (40, 8), (48, 8), (56, 8), (64, 8)][
        Int(random.next() % 8)]
      image.set(Self.nonsense(&random), at: field, width)
      image.rehashHeader()
      if use(path, image.bytes, disk) != nil { refused += 1 }
    }
    #expect(refused > 100, "seed \(seed)")
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func noiseBehindARightHeaderIsATear(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (disk, _) = try Fixture.disk([], 8 << 10)
    let (path, whole) = LogImage.last(of: disk)
    for _ in 0..<scaled(ci: 200, nightly: 200_000) {
      var image = whole
      for index in 4096..<8192 where random.next() % 4 != 0 {
        image.bytes[index] = UInt8(random.next() & 0xff)
      }
      #expect(use(path, image.bytes, disk) == nil, "seed \(seed)")
    }
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func noiseInsteadOfAFileIsRefused(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (disk, _) = try Fixture.disk([], 8 << 10)
    let (path, _) = LogImage.last(of: disk)
    for _ in 0..<scaled(ci: 200, nightly: 200_000) {
      let bytes = (0..<Int(random.next() % 9000)).map { _ in UInt8(random.next() & 0xff) }
      #expect(use(path, bytes, disk) is LogError, "seed \(seed)")
    }
  }
}
