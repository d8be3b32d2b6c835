// The index entries of a row that is decoded once, against asking every index by itself.

import Bytes
import Testing

@testable import RecordStore

private struct Parcel: Record, Equatable {
  var id: Int64 = 0
  var code = ""
  var tags: [String] = []
  var weight: Int64 = 0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "code", &code)
    try visitor.field(3, "tags", &tags)
    try visitor.field(4, "weight", &weight)
  }

  static let byCode = Index<Parcel>(number: 1, name: "byCode", isUnique: true) { [key($0.code)] }
  /// May give one key twice.
  static let byTag = Index<Parcel>(number: 4, name: "byTag") { $0.tags.map { key($0) } }
  /// Leaves light ones out.
  static let byWeight = Index<Parcel>(number: 7, name: "byWeight") {
    $0.weight > 3 ? [key($0.weight)] : []
  }
  static let table = Table<Parcel>(
    number: 3, name: "parcels", indexes: [byCode, byTag, byWeight])
  var primaryKey: [UInt8] { key(id) }

  static func random(_ generator: inout SplitMix64) -> Parcel {
    var parcel = Parcel()
    parcel.id = 5
    parcel.code = "c\(generator.next() % 3)"
    parcel.tags = (0..<generator.next() % 4).map { _ in "t\(generator.next() % 3)" }
    parcel.weight = Int64(generator.next() % 8)
    return parcel
  }
}

@Suite struct IndexKeysTests {
  /// Entries that go and come, from each index's own keys: what must hold, without any sharing.
  private func expected(
    _ before: Parcel?, _ after: Parcel?
  ) -> [String] {
    var lines: [String] = []
    for index in Parcel.table.indexes {
      func entries(_ parcel: Parcel?) -> Set<[UInt8]> {
        guard let parcel else { return [] }
        return Set(index.keys(parcel).map { index.isUnique ? $0 : $0 + parcel.primaryKey })
      }
      let (old, new) = (entries(before), entries(after))
      for entry in old.subtracting(new) { lines.append("\(index.tree) - \(entry)") }
      for entry in new.subtracting(old) { lines.append("\(index.tree) + \(entry)") }
    }
    return lines.sorted()
  }

  @Test func oneDecodingGivesWhatEveryIndexGivesByItself() throws {
    var generator = SplitMix64(seed: 11)
    for round in 0..<2000 {
      let before = round % 5 == 0 ? nil : Parcel.random(&generator)
      let after = round % 7 == 0 ? nil : Parcel.random(&generator)
      let changes = try IndexChange.changes(
        in: Parcel.table.descriptor, key: key(Int64(5)),
        before: before.map { FieldBinary.encode($0) }, after: after.map { FieldBinary.encode($0) })
      let found = changes.map { "\($0.tree) \($0.value == nil ? "-" : "+") \($0.key)" }
      #expect(found.sorted() == expected(before, after), "round \(round) of seed 11")
      #expect(changes.allSatisfy { $0.tree == Parcel.table.descriptor.tree + $0.index.number })
    }
  }

  @Test func anotherListOfIndexesIsAskedItself() throws {
    var table = Parcel.table.descriptor
    table.indexes.removeFirst()
    var parcel = Parcel()
    parcel.weight = 6
    let keys = try table.indexKeys(FieldBinary.encode(parcel).span.bytes)
    #expect(keys == [[], [key(Int64(6))]])
  }

  @Test func aRowThatDoesNotDecodeIsNamed() {
    #expect(throws: StoreError.self) {
      try IndexChange.changes(
        in: Parcel.table.descriptor, key: key(Int64(5)), before: [0xff], after: nil)
    }
  }
}
