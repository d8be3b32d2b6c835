// The golden store is what the writer writes today, opens with the rows that it had, and reads the same
// with the second reader, tools/read-store.py, which knows the format's pages and nothing of this code.
// With SOUK_WRITE_GOLDEN set the file is written anew.
//
// Covers: page.md, meta.md, free-map.md, MetaBlock.swift, FreeMap.swift, PageLayout.swift,
// OverflowValue.swift, TreeRoot.swift, Catalog.swift

import Bytes
import CommitLog
import Disk
import Foundation
import RecordStore
import Testing

@Suite struct GoldenStoreTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let golden = root.appendingPathComponent(
    "DataFormats/golden/store-v1/records.souk")
  private static let reader = root.appendingPathComponent("tools/read-store.py").path

  /// Thirty transactions from one seed: two tables, an index, values in extents, two checkpoints.
  private static func make(seed: UInt64) throws -> (bytes: [UInt8], model: StoreModel) {
    let disk = StoreHarness.disk()
    let store = try StoreHarness.create(disk)
    var work = StoreWorkload(seed: seed)
    work.keyCount = 40
    for _ in 0..<20 { try work.step(store) }
    try store.checkpoint()
    for _ in 0..<10 { try work.step(store) }
    try store.checkpoint()
    store.close()
    return (try #require(disk.contents(StoreHarness.file)), work.model)
  }

  @Test func theWriterStillWritesTheGoldenBytes() throws {
    let made = try Self.make(seed: 1)
    if ProcessInfo.processInfo.environment["SOUK_WRITE_GOLDEN"] != nil {
      try FileManager.default.createDirectory(
        at: Self.golden.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(made.bytes).write(to: Self.golden)
    }
    #expect(made.bytes == Array(try Data(contentsOf: Self.golden)))
  }

  @Test func theGoldenStoreOpensWithItsRows() throws {
    let disk = StoreHarness.disk()
    disk.install(StoreHarness.file, Array(try Data(contentsOf: Self.golden)))
    let (store, opening) = try StoreHarness.open(disk)
    #expect(opening.checkpointLSN == LSN(30) && opening.otherRejected == nil)
    #expect(try StoreModel.read(store.snapshot(purpose: "test")) == Self.make(seed: 1).model)
    StoreHarness.expectSound(store)
  }

  // MARK: The second reader

  private static func run(_ arguments: [String]) throws -> (code: Int32, lines: [String]) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: output, as: UTF8.self)
    return (process.terminationStatus, text.split(separator: "\n").map(String.init))
  }

  private static let hasPython = (try? run(["-c", "pass"]).code) == 0

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Every entry of every tree as the reader must print it.
  private static func lines(_ snapshot: Snapshot) throws -> [String] {
    var lines: [String] = []
    for tree in snapshot.trees {
      try snapshot.scan(tree: tree, KeyRange(), reverse: false) {
        (key, value) throws(StoreError) in
        let (key, value) = (
          key.withUnsafeBytes { hex(Array($0)) }, value.withUnsafeBytes { hex(Array($0)) }
        )
        lines.append(#"{"tree": \#(tree), "key": "\#(key)", "value": "\#(value)"}"#)
        return .next
      }
    }
    return lines
  }

  @Test(.enabled(if: hasPython), arguments: UInt64(1)...4)
  func theSecondReaderReadsTheSame(seed: UInt64) throws {
    let made = try Self.make(seed: seed)
    let path = NSTemporaryDirectory() + "golden-store-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(made.bytes).write(to: URL(fileURLWithPath: path))
    let disk = StoreHarness.disk()
    disk.install(StoreHarness.file, made.bytes)
    let (store, _) = try StoreHarness.open(disk)
    let (code, lines) = try Self.run([Self.reader, path, "--rows"])
    let expected = try Self.lines(store.snapshot(purpose: "test"))
    #expect(code == 0 && lines == expected)
    #expect(lines.count > 30)
    #expect(try Self.run([Self.reader, path]).code == 0)
  }

  @Test(.enabled(if: hasPython)) func theSecondReaderRefusesDamageToo() throws {
    let made = try Self.make(seed: 1)
    let path = NSTemporaryDirectory() + "golden-store-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let newest = try (0...1).map { slot in
      try MetaBlock.decode(Array(made.bytes[slot * 4096..<slot * 4096 + 4096]), slot: slot)
    }.max { $0.sequence < $1.sequence }
    let meta = try #require(newest)
    // A byte of the catalog's root, of its hash, of the free map; and the root page of another place.
    let root = Int(meta.root.number) * 4096
    for place in [root + 100, root + 4095, Int(meta.freeMap.firstPage) * 4096 + 9] {
      var bytes = made.bytes
      bytes[place] ^= 4
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      #expect(try Self.run([Self.reader, path]).code == 65, "\(place)")
    }
    var bytes = made.bytes
    bytes.replaceSubrange(root..<root + 4096, with: bytes[2 * 4096..<3 * 4096])
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(try Self.run([Self.reader, path]).code == 65)
    #expect(try Self.run([Self.reader, path + "-missing"]).code == 66)
  }
}
