// Indices of documents: mappings and what they refuse, conditions of writes, and the view, which a rebuild
// must equal whatever came in which order.

import Bytes
import Database
import Disk
import RecordStore
import Synchronization
import Testing
import TextSearch
import Views

@testable import Marketplace

@Suite struct DocumentTests {
  private static func open(_ disk: SimulatedDisk, isNew: Bool = true) throws -> Database {
    var configuration = Database.Configuration(
      path: "data", disk: disk, tables: MarketTables.all, views: MarketTables.makeViews(),
      onFatal: { Issue.record("the log failed: \($0)") })
    configuration.runsThreads = false
    configuration.segmentBytes = 1 << 20
    return try isNew ? Database.create(configuration) : Database.open(configuration)
  }

  private static func json(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  private static func mapping(_ properties: String) throws -> DocumentMapping {
    var mapping = DocumentMapping(DocumentIndex())
    try mapping.parse(json(#"{"properties":\#(properties)}"#))
    _ = mapping.seal(since: DocumentIndex())
    return mapping
  }

  @discardableResult
  private static func perform(
    _ database: Database, _ actions: DocumentAction...
  ) throws -> [DocumentOutcome] {
    let room = DocumentRoom(database.snapshot().view(DocumentViewSnapshot.self))
    return try database.writeBlocking { transaction in
      var writer = DocumentWriter(transaction, room)
      var outcomes: [DocumentOutcome] = []
      for action in actions { outcomes.append(try writer.perform(action)) }
      try writer.finish()
      return outcomes
    }.value
  }

  private static func refusal(_ body: () throws -> Void) -> DocumentRefusal? {
    do {
      try body()
      return nil
    } catch {
      return error as? DocumentRefusal
    }
  }

  // MARK: Mappings

  @Test func aDocumentBringsItsFields() throws {
    var mapping = DocumentMapping(DocumentIndex())
    try mapping.absorb(
      Self.json(
        """
        {"title":"Oak","count":3,"price":1.5,"on":true,"made":"2024-01-02","at":{"name":["a","b"]},\
        "none":null,"empty":{},"a.b":"x","longest":"\(String(repeating: "x", count: 300))"}
        """))
    let types = Dictionary(
      uniqueKeysWithValues: mapping.index.fields.map { ($0.path, $0.type.rawValue) })
    #expect(
      types == [
        "title": "text", "title.keyword": "keyword", "count": "long", "price": "float",
        "on": "boolean", "made": "date", "at.name": "text", "at.name.keyword": "keyword",
        "a.b": "text", "a.b.keyword": "keyword", "longest": "text", "longest.keyword": "keyword",
      ])
    let document = mapping.project(
      try Self.json(#"{"title":["Oak","Elm"],"count":"7","price":-1.2345678,"at":{"name":"a"}}"#),
      key: [1], version: 1)
    #expect(document.texts["t0"] == "Oak\nElm" && document.keywords["k0"] == ["Oak", "Elm"])
    #expect(document.numbers == ["n0": 7, "n1": -1_234_567])
    #expect(mapping.engineName("at.name.keyword") == "k1")
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let mapping = try Self.mapping(
      """
      {"n":{"type":"integer"},"b":{"type":"byte"},"d":{"type":"date"},"p":{"type":"geo_point"},\
      "f":{"type":"boolean"},"o":{"type":"object","dynamic":"strict","properties":{"x":{"type":"long"}}},\
      "k":{"type":"keyword"},"c":{"type":"completion"},"s":{"type":"nested"},"t":{"type":"text"},\
      "e":{"type":"object","enabled":false},"v":{"type":"float","index":false},\
      "h":{"type":"scaled_float","scaling_factor":100}}
      """)
    for (document, part) in [
      (#"{"n":"x"}"#, "[n]"), (#"{"n":3000000000}"#, "range"), (#"{"b":128}"#, "range"),
      (#"{"n":[1,2]}"#, "several"), (#"{"d":"now"}"#, "[d]"), (#"{"d":"soon"}"#, "[d]"),
      (#"{"p":{"lat":91,"lon":0}}"#, "[p]"), (#"{"f":"yes"}"#, "[f]"), (#"{"o":3}"#, "object"),
      (#"{"o":{"y":1}}"#, "strict"), (#"{"k":{"a":1}}"#, "[k]"), (#"{"t":{"a":1}}"#, "[t]"),
      (#"{"c":{"input":["a","b"]}}"#, "one input"), (#"{"c":{"weight":1}}"#, "[c]"),
      (#"{"c":{"input":"a","weight":-1}}"#, "weight"), (#"{"s":[{"a":1},{"a":2}]}"#, "nested"),
      (#"{"n":{"a":1}}"#, "[n]"), (#"{"":1}"#, "name"), (#"{"a..b":1}"#, "name"), ("[1]", "object"),
      (#"{"x":1e300}"#, "range"), (#"{"h":93000000000000000}"#, "range"), (#"{"t":{}}"#, "[t]"),
    ] {
      let refused = Self.refusal {
        var mapping = mapping
        try mapping.absorb(Self.json(document))
      }
      #expect(
        refused?.status == 400 && refused?.reason.contains(part) == true,
        "\(document): \(String(describing: refused))")
    }
    for document in [
      #"{"e":{"anything":[{"x":1},2]},"v":"not a number","s":[{"a":1}],"n":null,"p":[7,44]}"#,
      #"{"n":-2147483648,"b":"-128","d":1700000000000,"h":1.239,"c":"Oak","f":""}"#,
      #"{"o":{"x":1},"p":"44,7","d":"2024-01-02T03:04:05Z","c":{"input":["Oak"],"weight":3}}"#,
    ] {
      var mapping = mapping
      #expect(throws: Never.self) { try mapping.absorb(Self.json(document)) }
      #expect(
        mapping.project(try Self.json(document), key: [1], version: 9).key == [1], "\(document)")
    }
  }

  @Test func mappingsThatAreNotUnderstoodAreRefusedByName() throws {
    for (properties, part) in [
      (#"{"a":{"type":"dense_vector"}}"#, "dense_vector"), (#"{"a":{}}"#, "No type"),
      (#"{"a":{"type":"text","analyzer":"klingon"}}"#, "klingon"), (#"{"a":1}"#, "map"),
      (#"{"a":{"type":"date","format":"yyyy"}}"#, "format"), (#"{"":{"type":"long"}}"#, "name"),
      (#"{"a":{"type":"keyword","normalizer":"x"}}"#, "normalizer"),
      (#"{"a":{"type":"scaled_float"}}"#, "scaling_factor"),
      (#"{"a":{"type":"scaled_float","scaling_factor":3}}"#, "power"),
      (#"{"p":{"type":"geo_point"},"q":{"type":"geo_point"}}"#, "one field"),
      (#"{"a":{"type":"text"},"a.b":{"type":"long"}}"#, "merge"),
      (#"{"a.b":{"type":"text"},"a":{"type":"long"}}"#, "merge"),
      (#"{"a":{"type":"text","fields":{"b":{"type":"long"}}}}"#, "fields"),
      (#"{"a":{"type":"long","null_value":3}}"#, "null_value"),
    ] {
      let refused = Self.refusal { _ = try Self.mapping(properties) }
      #expect(
        refused?.reason.contains(part) == true, "\(properties): \(String(describing: refused))")
    }
    let many = (0...DocumentLimits.fields).map { #""f\#($0)":{"type":"long"}"# }
    #expect(
      Self.refusal { _ = try Self.mapping("{\(many.joined(separator: ","))}") }?.reason
        .contains("Limit of total fields") == true)
    let texts = (0...TextLimits.fields).map { #""f\#($0)":{"type":"text"}"# }
    #expect(
      Self.refusal { _ = try Self.mapping("{\(texts.joined(separator: ","))}") }?.reason
        .contains("Limit of text fields") == true)
    var mapping = try Self.mapping(#"{"a":{"type":"text"}}"#)
    #expect(
      Self.refusal { try mapping.parse(Self.json(#"{"properties":{"a":{"type":"long"}}}"#)) }?
        .reason
        .contains("cannot be changed") == true)
    for mappings in [
      #"{"colour":1}"#, #"{"dynamic":"runtime"}"#, "[]", #"{"_source":{"enabled":false}}"#,
    ] {
      #expect(Self.refusal { try mapping.parse(Self.json(mappings)) } != nil, "\(mappings)")
    }
  }

  @Test func namesOfIndicesAreChecked() throws {
    for name in [
      "", "Upper", "_x", "-x", "a b", "a/b", "a*", "products", "orders", "x:y", "a%b", "..",
    ] {
      #expect(
        Self.refusal { try Documents.checkName(name) }?.type == "invalid_index_name_exception",
        "\(name)")
    }
    for name in ["logs-2026.11", "a", "überall", "x_y+z"] {
      #expect(throws: Never.self) { try Documents.checkName(name) }
    }
  }

  // MARK: Writes

  @Test func writesHoldToTheirConditions() throws {
    let database = try Self.open(SimulatedDisk())
    let one = try Self.json(#"{"a":{"x":1,"y":2}}"#)
    let made = try Self.perform(database, DocumentAction(index: "i", id: "1", .index(one)))[0]
    #expect(
      made.result == .created && made.version == 1 && made.sequence == 0 && made.status == 201)
    let conflict = Self.refusal {
      try Self.perform(database, DocumentAction(index: "i", id: "1", .create(one)))
    }
    #expect(conflict?.status == 409 && conflict?.type == "version_conflict_engine_exception")
    var update = DocumentUpdate()
    update.part = try Self.json(#"{"a":{"y":3},"z":[1]}"#)
    let changed = try Self.perform(
      database, DocumentAction(index: "i", id: "1", .update(update), expected: 0))[0]
    #expect(changed.result == .updated && changed.version == 2 && changed.sequence == 1)
    #expect(try changed.source == (Self.json(#"{"a":{"x":1,"y":3},"z":[1]}"#)))
    let again = try Self.perform(database, DocumentAction(index: "i", id: "1", .update(update)))[0]
    #expect(again.result == .noop && again.version == 2 && again.sequence == 1)
    let late = DocumentAction(index: "i", id: "1", .delete, expected: 0)
    #expect(Self.refusal { try Self.perform(database, late) }?.status == 409)
    #expect(
      Self.refusal {
        try Self.perform(database, DocumentAction(index: "i", id: "2", .update(update)))
      }?
      .status == 404)
    update.partIsUpsert = true
    #expect(
      try Self.perform(database, DocumentAction(index: "i", id: "2", .update(update)))[0].result
        == .created)
    #expect(
      try Self.perform(database, DocumentAction(index: "i", id: "1", .delete, expected: 1))[0]
        .result
        == .deleted)
    #expect(
      try Self.perform(database, DocumentAction(index: "i", id: "1", .delete))[0].status == 404)
    #expect(
      Self.refusal { try Self.perform(database, DocumentAction(index: "j", id: "1", .delete)) }?
        .type
        == "index_not_found_exception")
    let large = JSONValue.object([
      .init("a", .string(String(repeating: "x", count: DocumentLimits.documentBytes)))
    ])
    #expect(
      Self.refusal {
        try Self.perform(database, DocumentAction(index: "k", id: "1", .index(large)))
      }?
      .reason.contains("at most") == true)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }

  @Test func whatIsRefusedLeavesNoField() throws {
    let database = try Self.open(SimulatedDisk())
    try Self.perform(
      database, DocumentAction(index: "i", id: "1", .index(try Self.json(#"{"n":1}"#))))
    let bad = try Self.json(#"{"fresh":true,"n":"x"}"#)
    try database.writeBlocking { transaction in
      var writer = DocumentWriter(transaction, DocumentRoom(nil))
      #expect(
        Self.refusal { _ = try writer.perform(DocumentAction(index: "i", id: "2", .index(bad))) }
          != nil)
      _ = try writer.perform(
        DocumentAction(index: "i", id: "3", .index(.object([.init("m", .bool(true))]))))
      try writer.finish()
    }
    let index = try #require(try Documents.find(database.snapshot().records, "i"))
    #expect(index.fields.map(\.path) == ["n", "m"] && index.mappingVersion == 2)
    try database.close()
  }

  @Test func anIndexThatIsGoneLeavesNothing() throws {
    let disk = SimulatedDisk()
    var database = try Self.open(disk)
    for number in 0..<30 {
      let document = try Self.json(#"{"n":\#(number)}"#)
      try Self.perform(
        database, DocumentAction(index: "old", id: "\(number)", .index(document)),
        DocumentAction(index: "kept", id: "\(number)", .index(document)))
    }
    try database.writeBlocking { try Documents.delete($0, name: "old") }
    let held = try #require(database.snapshot().view(DocumentViewSnapshot.self))
    #expect(held["old"] == nil && held.documentCount == 30)
    // A new one of the name has nothing of the old one, before it is swept and after an opening.
    try Self.perform(database, DocumentAction(index: "old", id: "new", .index(.object([]))))
    try database.close()
    database = try Self.open(disk, isNew: false)
    let opened = try #require(database.snapshot().view(DocumentViewSnapshot.self))
    #expect(opened["old"]?.text.documentCount == 1 && opened["kept"]?.text.documentCount == 30)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 20)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 10)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 0)
    #expect(try database.snapshot().records.all(IndexedDocument.self).count == 31)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }

  // MARK: The view

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
    var database = try Self.open(disk)
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
      try database.writeBlocking { transaction in
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
      database = try Self.open(disk, isNew: false)
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
    var database = try Self.open(disk)
    let mappings = try Self.json(#"{"dynamic":false,"properties":{"a":{"type":"long"}}}"#)
    let more = try Self.json(#"{"properties":{"b":{"type":"keyword"}}}"#)
    try database.writeBlocking { _ = try Documents.create($0, name: "i", mappings: mappings) }
    let document = try Self.json(#"{"a":1,"b":"x"}"#)
    try Self.perform(database, DocumentAction(index: "i", id: "1", .index(document)))
    #expect(
      try database.writeBlocking { try Documents.extend($0, name: "i", mappings: more) }.value)
    #expect(
      !(try database.writeBlocking { try Documents.extend($0, name: "i", mappings: more) }.value))
    try Self.perform(database, DocumentAction(index: "i", id: "2", .index(document)))
    for _ in 0..<2 {
      let index = try #require(database.snapshot().view(DocumentViewSnapshot.self)?["i"])
      let name = try #require(index.mapping.engineName("b"))
      let found = try index.text.search(TextRequest(.term(field: name, value: "x")))
      #expect(found.hits.map(\.key) == [Array("2".utf8)])
      try database.close()
      database = try Self.open(disk, isNew: false)
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
