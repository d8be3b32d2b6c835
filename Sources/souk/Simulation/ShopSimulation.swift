// ShopSimulation: one run of `souk simulate`. Buyers buy, cancel and are refunded while the disk loses power,
// fails calls or is full; after each life the shop is opened on what the disk kept, and proved.
//
// What must hold after every opening
// 1. The store, the books, the stock and the engines are sound (`SimulatedShop.prove`).
// 2. Each purchase that was answered is answered the same again under its key, and has its order.
// 3. A purchase in doubt happens once or not at all: asked again under its key it is answered, and there are
//    no more orders than purchases.

import Bytes
import Database
import Disk
import Marketplace
import RecordStore
import Synchronization

/// A purchase as its buyer knows it.
struct SimulatedPurchase: Sendable {
  var buyer: UUIDv7
  var key: String
  var token: String
  /// The answer's body; nil while none came.
  var answer: [UInt8]?
  var orderID: UUIDv7?
}

struct ShopSimulation {
  struct Report: Fields, Equatable {
    var seed: UInt64 = 0
    var lives: Int64 = 0
    var crashes: Int64 = 0
    /// Calls that were made to fail, and full volumes.
    var faults: Int64 = 0
    var purchases: Int64 = 0
    var orders: Int64 = 0
    var commits: UInt64 = 0
    /// Of all answers: the same for the same seed.
    var digest = ""

