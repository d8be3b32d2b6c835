// ElasticDoor: how Elasticsearch's clients are spoken to: media types, the product header, its errors.
//
// Clients of version 8 and 9 refuse a server that does not name the product in its first answer. They
// ask for a media type of their own, and are answered in it.

import Bytes
import Database
import Marketplace

struct ElasticDoor {
  static let productHeader = "X-Elastic-Product"
  /// What we say we are: the version whose forms we follow.
  static let version = "8.15.0"
  static let documentTypes = ["application/json", "application/vnd.elasticsearch+json"]
  static let lineTypes = [
    "application/x-ndjson", "application/vnd.elasticsearch+x-ndjson",
  ]

  let request: Request

  /// Asked by one of Elasticsearch's own clients.
  static func isForElastic(_ request: Request) -> Bool {
    [request.headers["Accept"], request.headers["Content-Type"]].contains { value in
      value?.contains("vnd.elasticsearch") == true
    }
  }

  /// The media type that was asked for.
  private var mediaType: String {
    guard let accept = request.headers["Accept"], accept.contains("vnd.elasticsearch") else {
      return "application/json"
    }
    let version = accept.contains("compatible-with=9") ? 9 : 8
    return "application/vnd.elasticsearch+json;compatible-with=\(version)"
  }

  func response(_ value: JSONValue, status: Int = 200) -> Response {
    Response(
      status: status, headers: [Self.productHeader: "Elasticsearch"], contentType: mediaType,
      body: value.bytes)
  }

  func text(_ text: String) -> Response {
    var response = Response.text(text)
    response.headers[Self.productHeader] = "Elasticsearch"
    return response
  }

  /// Refusals of this door are in Elasticsearch's envelope; failures are the server's own.
  func response(_ error: any Error) -> Response? {
    switch error {
    case let error as ElasticError: response(error.json, status: error.status)
    case let missing as ElasticMissing: response(missing.json, status: 404)
    case let error as JSONError:
      response(ElasticError("x_content_parse_exception", "\(error)").json, status: 400)
    case let error as DocumentRefusal:
      response(ElasticError(error).json, status: error.status)
    default: told(error).map { response($0.json, status: $0.status) }
    }
  }

  /// What the domain and the database refuse; nil for a failure of the server's own.
  private func told(_ error: any Error) -> ElasticError? {
    // A path that is none of an index is the marketplace's.
    if error is APIError, !Self.isForElastic(request) { return nil }
    guard let told = APIError.telling(error) as? APIError, told.status < 500 || told.status == 503
    else { return nil }
    return ElasticError(telling: told)
  }

  /// The body as JSON; an absent one is an empty object.
  func document() throws -> JSONValue {
    try checkMediaType(Self.documentTypes)
    return request.body.isEmpty ? .object([]) : try JSONValue(parsing: request.body)
  }

  /// The body's lines, each one JSON text.
  func lines(most: Int) throws -> [JSONValue] {
    try checkMediaType(Self.lineTypes + Self.documentTypes)
    let lines = request.body.split(separator: UInt8(ascii: "\n"))
      .filter { line in !line.allSatisfy { $0 == 0x20 || $0 == 0x0d || $0 == 0x09 } }
    guard lines.count <= most else {
      throw ElasticError.illegal("a body has at most \(most) lines")
    }
    return try lines.map { try JSONValue(parsing: Array($0)) }
  }

  func checkMediaType(_ accepted: [String]) throws(ElasticError) {
    guard !request.body.isEmpty, let type = request.mediaType, !accepted.contains(type) else {
      return
    }
    throw ElasticError(
      "media_type_header_exception",
      "Content-Type [\(type)] is not supported; send \(accepted.joined(separator: " or "))",
      status: 415)
  }
}
