// Routes of stock. Owners and administrators; how much is left of a product anybody may ask.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  func inventoryRoutes(_ cursors: PageCursors) -> RouteGroup {
    let paging = [QueryParameter("limit", .integer(1...100)), QueryParameter("cursor")]
    return RouteGroup("Inventory", writesOnce: true) {
      routeLater(
        .get, "/inventory/product/{productId}", "getProductStock",
        "What is left of a product, by variant and location and in total.",
        output: ProductStockView.self, errors: [.notFound]
      ) { context, answer in
        let actor = context.catalogActor
        let id = try context.pathID("productId")
        try read(context, answer) { snapshot in
          _ = try Catalog.visible(snapshot.records, id.description, to: actor)
          return .ok(try ProductStockView(productID: id, snapshot.records))
        }
      }
      routeLater(
        .put, "/inventory/product/{productId}", "setProductStock",
        "Set the quantity at a location; If-Match or expectedVersion must name the level's version.",
        caller: .seller, body: StockSetRequest.self, output: ProductStockView.self,
        errors: [.notFound, .conflict, .missingRequiredField]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("productId")
        if context.body.expectedVersion == nil { try EntityTag.require(context.request) }
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          .ok(
            try Inventory.set(
              transaction, productID: id, context.body, expectedVersion: version, by: actor))
        }
      }
      routeLater(
        .post, "/inventory/adjust", "adjustStock", "Add or take units, with the reason.",
        caller: .seller, body: StockAdjustRequest.self, output: StockLevelView.self,
        errors: [.notFound, .insufficientStock]
      ) { context, answer in
        let actor = try context.requiredActor()
        write(context, answer) { transaction in
          .ok(try Inventory.adjust(transaction, context.body, by: actor))
        }
      }
      routeLater(
        .get, "/inventory/location/{locationId}", "listLocationStock",
        "The stock of a location.", caller: .seller, query: paging, output: StockPage.self,
        errors: [.notFound]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("locationId")
        let limit = Int(context.query("limit", default: 20))
        try read(context, answer) { snapshot in
          guard let location = try snapshot.records.get(Location.self, key(id)),
            actor.isAdmin || location.sellerID == actor.userID
          else { throw MarketError.notFound("location") }
          return .ok(
            try Inventory.page(
              snapshot.records, locationID: id, limit: limit, cursor: context.query("cursor"),
              cursors))
        }
      }
      lowStockRoute(paging, cursors)
    }
  }

  private func lowStockRoute(_ paging: [QueryParameter], _ cursors: PageCursors) -> Route {
    routeLater(
      .get, "/inventory/low-stock", "listLowStock",
      "What is at or below its reorder point, most urgent first.", caller: .seller,
      query: paging, output: StockPage.self
    ) { context, answer in
      let actor = try context.requiredActor()
      let limit = Int(context.query("limit", default: 20))
      try read(context, answer) { snapshot in
        .ok(
          try Inventory.lowStock(
            snapshot.records, sellerID: actor.isAdmin ? nil : actor.userID, limit: limit,
            cursor: context.query("cursor"), cursors))
      }
    }
  }
}
