// The ring: a thousand nodes, each naming the next. Swaps change three of them at a time and keep one
// ring; a swap that was half applied, lost or seen half breaks it. Readers walk all of it, and so does
// a view that knows the ring only from the log (after FoundationDB's Cycle workload).

import Bytes
import CommitLog
import Database
import Disk
import RecordStore
import Synchronization
import Testing
import Views

struct Node: Record, Equatable {
  var id: UInt64 = 0
  var next: UInt64 = 0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "next", &next)
  }

  static let table = Table<Node>(number: 4, name: "nodes")
  var primaryKey: [UInt8] { key(id) }
}

/// The ring as the log tells it.
private final class RingView: View {
  struct State: ViewSnapshot {
    var lsn = LSN.zero
    var digest = Digest()
    var next: [UInt64: UInt64] = [:]
  }

  private let state = Mutex(State())
  let name = "ring"
  let tables: [UInt32] = [Node.table.number]
  var appliedLSN: LSN { state.withLock { $0.lsn } }
  func snapshot() -> any ViewSnapshot { state.withLock { $0 } }
  func makeEmpty() -> any View { RingView() }
  func maintain() -> Bool { false }

  func apply(_ entry: LogEntry) {
    state.withLock { state in
      guard entry.lsn > state.lsn else { return }
      for case .put(Node.table.number, _, let value, _) in entry.operations {
        guard let node = try? FieldBinary.decode(Node.self, from: value.span.bytes) else {
          continue
        }
        state.next[node.id] = node.next
      }
      state.lsn = entry.lsn
    }
  }

  func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var fresh = State(lsn: lsn)
    try rows { _, _, value in
      guard let node = try? FieldBinary.decode(Node.self, from: value) else { return }
      fresh.next[node.id] = node.next
    }
    state.withLock { $0 = fresh }
  }
}

@Suite struct RingTests {
  static let count: UInt64 = 1000
  static let tables = workloadTables + [TableDescriptor(erasing: Node.table)]

  private static func make(_ database: Database) throws {
    _ = try database.writeBlocking { transaction in
      for id in 0..<count { try transaction.put(Node(id: id, next: (id + 1) % count)) }
    }
  }

  /// a -> b -> c -> d becomes a -> c -> b -> d.
  private static func swap(at start: UInt64) -> @Sendable (Transaction) throws -> Int64 {
    { transaction in
      func node(_ id: UInt64) throws -> Node {
        try #require(try transaction.get(Node.self, key(id)))
      }
      var a = try node(start)
      var b = try node(a.next)
      var c = try node(b.next)
      (a.next, c.next, b.next) = (c.id, b.id, c.next)
      for node in [a, b, c] { try transaction.put(node) }
      let swaps = (try transaction.get(Progress.self, key("progress"))?.count ?? 0) + 1
      try transaction.put(Progress(count: swaps))
      return swaps
    }
  }

  private static func isRing(_ next: [UInt64: UInt64]) -> Bool {
    var seen: Set<UInt64> = []
    var at: UInt64 = 0
    while seen.insert(at).inserted {
      guard let following = next[at] else { return false }
      at = following
    }
    return at == 0 && seen.count == count && next.count == count
  }

  /// What is wrong with a snapshot, and how many swaps it holds.
  private static func flaw(_ snapshot: DatabaseSnapshot) throws -> (flaw: String?, swaps: Int64) {
    var next: [UInt64: UInt64] = [:]
    try snapshot.records.forEach(Node.self) { node in
      next[node.id] = node.next
      return .next
    }
    let swaps = try snapshot.records.get(Progress.self, key("progress"))?.count ?? 0
    if !isRing(next) { return ("no ring at \(snapshot.lsn)", swaps) }
    if UInt64(swaps + 1) != snapshot.lsn.rawValue { return ("\(swaps) at \(snapshot.lsn)", swaps) }
    guard let view = snapshot.view(RingView.State.self), view.lsn == snapshot.lsn else {
      return ("the view is elsewhere than \(snapshot.lsn)", swaps)
    }
    return (view.next == next ? nil : "the view has another ring at \(snapshot.lsn)", swaps)
  }

