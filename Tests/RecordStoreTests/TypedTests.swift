// The typed layer over a store that is a dictionary per tree, sorted at every scan: the simplest
// thing that keeps the rules of RecordWriter.

import Bytes
import RecordStore
import Testing

/// Sorted pairs a tree; indexes kept by the rules in Table.swift.
private final class PlainStore: RecordWriter {
  var trees: [UInt32: [[UInt8]: [UInt8]]] = [:]

  func withValue<Result>(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result? {
    guard let value = trees[tree]?[key] else { return nil }
    return try body(value.span.bytes)
  }

  func scan(
    tree: UInt32, _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    var pairs = (trees[tree] ?? [:]).filter { pair in
      !pair.key.lexicographicallyPrecedes(range.lower)
        && (range.upper.map { pair.key.lexicographicallyPrecedes($0) } ?? true)
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    if reverse { pairs.reverse() }
    for pair in pairs where try body(pair.key.span.bytes, pair.value.span.bytes) == .stop {
      return
    }
  }

  private func entries(
    _ table: TableDescriptor, _ key: [UInt8], _ value: [UInt8]
  ) throws(StoreError) -> [(tree: UInt32, entry: [UInt8], index: IndexDescriptor)] {
    var entries: [(UInt32, [UInt8], IndexDescriptor)] = []
    for index in table.indexes {
      do throws(DecodeError) {
        for indexKey in try index.keys(value.span.bytes) {
          entries.append(
            (table.tree | index.number, index.isUnique ? indexKey : indexKey + key, index))
        }
      } catch {
        throw .record(table: table.name, error)
      }
    }
    return entries
  }

  func put(_ table: TableDescriptor, key: [UInt8], value: [UInt8]) throws(StoreError) {
    let added = try entries(table, key, value)
    for entry in added where entry.index.isUnique {
      if let holder = trees[entry.tree]?[entry.entry], holder != key {
        throw .uniqueViolation(index: entry.index.name)
      }
    }
    _ = try delete(table, key: key)
    trees[table.tree, default: [:]][key] = value
    for entry in added { trees[entry.tree, default: [:]][entry.entry] = key }
  }

  func delete(_ table: TableDescriptor, key: [UInt8]) throws(StoreError) -> Bool {
    guard let old = trees[table.tree]?[key] else { return false }
    for entry in try entries(table, key, old) { trees[entry.tree]?[entry.entry] = nil }
    trees[table.tree]?[key] = nil
    return true
  }
}

private struct Shelf: Record, Equatable {
  var id: Int64 = 0
  var code = ""
  var room = ""
  var labels: [String] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "code", &code)
    try visitor.field(3, "room", &room)
    try visitor.field(4, "labels", &labels)
  }

  static let byCode = Index<Shelf>(number: 1, name: "byCode", isUnique: true) { [key($0.code)] }
  static let byRoom = Index<Shelf>(number: 2, name: "byRoom") { [key($0.room, $0.id)] }
  static let byLabel = Index<Shelf>(number: 3, name: "byLabel") { $0.labels.map { key($0) } }
  /// Keys that are prefixes of one another, which components of `key` never are.
  static let byRawRoom = Index<Shelf>(number: 4, name: "byRawRoom") { [Array($0.room.utf8)] }
  static let table = Table<Shelf>(
    number: 9, name: "shelves", indexes: [byCode, byRoom, byLabel, byRawRoom])
  var primaryKey: [UInt8] { key(id) }
}

@Suite struct TypedTests {
  private func filled(_ count: Int64) throws -> PlainStore {
    let store = PlainStore()
    for id in 0..<count {
      try store.insert(
        Shelf(
          id: id, code: "c\(id)", room: id % 2 == 0 ? "north" : "northern",
          labels: id % 3 == 0 ? ["tall", "wide"] : []))
    }
    return store
  }

  @Test func aRecordIsFoundByItsKeyAndByItsUniqueIndex() throws {
    let store = try filled(10)
    #expect(try store.get(Shelf.self, key(Int64(4)))?.code == "c4")
    #expect(try store.get(Shelf.self, key(Int64(40))) == nil)
    #expect(try store.lookup(Shelf.byCode, key("c7"))?.id == 7)
    #expect(try store.lookup(Shelf.byCode, key("c70")) == nil)
    #expect(try store.contains(Shelf.self, key(Int64(9))))
  }

