// ShopWork: what people do in a simulated shop, one random step at a time: they fill carts, buy with every
// kind of card, cancel, are refunded, keep money in escrow; sellers change titles and stock; time passes,
// checkpoints are made and engines written.

import Bytes
import Database
import Marketplace
import RecordStore
import Synchronization

struct ShopWork {
  private static let tokens = [
    "tok_success", "tok_success", "tok_success", "tok_decline", "tok_late", "tok_challenge",
    "tok_timeout",
  ]

  let shop: SimulatedShop
  let clock: SimulatedClock
  let prefix: String
  var random: SplitMix64
  private var count = 0
  /// Answers by key, as they come.
  private let answers = Answers()
  private var made: [SimulatedPurchase] = []

  private final class Answers: Sendable {
    let byKey = Mutex<[String: StoredAnswer]>([:])
    let problem = Mutex<String?>(nil)

    /// A refusal of the market is an answer; anything else is told.
    func note(_ error: any Error) {
      if let refusal = error as? MarketError, refusal.code != .internalError { return }
      problem.withLock { $0 = $0 ?? "\(error)" }
    }
  }

  init(shop: SimulatedShop, clock: SimulatedClock, prefix: String, random: SplitMix64) {
    self.shop = shop
    self.clock = clock
    self.prefix = prefix
    self.random = random
  }

  /// What was refused for another reason than the market's rules; nil when nothing was.
  var problem: String? { answers.problem.withLock { $0 } }

  /// The purchases since the last call, with their answers as far as they came.
  mutating func takePurchases() -> [(SimulatedPurchase, StoredAnswer?)] {
    defer { made = [] }
    return made.map { purchase in (purchase, answers.byKey.withLock { $0[purchase.key] }) }
  }

  mutating func step(known: [SimulatedPurchase]) throws {
    let records = shop.database.snapshot().records
    let orders = known.compactMap(\.orderID)
    switch Int.random(in: 0..<12, using: &random) {
    case 0..<5: try purchase(records)
    case 5: if let id = orders.randomElement(using: &random) { cancel(id) }
    case 6: if let id = orders.randomElement(using: &random) { refund(id) }
    case 7: if let id = orders.randomElement(using: &random) { keepBack(id) }
    case 8: try change(records)
    case 9:
      clock.leap(seconds: Int64.random(in: 1...40, using: &random) * 60)
      settle()
    case 10: try? shop.database.checkpoint()
    default: shop.database.flushViews()
    }
    // As the threads do it now and then: the next group executes while one is on its way to the log.
    if Bool.random(using: &random) {
      while shop.database.step() {}
    } else {
      while shop.database.stepExecute() {}
      while shop.database.stepCommit() {}
    }
  }

  private func write(_ body: @escaping @Sendable (Transaction) throws -> Void) {
    shop.database.write(body) { [answers] result in
      if case .failure(let error) = result { answers.note(error) }
    }
  }

  // MARK: Buyers

  private mutating func purchase(_ records: Snapshot) throws {
    let buyers = try records.all(User.self).filter { $0.role == .buyer }
    let products = try records.all(Product.self)
    guard let buyer = buyers.randomElement(using: &random) else { return }
    let market = shop.market
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      guard let product = products.randomElement(using: &random) else { return }
      var request = CartAddRequest()
      request.productID = product.id
      request.quantity = Int64.random(in: 1...3, using: &random)
      let ready = request
      write { try Carts.add($0, userID: buyer.id, ready, policies: market.policies) }
    }
    count += 1
    let purchase = SimulatedPurchase(
      buyer: buyer.id, key: "\(prefix)-\(count)",
      token: Self.tokens[Int.random(in: 0..<Self.tokens.count, using: &random)])
    made.append(purchase)
    shop.database.write { transaction in
      try ShopSimulation.buy(transaction, purchase, market)
    } completion: { [answers] result in
      switch result {
      case .success(let commit):
        answers.byKey.withLock { $0[purchase.key] = commit.value }
      case .failure(let error): answers.note(error)
      }
    }
  }

  private func cancel(_ id: UUIDv7) {
    let market = shop.market
    write { transaction in
      _ = try Orders.cancel(
        transaction, id: id, caller: Self.admin, reason: "changed my mind",
        provider: market.provider, policies: market.policies)
    }
  }

  private mutating func refund(_ id: UUIDv7) {
    var request = RefundRequest()
    request.orderID = id
    request.amount = Amount(minor: Int64.random(in: 1...150, using: &random), digits: 2)
    let ready = request
    let provider = shop.market.provider
    write { _ = try Refunds.refund($0, ready, caller: Self.admin, provider: provider) }
  }

  private mutating func keepBack(_ id: UUIDv7) {
    if Bool.random(using: &random) {
      write { transaction in
        var request = EscrowRequest()
        request.orderID = id
        request.releaseAfterDays = 1
        _ = try Escrows.create(transaction, request, caller: Self.admin)
      }
    } else {
      write { transaction in
        var request = EscrowReleaseRequest()
        request.orderID = id
        _ = try Escrows.release(transaction, request, caller: Self.admin)
      }
    }
  }

  private static let admin = Caller(userID: .zero, role: .admin)

  // MARK: Sellers, and time

  private mutating func change(_ records: Snapshot) throws {
    guard let product = try records.all(Product.self).randomElement(using: &random),
      let level = try records.all(StockLevel.self).first(where: { $0.variantID == product.id })
    else { return }
    let units = Int64.random(in: 1...4, using: &random)
    let words = ["oak", "ash", "elm", "beech"]
    let title = "\(words[Int.random(in: 0..<words.count, using: &random)]) stool \(units)"
    write { transaction in
      _ = try Inventory.adjust(
        transaction, variantID: level.variantID, locationID: level.locationID, delta: units)
      guard var changed = try transaction.get(Product.self, key(product.id)) else { return }
      changed.title = title
      try transaction.put(changed)
    }
  }

  private func settle() {
    let market = shop.market
    write { transaction in
      _ = try Settlement.settle(
        transaction, provider: market.provider, policies: market.policies)
      try Escrows.releaseDue(transaction)
    }
  }
}
