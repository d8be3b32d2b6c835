// Holds of stock: random operations against a model, and many threads against one stock.

import Bytes
import Database
import Glibc
import Marketplace
import RecordStore
import Synchronization
import Testing

@Suite struct InventoryHoldTests {
  /// What is on the shelves, and every hold, in plain arithmetic.
  private struct Model {
    struct Hold {
      var id: UUIDv7
      var quantity: Int64
      var end: Timestamp
    }
    var quantity: Int64
    var holds: [Hold] = []

    func free(at time: Timestamp) -> Int64 {
      quantity - holds.filter { $0.end > time }.reduce(0) { $0 + $1.quantity }
    }
  }

  private struct Outcome: Sendable {
    var time: Timestamp
    var hold: Reservation?
    var code: ErrorCode?
  }

  private final class Done: Sendable {
    let flag = Atomic<Bool>(false)
  }

  private final class Count: Sendable {
    let value = Atomic<Int64>(0)
    func add() { value.add(1, ordering: .relaxed) }
  }

  /// Levels are the sums of their movements, what is reserved is the sum of the shares held.
  private func expectSound(_ shop: CheckoutFixture, _ product: Product, _ note: Comment) throws {
    let reader = shop.records
    let held = try reader.all(Reservation.self).filter { $0.state == .held }
    for level in try Inventory.levels(reader, variantID: product.id) {
      let moved = try reader.all(
        in: StockMovement.byLevel, .equal(key(level.variantID, level.locationID)))
      #expect(level.quantity == moved.reduce(0) { $0 + $1.quantity }, note)
      let shares = held.flatMap(\.shares).filter { $0.locationID == level.locationID }
      #expect(level.reserved == shares.reduce(0) { $0 + $1.quantity }, note)
      #expect(level.reserved >= 0 && level.available >= 0, note)
    }
    for each in try reader.all(Reservation.self) {
      #expect(each.quantity == each.shares.reduce(0) { $0 + $1.quantity }, note)
    }
  }

  /// A shop with one product beside its model, and the steps that both take.
  private struct Play {
    let shop: CheckoutFixture
    let seller: User
    let product: Product
    var model = Model(quantity: 15)
    var random: SeededNumbers

    init(seed: UInt64) throws {
      shop = try CheckoutFixture(seed: seed)
      seller = try shop.user("seller@example.com", role: .seller)
      product = try shop.product(of: seller, price: 100, stock: [7, 5, 0, 3])
      random = SeededNumbers(seed: seed)
    }

    var held: [Reservation] {
      get throws {
        try Inventory.holds(shop.records, ownerID: seller.id).filter { $0.state == .held }
      }
    }

    func attempt(
      _ body: @escaping @Sendable (Transaction) throws -> Reservation?
    ) throws -> Outcome {
      try shop.write { transaction in
        do {
          return Outcome(time: transaction.time, hold: try body(transaction), code: nil)
        } catch let error as MarketError {
          return Outcome(time: transaction.time, hold: nil, code: error.code)
        }
      }
    }

    mutating func hold(_ quantity: Int64, _ note: Comment) throws {
      let seconds = Int64(random.next() % 40 + 1)
      let (variant, owner) = (product.id, seller.id)
      let outcome = try attempt {
        try Inventory.hold(
          $0, variantID: variant, quantity: quantity, ownerID: owner,
          expiresAt: $0.time.adding(seconds: seconds))
      }
      let fits = quantity <= model.free(at: outcome.time)
      #expect((outcome.hold != nil) == fits, note)
      #expect(outcome.code == (fits ? nil : .insufficientStock), note)
      model.holds.removeAll { $0.end <= outcome.time }
      if let hold = outcome.hold {
        model.holds.append(.init(id: hold.id, quantity: quantity, end: hold.expiresAt))
      }
    }

    mutating func take(_ quantity: Int64, _ note: Comment) throws {
      let (variant, owner) = (product.id, seller.id)
      let outcome = try attempt {
        _ = try Inventory.take($0, variantID: variant, quantity: quantity, referenceID: owner)
        return nil
      }
      let fits = quantity <= model.free(at: outcome.time)
      #expect(outcome.code == (fits ? nil : .insufficientStock), note)
      model.holds.removeAll { $0.end <= outcome.time }
      if fits { model.quantity -= quantity }
    }

    private mutating func anyHold() -> Model.Hold {
      model.holds[Int(random.next() % UInt64(model.holds.count))]
    }

    /// Twice: the second time changes nothing.
    mutating func commit(_ note: Comment) throws {
      let hold = anyHold()
      let owner = seller.id
      for _ in 0..<2 {
        let outcome = try attempt {
          try Inventory.commitHold($0, hold.id, referenceID: owner)
          return nil
        }
        #expect(outcome.code == nil, note)
      }
      model.holds.removeAll { $0.id == hold.id }
      model.quantity -= hold.quantity
    }

