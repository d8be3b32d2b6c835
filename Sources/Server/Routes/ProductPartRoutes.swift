// Routes of a product's parts: its variants and pictures; of its return from the deleted; and of
// uploads of many products.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  var productPartRoutes: RouteGroup {
    RouteGroup("Products", writesOnce: true) {
      productChange(
        .post, "/products/{id}/variants", "addVariant", "Add a variant.", VariantInput.self
      ) { transaction, context, version, actor in
        try Catalog.addVariant(
          transaction, productID: context.pathID("id"), context.body, expectedVersion: version,
          by: actor)
      }
      productChange(
        .put, "/products/{id}/variants/{variantId}", "changeVariant", "Change a variant.",
        VariantInput.self
      ) { transaction, context, version, actor in
        try Catalog.changeVariant(
          transaction, productID: context.pathID("id"), variantID: context.pathID("variantId"),
          context.body, expectedVersion: version, by: actor)
      }
      productChange(
        .delete, "/products/{id}/variants/{variantId}", "deleteVariant",
        "Remove a variant without stock.", Nothing.self
      ) { transaction, context, version, actor in
        try Catalog.removeVariant(
          transaction, productID: context.pathID("id"), variantID: context.pathID("variantId"),
          expectedVersion: version, by: actor)
      }
      productChange(
        .post, "/products/{id}/images", "addImage", "Add a link to a picture, ten at most.",
        ProductImage.self
      ) { transaction, context, version, actor in
        try Catalog.addImage(
          transaction, productID: context.pathID("id"), context.body, expectedVersion: version,
          by: actor)
      }
      productChange(
        .post, "/products/{id}/restore", "restoreProduct",
        "Put a deleted product back, as a draft.", Nothing.self
      ) { transaction, context, _, actor in
        try Catalog.restore(transaction, id: context.pathID("id"), by: actor)
      }
      uploadRoute
    }
  }

  /// A route that changes one product and answers it.
  private func productChange<Body: Fields>(
    _ method: Method, _ path: String, _ operationID: String, _ summary: String, _ body: Body.Type,
    _ change:
      @escaping @Sendable (Transaction, Context<Body>, Int64?, CatalogActor) throws -> Product
  ) -> Route {
    routeLater(
      method, path, operationID, summary, caller: .seller, body: body, output: ProductView.self,
      errors: [.notFound, .conflict, .alreadyExists]
    ) { context, answer in
      let actor = try context.requiredActor()
      let version = try EntityTag.expected(context.request)
      write(context, answer) { transaction in
        let product = try change(transaction, context, version, actor)
        let view = try ProductView(product, transaction)
        return .ok(
          view, headers: ["ETag": EntityTag.text(version: view.version, stock: view.stock)])
      }
    }
  }

  private var uploadRoute: Route {
    routeBytes(
      .post, "/products/bulk-upload", "uploadProducts",
      "Make or change many products from NDJSON or CSV, all or nothing; dryRun=true writes nothing.",
      caller: .seller,
      query: [
        QueryParameter("dryRun", .boolean),
        QueryParameter("stock", .integer(0...1_000_000_000), "Units of each at your location."),
      ], accepts: ["application/x-ndjson", "text/csv"],
      output: .json(FieldSchema.describe(UploadReport.self)), errors: [.validation, .notFound],
      bodyBytesMax: ProductUpload.bytesMax, on: .pool
    ) { context, responder in
      let actor = try context.requiredActor()
      let upload = ProductUpload(
        file: context.request.body, sellerID: actor.userID,
        stock: context.query("stock").flatMap { Int64($0) })
      let isDry = context.flag("dryRun")
      let answer = Answer<UploadReport>(responder: responder, isPrivate: true)
      guard upload.issues.isEmpty else {
        guard isDry else { throw upload.refusal }
        var report = UploadReport()
        report.dryRun = true
        report.issues = upload.issues
        return answer.succeed(.ok(report))
      }
      guard isDry else {
        return write(context, answer) { transaction in .ok(try upload.write(transaction)) }
      }
      tryOut(context, answer) { try upload.write($0) }
    }
  }
}
