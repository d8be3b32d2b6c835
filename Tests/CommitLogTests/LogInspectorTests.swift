// The inspector says of a log what recovery would do about it, sees everything that a reader sees, and
// never writes: on a live log, a torn one, a damaged one, a foreign one and a newer one.

import Bytes
import CommitLog
import Disk
import Testing

@Suite struct LogInspectorTests {
  func inspector(_ disk: any Disk, evidence: LSN = .zero) -> LogInspector {
    LogInspector(
      disk: disk, folder: Fixture.folder, databaseID: Fixture.databaseID, evidence: evidence)
  }

  func entries(_ inspector: LogInspector, from start: LSN = .zero) throws -> [LogEntry] {
    var entries: [LogEntry] = []
    try inspector.walk(from: start) { item in
      if case .entry(let entry) = item { entries.append(entry) }
      return true
    }
    return entries
  }

  @Test func aLiveLogIsListedAndWalkedAsItsReadersSeeIt() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...80 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn, valueBytes: 150)])
    }
    try log.release(below: LSN(30))
    try log.tick()
    let look = inspector(disk)
    let files = try look.list()
    let segments = files.filter { $0.kind == .segment }
    #expect(segments.map { "log/" + $0.name } == LogImage.segments(of: disk))
    #expect(segments.dropLast().allSatisfy(\.isSealed) && segments.last?.isSealed == false)
    #expect(segments.first?.firstLSN == log.oldestLSN && segments.last?.lastLSN == LSN(80))
    for (one, next) in zip(segments, segments.dropFirst()) {
      #expect(one.lastLSN?.next == next.firstLSN && one.header != nil)
      #expect(one.header?.epoch ?? 0 < next.header?.epoch ?? 0 && one.bytes == 8 << 10)
    }
    for segment in segments {
      let image = LogImage(try #require(disk.contents("log/" + segment.name)))
      #expect(segment.frames == image.frames.count)
      #expect(segment.usedBytes == image.frames.last?.range.upperBound)
    }
    #expect(files.contains { $0.kind == .spare })
    let verified = try look.verify()
    #expect(verified.isSound && verified.oldestLSN == log.oldestLSN)
    #expect(
      verified.tail?.nextLSN == LSN(81) && verified.entries == 81 - Int(log.oldestLSN.rawValue))
    #expect(try entries(look) == Fixture.all(log))
    #expect(try entries(look, from: LSN(50)) == Fixture.all(log, from: LSN(50)))
    #expect(try entries(look, from: LSN(81)).isEmpty)
  }

  @Test func framesHaveTheirPlaces() throws {
    let (disk, log) = try Fixture.disk([1...2, 3...3, 4...6])
    try log.tick()
    let (_, image) = LogImage.last(of: disk)
    var frames: [LogFrameInfo] = []
    try inspector(disk).walk { item in
      if case .frame(let frame) = item { frames.append(frame) }
      return true
    }
    #expect(frames.map(\.kind) == [.group, .group, .group, .tick])
    #expect(frames.map { Int($0.offset) } == image.frames.map(\.range.lowerBound))
    #expect(frames.map(\.bytes) == image.frames.map(\.range.count))
    #expect(frames.map(\.transactions) == [2, 1, 3, 0])
    #expect(frames.map(\.firstLSN) == [LSN(1), LSN(3), LSN(4), LSN(7)])
    #expect(frames.map(\.hash) == image.frames.map { image.number($0.range.lowerBound + 40, 8) })
  }

  @Test func aWalkStopsWhenItIsTold() throws {
    let (disk, _) = try Fixture.disk([1...3, 4...6])
    var seen = 0
    try inspector(disk).walk { item in
      if case .entry = item { seen += 1 }
      return seen < 2
    }
    #expect(seen == 2)
  }

  /// Whatever is done to a log, the inspector finds something if and only if recovery refuses it,
  /// and says of its end what recovery decides. It changes nothing and does not trap.
  @Test(arguments: 0..<6 as Range<UInt64>)
  func theInspectorAndRecoveryAgree(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...45 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn)])
      if lsn == 12 { try log.release(below: LSN(12)) }
    }
    let paths = LogImage.segments(of: disk)
    var decisions: Set<String> = []
    for round in 0..<400 {
      let copy = disk.clone()
      let path = round % 2 == 0 ? paths[paths.count - 1] : paths[Int(random.next() % 3)]
      var image = LogImage(try #require(copy.contents(path)))
      let end = image.frames.last?.range.upperBound ?? LogImage.headerBytes
      let place = round % 3 == 0 ? end - 60..<image.bytes.count : 0..<image.bytes.count
      DamageTests.damage(&image.bytes, place, &random)
      if round % 8 == 1 { image.rehashHeader() }
      copy.install(path, image.bytes)
      let evidence = LSN(random.next() % 4 == 0 ? 45 : 0)
      let before = DiskContent(copy)
      let look = inspector(copy, evidence: evidence)
      let verified = try look.verify()
      _ = try look.list()
      _ = try entries(look)
      #expect(DiskContent(copy) == before)
      do {
        let (_, report) = try Fixture.open(copy, evidence: evidence, 8 << 10)
        #expect(verified.isSound, "seed \(seed) round \(round): \(verified.findings)")
        #expect(verified.tail?.decision == report.decision, "seed \(seed) round \(round)")
        #expect(verified.tail?.tornBytes == report.tornBytes, "seed \(seed) round \(round)")
        #expect(verified.tail?.nextLSN == report.durableLSN.next, "seed \(seed) round \(round)")
        decisions.insert("\(report.decision)")
      } catch {
        #expect(!verified.isSound, "seed \(seed) round \(round): \(error)")
        decisions.insert("refused")
      }
    }
    #expect(decisions.count >= 3, "seed \(seed): \(decisions)")
  }

  @Test func aFindingNamesFileOffsetAndReason() throws {
    let (disk, log) = try Fixture.disk([1...2, 3...3, 4...6])
    try log.tick()
    var (path, image) = LogImage.last(of: disk)
    disk.damage(path, at: image.frames[1].range.lowerBound + 50, with: [1, 2, 3])
    let finding = try #require(try inspector(disk).verify().findings.first)
    #expect(finding.file == "00000000000000000001.log" && finding.kind == .corrupt)
    #expect(finding.offset == UInt64(image.frames[1].range.lowerBound))
    #expect(finding.reason.contains("but a valid one behind it"))
    // What stands before it is still shown.
    #expect(try entries(inspector(disk)) == Fixture.group(1...2))

    image.set(2, at: 8, 4)
    image.rehashHeader()
    disk.install(path, image.bytes)
    #expect(try inspector(disk).verify().findings.map(\.kind) == [.newerFormat])
    #expect(try inspector(disk).list().first?.headerState == .newerFormat(2))
    image.set(1, at: 8, 4)
    image.set(9, at: 16, 8)
    image.rehashHeader()
    disk.install(path, image.bytes)
    #expect(try inspector(disk).verify().findings.map(\.kind) == [.foreign])
    #expect(try inspector(disk).list().first?.headerState == .foreign)
    disk.install(path, [1, 2, 3])
    #expect(try inspector(disk).verify().findings.map(\.kind) == [.corrupt])
    #expect(try inspector(disk).list().first?.headerState == .damaged)
    try disk.remove(path)
    #expect(try inspector(disk).verify().findings.map(\.reason) == ["the log has no segment"])
    #expect(throws: LogError.self) {
      _ = try LogInspector(disk: disk, folder: "nowhere").verify()
    }
  }

  /// Hash, chain and order are right, and a commit is not: recovery cannot see it, a proof must.
  @Test func aCommitThatCannotBeDecodedIsFound() throws {
    let (disk, _) = try Fixture.disk([1...2, 3...3])
    var (path, image) = LogImage.last(of: disk)
    let frame = image.frames[0].range
    image.set(99, at: frame.lowerBound + 48 + 36, 4)
    image.rehash(frame)
    image.rechain(from: 0)
    disk.install(path, image.bytes)
    let verified = try inspector(disk).verify()
    #expect(verified.findings.map { Int($0.offset) } == [frame.lowerBound])
    #expect(verified.findings.first?.reason.contains("cannot be decoded") == true)
    #expect(verified.frames == 2 && verified.tail != nil)
  }

  /// Behind a damaged segment the next ones are looked at all the same.
  @Test func everyDamagedSegmentHasItsFinding() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    for lsn in 1...80 as ClosedRange<UInt64> {
      try log.append([Fixture.entry(lsn, valueBytes: 150)])
    }
    let paths = LogImage.segments(of: disk)
    try #require(paths.count > 3)
    for path in paths.dropLast() { disk.damage(path, at: 4100, with: [9, 9]) }
    let verified = try inspector(disk).verify()
    #expect(verified.findings.map { "log/" + $0.file } == Array(paths.dropLast()))
    #expect(verified.segments == paths.count && verified.tail != nil)
  }

  @Test func aLogUnderItsWriterHasNoFindings() async throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk, 8 << 10)
    let look = inspector(disk)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        // Until the one who looks closes the log.
        for lsn in 1... as PartialRangeFrom<UInt64> {
          guard (try? log.append([Fixture.entry(lsn, valueBytes: Int(lsn % 900))])) != nil else {
            return
          }
          if lsn % 30 == 0 {
            try log.release(below: LSN(lsn - 20))
            await Task.yield()
          }
        }
      }
      tasks.addTask {
        defer { try? log.close() }
        for _ in 0..<40 {
          let verified = try look.verify()
          #expect(verified.findings == [])
          try look.walk(from: log.durableLSN) { item in
            if case .finding(let finding) = item { Issue.record("\(finding)") }
            return true
          }
          _ = try look.list()
          await Task.yield()
        }
      }
      try await tasks.waitForAll()
    }
    #expect(log.durableLSN > LSN(1))
  }
}
