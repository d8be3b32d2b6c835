// Category: a node of the category tree. Table 8.
//
// Invariants
// 1. `path` holds the names from the root and ends with `name`; `level` is its length less one.
// 2. Names may repeat in the tree, and in real data even whole paths do; identifiers and slugs
//    never do.

import Bytes
import RecordStore

public struct Category: Fields, Equatable {
  public var id = UUIDv7.zero
  public var name = ""
  public var slug = ""
  public var path: [String] = []
  /// Zero at a root.
  public var level: Int64 = 0
  public var parentID: UUIDv7?
  /// The identifier in the file it was imported from; empty when it was made here.
  public var externalID = ""
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "name", &name)
    try visitor.field(3, "slug", &slug)
    try visitor.field(4, "path", &path)
    try visitor.field(5, "level", &level)
    try visitor.field(6, "parentId", &parentID)
    try visitor.field(7, "externalId", &externalID)
    try visitor.field(8, "createdAt", &createdAt)
  }
}

extension Category: Record {
  public static let table = Table<Category>(
    number: 8, name: "categories", indexes: [bySlug, byPath, byParent, byExternalID, byName])

  public var primaryKey: [UInt8] { key(id) }

  public static let bySlug = Index<Category>(number: 1, name: "bySlug", isUnique: true) {
    [key($0.slug)]
  }
  public static let byPath = Index<Category>(number: 2, name: "byPath") {
    [key(CategoryPath.key($0.path))]
  }
  /// (parent or none, name)
  public static let byParent = Index<Category>(number: 3, name: "byParent") {
    [key($0.parentID, $0.name)]
  }
  public static let byExternalID = Index<Category>(
    number: 4, name: "byExternalID", isUnique: true
  ) {
    $0.externalID.isEmpty ? [] : [key($0.externalID)]
  }
  public static let byName = Index<Category>(number: 5, name: "byName") {
    [key($0.name.lowercased())]
  }
}

/// Category paths as index keys: 16 bytes each however long the names, two seeded XXH64 hashes of
/// the names, each closed by a byte that no UTF-8 text has. A reader compares the path that it finds.
public enum CategoryPath {
  /// Deeper trees are refused.
  public static let levelsMax = 16

  public static func key(_ path: some Sequence<String>) -> [UInt8] {
    var bytes: [UInt8] = []
    for name in path {
      bytes.append(contentsOf: name.utf8)
      bytes.append(0xff)
    }
    return Bytes.key(XXH64.hash(bytes), XXH64.hash(bytes, seed: 1))
  }

  /// The keys of the path's ancestors and of itself.
  public static func prefixKeys(_ path: [String]) -> [[UInt8]] {
    path.indices.map { key(path[...$0]) }
  }
}
