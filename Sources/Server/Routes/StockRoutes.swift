// Routes of stock beyond single levels: many at once, transfers, forecasts, feeds of tills, locations
// and reservations. Owners and administrators.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  func stockRoutes(_ cursors: PageCursors) -> RouteGroup {
    RouteGroup("Inventory", writesOnce: true) {
      stockChange(
        "/inventory/bulk-update", "bulkUpdateStock",
        "Set or change many levels in one commit, all of them or each that can be.",
        StockBulkRequest.self, StockBulkReport.self
      ) { try Inventory.bulk($0, $1, by: $2) }
      stockChange(
        "/inventory/transfer", "transferStock", "Move units from one location to another.",
        StockTransferRequest.self, ProductStockView.self
      ) { try Inventory.transfer($0, $1, by: $2) }
      stockChange(
        "/inventory/sync-pos", "syncStockFeed",
        "Apply what a till reports; the same feedId again gives the first report.",
        StockFeed.self, FeedReport.self
      ) { try Inventory.apply($0, $1, by: $2) }
      forecastRoute
      for route in locationRoutes { route }
      for route in reservationRoutes(cursors) { route }
    }
  }

  /// A write of stock by its owner.
  private func stockChange<Body: Fields, Output: Fields>(
    _ path: String, _ operationID: String, _ summary: String, _ body: Body.Type,
    _ output: Output.Type,
    _ change: @escaping @Sendable (Transaction, Body, CatalogActor) throws -> Output
  ) -> Route {
    routeLater(
      .post, path, operationID, summary, caller: .seller, body: body, output: output,
      errors: [.notFound, .conflict, .insufficientStock], bodyBytesMax: 1 << 20
    ) { context, answer in
      let actor = try context.requiredActor()
      write(context, answer) { transaction in
        .ok(try change(transaction, context.body, actor))
      }
    }
  }

  private var forecastRoute: Route {
    routeLater(
      .get, "/inventory/forecast/{productId}", "forecastDemand",
      "How many units will be asked for, from past sales; says when data are too few.",
      caller: .seller,
      query: [QueryParameter("days", .integer(1...Int64(ForecastView.horizonMax)))],
      output: ForecastView.self, errors: [.notFound], on: .pool
    ) { context, answer in
      let actor = try context.requiredActor()
      let id = try context.pathID("productId")
      let days = Int(context.query("days", default: 14))
      try read(context, answer) { snapshot in
        guard let product = try Catalog.find(snapshot.records, id: id),
          actor.isAdmin || product.sellerID == actor.userID
        else { throw MarketError.notFound("product") }
        return .ok(
          try ForecastView(productID: id, horizon: days, snapshot.records, at: .now))
      }
    }
  }

  // MARK: Locations

  private var locationRoutes: [Route] {
    [
      routeLater(
        .get, "/inventory/locations", "listLocations", "Your locations, the primary one first.",
        caller: .seller, output: LocationList.self
      ) { context, answer in
        let actor = try context.requiredActor()
        try read(context, answer) { snapshot in
          var list = LocationList()
          list.data = try Locations.all(snapshot.records, sellerID: actor.userID)
            .map(LocationView.init)
          return .ok(list)
        }
      },
      routeLater(
        .post, "/inventory/locations", "createLocation", "Add a location.", caller: .seller,
        body: LocationInput.self, output: LocationView.self, status: 201,
        errors: [.validation, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        write(context, answer) { transaction in
          let location = try Locations.create(transaction, context.body, by: actor)
          return .created(
            LocationView(location), location: "/api/v1/inventory/location/\(location.id)")
        }
      },
      routeLater(
        .put, "/inventory/locations/{id}", "changeLocation", "Change a location.",
        caller: .seller, body: LocationChange.self, output: LocationView.self,
        errors: [.notFound, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(
            LocationView(
              try Locations.change(transaction, id: id, context.body, by: actor)))
        }
      },
      routeLater(
        .delete, "/inventory/locations/{id}", "deleteLocation",
        "Remove a location that nothing is sold from.", caller: .seller, output: Nothing.self,
        errors: [.notFound, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          try Locations.remove(transaction, id: id, by: actor)
          return .noContent
        }
      },
    ]
  }

  // MARK: Reservations

  private func reservationRoutes(_ cursors: PageCursors) -> [Route] {
    [
      routeLater(
        .get, "/inventory/reservations", "listReservations",
        "Units of yours that are or were held, newest first.", caller: .seller,
        query: [QueryParameter("limit", .integer(1...100)), QueryParameter("cursor")],
        output: ReservationPage.self
      ) { context, answer in
        let actor = try context.requiredActor()
        let limit = Int(context.query("limit", default: 20))
        try read(context, answer) { snapshot in
          .ok(
            try Inventory.reservations(
              snapshot.records, sellerID: actor.userID, limit: limit,
              cursor: context.query("cursor"), cursors))
        }
      },
      routeLater(
        .post, "/inventory/reservations", "reserveStock",
        "Hold units for somebody until a time; then they are free again by themselves.",
        caller: .seller, body: ReservationRequest.self, output: Reservation.self, status: 201,
        errors: [.notFound, .insufficientStock]
      ) { context, answer in
        let actor = try context.requiredActor()
        write(context, answer) { transaction in
          let held = try Inventory.reserve(transaction, context.body, by: actor)
          return .created(held, location: "/api/v1/inventory/reservations/\(held.id)")
        }
      },
      routeLater(
        .get, "/inventory/reservations/{id}", "getReservation", "One reservation.",
        caller: .seller, output: Reservation.self, errors: [.notFound]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        try read(context, answer) { snapshot in
          .ok(try Inventory.reservation(snapshot.records, id: id, by: actor))
        }
      },
      routeLater(
        .post, "/inventory/reservations/{id}/commit", "commitReservation",
        "Sell what is held; again, it sells nothing more.", caller: .seller,
        body: ReservationCommit.self, output: Reservation.self,
        errors: [.notFound, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(
            try Inventory.commit(transaction, reservation: id, context.body, by: actor))
        }
      },
      routeLater(
        .delete, "/inventory/reservations/{id}", "releaseReservation",
        "Give the units back; again, it changes nothing.", caller: .seller,
        output: Reservation.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let actor = try context.requiredActor()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(try Inventory.release(transaction, reservation: id, by: actor))
        }
      },
    ]
  }
}
