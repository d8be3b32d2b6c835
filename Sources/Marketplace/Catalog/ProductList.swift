// ProductList: pages of products in the order of an index.
//
// A page continues after the index entry of its last row, so rows that appear or go in between
// neither repeat nor skip others. One page looks at `rowsMax` rows at most: with a narrow filter it
// may hold fewer rows than asked for, or none, and still name a next page.

import Bytes
import RecordStore

public enum ProductSort: String, CaseIterable, Sendable {
  case newest
  case price
  case priceDescending = "-price"
}

public struct ProductFilter: Sendable, Equatable {
  /// Identifier, slug or name; products of its subcategories are in it.
  public var category: String?
  public var minPrice: Amount?
  public var maxPrice: Amount?
  public var inStock = false
  public var sellerID: UUIDv7?
  /// Nil with `sellerID` and `newest`: every status; nil otherwise: active.
  public var status: ProductStatus?
  public var sort = ProductSort.newest

  public init() {}

  /// Everything that decides what is listed; a cursor is good for one of these.
  var text: String {
    let prices = "\(minPrice?.description ?? "")|\(maxPrice?.description ?? "")"
    let owner = "\(sellerID?.description ?? "")|\(status?.rawValue ?? "")"
    return "products|\(category ?? "")|\(prices)|\(inStock)|\(owner)|\(sort.rawValue)"
  }

  func accepts(_ product: Product, _ reader: some RecordReader) throws -> Bool {
    if let sellerID, product.sellerID != sellerID { return false }
    if let status, product.status != status { return false }
    let price = Amount(minor: product.priceMinor, digits: Currency.digits(product.currency))
    if let minPrice, price < minPrice { return false }
    if let maxPrice, price > maxPrice { return false }
    return try !inStock || Inventory.available(reader, productID: product.id) > 0
  }
}

public enum ProductList {
  public static let rowsMax = 5000
  static let batchRowsMax = 128

  /// - Parameter limit: 1 ... 100.
  public static func page(
    _ reader: some RecordReader, _ filter: ProductFilter, limit: Int, cursor: String?,
    _ cursors: PageCursors
  ) throws -> ProductPage {
    guard (1...100).contains(limit) else {
      throw MarketError.invalid("?limit", rule: "range", "A page has 1 to 100 rows.")
    }
    var filter = filter
    if filter.sellerID == nil || filter.sort != .newest { filter.status = filter.status ?? .active }
    var position = try cursor.map { try cursors.decode($0, filter: filter.text) }
    let plan = try plan(reader, filter)
    var page = ProductPage()
    var seen = 0
    // What most pages need, and then more at once for filters that let little through.
    var batchRows = limit + 1
    while seen < rowsMax {
      let batch = try entries(reader, plan, after: position, limit: batchRows)
      for (entry, product) in batch {
        seen += 1
        if try plan.accepts(product) && filter.accepts(product, reader) {
          if page.data.count == limit {
            page.hasMore = true
            page.nextCursor = position.map { cursors.encode(position: $0, filter: filter.text) }
            return page
          }
          page.data.append(try ProductView(product, reader))
        }
        position = entry
      }
      if batch.count < batchRows { return page }
      batchRows = batchRowsMax
    }
    page.hasMore = true
    page.nextCursor = position.map { cursors.encode(position: $0, filter: filter.text) }
    return page
  }

  struct Plan {
    var index: Index<Product>
    var prefix: [UInt8]
    var isReverse = false
    var categoryPath: [String] = []
    /// A name that no category has: a product of that word in its path matches.
    var categoryName: String?

    func accepts(_ product: Product) -> Bool {
      if let categoryName {
        return product.categoryPath.contains { $0.lowercased() == categoryName }
      }
      return product.categoryPath.starts(with: categoryPath)
    }
  }

  private static func plan(_ reader: some RecordReader, _ filter: ProductFilter) throws -> Plan {
    var path: [String] = []
    var name: String?
    if let text = filter.category {
      if let category = try Categories.find(reader, text) {
        path = category.path
      } else {
        name = text.lowercased()
      }
    }
    let status = filter.status ?? .active
    var plan: Plan
    switch filter.sort {
    case .price: plan = Plan(index: Product.byPrice, prefix: key(status.rawValue))
    case .priceDescending:
      plan = Plan(index: Product.byPrice, prefix: key(status.rawValue), isReverse: true)
    case .newest:
      if let sellerID = filter.sellerID {
        plan = Plan(index: Product.bySeller, prefix: key(sellerID))
      } else if !path.isEmpty {
        plan = Plan(
          index: Product.byCategory, prefix: key(CategoryPath.key(path), status.rawValue))
      } else {
        plan = Plan(index: Product.byNewest, prefix: key(status.rawValue))
      }
    }
    plan.categoryPath = path
    plan.categoryName = name
    return plan
  }

  private static func entries(
    _ reader: some RecordReader, _ plan: Plan, after position: [UInt8]?, limit: Int
  ) throws -> [(entry: [UInt8], product: Product)] {
    var range = KeyRange(prefix: plan.prefix)
    if let position, plan.isReverse {
      range.upper = position
    } else if let position {
      range.lower = position + [0]
    }
    var found: [(entry: [UInt8], primaryKey: [UInt8])] = []
    try reader.forEachEntry(in: plan.index, .range(range), reverse: plan.isReverse) {
      (entry, primaryKey) throws(StoreError) -> ScanStep in
      found.append((entry.withUnsafeBytes { Array($0) }, primaryKey))
      return found.count < limit ? .next : .stop
    }
    return try found.map { pair in
      guard let product = try reader.get(Product.self, pair.primaryKey) else {
        throw StoreError.corrupt("index \(plan.index.name) names a product that is not there")
      }
      return (pair.entry, product)
    }
  }
}
