// ImportJob: a file of shops, products or categories, checked as a whole before anything is written.
//
// Rows are told apart by their external identifier: a row that is there already is brought up to
// date, one that is equal is left alone. So an import can be repeated, and a chunked one that was
// cut short is completed by running it again.

import Bytes
import CommitLog
import RecordStore

public enum ImportKind: String, CaseIterable, Sendable {
  case stores, products, categories
}

public struct ImportOptions: Sendable {
  /// Gives a product without a shop of its own to the imported shop numbered
  /// XXH64(externalId, seed 0) mod count, shops counted in the order of their numbers.
  public var assignsToStores = false
  /// Units of each product at its place.
  public var stock: Int64?
  /// A seller's own upload: products without a shop of their own are the seller's, at the seller's
  /// primary location; nobody else's product is touched.
  public var sellerID: UUIDv7?

  public init() {}
}

/// What an import did, or would do.
public struct ImportReport: Fields, Equatable {
  public var rows: Int64 = 0
  public var created: Int64 = 0
  public var updated: Int64 = 0
  public var unchanged: Int64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "rows", &rows)
    try visitor.field(2, "created", &created)
    try visitor.field(3, "updated", &updated)
    try visitor.field(4, "unchanged", &unchanged)
  }

  public mutating func add(_ other: ImportReport) {
    rows += other.rows
    created += other.created
    updated += other.updated
    unchanged += other.unchanged
  }

  enum Outcome {
    case created, updated, unchanged
  }

  mutating func count(_ outcome: Outcome) {
    rows += 1
    switch outcome {
    case .created: created += 1
    case .updated: updated += 1
    case .unchanged: unchanged += 1
    }
  }
}

public struct ImportJob: Sendable {
  enum Rows: Sendable {
    case stores([StoreRow])
    case products([ProductRow])
    case categories([CategoryRow])
  }

  public let kind: ImportKind
  public let options: ImportOptions
  /// Everything wrong with the file, in the order of its lines. Only a job without issues is written.
  public let issues: [ImportIssue]
  let rows: Rows

  /// Reads and checks the whole file.
  public init(_ kind: ImportKind, file: [UInt8], options: ImportOptions = ImportOptions()) {
    self.kind = kind
    self.options = options
    let (found, fileIssues) = ImportFile.rows(of: file)
    var issues = fileIssues
    func read<Row>(_ make: (inout ImportRow) -> Row, _ identifier: (Row) -> String) -> [Row] {
      var seen: [String: Int] = [:]
      return found.map { row in
        var row = row
        let value = make(&row)
        if let first = seen.updateValue(row.line, forKey: identifier(value)) {
          row.refuse("id", "\(identifier(value)) stands in line \(first) already")
        }
        issues += row.issues
        return value
      }
    }
    switch kind {
    case .stores: rows = .stores(read({ StoreRow(&$0) }, \.externalID))
    case .products: rows = .products(read({ ProductRow(&$0) }, \.externalID))
    case .categories: rows = .categories(read({ CategoryRow(&$0) }, \.externalID))
    }
    self.issues = issues.sorted { $0.line < $1.line }
  }

  /// What a client is told about a file with issues.
  public var uploadIssues: [UploadIssue] { issues.map(UploadIssue.init) }

  public var refusal: MarketError { UploadIssue.refusal(of: uploadIssues) }

  public var rowCount: Int {
    switch rows {
    case .stores(let rows): rows.count
    case .products(let rows): rows.count
    case .categories(let rows): rows.count
    }
  }

  /// Writes the rows of `range` (all by default) in the order of the file.
  ///
  /// Errors: MarketError for a row that needs a shop that is not there; a transaction that throws
  /// writes nothing.
  public func write(
    _ transaction: Transaction, rows range: Range<Int>? = nil
  ) throws -> ImportReport {
    let range = (range ?? 0..<rowCount).clamped(to: 0..<rowCount)
    var report = ImportReport()
    switch rows {
    case .stores(let rows):
      for row in rows[range] { report.count(try row.write(transaction)) }
    case .products(let rows):
      let owner: ProductOwner
      if let sellerID = options.sellerID {
        owner = .seller(sellerID, try Locations.primary(transaction, sellerID: sellerID))
      } else {
        owner = .shops(options.assignsToStores ? try ImportedShops(transaction) : nil)
      }
      for row in rows[range] {
        report.count(try row.write(transaction, owner: owner, stock: options.stock))
      }
    case .categories(let rows):
      for row in rows[range] { report.count(try row.write(transaction)) }
    }
    return report
  }
}

/// Whose products become that name no shop.
enum ProductOwner {
  /// By their hash, one of these; nil: a row must name its shop.
  case shops(ImportedShops?)
  case seller(UUIDv7, Location?)
}

/// The imported shops in the order of their numbers.
struct ImportedShops {
  private let shops: [Location]

  init(_ reader: some RecordReader) throws {
    shops = try reader.all(in: Location.byExternalID, .all)
    guard !shops.isEmpty else {
      throw MarketError(
        .conflict, "There is no imported shop to give products to; import the shops first.")
    }
  }

  func shop(for externalID: String) -> Location {
    shops[Int(XXH64.hash(Array(externalID.utf8)) % UInt64(shops.count))]
  }
}
