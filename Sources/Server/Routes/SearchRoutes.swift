// Routes of the search for everybody.

import Bytes
import Database
import Marketplace
import RecordStore

/// POST /search/click.
struct SearchClick: Fields, Equatable {
  var searchID = ""
  var productID = UUIDv7.zero
  var position: Int64 = 1

  init() {}

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "searchId", &searchID,
      .length(1...1000).required.summary("As the search answered it, within a day."))
    try visitor.field(2, "productId", &productID, .required)
    try visitor.field(
      3, "position", &position,
      .range(1...10_000).required.summary("The hit's place, from 1, over all pages."))
  }
}

extension MarketplaceServer {
  func searchRoutes(_ cursors: PageCursors) -> RouteGroup {
    RouteGroup("Search") {
      routeLater(
        .get, "/search", "search", "Find products by words, place and filters.",
        query: SearchRequest.parameters, output: SearchPage.self, errors: [.invalidInput],
        on: .pool
      ) { context, answer in
        let query = try SearchRequest.query(context)
        try read(context, answer) { snapshot in .ok(try answerSearch(query, snapshot, cursors)) }
      }
      routeLater(
        .get, "/search/autocomplete", "autocomplete",
        "What a beginning may become: titles of products that are for sale, the best first.",
        query: [
          QueryParameter("q", .text, required: true, "What was typed so far."),
          QueryParameter("limit", .integer(1...20)),
        ], output: SearchCompletions.self, errors: [.invalidInput], on: .pool
      ) { context, answer in
        let typed = context.query("q") ?? ""
        let limit = Int(context.query("limit", default: 10))
        try read(context, answer) { snapshot in
          .ok(try SearchCompletions.of(typed, limit: limit, snapshot))
        }
      }
      routeLater(
        .get, "/search/suggestions", "suggestSearches",
        "What others searched for and found, and other spellings of what was typed.",
        query: [
          QueryParameter("q", .text, "What was typed; without it, what is asked most."),
          QueryParameter("limit", .integer(1...20)),
        ], output: SearchSuggestions.self, on: .pool
      ) { context, answer in
        let typed = context.query("q") ?? ""
        let limit = Int(context.query("limit", default: 10))
        try read(context, answer) { snapshot in
          let popular = try market.searchPopularity.questions(
            snapshot.records, market.searches, at: .now)
          return .ok(try SearchSuggestions.of(typed, limit: limit, snapshot, popular))
        }
      }
      clickRoute
      routeBytes(
        .post, "/search/image", "searchByImage",
        "Find products that look like a picture; needs a provider of image vectors.",
        accepts: [], errors: [.serviceUnavailable]
      ) { _, _ in throw Self.noProvider("Searching by picture") }
      routeLater(
        .post, "/search/voice", "searchByVoice",
        "Find products by what was said, as text; speech itself needs a provider.",
        body: SpokenSearch.self, output: SearchPage.self,
        errors: [.invalidInput, .serviceUnavailable], on: .pool
      ) { context, answer in
        guard !context.body.transcript.isEmpty else {
          throw Self.noProvider("Turning speech into text")
        }
        var query = SearchQuery()
        query.text = context.body.transcript
        let asked = query
        try read(context, answer) { snapshot in .ok(try answerSearch(asked, snapshot, cursors)) }
      }
    }
  }

  /// The answer of a search, which is counted where it begins.
  func answerSearch(
    _ query: SearchQuery, _ snapshot: DatabaseSnapshot, _ cursors: PageCursors
  ) throws -> SearchPage {
    var page = try query.answer(snapshot, cursors, rules: market.searchRules)
    if query.cursor == nil {
      page.searchID = market.searches.searched(query, results: page.total, at: .now, cursors)
    }
    return page
  }

  private var clickRoute: Route {
    routeLater(
      .post, "/search/click", "recordSearchClick",
      "Tell that a product was opened from a search; counted once, and not at once.",
      body: SearchClick.self, output: Nothing.self, status: 202, errors: [.notFound]
    ) { context, answer in
      let click = context.body
      try read(context, answer) { snapshot in
        guard try Catalog.find(snapshot.records, id: click.productID) != nil else {
          throw MarketError.notFound("product")
        }
        try market.searches.clicked(
          searchID: click.searchID, productID: click.productID, position: click.position,
          at: .now, market.keys.cursors)
        return Reply(status: 202, value: nil)
      }
    }
  }

  static func noProvider(_ what: String) -> APIError {
    APIError(
      .serviceUnavailable, "\(what) needs a provider, and this server has none.",
      details: [.init("provider", .string("none"))])
  }
}

/// The parameters of a search.
enum SearchRequest {
  static let searchSorts = ["relevance", "distance", "popularity", "rating"]

  static let textParameters: [QueryParameter] = [
    QueryParameter("q", .text, "Words to find."), QueryParameter("search", .text, "The same as q."),
    QueryParameter("brand"), QueryParameter("lat", .number), QueryParameter("lon", .number),
    QueryParameter("radius", .number, "In miles, or with unit=km in kilometres."),
    QueryParameter("unit", .oneOf(DistanceUnit.allCases.map(\.rawValue))),
  ]

  static let parameters: [QueryParameter] =
    textParameters + [
      QueryParameter("category", .text, "Identifier, slug or name."),
      QueryParameter("minPrice", .text, "In whole units, such as 49.90."),
      QueryParameter("maxPrice"),
      QueryParameter("inStock", .boolean),
      QueryParameter("minRating", .number, "Stars."),
      QueryParameter("sort", .oneOf(SearchSort.allCases.map(\.rawValue))),
      QueryParameter("limit", .integer(1...100)), QueryParameter("cursor"),
      QueryParameter(
        "highlight", .boolean, "Show the parts that matched, as HTML with the words in <mark>."),
    ]

  static func query(_ context: Context<Nothing>) throws -> SearchQuery {
    var query = SearchQuery()
    query.text = context.query("q") ?? context.query("search") ?? ""
    query.category = context.query("category")
    query.brand = context.query("brand")
    query.minPrice = try ListQuery.amount("minPrice", context)
    query.maxPrice = try ListQuery.amount("maxPrice", context)
    query.inStock = context.flag("inStock")
    query.minRating = try ListQuery.amount("minRating", context)
    query.latitude = context.number("lat")
    query.longitude = context.number("lon")
    query.radius = context.number("radius")
    query.unit = context.query("unit").flatMap { DistanceUnit(rawValue: $0) } ?? .mile
    if let sort = context.query("sort") {
      guard let known = SearchSort(rawValue: sort) else {
        throw MarketError.invalid("?sort", rule: "enum", "A search has no such order.")
      }
      query.sort = known
    }
    query.limit = Int(context.query("limit", default: 20))
    query.cursor = context.query("cursor")
    query.highlights = context.flag("highlight")
    return query
  }
}
