// The routes of Elasticsearch's subset. The index `products` is the catalogue itself: it is read through
// this door, and changed through the marketplace's own.

import Bytes
import Database
import Marketplace
import RecordStore
import TextSearch

extension MarketplaceServer {
  static let elasticTag = "Elasticsearch"

  var elasticRoutes: RouteGroup {
    RouteGroup(Self.elasticTag) {
      elastic(.get, "/", "elasticInfo") { _, _ in ElasticAdmin.info }
      elastic(.get, "/_cluster/health", "elasticHealth") { _, _ in ElasticAdmin.health }
      routeBytes(.get, "/_cat/indices", "elasticCatIndices", on: .pool) { context, responder in
        try catIndices(context, responder)
      }
      elasticReads
      elasticWrites
    }
  }

  /// For an index that is named, and for all there are. `/products/_search` is named by itself, for
  /// `/products/{id}` comes before `/{index}/_search`.
  @RouteBuilder private var elasticReads: [Route] {
    for (prefix, name) in [("/{index}", "Named"), ("/products", "Products"), ("", "All")] {
      for method in [Method.get, .post] {
        elastic(method, prefix + "/_search", "elasticSearch\(name)\(method.name)") {
          try search($0, $1)
        }
        elastic(method, prefix + "/_count", "elasticCount\(name)\(method.name)") {
          try count($0, $1)
        }
        elastic(method, prefix + "/_msearch", "elasticSearches\(name)\(method.name)") {
          try searches($0, $1)
        }
        elastic(method, prefix + "/_mget", "elasticGets\(name)\(method.name)") { try gets($0, $1) }
        elastic(method, prefix + "/_refresh", "elasticRefresh\(name)\(method.name)") { context, _ in
          try Self.checkIndex(context)
          return .object([.init("_shards", ElasticAnswer.shards)])
        }
      }
      elastic(.get, prefix + "/_mapping", "elasticMapping\(name)") { context, _ in
        try Self.checkIndex(context)
        return ElasticAdmin.mapping
      }
    }
    elastic(.get, "/{index}/_doc/{id}", "elasticDocument") { try document($0, $1) }
    elastic(.get, "/{index}/_source/{id}", "elasticSource") { try source($0, $1) }
  }

  /// Nothing is changed through this door; each way to try says so.
  @RouteBuilder private var elasticWrites: [Route] {
    for (method, path, name) in [
      (Method.put, "/{index}/_doc/{id}", "PutDocument"), (.post, "/{index}/_doc", "AddDocument"),
      (.post, "/{index}/_doc/{id}", "PostDocument"), (.delete, "/{index}/_doc/{id}", "Delete"),
      (.put, "/{index}/_create/{id}", "Create"), (.post, "/{index}/_create/{id}", "PostCreate"),
      (.post, "/{index}/_update/{id}", "Update"), (.put, "/{index}/_mapping", "PutMapping"),
      (.put, "/products/_mapping", "PutProductsMapping"),
      (.post, "/{index}/_delete_by_query", "DeleteByQuery"),
      (.post, "/{index}/_update_by_query", "UpdateByQuery"),
    ] {
      elastic(method, path, "elastic\(name)") { context, _ in
        throw Self.readOnly(context.path("index"))
      }
    }
    for path in ["/_bulk", "/{index}/_bulk", "/products/_bulk"] {
      for method in [Method.post, .put] {
        elastic(method, path, "elasticBulk\(method.name)\(path.utf8.count)") { context, _ in
          try bulk(context)
        }
      }
    }
  }

  // MARK: The frame

  typealias ElasticHandler =
    @Sendable (Context<Nothing>, DatabaseSnapshot) throws -> JSONValue

  private func elastic(
    _ method: Method, _ path: String, _ operationID: String, _ run: @escaping ElasticHandler
  ) -> Route {
    routeBytes(
      method, path, operationID, accepts: method == .get || method == .delete ? nil : [],
      on: .pool
    ) { context, responder in
      try elasticRead(context, responder, run)
    }
  }

