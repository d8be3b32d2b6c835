// What the tests of indices of documents have in common: a database on a simulated disk with all views, and
// short ways to write.

import Bytes
import Database
import Disk
import RecordStore
import Testing
import TextSearch

@testable import Marketplace

enum DocumentFixture {
  static func open(_ disk: SimulatedDisk, isNew: Bool = true) throws -> Database {
    var configuration = Database.Configuration(
      path: "data", disk: disk, tables: MarketTables.all, views: MarketTables.makeViews(),
      onFatal: { Issue.record("the log failed: \($0)") })
    configuration.runsThreads = false
    configuration.segmentBytes = 1 << 20
    return try isNew ? Database.create(configuration) : Database.open(configuration)
  }

  static func json(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  static func mapping(_ properties: String) throws -> DocumentMapping {
    var mapping = DocumentMapping(DocumentIndex())
    try mapping.parse(json(#"{"properties":\#(properties)}"#))
    _ = mapping.seal(since: DocumentIndex())
    return mapping
  }

  @discardableResult
  static func perform(
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
}
