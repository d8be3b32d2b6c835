// Categories: the tree, and how many active products are below each node.

import Bytes
import RecordStore

/// POST /categories.
public struct CategoryInput: Fields, Equatable {
  public var name = ""
  public var parentID: UUIDv7?
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name, .length(1...255).required)
    try visitor.field(2, "parentId", &parentID)
  }
}

public struct CategoryView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var name = ""
  public var slug = ""
  /// Names from the root, joined by ` / `.
  public var path = ""
  public var level: Int64 = 0
  public var parentID: UUIDv7?
  /// Active products in it and below it.
  public var productCount: Int64 = 0

  public init() {}

  public init(_ category: Category, productCount: Int64) {
    id = category.id
    name = category.name
    slug = category.slug
    path = category.path.joined(separator: " / ")
    level = category.level
    parentID = category.parentID
    self.productCount = productCount
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "slug", &slug)
    try visitor.field(4, "path", &path)
    try visitor.field(5, "level", &level)
    try visitor.field(6, "parentId", &parentID)
    try visitor.field(7, "productCount", &productCount)
  }
}

/// The tree in pre-order: a node stands before its children, and names its parent.
public struct CategoryTree: Fields, Equatable {
  public var data: [CategoryView] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

public enum Categories {
  /// By identifier, slug or name, letters compared without case; of equal names the first made.
  public static func find(_ reader: some RecordReader, _ name: String) throws -> Category? {
    if let id = UUIDv7(name) { return try reader.get(Category.self, key(id)) }
    if name.utf8.count > 255 { return nil }
    if let category = try reader.lookup(Category.bySlug, key(name)) { return category }
    return try reader.first(in: Category.byName, .equal(key(name.lowercased())))
  }

  /// The category of exactly these names from the root.
  public static func find(_ reader: some RecordReader, path: [String]) throws -> Category? {
    try reader.all(in: Category.byPath, .equal(key(CategoryPath.key(path)))).first {
      $0.path == path
    }
  }

  /// Errors: RES_4001 for an unknown parent; RES_4002 for a name that a sibling has; VAL_3001 below
  /// `CategoryPath.levelsMax`.
  public static func create(
    _ transaction: Transaction, _ input: CategoryInput
  ) throws -> Category {
    var parent: Category?
    if let id = input.parentID {
      parent = try transaction.get(Category.self, key(id))
      guard parent != nil else { throw MarketError.notFound("category") }
    }
    let path = (parent?.path ?? []) + [input.name]
    if try find(transaction, path: path) != nil {
      throw MarketError(.alreadyExists, "There is a category of this name here.")
    }
    return try add(transaction, path: path, parentID: parent?.id, externalID: "")
  }

  static func add(
    _ transaction: Transaction, path: [String], parentID: UUIDv7?, externalID: String
  ) throws -> Category {
    guard let name = path.last, path.count <= CategoryPath.levelsMax else {
      throw MarketError.invalid(
        "/path", rule: "count", "A category has 1 to \(CategoryPath.levelsMax) levels.")
    }
    var category = Category()
    category.id = transaction.newID()
    category.name = name
    category.path = path
    category.level = Int64(path.count - 1)
    category.parentID = parentID
    category.externalID = externalID
    category.createdAt = transaction.time
    let base = Slug.make(name, fallback: "category")
    category.slug = try Slug.unique(base, id: category.id) {
      try transaction.lookup(Category.bySlug, key($0)) != nil
    }
    try transaction.insert(category)
    return category
  }

  public static func tree(_ reader: some RecordReader) throws -> CategoryTree {
    let counts = try activeCounts(reader)
    var children: [UUIDv7?: [Category]] = [:]
    try reader.forEach(in: Category.byParent) { (category) throws(StoreError) -> ScanStep in
      children[category.parentID, default: []].append(category)
      return .next
    }
    var tree = CategoryTree()
    // A stack, not recursion: depth comes from data.
    var open = Array((children[nil] ?? []).reversed())
    while let category = open.popLast() {
      let count = counts[CategoryPath.key(category.path)] ?? 0
      tree.data.append(CategoryView(category, productCount: count))
      open.append(contentsOf: (children[category.id] ?? []).reversed())
    }
    return tree
  }

  /// Active products of each path, by its key: one pass over the index.
  private static func activeCounts(_ reader: some RecordReader) throws -> [[UInt8]: Int64] {
    var counts: [[UInt8]: Int64] = [:]
    try reader.forEachEntry(in: Product.byCategory) {
      (entry, _) throws(StoreError) -> ScanStep in
      do throws(DecodeError) {
        var fields = KeyReader(entry)
        let path = try fields.read([UInt8].self)
        let status = try fields.read(String.self)
        if status == ProductStatus.active.rawValue { counts[path, default: 0] += 1 }
      } catch {
        throw StoreError.record(table: Product.table.name, error)
      }
      return .next
    }
    return counts
  }
}
