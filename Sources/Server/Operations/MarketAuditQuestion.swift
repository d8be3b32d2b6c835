// The question of `souk doctor`: do the records of the marketplace agree with one another?

import Bytes
import Database
import Marketplace
import RecordStore

public struct MarketAuditQuestion: StoreQuestion {
  public static let verb = "audit"
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {}

  public func answer(
    from database: Database, progress: (String) -> Void
  ) throws -> MarketAuditReport {
    progress("reading every order, payment and stock level")
    return try MarketAudit.run(database.snapshot().records)
  }
}