  @Test func scansOfTheTableAndItsIndexesAgreeWithFiltering() throws {
    let store = try filled(30)
    let all = try store.all(Shelf.self)
    #expect(all.map(\.id) == Array(0..<30))
    #expect(
      try store.all(in: Shelf.byRoom, .prefix(key("north"))) == all.filter { $0.room == "north" })
    #expect(
      try store.all(in: Shelf.byLabel, .equal(key("tall"))) == all.filter { $0.id % 3 == 0 })
    #expect(
      try store.all(in: Shelf.byRoom, .prefix(key("north")), reverse: true, limit: 2).map(\.id)
        == [28, 26])
    let range = KeyRange(from: key("north", Int64(4)), to: key("north", Int64(9)))
    #expect(try store.all(in: Shelf.byRoom, .range(range)).map(\.id) == [4, 6, 8])
    #expect(try store.first(in: Shelf.byRoom, .prefix(key("northern")))?.id == 1)
    #expect(try store.all(Shelf.self, KeyRange(from: key(Int64(28)))).map(\.id) == [28, 29])
    #expect(try store.all(in: Shelf.byRoom, limit: 0).isEmpty)
  }

  @Test func equalLeavesOutKeysThatOnlyStartThatWay() throws {
    let store = try filled(10)
    #expect(
      try store.all(in: Shelf.byRawRoom, .equal(Array("north".utf8))).map(\.id) == [0, 2, 4, 6, 8])
    #expect(try store.all(in: Shelf.byRawRoom, .prefix(Array("north".utf8))).count == 10)
  }

  @Test func aVisitStopsWhenItIsTold() throws {
    let store = try filled(10)
    var seen: [Int64] = []
    try store.forEach(Shelf.self, reverse: true) { (shelf) throws(StoreError) in
      seen.append(shelf.id)
      return seen.count == 3 ? .stop : .next
    }
    #expect(seen == [9, 8, 7])
  }

  @Test func insertRefusesATakenKeyAndPutReplaces() throws {
    let store = try filled(2)
    #expect(throws: StoreError.uniqueViolation(index: "primary")) {
      try store.insert(Shelf(id: 1, code: "new"))
    }
    #expect(throws: StoreError.uniqueViolation(index: "byCode")) {
      try store.insert(Shelf(id: 5, code: "c1"))
    }
    try store.put(Shelf(id: 1, code: "new"))
    #expect(try store.lookup(Shelf.byCode, key("c1")) == nil)
    #expect(try store.lookup(Shelf.byCode, key("new"))?.id == 1)
  }

  @Test func updateMovesTheIndexEntries() throws {
    let store = try filled(3)
    let updated = try store.update(Shelf.self, key(Int64(0))) { (shelf) throws(StoreError) in
      shelf.room = "south"
      shelf.labels = ["deep"]
    }
    #expect(updated?.room == "south")
    #expect(try store.all(in: Shelf.byRoom, .prefix(key("south"))).map(\.id) == [0])
    #expect(try store.all(in: Shelf.byLabel, .equal(key("tall"))).isEmpty)
    let missing = try store.update(Shelf.self, key(Int64(8))) { (_) throws(StoreError) in }
    #expect(missing == nil)
  }

  @Test func deleteTellsWhetherThereWasARecord() throws {
    let store = try filled(3)
    #expect(try store.delete(Shelf.self, key(Int64(1))))
    #expect(try !store.delete(Shelf.self, key(Int64(1))))
    #expect(try store.all(Shelf.self).map(\.id) == [0, 2])
    #expect(try store.all(in: Shelf.byRoom).map(\.id) == [0, 2])
  }

  @Test func aDamagedRowAndADanglingEntryAreReported() throws {
    let store = try filled(3)
    store.trees[Shelf.table.descriptor.tree]?[key(Int64(1))] = [0xff]
    #expect(throws: StoreError.self) { try store.get(Shelf.self, key(Int64(1))) }
    store.trees[Shelf.table.descriptor.tree]?[key(Int64(1))] = nil
    #expect(throws: StoreError.self) { try store.lookup(Shelf.byCode, key("c1")) }
  }
}
