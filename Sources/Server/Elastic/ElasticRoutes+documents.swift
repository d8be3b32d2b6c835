// Documents by their identifiers, bulk requests, and the list of indices.

import Bytes
import Database
import Marketplace
import TextSearch

extension MarketplaceServer {
  /// A document with its frame; without one that is for sale, `found` is false.
  private func frame(
    _ id: String, _ documents: ElasticDocuments, _ filter: ElasticSourceFilter
  ) throws -> (found: Bool, json: JSONValue) {
    var members: [JSONValue.Member] = [
      .init("_index", .string(ElasticDocuments.index)), .init("_id", .string(id)),
    ]
    guard let known = ElasticDocuments.id(id), let product = try documents.product(key(known))
    else {
      return (false, .object(members + [.init("found", .bool(false))]))
    }
    members.append(.init("_version", .int(product.version)))
    members.append(.init("found", .bool(true)))
    if filter.isShown {
      members.append(.init("_source", filter.apply(to: try documents.source(of: product))))
    }
    return (true, .object(members))
  }

  func document(_ context: Context<Nothing>, _ snapshot: DatabaseSnapshot) throws -> JSONValue {
    try Self.checkIndex(context)
    let filter = try ElasticParameters.source(context.request) ?? ElasticSourceFilter()
    let (found, json) = try frame(context.path("id"), ElasticDocuments(snapshot), filter)
    guard found else { throw ElasticMissing(json: json) }
    return json
  }

  func source(_ context: Context<Nothing>, _ snapshot: DatabaseSnapshot) throws -> JSONValue {
    try Self.checkIndex(context)
    let documents = try ElasticDocuments(snapshot)
    let id = context.path("id")
    guard let known = ElasticDocuments.id(id), let product = try documents.product(key(known))
    else {
      throw ElasticError(
        "resource_not_found_exception", "Document not found [products]/[\(id)]", status: 404)
    }
    let filter = try ElasticParameters.source(context.request) ?? ElasticSourceFilter()
    return filter.apply(to: try documents.source(of: product))
  }

  func gets(_ context: Context<Nothing>, _ snapshot: DatabaseSnapshot) throws -> JSONValue {
    try Self.checkIndex(context)
    let body = try ElasticDoor(request: context.request).document()
    let documents = try ElasticDocuments(snapshot)
    var wanted: [(id: String, filter: ElasticSourceFilter)] = []
    let all = try ElasticParameters.source(context.request) ?? ElasticSourceFilter()
    if let ids = body["ids"] {
      wanted = try ElasticValue.names(ids, "ids").map { ($0, all) }
    } else if case .array(let list)? = body["docs"] {
      wanted = try list.map { entry in
        guard let id = entry["_id"] else { throw ElasticError.parsing("[docs] requires [_id]") }
        if let index = entry["_index"] {
          try Self.checkIndex(ElasticValue.text(index, "_index"))
        }
        let filter = try entry["_source"].map { try ElasticSourceFilter($0) }
        return (try ElasticValue.text(id, "_id"), filter ?? all)
      }
    } else {
      throw ElasticError.parsing("[mget] requires [docs] or [ids]")
    }
    guard wanted.count <= 1_000 else {
      throw ElasticError.illegal("[mget] takes at most 1000 documents")
    }
    return .object([
      .init("docs", .array(try wanted.map { try frame($0.id, documents, $0.filter).json }))
    ])
  }

  /// Every item is refused for itself, as clients expect.
  func bulk(_ context: Context<Nothing>) throws -> JSONValue {
    let lines = try ElasticDoor(request: context.request).lines(most: 20_000)
    var items: [JSONValue] = []
    var next = 0
    while next < lines.count {
      guard case .object(let members) = lines[next], let action = members.first,
        members.count == 1, ["index", "create", "update", "delete"].contains(action.name)
      else {
        throw ElasticError.illegal("Malformed action/metadata line [\(next + 1)]")
      }
      let index = action.value["_index"]?.text ?? context.path("index")
      let error = Self.readOnly(index)
      var item: [JSONValue.Member] = [
        .init("_index", .string(index.isEmpty ? ElasticDocuments.index : index)),
        .init("status", .int(Int64(error.status))), .init("error", error.cause),
      ]
      if let id = action.value["_id"] { item.append(.init("_id", id)) }
      items.append(.object([.init(action.name, .object(item))]))
      next += action.name == "delete" ? 1 : 2
    }
    return .object([
      .init("took", .int(0)), .init("errors", .bool(!items.isEmpty)),
      .init("items", .array(items)),
    ])
  }

