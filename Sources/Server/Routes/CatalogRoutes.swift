// Routes of products and categories.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  /// The routes of products, categories, stock and search.
  ///
  /// Reads the key that signs cursors from the database's secrets, making it the first time.
  public func catalogRouteGroups() throws(DatabaseError) -> [RouteGroup] {
    let cursors = PageCursors(
      key: try market.database.secret(named: "cursor-key", byteCount: 32))
    return [
      productRoutes(cursors), productPartRoutes, categoryRoutes, inventoryRoutes(cursors),
      stockRoutes(cursors), searchRoutes(cursors), searchIndexRoutes, searchRuleRoutes,
    ]
  }

  private func productRoutes(_ cursors: PageCursors) -> RouteGroup {
    RouteGroup("Products", writesOnce: true) {
      routeLater(
        .get, "/products", "listProducts",
        "Products by filter, newest first; with q the search engine answers in its own order.",
        query: ListQuery.parameters + SearchRequest.textParameters, output: ProductPage.self,
        errors: [.invalidInput], on: .pool
      ) { context, answer in
        try listOrSearch(context, answer, cursors)
      }
      routeLater(
        .get, "/products/{id}", "getProduct", "A product by identifier or slug.",
        output: ProductView.self, errors: [.notFound]
      ) { context, answer in
        let actor = context.catalogActor
        try read(context, answer) { snapshot in
          let product = try Catalog.visible(snapshot.records, context.path("id"), to: actor)
          let view = try ProductView(product, snapshot.records)
          return .ok(
            view, headers: ["ETag": EntityTag.text(version: view.version, stock: view.stock)])
        }
      }
      routeLater(
        .get, "/products/{id}/variants", "listVariants", "The variants of a product.",
        output: VariantList.self, errors: [.notFound]
      ) { context, answer in
        let actor = context.catalogActor
        try read(context, answer) { snapshot in
          let product = try Catalog.visible(snapshot.records, context.path("id"), to: actor)
          var list = VariantList()
          list.data = try ProductView(product, snapshot.records).variants
          return .ok(list)
        }
      }
      routeLater(
        .get, "/products/seller/{sellerId}", "listSellerProducts",
        "A seller's products; the owner and administrators see every status.",
        query: ListQuery.parameters, output: ProductPage.self, errors: [.invalidInput],
        on: .pool
      ) { context, answer in
        let sellerID = try context.pathID("sellerId")
        var filter = try ListQuery.filter(context)
        filter.sellerID = sellerID
        if !context.maySeeDrafts(of: sellerID) { filter.status = .active }
        try list(context, answer, filter, cursors)
      }
      routeLater(
        .post, "/products", "createProduct", "Make a product; a draft unless it says otherwise.",
        caller: .seller, body: ProductInput.self, output: ProductView.self, status: 201,
        errors: [.validation, .notFound]
      ) { context, answer in
        let actor = try context.requiredActor()
        write(context, answer) { transaction in
          let product = try Catalog.create(transaction, context.body, by: actor)
          return .created(
            try ProductView(product, transaction), location: "/api/v1/products/\(product.id)",
            headers: ["ETag": EntityTag.text(version: product.version, stock: 0)])
        }
      }
      updateRoute(.put, "updateProduct")
      updateRoute(.patch, "patchProduct")
      routeLater(
        .delete, "/products/{id}", "deleteProduct", "Take a product off sale for ever.",
        caller: .seller, output: Nothing.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          try Catalog.delete(transaction, id: id, expectedVersion: version, by: actor)
          return .noContent
        }
      }
    }
  }

  /// PUT asks for the version that it changes; PATCH, which names what it changes, may go without.
  private func updateRoute(_ method: Method, _ operationID: String) -> Route {
    routeLater(
      method, "/products/{id}", operationID,
      "Change a product; what is left out stays. If-Match, which PUT must have, guards against "
        + "lost updates.",
      caller: .seller, body: ProductChange.self, output: ProductView.self,
      errors: [.notFound, .conflict, .validation, .missingRequiredField]
    ) { context, answer in
      let actor = try context.requiredActor()
      let id = try context.pathID("id")
      if method == .put { try EntityTag.require(context.request) }
      let version = try EntityTag.expected(context.request)
      write(context, answer) { transaction in
        let product = try Catalog.update(
          transaction, id: id, context.body, expectedVersion: version, by: actor)
        let view = try ProductView(product, transaction)
        return .ok(
          view, headers: ["ETag": EntityTag.text(version: view.version, stock: view.stock)])
      }
    }
  }

  private func listOrSearch(
    _ context: Context<Nothing>, _ answer: Answer<ProductPage>, _ cursors: PageCursors
  ) throws {
    guard context.query("q") != nil || context.query("search") != nil else {
      return try list(context, answer, ListQuery.filter(context), cursors)
    }
    let query = try SearchRequest.query(context)
    try read(context, answer) { snapshot in
      let found = try answerSearch(query, snapshot, cursors)
      var page = ProductPage()
      page.data = try found.data.map { hit in
        guard let product = try Catalog.find(snapshot.records, id: hit.id) else {
          throw MarketError(.internalError, "A hit of the search is not in its snapshot.")
        }
        return try ProductView(product, snapshot.records)
      }
      page.hasMore = found.hasMore
      page.nextCursor = found.nextCursor
      page.searchID = found.searchID
      return .ok(page)
    }
  }

  private func list(
    _ context: Context<Nothing>, _ answer: Answer<ProductPage>, _ filter: ProductFilter,
    _ cursors: PageCursors
  ) throws {
    let limit = Int(context.query("limit", default: 20))
    var filter = filter
    if let sellerID = filter.sellerID, !context.maySeeDrafts(of: sellerID) {
      filter.status = .active
    } else if filter.sellerID == nil, context.catalogActor?.isAdmin != true {
      filter.status = .active
    }
    let fixed = filter
    try readRendered(context, answer) { snapshot in
      .ok(
        try ProductList.page(
          snapshot.records, fixed, limit: limit, cursor: context.query("cursor"), cursors))
    }
  }
}

