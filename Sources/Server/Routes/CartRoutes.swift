// Routes of the cart. Each answers the cart as it is then. A guest's first write answers
// `X-Guest-Token`, which the guest sends from then on, and with signing in, where the carts are merged.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  private static let cartErrors: [ErrorCode] = [.notFound, .insufficientStock, .productUnavailable]

  /// Names a guest's cart, both ways.
  static let guestHeader = "X-Guest-Token"

  var cartRoutes: RouteGroup {
    RouteGroup("Cart", writesOnce: true) {
      routeLater(
        .get, "/cart/{userId}", "getCart", "A user's cart; `me` is the caller, a guest too.",
        caller: .userOrGuest, output: CartView.self, errors: [.unauthorized, .forbidden]
      ) { context, answer in
        let userID = try cartOwner("userId", context)
        try read(context, answer) { snapshot in
          .ok(
            try Carts.view(
              snapshot.records, userID: userID, policies: market.policies, at: .now))
        }
      }
      routeLater(
        .post, "/cart/add", "addToCart",
        "Add units of a product or variant. Without a token it begins a guest's cart.",
        caller: .userOrGuest, body: CartAddRequest.self, output: CartView.self,
        errors: Self.cartErrors
      ) { context, answer in
        let owner = context.principal
        let isGuest = owner?.isGuest ?? true
        write(context, answer) { transaction in
          let userID = owner?.id ?? transaction.newID()
          var reply = Reply.ok(
            try Carts.add(
              transaction, userID: userID, isGuest: isGuest, context.body,
              policies: market.policies))
          if isGuest { reply.headers[Self.guestHeader] = market.guests.text(of: userID) }
          return reply
        }
      }
      routeLater(
        .put, "/cart/update", "updateCart", "Set the quantity of a line.",
        caller: .userOrGuest, body: CartUpdateRequest.self, output: CartView.self,
        errors: Self.cartErrors + [.unauthorized]
      ) { context, answer in
        let userID = try cartOwner(context)
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
        caller: .userOrGuest, query: [QueryParameter("itemId", .uuid)],
        output: CartView.self, status: 200,
        errors: [.notFound, .missingRequiredField, .unauthorized]
      ) { context, answer in
        let userID = try cartOwner(context)
        let itemID = try removedItem(context)
        write(context, answer) { transaction in
          .ok(
            try Carts.remove(
              transaction, userID: userID, itemID: itemID, policies: market.policies))
        }
      }
      routeLater(
        .post, "/cart/coupons", "applyCoupon", "Put a coupon on the cart, in place of another.",
        caller: .userOrGuest, body: CouponApplyRequest.self, output: CartView.self,
        errors: [.invalidCoupon, .unauthorized]
      ) { context, answer in
        let userID = try cartOwner(context)
        write(context, answer) { transaction in
          .ok(
            try Carts.applyCoupon(
              transaction, userID: userID, code: context.body.code, policies: market.policies))
        }
      }
      routeLater(
        .delete, "/cart/coupons", "removeCoupon",
        "Take the coupon off the cart; `?code=` says which.",
        caller: .userOrGuest, query: [QueryParameter("code")], output: CartView.self, status: 200,
        errors: [.notFound, .unauthorized]
      ) { context, answer in
        let userID = try cartOwner(context)
        let code = context.query("code")
        write(context, answer) { transaction in
          .ok(
            try Carts.removeCoupon(
              transaction, userID: userID, code: code, policies: market.policies))
        }
      }
    }
  }

  /// Whose cart: the user's, or the guest's of the token.
  func cartOwner<Body: Fields>(_ context: Context<Body>) throws(APIError) -> UUIDv7 {
    guard let principal = context.principal else {
      throw APIError(
        .unauthorized,
        "There is no cart yet: sign in, or send the \(Self.guestHeader) of POST /cart/add.",
        headers: ["WWW-Authenticate": "Bearer"])
    }
    return principal.id
  }

  private func cartOwner<Body: Fields>(
    _ name: String, _ context: Context<Body>
  ) throws -> UUIDv7 {
    let caller = try cartOwner(context)
    if context.path(name) == "me" { return caller }
    if context.principal?.isGuest == true {
      guard try context.pathID(name) == caller else {
        throw APIError(.forbidden, "This belongs to somebody else.")
      }
      return caller
    }
    return try user(name, context)
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
