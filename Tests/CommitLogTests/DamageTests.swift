// Tear or damage: random damage to synced frames that have evidence is always refused, random damage
// to a frame that was under way never is.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct DamageTests {
  /// Some bytes of `range` become something else: flipped, zeroed, noise, or another place's bytes.
  static func damage(
    _ bytes: inout [UInt8], _ range: Range<Int>, _ random: inout SplitMix64
  ) {
    let before = bytes
    while bytes == before {
      let start = Int.random(in: range, using: &random)
      let count = Int.random(in: 1...min(range.upperBound - start, 600), using: &random)
      let from = Int.random(in: 0...bytes.count - count, using: &random)
      for index in 0..<count {
        switch random.next() % 4 {
        case 0: bytes[start] ^= 1 << UInt8(random.next() % 8)
        case 1: bytes[start + index] = 0
        case 2: bytes[start + index] = UInt8(random.next() & 0xff)
        default: bytes[start + index] = before[from + index]
        }
      }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func damageToSyncedFramesIsAlwaysRefused(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...40 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn)])
      if lsn == 12 { try log.release(below: LSN(12)) }
    }
    try log.tick()
    let paths = LogImage.segments(of: disk)
    for round in 0..<scaled(ci: 625, nightly: 250_000) {
      let path = paths[Int(random.next() % UInt64(paths.count))]
      let image = LogImage(try #require(disk.contents(path)))
      // All but the final tick have been followed by something.
      let frames = path == paths.last ? image.frames.dropLast() : image.frames[...]
      guard let frame = frames.randomElement(using: &random) else { continue }
      let copy = disk.clone()
      var bytes = image.bytes
      Self.damage(&bytes, frame.range, &random)
      copy.install(path, bytes)
      #expect(
        Fixture.refusal(copy, 8 << 10) != nil, "seed \(seed) round \(round) \(path) \(frame)")
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func damageToTheFrameUnderWayIsATear(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<scaled(ci: 157, nightly: 62_500) {
      let (disk, log) =
        round % 3 == 0 ? try Fixture.usedDisk() : try Fixture.disk([1...3, 4...4], 8 << 10)
      let durable = log.durableLSN
      // So that the first sync is that of the seal or of the frame.
      try log.prepareNextSegment()
      let size = Int.random(in: 0...1500, using: &random)
      disk.fail(.sync, effect: .whole)
      #expect(throws: LogError.self) {
        try log.append([Fixture.entry(durable.rawValue + 1, valueBytes: size)])
      }
      var (path, image) = LogImage.last(of: disk)
      let whole = image.bytes
      let frame = try #require(image.frames.last)
      for part in 0..<4 {
        image.bytes = whole
        Self.damage(&image.bytes, frame.range, &random)
        let copy = disk.clone()
        copy.install(path, image.bytes)
        let place = "seed \(seed) round \(round).\(part)"
        let opened = try Fixture.open(copy, 8 << 10).log
        #expect(opened.durableLSN == durable, "\(place)")
        #expect(try Fixture.all(opened).last?.lsn ?? .zero == durable, "\(place)")
      }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func aDiskThatLiesLeavesAnOlderHistoryOrIsRefused(part: UInt64) throws {
    var opened = 0
    for round in 0..<UInt64(scaled(ci: 1250, nightly: 250_000)) {
      let seed = round << 3 | part
      var random = SplitMix64(seed: seed)
      let disk = SimulatedDisk()
      var submitted: UInt64 = 0
      let log = try Fixture.create(disk, 8 << 10)
      let start = disk.callCount + Int(random.next() % 60)
      disk.lieAboutSyncs(start..<start + 1 + Int(random.next() % 30))
      disk.crash(atCall: start + Int(random.next() % 40))
      do {
        while true {
          submitted += 1
          try log.append([Fixture.entry(submitted)])
          if submitted % 7 == 0 { try log.release(below: LSN(submitted)) }
        }
      } catch {}
      let image = disk.restart(keeping: .random(seed: seed))
      guard let found = try? Fixture.open(image, 8 << 10).log else { continue }
      opened += 1
      let durable = found.durableLSN.rawValue
      #expect(durable <= submitted, "seed \(seed)")
      let oldest = found.oldestLSN.rawValue
      #expect(
        try Fixture.all(found) == (oldest <= durable ? Fixture.group(oldest...durable) : []),
        "seed \(seed)")
    }
    #expect(opened > 100)
  }
}