    mutating func release(_ note: Comment) throws {
      let hold = anyHold()
      let owner = seller.id
      #expect(try shop.write { try Inventory.releaseHold($0, hold.id) }, note)
      #expect(try !shop.write { try Inventory.releaseHold($0, hold.id) }, note)
      let late = try attempt {
        try Inventory.commitHold($0, hold.id, referenceID: owner)
        return nil
      }
      #expect(late.code == .conflict, note)
      model.holds.removeAll { $0.id == hold.id }
    }

    mutating func sweep(_ note: Comment) throws {
      shop.skip(seconds: Int64(random.next() % 30))
      let swept = try shop.write { transaction in
        (try Inventory.releaseExpired(transaction, limit: 2), transaction.time)
      }
      let due = model.holds.filter { $0.end <= swept.1 }
      #expect(swept.0 == min(2, due.count), note)
      let first = due.sorted { ($0.end, $0.id) < ($1.end, $1.id) }.prefix(2).map(\.id)
      model.holds.removeAll { first.contains($0.id) }
    }

    mutating func restock(_ quantity: Int64) throws {
      let variant = product.id
      let location = try #require(
        try Inventory.levels(shop.records, variantID: variant).last?.locationID)
      try shop.write {
        try Inventory.adjust(
          $0, variantID: variant, locationID: location, delta: quantity, kind: .restock)
      }
      // A write to the level clears what has run out there.
      let left = Set(try held.map(\.id))
      model.holds.removeAll { !left.contains($0.id) }
      model.quantity += quantity
    }

    mutating func step(_ note: Comment) throws {
      let quantity = Int64(random.next() % 6 + 1)
      switch random.next() % 8 {
      case 0, 1, 2: try hold(quantity, note)
      case 3: try take(quantity, note)
      case 4 where !model.holds.isEmpty: try commit(note)
      case 5 where !model.holds.isEmpty: try release(note)
      case 6: try sweep(note)
      default: try restock(quantity)
      }
      #expect(Set(try held.map(\.id)) == Set(model.holds.map(\.id)), note)
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `Holding, selling, committing, releasing and expiring agree with a model`(
    seed: UInt64
  ) throws {
    var play = try Play(seed: seed)
    for step in 0..<150 {
      let note: Comment = "seed \(seed), step \(step)"
      try play.step(note)
      try expectSound(play.shop, play.product, note)
    }
    try play.shop.finish()
  }

  @Test func `Sixty-four threads that hold and buy never get more than there is`() throws {
    let shop = try CheckoutFixture(runsThreads: true)
    let seller = try shop.user("seller@example.com", role: .seller)
    let product = try shop.product(of: seller, price: 100, stock: [40, 60])
    let got = Count()
    let refused = Count()
    let done = Done()
    let left = CountDown(64) { done.flag.store(true, ordering: .releasing) }
    for number in 0..<64 {
      startThread {
        defer { left.finish() }
        for round in 0..<6 {
          do {
            try shop.write { transaction in
              if (number + round) % 2 == 0 {
                _ = try Inventory.take(
                  transaction, variantID: product.id, quantity: 1, referenceID: seller.id)
              } else {
                try Inventory.hold(
                  transaction, variantID: product.id, quantity: 1, ownerID: seller.id,
                  expiresAt: transaction.time.adding(seconds: 3600))
              }
            }
            got.add()
          } catch let error as MarketError where error.code == .insufficientStock {
            refused.add()
          } catch {
            Issue.record("\(error)")
          }
        }
      }
    }
    while !done.flag.load(ordering: .acquiring) { usleep(1000) }
    #expect(got.value.load(ordering: .relaxed) == 100)
    #expect(refused.value.load(ordering: .relaxed) == 284)
    try expectSound(shop, product, "after all threads")
    try shop.finish()
  }

  @Test func `A hold that has run out hinders nobody, swept or not`() throws {
    let shop = try CheckoutFixture()
    let seller = try shop.user("seller@example.com", role: .seller)
    let product = try shop.product(of: seller, price: 100, stock: [1])
    let hold = try shop.write {
      try Inventory.hold(
        $0, variantID: product.id, quantity: 1, ownerID: seller.id,
        expiresAt: $0.time.adding(seconds: 10))
    }
    let buy: @Sendable (Transaction) throws -> [StockShare] = {
      try Inventory.take($0, variantID: product.id, quantity: 1, referenceID: seller.id)
    }
    #expect(refusal { _ = try shop.write(buy) }?.code == .insufficientStock)
    shop.skip(seconds: 11)
    #expect(try shop.write(buy).count == 1)
    let late = refusal {
      _ = try shop.write { try Inventory.commitHold($0, hold.id, referenceID: seller.id) }
    }
    #expect(late?.code == .conflict)
    try shop.finish()
  }
}
