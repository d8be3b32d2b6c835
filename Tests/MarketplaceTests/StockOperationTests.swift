// Many levels at once, transfers, feeds of tills, locations and reservations: what they change, what
// they refuse, and that a refusal changes nothing.

import Bytes
import Marketplace
import RecordStore
import Testing

@Suite struct StockOperationTests {
  private struct Shelf {
    let shop: CatalogFixture
    let product: Product
    let first: UUIDv7
    let second: UUIDv7

    init() throws {
      shop = try CatalogFixture()
      let made = try shop.product("Oak stool")
      product = made
      first = try #require(made.locationID)
      let seller = shop.seller
      second = try shop.write { transaction in
        var input = LocationInput()
        input.content.name = "Store room"
        return try Locations.create(transaction, input, by: seller).id
      }
      try set(10, at: first)
    }

    func set(_ quantity: Int64, at location: UUIDv7) throws {
      try shop.write { [product] in
        _ = try Inventory.set(
          $0, variantID: product.id, locationID: location, quantity: quantity)
      }
    }

    func quantity(at location: UUIDv7) throws -> Int64 {
      try shop.records.get(StockLevel.self, key(product.id, location))?.quantity ?? 0
    }

    /// Every level is the sum of its movements.
    func expectSums() throws {
      for level in try shop.records.all(StockLevel.self) {
        let moved = try shop.records.all(
          in: StockMovement.byLevel, .equal(key(level.variantID, level.locationID)))
        #expect(level.quantity == moved.reduce(0) { $0 + $1.quantity })
      }
    }
  }

  private func row(_ shelf: Shelf, _ change: (inout StockBulkRow) -> Void) -> StockBulkRow {
    var row = StockBulkRow()
    row.productID = shelf.product.id
    row.locationID = shelf.first
    change(&row)
    return row
  }

  @Test func aBulkUpdateIsAllOrNothingOrRowByRow() throws {
    let shelf = try Shelf()
    let seller = shelf.shop.seller
    var request = StockBulkRequest()
    request.items = [
      row(shelf) { $0.quantity = 7 }, row(shelf) { $0.delta = -100 },
      row(shelf) {
        $0.delta = 5
        $0.reorderPoint = 3
      },
    ]
    let all = request
    let refused = refusal {
      _ = try shelf.shop.write { try Inventory.bulk($0, all, by: seller) }
    }
    #expect(refused?.code == .insufficientStock)
    #expect(refused?.message.hasPrefix("Row 1: ") == true)
    #expect(try shelf.quantity(at: shelf.first) == 10)

    request.mode = .each
    let each = request
    let report = try shelf.shop.write { try Inventory.bulk($0, each, by: seller) }
    #expect(report.updated == 2 && report.refused == 1)
    #expect(report.items.map(\.code) == [nil, "BIZ_5001", nil])
    #expect(report.items[2].level?.quantity == 12)
    #expect(report.items[2].level?.reorderPoint == 3)
    #expect(try shelf.quantity(at: shelf.first) == 12)
    try shelf.expectSums()
  }

