// FileTests: an index in a folder. What is loaded answers as what was flushed; a damaged byte, a foreign
// schema and a crash between two files end in a rebuild, never in a trap or a wrong answer.

import Bytes
import CommitLog
import Disk
import Foundation
import Testing
import Views

@testable import TextSearch

@Suite struct FileTests {
  static let databaseID = UUIDv7(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)

  static func index(commits: Int, seed: UInt64) -> (TextIndex, Model) {
    var model = Model(seed: seed)
    let index = makeIndex(MergePolicy(fanIn: 3))
    for _ in 0..<commits { index.apply(model.commit(changes: 12, ordinals: 120)) }
    return (index, model)
  }

  static func requests(_ seed: UInt64) -> [TextRequest] {
    var expressions = RandomExpressions(random: Random(seed))
    return (0..<30).map { _ in TextRequest(expressions.expression(3), limit: 500) }
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func whatIsLoadedAnswersAsWhatWasFlushed(seed: UInt64) throws {
    var (index, model) = Self.index(commits: 40, seed: seed)
    let disk = SimulatedDisk()
    try disk.createDirectory("views")
    let folder = ViewFolder(disk, path: "views/text")
    for round in 0..<4 {
      let lsn = try index.flush(to: folder, databaseID: Self.databaseID)
      #expect(lsn == index.appliedLSN)
      let other = makeIndex(MergePolicy(fanIn: 3))
      #expect(try other.load(from: folder, databaseID: Self.databaseID))
      #expect(other.appliedLSN == index.appliedLSN)
      // Both go on from here.
      for _ in 0..<round {
        let entry = model.commit(changes: 12, ordinals: 120)
        index.apply(entry)
        other.apply(entry)
      }
      let (before, after) = (index.textSnapshot(), other.textSnapshot())
      #expect(after.digest == before.digest)
      #expect(after.documentCount == before.documentCount)
      for request in Self.requests(seed &+ UInt64(round)) {
        let expected = try before.search(request)
        #expect(try after.search(request) == expected, "seed \(seed) \(request)")
      }
      if round % 2 == 1 { index = other }
    }
  }

  @Test func aSegmentIsWrittenOnce() throws {
    let (index, _) = Self.index(commits: 30, seed: 8)
    let disk = SimulatedDisk()
    try disk.createDirectory("views")
    let folder = ViewFolder(disk, path: "views/text")
    _ = try index.flush(to: folder, databaseID: Self.databaseID)
    let names = try disk.list("views/text").sorted()
    let calls = disk.callCount
    _ = try index.flush(to: folder, databaseID: Self.databaseID)
    #expect(try disk.list("views/text").sorted() == names)
    let first = disk.callCount - calls
    let other = makeIndex()
    #expect(try other.load(from: folder, databaseID: Self.databaseID))
    let between = disk.callCount
    _ = try other.flush(to: folder, databaseID: Self.databaseID)
    #expect(try disk.list("views/text").sorted() == names)
    #expect(disk.callCount - between == first)
    #expect(names.count { $0.hasPrefix("segment-") } == index.textSnapshot().segmentCount)
  }

  @Test func whatDoesNotFitIsNotLoaded() throws {
    let (index, _) = Self.index(commits: 10, seed: 4)
    let disk = SimulatedDisk()
    try disk.createDirectory("views")
    let folder = ViewFolder(disk, path: "views/text")
    #expect(try !makeIndex().load(from: folder, databaseID: Self.databaseID))
    _ = try index.flush(to: folder, databaseID: Self.databaseID)
    var schema = Shop.schema
    schema.fields[0].analyser = .english
    let others = [
      TextIndex(schema: schema, tables: [1, 2], projection: Shop.projection),
      TextIndex(schema: Shop.schema, tables: [1], projection: Shop.projection),
      TextIndex(
        schema: Shop.schema, tables: [1, 2], projectionVersion: 1, projection: Shop.projection),
    ]
    for other in others {
      #expect(try !other.load(from: folder, databaseID: Self.databaseID))
      #expect(other.appliedLSN == .zero)
    }
    #expect(
      try !makeIndex().load(from: folder, databaseID: UUIDv7(high: 0x7000, low: 1 << 63)))
    for name in try disk.list("views/text") where name != "MANIFEST" {
      disk.flipBit("views/text/" + name, bit: 333)
      #expect(try !makeIndex().load(from: folder, databaseID: Self.databaseID))
      disk.flipBit("views/text/" + name, bit: 333)
    }
    #expect(try makeIndex().load(from: folder, databaseID: Self.databaseID))
  }

  // MARK: Hostile bytes