  /// Answers from one snapshot, which is at least at the request's X-Min-LSN.
  private func elasticRead(
    _ context: Context<Nothing>, _ responder: Responder, _ run: @escaping ElasticHandler
  ) throws {
    let door = ElasticDoor(request: context.request)
    let answer: @Sendable () -> Void = {
      do {
        let snapshot = market.database.snapshot()
        var response = door.response(try run(context, snapshot))
        response.headers[LogPosition.snapshotHeader] = String(snapshot.lsn.rawValue)
        responder.answer(response)
      } catch {
        if let response = door.response(error) {
          responder.answer(response)
        } else {
          responder.answer(error)
        }
      }
    }
    try whenVisible(context, answer)
  }

  /// The catalogue's `GET /products` for one of Elasticsearch's clients, who asks what index that is.
  func servingElastic(_ route: Route) -> Route {
    guard route.method == .get, route.path == "/products" else { return route }
    return route.offered { request, responder in
      let door = ElasticDoor(request: request)
      guard ElasticDoor.isForElastic(request) else { return false }
      responder.answer(door.response(ElasticAdmin.index))
      return true
    }
  }

  // MARK: Handlers

  static func checkIndex(_ context: Context<Nothing>) throws(ElasticError) {
    let name = context.path("index")
    // The marketplace's own path has no capture.
    guard !name.isEmpty else { return }
    try checkIndex(name)
  }

  static func checkIndex(_ names: String) throws(ElasticError) {
    let known = names.split(separator: ",").contains {
      $0 == "_all" || ElasticPattern.matches(ElasticDocuments.index, String($0))
    }
    guard known else { throw .noIndex(names) }
  }

  static func readOnly(_ index: String) -> ElasticError {
    if index.isEmpty || index == ElasticDocuments.index {
      return ElasticError(
        "cluster_block_exception",
        "index [products] is the catalogue, which is read-only here: change it with "
          + "POST, PUT and DELETE of /api/v1/products", status: 403)
    }
    return ElasticError(
      "illegal_argument_exception",
      "this server has the index [products] and makes no others (docs/limits.md)", status: 400)
  }

  private func search(
    _ context: Context<Nothing>, _ snapshot: DatabaseSnapshot
  ) throws -> JSONValue {
    try Self.checkIndex(context)
    let body = try ElasticParameters.merge(
      context.request, into: ElasticDoor(request: context.request).document())
    let search = try ElasticSearch.parse(body, .products)
    return .object(try ElasticAnswer(documents: ElasticDocuments(snapshot)).run(search))
  }

  private func count(
    _ context: Context<Nothing>, _ snapshot: DatabaseSnapshot
  ) throws -> JSONValue {
    try Self.checkIndex(context)
    let body = try ElasticDoor(request: context.request).document()
    var members = try ElasticMembers(body, of: "count")
    var parser = ElasticQuery(.products)
    var request = TextRequest(.all, limit: 0)
    if let query = members.take("query") { request.expression = try parser.parse(query) }
    try members.finish()
    let documents = try ElasticDocuments(snapshot)
    do {
      let total = try documents.text.search(request).total ?? 0
      return .object([
        .init("count", .int(Int64(total))), .init("_shards", ElasticAnswer.shards),
      ])
    } catch {
      throw ElasticError(error)
    }
  }

  private func searches(
    _ context: Context<Nothing>, _ snapshot: DatabaseSnapshot
  ) throws -> JSONValue {
    try Self.checkIndex(context)
    let lines = try ElasticDoor(request: context.request).lines(most: 200)
    guard lines.count % 2 == 0, !lines.isEmpty else {
      throw ElasticError.illegal("a multiple search is pairs of lines, a header and a body")
    }
    let answer = ElasticAnswer(documents: try ElasticDocuments(snapshot))
    var responses: [JSONValue] = []
    for pair in stride(from: 0, to: lines.count, by: 2) {
      do {
        if let index = lines[pair]["index"] {
          try Self.checkIndex(ElasticValue.names(index, "index").joined(separator: ","))
        }
        let search = try ElasticSearch.parse(lines[pair + 1], .products)
        responses.append(.object(try answer.run(search) + [.init("status", .int(200))]))
      } catch let error as ElasticError {
        responses.append(error.json)
      }
    }
    return .object([.init("took", .int(0)), .init("responses", .array(responses))])
  }
}
