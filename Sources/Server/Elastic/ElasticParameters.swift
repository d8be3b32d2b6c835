// ElasticParameters: what the query of a path may say: members of a body, and what is so anyway.

import Bytes

/// Parameters of the path that stand for members of the body.
enum ElasticParameters {
  /// About the form of an answer, or where it is worked out: nothing that it says.
  static let always = ["pretty", "human", "error_trace", "preference"]
  static let naming: [String] = []
  static let source = ["_source", "_source_includes", "_source_excludes"]
  /// Documents are read as they are now, however they are asked for.
  static let getting = source + ["realtime", "refresh"]
  static let searching =
    source + [
      "size", "from", "sort", "track_total_hits", "request_cache", "batched_reduce_size",
      "max_concurrent_shard_requests", "pre_filter_shard_size", "ccs_minimize_roundtrips",
    ]
  /// What was written is found at once, and is durable, whatever is asked for.
  static let writing = ["refresh", "timeout", "wait_for_active_shards"]

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
