// OpenAPI: the table of routes as an OpenAPI 3.1 document.
//
// Paths stand under the server `/api/v1`. Record schemas go to `components/schemas` once, by the
// name of their type; a second type of the same name and another shape gets a number.

import Bytes
import Marketplace

/// Renders routes.
public struct OpenAPIDocument {
  private var schemas: [(name: String, record: RecordSchema)] = []
  private let title: String
  private let version: String

  public init(title: String, version: String) {
    self.title = title
    self.version = version
  }

  /// The document as JSON text.
  public mutating func render(_ routes: [Route]) -> [UInt8] {
    var paths: [JSONValue.Member] = []
    var order: [String] = []
    var byPath: [String: [Route]] = [:]
    for route in routes {
      if byPath[route.path] == nil { order.append(route.path) }
      byPath[route.path, default: []].append(route)
    }
    for path in order {
      let operations = (byPath[path] ?? []).map { route in
        JSONValue.Member(route.method.name.lowercased(), operation(route))
      }
      paths.append(.init(path, .object(operations)))
    }
    let tags = routes.map(\.tag).reduce(into: [String]()) { tags, tag in
      if !tag.isEmpty, !tags.contains(tag) { tags.append(tag) }
    }
    return JSONValue.object([
      .init("openapi", .string("3.1.0")),
      .init("info", object([("title", .string(title)), ("version", .string(version))])),
      .init("servers", .array([object([("url", .string("/api/v1"))])])),
      .init("tags", .array(tags.map { object([("name", .string($0))]) })),
      .init("paths", .object(paths)),
      .init("components", components()),
    ]).bytes
  }

  private func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { JSONValue.Member($0.0, $0.1) })
  }

  private mutating func operation(_ route: Route) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("operationId", .string(route.operationID)),
      ("summary", .string(route.summary.isEmpty ? route.operationID : route.summary)),
    ]
    if !route.tag.isEmpty { members.append(("tags", .array([.string(route.tag)]))) }
    let parameters = parameters(route)
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    switch route.body {
    case .none: break
    case .json(let record):
      // An absent body is an object without members.
      let isRequired = record.fields.contains(where: \.rules.isRequired)
      members.append(
        ("requestBody", content(["application/json"], reference(record), isRequired: isRequired)))
    case .bytes(let types):
      members.append(("requestBody", content(types.isEmpty ? ["*/*"] : types, object([]))))
    }
    members.append(("responses", responses(route)))
    switch route.caller {
    case .anyone: members.append(("security", .array([])))
    case .userOrGuest:
      members.append(("security", .array([object([]), object([("bearer", .array([]))])])))
    case .authenticated: members.append(("security", bearer))
    case .roles(let roles):
      members.append(("security", bearer))
      members.append(("x-roles", .array(roles.memberNames.map { .string($0) })))
    }
    return object(members)
  }

  private var bearer: JSONValue { .array([object([("bearer", .array([]))])]) }

  private func content(
    _ types: [String], _ schema: JSONValue, isRequired: Bool = true
  ) -> JSONValue {
    object([
      ("required", .bool(isRequired)),
      ("content", object(types.map { ($0, object([("schema", schema)])) })),
    ])
  }

  private func parameters(_ route: Route) -> [JSONValue] {
    func parameter(_ name: String, _ place: String, _ required: Bool, _ schema: JSONValue)
      -> [(String, JSONValue)]
    {
      [
        ("name", .string(name)), ("in", .string(place)), ("required", .bool(required)),
        ("schema", schema),
      ]
    }
    let text = object([("type", .string("string"))])
    var all = route.captureNames.map { object(parameter($0, "path", true, text)) }
    for query in route.query {
      var members = parameter(query.name, "query", query.isRequired, query.kind.schema)
      if !query.summary.isEmpty { members.append(("description", .string(query.summary))) }
      all.append(object(members))
    }
    if route.idempotencyKey != .unused {
      let isRequired = route.idempotencyKey == .required
      let schema = object([("type", .string("string")), ("maxLength", .int(255))])
      all.append(object(parameter("Idempotency-Key", "header", isRequired, schema)))
    }
    return all
  }

  private mutating func responses(_ route: Route) -> JSONValue {
    var success: [(String, JSONValue)] = [("description", .string("Success"))]
    let body: (String, JSONValue)? =
      switch route.output {
      case .none: nil
      case .json(let record): ("application/json", reference(record))
      case .anyJSON: ("application/json", object([]))
      case .bytes(let type): (type, object([]))
      }
    if let body {
      success.append(("content", object([(body.0, object([("schema", body.1)]))])))
    }
    var codes: [Int: [ErrorCode]] = [:]
    for code in route.documentedErrors { codes[code.status, default: []].append(code) }
    let envelope = object([
      ("application/json", object([("schema", object([("$ref", .string(Self.errorPath))]))]))
    ])
    var members = [(String(route.status), object(success))]
    for status in codes.keys.sorted() where status != route.status {
      let names = (codes[status] ?? []).map(\.rawValue).joined(separator: ", ")
      members.append(
        (String(status), object([("description", .string(names)), ("content", envelope)])))
    }
    members.append(
      ("default", object([("description", .string("Any other error")), ("content", envelope)])))
    return object(members)
  }

  private static let errorPath = "#/components/schemas/ErrorEnvelope"

  private func components() -> JSONValue {
    var all: [(String, JSONValue)] = [("ErrorEnvelope", errorSchema)]
    all += schemas.map { ($0.name, recordSchema($0.record)) }
    return object([
      ("schemas", object(all)),
      (
        "securitySchemes",
        object([
          ("bearer", object([("type", .string("http")), ("scheme", .string("bearer"))]))
        ])
      ),
    ])
  }

  private var errorSchema: JSONValue {
    let text = object([("type", .string("string"))])
    let code = object([
      ("type", .string("string")),
      ("enum", .array(ErrorCode.allCases.map { .string($0.rawValue) })),
    ])
    let names = ["code", "message", "timestamp", "requestId", "path"]
    let inner = object([
      ("type", .string("object")), ("required", .array(names.map { .string($0) })),
      (
        "properties",
        object([
          ("code", code), ("message", text), ("details", object([("type", .string("object"))])),
          ("timestamp", text), ("requestId", text), ("path", text),
        ])
      ),
    ])
    return object([
      ("type", .string("object")), ("required", .array([.string("error")])),
      ("properties", object([("error", inner)])),
    ])
  }

  // MARK: Records

  private mutating func reference(_ record: RecordSchema) -> JSONValue {
    register(record)
    return object([("$ref", .string("#/components/schemas/" + name(of: record)))])
  }

  private func name(of record: RecordSchema) -> String {
    schemas.first { $0.record == record }?.name ?? Self.cleaned(record.name)
  }

  /// Component names are letters, digits, `.`, `-`, `_`; a generic type's brackets are not.
  private static func cleaned(_ name: String) -> String {
    String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

  private mutating func register(_ record: RecordSchema) {
    guard !schemas.contains(where: { $0.record == record }) else { return }
    let base = Self.cleaned(record.name)
    var name = base
    var number = 2
    while schemas.contains(where: { $0.name == name }) || name == "ErrorEnvelope" {
      name = "\(base)\(number)"
      number += 1
    }
    schemas.append((name, record))
    for field in record.fields { registerRecords(in: field.schema) }
  }

  private mutating func registerRecords(in schema: FieldSchema) {
    switch schema {
    case .record(let record): register(record)
    case .array(let element), .map(let element): registerRecords(in: element)
    default: break
    }
  }

  private func recordSchema(_ record: RecordSchema) -> JSONValue {
    let properties = record.fields.map { field in
      (field.name, FieldRendering.property(field, render(field.schema)))
    }
    let required = record.fields.filter(\.rules.isRequired).map { JSONValue.string($0.name) }
    var members: [(String, JSONValue)] = [
      ("type", .string("object")), ("properties", object(properties)),
    ]
    if !required.isEmpty { members.append(("required", .array(required))) }
    return object(members)
  }

  private func render(_ schema: FieldSchema) -> JSONValue {
    switch schema {
    case .boolean: object([("type", .string("boolean"))])
    case .integer(let least, let most):
      object([
        ("type", .string("integer")), ("minimum", .int(least)), ("maximum", .number("\(most)")),
      ])
    case .number, .amount: object([("type", .string("number"))])
    case .string(let format):
      object(
        [("type", .string("string"))] + (format.map { [("format", .string($0))] } ?? []))
    case .enumeration(let names):
      object([("type", .string("string")), ("enum", .array(names.map { .string($0) }))])
    case .array(let element):
      object([("type", .string("array")), ("items", render(element))])
    case .map(let element):
      object([("type", .string("object")), ("additionalProperties", render(element))])
    case .record(let record):
      object([("$ref", .string("#/components/schemas/" + name(of: record)))])
    case .reference(let typeName):
      object([("$ref", .string("#/components/schemas/" + Self.cleaned(typeName)))])
    case .any: object([])
    }
  }
}

