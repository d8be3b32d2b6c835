// ElasticError: a refusal in Elasticsearch's envelope, which its clients read:
//
//   {"error":{"root_cause":[{"type":…,"reason":…}],"type":…,"reason":…},"status":400}

import Bytes
import TextSearch

struct ElasticError: Error, Equatable {
  var status: Int
  /// Elasticsearch's name of the kind of failure, such as `parsing_exception`.
  var type: String
  /// For people: what, where, and what to do.
  var reason: String

  init(_ type: String, _ reason: String, status: Int = 400) {
    (self.type, self.reason, self.status) = (type, reason, status)
  }

  /// What the request says is not a search.
  static func parsing(_ reason: String) -> ElasticError {
    ElasticError("parsing_exception", reason)
  }

  /// The request is well formed, but asks for what cannot be.
  static func illegal(_ reason: String) -> ElasticError {
    ElasticError("illegal_argument_exception", reason)
  }

  static func noIndex(_ name: String) -> ElasticError {
    ElasticError("index_not_found_exception", "no such index [\(name)]", status: 404)
  }

  /// What the engine says of a request that the parser let through.
  init(_ error: TextError) { self.init("illegal_argument_exception", "\(error)") }

  /// What the marketplace or the database says of a write.
  init(telling error: any Error) {
    guard let told = APIError.telling(error) as? APIError else {
      self.init("internal_server_error", APIError.unexpected.message, status: 500)
      return
    }
    let type =
      switch told.status {
      case 503: "es_rejected_execution_exception"
      case 429: "too_many_requests"
      case 409: "version_conflict_engine_exception"
      case 404: "resource_not_found_exception"
      case 401, 403: "security_exception"
      default: "illegal_argument_exception"
      }
    self.init(type, told.message, status: told.status)
  }

  var cause: JSONValue {
    .object([.init("type", .string(type)), .init("reason", .string(reason))])
  }

  var json: JSONValue {
    .object([
      .init(
        "error",
        .object([
          .init("root_cause", .array([cause])), .init("type", .string(type)),
          .init("reason", .string(reason)),
        ])),
      .init("status", .int(Int64(status))),
    ])
  }
}
