// CategoryChanges: renaming, moving and removing categories. Products keep the names of their
// category's path, so a change of a path goes through all of them, in the same commit.
//
// Invariants
// 1. The tree has no cycle: a category is never moved below itself.
// 2. A product's path is its category's path.
// 3. A category with subcategories or products cannot go.

import Bytes
import RecordStore

/// PUT /categories/{id}; what is left out stays.
public struct CategoryChange: Fields, Equatable {
  public var name: String?
  public var parentID: UUIDv7?
  /// Moves it to the top.
  public var isRoot: Bool?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name, .length(1...255))
    try visitor.field(2, "parentId", &parentID)
    try visitor.field(3, "isRoot", &isRoot, FieldRules().summary("True moves it to the top."))
  }
}

extension Categories {
  /// Products that one change rewrites at most: they are one transaction.
  public static let productsMax = 5000

  /// Errors: RES_4001; RES_4002 for a name that a sibling has; RES_4003 below itself, or when more
  /// than `productsMax` products would have to follow; VAL_3001 when it would be too deep.
  public static func change(
    _ transaction: Transaction, id: UUIDv7, _ change: CategoryChange
  ) throws -> Category {
    guard var category = try transaction.get(Category.self, key(id)) else {
      throw MarketError.notFound("category")
    }
    let old = category.path
    if change.isRoot == true {
      category.parentID = nil
    } else if let parentID = change.parentID {
      category.parentID = parentID
    }
    var parent: Category?
    if let parentID = category.parentID {
      parent = try transaction.get(Category.self, key(parentID))
      guard let parent else { throw MarketError.notFound("category") }
      guard try !isWithin(transaction, parent, id) else {
        throw MarketError.conflict(
          "A category cannot be below itself.", reason: "category_cycle")
      }
    }
    let path = (parent?.path ?? []) + [change.name ?? category.name]
    guard path != old else { return category }
    if let other = try find(transaction, path: path), other.id != id {
      throw MarketError(.alreadyExists, "There is a category of this name here.")
    }
    category.name = change.name ?? category.name
    try movePath(transaction, category, to: path)
    return try transaction.get(Category.self, key(id)) ?? category
  }

  /// Active products in `category` and below it.
  public static func activeCount(
    _ reader: some RecordReader, in category: Category
  ) throws -> Int64 {
    let prefix = key(CategoryPath.key(category.path), ProductStatus.active.rawValue)
    var count: Int64 = 0
    try reader.forEachEntry(in: Product.byCategory, .range(KeyRange(prefix: prefix))) {
      (_, _) throws(StoreError) -> ScanStep in
      count += 1
      return .next
    }
    return count
  }

  /// Errors: RES_4001; RES_4003 with `category_in_use` while anything is in it.
  public static func remove(_ transaction: Transaction, id: UUIDv7) throws {
    guard let category = try transaction.get(Category.self, key(id)) else {
      throw MarketError.notFound("category")
    }
    let child = try transaction.first(in: Category.byParent, .prefix(key(Optional(id))))
    guard try child == nil && products(transaction, at: category, limit: 1).isEmpty else {
      throw MarketError.conflict(
        "There are categories or products in it; move them first.", reason: "category_in_use")
    }
    _ = try transaction.delete(Category.self, key(id))
  }

  private static func isWithin(
    _ reader: some RecordReader, _ category: Category, _ id: UUIDv7
  ) throws -> Bool {
    var current: Category? = category
    // Bounded: a tree is at most so deep, whatever is stored.
    for _ in 0...CategoryPath.levelsMax {
      guard let node = current else { return false }
      if node.id == id { return true }
      current = try node.parentID.flatMap { try reader.get(Category.self, key($0)) }
    }
    return true
  }

  /// Gives a category and all below it their new paths, and the products in them.
  private static func movePath(
    _ transaction: Transaction, _ category: Category, to path: [String]
  ) throws {
    var open = [(category, path)]
    var left = productsMax
    while let (found, path) = open.popLast() {
      var node = found
      guard path.count <= CategoryPath.levelsMax else {
        throw MarketError.invalid(
          "/parentId", rule: "count",
          "A category has 1 to \(CategoryPath.levelsMax) levels.")
      }
      for child in try transaction.all(in: Category.byParent, .prefix(key(Optional(node.id)))) {
        open.append((child, path + [child.name]))
      }
      for var product in try products(transaction, at: node, limit: left + 1) {
        left -= 1
        guard left >= 0 else {
          throw MarketError.conflict(
            "More than \(productsMax) products are in it; move its parts one by one.",
            reason: "category_too_large")
        }
        product.categoryPath = path
        product.version += 1
        product.updatedAt = transaction.time
        try transaction.put(product)
      }
      node.path = path
      node.level = Int64(path.count - 1)
      try transaction.put(node)
    }
  }

  /// Products whose own category this is, deleted ones apart.
  private static func products(
    _ reader: some RecordReader, at category: Category, limit: Int
  ) throws -> [Product] {
    var found: [Product] = []
    try reader.forEach(in: Product.byCategory, .prefix(key(CategoryPath.key(category.path)))) {
      (product) throws(StoreError) -> ScanStep in
      if product.categoryID == category.id { found.append(product) }
      return found.count < limit ? .next : .stop
    }
    return found
  }
}