  @Test func eightWritersSwapAndEverySnapshotIsOneRing() throws {
    let seed = testSeed(1500)
    let swaps = scaled(ci: 4000, nightly: 130_000)
    let folder = try TemporaryFolder()
    var configuration = Database.Configuration(
      path: folder.path + "/data", disk: PosixDisk(), tables: Self.tables,
      views: [RingView()], onFatal: { Issue.record("fatal: \($0)") })
    configuration.segmentBytes = 1 << 20
    configuration.limits.checkpointLogBytes = 1 << 20
    let database = try Database.create(configuration)
    try Self.make(database)
    let (problems, looks, writing) = (Shared<[String]>([]), Shared(0), Shared(8))
    let writers = (0..<8).map { number in
      Worker {
        var random = SplitMix64(seed: seed &+ UInt64(number))
        do {
          for _ in 0..<swaps {
            let start = UInt64.random(in: 0..<Self.count, using: &random)
            _ = try database.writeBlocking(Self.swap(at: start))
          }
        } catch {
          problems.update { $0.append("\(error)") }
        }
        writing.update { $0 -= 1 }
      }
    }
    let readers = (0..<2).map { _ in
      Worker {
        repeat {
          do {
            if let flaw = try Self.flaw(database.snapshot()).flaw {
              problems.update { $0.append(flaw) }
            }
          } catch {
            problems.update { $0.append("\(error)") }
          }
          looks.update { $0 += 1 }
          pauseBriefly()
        } while writing.value > 0
      }
    }
    for worker in writers + readers { worker.join() }
    #expect(problems.value.isEmpty, "seed \(seed): \(problems.value.prefix(5))")
    let (flaw, done) = try Self.flaw(database.snapshot())
    #expect(flaw == nil && done == Int64(8 * swaps) && looks.value > 2)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }

  @Test func everyCrashLeavesOneRingWithEveryAnsweredSwap() throws {
    let seed = testSeed(1501)
    let rehearsal = SimulatedDisk()
    _ = Self.run(on: rehearsal, seed: seed)
    var random = SplitMix64(seed: seed)
    let points = (0..<scaled(ci: 100, nightly: 4000)).map { _ in
      Int.random(in: 30..<rehearsal.callCount, using: &random)
    }
    let failures = onTwoThreads(points.count) { index -> [String] in
      let disk = SimulatedDisk()
      disk.crash(atCall: points[index], index % 2 == 0 ? .before : .after)
      let answered = Self.run(on: disk, seed: seed)
      return (0..<8 as Range<UInt64>).compactMap { subset in
        let image = disk.restart(keeping: .random(seed: seed &+ UInt64(index) &* 31 &+ subset))
        let comment = "seed \(seed), call \(points[index]), subset \(subset)"
        do {
          let database = try Database.open(Self.configuration(image, seed: seed))
          // The first commit makes the ring; without it there is nothing to look at.
          if answered == nil, database.visibleLSN == .zero { return nil }
          let (flaw, swaps) = try Self.flaw(database.snapshot())
          if let flaw { return "\(comment): \(flaw)" }
          return swaps >= answered ?? 0 ? nil : "\(comment): \(swaps) of \(answered ?? 0) swaps"
        } catch {
          return answered == nil ? nil : "\(comment): \(error)"
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(5).joined(separator: "\n"))")
  }

  private static func configuration(
    _ disk: SimulatedDisk, seed: UInt64
  ) -> Database.Configuration {
    var configuration = Database.simulated(disk, seed: seed)
    configuration.tables = tables
    configuration.views = [RingView()]
    return configuration
  }

  /// Swaps in groups with a checkpoint now and then; how many were answered, nil before the first.
  private static func run(on disk: SimulatedDisk, seed: UInt64) -> Int64? {
    guard let database = try? Database.create(configuration(disk, seed: seed)),
      (try? make(database)) != nil
    else { return nil }
    let answered = Shared<Int64>(0)
    var random = SplitMix64(seed: seed)
    for _ in 0..<150 where !disk.isCrashed {
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        database.write(swap(at: UInt64.random(in: 0..<count, using: &random))) { result in
          if case .success(let committed) = result {
            answered.update { $0 = max($0, committed.value) }
          }
        }
      }
      database.step()
      if Int.random(in: 0..<15, using: &random) == 0 { try? database.checkpoint() }
    }
    return answered.value
  }
}
