// StockBulk: many levels in one call, and units moved from one location to another.
//
// A bulk update is all or nothing, or row by row; row by row, a refused row changes no stock and the
// others stand. Either way it is one commit.

import Bytes
import RecordStore

public enum BulkMode: String, FieldEnum {
  /// The first row that is refused refuses all of them.
  case all
  case each
}

public struct StockBulkRow: Fields, Equatable {
  public var productID = UUIDv7.zero
  public var variantID: UUIDv7?
  public var locationID: UUIDv7?
  public var quantity: Int64?
  public var delta: Int64?
  public var reorderPoint: Int64?
  public var expectedVersion: Int64?
  public var reason = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID, .required)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "locationId", &locationID)
    try visitor.field(
      4, "quantity", &quantity,
      .range(0...1_000_000_000).summary("What there is from now on; or else delta."))
    try visitor.field(
      5, "delta", &delta, .range(-1_000_000_000...1_000_000_000).summary("Signed."))
    try visitor.field(6, "reorderPoint", &reorderPoint, .range(0...1_000_000_000))
    try visitor.field(7, "expectedVersion", &expectedVersion)
    try visitor.field(8, "reason", &reason, .length(0...500))
  }
}

/// POST /inventory/bulk-update.
public struct StockBulkRequest: Fields, Equatable {
  public static let rowsMax = 1000

  public var mode = BulkMode.all
  public var items: [StockBulkRow] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "mode", &mode, FieldRules().summary("all: nothing when a row is refused; each: the rest."))
    try visitor.field(2, "items", &items, .count(1...Self.rowsMax).required)
  }
}

public struct StockBulkOutcome: Fields, Equatable {
  /// The row's place in the request, from 0.
  public var index: Int64 = 0
  public var level: StockLevelView?
  /// Why it was refused, with the code of the error envelope.
  public var code: String?
  public var message: String?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "index", &index)
    try visitor.field(2, "level", &level)
    try visitor.field(3, "code", &code)
    try visitor.field(4, "message", &message)
  }
}

public struct StockBulkReport: Fields, Equatable {
  public var updated: Int64 = 0
  public var refused: Int64 = 0
  public var items: [StockBulkOutcome] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "updated", &updated)
    try visitor.field(2, "refused", &refused)
    try visitor.field(3, "items", &items)
  }
}

/// POST /inventory/transfer.
public struct StockTransferRequest: Fields, Equatable {
  public var productID = UUIDv7.zero
  public var variantID: UUIDv7?
  public var fromLocationID = UUIDv7.zero
  public var toLocationID = UUIDv7.zero
  public var quantity: Int64 = 0
  public var reason = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "productId", &productID, .required)
    try visitor.field(2, "variantId", &variantID)
    try visitor.field(3, "fromLocationId", &fromLocationID, .required)
    try visitor.field(4, "toLocationId", &toLocationID, .required)
    try visitor.field(5, "quantity", &quantity, .range(1...1_000_000_000).required)
    try visitor.field(6, "reason", &reason, .length(0...500))
  }
}

extension Inventory {
  /// Errors with `mode` all: those of `set` and `adjust`, whose message names the row.
  public static func bulk(
    _ transaction: Transaction, _ request: StockBulkRequest, by actor: CatalogActor
  ) throws -> StockBulkReport {
    var report = StockBulkReport()
    for (index, row) in request.items.enumerated() {
      var outcome = StockBulkOutcome()
      outcome.index = Int64(index)
      do {
        outcome.level = StockLevelView(try apply(row, transaction, by: actor))
        report.updated += 1
      } catch let error as MarketError {
        guard request.mode == .each else { throw error.inRow(index) }
        outcome.code = error.code.rawValue
        outcome.message = error.message
        report.refused += 1
      }
      report.items.append(outcome)
    }
    return report
  }

  private static func apply(
    _ row: StockBulkRow, _ transaction: Transaction, by actor: CatalogActor
  ) throws -> StockLevel {
    guard (row.quantity == nil) != (row.delta == nil) else {
      throw MarketError.invalid(
        "/quantity", rule: "required", "A row has either a quantity or a delta.")
    }
    let place = try place(transaction, row.productID, row.variantID, row.locationID, by: actor)
    let level = try levelOrNew(
      transaction, variantID: place.variantID, locationID: place.locationID)
    // A delta is a quantity that depends on what is there; one path writes both.
    let (quantity, overflow) = level.quantity.addingReportingOverflow(row.delta ?? 0)
    guard !overflow, row.delta.map({ $0 >= 0 || quantity >= level.reserved }) ?? true else {
      throw insufficient([(place.variantID, -(row.delta ?? 0), level.available)])
    }
    return try set(
      transaction, variantID: place.variantID, locationID: place.locationID,
      quantity: row.quantity ?? quantity, reorderPoint: row.reorderPoint,
      expectedVersion: row.expectedVersion, notes: row.reason)
  }

  /// Moves units: a movement out and a movement in, which name each other by one reference.
  ///
  /// Errors: RES_4001; BIZ_5001 when the first location has fewer; VAL_3001 for one location twice.
  public static func transfer(
    _ transaction: Transaction, _ request: StockTransferRequest, by actor: CatalogActor
  ) throws -> ProductStockView {
    guard request.fromLocationID != request.toLocationID else {
      throw MarketError.invalid(
        "/toLocationId", rule: "different", "The units are at this location already.")
    }
    let from = try place(
      transaction, request.productID, request.variantID, request.fromLocationID, by: actor)
    // Asked for before anything is written: the second half must not fail after the first.
    let there = try levelOrNew(
      transaction, variantID: from.variantID, locationID: request.toLocationID)
    guard there.quantity <= quantityMax - request.quantity else {
      throw MarketError.invalid(
        "/quantity", rule: "range", "A place holds at most \(quantityMax) units of a variant.")
    }
    let reference = transaction.newID()
    try adjust(
      transaction, variantID: from.variantID, locationID: request.fromLocationID,
      delta: -request.quantity, kind: .transfer, referenceID: reference, notes: request.reason)
    try adjust(
      transaction, variantID: from.variantID, locationID: request.toLocationID,
      delta: request.quantity, kind: .transfer, referenceID: reference, notes: request.reason)
    return try ProductStockView(productID: request.productID, transaction)
  }
}

extension MarketError {
  /// The same refusal, saying which row of a list it is about; pointers lead into that row.
  func inRow(_ index: Int) -> MarketError {
    var error = self
    error.message = "Row \(index): \(message)"
    guard case .object(var members)? = details,
      let place = members.firstIndex(where: { $0.name == "fields" }),
      case .array(let fields) = members[place].value
    else { return error }
    let moved = fields.map { field -> JSONValue in
      guard case .object(let parts) = field else { return field }
      return .object(
        parts.map { part in
          guard part.name == "path", case .string(let path) = part.value else { return part }
          return .init("path", .string("/items/\(index)\(path)"))
        })
    }
    members[place] = .init("fields", .array(moved))
    error.details = .object(members)
    return error
  }
}
