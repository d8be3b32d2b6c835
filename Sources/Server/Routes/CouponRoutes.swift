// Routes of coupons, for those who make them.

import Bytes
import Marketplace
import RecordStore

/// A page of coupons.
struct CouponPage: Fields {
  var data: [CouponView] = []
  var hasMore = false
  /// The last code of this page.
  var nextCursor: String?

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "hasMore", &hasMore)
    try visitor.field(3, "nextCursor", &nextCursor)
  }
}

extension MarketplaceServer {
  var couponRoutes: RouteGroup {
    RouteGroup("Coupons", writesOnce: true) {
      routeLater(
        .post, "/coupons", "createCoupon",
        "Make a coupon: a seller's covers that seller's goods, an administrator's all goods.",
        caller: .seller, body: CouponInput.self, output: CouponView.self, status: 201,
        errors: [.alreadyExists]
      ) { context, answer in
        let caller = try context.caller()
        write(context, answer) { transaction in
          let coupon = try Coupons.create(transaction, context.body, caller: caller)
          return .created(coupon, location: "/coupons/\(coupon.code)")
        }
      }
      routeLater(
        .get, "/coupons", "listCoupons", "The caller's coupons; an administrator's are all.",
        caller: .seller,
        query: [QueryParameter("limit", .integer(1...100)), QueryParameter("cursor")],
        output: CouponPage.self
      ) { context, answer in
        let caller = try context.caller()
        let limit = Int(context.query("limit", default: 20))
        let after = context.query("cursor").map { Coupon.folded($0) }
        try read(context, answer) { snapshot in
          let page = try Coupons.list(snapshot.records, caller: caller, after: after, limit: limit)
          var output = CouponPage()
          output.data = page.coupons
          output.hasMore = page.hasMore
          output.nextCursor = page.hasMore ? page.coupons.last?.code : nil
          return .ok(output)
        }
      }
      routeLater(
        .put, "/coupons/{code}", "replaceCoupon", "Change everything of a coupon but its code.",
        caller: .seller, body: CouponInput.self, output: CouponView.self, errors: [.notFound]
      ) { context, answer in
        let caller = try context.caller()
        let code = context.path("code")
        write(context, answer) { transaction in
          .ok(try Coupons.replace(transaction, code: code, context.body, caller: caller))
        }
      }
      routeLater(
        .delete, "/coupons/{code}", "endCoupon", "End a coupon; orders go on naming it.",
        caller: .seller, output: Nothing.self, errors: [.notFound]
      ) { context, answer in
        let caller = try context.caller()
        let code = context.path("code")
        write(context, answer) { transaction in
          try Coupons.end(transaction, code: code, caller: caller)
          return .noContent
        }
      }
    }
  }
}
