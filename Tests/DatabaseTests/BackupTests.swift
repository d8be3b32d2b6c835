// Backups: of a database at work, at random moments; each must restore to what the model says. And
// cut short: then there is no backup, never half of one.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct BackupTests {
  /// Runs transactions `range`, with a checkpoint now and then.
  static func run(
    _ workload: Workload, _ range: Range<Int>, on database: Database, _ random: inout SplitMix64
  ) throws {
    for number in range {
      _ = try database.writeBlocking(workload.body(number))
      if Int.random(in: 0..<20, using: &random) == 0 { try database.checkpoint() }
    }
  }

  static func restored(
    _ disk: SimulatedDisk, from backup: String, to path: String, until: RestorePoint? = nil
  ) throws -> (report: RestoreReport, configuration: Database.Configuration) {
    var configuration = Database.simulated(disk, seed: 3)
    configuration.path = path
    return (try Database.restore(from: backup, configuration, until: until), configuration)
  }

  @Test func aBackupAtAnyMomentUnderLoadRestoresToWhatTheModelSays() throws {
    let seed = testSeed(250)
    var random = SplitMix64(seed: seed)
    for round in 0..<scaled(ci: 200, nightly: 1000) {
      let count = 200
      let workload = Workload(seed: seed &+ UInt64(round), count: count)
      let disk = SimulatedDisk()
      let database = try Database.create(Database.simulated(disk, seed: seed))
      let start = Int.random(in: 20..<count - 60, using: &random)
      try Self.run(workload, 0..<start, on: database, &random)
      var done = start
      // Load comes between the pages, and the log goes on: all of it may be in the backup.
      let manifest = try database.backup(to: "backup") { _ in
        for _ in 0..<2 {
          for _ in 0..<20 where done < count {
            if (try? database.writeBlocking(workload.body(done))) != nil { done += 1 }
          }
          try? database.checkpoint()
        }
      }
      try Self.run(workload, done..<count, on: database, &random)
      let comment: Comment = "seed \(seed), round \(round)"
      // An empty first checkpoint has no trees to come between.
      #expect(manifest.lastLSN > UInt64(start) || manifest.recordsLSN == 0, comment)
      #expect(manifest.lastLSN >= UInt64(start) && manifest.lastLSN <= UInt64(done), comment)
      let (report, configuration) = try Self.restored(disk, from: "backup", to: "copy")
      #expect(report.lsn == LSN(manifest.lastLSN), comment)
      let copy = try Database.open(configuration)
      let content = try copy.workloadContent()
      #expect(content.count == Int(manifest.lastLSN), comment)
      #expect(content.notes == workload.states[content.count], comment)
      #expect(try copy.contentHash().hash == report.hash, comment)
      #expect(try copy.check(deep: true).findings.isEmpty, comment)
      // The copy goes on by itself.
      if content.count < count {
        try Self.run(workload, content.count..<count, on: copy, &random)
        #expect(try copy.workloadContent().notes == workload.states[count], comment)
      }
      try copy.close()
      try database.close()
    }
  }

  @Test func aBackupThatIsCutShortIsNotThere() throws {
    let seed = testSeed(251)
    let workload = Workload(seed: seed, count: 60)
    let original = SimulatedDisk()
    _ = Session.run(workload, on: original, seed: seed)
    func backup(_ disk: SimulatedDisk) -> BackupManifest? {
      guard let database = try? Database.open(Database.simulated(disk, seed: seed)) else {
        return nil
      }
      defer { try? database.close() }
      return try? database.backup(to: "backup")
    }
    let rehearsal = original.restart(keeping: .none)
    rehearsal.startTrace()
    #expect(backup(rehearsal) != nil)
    let points = rehearsal.trace.enumerated().filter { $0.element.kind.changes }.map(\.offset)
    var outcomes: Set<Bool> = []
    for point in points {
      for moment in SimulatedDisk.Moment.allCases {
        let disk = original.restart(keeping: .none)
        disk.crash(atCall: point, moment)
        let manifest = backup(disk)
        let image = disk.restart(keeping: .random(seed: seed &+ UInt64(point)))
        let isThere = try image.exists("backup")
        outcomes.insert(isThere)
        #expect(manifest == nil || isThere, "call \(point) \(moment)")
        if isThere {
          #expect(
            try Self.restored(image, from: "backup", to: "copy").report.lsn == LSN(60),
            "call \(point) \(moment)")
        }
        // What is left does not stand in the way of the next one.
        if !isThere { #expect(backup(image) != nil, "call \(point) \(moment)") }
      }
    }
    #expect(outcomes == [true, false])
  }

  @Test func whatIsThereIsNotOverwritten() throws {
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: 1))
    disk.install("taken/file", [1])
    #expect {
      _ = try database.backup(to: "taken")
    } throws: { error in
      if case .notEmpty("taken")? = error as? DatabaseError { true } else { false }
    }
    #expect(disk.contents("taken/file") == [1])
    try disk.createDirectory("empty")
    #expect(try database.backup(to: "empty").lastLSN == 0)
    #expect(!disk.files.contains { $0.contains(".partial") })
    try database.close()
  }

  /// The hash is right, the rest is nonsense: refused in one sentence, and no byte makes it trap.
  @Test func aManifestOfNonsenseIsRefused() throws {
    let seed = testSeed(253)
    var random = SplitMix64(seed: seed)
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    try Self.run(Workload(seed: seed, count: 5), 0..<5, on: database, &random)
    _ = try database.backup(to: "backup")
    try database.close()
    let sound = Array((disk.contents("backup/MANIFEST") ?? []).prefix { $0 != 10 })
    let words = [#""","#, "[", "{", "}", "-1", "1e9", "null", "18446744073709551616", #"\u0000"#]
    var refused = 0
    for _ in 0..<scaled(ci: 4000, nightly: 400_000) {
      var line = sound
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<line.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: line[place] = UInt8.random(in: 0...255, using: &random)
        case 1: line.removeSubrange(place..<min(line.count, place + 9))
        case 2:
          line.insert(
            contentsOf: Array((words.randomElement(using: &random) ?? "").utf8), at: place)
        default: line = Array(line.prefix(place + 1))
        }
        if line.isEmpty { line = [0] }
      }
      let hash = String(XXH64.hash(line), radix: 16)
      let padded = String(repeating: "0", count: 16 - hash.count) + hash
      disk.install("backup/MANIFEST", line + [10] + Array(padded.utf8) + [10])
      if (try? BackupManifest.read("backup", disk: disk)) == nil { refused += 1 }
    }
    #expect(refused > scaled(ci: 3000, nightly: 300_000))
  }

  @Test func everyDamagedByteOfABackupIsNoticed() throws {
    let seed = testSeed(252)
    var random = SplitMix64(seed: seed)
    let workload = Workload(seed: seed, count: 30)
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    _ = try database.secret(named: "token", byteCount: 32)
    try Self.run(workload, 0..<30, on: database, &random)
    _ = try database.backup(to: "backup")
    try database.close()
    let files = disk.files.filter { $0.hasPrefix("backup/") }
    #expect(files.contains("backup/secrets/token") && files.contains("backup/MANIFEST"))
    for round in 0..<scaled(ci: 200, nightly: 5000) {
      let image = disk.clone()
      let file = files[round % files.count]
      let bits = (image.contents(file)?.count ?? 0) * 8
      let bit = Int.random(in: 0..<bits, using: &random)
      image.flipBit(file, bit: bit)
      #expect("seed \(seed): bit \(bit) of \(file)") {
        _ = try Self.restored(image, from: "backup", to: "copy")
      } throws: { error in
        if case .backup("backup", _)? = error as? DatabaseError { true } else { false }
      }
      #expect(try !image.exists("copy"))
    }
  }
}
