// The decision table of Recovery.swift, a test or more for each row. A refusal changes no byte.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct RecoveryTableTests {
  static let groups: [ClosedRange<UInt64>] = [1...2, 3...3, 4...6, 7...7]

  func isCorrupt(_ error: LogError?) -> Bool {
    if case .corrupt = error { true } else { false }
  }

  @Test func row1AReadErrorIsRefused() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    let copy = disk.restart(keeping: .all)
    let before = DiskContent(copy)
    copy.fail(.read, with: .inputOutput(5), lasting: true)
    #expect { _ = try Fixture.open(copy) } throws: { isCorrupt($0 as? LogError) }
    #expect(DiskContent(copy) == before)
  }

  @Test func row2NoSegmentIsRefused() throws {
    let disk = SimulatedDisk()
    try disk.createDirectory("log")
    #expect(isCorrupt(Fixture.refusal(disk)))
    disk.install("log/spare-1.free", [UInt8](repeating: 0, count: 16 << 10))
    #expect(isCorrupt(Fixture.refusal(disk)))
  }

  @Test func row2AnyBitOfTheHeaderIsRefused() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    let (path, _) = LogImage.last(of: disk)
    for bit in Array(0..<80 * 8) + [2000 * 8, 4087 * 8, 4088 * 8, 4095 * 8 + 7] {
      let copy = disk.clone()
      copy.flipBit(path, bit: bit)
      #expect(isCorrupt(Fixture.refusal(copy)), "bit \(bit)")
    }
  }

  @Test func row2AFileOfAnotherSizeOrNameIsRefused() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    let (path, image) = LogImage.last(of: disk)
    for count in [0, 100, 4096, 16 << 10 - 8, 16 << 10 + 8] {
      let copy = disk.clone()
      var bytes = image.bytes
      bytes.removeLast(max(0, bytes.count - count))
      bytes += [UInt8](repeating: 0, count: count - bytes.count)
      copy.install(path, bytes)
      #expect(isCorrupt(Fixture.refusal(copy)), "\(count) bytes")
    }
    try disk.rename(path, to: "log/00000000000000000002.log")
    #expect(isCorrupt(Fixture.refusal(disk)))
  }

  @Test func row2AnImpossibleEpochIsRefused() throws {
    let (disk, _) = try Fixture.disk([])
    var (path, image) = LogImage.last(of: disk)
    for epoch in [0, UInt64.max] {
      image.set(epoch, at: 32, 8)
      image.rehashHeader()
      disk.install(path, image.bytes)
      #expect(isCorrupt(Fixture.refusal(disk)), "epoch \(epoch)")
    }
    image.set(.max - 1, at: 32, 8)
    image.rehashHeader()
    disk.install(path, image.bytes)
    #expect(Fixture.refusal(disk) == nil)
  }

  @Test func row3AnotherDatabaseIsForeignAndANewerVersionIsNamed() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    var (path, image) = LogImage.last(of: disk)
    image.set(2, at: 8, 4)
    image.rehashHeader()
    disk.install(path, image.bytes)
    #expect(Fixture.refusal(disk) == .newerFormat(file: path, version: 2))
    image.set(1, at: 8, 4)
    image.set(77, at: 16, 8)
    image.rehashHeader()
    disk.install(path, image.bytes)
    if case .foreign = Fixture.refusal(disk) {} else { Issue.record("not foreign") }
  }

  @Test func row4AMissingSealIsRefused() throws {
    let (disk, _) = try Fixture.usedDisk()
    let path = LogImage.segments(of: disk)[0]
    let image = LogImage(try #require(disk.contents(path)))
    let seal = try #require(image.frames.last)
    #expect(seal.kind == 2)
    for (index, byte) in image.bytes[seal.range].enumerated() {
      let copy = disk.clone()
      copy.damage(path, at: seal.range.lowerBound + index, with: [byte ^ 0x40])
      #expect(isCorrupt(Fixture.refusal(copy, 8 << 10)), "byte \(index)")
    }
    let copy = disk.clone()
    copy.damage(path, at: seal.range.lowerBound, with: [UInt8](repeating: 0, count: 72))
    #expect(isCorrupt(Fixture.refusal(copy, 8 << 10)))
  }

  /// The next segment begins where the frames end and repeats the last one's hash: only that the seal
  /// is not there tells that something was lost.
  @Test func row4ASealIsMissedThoughTheNextSegmentFollows() throws {
    let (disk, log) = try Fixture.usedDisk()
    let paths = LogImage.segments(of: disk)
    var first = LogImage(try #require(disk.contents(paths[0])))
    var second = LogImage(try #require(disk.contents(paths[1])))
    let frames = first.frames
    let seal = frames[frames.count - 1].range
    for index in seal { first.bytes[index] = 0 }
    disk.install(paths[0], first.bytes)
    second.set(first.number(frames[frames.count - 2].range.lowerBound + 40, 8), at: 48, 8)
    second.rehashHeader()
    second.set(second.number(48, 8), at: LogImage.headerBytes + 32, 8)
    let all = second.frames.count
    second.rehash(second.headerFrame)
    second.rechain(from: 0)
    disk.install(paths[1], second.bytes)
    // The second segment on its own is sound.
    let alone = disk.clone()
    try alone.remove(paths[0])
    #expect(try Fixture.open(alone, 8 << 10).log.durableLSN == log.durableLSN)
    #expect(second.frames.count == all || all == 0)
    guard case .corrupt(let file, let offset, _) = Fixture.refusal(disk, 8 << 10) else {
      Issue.record("not refused")
      return
    }
    #expect(file == paths[0] && offset == UInt64(seal.lowerBound))
  }

  @Test func row5AMissingSegmentIsRefused() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...60 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn, valueBytes: 150)])
    }
    let paths = LogImage.segments(of: disk)
    #expect(paths.count > 3)
    for path in paths[1..<paths.count - 1] {
      let copy = disk.clone()
      try copy.remove(path)
      #expect(isCorrupt(Fixture.refusal(copy, 8 << 10)), "\(path)")
    }
    // The right LSN and the wrong chain.
    var image = LogImage(try #require(disk.contents(paths[2])))
    image.set(1, at: 48, 8)
    image.rehashHeader()
    disk.install(paths[2], image.bytes)
    #expect(isCorrupt(Fixture.refusal(disk, 8 << 10)))
  }

  @Test(arguments: [
    (0, 8, 8), (1, 32, 8), (2, 16, 4), (1, 4, 2), (3, 8, 8), (0, 32, 8),
  ])
  func row6AValidFrameOutOfPlaceIsRefused(_ index: Int, _ field: Int, _ width: Int) throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    var (path, image) = LogImage.last(of: disk)
    let frame = image.frames[index]
    let offset = frame.range.lowerBound + field
    let right = image.number(offset, width)
    for value in [0, right + 9] where value != right {
      image.set(value, at: offset, width)
      image.rehash(frame.range)
      disk.install(path, image.bytes)
      #expect(isCorrupt(Fixture.refusal(disk)), "\(value)")
    }
  }

  @Test func row6ASealThatCountsWronglyIsRefused() throws {
    let (disk, _) = try Fixture.usedDisk()
    let path = LogImage.segments(of: disk)[0]
    let whole = LogImage(try #require(disk.contents(path)))
    let seal = try #require(whole.frames.last).range
    for field in [48, 56] {
      var image = whole
      image.set(image.number(seal.lowerBound + field, 8) + 1, at: seal.lowerBound + field, 8)
      image.rehash(seal)
      disk.install(path, image.bytes)
      #expect(isCorrupt(Fixture.refusal(disk, 8 << 10)))
    }
  }

  @Test func row6AnOverflowingLSNIsRefused() throws {
    let (disk, _) = try Fixture.disk([1...1])
    var (path, image) = LogImage.last(of: disk)
    let name = "log/\(UInt64.max).log"
    image.set(.max, at: 40, 8)
    image.rehashHeader()
    image.set(.max, at: image.headerFrame.lowerBound + 8, 8)
    image.rehash(image.headerFrame)
    try disk.remove(path)
    path = name
    disk.install(path, image.bytes)
    #expect(isCorrupt(Fixture.refusal(disk)))
  }

  @Test func row7AFrameBehindAHoleIsEvidence() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    let (path, image) = LogImage.last(of: disk)
    for frame in image.frames.dropLast() {
      for damage in [
        [UInt8](repeating: 0, count: frame.range.count),
        image.bytes[frame.range].map { $0 ^ 1 }, [image.bytes[frame.range.lowerBound] ^ 0x10],
      ] {
        let copy = disk.clone()
        copy.damage(path, at: frame.range.lowerBound, with: damage)
        #expect(isCorrupt(Fixture.refusal(copy)), "\(frame)")
      }
    }
  }

  @Test func row7ATickIsEvidence() throws {
    let (disk, log) = try Fixture.disk([1...3])
    try log.tick()
    let (path, image) = LogImage.last(of: disk)
    #expect(image.frames.map(\.kind) == [1, 3])
    for index in image.frames[0].range {
      let copy = disk.clone()
      copy.damage(path, at: index, with: [image.bytes[index] ^ 0x80])
      #expect(isCorrupt(Fixture.refusal(copy)), "byte \(index)")
    }
  }

  @Test func row8ALogThatEndsBeforeACheckpointIsRefused() throws {
    let (disk, log) = try Fixture.disk(Self.groups)
    #expect(log.durableLSN == LSN(7))
    #expect(Fixture.refusal(disk, evidence: LSN(7)) == nil)
    #expect(isCorrupt(Fixture.refusal(disk, evidence: LSN(8))))
    // The last frame is damaged: a tear, or, with the checkpoint's word, damage.
    let (path, image) = LogImage.last(of: disk)
    let last = try #require(image.frames.last)
    for index in last.range {
      disk.flipBit(path, bit: index * 8 + index % 8)
      #expect(isCorrupt(Fixture.refusal(disk, evidence: LSN(7))), "byte \(index)")
      let copy = disk.clone()
      #expect(try Fixture.open(copy, evidence: LSN(6)).log.durableLSN == LSN(6))
      disk.flipBit(path, bit: index * 8 + index % 8)
    }
    // So too when the last segment is sealed, or empty.
    let (used, usedLog) = try Fixture.usedDisk()
    let end = usedLog.durableLSN
    #expect(isCorrupt(Fixture.refusal(used, evidence: end.next, 8 << 10)))
    #expect(Fixture.refusal(used, evidence: end, 8 << 10) == nil)
  }

  @Test func row9ASealedEndGoesOnInANewSegment() throws {
    let (disk, log) = try Fixture.disk([], 8 << 10)
    try log.prepareNextSegment()
    // The next rename is that of the spare, behind the seal.
    disk.fail(.rename)
    var lsn: UInt64 = 0
    repeat { lsn += 1 } while (try? log.append([Fixture.entry(lsn, valueBytes: 250)])) != nil
    let sealed = disk.restart(keeping: .all)
    #expect(LogImage.segments(of: sealed).count == 1)
    let (again, report) = try Fixture.open(sealed, 8 << 10)
    #expect(report.decision == .startedAfterSeal && report.durableLSN == LSN(lsn - 1))
    #expect(LogImage.segments(of: sealed).count == 2)
    try again.append([Fixture.entry(lsn)])
    #expect(try Fixture.open(sealed.restart(keeping: .none), 8 << 10).log.durableLSN == LSN(lsn))
  }

  @Test func row10AnEndInZerosGoesOnInPlace() throws {
    let (disk, _) = try Fixture.disk(Self.groups)
    let (log, report) = try Fixture.open(disk)
    #expect(report.decision == .wentOn && report.durableLSN == LSN(7))
    try log.append([Fixture.entry(8)])
    #expect(LogImage.segments(of: disk).count == 1)
    let (empty, _) = try Fixture.disk([])
    #expect(try Fixture.open(empty).report.decision == .wentOn)
  }

  @Test func row11ATornEndIsSealedOff() throws {
    let (disk, log) = try Fixture.disk(Self.groups)
    disk.fail(.write, effect: .half)
    #expect(throws: LogError.self) { try log.append([Fixture.entry(8, valueBytes: 700)]) }
    let torn = disk.restart(keeping: .all)
    let (again, report) = try Fixture.open(torn)
    #expect(report.decision == .sealedOff && report.durableLSN == LSN(7))
    #expect(report.tornBytes > 700 && !report.hasClosingByte)
    let paths = LogImage.segments(of: torn)
    let sealed = LogImage(try #require(torn.contents(paths[0])))
    let seal = try #require(sealed.frames.last)
    #expect(seal.kind == 2 && sealed.number(seal.range.lowerBound + 6, 2) == 1)
    try again.append([Fixture.entry(8)])
    #expect(try Fixture.all(again) == Fixture.group(1...8))
  }

  @Test func row12AnEmptySegmentWithATornFrameIsReplaced() throws {
    let (disk, log) = try Fixture.disk([])
    disk.fail(.write, effect: .half)
    #expect(throws: LogError.self) { try log.append([Fixture.entry(1, valueBytes: 700)]) }
    let torn = disk.restart(keeping: .all)
    let (again, report) = try Fixture.open(torn)
    #expect(report.decision == .replaced && report.durableLSN == .zero)
    try again.append([Fixture.entry(1)])
    #expect(LogImage.segments(of: torn).count == 1)
    #expect(try Fixture.open(torn.restart(keeping: .none)).log.durableLSN == LSN(1))
  }

  /// A sync that failed before the process died left the last frame in the cache only, marked clean.
  @Test func theLastFrameIsMadeDurableBeforeItIsBelieved() throws {
    for kind in 0..<3 {
      let (disk, log) = try Fixture.disk(kind == 0 ? [] : [1...3])
      if kind == 2 { try log.tick() }
      disk.fail(.sync)
      #expect(throws: LogError.self) {
        try log.append([Fixture.entry(log.durableLSN.rawValue + 1)])
      }
      // The process starts again on the running machine, then the power fails.
      let machine = disk.clone()
      let opened = try Fixture.open(machine).log
      let seen = opened.durableLSN
      #expect(seen == (kind == 0 ? LSN(1) : LSN(4)))
      #expect(try Fixture.open(machine.restart(keeping: .none)).log.durableLSN == seen)
    }
  }

  /// Segments and names that only the cache holds are made durable before the first byte is read.
  @Test func everySegmentAndTheFolderAreSyncedBeforeAnythingIsRead() throws {
    let (disk, _) = try Fixture.usedDisk()
    disk.startTrace()
    _ = try Fixture.open(disk, 8 << 10)
    let trace = disk.trace
    let first = try #require(trace.firstIndex { $0.kind == .read })
    let synced = trace[..<first].filter { $0.kind == .sync }.map(\.path)
    #expect(synced.count > 1 && synced == trace[..<first].filter { $0.kind == .open }.map(\.path))
    #expect(trace[..<first].contains { $0.kind == .syncDirectory })
  }

  @Test func aSealIsMadeDurableBeforeItIsBelieved() throws {
    func fill(_ disk: SimulatedDisk, failing syncs: Int?) throws -> UInt64 {
      let log = try Fixture.create(disk, 8 << 10)
      try log.prepareNextSegment()
      disk.startTrace()
      if let syncs { disk.fail(.sync, skipping: syncs) }
      var lsn: UInt64 = 0
      while !disk.trace.contains(where: { $0.kind == .write && $0.count == 72 }) {
        lsn += 1
        try? log.append([Fixture.entry(lsn, valueBytes: 250)])
      }
      return lsn - 1
    }
    let whole = SimulatedDisk()
    let last = try fill(whole, failing: nil)
    let seal = try #require(whole.trace.firstIndex { $0.count == 72 })
    let disk = SimulatedDisk()
    #expect(
      try fill(disk, failing: whole.trace[..<seal].count { $0.kind == .sync }) == last)
    let machine = disk.clone()
    let (log, report) = try Fixture.open(machine, 8 << 10)
    #expect(report.decision == .startedAfterSeal)
    try log.append([Fixture.entry(last + 1)])
    let again = try Fixture.open(machine.restart(keeping: .none), 8 << 10).log
    #expect(again.durableLSN == LSN(last + 1))
  }
}

extension LogImage {
  /// The first frame, by its size alone.
  var headerFrame: Range<Int> {
    Self.headerBytes..<Self.headerBytes + Int(number(Self.headerBytes, 4))
  }
}