    init() {}

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "seed", &seed)
      try visitor.field(2, "lives", &lives)
      try visitor.field(3, "crashes", &crashes)
      try visitor.field(4, "faults", &faults)
      try visitor.field(5, "purchases", &purchases)
      try visitor.field(6, "orders", &orders)
      try visitor.field(7, "commits", &commits)
      try visitor.field(8, "digest", &digest)
    }
  }

  private static let lives = 5
  private static let stepsMost = 60
  /// Openings that may be cut short one after another.
  private static let openingsMost = 4

  private var random: SplitMix64
  private var disk = SimulatedDisk()
  private let clock = SimulatedClock()
  private let numbers: SimulatedNumbers
  private var report = Report()
  private var purchases: [SimulatedPurchase] = []
  private var answers: [UInt8] = []

  /// A disk that says it has synced and has not: what the simulation must notice.
  private let diskLies: Bool

  init(seed: UInt64, diskLies: Bool = false) {
    self.diskLies = diskLies
    random = SplitMix64(seed: seed)
    numbers = SimulatedNumbers(seed: ~seed)
    report.seed = seed
  }

  /// The whole run. Throws `SimulationFailure` when something is not as it must be.
  mutating func run() throws -> Report {
    let first = try SimulatedShop(on: disk, clock: clock, random: numbers, isNew: true)
    try first.fill()
    try first.database.close()
    for life in 1...Self.lives {
      let shop = try open()
      try live(shop, life)
      report.lives += 1
    }
    let shop = try open()
    report.commits = shop.database.visibleLSN.rawValue
    report.orders = Int64(try shop.database.snapshot().records.all(Order.self).count)
    report.purchases = Int64(purchases.count)
    try shop.database.close()
    report.digest = String(XXH64.hash(answers), radix: 16)
    return report
  }

  // MARK: Openings

  /// Opens and proves what the disk holds; the machine may go off again meanwhile.
  private mutating func open() throws -> SimulatedShop {
    var attempt = 0
    while true {
      attempt += 1
      if attempt < Self.openingsMost, Int.random(in: 0..<3, using: &random) == 0 {
        planCrash(within: 120)
      }
      do {
        let shop = try SimulatedShop(on: disk, clock: clock, random: numbers)
        try shop.prove()
        try settle(shop)
        return shop
      } catch  where disk.isCrashed {
        restart()
      }
    }
  }

  private mutating func planCrash(within calls: Int) {
    let moments = SimulatedDisk.Moment.allCases
    disk.crash(
      atCall: disk.callCount + Int.random(in: 1...calls, using: &random),
      moments[Int.random(in: 0..<moments.count, using: &random)])
  }

  private mutating func restart() {
    report.crashes += 1
    disk = disk.restart(keeping: .random(seed: random.next()))
    // Whoever starts the machine again has made room.
    disk.capacity = nil
  }

  /// Asks for every purchase again under its key.
  private mutating func settle(_ shop: SimulatedShop) throws {
    for index in purchases.indices {
      let known = purchases[index]
      let market = shop.market
      do {
        let answer = try shop.database.writeBlocking { transaction in
          try Self.buy(transaction, known, market)
        }.value
        if let body = known.answer, !answer.isReplay || answer.body != body {
          throw SimulationFailure("purchase \(known.key) is answered otherwise than before")
        }
        record(answer, of: index)
      } catch let refusal as MarketError {
        guard known.answer == nil else {
          throw SimulationFailure(
            "purchase \(known.key) was answered and is gone: \(refusal.message)")
        }
      }
    }
    let records = shop.database.snapshot().records
    for purchase in purchases {
      guard let id = purchase.orderID, try records.get(Order.self, key(id)) == nil else { continue }
      throw SimulationFailure("the order of purchase \(purchase.key) is gone")
    }
    let orders = try records.all(Order.self).count
    guard orders <= purchases.count else {
      throw SimulationFailure("\(purchases.count) purchases made \(orders) orders")
    }
  }

  private mutating func record(_ answer: StoredAnswer, of index: Int) {
    guard purchases[index].answer == nil else { return }
    purchases[index].answer = answer.body
    answers += answer.body
    guard [201, 202].contains(answer.status),
      let order = try? JSONValue(parsing: answer.body), let id = order["id"]?.text
    else { return }
    purchases[index].orderID = UUIDv7(id)
  }

  /// The checkout of a purchase, once under its key.
  static func buy(
    _ transaction: Transaction, _ purchase: SimulatedPurchase, _ market: Marketplace
  ) throws -> StoredAnswer {
    var request = CheckoutRequest()
    request.deliveryAddress.street = "1 Mill Lane"
    request.deliveryAddress.city = "Barre"
    request.deliveryAddress.zipCode = "05641"
    request.deliveryAddress.country = "US"
    request.payment.token = purchase.token
    let once = try IdempotentRequest(
      principalID: purchase.buyer, method: "POST", route: "/checkout", key: purchase.key,
      path: "/checkout", query: [], body: FieldJSON.encode(request))
    return try market.checkout.run(
      transaction, buyerID: purchase.buyer, request, idempotency: once
    ) { Array($0.code.rawValue.utf8) }
  }

  // MARK: A life

  /// Steps of work until the machine goes off, the process would have ended, or the day is over.
  private mutating func live(_ shop: SimulatedShop, _ life: Int) throws {
    let isFaulty = planFault()
    if diskLies { disk.lieAboutSyncs(0..<Int.max) }
    var work = ShopWork(shop: shop, clock: clock, prefix: "\(report.seed)-\(life)", random: random)
    for _ in 0..<Int.random(in: 5...Self.stepsMost, using: &random) {
      guard !disk.isCrashed, !shop.hasStopped else { break }
      try work.step(known: purchases)
      for (purchase, answer) in work.takePurchases() {
        purchases.append(purchase)
        if let answer { record(answer, of: purchases.count - 1) }
      }
    }
    random = work.random
    // A crash that was planned for the opening may strike only now.
    if !isFaulty, !disk.isCrashed, let problem = work.problem {
      throw SimulationFailure("without any fault a write was refused: \(problem)")
    }
    guard !disk.isCrashed, !shop.hasStopped else { return restart() }
    disk.clearFailures()
    disk.capacity = nil
    do {
      try shop.database.close()
      // All that was answered is on the disk, and nothing else is needed.
      disk = disk.restart(keeping: .none)
    } catch {
      guard isFaulty else { throw SimulationFailure("it could not be closed: \(error)") }
      restart()
    }
  }

  /// What goes wrong in this life; false: nothing.
  private mutating func planFault() -> Bool {
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<6: planCrash(within: 700)
    case 6, 7:
      report.faults += 1
      let kinds: [DiskCall.Kind?] = [nil, .write, .sync, .reserve]
      disk.fail(
        kinds[Int.random(in: 0..<kinds.count, using: &random)],
        skipping: Int.random(in: 0..<200, using: &random))
    case 8:
      report.faults += 1
      disk.capacity = UInt64.random(in: 1...4, using: &random) << 20
    default: return false
    }
    return true
  }
}
