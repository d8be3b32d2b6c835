// SearchIndexing: POST /search/index. A product is in the index from the commit that makes it findable, so
// there is nothing to do for it; what can be done is to prove that it is there as its record says. Each
// named product is asked of the index by everything that it should be found by.

import Bytes
import Database
import RecordStore
import TextSearch

/// POST /search/index.
public struct SearchIndexRequest: Fields, Equatable {
  public static let productsMax = 1000

  public var productIDs: [UUIDv7] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "productIds", &productIDs,
      .count(0...Self.productsMax).summary("The products to look at; none: only the position."))
  }
}

public enum SearchIndexStatus: String, FieldEnum {
  /// Found by all that its record says.
  case indexed
  /// Not for sale, and not found.
  case notForSale
  /// There is no such product, and none is found.
  case unknown
  /// The index says something else than the record: a defect.
  case differs
}

public struct SearchIndexEntry: Fields, Equatable {
  public var id = UUIDv7.zero
  public var status = SearchIndexStatus.indexed
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "status", &status)
  }
}

public struct SearchIndexReport: Fields, Equatable {
  /// The commit that the index shows: all before it, and nothing after.
  public var commit: UInt64 = 0
  /// Products in the index.
  public var products: Int64 = 0
  public var data: [SearchIndexEntry] = []
  /// Whether the index is being made anew because of what was found.
  public var isRebuilding = false
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "products", &products)
    try visitor.field(3, "data", &data)
    try visitor.field(4, "isRebuilding", &isRebuilding)
  }

  /// Words of a text that are asked for; a request to the index has a bound.
  private static let wordsMax = 400

  public static func of(
    _ request: SearchIndexRequest, _ snapshot: DatabaseSnapshot
  ) throws -> SearchIndexReport {
    guard let index = snapshot.view(TextSnapshot.self) else {
      throw MarketError(.serviceUnavailable, "This server keeps no text index.")
    }
    var report = SearchIndexReport()
    report.commit = index.lsn.rawValue
    report.products = Int64(index.documentCount)
    for id in request.productIDs {
      var entry = SearchIndexEntry()
      entry.id = id
      entry.status = try status(of: id, snapshot.records, index)
      report.data.append(entry)
    }
    return report
  }

  private static func status(
    of id: UUIDv7, _ records: some RecordReader, _ index: TextSnapshot
  ) throws -> SearchIndexStatus {
    guard let product = try records.get(Product.self, key(id)), product.isForSale else {
      let isFound = try count([.keys([key(id)])], index) > 0
      if isFound { return .differs }
      return try Catalog.find(records, id: id) == nil ? .unknown : .notForSale
    }
    let stock = try Inventory.available(records, productID: id)
    let isRight = try count(clauses(product), index) == 1
    return isRight && index.value("stock", of: product.ordinal) ?? 0 == stock
      ? .indexed : .differs
  }

  private static func clauses(_ product: Product) -> [TextExpression] {
    let document = ProductSearch.document(of: product)
    var clauses: [TextExpression] = [.keys([document.key])]
    for (column, value) in document.numbers {
      clauses.append(.range(column: column, from: value, to: value))
    }
    for (column, values) in document.keywords {
      clauses += values.map { .term(field: column, value: $0) }
    }
    // The words of the categories are those of the keyword, which is asked for already.
    for field in ["title", "description"] {
      let words = Set(Analyser.standard.terms(of: document.texts[field] ?? "").prefix(wordsMax))
      clauses += words.map { .term(field: field, value: String(decoding: $0, as: UTF8.self)) }
    }
    return clauses
  }

  private static func count(_ clauses: [TextExpression], _ index: TextSnapshot) throws -> Int {
    var bool = TextBool()
    bool.filter = clauses
    do {
      return try index.search(TextRequest(.bool(bool), limit: 0)).total ?? 0
    } catch {
      throw MarketError(.internalError, "The index cannot be asked for a product: \(error).")
    }
  }
}
