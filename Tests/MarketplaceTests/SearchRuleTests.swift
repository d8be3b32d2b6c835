// Rules of the search: pages of pinned, ordered and buried products against a list that is made in the
// simplest way; synonyms; what makes no rule.

import Bytes
import Database
import RecordStore
import Testing

@testable import Marketplace

private func refusal(_ body: () throws -> Void) -> MarketError? {
  do {
    try body()
    return nil
  } catch {
    return error as? MarketError
  }
}

extension CatalogFixture {
  func rule(_ set: (inout SearchRuleInput) -> Void) throws -> SearchRule {
    var input = SearchRuleInput()
    set(&input)
    let ready = input
    return try write { try SearchRules.create($0, ready) }
  }

  func pin(_ product: Product, at position: Int64, for query: String) throws -> SearchRule {
    try rule {
      $0.kind = .pin
      $0.query = query
      $0.productID = product.id
      $0.position = position
    }
  }

  func bury(_ product: Product, _ burial: SearchBurial, for query: String) throws -> SearchRule {
    try rule {
      $0.kind = .bury
      $0.query = query
      $0.productID = product.id
      $0.burial = burial
    }
  }

  func setStock(_ product: Product, _ quantity: Int64) throws {
    var request = StockSetRequest()
    request.quantity = quantity
    let ready = request
    try write {
      _ = try Inventory.set($0, productID: product.id, ready, expectedVersion: nil, by: seller)
    }
  }

  /// All pages of a search, which agree about the total and the counts.
  func pages(_ query: SearchQuery, _ what: String) throws -> [SearchHit] {
    var query = query
    var hits: [SearchHit] = []
    var facets: SearchFacets?
    let snapshot = database.snapshot()
    repeat {
      let page = try query.answer(snapshot, cursors)
      #expect(page.data.count == query.limit || !page.hasMore, "\(what)")
      #expect(facets == nil || facets == page.facets, "\(what)")
      facets = page.facets
      hits += page.data
      #expect(page.hasMore == (hits.count < Int(page.total)), "\(what)")
      query.cursor = page.nextCursor
    } while query.cursor != nil && hits.count < 500
    let counted = facets?.priceRanges.reduce(0) { $0 + $1.count }
    #expect(counted == Int64(hits.count), "\(what)")
    return hits
  }

  func titles(_ text: String) throws -> [String] {
    var query = SearchQuery()
    query.text = text
    query.limit = 100
    return try query.answer(database.snapshot(), cursors).data.map(\.title)
  }
}

@Suite struct SearchRuleTests {
  /// What the pages must be: the hits without rules, some taken out, some put behind, then each pinned
  /// one at its place.
  private func expected(
    _ plain: [UUIDv7], _ rules: [SearchRule], passing: Set<UUIDv7>
  ) -> [UUIDv7] {
    func of(_ burial: SearchBurial) -> [UUIDv7] {
      rules.filter { $0.burial == burial }.compactMap(\.productID)
    }
    let pins = rules.filter { $0.kind == .pin }
      .sorted { ($0.position ?? 0) < ($1.position ?? 0) }
    let apart = of(.out) + of(.down) + pins.compactMap(\.productID)
    var list = plain.filter { !apart.contains($0) } + plain.filter { of(.down).contains($0) }
    for pin in pins {
      guard let id = pin.productID, passing.contains(id) else { continue }
      list.insert(id, at: min(Int(pin.position ?? 1) - 1, list.count))
    }
    return list
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func pagesAreTheListThatTheRulesMake(seed: UInt64) throws {
    let shop = try CatalogFixture(seed: seed)
    var random = SplitMix64(seed: seed)
    var products: [Product] = []
    for number in 0..<40 {
      let title = number % 4 == 0 ? "Pine shelf \(number)" : "Oak stool \(number)"
      let price = Int64.random(in: 1...60_000, using: &random)
      let input = CatalogFixture.input(title, price: price, active: number % 9 != 8)
      products.append(try shop.write { try Catalog.create($0, input, by: shop.seller) })
    }
    var rules: [SearchRule] = []
    var places = Set(1...40 as ClosedRange<Int64>)
    for product in products.shuffled(using: &random).prefix(14) {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: rules.append(try shop.bury(product, .out, for: "Stool!"))
      case 1: rules.append(try shop.bury(product, .down, for: "stool"))
      default:
        let place = try #require(places.randomElement(using: &random))
        places.remove(place)
        rules.append(try shop.pin(product, at: place, for: " STOOL "))
      }
    }
    for round in 0..<12 {
      var query = SearchQuery()
      query.text = round % 4 == 3 ? "stool shelf" : "stool"
      if round % 3 == 1 { query.maxPrice = Amount(minor: 300, digits: 0) }
      query.sort = round % 5 == 4 ? .price : .relevance
      query.limit = Int.random(in: 1...9, using: &random)
      let what = "seed \(seed), round \(round)"
      let found = try shop.pages(query, what).map(\.id)
      #expect(Set(found).count == found.count, "\(what)")
      let passing = Set(
        products.filter {
          $0.isForSale && (query.maxPrice == nil || $0.priceMinor <= 30_000)
        }.map(\.id))
      let plain = try plainHits(query, shop)
      let applying = query.text == "stool" ? rules : []
      if query.sort == .relevance {
        #expect(found == expected(plain, applying, passing: passing), "\(what)")
      } else {
        // Other orders keep to themselves; what is found is the same.
        let same = expected(plain, applying, passing: passing)
        #expect(Set(found) == Set(same), "\(what)")
        let prices = try shop.pages(query, what).map(\.priceMinor)
        #expect(prices == prices.sorted(), "\(what)")
      }
    }
  }

