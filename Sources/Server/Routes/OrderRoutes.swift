// Routes of orders: checkout, reading, cancelling, and a seller's progress.

import Bytes
import Marketplace
import RecordStore

/// A page of orders.
struct OrderPage: Fields {
  var data: [OrderView] = []
  var hasMore = false
  /// Names the last order of this page.
  var nextCursor: String?

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

extension MarketplaceServer {
  static let buyingErrors: [ErrorCode] = [
    .validation, .conflict, .insufficientStock, .productUnavailable, .invalidCoupon,
    .paymentFailed, .paymentGateway, .serviceUnavailable,
  ]

  var orderRoutes: RouteGroup {
    RouteGroup("Orders", writesOnce: true) {
      routeLater(
        .post, "/checkout", "checkout",
        "Buy what is in the cart. One Idempotency-Key is one purchase, however often it is sent.",
        caller: .authenticated, idempotencyKey: .required, body: CheckoutRequest.self,
        output: OrderView.self, status: 201,
        errors: Self.buyingErrors, checkout)
      routeLater(
        .post, "/checkout/quote", "quoteCheckout",
        "What a checkout of the cart would cost, delivered to this address; it changes nothing.",
        caller: .userOrGuest, body: QuoteRequest.self, output: QuoteView.self,
        errors: [.validation, .productUnavailable, .invalidCoupon, .unauthorized]
      ) { context, answer in
        let buyerID = try cartOwner(context)
        try read(context, answer) { snapshot in
          .ok(
            try market.checkout.quote(
              snapshot.records, buyerID: buyerID, to: context.body.deliveryAddress, at: .now))
        }
      }
      routeLater(
        .post, "/orders", "createOrder",
        "Order what is named, without a cart. Administrators may order for a user.",
        caller: .authenticated, idempotencyKey: .required, body: OrderRequest.self,
        output: OrderView.self, status: 201, errors: Self.buyingErrors + [.notFound, .forbidden]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          var request = context.body
          request.checkout.payment = try market.resolved(
            transaction, request.checkout.payment, of: request.userID ?? caller.userID)
          return .ordered(try market.checkout.order(transaction, request, caller: caller))
        }
      }
      routeLater(
        .get, "/orders/{id}", "getOrder",
        "An order, by its id or a seller's part's: whole to the buyer, a part to its seller.",
        caller: .authenticated, output: OrderView.self, errors: [.notFound]
      ) { context, answer in
        let id = try context.pathID("id")
        let caller = try context.caller()
        try read(context, answer) { snapshot in
          .ok(try Orders.view(snapshot.records, id: id, caller: caller))
        }
      }
      routeLater(
        .get, "/orders/user/{userId}", "listOrders",
        "A buyer's orders, newest first; `me` is the caller.", caller: .authenticated,
        query: Self.pageParameters, output: OrderPage.self, errors: [.forbidden]
      ) { context, answer in
        let buyerID = try user("userId", context)
        try list(context, answer) { try Orders.list($0, buyerID: buyerID, before: $1, limit: $2) }
      }
      routeLater(
        .get, "/orders/seller/{sellerId}", "listSellerOrders",
        "A seller's parts of orders, newest first; `me` is the caller.", caller: .seller,
        query: Self.pageParameters + [
          QueryParameter("status", .oneOf(OrderStatus.allCases.map(\.rawValue)))
        ],
        output: OrderPage.self, errors: [.forbidden]
      ) { context, answer in
        let sellerID = try user("sellerId", context)
        let status = context.query("status").flatMap { OrderStatus(rawValue: $0) }
        try list(context, answer) {
          try Orders.list($0, sellerID: sellerID, status: status, before: $1, limit: $2)
        }
      }
      routeLater(
        .get, "/orders", "listAllOrders", "Every order, newest first.", caller: .admin,
        query: Self.pageParameters + [
          QueryParameter("status", .oneOf(OrderStatus.allCases.map(\.rawValue)))
        ],
        output: OrderPage.self
      ) { context, answer in
        let status = context.query("status").flatMap { OrderStatus(rawValue: $0) }
        try list(context, answer) {
          try Orders.listAll($0, status: status, before: $1, limit: $2)
        }
      }
      routeLater(
        .post, "/orders/{id}/cancel", "cancelOrder",
        "Cancel before anything is shipped; stock and money go back in the same commit.",
        caller: .authenticated, body: CancelRequest.self, output: OrderView.self,
        errors: [.notFound, .orderCannotBeCancelled]
      ) { context, answer in
        let id = try context.pathID("id")
        let caller = try context.caller()
        write(context, answer) { transaction in
          .ok(
            try Orders.cancel(
              transaction, id: id, caller: caller, reason: context.body.reason,
              provider: market.provider, policies: market.policies))
        }
      }
      routeLater(
        .put, "/orders/{id}/status", "setOrderStatus",
        "Move a seller's part of an order to its next state.", caller: .seller,
        body: OrderStatusRequest.self, output: OrderView.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let id = try context.pathID("id")
        let caller = try context.caller()
        write(context, answer) { transaction in
          .ok(try Orders.setStatus(transaction, id: id, caller: caller, context.body))
        }
      }
    }
  }

  @Sendable
  private func checkout(
    _ context: Context<CheckoutRequest>, _ answer: Answer<OrderView>
  ) throws {
    let buyerID = try context.userID()
    write(context, answer) { transaction in
      var request = context.body
      request.payment = try market.resolved(transaction, request.payment, of: buyerID)
      return .ordered(try market.checkout.complete(transaction, buyerID: buyerID, request))
    }
  }

  // MARK: Pages

  static let pageParameters = [
    QueryParameter("limit", .integer(1...100), "Rows of the page; 20 without it."),
    QueryParameter("cursor", .text, "From nextCursor of the page before."),
  ]

  static func cursor(_ id: UUIDv7) -> String { Base64URL.encode(Array(id.description.utf8)) }

  /// The identifier in the cursor; 400 when it holds none.
  static func cursorID<Body: Fields>(_ context: Context<Body>) throws(APIError) -> UUIDv7? {
    guard let text = context.query("cursor") else { return nil }
    guard let bytes = Base64URL.decode(text), bytes.count == 36,
      let id = UUIDv7(String(decoding: bytes, as: UTF8.self))
    else { throw APIError(.invalidInput, "The cursor is not one of this list.") }
    return id
  }

  private func list(
    _ context: Context<Nothing>, _ answer: Answer<OrderPage>,
    _ find: @escaping @Sendable (Snapshot, UUIDv7?, Int) throws -> Orders.Page
  ) throws {
    let limit = Int(context.query("limit", default: 20))
    let before = try Self.cursorID(context)
    try read(context, answer) { snapshot in
      let page = try find(snapshot.records, before, limit)
      var output = OrderPage()
      output.data = page.orders
      output.hasMore = page.hasMore
      output.nextCursor = page.hasMore ? page.orders.last.map { Self.cursor($0.id) } : nil
      return .ok(output)
    }
  }
}

extension Reply<OrderView> {
  /// 201 for an order that is paid, 202 for one that waits for its payment.
  static func ordered(_ order: OrderView) -> Self {
    let location = "/api/v1/orders/\(order.id)"
    return order.status == .pending
      ? .accepted(order, location: location) : .created(order, location: location)
  }
}