  func catIndices(_ context: Context<Nothing>, _ responder: Responder) throws {
    let door = ElasticDoor(request: context.request)
    guard let text = market.database.snapshot().view(TextSnapshot.self) else {
      throw APIError(.serviceUnavailable, "This server keeps no text index.")
    }
    let row = [
      ("health", "green"), ("status", "open"), ("index", ElasticDocuments.index),
      ("uuid", ElasticDocuments.index), ("pri", "1"), ("rep", "0"),
      ("docs.count", "\(text.documentCount)"), ("docs.deleted", "0"),
      ("store.size", "\(text.segmentBytes)b"), ("pri.store.size", "\(text.segmentBytes)b"),
    ]
    if context.query("format") == "json" || ElasticDoor.isForElastic(context.request) {
      let members = row.map { JSONValue.Member($0.0, .string($0.1)) }
      return responder.answer(door.response(.array([.object(members)])))
    }
    var table = ""
    if context.request.query["v"] != nil {
      table += row.map(\.0).joined(separator: " ") + "\n"
    }
    responder.answer(door.text(table + row.map(\.1).joined(separator: " ") + "\n"))
  }
}

/// A document that is not there: its frame is the answer, and the status says so.
struct ElasticMissing: Error {
  var json: JSONValue
}

/// What never changes while the server runs.
enum ElasticAdmin {
  static let health = JSONValue.object([
    .init("cluster_name", .string("souk")), .init("status", .string("green")),
    .init("timed_out", .bool(false)), .init("number_of_nodes", .int(1)),
    .init("number_of_data_nodes", .int(1)), .init("active_primary_shards", .int(1)),
    .init("active_shards", .int(1)), .init("relocating_shards", .int(0)),
    .init("initializing_shards", .int(0)), .init("unassigned_shards", .int(0)),
    .init("active_shards_percent_as_number", .number("100.0")),
  ])

  static let info = JSONValue.object([
    .init("name", .string("souk")), .init("cluster_name", .string("souk")),
    .init("cluster_uuid", .string("souk")),
    .init(
      "version",
      .object([
        .init("number", .string(ElasticDoor.version)),
        .init("build_flavor", .string("default")), .init("build_type", .string("souk")),
        .init("build_hash", .string("souk")), .init("build_date", .string("2024-01-01T00:00:00Z")),
        .init("build_snapshot", .bool(false)), .init("lucene_version", .string("9.11.1")),
        .init("minimum_wire_compatibility_version", .string("7.17.0")),
        .init("minimum_index_compatibility_version", .string("7.0.0")),
      ])),
    .init("tagline", .string("You Know, for Search")), .init("docs", .string("/docs")),
  ])

  static let mapping = JSONValue.object([
    .init(
      ElasticDocuments.index, .object([.init("mappings", ElasticMapping.products.json)]))
  ])

  static let index = JSONValue.object([
    .init(
      ElasticDocuments.index,
      .object([
        .init("aliases", .object([])), .init("mappings", ElasticMapping.products.json),
        .init(
          "settings",
          .object([
            .init(
              "index",
              .object([
                .init("number_of_shards", .string("1")), .init("number_of_replicas", .string("0")),
              ]))
          ])),
      ]))
  ])
}

/// Parameters of the path that stand for members of the body.
enum ElasticParameters {
  static func source(_ request: Request) throws(ElasticError) -> ElasticSourceFilter? {
    try value(request).map { (value) throws(ElasticError) in try ElasticSourceFilter(value) }
  }

  private static func value(_ request: Request) -> JSONValue? {
    func list(_ text: String) -> JSONValue {
      .array(text.split(separator: ",").map { .string(String($0)) })
    }
    if let flag = request.query["_source"] {
      return flag == "true" || flag == "false" ? .bool(flag == "true") : list(flag)
    }
    var members: [JSONValue.Member] = []
    if let names = request.query["_source_includes"] {
      members.append(.init("includes", list(names)))
    }
    if let names = request.query["_source_excludes"] {
      members.append(.init("excludes", list(names)))
    }
    return members.isEmpty ? nil : .object(members)
  }

  static func merge(_ request: Request, into body: JSONValue) throws(ElasticError) -> JSONValue {
    guard case .object(var members) = body else { throw .parsing("[search] must be an object") }
    for name in ["q", "scroll", "search_type"] where request.query[name] != nil {
      throw .illegal("[?\(name)] is not supported: send the query as a body")
    }
    func put(_ name: String, _ value: JSONValue) {
      members.removeAll { $0.name == name }
      members.append(.init(name, value))
    }
    for name in ["size", "from"] {
      if let text = request.query[name] { put(name, .string(text)) }
    }
    if let text = request.query["track_total_hits"] {
      put("track_total_hits", .bool(text != "false"))
    }
    if let value = value(request) { put("_source", value) }
    if let text = request.query["sort"] {
      put(
        "sort",
        .array(
          text.split(separator: ",").map { key in
            let parts = key.split(separator: ":")
            guard parts.count == 2 else { return .string(String(key)) }
            return .object([.init(String(parts[0]), .string(String(parts[1])))])
          }))
    }
    return .object(members)
  }
}
