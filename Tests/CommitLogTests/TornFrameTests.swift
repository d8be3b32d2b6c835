// The last frame torn in every way: the history before it stands, exactly, and what was torn is never
// seen again.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct TornFrameTests {
  enum Tail: CaseIterable, Sendable {
    case zeros, garbage, earlierLife
  }

  /// A log, and the same with one more frame: the torn states lie between the two.
  struct Pair {
    var disk: SimulatedDisk
    var path: String
    var before: [UInt8]
    var after: [UInt8]
    var frame: Range<Int>
    var durable: UInt64
    var segmentBytes: Int

    init(_ tail: Tail, valueBytes: Int, _ segmentBytes: Int = 8 << 10) throws {
      self.segmentBytes = segmentBytes
      let log: FileCommitLog
      (disk, log) =
        tail == .earlierLife
        ? try Fixture.usedDisk(segmentBytes)
        : try Fixture.disk([1...2, 3...5], valueBytes: 100, segmentBytes)
      durable = log.durableLSN.rawValue
      var image: LogImage
      // Room for the frame in the same segment.
      (path, image) = LogImage.last(of: disk)
      if tail == .garbage {
        var random = SplitMix64(seed: 3)
        let end = image.frames.last?.range.upperBound ?? LogImage.headerBytes
        for index in end..<image.bytes.count { image.bytes[index] = UInt8(random.next() & 0xff) }
        disk.install(path, image.bytes)
      }
      before = image.bytes
      let other = disk.clone()
      // The frame is written by the format's description, to go into any tail.
      var next = image
      let start = image.frames.last?.range.upperBound ?? LogImage.headerBytes
      let payload = Pair.payload(LSN(durable + 1), valueBytes)
      let size = (48 + payload.count + 8) & ~7
      frame = start..<start + size
      for index in frame { next.bytes[index] = 0 }
      next.set(UInt64(size), at: start, 4)
      next.set(1, at: start + 4, 2)
      next.set(durable + 1, at: start + 8, 8)
      next.set(1, at: start + 16, 4)
      next.set(UInt64(payload.count), at: start + 20, 4)
      let last = image.frames.last?.range.lowerBound ?? 0
      next.set(
        last == 0 ? image.number(48, 8) : image.number(last + 40, 8), at: start + 32, 8)
      next.bytes.replaceSubrange(start + 48..<start + 48 + payload.count, with: payload)
      next.bytes[start + size - 1] = 0xa5
      next.rehash(frame)
      after = next.bytes
      other.install(path, after)
      let whole = try Fixture.open(other, segmentBytes).log
      try #require(whole.durableLSN == LSN(durable + 1))
    }

    /// A record with no operation but one event.
    static func payload(_ lsn: LSN, _ valueBytes: Int) -> [UInt8] {
      var record = ByteWriter()
      record.u32(0)
      record.u64(lsn.rawValue)
      record.zeros(24)
      record.u32(1)
      record.u8(3)
      record.varint(9)
      record.lengthPrefixed((0..<valueBytes).map { UInt8($0 % 250) + 1 })
      record.patchU32(UInt32(record.count), at: 0)
      return record.bytes
    }

    /// Opens the log with `bytes` in place: the prefix is there, the log goes on, and a second
    /// opening sees nothing of the torn frame.
    func check(_ bytes: [UInt8], andTheNextCrash: Bool = true, _ place: String) throws {
      let disk = disk.clone()
      disk.install(path, bytes)
      let (log, _) = try Fixture.open(disk, segmentBytes)
      let expected = bytes == after ? durable + 1 : durable
      #expect(log.durableLSN == LSN(expected), "\(place)")
      guard andTheNextCrash, bytes != after else { return }
      let next = Fixture.entry(durable + 1, valueBytes: 40)
      try log.append([next])
      let again = try Fixture.open(disk.restart(keeping: .none), segmentBytes).log
      let oldest = again.oldestLSN.rawValue
      #expect(again.durableLSN == LSN(durable + 1), "\(place)")
      #expect(try Fixture.all(again).last == next, "\(place)")
      #expect(try Fixture.all(again).count == Int(durable + 2 - oldest), "\(place)")
    }
  }

  /// Bytes of the value, of the segment, and every how many-th length is tried.
  struct Size {
    var value: Int
    var segment: Int
    var step: Int
  }

  /// 22 small frames in small segments, one of many sectors, and one of 64 KiB of which CI tries each
  /// seventh length: 3 * (22 * 1,800 + 24,080 + 9,300) cases, some 218,000.
  static let sizes =
    (0..<22).map { Size(value: 1500 + 20 * $0, segment: 8 << 10, step: 1) } + [
      Size(value: 24_000, segment: 64 << 10, step: 1),
      Size(value: 65_000, segment: 192 << 10, step: spaced(ci: 7, nightly: 1)),
    ]

  /// Of the large frames each eighth case is followed by a commit and another crash, at night all.
  @Test(arguments: Tail.allCases, 0..<6)
  func everyLengthOfTheLastFrameLeavesThePrefix(_ tail: Tail, part: Int) throws {
    for (index, size) in Self.sizes.enumerated() where index % 6 == part {
      let pair = try Pair(tail, valueBytes: size.value, size.segment)
      let every = size.value < 2000 ? 1 : spaced(ci: 8, nightly: 1)
      for length in stride(from: 0, through: pair.frame.count, by: size.step) {
        var bytes = pair.before
        let range = pair.frame.lowerBound..<pair.frame.lowerBound + length
        bytes.replaceSubrange(range, with: pair.after[range])
        try pair.check(
          bytes, andTheNextCrash: length % every == 0,
          "\(tail), \(length) of \(pair.frame.count) bytes")
      }
    }
  }

  @Test(arguments: Tail.allCases, [0, 21, 22, 23])
  func everyMissingSectorIsATear(_ tail: Tail, index: Int) throws {
    let size = Self.sizes[index]
    let pair = try Pair(tail, valueBytes: size.value, size.segment)
    var sectors = 0
    for base in stride(from: 0, to: pair.after.count, by: 512) {
      let part = (base..<base + 512).clamped(to: pair.frame)
      guard !part.isEmpty else { continue }
      sectors += 1
      for replacement in [pair.before[part], ArraySlice(repeatElement(0, count: part.count))] {
        var bytes = pair.after
        bytes.replaceSubrange(part, with: replacement)
        try pair.check(bytes, "\(tail), sector \(base / 512)")
      }
    }
    #expect(sectors >= size.value / 512)
  }

  /// Every subset of the sectors of a write, and so on for each write of a small workload.
  @Test func everySubsetOfFewUnsyncedUnitsIsRecovered() throws {
    func run(_ disk: SimulatedDisk) -> (acknowledged: UInt64, submitted: UInt64) {
      var acknowledged: UInt64 = 0
      var submitted: UInt64 = 0
      do {
        let log = try Fixture.create(disk, 8 << 10)
        for (index, size) in [30, 900, 2300, 10, 3900, 1500, 600, 3500, 4000 - 170].enumerated() {
          submitted = UInt64(index + 1)
          try log.append([Fixture.entry(submitted, valueBytes: size)])
          acknowledged = submitted
          if index == 1 { try log.tick() }
          if index == 3 { try log.release(below: LSN(submitted)) }
        }
      } catch {}
      return (acknowledged, submitted)
    }
    let start = SimulatedDisk()
    _ = try Fixture.create(start, 8 << 10)
    let whole = SimulatedDisk()
    _ = run(whole)
    var images = 0
    for call in start.callCount..<whole.callCount {
      let disk = SimulatedDisk()
      disk.crash(atCall: call, .after)
      let (acknowledged, submitted) = run(disk)
      guard disk.unsyncedCount <= 10 else { continue }
      for mask in 0..<UInt64(1) << UInt64(disk.unsyncedCount) {
        images += 1
        let log = try Fixture.open(disk.restart(keeping: .mask(mask)), 8 << 10).log
        let durable = log.durableLSN.rawValue
        #expect(
          durable >= acknowledged && durable <= submitted, "call \(call), units \(mask)")
      }
    }
    #expect(images > 1000)
  }
}
