// The golden segments are what the writer writes today, open, and read the same with the second
// reader, tools/read-log.py. With SOUK_WRITE_GOLDEN set the files are written anew.

import Bytes
import CommitLog
import Disk
import Foundation
import Testing

@Suite struct GoldenLogTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let folder = root.appendingPathComponent("DataFormats/golden/log-v1")

  @Test func theWriterStillWritesTheGoldenBytes() throws {
    let disk = try GoldenLog.make()
    let names = try disk.list("log").filter { $0.hasSuffix(".log") }
    if ProcessInfo.processInfo.environment["SOUK_WRITE_GOLDEN"] != nil {
      try FileManager.default.createDirectory(
        at: Self.folder, withIntermediateDirectories: true)
      for name in names {
        let bytes = try #require(disk.contents("log/" + name))
        try Data(bytes).write(to: Self.folder.appendingPathComponent(name))
      }
    }
    #expect(names == GoldenLog.files)
    for name in names {
      let golden = try Data(contentsOf: Self.folder.appendingPathComponent(name))
      #expect(disk.contents("log/" + name) == Array(golden), "\(name)")
    }
  }

  @Test func theGoldenSegmentsOpenAndReplay() throws {
    let disk = SimulatedDisk()
    for name in GoldenLog.files {
      let golden = try Data(contentsOf: Self.folder.appendingPathComponent(name))
      disk.install("log/" + name, Array(golden))
    }
    let log = try GoldenLog.open(disk, "log")
    #expect(log.oldestLSN == LSN(GoldenLog.oldest) && log.durableLSN == LSN(GoldenLog.newest))
    #expect(try Fixture.all(log) == GoldenLog.entries(GoldenLog.oldest...GoldenLog.newest))
    try log.append([GoldenLog.entry(GoldenLog.newest + 1)])
    #expect(try Fixture.all(log).count == Int(GoldenLog.newest + 2 - GoldenLog.oldest))
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The line that the second reader must print for an entry.
  static func line(_ entry: LogEntry) -> String {
    func before(_ bytes: [UInt8]?) -> String { bytes.map { "\"\(hex($0))\"" } ?? "null" }
    let operations = entry.operations.map { operation in
      switch operation {
      case .put(let table, let key, let value, let old):
        #"{"put":\#(table),"key":"\#(hex(key))","value":"\#(hex(value))","before":\#(before(old))}"#
      case .delete(let table, let key, let old):
        #"{"delete":\#(table),"key":"\#(hex(key))","before":\#(before(old))}"#
      case .event(let stream, let payload):
        #"{"event":\#(stream),"payload":"\#(hex(payload))"}"#
      }
    }
    return #"{"type":"entry","lsn":\#(entry.lsn),"time":\#(entry.time.microseconds),"#
      + #""request":"\#(entry.requestID)","operations":[\#(operations.joined(separator: ","))]}"#
  }

  static func run(_ arguments: [String]) throws -> (code: Int32, lines: [String]) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: output, as: UTF8.self)
    return (process.terminationStatus, text.split(separator: "\n").map(String.init))
  }

  static let hasPython = (try? run(["-c", "pass"]).code) == 0
  static let reader = root.appendingPathComponent("tools/read-log.py").path

  @Test(.enabled(if: hasPython)) func theSecondReaderReadsTheSame() throws {
    let (code, lines) = try Self.run([Self.reader, Self.folder.path])
    #expect(code == 0)
    let expected = GoldenLog.entries(GoldenLog.oldest...GoldenLog.newest).map(Self.line)
    #expect(lines.filter { $0.hasPrefix(#"{"type":"entry""#) } == expected)
    #expect(lines.filter { $0.hasPrefix(#"{"type":"segment""#) }.count == 3)
    let kinds = ["seal", "tick"].map { kind in lines.filter { $0.contains("\"\(kind)\"") }.count }
    #expect(kinds == [2, 3], "\(lines.filter { $0.contains("frame") })")
    #expect(lines.last?.hasSuffix(#""next":40,"state":"torn or of an earlier life"}"#) == true)
  }

  /// Both readers refuse a changed bit in front of something that proves it was there.
  @Test(.enabled(if: hasPython)) func theSecondReaderRefusesDamageToo() throws {
    let copy = FileManager.default.temporaryDirectory
      .appendingPathComponent("souk-golden-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: copy) }
    for (file, offset) in [(0, 5000), (1, 4100), (2, 4096), (0, 30), (2, 4088)] {
      try? FileManager.default.removeItem(at: copy)
      try FileManager.default.copyItem(at: Self.folder, to: copy)
      let path = copy.appendingPathComponent(GoldenLog.files[file])
      var bytes = Array(try Data(contentsOf: path))
      bytes[offset] ^= 4
      try Data(bytes).write(to: path)
      let (code, lines) = try Self.run([Self.reader, copy.path])
      #expect(code == 65 && lines.last?.hasPrefix(#"{"type":"damage""#) == true)
      #expect(throws: LogError.self, "\(file) \(offset)") {
        _ = try GoldenLog.open(PosixDisk(), copy.path)
      }
      #expect(Array(try Data(contentsOf: path)) == bytes)
    }
  }

  @Test func everyOperationHasItsBytes() throws {
    let disk = SimulatedDisk()
    let log = try Fixture.create(disk)
    let entry = LogEntry(
      lsn: LSN(1), time: Timestamp(microseconds: 0x0102_0304_0506_0708),
      requestID: UUIDv7(high: 0x1112_1314_1516_1718, low: 0x2122_2324_2526_2728),
      operations: [
        .put(table: 300, key: [1, 2], value: [0xaa], before: nil),
        .put(table: 7, key: [], value: [], before: [5]),
        .delete(table: 7, key: [9], before: nil),
        .delete(table: 7, key: [9], before: []),
        .event(stream: 5, payload: [1, 2, 3]),
        .event(stream: .max, payload: []),
      ])
    try log.append([entry])
    let bytes = try #require(disk.contents("log/00000000000000000001.log"))
    let golden = [
      "50000000", "0100000000000000", "0807060504030201",
      "11121314151617182122232425262728", "06000000",
      "01ac0202010201aa00", "01070000010105", "0207010900", "020701090100", "030503010203",
      "03ffffffff0f00",
    ]
    #expect(Self.hex(Array(bytes[4144..<4144 + 80])) == golden.joined())
    #expect(
      Self.hex(Array(bytes[4096..<4120])) == "8800000001000000" + "0100000000000000"
        + "0100000050000000")
    #expect(Self.hex(Array(bytes[4224..<4232])) == "00000000000000a5")
    #expect(try Fixture.all(log) == [entry])
  }
}
