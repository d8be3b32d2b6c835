// The catalogue, the stock and the search over a real database on a simulated disk; each answer is
// compared with a naive one made from the records.

import Bytes
import CommitLog
import Database
import Disk
import Marketplace
import RecordStore
import Synchronization
import Testing
import TextSearch

struct CatalogFixture {
  let database: Database
  let cursors = PageCursors(key: Array(repeating: 7, count: 32))
  let seller = CatalogActor(userID: UUIDv7(high: 1, low: 1), isAdmin: false)
  let rival = CatalogActor(userID: UUIDv7(high: 2, low: 2), isAdmin: false)

  init(seed: UInt64 = 1, index: TextIndex = ProductSearch.makeIndex()) throws {
    let random = Mutex(SeededNumbers(seed: seed))
    let ticks = Atomic<Int64>(0)
    var configuration = Database.Configuration(
      path: "data", disk: SimulatedDisk(), tables: MarketTables.all,
      views: [index],
      now: {
        let tick = ticks.add(1, ordering: .relaxed).newValue
        return Timestamp(microseconds: 1_795_000_000_000_000 + tick * 1000)
      }, random: { random.withLock { $0.next() } },
      onFatal: { Issue.record("the log failed: \($0)") })
    configuration.runsThreads = false
    configuration.segmentBytes = 1 << 20
    database = try Database.create(configuration)
  }

  @discardableResult
  func write<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) throws -> Value {
    try database.writeBlocking(body).value
  }

  var records: Snapshot { database.snapshot().records }

  static func input(
    _ title: String, price: Int64, active: Bool = true, latitude: Double = 44
  ) -> ProductInput {
    var input = ProductInput()
    input.content.title = title
    input.content.description = "A thing of oak, made by hand."
    input.content.price = Amount(minor: price, digits: 2)
    if active {
      input.content.images = ["https://example.com/a.jpg"]
      var place = PlaceInput()
      place.latitude = latitude
      place.longitude = -93
      input.content.location = place
      input.content.status = .active
    }
    return input
  }

  func product(_ title: String, price: Int64 = 1000, active: Bool = true) throws -> Product {
    let input = Self.input(title, price: price, active: active)
    return try write { try Catalog.create($0, input, by: seller) }
  }
}

private func refusal(_ body: () throws -> Void) -> MarketError? {
  do {
    try body()
    return nil
  } catch {
    return error as? MarketError
  }
}

@Test func aProductIsADraftUntilItHasAnImageAndAPlace() throws {
  let shop = try CatalogFixture()
  let draft = try shop.product("Oak stool", active: false)
  #expect(draft.status == .draft)
  var publish = ProductChange()
  publish.status = .active
  let ready = publish
  let refused = refusal {
    _ = try shop.write {
      try Catalog.update($0, id: draft.id, ready, expectedVersion: 1, by: shop.seller)
    }
  }
  #expect(refused?.code == .missingRequiredField)
  #expect(throws: MarketError.notFound("product")) {
    try Catalog.visible(shop.records, draft.slug, to: nil)
  }
  #expect(try Catalog.visible(shop.records, draft.slug, to: shop.seller).id == draft.id)
}

@Test func equalTitlesGetSlugsOfTheirOwnAndOldSlugsLeadToTheProduct() throws {
  let shop = try CatalogFixture()
  let first = try shop.product("Oak stool")
  let second = try shop.product("Oak stool")
  #expect(first.slug == "oak-stool")
  #expect(second.slug != first.slug)
  var change = ProductChange()
  change.seo = SEOInput()
  change.seo?.slug = "stool"
  let ready = change
  let renamed = try shop.write {
    try Catalog.update($0, id: first.id, ready, expectedVersion: 1, by: shop.seller)
  }
  #expect(renamed.slug == "stool" && renamed.version == 2)
  #expect(try Catalog.find(shop.records, "oak-stool")?.id == first.id)
  // A past slug belongs to its product.
  let third = try shop.product("Oak stool")
  #expect(third.slug != "oak-stool" && third.slug != second.slug)
}

