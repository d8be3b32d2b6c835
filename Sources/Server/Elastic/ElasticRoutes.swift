// The routes of Elasticsearch's subset. The index `products` is the catalogue itself: it is read through
// this door, and changed through the marketplace's own. Other indices are what administrators make of them.

import Bytes
import Database
import Marketplace
import RecordStore
import TextSearch

extension MarketplaceServer {
  static let elasticTag = "Elasticsearch"

  var elasticRoutes: RouteGroup {
    RouteGroup(Self.elasticTag) {
      elastic(.get, "/", "elasticInfo", isOpen: true) { _ in ElasticAdmin.info }
      elastic(.get, "/_cluster/health", "elasticHealth", isOpen: true) { _ in ElasticAdmin.health }
      elasticLater(.get, "/_cat/indices", "elasticCatIndices") { call, answer in
        answer.answer(try catIndices(call))
      }
      elasticLater(.get, "/_cat/indices/{index}", "elasticCatIndex") { call, answer in
        answer.answer(try catIndices(call))
      }
      elasticReads
      elasticDocuments
      elasticIndices
      elasticKeyRoutes
      elasticRefusals
    }
  }

  /// For an index that is named, and for all there are. `/products/_search` is named by itself, for
  /// `/products/{id}` comes before `/{index}/_search`.
  @RouteBuilder private var elasticReads: [Route] {
    for (prefix, name) in [("/{index}", "Named"), ("/products", "Products"), ("", "All")] {
      let isOpen = name == "Products"
      for method in [Method.get, .post] {
        elastic(method, prefix + "/_search", "elasticSearch\(name)\(method.name)", isOpen: isOpen) {
          try search($0)
        }
        elastic(method, prefix + "/_count", "elasticCount\(name)\(method.name)", isOpen: isOpen) {
          try count($0)
        }
        elastic(method, prefix + "/_msearch", "elasticSearches\(name)\(method.name)") {
          try searches($0)
        }
        elastic(method, prefix + "/_mget", "elasticGets\(name)\(method.name)") { try gets($0) }
        elastic(method, prefix + "/_refresh", "elasticRefresh\(name)\(method.name)") { call in
          try call.checkParameters(ElasticParameters.naming)
          _ = try call.indices.named(call.index)
          return .object([.init("_shards", ElasticAnswer.shards)])
        }
      }
      elastic(.get, prefix + "/_mapping", "elasticMapping\(name)", isOpen: isOpen) { call in
        try described(call) { index in .object([.init("mappings", ElasticAdmin.mappings(index))]) }
      }
      elastic(.get, prefix + "/_settings", "elasticSettings\(name)", isOpen: isOpen) { call in
        try described(call) { index in .object([.init("settings", ElasticAdmin.settings(index))]) }
      }
    }
    elastic(.get, "/{index}/_doc/{id}", "elasticDocument") { try document($0) }
    elastic(.get, "/{index}/_source/{id}", "elasticSource") { try source($0) }
  }

  @RouteBuilder private var elasticDocuments: [Route] {
    for (method, path, name, verb) in [
      (Method.put, "/{index}/_doc/{id}", "PutDocument", "index"),
      (.post, "/{index}/_doc", "AddDocument", "index"),
      (.post, "/{index}/_doc/{id}", "PostDocument", "index"),
      (.put, "/{index}/_create/{id}", "Create", "create"),
      (.post, "/{index}/_create/{id}", "PostCreate", "create"),
      (.post, "/{index}/_update/{id}", "Update", "update"),
      (.delete, "/{index}/_doc/{id}", "Delete", "delete"),
    ] {
      elasticLater(
        method, path, "elastic\(name)", bytes: ElasticItems.documentBytesMax
      ) { call, answer in
        try elasticWrite(verb, call, answer)
      }
    }
    for path in ["/_bulk", "/{index}/_bulk", "/products/_bulk"] {
      for method in [Method.post, .put] {
        elasticLater(
          method, path, "elasticBulk\(method.name)\(path.utf8.count)",
          bytes: ElasticItems.bulkBytesMax
        ) { call, answer in
          try elasticBulk(call, answer)
        }
      }
    }
  }

  @RouteBuilder private var elasticIndices: [Route] {
    elastic(.get, "/{index}", "elasticIndex") { call in try index(call) }
    for (path, name) in [("/{index}", "Index"), ("/products", "Products")] {
      elasticLater(.put, path, "elasticMake\(name)") { try elasticMake($0, $1) }
      elasticLater(.delete, path, "elasticDelete\(name)") { try elasticDelete($0, $1) }
    }
    for method in [Method.put, .post] {
      for (path, name) in [("/{index}/_mapping", "Named"), ("/products/_mapping", "Products")] {
        elasticLater(method, path, "elasticMap\(name)\(method.name)") { try elasticMap($0, $1) }
      }
    }
  }

  @RouteBuilder private var elasticKeyRoutes: [Route] {
    for method in [Method.put, .post] {
      elasticLater(method, "/_security/api_key", "elasticMakeKey\(method.name)") {
        try elasticMakeKey($0, $1)
      }
    }
    elastic(.get, "/_security/api_key", "elasticKeys") { try elasticKeys($0) }
    elasticLater(.delete, "/_security/api_key", "elasticEndKeys", takesBody: true) {
      try elasticEndKeys($0, $1)
    }
  }

