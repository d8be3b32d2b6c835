// The view of indices of documents: a rebuild equals what came bit by bit, fields that come later find what
// came after them, and no document or mapping makes it trap.

import Bytes
import Database
import Disk
import RecordStore
import Testing
import TextSearch

@testable import Marketplace

@Suite struct DocumentViewTests {
  private static func randomDocument(_ random: inout SeededNumbers) -> JSONValue {
    var members: [JSONValue.Member] = []
    for field in 0..<6 where random.next() % 3 > 0 {
      let word = "w\(random.next() % 9)"
      let value: JSONValue =
        switch field {
        case 0: .string("\(word) w\(random.next() % 9)")
        case 1: .int(Int64(random.next() % 50))
        case 2: .bool(random.next() % 2 == 0)
        case 3: .object([.init("inner", .string(word)), .init("n\(random.next() % 4)", .int(1))])
        case 4: .array([.string(word), .string("x")])
        default: .number("\(random.next() % 90).5")
        }
      members.append(.init("f\(field)", value))
    }
    return .object(members)
  }

  private static func requests(_ mapping: DocumentMapping) -> [TextRequest] {
    mapping.index.fields.compactMap { field in
      guard let name = mapping.engineName(field.path) else { return nil }
      var request: TextRequest
      switch field.type {
      case .text: request = TextRequest(.match(TextMatch(name, "w1 w2 x")), limit: 500)
      case .keyword: request = TextRequest(.terms(field: name, values: ["w1", "x"]), limit: 500)
      default: request = TextRequest(.range(column: name, from: 0, to: 20_000_000), limit: 500)
      }
      if field.type == .keyword {
        request.aggregations = [.init("v", .terms(column: name, size: 9))]
      }
      return request
    }
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func aRebuildEqualsWhatCameBitByBit(seed: UInt64) throws {
    let disk = SimulatedDisk()
    var database = try DocumentFixture.open(disk)
    var random = SeededNumbers(seed: seed)
    var model: [String: JSONValue] = [:]
    for round in 0..<120 {
      var actions: [DocumentAction] = []
      for _ in 0...random.next() % 4 {
        let (index, id) = (["a", "b"][Int(random.next() % 2)], "\(random.next() % 25)")
        let document = Self.randomDocument(&random)
        if random.next() % 5 == 0, model[index + id] != nil {
          model[index + id] = nil
          actions.append(DocumentAction(index: index, id: id, .delete))
        } else {
          model[index + id] = document
          actions.append(DocumentAction(index: index, id: id, .index(document)))
        }
      }
      let made = actions
      _ = try database.writeBlocking { transaction in
        var writer = DocumentWriter(transaction, DocumentRoom(nil))
        for action in made { _ = try writer.perform(action) }
        try writer.finish()
      }
      guard round % 40 == 39 else { continue }
      let live = try #require(database.snapshot().view(DocumentViewSnapshot.self))
      let answers = try live.all.map { index in
        try Self.requests(index.mapping).map { try index.text.search($0) }
      }
      #expect(live.documentCount == model.count, "seed \(seed)")
      #expect(try database.check(deep: true).findings == [], "seed \(seed)")
      try database.close()
      database = try DocumentFixture.open(disk, isNew: false)
      let rebuilt = try #require(database.snapshot().view(DocumentViewSnapshot.self))
      #expect(rebuilt.digest == live.digest && rebuilt.lsn == live.lsn, "seed \(seed)")
      for (index, expected) in zip(rebuilt.all, answers) {
        let requests = Self.requests(index.mapping)
        #expect(try requests.map { try index.text.search($0) } == expected, "seed \(seed)")
      }
    }
    for (name, document) in model {
      let row = try database.snapshot().records.all(IndexedDocument.self).first {
        (["a", "b"].contains(String(name.prefix(1))) && $0.id == name.dropFirst())
          && $0.json == document
      }
      #expect(row != nil, "seed \(seed): \(name)")
    }
    try database.close()
  }

  @Test func aFieldThatIsMappedLaterFindsOnlyWhatCameAfter() throws {
    let disk = SimulatedDisk()
    var database = try DocumentFixture.open(disk)
    let mappings = try DocumentFixture.json(
      #"{"dynamic":false,"properties":{"a":{"type":"long"}}}"#)
    let more = try DocumentFixture.json(#"{"properties":{"b":{"type":"keyword"}}}"#)
    _ = try database.writeBlocking { _ = try Documents.create($0, name: "i", mappings: mappings) }
    let document = try DocumentFixture.json(#"{"a":1,"b":"x"}"#)
    try DocumentFixture.perform(database, DocumentAction(index: "i", id: "1", .index(document)))
    #expect(
      try database.writeBlocking { try Documents.extend($0, name: "i", mappings: more) }.value)
    #expect(
      !(try database.writeBlocking { try Documents.extend($0, name: "i", mappings: more) }.value))
    try DocumentFixture.perform(database, DocumentAction(index: "i", id: "2", .index(document)))
    for _ in 0..<2 {
      let index = try #require(database.snapshot().view(DocumentViewSnapshot.self)?["i"])
      let name = try #require(index.mapping.engineName("b"))
      let found = try index.text.search(TextRequest(.term(field: name, value: "x")))
      #expect(found.hits.map(\.key) == [Array("2".utf8)])
      try database.close()
      database = try DocumentFixture.open(disk, isNew: false)
    }
    try database.close()
  }

  @Test func noDocumentAndNoMappingTraps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededNumbers(seed: seed)
    var taken = 0
    for _ in 0..<4_000 {
      var mapping = DocumentMapping(DocumentIndex())
      do {
        try mapping.parse(.object([.init("properties", Self.randomMapping(&random, 0))]))
      } catch {
        #expect(error is DocumentRefusal, "seed \(seed)")
        mapping = DocumentMapping(DocumentIndex())
      }
      let document = Self.randomValue(&random, 0)
      do {
        try mapping.absorb(document)
        taken += 1
      } catch {
        #expect(error is DocumentRefusal, "seed \(seed)")
      }
      // Not even what was refused.
      _ = mapping.project(document, key: [1], version: 1)
    }
    #expect(taken > 0, "seed \(seed)")
  }

  private static let names = [
    "a", "b", "a.b", "c", "", "input", "weight", "lat", "lon", "b.keyword",
  ]

  private static func randomMapping(_ random: inout SeededNumbers, _ depth: Int) -> JSONValue {
    let types = DocumentFieldType.allCases
    var seen: Set<String> = []
    var members: [JSONValue.Member] = []
    for _ in 0..<random.next() % 4 {
      let name = names[Int(random.next() % UInt64(names.count))]
      guard seen.insert(name).inserted else { continue }
      let type = types[Int(random.next() % UInt64(types.count))]
      var body: [JSONValue.Member] = [.init("type", .string(type.rawValue))]
      if type == .scaledFloat { body.append(.init("scaling_factor", .int(100))) }
      if random.next() % 4 == 0 { body.append(.init("index", .bool(false))) }
      if type == .object || type == .nested, depth < 3 {
        body.append(.init("properties", randomMapping(&random, depth + 1)))
      } else if random.next() % 4 == 0 {
        body.append(.init("fields", randomMapping(&random, 3)))
      }
      members.append(.init(name, .object(body)))
    }
    return .object(members)
  }

  private static func randomValue(_ random: inout SeededNumbers, _ depth: Int) -> JSONValue {
    let texts = ["", "x", "now", "2024-01-02", "1,2", "true", "9223372036854775807", "é\u{0}"]
    let numbers = ["0", "-1", "1e308", "0.0000001", "-9223372036854775808", "99999999999999999999"]
    switch depth == 0 ? 9 : random.next() % (depth > 5 ? 4 : 10) {
    case 0: return .string(texts[Int(random.next() % UInt64(texts.count))])
    case 1: return .number(numbers[Int(random.next() % UInt64(numbers.count))])
    case 2: return .bool(random.next() % 2 == 0)
    case 3: return .null
    case 4, 5: return .array((0..<random.next() % 3).map { _ in randomValue(&random, depth + 1) })
    default:
      var seen: Set<String> = []
      let members = (0..<random.next() % 4).compactMap { _ -> JSONValue.Member? in
        let name = names[Int(random.next() % UInt64(names.count))]
        return seen.insert(name).inserted ? .init(name, randomValue(&random, depth + 1)) : nil
      }
      return .object(members)
    }
  }
}
