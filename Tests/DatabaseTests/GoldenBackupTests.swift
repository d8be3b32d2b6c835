// The golden backup is what is written today, restores to the records that it had, and is proved by the
// second reader. With SOUK_WRITE_GOLDEN set it is written anew.
//
// Covers: backup.md, BackupManifest.swift

import Bytes
import CommitLog
import Database
import Disk
import Foundation
import Testing

@Suite struct GoldenBackupTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let golden = root.appendingPathComponent("DataFormats/golden/backup-v1")
  private static let workload = Workload(seed: 30, count: 60)

  private static func configuration(_ disk: SimulatedDisk) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: 30)
    configuration.segmentBytes = 16 << 10
    return configuration
  }

  /// The files of a backup of sixty transactions, with some of them in its log only.
  private static func make() throws -> [String: [UInt8]] {
    let disk = SimulatedDisk()
    let database = try Database.create(configuration(disk))
    _ = try database.secret(named: "tokens", byteCount: 32)
    var random = SplitMix64(seed: 1)
    try BackupTests.run(workload, 0..<50, on: database, &random)
    var done = 50
    _ = try database.backup(to: "backup") { _ in
      while done < 60, (try? database.writeBlocking(workload.body(done))) != nil { done += 1 }
    }
    try database.close()
    var files: [String: [UInt8]] = [:]
    for folder in ["", "log/", "secrets/"] {
      for name in try disk.list("backup/" + folder) {
        files[folder + name] = disk.contents("backup/" + folder + name)
      }
    }
    return files
  }

  private static func stored() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    let names = try FileManager.default.subpathsOfDirectory(atPath: golden.path)
    for name in names {
      var isFolder: ObjCBool = false
      let path = golden.appendingPathComponent(name)
      _ = FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder)
      if !isFolder.boolValue { files[name] = Array(try Data(contentsOf: path)) }
    }
    return files
  }

  @Test func theGoldenBackupIsStillWritten() throws {
    let made = try Self.make()
    if ProcessInfo.processInfo.environment["SOUK_WRITE_GOLDEN"] != nil {
      for (name, bytes) in made {
        let path = Self.golden.appendingPathComponent(name)
        try FileManager.default.createDirectory(
          at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: path)
      }
    }
    let stored = try Self.stored()
    #expect(made.keys.sorted() == stored.keys.sorted())
    for (name, bytes) in made { #expect(stored[name] == bytes, "\(name)") }
    #expect(made.keys.filter { $0.hasPrefix("log/") }.count >= 1)
  }

  @Test func theGoldenBackupRestoresToEachOfItsCommits() throws {
    let disk = SimulatedDisk()
    for (name, bytes) in try Self.stored() { disk.install("backup/" + name, bytes) }
    let manifest = try BackupManifest.read("backup", disk: disk)
    #expect(manifest.lastLSN > manifest.recordsLSN)
    for lsn in manifest.range.lowerBound.rawValue...manifest.range.upperBound.rawValue {
      var configuration = Self.configuration(disk)
      configuration.path = "restored-\(lsn)"
      let report = try Database.restore(
        from: "backup", configuration, until: .lsn(LSN(lsn)))
      #expect(report.lsn == LSN(lsn))
      let database = try Database.open(configuration)
      #expect(try database.workloadContent().notes == Self.workload.states[Int(lsn)])
      #expect(try database.check(deep: true).findings.isEmpty)
      try database.close()
    }
  }

  @Test func theSecondReaderProvesIt() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", Self.root.appendingPathComponent("tools/read-store.py").path, Self.golden.path,
    ]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    // 127: there is no Python here.
    #expect([0, 127].contains(process.terminationStatus))
  }
}