/// The rules of a field as JSON Schema keywords.
enum FieldRendering {
  static func property(_ field: RecordSchema.Field, _ schema: JSONValue) -> JSONValue {
    guard case .object(var members) = schema else { return schema }
    func set(_ name: String, _ value: JSONValue) {
      members.removeAll { $0.name == name }
      members.append(.init(name, value))
    }
    if let length = field.rules.length {
      set("minLength", .int(Int64(length.lowerBound)))
      set("maxLength", .int(Int64(length.upperBound)))
    }
    if let range = field.rules.range, case .integer = field.schema {
      set("minimum", .int(range.lowerBound))
      set("maximum", .int(range.upperBound))
    }
    if let bounds = field.rules.amount, case .amount = field.schema {
      set(bounds.isLeastExcluded ? "exclusiveMinimum" : "minimum", .number("\(bounds.least)"))
      set("maximum", .number("\(bounds.most)"))
    }
    if let count = field.rules.count {
      let isMap = if case .map = field.schema { true } else { false }
      set(isMap ? "minProperties" : "minItems", .int(Int64(count.lowerBound)))
      set(isMap ? "maxProperties" : "maxItems", .int(Int64(count.upperBound)))
    }
    if let format = field.rules.format { set("format", .string(format)) }
    if let summary = field.rules.summary { set("description", .string(summary)) }
    guard field.isOptional else { return .object(members) }
    return .object([
      .init("anyOf", .array([.object(members), .object([.init("type", .string("null"))])]))
    ])
  }
}

extension QueryParameter.Kind {
  var schema: JSONValue {
    func typed(_ type: String, _ more: [JSONValue.Member] = []) -> JSONValue {
      .object([.init("type", .string(type))] + more)
    }
    return switch self {
    case .text: typed("string")
    case .integer(let range):
      typed(
        "integer",
        [.init("minimum", .int(range.lowerBound)), .init("maximum", .int(range.upperBound))])
    case .number: typed("number")
    case .boolean: typed("boolean")
    case .uuid: typed("string", [.init("format", .string("uuid"))])
    case .time: typed("string", [.init("format", .string("date-time"))])
    case .oneOf(let names):
      typed("string", [.init("enum", .array(names.map { .string($0) }))])
    }
  }
}
