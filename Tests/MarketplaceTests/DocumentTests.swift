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
      DocumentFixture.json(
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
      try DocumentFixture.json(
        #"{"title":["Oak","Elm"],"count":"7","price":-1.2345678,"at":{"name":"a"}}"#),
      key: [1], version: 1)
    #expect(document.texts["t0"] == "Oak\nElm" && document.keywords["k0"] == ["Oak", "Elm"])
    #expect(document.numbers == ["n0": 7, "n1": -1_234_567])
    #expect(mapping.engineName("at.name.keyword") == "k1")
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let mapping = try DocumentFixture.mapping(
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
        try mapping.absorb(DocumentFixture.json(document))
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
      #expect(throws: Never.self) { try mapping.absorb(DocumentFixture.json(document)) }
      #expect(
        mapping.project(try DocumentFixture.json(document), key: [1], version: 9).key == [1],
        "\(document)")
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
      let refused = Self.refusal { _ = try DocumentFixture.mapping(properties) }
      #expect(
        refused?.reason.contains(part) == true, "\(properties): \(String(describing: refused))")
    }
    let many = (0...DocumentLimits.fields).map { #""f\#($0)":{"type":"long"}"# }
    #expect(
      Self.refusal { _ = try DocumentFixture.mapping("{\(many.joined(separator: ","))}") }?.reason
        .contains("Limit of total fields") == true)
    let texts = (0...TextLimits.fields).map { #""f\#($0)":{"type":"text"}"# }
    #expect(
      Self.refusal { _ = try DocumentFixture.mapping("{\(texts.joined(separator: ","))}") }?.reason
        .contains("Limit of text fields") == true)
    var mapping = try DocumentFixture.mapping(#"{"a":{"type":"text"}}"#)
    #expect(
      Self.refusal {
        try mapping.parse(DocumentFixture.json(#"{"properties":{"a":{"type":"long"}}}"#))
      }?
      .reason
      .contains("cannot be changed") == true)
    for mappings in [
      #"{"colour":1}"#, #"{"dynamic":"runtime"}"#, "[]", #"{"_source":{"enabled":false}}"#,
    ] {
      #expect(
        Self.refusal { try mapping.parse(DocumentFixture.json(mappings)) } != nil, "\(mappings)")
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
    let database = try DocumentFixture.open(SimulatedDisk())
    let one = try DocumentFixture.json(#"{"a":{"x":1,"y":2}}"#)
    let made = try DocumentFixture.perform(
      database, DocumentAction(index: "i", id: "1", .index(one)))[0]
    #expect(
      made.result == .created && made.version == 1 && made.sequence == 0 && made.status == 201)
    let conflict = Self.refusal {
      try DocumentFixture.perform(database, DocumentAction(index: "i", id: "1", .create(one)))
    }
    #expect(conflict?.status == 409 && conflict?.type == "version_conflict_engine_exception")
    var update = DocumentUpdate()
    update.part = try DocumentFixture.json(#"{"a":{"y":3},"z":[1]}"#)
    let changed = try DocumentFixture.perform(
      database, DocumentAction(index: "i", id: "1", .update(update), expected: 0))[0]
    #expect(changed.result == .updated && changed.version == 2 && changed.sequence == 1)
    #expect(try changed.source == (DocumentFixture.json(#"{"a":{"x":1,"y":3},"z":[1]}"#)))
    let again = try DocumentFixture.perform(
      database, DocumentAction(index: "i", id: "1", .update(update)))[0]
    #expect(again.result == .noop && again.version == 2 && again.sequence == 1)
    let late = DocumentAction(index: "i", id: "1", .delete, expected: 0)
    #expect(Self.refusal { try DocumentFixture.perform(database, late) }?.status == 409)
    #expect(
      Self.refusal {
        try DocumentFixture.perform(database, DocumentAction(index: "i", id: "2", .update(update)))
      }?
      .status == 404)
    update.partIsUpsert = true
    #expect(
      try DocumentFixture.perform(database, DocumentAction(index: "i", id: "2", .update(update)))[0]
        .result
        == .created)
    #expect(
      try DocumentFixture.perform(
        database, DocumentAction(index: "i", id: "1", .delete, expected: 1))[0]
        .result
        == .deleted)
    #expect(
      try DocumentFixture.perform(database, DocumentAction(index: "i", id: "1", .delete))[0].status
        == 404)
    #expect(
      Self.refusal {
        try DocumentFixture.perform(database, DocumentAction(index: "j", id: "1", .delete))
      }?
      .type
        == "index_not_found_exception")
    let large = JSONValue.object([
      .init("a", .string(String(repeating: "x", count: DocumentLimits.documentBytes)))
    ])
    #expect(
      Self.refusal {
        try DocumentFixture.perform(database, DocumentAction(index: "k", id: "1", .index(large)))
      }?
      .reason.contains("at most") == true)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }

  @Test func whatIsRefusedLeavesNoField() throws {
    let database = try DocumentFixture.open(SimulatedDisk())
    try DocumentFixture.perform(
      database, DocumentAction(index: "i", id: "1", .index(try DocumentFixture.json(#"{"n":1}"#))))
    let bad = try DocumentFixture.json(#"{"fresh":true,"n":"x"}"#)
    _ = try database.writeBlocking { transaction in
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
    var database = try DocumentFixture.open(disk)
    for number in 0..<30 {
      let document = try DocumentFixture.json(#"{"n":\#(number)}"#)
      try DocumentFixture.perform(
        database, DocumentAction(index: "old", id: "\(number)", .index(document)),
        DocumentAction(index: "kept", id: "\(number)", .index(document)))
    }
    _ = try database.writeBlocking { try Documents.delete($0, name: "old") }
    let held = try #require(database.snapshot().view(DocumentViewSnapshot.self))
    #expect(held["old"] == nil && held.documentCount == 30)
    // A new one of the name has nothing of the old one, before it is swept and after an opening.
    try DocumentFixture.perform(
      database, DocumentAction(index: "old", id: "new", .index(.object([]))))
    try database.close()
    database = try DocumentFixture.open(disk, isNew: false)
    let opened = try #require(database.snapshot().view(DocumentViewSnapshot.self))
    #expect(opened["old"]?.text.documentCount == 1 && opened["kept"]?.text.documentCount == 30)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 20)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 10)
    #expect(try database.writeBlocking { try Documents.sweep($0, limit: 20) }.value == 0)
    #expect(try database.snapshot().records.all(IndexedDocument.self).count == 31)
    #expect(try database.check(deep: true).findings == [])
    try database.close()
  }
}
