// Routes of the ways to pay that users have saved.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var paymentMethodRoutes: RouteGroup {
    RouteGroup("Payments", writesOnce: true) {
      routeLater(
        .get, "/payments/methods/{userId}", "listPaymentMethods",
        "A user's saved payment methods, the default first; `me` is the caller.",
        caller: .authenticated, output: PaymentMethodList.self, errors: [.forbidden]
      ) { context, answer in
        let userID = try user("userId", context)
        try read(context, answer) { snapshot in
          var list = PaymentMethodList()
          list.data = try PaymentMethods.all(snapshot.records, of: userID).map {
            PaymentMethodView($0)
          }
          return .ok(list)
        }
      }
      routeLater(
        .post, "/payments/methods/add", "addPaymentMethod",
        "Save the provider's token of a card or an account, to pay with it by its id.",
        caller: .authenticated, body: PaymentMethodInput.self, output: PaymentMethodView.self,
        status: 201, errors: [.conflict]
      ) { context, answer in
        let userID = try context.userID()
        let nonce = Sealing.Nonce()
        write(context, answer) { transaction in
          let method = try PaymentMethods.add(
            transaction, context.body, of: userID, provider: market.provider.name,
            sealing: market.keys.sealing, nonce: nonce)
          return .created(method, location: "/api/v1/payments/methods/me")
        }
      }
      routeLater(
        .put, "/payments/methods/{id}/default", "setDefaultPaymentMethod",
        "Make a saved payment method the default.", caller: .authenticated,
        output: PaymentMethodView.self, errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          .ok(try PaymentMethods.makeDefault(transaction, id: id, of: userID))
        }
      }
      routeLater(
        .delete, "/payments/methods/{id}", "removePaymentMethod", "Remove a saved payment method.",
        caller: .authenticated, output: Nothing.self, errors: [.notFound]
      ) { context, answer in
        let userID = try context.userID()
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          try PaymentMethods.remove(transaction, id: id, of: userID)
          return .noContent
        }
      }
    }
  }
}