  @Test func aBulkRowSaysOneOfQuantityAndDeltaAndPointsToItself() throws {
    let shelf = try Shelf()
    let seller = shelf.shop.seller
    var request = StockBulkRequest()
    request.items = [row(shelf) { $0.quantity = 1 }, row(shelf) { _ in }]
    let fixed = request
    let refused = refusal {
      _ = try shelf.shop.write { try Inventory.bulk($0, fixed, by: seller) }
    }
    let refusedDetails = "\(refused?.details ?? .null)"
    #expect(refusedDetails.contains("/items/1/quantity"))
    let rival = shelf.shop.rival
    request.items = [row(shelf) { $0.quantity = 1 }]
    let theirs = request
    #expect(
      refusal { _ = try shelf.shop.write { try Inventory.bulk($0, theirs, by: rival) } }?.code
        == .insufficientPermissions)
  }

  @Test func aTransferMovesUnitsUnderOneReference() throws {
    let shelf = try Shelf()
    let seller = shelf.shop.seller
    var request = StockTransferRequest()
    request.productID = shelf.product.id
    request.fromLocationID = shelf.first
    request.toLocationID = shelf.second
    request.quantity = 4
    let four = request
    let view = try shelf.shop.write { try Inventory.transfer($0, four, by: seller) }
    #expect(view.total == 10)
    #expect(try shelf.quantity(at: shelf.first) == 6)
    #expect(try shelf.quantity(at: shelf.second) == 4)
    let halves = try shelf.shop.records.all(StockMovement.self).filter { $0.kind == .transfer }
    #expect(halves.map(\.quantity).sorted() == [-4, 4])
    #expect(Set(halves.map(\.referenceID)).count == 1)
    request.quantity = 7
    let seven = request
    #expect(
      refusal { _ = try shelf.shop.write { try Inventory.transfer($0, seven, by: seller) } }?.code
        == .insufficientStock)
    request.toLocationID = shelf.first
    let same = request
    #expect(
      refusal { _ = try shelf.shop.write { try Inventory.transfer($0, same, by: seller) } }?.code
        == .validation)
    #expect(try shelf.quantity(at: shelf.second) == 4)
    try shelf.expectSums()
  }

  private func feed(_ id: String, _ rows: [(FeedRowKind, Int64)], _ shelf: Shelf) -> StockFeed {
    var feed = StockFeed()
    feed.feedID = id
    feed.locationID = shelf.first
    feed.items = rows.map { kind, quantity in
      var row = FeedRow()
      row.productID = shelf.product.id
      row.kind = kind
      row.quantity = quantity
      return row
    }
    return feed
  }

  @Test func aFeedIsAppliedOnceAndWholly() throws {
    let shelf = try Shelf()
    let seller = shelf.shop.seller
    let day = feed("2026-11-26", [(.sale, 3), (.restock, 20), (.return, 1), (.sale, 2)], shelf)
    let report = try shelf.shop.write { try Inventory.apply($0, day, by: seller) }
    #expect(report.unitsSold == 5 && report.unitsAdded == 21 && !report.replayed)
    #expect(try shelf.quantity(at: shelf.first) == 26)
    var again = try shelf.shop.write { try Inventory.apply($0, day, by: seller) }
    #expect(again.replayed)
    again.replayed = false
    #expect(again == report)
    #expect(try shelf.quantity(at: shelf.first) == 26)

    let other = feed("2026-11-26", [(.sale, 1)], shelf)
    let reused = refusal { _ = try shelf.shop.write { try Inventory.apply($0, other, by: seller) } }
    #expect(reused?.status == 422)
    let tooMuch = feed("next", [(.sale, 1), (.sale, 1000)], shelf)
    #expect(
      refusal { _ = try shelf.shop.write { try Inventory.apply($0, tooMuch, by: seller) } }?.code
        == .insufficientStock)
    #expect(try shelf.quantity(at: shelf.first) == 26)
    let counted = feed("count", [(.count, 8)], shelf)
    try shelf.shop.write { _ = try Inventory.apply($0, counted, by: seller) }
    #expect(try shelf.quantity(at: shelf.first) == 8)
    try shelf.expectSums()
  }

  @Test func aFeedNamesVariantsBySKUAndOnlyItsOwn() throws {
    let shelf = try Shelf()
    let (seller, rival) = (shelf.shop.seller, shelf.shop.rival)
    let product = try shelf.shop.product("Shirt")
    var variant = VariantInput()
    variant.name = "Large"
    variant.sku = "SH-L"
    variant.price = Amount(minor: 900, digits: 2)
    let large = variant
    try shelf.shop.write {
      _ = try Catalog.addVariant(
        $0, productID: product.id, large, expectedVersion: nil, by: seller)
    }
    var feed = StockFeed()
    feed.feedID = "1"
    feed.locationID = shelf.first
    var row = FeedRow()
    row.sku = "SH-L"
    row.kind = .restock
    row.quantity = 6
    feed.items = [row]
    let good = feed
    try shelf.shop.write { _ = try Inventory.apply($0, good, by: seller) }
    #expect(try Inventory.available(shelf.shop.records, productID: product.id) == 6)
    row.sku = "NOBODY"
    feed.feedID = "2"
    feed.items = [good.items[0], row]
    let bad = feed
    let refused = refusal { _ = try shelf.shop.write { try Inventory.apply($0, bad, by: seller) } }
    let refusedDetails = "\(refused?.details ?? .null)"
    #expect(refusedDetails.contains("/items/1"))
    var theirs = good
    theirs.feedID = "3"
    let fixed = theirs
    #expect(
      refusal { _ = try shelf.shop.write { try Inventory.apply($0, fixed, by: rival) } } != nil)
    #expect(try Inventory.available(shelf.shop.records, productID: product.id) == 6)
  }

  @Test func oneLocationIsThePrimaryOneAndUsedOnesStay() throws {
    let shelf = try Shelf()
    let (shop, seller) = (shelf.shop, shelf.shop.seller)
    var change = LocationChange()
    change.isPrimary = true
    let promote = change
    let second = shelf.second
    try shop.write { _ = try Locations.change($0, id: second, promote, by: seller) }
    let all = try Locations.all(shop.records, sellerID: seller.userID)
    #expect(all.map(\.isPrimary) == [true, false] && all.first?.id == second)
    change.isPrimary = false
    let demote = change
    #expect(
      refusal { try shop.write { _ = try Locations.change($0, id: second, demote, by: seller) } }?
        .code == .conflict)
    let first = shelf.first
    for id in [first, second] {
      #expect(
        refusal { try shop.write { try Locations.remove($0, id: id, by: seller) } }?.code
          == .conflict)
    }
    let third = try shop.write { transaction in
      var input = LocationInput()
      input.content.name = "Stall"
      return try Locations.create(transaction, input, by: seller).id
    }
    let rival = shop.rival
    #expect(
      refusal { try shop.write { try Locations.remove($0, id: third, by: rival) } }?.code
        == .notFound)
    try shop.write { try Locations.remove($0, id: third, by: seller) }
    #expect(try shop.records.get(Location.self, key(third)) == nil)
  }

  @Test func aReservationIsHeldSoldOrGivenBackByItsSeller() throws {
    let shelf = try Shelf()
    let (shop, seller, rival) = (shelf.shop, shelf.shop.seller, shelf.shop.rival)
    var request = ReservationRequest()
    request.productID = shelf.product.id
    request.quantity = 6
    let six = request
    let held = try shop.write { try Inventory.reserve($0, six, by: seller) }
    #expect(held.state == .held && held.ownerID == seller.userID)
    #expect(
      refusal { try shop.write { _ = try Inventory.reserve($0, six, by: seller) } }?.code
        == .insufficientStock)
    #expect(
      refusal { try shop.write { _ = try Inventory.release($0, reservation: held.id, by: rival) } }?
        .code == .notFound)
    let sold = try shop.write {
      try Inventory.commit($0, reservation: held.id, ReservationCommit(), by: seller)
    }
    #expect(sold.state == .committed)
    #expect(try shelf.quantity(at: shelf.first) == 4)
    #expect(
      refusal {
        try shop.write { _ = try Inventory.release($0, reservation: held.id, by: seller) }
      }?
      .code == .conflict)
    request.quantity = 4
    let four = request
    let next = try shop.write { try Inventory.reserve($0, four, by: seller) }
    for _ in 0..<2 {
      let back = try shop.write { try Inventory.release($0, reservation: next.id, by: seller) }
      #expect(back.state == .released)
    }
    let page = try Inventory.reservations(
      shop.records, sellerID: seller.userID, limit: 1, cursor: nil, shop.cursors)
    #expect(page.data.map(\.id) == [next.id] && page.hasMore)
    let rest = try Inventory.reservations(
      shop.records, sellerID: seller.userID, limit: 5, cursor: page.nextCursor, shop.cursors)
    #expect(rest.data.map(\.id) == [held.id] && !rest.hasMore)
    try shelf.expectSums()
  }
}
