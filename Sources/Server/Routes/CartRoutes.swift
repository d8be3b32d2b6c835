// Routes of the cart. Each answers the cart as it is then.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  private static let cartErrors: [ErrorCode] = [.notFound, .insufficientStock, .productUnavailable]

  var cartRoutes: RouteGroup {
    RouteGroup("Cart") {
      routeLater(
        .get, "/cart/{userId}", "getCart", "A user's cart; `me` is the caller.",
        caller: .authenticated, output: CartView.self, errors: [.forbidden]
      ) { context, answer in
        let userID = try user("userId", context)
        try read(context, answer) { snapshot in
          .ok(try Carts.view(snapshot.records, userID: userID, policies: market.policies))
        }
      }
      routeLater(
        .post, "/cart/add", "addToCart", "Add units of a product or variant.",
        caller: .authenticated, body: CartAddRequest.self, output: CartView.self,
        errors: Self.cartErrors
      ) { context, answer in
        let userID = try context.userID()
        write(context, answer) { transaction in
          .ok(
            try Carts.add(
              transaction, userID: userID, context.body, policies: market.policies))
        }
      }
      routeLater(
        .put, "/cart/update", "updateCart", "Set the quantity of a line.",
        caller: .authenticated, body: CartUpdateRequest.self, output: CartView.self,
        errors: Self.cartErrors
      ) { context, answer in
        let userID = try context.userID()
        write(context, answer) { transaction in
          .ok(
            try Carts.update(
              transaction, userID: userID, context.body, policies: market.policies))
        }
      }
      routeLater(
        .delete, "/cart/remove", "removeFromCart",
        "Take a line out, named by `?itemId=` or by a body {\"itemId\"}; many clients drop the "
          + "bodies of DELETE.",
        caller: .authenticated, query: [QueryParameter("itemId", .uuid)],
        output: CartView.self, status: 200, errors: [.notFound, .missingRequiredField]
      ) { context, answer in
        let userID = try context.userID()
        let itemID = try removedItem(context)
        write(context, answer) { transaction in
          .ok(
            try Carts.remove(
              transaction, userID: userID, itemID: itemID, policies: market.policies))
        }
      }
    }
  }

  private func removedItem(_ context: Context<Nothing>) throws(APIError) -> UUIDv7 {
    if let text = context.query("itemId"), let id = UUIDv7(text) { return id }
    let bytes = context.request.body.isEmpty ? Array("{}".utf8) : context.request.body
    do throws(FieldError) {
      return try FieldJSON.decode(CartRemoveRequest.self, from: bytes).itemID
    } catch {
      if case .invalid(let issues) = error { throw APIError(issues: issues) }
      throw APIError(.invalidInput, "The body is not JSON.")
    }
  }
}
