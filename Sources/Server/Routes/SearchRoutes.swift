// The search route.

import Bytes
import Marketplace

extension MarketplaceServer {
  func searchRoutes(_ cursors: PageCursors) -> RouteGroup {
    RouteGroup("Search") {
      routeLater(
        .get, "/search", "search", "Find products by words, place and filters.",
        query: SearchRequest.parameters, output: SearchPage.self, errors: [.invalidInput],
        on: .pool
      ) { context, answer in
        let query = try SearchRequest.query(context)
        try read(context, answer) { snapshot in .ok(try query.answer(snapshot, cursors)) }
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
        try read(context, answer) { snapshot in .ok(try asked.answer(snapshot, cursors)) }
      }
      route(
        .put, "/search/reindex", "startReindex",
        "Begin to make the text index anew from the records, beside the live one.",
        caller: .admin, output: ReindexState.self, status: 202
      ) { _ in .accepted(try reindexing.start(), location: "/search/reindex") }
      route(
        .get, "/search/reindex", "getReindex", "How far the last rebuilding of the text index is.",
        caller: .admin, output: ReindexState.self
      ) { _ in .ok(reindexing.state) }
    }
  }
}

extension MarketplaceServer {
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
    return query
  }
}
