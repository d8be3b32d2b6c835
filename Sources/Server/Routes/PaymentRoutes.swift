// Routes of payments: challenges, refunds, and what was paid.

import Bytes
import Marketplace
import RecordStore

/// A page of payments and refunds.
struct PaymentPage: Fields {
  var data: [PaymentView] = []
  var hasMore = false
  /// Names the last payment of this page.
  var nextCursor: String?

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

/// POST /payments/challenge/{orderId}.
struct ChallengeAnswer: Fields {
  var answer = ""

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "answer", &answer,
      .length(1...1000).required.summary(
        "What the buyer's bank gave; `pass` for the test provider."))
  }
}

extension MarketplaceServer {
  var paymentRoutes: RouteGroup {
    RouteGroup("Payments", writesOnce: true) {
      routeLater(
        .post, "/payments/challenge/{orderId}", "answerChallenge",
        "Answer what the buyer's bank asked (3-D Secure); the order is then paid, or given up.",
        caller: .authenticated, body: ChallengeAnswer.self, output: OrderView.self,
        errors: [.notFound, .conflict]
      ) { context, answer in
        let id = try context.pathID("orderId")
        let caller = try context.caller()
        write(context, answer) { transaction in
          .ok(
            try Settlement.answer(
              transaction, orderID: id, caller: caller, answer: context.body.answer,
              provider: market.provider, policies: market.policies))
        }
      }
      routeLater(
        .post, "/payments/process", "processPayment",
        "Pay an order that waits for its payment in another way; what was begun is given up.",
        caller: .authenticated, idempotencyKey: .required, body: PaymentRequest.self,
        output: OrderView.self,
        errors: [.notFound, .conflict, .paymentFailed, .paymentGateway]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          var request = context.body
          request.payment = try market.resolved(transaction, request.payment, of: caller.userID)
          let order = try Settlement.pay(
            transaction, request, caller: caller, provider: market.provider,
            policies: market.policies)
          return Reply(status: order.status == .pending ? 202 : 200, value: order)
        }
      }
      routeLater(
        .post, "/payments/refund", "refundPayment",
        "Give part or all of an order's payment back. One Idempotency-Key is one refund.",
        caller: .seller, idempotencyKey: .required, body: RefundRequest.self,
        output: PaymentView.self, status: 201, errors: [.notFound, .conflict]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          let refund = try Refunds.refund(
            transaction, context.body, caller: caller, provider: market.provider)
          return .created(refund, location: "/api/v1/payments/transaction/\(refund.id)")
        }
      }
      routeLater(
        .post, "/payments/escrow/create", "createEscrow",
        "Keep what the sellers of a paid order get back until the buyer has the goods.",
        caller: .authenticated, body: EscrowRequest.self, output: EscrowView.self, status: 201,
        errors: [.notFound, .conflict]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          let escrow = try Escrows.create(transaction, context.body, caller: caller)
          return .created(escrow, location: "/api/v1/payments/escrow/\(escrow.orderID)")
        }
      }
      routeLater(
        .post, "/payments/escrow/release", "releaseEscrow",
        "Give the sellers what is kept back: the buyer has the goods.", caller: .authenticated,
        body: EscrowReleaseRequest.self, output: EscrowView.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          .ok(try Escrows.release(transaction, context.body, caller: caller))
        }
      }
      routeLater(
        .get, "/payments/escrow/{orderId}", "getEscrow",
        "An order's escrow: whole to the buyer, a seller's own part to the seller.",
        caller: .authenticated, output: EscrowView.self, errors: [.notFound]
      ) { context, answer in
        let id = try context.pathID("orderId")
        let caller = try context.caller()
        try read(context, answer) { snapshot in
          .ok(try Escrows.view(snapshot.records, orderID: id, caller: caller))
        }
      }
      routeLater(
        .get, "/payments/transaction/{id}", "getPayment", "A payment or a refund.",
        caller: .authenticated, output: PaymentView.self, errors: [.notFound]
      ) { context, answer in
        let id = try context.pathID("id")
        let caller = try context.caller()
        try read(context, answer) { snapshot in
          .ok(try Refunds.view(snapshot.records, id: id, caller: caller))
        }
      }
      routeLater(
        .get, "/payments/user/{userId}/history", "listPayments",
        "A user's payments and refunds, newest first; `me` is the caller.",
        caller: .authenticated, query: Self.pageParameters, output: PaymentPage.self,
        errors: [.forbidden]
      ) { context, answer in
        let userID = try user("userId", context)
        let limit = Int(context.query("limit", default: 20))
        let before = try Self.cursorID(context)
        try read(context, answer) { snapshot in
          let page = try Refunds.history(
            snapshot.records, userID: userID, before: before, limit: limit)
          var output = PaymentPage()
          output.data = page.payments
          output.hasMore = page.hasMore
          output.nextCursor = page.hasMore ? page.payments.last.map { Self.cursor($0.id) } : nil
          return .ok(output)
        }
      }
    }
  }
}