  /// Puts the right hash at the end, so that the decoder behind it is reached.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 8 else { return bytes }
    var writer = ByteWriter()
    writer.append(Array(bytes.dropLast(8)))
    writer.u64(XXH64.hash(writer.bytes))
    return writer.bytes
  }

  static func content() -> SegmentContent? {
    let (index, _) = index(commits: 25, seed: 6)
    return index.textSnapshot().state.segments.map(\.segment.content).max {
      $0.ordinals.count < $1.ordinals.count
    }
  }

  @Test func aSegmentIsReadAsItWasWritten() throws {
    let content = try #require(Self.content())
    let bytes = SegmentFile.encode(content)
    let decoded = try SegmentFile.decode(bytes, fields: [true, true, true], keywords: 1)
    #expect(SegmentFile.encode(decoded) == bytes)
    #expect(Frozen(content.ordinals.array).array == decoded.ordinals.array)
    for (left, right) in zip(content.fields, decoded.fields) {
      #expect(left.postings.starts.array == right.postings.starts.array)
      #expect(left.postings.positionStarts.array == right.postings.positionStarts.array)
      #expect(left.norms.array == right.norms.array)
      #expect(left.terms.heads.array == right.terms.heads.array)
    }
    #expect(throws: DecodeError.self) {
      try SegmentFile.decode(bytes, fields: [true, true, false], keywords: 1)
    }
    #expect(throws: DecodeError.self) {
      try SegmentFile.decode(bytes, fields: [true, true, true], keywords: 2)
    }
    var check = PostingsCheck(norms: [], keepsPositions: true)
    var starts: [UInt32] = []
    #expect(throws: DecodeError.self) { try check.run([], &starts, [0], []) }
  }

  /// Whatever still decodes has the same form, and searches do not trap on it.
  @Test func damagedSegmentsAreRefusedOrHarmless() throws {
    let bytes = SegmentFile.encode(try #require(Self.content()))
    var random = Random(12)
    var refused = 0
    for round in 0..<400 {
      var damaged = bytes
      switch random.below(4) {
      case 0: damaged.removeLast(min(damaged.count, 1 + random.below(damaged.count)))
      case 1: damaged.insert(UInt8(random.below(256)), at: random.below(damaged.count))
      default:
        for _ in 0...random.below(3) {
          damaged[8 + random.below(damaged.count - 8)] ^= 1 << UInt8(random.below(8))
        }
      }
      if random.below(10) > 0 { damaged = Self.sealed(damaged) }
      guard
        let content = try? SegmentFile.decode(damaged, fields: [true, true, true], keywords: 1)
      else {
        refused += 1
        continue
      }
      #expect(SegmentFile.encode(content) == damaged, "round \(round)")
      // Ordinals are dense in truth; room for one of four thousand millions takes long to make.
      guard content.ordinals.array.allSatisfy({ $0 < 1 << 20 }) else { continue }
      guard
        let state = IndexState(
          schema: Shop.schema, at: LSN(1), segments: [(content, [])], cells: [[], [], []])
      else { continue }
      for request in Self.requests(UInt64(round)).prefix(3) {
        _ = try TextSnapshot(state).search(request)
      }
    }
    #expect(refused > 80)
  }

  @Test func damagedStatesAreRefusedOrHarmless() throws {
    var file = StateFile()
    file.segments = [
      StateFile.Part(name: "segment-1", fallen: [0, 7, 9]), .init(name: "s", fallen: []),
    ]
    file.columns = [
      [StateFile.Cell(ordinal: 3, value: -5)], [], [.init(ordinal: .max, value: .max)],
    ]
    let bytes = file.encoded()
    #expect(try StateFile.decode(bytes) == file)
    var random = Random(2)
    for _ in 0..<5_000 {
      var damaged = bytes
      for _ in 0...random.below(3) {
        damaged[random.below(damaged.count)] = UInt8(random.below(256))
      }
      if random.below(4) == 0 { damaged.removeLast(random.below(damaged.count)) }
      guard let decoded = try? StateFile.decode(Self.sealed(damaged)) else { continue }
      #expect(decoded.segments.count <= damaged.count)
    }
  }

  // MARK: Golden

  static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("DataFormats/golden/text-v1")

  @Test func theGoldenFilesAreWrittenAndReadAlike() throws {
    let (index, _) = Self.index(commits: 14, seed: 3)
    let disk = SimulatedDisk()
    try disk.createDirectory("views")
    let folder = ViewFolder(disk, path: "views/text")
    while index.maintain() {}
    _ = try index.flush(to: folder, databaseID: Self.databaseID)
    for name in try disk.list("views/text") where name != "MANIFEST" {
      let file = try disk.open("views/text/" + name, mode: .readOnly)
      defer { file.close() }
      let bytes = try #require(try file.read(Int(try file.size()), at: 0))
      let place = Self.golden.appendingPathComponent(name)
      if ProcessInfo.processInfo.environment["SOUK_WRITE_GOLDEN"] != nil {
        try FileManager.default.createDirectory(
          at: Self.golden, withIntermediateDirectories: true)
        try Data(bytes).write(to: place)
      }
      #expect(Array(try Data(contentsOf: place)) == bytes, "\(name)")
    }
  }
}
