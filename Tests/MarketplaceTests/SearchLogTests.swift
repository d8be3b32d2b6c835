// Searches as events: sums against a plain list of what happened, bounds, what is hidden, reports, and
// suggestions.

import Bytes
import Database
import RecordStore
import Testing
import TextSearch

@testable import Marketplace

private let noon = Timestamp(microseconds: 1_795_003_200_000_000)

extension SearchLog {
  fileprivate func ask(
    _ text: String, found: Int64, at time: Timestamp, _ cursors: PageCursors
  ) -> String {
    var query = SearchQuery()
    query.text = text
    return searched(query, results: found, at: time, cursors)
  }
}

@Suite struct SearchLogTests {
  private func report(
    _ shop: CatalogFixture, _ report: SearchAnalyticsReport = .top, at time: Timestamp = noon
  ) throws -> SearchAnalyticsPage {
    var analytics = SearchAnalytics()
    analytics.report = report
    return try analytics.page(shop.records, at: time, shop.cursors)
  }

  @Test func whatIsCountedIsTheWordsAndNothingAboutPeople() {
    #expect(SearchText.counted("  Oak\tSTOOL! ") == "oak stool")
    #expect(SearchText.counted("café") == SearchText.counted("CAFE"))
    #expect(SearchText.counted("ada@example.com lamp") == SearchText.hidden)
    #expect(SearchText.counted("call 555 0123 99") == SearchText.hidden)
    #expect(SearchText.counted("4111111111111111") == SearchText.hidden)
    #expect(SearchText.counted("lamp 2026") == "lamp 2026")
    #expect(SearchText.counted("?!") == "")
    let long = SearchText.words(of: String(repeating: "word ", count: 100))
    #expect(long.utf8.count < SearchText.bytesMax && long.hasSuffix("word"))
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func sumsAreThoseOfAListOfAllEvents(seed: UInt64) throws {
    struct Event { var day, found, query, clicks: Int }
    let shop = try CatalogFixture(seed: seed)
    var random = SplitMix64(seed: seed)
    let log = SearchLog()
    var events: [Event] = []
    var positions = 0
    for step in 0..<400 {
      let day = Int.random(in: 0..<5, using: &random)
      let time = noon.adding(seconds: Int64(-day) * 86_400)
      let query = Int.random(in: 0..<30, using: &random)
      let found = Int.random(in: 0..<4, using: &random)
      let ticket = log.ask("Query \(query)", found: Int64(found), at: time, shop.cursors)
      let clicks = found == 0 ? 0 : Int.random(in: 0..<3, using: &random)
      for click in 0..<clicks {
        // Twice, of which one counts.
        for _ in 0..<2 {
          try log.clicked(
            searchID: ticket, productID: UUIDv7(high: UInt64(click), low: 1),
            position: Int64(click) + 1, at: time, shop.cursors)
        }
        positions += click + 1
      }
      events.append(Event(day: day, found: found, query: query, clicks: clicks))
      if step % 50 == 49 { try log.writeBlocking(to: shop.database) }
    }
    try log.writeBlocking(to: shop.database)
    let page = try report(shop)
    #expect(page.totals.searches == 400 && page.days.count == 5, "seed \(seed)")
    #expect(page.totals.withoutResults == Int64(events.count { $0.found == 0 }))
    let clicks = events.reduce(0) { $0 + $1.clicks }
    #expect(page.totals.clicks == Int64(clicks))
    #expect(page.totals.clickThroughRate == Double(events.count { $0.clicks > 0 }) / 400)
    #expect(page.totals.averagePosition == Double(positions) / Double(clicks))
    // The first click of a search was always at place one.
    #expect(page.totals.meanReciprocalRank == page.totals.clickThroughRate)
    for kind in SearchAnalyticsReport.allCases {
      func measure(_ query: Int) -> Int {
        let own = events.filter { $0.query == query }
        return switch kind {
        case .top: own.count
        case .withoutResults: own.count { $0.found == 0 }
        case .clicks: own.reduce(0) { $0 + $1.clicks }
        }
      }
      let order = (0..<30).filter { measure($0) > 0 }.sorted {
        (-measure($0), "query \($0)") < (-measure($1), "query \($1)")
      }
      var listed: [String] = []
      var analytics = SearchAnalytics()
      analytics.report = kind
      analytics.limit = 7
      repeat {
        let page = try analytics.page(shop.records, at: noon, shop.cursors)
        listed += page.data.map(\.query)
        analytics.cursor = page.nextCursor
      } while analytics.cursor != nil && listed.count < 99
      #expect(listed == order.map { "query \($0)" }, "seed \(seed), \(kind)")
    }
  }

  @Test func aDayKeepsWhatIsAskedOftenAndItsSums() throws {
    let shop = try CatalogFixture()
    let log = SearchLog()
    for _ in 0..<3 { _ = log.ask("lamp", found: 1, at: noon, shop.cursors) }
    for round in 0..<3 {
      for number in 0..<1500 {
        _ = log.ask("junk \(round) \(number)", found: 0, at: noon, shop.cursors)
      }
      try log.writeBlocking(to: shop.database)
    }
    let rows = try shop.records.all(SearchedQuery.self)
    #expect(rows.count <= Int(SearchDay.questionsMax) && rows.contains { $0.query == "lamp" })
    let day = try #require(try shop.records.all(SearchDay.self).first)
    #expect(day.counts.searches == 4503 && day.questions == Int64(rows.count))
  }

  @Test func memoryIsBoundedAndTheSumsAreNot() throws {
    let shop = try CatalogFixture()
    let log = SearchLog()
    for number in 0..<(SearchLog.questionsMax + 500) {
      _ = log.ask("junk \(number)", found: 0, at: noon, shop.cursors)
    }
    #expect(log.isDue(at: noon))
    try log.writeBlocking(to: shop.database)
    let day = try #require(try shop.records.all(SearchDay.self).first)
    #expect(day.counts.searches == Int64(SearchLog.questionsMax) + 500)
    #expect(!log.isDue(at: noon.adding(seconds: 60)))
  }

  @Test func oldDaysGo() throws {
    let shop = try CatalogFixture()
    let log = SearchLog()
    for days in [200, 91, 89, 0] as [Int64] {
      let time = noon.adding(seconds: -days * 86_400)
      _ = log.ask("lamp", found: 1, at: time, shop.cursors)
      try log.writeBlocking(to: shop.database)
    }
    _ = log.ask("lamp", found: 1, at: noon, shop.cursors)
    try log.writeBlocking(to: shop.database)
    #expect(try shop.records.all(SearchDay.self).count == 2)
    #expect(try shop.records.all(SearchedQuery.self).map(\.counts.searches) == [1, 2])
  }

  @Test func whatCouldNotBeWrittenIsWrittenLater() throws {
    let shop = try CatalogFixture()
    let closed = try CatalogFixture()
    try closed.database.close()
    let log = SearchLog()
    _ = log.ask("lamp", found: 1, at: noon, shop.cursors)
    #expect(throws: (any Error).self) { try log.writeBlocking(to: closed.database) }
    #expect(!log.isDue(at: noon) && log.isDue(at: noon.adding(seconds: SearchLog.secondsMax)))
    _ = log.ask("lamp", found: 1, at: noon, shop.cursors)
    try log.writeBlocking(to: shop.database)
    #expect(try report(shop).totals.searches == 2)
  }

  @Test func aTicketIsGoodForADayAndCannotBeMade() throws {
    let shop = try CatalogFixture()
    let log = SearchLog()
    let ticket = log.ask("lamp", found: 1, at: noon, shop.cursors)
    func click(_ text: String, after seconds: Int64) -> MarketError? {
      do {
        try log.clicked(
          searchID: text, productID: UUIDv7(high: 1, low: 1), position: 1,
          at: noon.adding(seconds: seconds), shop.cursors)
        return nil
      } catch {
        return error
      }
    }
    #expect(click(ticket, after: 86_399) == nil)
    #expect(click(ticket, after: 86_400)?.code == .validation)
    #expect(click(ticket, after: -3600)?.code == .validation)
    #expect(click("nonsense", after: 0)?.code == .validation)
    #expect(click("", after: 0)?.code == .validation)
    let other = PageCursors(key: Array(repeating: 8, count: 32))
    #expect(click(log.ask("lamp", found: 1, at: noon, other), after: 0)?.code == .validation)
    // A cursor of another list is signed by the same key.
    let cursor = shop.cursors.encode(position: Array(repeating: 0, count: 24), filter: "users")
    #expect(click(cursor, after: 0)?.code == .validation)
  }

  @Test func onlyWhatIsThereIsSuggested() throws {
    let shop = try CatalogFixture()
    _ = try shop.product("Oak stool")
    _ = try shop.product("Brass lamp")
    let log = SearchLog()
    let popularity = SearchPopularity()
    for (text, times) in [
      ("oak stool", 3), ("brass lamp", 5), ("stool", 1), ("my neighbour owes me", 9),
      ("elm lamp", 4), ("a b@c.de", 9),
    ] {
      for _ in 0..<times { _ = log.ask(text, found: 1, at: noon, shop.cursors) }
    }
    for _ in 0..<20 { _ = log.ask("oak", found: 0, at: noon, shop.cursors) }
    try log.writeBlocking(to: shop.database)
    let snapshot = shop.database.snapshot()
    let popular = try popularity.questions(snapshot.records, log, at: noon)
    func suggested(_ text: String) throws -> [String] {
      try SearchSuggestions.of(text, limit: 10, snapshot, popular).data.map(\.query)
    }
    #expect(try suggested("") == ["brass lamp", "oak stool", "stool"])
    #expect(try suggested("sto") == ["oak stool", "stool"])
    #expect(try suggested("stool") == ["oak stool"])
    #expect(try suggested("oak sto") == ["oak stool"])
    #expect(try suggested("elephant").isEmpty)
    let advice = try SearchSuggestions.of("bras lammp", limit: 10, snapshot, popular)
    #expect(advice.didYouMean.first == "brass lamp")
  }

  @Test func theIndexIsProvedProductByProduct() throws {
    let shop = try CatalogFixture()
    let product = try shop.product("Oak stool")
    let draft = try shop.product("Lamp", active: false)
    try shop.setStock(product, 3)
    var request = SearchIndexRequest()
    request.productIDs = [product.id, draft.id, UUIDv7(high: 9, low: 9)]
    let snapshot = shop.database.snapshot()
    let report = try SearchIndexReport.of(request, snapshot)
    #expect(report.data.map(\.status) == [.indexed, .notForSale, .unknown])
    #expect(report.commit == snapshot.lsn.rawValue && report.products == 1)
  }

  /// An index that does not do what it should is found out.
  @Test(arguments: ["stock", "put", "title"])
  func anIndexThatLiesIsFoundOut(about what: String) throws {
    let index = TextIndex(schema: ProductSearch.schema, tables: ProductSearch.tables) { change in
      ProductSearch.projection(change).compactMap { operation in
        switch operation {
        case .add where what == "stock": return nil
        case .put where what == "put": return nil
        case .put(let ordinal, var document) where what == "title":
          document.texts["title"] = "Ash stool"
          return .put(ordinal: ordinal, document: document)
        default: return operation
        }
      }
    }
    let shop = try CatalogFixture(index: index)
    let product = try shop.product("Oak stool")
    try shop.setStock(product, 3)
    var request = SearchIndexRequest()
    request.productIDs = [product.id]
    let report = try SearchIndexReport.of(request, shop.database.snapshot())
    #expect(report.data.map(\.status) == [.differs])
  }
}