  /// The hits as they are without rules, from a question that no rule is for but that finds the same.
  private func plainHits(_ query: SearchQuery, _ shop: CatalogFixture) throws -> [UUIDv7] {
    var query = query
    query.text += " unheardof"
    query.limit = 100
    query.cursor = nil
    return try query.answer(shop.database.snapshot(), shop.cursors).data.map(\.id)
  }

  @Test func aPinnedProductComesOnceAlsoWhenItComesAndGoesBetweenPages() throws {
    let shop = try CatalogFixture()
    var products: [Product] = []
    for number in 0..<8 {
      products.append(try shop.product("Oak stool \(number)"))
      try shop.setStock(products[number], 5)
    }
    let pinned = products[7]
    _ = try shop.pin(pinned, at: 2, for: "stool")
    var query = SearchQuery()
    query.text = "stool"
    query.inStock = true
    query.limit = 3
    let first = try query.answer(shop.database.snapshot(), shop.cursors)
    #expect(first.data[1].id == pinned.id)
    // Gone and back: it was told already.
    try shop.setStock(pinned, 0)
    query.cursor = try #require(first.nextCursor)
    let second = try query.answer(shop.database.snapshot(), shop.cursors)
    try shop.setStock(pinned, 5)
    query.cursor = try #require(second.nextCursor)
    let third = try query.answer(shop.database.snapshot(), shop.cursors)
    let all = (first.data + second.data + third.data).map(\.id)
    #expect(Set(all) == Set(products.map(\.id)) && all.count == 8)
    // Away at its place, it comes as soon as it can be found.
    try shop.setStock(pinned, 0)
    query.cursor = nil
    let without = try query.answer(shop.database.snapshot(), shop.cursors)
    #expect(!without.data.map(\.id).contains(pinned.id))
    try shop.setStock(pinned, 5)
    query.cursor = try #require(without.nextCursor)
    #expect(try query.answer(shop.database.snapshot(), shop.cursors).data[0].id == pinned.id)
  }

  @Test func aPinDoesNotKeepTyposFromBeingForgiven() throws {
    let shop = try CatalogFixture()
    let stool = try shop.product("Oak stool")
    let lamp = try shop.product("Brass lamp")
    _ = try shop.pin(lamp, at: 1, for: "stoool")
    var query = SearchQuery()
    query.text = "stoool"
    let page = try query.answer(shop.database.snapshot(), shop.cursors)
    #expect(page.data.map(\.id) == [lamp.id, stool.id] && page.total == 2)
    #expect(page.didYouMean == ["stool"])
  }

  @Test func synonymsFindEachOtherOrOneWay() throws {
    let shop = try CatalogFixture()
    let sofa = try shop.product("Sofa")
    let couch = try shop.product("Couch")
    let laptop = try shop.product("Laptop bag")
    _ = try shop.rule { $0.words = ["sofa", "couch", "chesterfield settee"] }
    _ = try shop.rule {
      $0.from = "portable computer"
      $0.words = ["laptop"]
    }
    #expect(try Set(shop.titles("SOFA")) == [sofa.title, couch.title])
    #expect(try Set(shop.titles("couch")) == [sofa.title, couch.title])
    #expect(try shop.titles("portable computer") == [laptop.title])
    #expect(try shop.titles("laptop") == [laptop.title])
    #expect(try Set(shop.titles("chesterfield settee")) == [sofa.title, couch.title])
    // So many words that their synonyms would be too many for the index.
    let long = (0..<70).map { "sofa word\($0)" }.joined(separator: " ")
    #expect(try shop.titles(long) == [sofa.title])
  }

