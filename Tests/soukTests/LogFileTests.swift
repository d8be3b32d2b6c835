// The log's file: every line once and in order over all rotations, sizes and numbers bounded, and no
// request that waits for a disk.

import Bytes
import Disk
import Foundation
import Testing

@testable import souk

@Suite struct LogFileTests {
  private static func text(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  @Test func linesRotateWhole() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/souk.log"
    let log = try LogFile(path, bytesMax: 1000, filesMax: 4)
    for number in 0..<200 {
      log.write("line \(number) " + String(repeating: "x", count: number % 37))
      if number % 50 == 0 { log.flush() }
    }
    log.close()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == ["souk.log", "souk.log.1", "souk.log.2", "souk.log.3"])
    var lines: [Substring] = []
    for name in names.reversed() {
      let text = Self.text(folder.path + "/" + name)
      #expect(text.utf8.count <= 1000 && text.hasSuffix("\n"), "\(name)")
      lines += text.split(separator: "\n")
    }
    // The oldest went; the rest is there once and in order.
    let numbers = lines.map { Int($0.split(separator: " ")[1]) ?? -1 }
    #expect(numbers == Array((200 - numbers.count)..<200))
    #expect(numbers.count > 80)
  }

  @Test func aFileIsContinuedAndALineLongerThanItIsNotSplit() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/souk.log"
    for name in ["first", "second"] {
      let log = try LogFile(path, bytesMax: 100, filesMax: 2)
      log.write(name)
      log.close()
    }
    #expect(Self.text(path) == "first\nsecond\n")
    let log = try LogFile(path, bytesMax: 100, filesMax: 2)
    let long = String(repeating: "y", count: 300)
    log.write(long)
    log.write("after")
    log.close()
    #expect(Self.text(path + ".1") == long + "\n" && Self.text(path) == "after\n")
  }

  @Test func aFileThatWasMovedAwayIsMadeAnew() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/souk.log"
    let log = try LogFile(path, bytesMax: 1 << 20, filesMax: 2)
    log.write("before")
    log.flush()
    try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
    log.reopen()
    log.write("after")
    log.close()
    #expect(Self.text(path + ".moved") == "before\n" && Self.text(path) == "after\n")
  }

  @Test func aVolumeThatRefusesLosesLinesAndSaysHowMany() throws {
    let disk = SimulatedDisk()
    try disk.createDirectory("logs")
    let log = try LogFile("logs/souk.log", bytesMax: 1 << 20, filesMax: 2, disk: disk)
    log.write("kept")
    log.flush()
    disk.capacity = 0
    log.write("lost")
    log.write("lost too")
    log.flush()
    disk.capacity = nil
    log.write("kept again")
    log.close()
    let file = try disk.open("logs/souk.log", mode: .readOnly)
    defer { file.close() }
    let bytes = try #require(try file.read(Int(file.size()), at: 0))
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    try #require(lines.count == 3)
    #expect(lines[0] == "kept" && lines[2] == "kept again")
    #expect(try JSONValue(parsing: Array(lines[1].utf8))["lines"]?.int64 == 2)
  }

  @Test func aServerWritesALineForEveryRequest() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/souk.log"
    #expect(try souk("init", "--data", folder.path + "/data").status == 0)
    let server = try ChildServer(
      binary: binary, arguments: ["--data", folder.path + "/data", "--log-file", path])
    let shopper = try Shopper(server)
    #expect(try shopper.get("/health").status == 200)
    #expect(server.end(with: SIGTERM) == 0)
    let line = try #require(Self.text(path).split(separator: "\n").first { $0.contains("/health") })
    #expect(try JSONValue(parsing: Array(line.utf8))["status"]?.int64 == 200)
    let refused = try souk("serve", "--data", folder.path + "/data", "--log-file", "/no/where")
    #expect(refused.status == 74 && refused.errors.contains("/no/where"))
  }
}
