// The index entries of a row, from its bytes or from the record in hand, against asking every index by
// itself.

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
      let changes = try IndexChanges(
        in: Parcel.table.descriptor, key: key(Int64(5)),
        before: before.map { FieldBinary.encode($0) }, after: after.map { FieldBinary.encode($0) })
      #expect(lines(changes) == expected(before, after), "round \(round) of seed 11")
    }
  }

  private func lines(_ changes: IndexChanges) -> [String] {
    let table = Parcel.table.descriptor
    let going = changes.going.map { "\(table.tree(at: $0.place)) - \($0.key)" }
    return (going + changes.coming.map { "\(table.tree(at: $0.place)) + \($0.key)" }).sorted()
  }

  @Test func theRecordInHandGivesWhatItsStoredBytesGive() throws {
    var generator = SplitMix64(seed: 12)
    let table = Parcel.table.descriptor
    for round in 0..<2000 {
      let (before, after) = (Parcel.random(&generator), Parcel.random(&generator))
      let stored = FieldBinary.encode(after)
      let entries = Parcel.table.entries(after, after.primaryKey)
      #expect(entries == (try table.entries(of: stored.span.bytes, after.primaryKey)))
      let changes = try IndexChanges(
        in: table, key: after.primaryKey, before: FieldBinary.encode(before), after: stored,
        entries: entries)
      #expect(lines(changes) == expected(before, after), "round \(round) of seed 12")
    }
  }

  /// A row of a newer version has fields that this one does not know.
  @Test func aRowOfANewerVersionLosesItsOldEntries() throws {
    var (old, new) = (Parcel(), Parcel())
    (old.id, old.code, old.tags) = (5, "old", ["a", "b"])
    (new.id, new.code, new.tags) = (5, "new", ["b"])
    var writer = ByteWriter()
    writer.append(FieldBinary.encode(old))
    writer.varint(100 << 3 | UInt64(WireKind.bytes.rawValue))
    writer.lengthPrefixed([1, 2, 3])
    let changes = try IndexChanges(
      in: Parcel.table.descriptor, key: new.primaryKey, before: writer.bytes,
      after: FieldBinary.encode(new), entries: Parcel.table.entries(new, new.primaryKey))
    #expect(lines(changes) == expected(old, new))
  }

  @Test func anotherListOfIndexesIsAskedItself() throws {
    var table = Parcel.table.descriptor
    table.indexes.removeFirst()
    var parcel = Parcel()
    parcel.weight = 6
    let entries = try table.entries(
      of: FieldBinary.encode(parcel).span.bytes, parcel.primaryKey)
    #expect(entries.all == [.init(place: 1, key: key(Int64(6)) + parcel.primaryKey)])
  }

  @Test func aRowThatDoesNotDecodeIsNamed() {
    #expect(throws: StoreError.self) {
      try IndexChanges(
        in: Parcel.table.descriptor, key: key(Int64(5)), before: [0xff], after: nil)
    }
  }
}