  /// What clients may ask for and is not there: said in their own envelope.
  @RouteBuilder private var elasticRefusals: [Route] {
    for (method, path, what) in [
      (Method.post, "/{index}/_delete_by_query", "DeleteByQuery"),
      (.post, "/{index}/_update_by_query", "UpdateByQuery"),
      (.post, "/products/_delete_by_query", "ProductsDeleteByQuery"),
      (.post, "/products/_update_by_query", "ProductsUpdateByQuery"),
      (.post, "/_reindex", "Reindex"), (.post, "/_search/scroll", "Scroll"),
      (.get, "/_search/scroll", "GetScroll"), (.delete, "/_search/scroll", "ClearScroll"),
      (.post, "/{index}/_pit", "PointInTime"), (.post, "/products/_pit", "ProductsPointInTime"),
      (.delete, "/_pit", "ClosePointInTime"), (.post, "/_aliases", "Aliases"),
      (.put, "/{index}/_settings", "PutSettings"), (.get, "/{index}/_alias", "Alias"),
    ] {
      elastic(method, path, "elasticNo\(what)") { _ in
        throw ElasticError.illegal(
          "\(method.name) \(path) is not supported by this server (docs/search.md): page on with "
            + "search_after, and change documents with _bulk")
      }
    }
  }

  // MARK: The frame

  typealias ElasticHandler = @Sendable (ElasticCall) throws -> JSONValue
  typealias ElasticLateHandler = @Sendable (ElasticCall, ElasticAnswering) throws -> Void

  private func elastic(
    _ method: Method, _ path: String, _ operationID: String, isOpen: Bool = false,
    _ run: @escaping ElasticHandler
  ) -> Route {
    elasticLater(method, path, operationID, isOpen: isOpen) { call, answer in
      answer.succeed(try run(call), headers: call.snapshotHeader)
    }
  }

  /// - Parameters:
  ///   - isOpen: nobody has to say who he is.
  ///   - bytes: of the body at most; nil for the server's own limit.
  private func elasticLater(
    _ method: Method, _ path: String, _ operationID: String, isOpen: Bool = false,
    bytes: Int? = nil, takesBody: Bool = false, _ run: @escaping ElasticLateHandler
  ) -> Route {
    let hasBody = takesBody || (method != .get && method != .delete)
    return routeBytes(
      method, path, operationID, accepts: hasBody ? [] : nil, bodyBytesMax: bytes, on: .pool
    ) { context, responder in
      try whenVisible(context) {
        guard !isOpen else { return elasticRun(context, responder, .anybody, run) }
        elasticCaller(context.request) { result in
          switch result {
          case .success(let caller): elasticRun(context, responder, caller, run)
          case .failure(let error): ElasticAnswering(context, responder).fail(error)
          }
        }
      }
    }
  }

  /// From one snapshot, which is at least at the request's X-Min-LSN.
  private func elasticRun(
    _ context: Context<Nothing>, _ responder: Responder, _ caller: ElasticCaller,
    _ run: ElasticLateHandler
  ) {
    let answer = ElasticAnswering(context, responder)
    do {
      let call = ElasticCall(
        context: context, caller: caller, snapshot: market.database.snapshot())
      try run(call, answer)
    } catch {
      answer.fail(error)
    }
  }

  /// The catalogue's `GET /products` for one of Elasticsearch's clients, who asks what index that is.
  func servingElastic(_ route: Route) -> Route {
    guard route.method == .get, route.path == "/products" else { return route }
    return route.offered { request, responder in
      let door = ElasticDoor(request: request)
      guard ElasticDoor.isForElastic(request) else { return false }
      responder.answer(door.response(ElasticAdmin.products))
      return true
    }
  }
}

/// One request through this door.
struct ElasticCall: Sendable {
  let context: Context<Nothing>
  let caller: ElasticCaller
  let snapshot: DatabaseSnapshot

  var door: ElasticDoor { ElasticDoor(request: context.request) }
  var indices: ElasticIndices { ElasticIndices(snapshot: snapshot, caller: caller) }

  /// What the path names; empty where it names none. The marketplace's own path has no capture.
  var index: String {
    let name = context.path("index")
    let segments = context.request.segments.dropFirst(context.request.prefixSegments)
    return name.isEmpty && segments.first == ElasticDocuments.index ? ElasticDocuments.index : name
  }

  var snapshotHeader: Headers { [LogPosition.snapshotHeader: String(snapshot.lsn.rawValue)] }

  /// Parameters that nobody here knows would change what the answer means.
  func checkParameters(_ known: [String]) throws(ElasticError) {
    let bad = context.request.query.names.filter {
      !known.contains($0) && !ElasticParameters.always.contains($0)
    }
    guard let first = bad.first else { return }
    throw .illegal(
      "request [\(context.request.path)] contains an unsupported parameter: [\(first)]")
  }
}

/// Gives the answer, once, from any thread.
struct ElasticAnswering: Sendable {
  let complete: @Sendable (Result<Response, any Error>) -> Void
  private let door: ElasticDoor

  /// The answer of `other`, which is given when `work` has ended; at once, when it is an error.
  init(
    _ other: ElasticAnswering,
    after work: @escaping @Sendable (_ ended: @escaping @Sendable () -> Void) -> Void
  ) {
    door = other.door
    complete = { result in
      guard case .success = result else { return other.complete(result) }
      work { other.complete(result) }
    }
  }

  init(_ context: Context<Nothing>, _ responder: Responder) {
    let door = ElasticDoor(request: context.request)
    self.door = door
    complete = { result in
      switch result {
      case .success(let response): responder.answer(response)
      case .failure(let error):
        if let response = door.response(error) {
          responder.answer(response)
        } else {
          responder.answer(error)
        }
      }
    }
  }

  func succeed(_ value: JSONValue, status: Int = 200, headers: Headers = [:]) {
    var response = door.response(value, status: status)
    for (name, value) in headers.fields { response.headers[name] = value }
    complete(.success(response))
  }

  func answer(_ response: Response) { complete(.success(response)) }
  func fail(_ error: any Error) { complete(.failure(error)) }
}