/// The parameters of a list of products.
enum ListQuery {
  static let parameters: [QueryParameter] = [
    QueryParameter("category", .text, "Identifier, slug or name."),
    QueryParameter("minPrice", .text, "In whole units, such as 49.90."),
    QueryParameter("maxPrice"),
    QueryParameter("inStock", .boolean), QueryParameter("sellerId", .uuid),
    QueryParameter("status", .oneOf(ProductStatus.allCases.map(\.rawValue))),
    QueryParameter("sort", .oneOf(["newest", "price", "-price"] + SearchRequest.searchSorts)),
    QueryParameter("limit", .integer(1...100)), QueryParameter("cursor"),
  ]

  static func filter<Body: Fields>(_ context: Context<Body>) throws -> ProductFilter {
    var filter = ProductFilter()
    filter.category = context.query("category")
    filter.minPrice = try amount("minPrice", context)
    filter.maxPrice = try amount("maxPrice", context)
    filter.inStock = context.flag("inStock")
    filter.sellerID = context.query("sellerId").flatMap { UUIDv7($0) }
    filter.status = context.query("status").flatMap { ProductStatus(rawValue: $0) }
    if let sort = context.query("sort") {
      guard let known = ProductSort(rawValue: sort) else {
        throw MarketError.invalid("?sort", rule: "enum", "This order needs q.")
      }
      filter.sort = known
    }
    return filter
  }

  static func amount<Body: Fields>(_ name: String, _ context: Context<Body>) throws -> Amount? {
    guard let text = context.query(name) else { return nil }
    guard let amount = Amount(text) else {
      throw MarketError.invalid("?\(name)", rule: "type", "A price is a number such as 49.90.")
    }
    return amount
  }
}

extension Context {
  var catalogActor: CatalogActor? {
    (principal?.detail as? Caller).map {
      CatalogActor(userID: $0.userID, isAdmin: $0.isAdmin)
    }
  }

  func requiredActor() throws -> CatalogActor {
    let caller = try caller()
    return CatalogActor(userID: caller.userID, isAdmin: caller.isAdmin)
  }

  func maySeeDrafts(of sellerID: UUIDv7) -> Bool {
    guard let actor = catalogActor else { return false }
    return actor.isAdmin || actor.userID == sellerID
  }
}
