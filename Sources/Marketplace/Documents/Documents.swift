// Documents: indices are made, mapped and deleted.
//
// A deleted index is gone with the commit of its row. Its documents are taken away after it, in small
// commits (`sweep`); what a crash leaves of them is found by nobody, and goes with the next sweep.

import Bytes
import RecordStore

public enum Documents {
  /// Names that an index cannot have, for they are taken: by the catalogue, and by the paths of the API.
  public static let reservedNames: Set<String> = [
    "products", "admin", "api", "auth", "cart", "categories", "checkout", "coupons", "dev", "docs",
    "health", "images", "import", "imports", "inventory", "jobs", "locations", "mailbox", "metrics",
    "orders", "payments", "ready", "search", "sellers", "setup", "stores", "users", "v1",
  ]

  /// The counters of an index: of its documents' numbers, and of its changes.
  static func ordinalSpace(_ number: UInt32) -> UInt32 { 0x4000_0000 | number }
  static func sequenceSpace(_ number: UInt32) -> UInt32 { 0x8000_0000 | number }
  /// Of the indices' own numbers.
  static let numberSpace: UInt32 = 60
  private static let numbersMost: UInt32 = 0x3fff_ffff

  public static func find(
    _ reader: some RecordReader, _ name: String
  ) throws(StoreError) -> DocumentIndex? {
    try reader.lookup(DocumentIndex.byName, key(name))
  }

  /// Makes an index. Refused when there is one of this name, or when there are too many.
  @discardableResult
  public static func create(
    _ transaction: Transaction, name: String, mappings: JSONValue?
  ) throws -> DocumentIndex {
    try checkName(name)
    if try find(transaction, name) != nil {
      throw DocumentRefusal(
        "resource_already_exists_exception", "index [\(name)] already exists")
    }
    guard
      try transaction.all(DocumentIndex.self, limit: DocumentLimits.indices).count
        < DocumentLimits.indices
    else {
      throw DocumentRefusal.illegal(
        "there are \(DocumentLimits.indices) indices, which is all that there can be; delete one")
    }
    var index = DocumentIndex()
    index.number = try transaction.nextOrdinal(space: numberSpace)
    guard index.number <= numbersMost else {
      throw DocumentRefusal.illegal("no more indices can be made in this database")
    }
    index.name = name
    index.id = transaction.newID()
    index.createdAt = transaction.time
    var mapping = DocumentMapping(index)
    if let mappings { try mapping.parse(mappings) }
    _ = mapping.seal(since: index)
    try transaction.insert(mapping.index)
    return mapping.index
  }

  /// Adds to an index's mapping. False when it had all of it.
  @discardableResult
  public static func extend(
    _ transaction: Transaction, name: String, mappings: JSONValue
  ) throws -> Bool {
    guard let index = try find(transaction, name) else { throw missing(name) }
    var mapping = DocumentMapping(index)
    try mapping.parse(mappings)
    guard mapping.seal(since: index) else { return false }
    try transaction.put(mapping.index)
    return true
  }

  public static func delete(_ transaction: Transaction, name: String) throws {
    guard let index = try find(transaction, name) else { throw missing(name) }
    try transaction.delete(DocumentIndex.self, index.primaryKey)
  }

  /// Takes away documents whose index is gone, `limit` of them; how many there were.
  public static func sweep(_ transaction: Transaction, limit: Int) throws -> Int {
    let numbers = Set(try transaction.all(DocumentIndex.self).map(\.number))
    var orphans: [[UInt8]] = []
    var from: UInt32? = 0
    while let start = from, orphans.count < limit {
      // The next index that has documents at all.
      let range = KeyRange(from: key(start))
      guard let first = try transaction.all(IndexedDocument.self, range, limit: 1).first else {
        break
      }
      if !numbers.contains(first.index) {
        let rest = limit - orphans.count
        orphans += try transaction.all(
          IndexedDocument.self, KeyRange(prefix: key(first.index)), limit: rest
        ).map(\.primaryKey)
      }
      from = first.index == .max ? nil : first.index + 1
    }
    for orphan in orphans { try transaction.delete(IndexedDocument.self, orphan) }
    return orphans.count
  }

  public static func missing(_ name: String) -> DocumentRefusal {
    DocumentRefusal("index_not_found_exception", "no such index [\(name)]", status: 404)
  }

  public static func checkName(_ name: String) throws(DocumentRefusal) {
    func refuse(_ reason: String) -> DocumentRefusal {
      DocumentRefusal("invalid_index_name_exception", "Invalid index name [\(name)], \(reason)")
    }
    guard !name.isEmpty, name.utf8.count <= DocumentLimits.nameBytes else {
      throw refuse("it must have 1 to \(DocumentLimits.nameBytes) bytes")
    }
    guard name == name.lowercased() else { throw refuse("must be lowercase") }
    guard let first = name.utf8.first, !"-_+.".utf8.contains(first) else {
      throw refuse("must not start with '_', '-', '+' or '.'")
    }
    let bad = Set("\\/*?\"<>| ,#:%".utf8)
    guard !name.utf8.contains(where: { bad.contains($0) || $0 < 0x21 || $0 == 0x7f }) else {
      throw refuse(
        "must not contain the following characters [' ','\"','*','\\\\','<','|',',','>','/','?','#',':']"
      )
    }
    guard !reservedNames.contains(name) else {
      throw refuse("the name is taken by the marketplace itself")
    }
  }
}