@Test func changesNameTheirVersionAndOnlyOwnersMakeThem() throws {
  let shop = try CatalogFixture()
  let product = try shop.product("Oak stool")
  var change = ProductChange()
  change.price = Amount(minor: 5, digits: 0)
  let ready = change
  let stale = refusal {
    _ = try shop.write {
      try Catalog.update($0, id: product.id, ready, expectedVersion: 9, by: shop.seller)
    }
  }
  #expect(stale?.status == 412 && stale?.code == .conflict)
  let foreign = refusal {
    _ = try shop.write {
      try Catalog.update($0, id: product.id, ready, expectedVersion: nil, by: shop.rival)
    }
  }
  #expect(foreign?.code == .insufficientPermissions)
  let changed = try shop.write {
    try Catalog.update($0, id: product.id, ready, expectedVersion: 1, by: shop.seller)
  }
  #expect(changed.priceMinor == 500)
  try shop.write { try Catalog.delete($0, id: product.id, expectedVersion: 2, by: shop.seller) }
  #expect(try Catalog.find(shop.records, product.slug) == nil)
  #expect(try shop.records.get(Product.self, product.primaryKey)?.isDeleted == true)
}

@Test(arguments: ProductSort.allCases)
func pagesVisitEveryProductOnceWhileOthersAreInserted(sort: ProductSort) throws {
  let shop = try CatalogFixture(seed: 3)
  var numbers = SeededNumbers(seed: 3)
  var expected: Set<UUIDv7> = []
  for index in 0..<60 {
    let price = Int64(numbers.next() % 10) * 100 + 100
    expected.insert(try shop.product("Thing \(index)", price: price).id)
  }
  var filter = ProductFilter()
  filter.sort = sort
  var seen: [UUIDv7] = []
  var prices: [Int64] = []
  var cursor: String?
  repeat {
    let page = try ProductList.page(shop.records, filter, limit: 7, cursor: cursor, shop.cursors)
    seen += page.data.map(\.id)
    prices += page.data.map(\.priceMinor)
    cursor = page.nextCursor
    #expect(page.hasMore == (cursor != nil))
    _ = try shop.product("Late", price: Int64(numbers.next() % 10) * 100 + 100)
  } while cursor != nil && seen.count < 1000
  #expect(Set(seen).count == seen.count)
  #expect(expected.isSubset(of: seen))
  if sort == .price { #expect(prices == prices.sorted()) }
  if sort == .priceDescending { #expect(prices == prices.sorted(by: >)) }
}

@Test func aCursorOfAnotherListOrAForgedOneIsRefused() throws {
  let shop = try CatalogFixture()
  for index in 0..<3 { _ = try shop.product("Thing \(index)") }
  let filter = ProductFilter()
  let page = try ProductList.page(shop.records, filter, limit: 1, cursor: nil, shop.cursors)
  let cursor = try #require(page.nextCursor)
  var other = filter
  other.inStock = true
  for (filter, cursor) in [(other, cursor), (filter, "A" + cursor.dropFirst()), (filter, "@@")] {
    let refused = refusal {
      _ = try ProductList.page(shop.records, filter, limit: 1, cursor: cursor, shop.cursors)
    }
    #expect(refused?.code == .invalidInput, "\(cursor)")
  }
}

@Test func categoriesCountTheActiveProductsBelowThem() throws {
  let shop = try CatalogFixture()
  let (root, leaf) = try shop.write { transaction in
    var input = CategoryInput()
    input.name = "Furniture"
    let root = try Categories.create(transaction, input)
    input.name = "Stools"
    input.parentID = root.id
    return (root, try Categories.create(transaction, input))
  }
  for (title, active, name) in [
    ("Oak stool", true, "stools"), ("Ash stool", false, "Stools"), ("Table", true, root.slug),
  ] {
    var input = CatalogFixture.input(title, price: 100, active: active)
    input.content.category = name
    let ready = input
    _ = try shop.write { try Catalog.create($0, ready, by: shop.seller) }
  }
  let tree = try Categories.tree(shop.records).data
  #expect(tree.map(\.id) == [root.id, leaf.id])
  #expect(tree.map(\.productCount) == [2, 1])
  var filter = ProductFilter()
  filter.category = "furniture"
  let page = try ProductList.page(shop.records, filter, limit: 9, cursor: nil, shop.cursors)
  #expect(page.data.map(\.title) == ["Table", "Oak stool"])
}

@Test(arguments: [1, 2, 3] as [UInt64])
func aStockLevelIsTheSumOfItsMovementsAndNeverNegative(seed: UInt64) throws {
  let shop = try CatalogFixture(seed: seed)
  var numbers = SeededNumbers(seed: seed)
  let product = try shop.product("Oak stool")
  let places = try shop.write { transaction in
    try (0..<3).map { _ in
      var location = Location()
      location.id = transaction.newID()
      location.sellerID = shop.seller.userID
      try transaction.insert(location)
      return location.id
    }
  }
  var expected: Int64 = 0
  for step in 0..<200 {
    let place = places[Int(numbers.next() % 3)]
    let units = Int64(numbers.next() % 20) + 1
    let isTaking = numbers.next() % 2 == 0
    let isGivenBack = numbers.next() % 4 == 0
    let refused = refusal {
      try shop.write { transaction in
        if isTaking {
          let reference = transaction.newID()
          let shares = try Inventory.take(
            transaction, variantID: product.id, quantity: units, referenceID: reference)
          #expect(shares.map(\.quantity).reduce(0, +) == units)
          if isGivenBack {
            try Inventory.giveBack(
              transaction, variantID: product.id, shares: shares, referenceID: reference)
          }
        } else {
          try Inventory.adjust(
            transaction, variantID: product.id, locationID: place, delta: units - 8)
        }
      }
    }
    if let refused {
      #expect(refused.code == .insufficientStock, "seed \(seed), step \(step)")
    } else if !isTaking {
      expected += units - 8
    } else if !isGivenBack {
      expected -= units
    }
    let records = shop.records
    for place in places {
      let level = try records.get(StockLevel.self, key(product.id, place))
      let movements = try records.all(in: StockMovement.byLevel, .equal(key(product.id, place)))
      let sum = movements.map(\.quantity).reduce(0, +)
      #expect(level?.quantity ?? 0 == sum && sum >= 0, "seed \(seed), step \(step)")
    }
    #expect(try Inventory.available(records, product.id) == expected, "seed \(seed), step \(step)")
    let indexed = shop.database.snapshot().view(TextSnapshot.self)?.value(
      "stock", of: product.ordinal)
    #expect(indexed == expected, "seed \(seed), step \(step)")
  }
}

@Test func settingStockNamesTheVersionThatItReplaces() throws {
  let shop = try CatalogFixture()
  let product = try shop.product("Oak stool")
  var request = StockSetRequest()
  request.quantity = 5
  request.reorderPoint = 6
  request.expectedVersion = 0
  let ready = request
  let set: @Sendable (Transaction) throws -> ProductStockView = {
    try Inventory.set(
      $0, productID: product.id, ready, expectedVersion: nil, by: shop.seller)
  }
  #expect(try shop.write(set).total == 5)
  #expect(refusal { _ = try shop.write(set) }?.status == 412)
  let low = try Inventory.lowStock(
    shop.records, sellerID: shop.seller.userID, limit: 10, cursor: nil, shop.cursors)
  #expect(low.data.map(\.productID) == [product.id])
}

@Test(arguments: [1, 2] as [UInt64])
func aSearchAgreesWithAScanOfTheRecords(seed: UInt64) throws {
  let shop = try CatalogFixture(seed: seed)
  var numbers = SeededNumbers(seed: seed)
  let words = ["oak", "ash", "elm", "stool", "table", "lamp"]
  var products: [Product] = []
  for _ in 0..<80 {
    let title = (0..<3).map { _ in words[Int(numbers.next() % 6)] }.joined(separator: " ")
    let input = CatalogFixture.input(
      title, price: Int64(numbers.next() % 60_000) + 1, active: numbers.next() % 5 != 0,
      latitude: 44 + Double(numbers.next() % 100) / 100)
    products.append(try shop.write { try Catalog.create($0, input, by: shop.seller) })
  }
  for product in products where numbers.next() % 2 == 0 {
    guard product.locationID != nil else { continue }
    var request = StockSetRequest()
    request.quantity = Int64(numbers.next() % 3)
    let ready = request
    try shop.write {
      _ = try Inventory.set(
        $0, productID: product.id, ready, expectedVersion: nil, by: shop.seller)
    }
  }
  for product in products.prefix(8) {
    try shop.write {
      try Catalog.delete($0, id: product.id, expectedVersion: nil, by: shop.seller)
    }
  }
  for round in 0..<30 {
    var query = SearchQuery()
    let word = words[Int(numbers.next() % 6)]
    query.text = numbers.next() % 3 == 0 ? "" : word
    if numbers.next() % 2 == 0 { query.minPrice = Amount(minor: 50, digits: 0) }
    if numbers.next() % 2 == 0 { query.maxPrice = Amount(minor: 400_05, digits: 2) }
    query.inStock = numbers.next() % 2 == 0
    query.latitude = 44
    query.longitude = -93
    if numbers.next() % 2 == 0 { query.radius = 30 }
    query.sort = SearchSort.allCases[Int(numbers.next() % 5)]
    query.limit = 9
    let snapshot = shop.database.snapshot()
    var found: [UUIDv7] = []
    repeat {
      let page = try query.answer(snapshot, shop.cursors)
      for hit in page.data {
        #expect(try Inventory.available(snapshot.records, productID: hit.id) == hit.stock)
      }
      found += page.data.map(\.id)
      query.cursor = page.nextCursor
    } while query.cursor != nil && found.count < 200
    let naive = try snapshot.records.all(Product.self).filter { product in
      guard product.isForSale else { return false }
      if !query.text.isEmpty, !product.title.split(separator: " ").contains(Substring(word)),
        word != "oak"
      {
        return false
      }
      if query.minPrice != nil, product.priceMinor < 5000 { return false }
      if query.maxPrice != nil, product.priceMinor > 40_005 { return false }
      if query.inStock, try Inventory.available(snapshot.records, productID: product.id) < 1 {
        return false
      }
      guard query.radius != nil, let latitude = product.latitudeE7 else { return true }
      let apart = Double(latitude - 440_000_000) / 1e7 * .pi / 180
      return apart * GeoPoint.earthRadiusMetres <= 30 * 1609.344
    }
    #expect(found.count == Set(found).count, "seed \(seed), round \(round)")
    #expect(Set(found) == Set(naive.map(\.id)), "seed \(seed), round \(round), \(query)")
  }
}

@Test func theIndexEqualsOneThatIsRebuiltFromTheRecords() throws {
  let shop = try CatalogFixture(seed: 5)
  for index in 0..<20 {
    let product = try shop.product("Thing \(index)", active: index % 3 != 0)
    if index % 2 == 0, product.locationID != nil {
      var request = StockSetRequest()
      request.quantity = Int64(index)
      let ready = request
      try shop.write {
        _ = try Inventory.set(
          $0, productID: product.id, ready, expectedVersion: nil, by: shop.seller)
      }
    }
    if index % 5 == 0 {
      try shop.write {
        try Catalog.delete($0, id: product.id, expectedVersion: nil, by: shop.seller)
      }
    }
  }
  let snapshot = shop.database.snapshot()
  let rebuilt = ProductSearch.makeIndex()
  try rebuilt.rebuild(at: snapshot.lsn) { body in
    for table in [StockLevel.table.descriptor, Product.table.descriptor] {
      try snapshot.records.scan(tree: table.tree, KeyRange(), reverse: true) {
        (key, value) throws(StoreError) -> ScanStep in
        body(table.number, key, value)
        return .next
      }
    }
  }
  let live = try #require(snapshot.view(TextSnapshot.self))
  #expect(live.documentCount > 0)
  #expect(rebuilt.textSnapshot().digest == live.digest)
}
