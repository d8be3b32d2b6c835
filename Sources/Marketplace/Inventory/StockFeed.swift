// StockFeed: what tills and other systems report, POST /inventory/sync-pos. Table 26.
//
// Invariants
// 1. A feed of a seller is applied once: the same identifier again gives the first report, and with
//    another content it is refused.
// 2. A feed is all or nothing; what is wrong with it is told row by row.

import Bytes
import RecordStore

public enum FeedRowKind: String, FieldEnum {
  case sale
  case restock
  case `return`
  /// The shelf was counted: `quantity` is what there is.
  case count
}

public struct FeedRow: Fields, Equatable {
  /// The stock-keeping unit of a variant, or else the product and, when it has several, the variant.
  public var sku: String?
  public var productID: UUIDv7?
  public var variantID: UUIDv7?
  public var kind = FeedRowKind.sale
  public var quantity: Int64 = 0
  public var reference = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sku", &sku, .length(1...100))
    try visitor.field(2, "productId", &productID)
    try visitor.field(3, "variantId", &variantID)
    try visitor.field(4, "type", &kind, .required)
    try visitor.field(5, "quantity", &quantity, .range(0...1_000_000_000).required)
    try visitor.field(6, "reference", &reference, .length(0...255))
  }
}

/// POST /inventory/sync-pos.
public struct StockFeed: Fields, Equatable {
  public static let rowsMax = 1000

  public var feedID = ""
  /// The seller's primary location when left out.
  public var locationID: UUIDv7?
  public var items: [FeedRow] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "feedId", &feedID,
      .length(1...100).required.summary("Of the sender's making; one is applied once."))
    try visitor.field(2, "locationId", &locationID)
    try visitor.field(3, "items", &items, .count(1...Self.rowsMax).required)
  }
}

/// What a feed did. The same for every repetition but `replayed`.
public struct FeedReport: Fields, Equatable {
  public var feedID = ""
  public var rows: Int64 = 0
  public var unitsSold: Int64 = 0
  public var unitsAdded: Int64 = 0
  public var counted: Int64 = 0
  public var appliedAt = Timestamp.zero
  public var replayed = false
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "feedId", &feedID)
    try visitor.field(2, "rows", &rows)
    try visitor.field(3, "unitsSold", &unitsSold)
    try visitor.field(4, "unitsAdded", &unitsAdded)
    try visitor.field(5, "counted", &counted)
    try visitor.field(6, "appliedAt", &appliedAt)
    try visitor.field(7, "replayed", &replayed)
  }
}

/// A feed that was applied, so that it is not applied again.
public struct AppliedFeed: Fields, Equatable {
  public var sellerID = UUIDv7.zero
  public var feedID = ""
  /// XXH64 with two seeds of the feed's stored form.
  public var contentHigh: UInt64 = 0
  public var contentLow: UInt64 = 0
  public var report = FeedReport()
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sellerId", &sellerID)
    try visitor.field(2, "feedId", &feedID)
    try visitor.field(3, "contentHigh", &contentHigh)
    try visitor.field(4, "contentLow", &contentLow)
    try visitor.field(5, "report", &report)
  }
}

extension AppliedFeed: Record {
  public static let table = Table<AppliedFeed>(number: 26, name: "appliedFeeds")
  public var primaryKey: [UInt8] { key(sellerID, feedID) }
}

extension Inventory {
  /// Errors: RES_4003 with status 422 for a known identifier with another content; VAL_3001 with a
  /// pointer for each row that names nothing of the seller's; BIZ_5001 for a sale of more than there is.
  public static func apply(
    _ transaction: Transaction, _ feed: StockFeed, by actor: CatalogActor
  ) throws -> FeedReport {
    let content = FieldBinary.encode(feed)
    let high = XXH64.hash(content)
    let low = XXH64.hash(content, seed: 1)
    if let applied = try transaction.get(AppliedFeed.self, key(actor.userID, feed.feedID)) {
      guard applied.contentHigh == high, applied.contentLow == low else {
        var error = MarketError.conflict(
          "A feed of this identifier was applied with another content; give this one its own.",
          reason: "feed_reused")
        error.status = 422
        throw error
      }
      var report = applied.report
      report.replayed = true
      return report
    }
    let location = try place(of: feed, transaction, by: actor)
    let variants = try variants(of: feed, transaction, by: actor)
    var report = FeedReport()
    report.feedID = feed.feedID
    report.rows = Int64(feed.items.count)
    report.appliedAt = transaction.time
    for (index, row) in feed.items.enumerated() {
      do {
        try apply(row, variants[index], location, transaction, &report)
      } catch let error as MarketError {
        throw error.inRow(index)
      }
    }
    var applied = AppliedFeed()
    applied.sellerID = actor.userID
    applied.feedID = feed.feedID
    applied.contentHigh = high
    applied.contentLow = low
    applied.report = report
    try transaction.insert(applied)
    return report
  }

  private static func apply(
    _ row: FeedRow, _ variantID: UUIDv7, _ locationID: UUIDv7, _ transaction: Transaction,
    _ report: inout FeedReport
  ) throws {
    let kind: StockMovementKind
    switch row.kind {
    case .count:
      report.counted += 1
      try set(
        transaction, variantID: variantID, locationID: locationID, quantity: row.quantity,
        notes: row.reference)
      return
    case .sale:
      kind = .sale
      report.unitsSold += row.quantity
    case .restock:
      kind = .restock
      report.unitsAdded += row.quantity
    case .return:
      kind = .return
      report.unitsAdded += row.quantity
    }
    try adjust(
      transaction, variantID: variantID, locationID: locationID,
      delta: row.kind == .sale ? -row.quantity : row.quantity, kind: kind, notes: row.reference)
  }

  private static func place(
    of feed: StockFeed, _ transaction: Transaction, by actor: CatalogActor
  ) throws -> UUIDv7 {
    if let id = feed.locationID { return try Locations.owned(transaction, id: id, by: actor).id }
    guard let primary = try Locations.primary(transaction, sellerID: actor.userID) else {
      throw MarketError.invalid(
        "/locationId", rule: "required", "Say where; you have no location yet.")
    }
    return primary.id
  }

  /// The variant of each row; every row that names none is told at once.
  private static func variants(
    of feed: StockFeed, _ transaction: Transaction, by actor: CatalogActor
  ) throws -> [UUIDv7] {
    var issues: [FieldIssue] = []
    let found = try feed.items.enumerated().map { index, row -> UUIDv7 in
      if let variantID = try variant(of: row, transaction, by: actor) { return variantID }
      issues.append(
        FieldIssue(
          path: "/items/\(index)", rule: "reference",
          message: "Name a SKU or a product and variant of yours."))
      return .zero
    }
    guard issues.isEmpty else { throw MarketError.invalid(issues) }
    return found
  }

  private static func variant(
    of row: FeedRow, _ transaction: Transaction, by actor: CatalogActor
  ) throws -> UUIDv7? {
    if let sku = row.sku {
      let product = try transaction.lookup(Product.bySKU, key(actor.userID, sku))
      return product?.variants.first { $0.sku == sku }?.id
    }
    guard let id = row.productID ?? row.variantID,
      let product = try transaction.lookup(Product.byVariant, key(row.variantID ?? id))
        ?? Catalog.find(transaction, id: id),
      actor.mayTouch(product.sellerID), row.productID == nil || product.id == row.productID
    else { return nil }
    let variants = product.sellableVariants
    if let variantID = row.variantID { return product.variant(variantID)?.id }
    return variants.count == 1 ? variants[0].id : nil
  }
}
