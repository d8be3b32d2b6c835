// Flipped bits anywhere in a database's files, and damage to its newest checkpoint. What comes out is
// right, or it is an error; and nothing that any reader can reach is damaged without a word.
//
// The oracle says by its own walk from the two meta blocks, and from the log's frames, which bytes can
// be reached: damage there must be refused at the opening, told by a read, or found by a check.

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Testing

@Suite struct BitFlipTests {
  private static let count = 160

  /// A database with two checkpoints and a log behind them, as a crash leaves it.
  private static func made(_ workload: Workload, seed: UInt64) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    for number in 0..<count {
      _ = try database.writeBlocking(workload.body(number))
      if number == count / 2 || number == count - 20 { try database.checkpoint() }
    }
    return disk.restart(keeping: .none)
  }

  private static func metas(_ disk: SimulatedDisk) throws -> [MetaBlock] {
    let bytes = try #require(disk.contents("db/records.souk"))
    let found = (0...1).compactMap { slot -> MetaBlock? in
      let start = Int(MetaBlock.offset(slot: slot))
      return try? MetaBlock.decode(
        Array(bytes[start..<start + MetaBlock.blockBytes]), slot: slot)
    }
    return found.sorted { $0.sequence > $1.sequence }
  }

  /// The bytes that something leads to, by file.
  private struct Reach: Sendable {
    var ranges: [String: [Range<Int>]] = [:]
    /// Where the log's last frame begins: from there on damage cannot be told from a torn write.
    var lastFrame: (file: String, offset: Int) = ("", 0)

    init(_ disk: SimulatedDisk) throws {
      let inspector = StoreInspector(path: "db", disk: disk)
      let survey = try StoreSurvey(disk: disk, folder: "db")
      let metas = try BitFlipTests.metas(disk)
      #expect(metas.count == 2)
      var store: [Range<Int>] = []
      var walked: Set<UInt64> = []
      func walk(_ number: UInt64, _ pageSize: Int) throws {
        guard number != 0, walked.insert(number).inserted else { return }
        store.append(Int(number) * pageSize..<Int(number + 1) * pageSize)
        for cell in try inspector.page(number).cells {
          if let child = cell.child { try walk(child.number, pageSize) }
          for extent in cell.extents { add(extent, pageSize) }
        }
      }
      func add(_ extent: ExtentReference, _ pageSize: Int) {
        let start = Int(extent.firstPage) * pageSize
        store.append(start..<start + Int(extent.byteCount))
      }
      for meta in metas {
        let start = Int(MetaBlock.offset(slot: meta.slot))
        store.append(start..<start + MetaBlock.checksumOffset + 8)
        add(meta.freeMap, meta.pageSize)
        try walk(meta.root.number, meta.pageSize)
        for root in survey.roots(meta).roots.values {
          try walk(root.reference.number, meta.pageSize)
        }
      }
      ranges["db/records.souk"] = store
      let log = LogInspector(disk: disk, folder: "db/log")
      var (file, offset) = ("", 0)
      var frames: [String: [Range<Int>]] = [:]
      try log.walk { item in
        if case .frame(let frame) = item {
          (file, offset) = ("db/log/" + frame.file, Int(frame.offset))
          frames[file, default: []].append(offset..<offset + frame.bytes)
        }
        return true
      }
      ranges.merge(frames) { $1 }
      lastFrame = (file, offset)
    }

    func contains(_ file: String, _ byte: Int) -> Bool {
      ranges[file]?.contains { $0.contains(byte) } ?? false
    }
  }

  private enum Outcome: Sendable, Hashable {
    case refused, told, fellBack, found, torn, harmless
    case wrong(String)
  }

  /// Opens a damaged database and reads all of it.
  private static func look(
    at disk: SimulatedDisk, _ workload: Workload, seed: UInt64
  ) -> Outcome {
    let untouched = disk.clone()
    guard let database = try? Database.open(Database.simulated(disk, seed: seed)) else {
      return .refused
    }
    guard let content = try? database.workloadContent() else { return .told }
    guard content.notes == workload.states[content.count] else {
      return .wrong("content differs at \(content.count)")
    }
    if content.count == count - 1 { return .torn }
    guard content.count == count else { return .wrong("holds \(content.count)") }
    if database.opening.store.otherRejected != nil || database.opening.store.rebuiltFreeMap {
      return .fellBack
    }
    guard let check = try? database.check(deep: true), check.findings.isEmpty else {
      return .found
    }
    let log = LogInspector(disk: untouched, folder: "db/log")
    return (try? log.verify().isSound) == true ? .harmless : .found
  }

  @Test func aFlippedBitIsHarmlessOnlyWhereNothingLeads() throws {
    let seed = testSeed(900)
    let workload = Workload(seed: seed, count: Self.count, keys: 300)
    let original = try Self.made(workload, seed: seed)
    let reach = try Reach(original)
    let files = original.files.filter { $0 == "db/records.souk" || $0.hasPrefix("db/log/") }
    let sizes = files.map { original.contents($0)?.count ?? 0 }
    let rounds = scaled(ci: 20_000, nightly: 2_000_000)
    let outcomes = onTwoThreads(rounds) { round -> [Outcome] in
      var random = SplitMix64(seed: seed &* 77 &+ UInt64(round))
      var (file, byte) = (files[0], 0)
      if round % 4 != 0 {
        // Three of four where something leads to; the rest anywhere.
        let candidates = files.filter { reach.ranges[$0]?.isEmpty == false }
        file = candidates[Int.random(in: 0..<candidates.count, using: &random)]
        let ranges = reach.ranges[file] ?? []
        byte = Int.random(
          in: ranges[Int.random(in: ranges.indices, using: &random)], using: &random)
      } else {
        let index = Int.random(in: files.indices, using: &random)
        (file, byte) = (files[index], Int.random(in: 0..<sizes[index], using: &random))
      }
      let disk = original.clone()
      let bit = byte * 8 + Int.random(in: 0..<8, using: &random)
      disk.flipBit(file, bit: bit)
      let outcome = Self.look(at: disk, workload, seed: seed)
      let comment = "seed \(seed), bit \(bit) of \(file)"
      switch outcome {
      case .wrong(let reason): return [.wrong("\(comment): \(reason)")]
      case .harmless where reach.contains(file, byte): return [.wrong("\(comment): not noticed")]
      case .torn where file != reach.lastFrame.file || byte < reach.lastFrame.offset:
        return [.wrong("\(comment): a commit is gone")]
      default: return [outcome]
      }
    }
    let wrong = outcomes.compactMap { if case .wrong(let reason) = $0 { reason } else { nil } }
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(6).joined(separator: "\n"))")
    #expect(Set(outcomes).isSuperset(of: [.refused, .fellBack, .found, .harmless]))
    #expect(outcomes.count == rounds)
  }

  /// The newest meta block, what it leads to first, or its free map is damaged: the opening takes the
  /// older one, the log gives what came after it, and no commit is lost.
  @Test func withADamagedNewestCheckpointNoCommitIsLost() throws {
    let seed = testSeed(1100)
    let bases = scaled(ci: 40, nightly: 2000)
    let failures = onTwoThreads(bases) { number -> [String] in
      do {
        return try Self.damageNewestCheckpoint(25, seed: seed &+ UInt64(number))
      } catch {
        return ["seed \(seed &+ UInt64(number)): \(error)"]
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(6).joined(separator: "\n"))")
  }

  private static func damageNewestCheckpoint(_ rounds: Int, seed: UInt64) throws -> [String] {
    var random = SplitMix64(seed: seed)
    let transactions = Int.random(in: 40...140, using: &random)
    let workload = Workload(seed: seed, count: transactions + 1)
    let disk = SimulatedDisk()
    let database = try Database.create(Database.simulated(disk, seed: seed))
    for number in 0..<transactions {
      _ = try database.writeBlocking(workload.body(number))
      if number == 10 || Int.random(in: 0..<20, using: &random) == 0 { try database.checkpoint() }
    }
    let image = disk.restart(keeping: .none)
    let metas = try metas(image)
    let (newest, older) = (metas[0], metas[1])
    var session = Session()
    (session.acknowledged, session.submitted) = (transactions, transactions)
    let file = "db/records.souk"
    let slot = Int(MetaBlock.offset(slot: newest.slot))
    return (0..<rounds).compactMap { round in
      let copy = image.clone()
      switch round % 5 {
      case 0: copy.flipBit(file, bit: slot * 8 + Int.random(in: 0..<512 * 8, using: &random))
      case 1: copy.damage(file, at: slot, with: [UInt8](repeating: 0, count: 4096))
      case 2:
        let garbage = (0..<512).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        copy.damage(file, at: slot, with: garbage)
      case 3:
        let start = Int(newest.root.number) * newest.pageSize
        let byte = start + Int.random(in: 0..<newest.pageSize, using: &random)
        copy.flipBit(file, bit: byte * 8 + round % 8)
      default:
        let start = Int(newest.freeMap.firstPage) * newest.pageSize
        let byte = start + Int.random(in: 0..<Int(newest.freeMap.byteCount), using: &random)
        copy.flipBit(file, bit: byte * 8 + round % 8)
      }
      let comment = "seed \(seed), round \(round)"
      guard let opened = try? Database.open(Database.simulated(copy.clone(), seed: seed)) else {
        return "\(comment): refused"
      }
      if opened.opening.checkpointLSN != older.lsn || opened.opening.store.otherRejected == nil {
        return "\(comment): opened at \(opened.opening.checkpointLSN), not \(older.lsn)"
      }
      return CrashTests.verify(copy, workload, session, seed: seed).map { "\(comment): \($0)" }
    }
  }
}
