// ElasticReads: searches and counts, documents by their identifiers, and the list of indices.

import Bytes
import Database
import Marketplace
import TextSearch

extension MarketplaceServer {
  // MARK: Searches

  func search(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.searching)
    let body = try ElasticParameters.merge(call.context.request, into: call.door.document())
    let index = try call.indices.only(call.index)
    let search = try ElasticSearch.parse(body, index.mapping)
    return .object(try ElasticAnswer(index: index).run(search))
  }

  func count(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.naming)
    let body = try call.door.document()
    var total = 0
    for index in try call.indices.named(call.index) {
      var members = try ElasticMembers(body, of: "count")
      var parser = ElasticQuery(index.mapping)
      var request = TextRequest(.all, limit: 0)
      if let query = members.take("query") { request.expression = try parser.parse(query) }
      try members.finish()
      do {
        total += try index.text.search(request).total ?? 0
      } catch {
        throw ElasticError(error)
      }
    }
    return .object([.init("count", .int(Int64(total))), .init("_shards", ElasticAnswer.shards)])
  }

  func searches(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(["max_concurrent_searches", "ccs_minimize_roundtrips"])
    let lines = try call.door.lines(most: 200)
    guard lines.count % 2 == 0, !lines.isEmpty else {
      throw ElasticError.illegal("a multiple search is pairs of lines, a header and a body")
    }
    let clock = ContinuousClock()
    let start = clock.now
    var responses: [JSONValue] = []
    for pair in stride(from: 0, to: lines.count, by: 2) {
      do {
        var header = try ElasticMembers(lines[pair], of: "header")
        let names = try header.take("index").map { (value) throws(ElasticError) in
          try ElasticValue.names(value, "index").joined(separator: ",")
        }
        header.ignore("preference", "request_cache")
        try header.finish()
        let index = try call.indices.only(names ?? call.index)
        let search = try ElasticSearch.parse(lines[pair + 1], index.mapping)
        let members = try ElasticAnswer(index: index).run(search)
        responses.append(.object(members + [.init("status", .int(200))]))
      } catch let error as ElasticError {
        responses.append(error.json)
      }
    }
    return .object([
      .init("took", .int(Int64((clock.now - start) / .milliseconds(1)))),
      .init("responses", .array(responses)),
    ])
  }

  // MARK: Documents

  /// A document with its frame; without one that may be seen, `found` is false.
  private func frame(
    _ id: String, _ index: any ElasticIndex, _ filter: ElasticSourceFilter
  ) throws -> (found: Bool, json: JSONValue) {
    var members: [JSONValue.Member] = [
      .init("_index", .string(index.name)), .init("_id", .string(id)),
    ]
    guard let document = try index.document(id: id) else {
      return (false, .object(members + [.init("found", .bool(false))]))
    }
    members.append(.init("_version", .int(document.version)))
    if let sequence = document.sequence {
      members += [.init("_seq_no", .int(sequence)), .init("_primary_term", .int(1))]
    }
    members.append(.init("found", .bool(true)))
    if filter.isShown {
      members.append(.init("_source", filter.apply(to: try document.source())))
    }
    return (true, .object(members))
  }

  func document(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.getting)
    let filter = try ElasticParameters.source(call.context.request) ?? ElasticSourceFilter()
    let (found, json) = try frame(
      call.context.path("id"), call.indices.one(call.index), filter)
    guard found else { throw ElasticMissing(json: json) }
    return json
  }

  func source(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.getting)
    let id = call.context.path("id")
    guard let document = try call.indices.one(call.index).document(id: id) else {
      throw ElasticError(
        "resource_not_found_exception", "Document not found [\(call.index)]/[\(id)]", status: 404)
    }
    let filter = try ElasticParameters.source(call.context.request) ?? ElasticSourceFilter()
    return filter.apply(to: try document.source())
  }

  func gets(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.getting)
    let all = try ElasticParameters.source(call.context.request) ?? ElasticSourceFilter()
    var members = try ElasticMembers(call.door.document(), of: "mget")
    var wanted: [(index: String, id: String, filter: ElasticSourceFilter)] = []
    // Without an index it is the catalogue that is meant.
    let name = call.index.isEmpty ? ElasticDocuments.index : call.index
    if let ids = members.take("ids") {
      wanted = try ElasticValue.names(ids, "ids").map { (name, $0, all) }
    } else if case .array(let list)? = members.take("docs") {
      for element in list {
        var entry = try ElasticMembers(element, of: "docs")
        guard let id = try entry.text("_id") else {
          throw ElasticError.parsing("[docs] requires [_id]")
        }
        let filter = try entry.take("_source").map { try ElasticSourceFilter($0) }
        wanted.append((try entry.text("_index") ?? name, id, filter ?? all))
        try entry.finish()
      }
    } else {
      throw ElasticError.parsing("[mget] requires [docs] or [ids]")
    }
    try members.finish()
    guard wanted.count <= 1_000 else {
      throw ElasticError.illegal("[mget] takes at most 1000 documents")
    }
    var known: [String: any ElasticIndex] = [:]
    var documents: [JSONValue] = []
    for entry in wanted {
      do throws(ElasticError) {
        if known[entry.index] == nil { known[entry.index] = try call.indices.one(entry.index) }
      } catch {
        documents.append(
          .object([
            .init("_index", .string(entry.index)), .init("_id", .string(entry.id)),
            .init("error", error.cause),
          ]))
        continue
      }
      if let index = known[entry.index] {
        documents.append(try frame(entry.id, index, entry.filter).json)
      }
    }
    return .object([.init("docs", .array(documents))])
  }

  // MARK: Indices

  func described(
    _ call: ElasticCall, _ describe: (any ElasticIndex) -> JSONValue
  ) throws -> JSONValue {
    try call.checkParameters(ElasticParameters.naming)
    return .object(
      try call.indices.named(call.index).map { JSONValue.Member($0.name, describe($0)) })
  }

  /// One segment may be an index, or a mistake in a path of the marketplace's: then it is not found in the
  /// marketplace's own words.
  func index(_ call: ElasticCall) throws -> JSONValue {
    let isForElastic = ElasticDoor.isForElastic(call.context.request)
    do throws(ElasticError) {
      let indices = try call.indices.named(call.index)
      guard isForElastic || call.caller.isAdministrator else { throw .noIndex(call.index) }
      try call.checkParameters(ElasticParameters.naming)
      return .object(indices.map { JSONValue.Member($0.name, ElasticAdmin.whole($0)) })
    } catch {
      if isForElastic || call.caller.isAdministrator { throw error }
      throw APIError(.notFound, "There is nothing at \(call.context.request.path).")
    }
  }

  func catIndices(_ call: ElasticCall) throws -> Response {
    try call.checkParameters(["format", "v", "h", "s", "bytes"])
    for name in ["h", "s", "bytes"] where call.context.query(name) != nil {
      throw ElasticError.illegal("[?\(name)] is not supported: all columns come, by name")
    }
    let rows = try call.indices.named(call.index).map { index in
      [
        ("health", "green"), ("status", "open"), ("index", index.name),
        ("uuid", (index as? ElasticDocumentIndex)?.held.index.id.description ?? index.name),
        ("pri", "1"), ("rep", "0"), ("docs.count", "\(index.text.documentCount)"),
        ("docs.deleted", "0"), ("store.size", "\(index.text.segmentBytes)b"),
        ("pri.store.size", "\(index.text.segmentBytes)b"),
      ]
    }
    if call.context.query("format") == "json" || ElasticDoor.isForElastic(call.context.request) {
      let list = rows.map { row in
        JSONValue.object(row.map { JSONValue.Member($0.0, .string($0.1)) })
      }
      return call.door.response(.array(list))
    }
    var table = ""
    if call.context.request.query["v"] != nil, let first = rows.first {
      table += first.map(\.0).joined(separator: " ") + "\n"
    }
    for row in rows { table += row.map(\.1).joined(separator: " ") + "\n" }
    return call.door.text(table)
  }
}

/// A document that is not there: its frame is the answer, and the status says so.
struct ElasticMissing: Error {
  var json: JSONValue
}