  @Test func aChangeHoldsFromTheNextSearchOn() throws {
    let shop = try CatalogFixture()
    let (first, second) = (try shop.product("Oak stool"), try shop.product("Oak stool two"))
    let cache = SearchRuleCache()
    func top() throws -> UUIDv7? {
      var query = SearchQuery()
      query.text = "oak"
      return try query.answer(shop.database.snapshot(), shop.cursors, rules: cache).data.first?.id
    }
    let before = shop.database.snapshot()
    #expect(try top() == first.id)
    let rule = try shop.pin(second, at: 1, for: "oak")
    #expect(try top() == second.id)
    // An older snapshot is answered by its own rules, and does not spoil the newer ones.
    var query = SearchQuery()
    query.text = "oak"
    #expect(try query.answer(before, shop.cursors, rules: cache).data.first?.id == first.id)
    #expect(try top() == second.id)
    try shop.write { try SearchRules.delete($0, id: rule.id, expectedVersion: 1) }
    #expect(try top() == first.id)
  }

  @Test func whatMakesNoRuleIsRefused() throws {
    let shop = try CatalogFixture()
    let product = try shop.product("Oak stool")
    let other = try shop.product("Lamp")
    func refused(_ set: (inout SearchRuleInput) -> Void) -> MarketError? {
      refusal { _ = try shop.rule(set) }
    }
    #expect(refused { $0.words = ["one"] }?.code == .validation)
    #expect(refused { $0.words = ["one", "!?"] }?.code == .validation)
    #expect(refused { $0.words = ["one", "a b c d e"] }?.code == .validation)
    #expect(
      refused {
        $0.words = ["one", "two"]
        $0.query = "one"
      }?.code == .validation)
    #expect(refused { $0.kind = .pin }?.code == .missingRequiredField)
    #expect(
      refused {
        $0.kind = .bury
        $0.query = "oak"
        $0.productID = product.id
      }?.code == .missingRequiredField)
    #expect(
      refused {
        $0.kind = .bury
        $0.query = "?"
        $0.productID = product.id
        $0.burial = .out
      }?.code == .validation)
    #expect(
      refused {
        $0.kind = .pin
        $0.query = "oak"
        $0.productID = UUIDv7(high: 9, low: 9)
        $0.position = 1
      }?.code == .notFound)
    let pin = try shop.pin(product, at: 1, for: "oak")
    #expect(refusal { _ = try shop.pin(product, at: 2, for: "Oak") }?.code == .conflict)
    #expect(refusal { _ = try shop.pin(other, at: 1, for: "oak") }?.code == .conflict)
    #expect(refusal { _ = try shop.bury(product, .out, for: "oak") }?.code == .conflict)
    var change = SearchRuleInput()
    change.words = ["one", "two"]
    let words = change
    #expect(
      refusal {
        _ = try shop.write {
          try SearchRules.replace($0, id: pin.id, words, expectedVersion: nil)
        }
      }?.code == .validation)
    #expect(
      refusal { try shop.write { try SearchRules.delete($0, id: pin.id, expectedVersion: 2) } }?
        .status == 412)
  }

  @Test func aPlaceOfAnyBytesIsRefusedOrTheSameAgain() throws {
    let seed: UInt64 = 77
    var random = SplitMix64(seed: seed)
    for round in 0..<4000 {
      var place = SearchPlace()
      place.told = Int.random(in: 0...9999, using: &random)
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        place.pinned.append(UInt32.random(in: 0 ... .max, using: &random))
      }
      place.isBuried = Bool.random(using: &random)
      if round % 3 > 0 {
        place.position = .init(
          values: [.score(1.5), .number(-7), .metres(3), .keyword("é"), .missing],
          ordinal: UInt32.random(in: 0 ... .max, using: &random))
      }
      var bytes = place.bytes
      #expect(try SearchPlace(bytes) == place, "seed \(seed), round \(round)")
      for _ in 0..<3 {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        if Bool.random(using: &random) {
          bytes[at] = UInt8.random(in: 0...255, using: &random)
        } else if bytes.count > 1 {
          bytes.remove(at: at)
        }
      }
      if let read = try? SearchPlace(bytes) { _ = read.bytes }
    }
  }
}
