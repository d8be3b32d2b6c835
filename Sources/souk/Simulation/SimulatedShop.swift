// SimulatedShop: a small marketplace on a simulated disk, its clock and its random numbers from one seed,
// so that the same seed makes the same calls. One thread: a write is carried out when `step` is called.

import Bytes
import CommitLog
import Database
import Disk
import Marketplace
import RecordStore
import Synchronization

/// What must not happen; the text says what did.
struct SimulationFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Ticks a millisecond a call, and leaps.
final class SimulatedClock: Sendable {
  private let microseconds = Atomic<Int64>(1_795_000_000_000_000)
  func tick() -> Timestamp {
    Timestamp(microseconds: microseconds.add(1000, ordering: .relaxed).newValue)
  }
  func leap(seconds: Int64) { microseconds.add(seconds * 1_000_000, ordering: .relaxed) }
}

/// Random numbers for the shop's identifiers, from the seed.
final class SimulatedNumbers: Sendable {
  private let random: Mutex<SplitMix64>
  init(seed: UInt64) { random = Mutex(SplitMix64(seed: seed)) }
  func next() -> UInt64 { random.withLock { $0.next() } }
}

final class SimulatedShop {
  static let folder = "shop"

  let market: Marketplace
  /// The log could not be made durable: a real process would have ended.
  private let stopped: EndSignal

  var database: Database { market.database }
  var hasStopped: Bool { stopped.isGiven }

  /// Opens the shop, or makes an empty one.
  init(
    on disk: SimulatedDisk, clock: SimulatedClock, random: SimulatedNumbers,
    isNew: Bool = false
  ) throws {
    let stopped = EndSignal()
    self.stopped = stopped
    var configuration = Database.Configuration(
      path: Self.folder, disk: disk, tables: MarketTables.all, views: MarketTables.makeViews(),
      now: { clock.tick() }, random: { random.next() }, onFatal: { _ in stopped.give() })
    configuration.runsThreads = false
    configuration.cacheBytes = 4 << 20
    configuration.segmentBytes = 256 << 10
    let database =
      isNew ? try Database.create(configuration) : try Database.open(configuration)
    market = try Marketplace(database: database, hasher: PasswordHasher(cost: 4))
  }

  /// Two sellers, six products with stock, and four buyers.
  func fill() throws {
    _ = try database.writeBlocking { transaction in
      _ = try BenchFixture.catalogue(transaction, products: 6, sellers: 2, stock: 25)
      _ = try BenchFixture.buyers(transaction, from: 0, count: 4, at: transaction.time)
    }
  }

  // MARK: Proof

  /// Everything that must be true of a shop at rest: pages, hashes, free space and indexes; orders, money,
  /// stock, coupons and escrow; and each engine equal to one made from the records.
  func prove() throws {
    let check = try database.check(deep: true)
    guard check.findings.isEmpty else {
      throw SimulationFailure("store check: \(check.findings.prefix(3))")
    }
    let audit = try MarketAudit.run(database.snapshot().records)
    guard audit.findings.isEmpty else {
      throw SimulationFailure("books: \(audit.findings.prefix(3))")
    }
    for name in database.viewNames {
      guard try database.verifyView(name).isSound else {
        throw SimulationFailure("the engine \(name) differs from the records")
      }
    }
  }
}
