// Routes for files of an administrator: what `souk import --url` sends.
//
// Invariant: a file is one transaction, all of it or nothing; a dry run is the same transaction,
// thrown away.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  /// A file and its parsed rows are in memory, and its rows must fit in one transaction.
  public static let importBytesMax = 8 << 20

  var importRoutes: RouteGroup {
    RouteGroup("Administration") {
      routeBytes(
        .post, "/admin/import/{kind}", "importFile",
        "Import stores, categories or products from NDJSON or CSV, all or nothing; dryRun=true "
          + "writes nothing.",
        caller: .admin,
        query: [
          QueryParameter("dryRun", .boolean),
          QueryParameter(
            "assignToStores", .boolean, "Give products without a shop to the imported shops."),
          QueryParameter("stock", .integer(0...1_000_000_000), "Units of each product."),
        ], accepts: ["application/x-ndjson", "text/csv"],
        output: .json(FieldSchema.describe(UploadReport.self)),
        errors: [.validation, .missingRequiredField, .notFound, .conflict],
        bodyBytesMax: Self.importBytesMax, on: .pool
      ) { context, responder in
        guard let kind = ImportKind(rawValue: context.path("kind")) else {
          throw MarketError.notFound("kind of file")
        }
        var options = ImportOptions()
        options.assignsToStores = context.flag("assignToStores")
        options.stock = context.query("stock").flatMap { Int64($0) }
        let job = ImportJob(kind, file: context.request.body, options: options)
        let answer = Answer<UploadReport>(responder: responder, isPrivate: true)
        guard context.flag("dryRun") else {
          guard job.issues.isEmpty else { throw job.refusal }
          return write(context, answer) { .ok(UploadReport(try job.write($0))) }
        }
        guard job.issues.isEmpty else {
          var report = UploadReport()
          report.dryRun = true
          report.issues = job.uploadIssues
          return answer.succeed(.ok(report))
        }
        tryOut(context, answer) { UploadReport(try job.write($0)) }
      }
    }
  }

  /// Runs a transaction, answers what it would have done, and leaves nothing of it.
  func tryOut<Body: Fields>(
    _ context: Context<Body>, _ answer: Answer<UploadReport>,
    _ body: @escaping @Sendable (Transaction) throws -> UploadReport
  ) {
    market.database.write(requestID: context.commitRequestID) { transaction in
      throw DryRun(try body(transaction))
    } completion: { (result: Result<Committed<Void>, any Error>) in
      guard case .failure(let error) = result else { return }
      guard var report = (error as? DryRun<UploadReport>)?.report else {
        return answer.fail(APIError.telling(error))
      }
      report.dryRun = true
      answer.succeed(.ok(report))
    }
  }
}
