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
    }
  }
}

/// The parameters of a search.
enum SearchRequest {
  static let searchSorts = ["relevance", "distance", "popularity"]

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
