// ElasticWrites: documents put, changed and deleted, one by one and in bulk.
//
// Items of a bulk are made in their order, up to `chunkItems` of them in one commit; each succeeds or is
// refused for itself. An answer is given when everything that it tells of is durable and can be found.

import Bytes
import Database
import Marketplace
import RecordStore

/// One item of a bulk, or the only one.
struct ElasticItem: Sendable {
  var verb: String
  var index: String
  var id: String?
  var action: Result<DocumentAction, ElasticError>
  /// Of its lines.
  var bytes = 0
}

struct ElasticItems {
  static let linesMax = 40_000
  static let bulkBytesMax = 16 << 20
  static let documentBytesMax = 2 << 20
  static let chunkItems = 500
  static let chunkBytes = 4 << 20

  let caller: ElasticCaller

  /// Products are read-only, and all else is for administrators.
  func check(_ index: String) throws(ElasticError) {
    guard index != ElasticDocuments.index else { throw Self.readOnly }
    try caller.administrator(for: "[\(index)]")
  }

  static let readOnly = ElasticError(
    "cluster_block_exception",
    "index [products] is the catalogue, which is read-only here: change it with POST, PUT and DELETE of "
      + "/api/v1/products", status: 403)

  // MARK: Bulk

  /// The items of a body of lines; what is wrong with its form refuses all of it.
  func parse(_ body: [UInt8], index: String) throws -> [ElasticItem] {
    var lines: [ArraySlice<UInt8>] = []
    for line in body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }
      if !isBlank { lines.append(line) }
      guard lines.count <= Self.linesMax else {
        throw ElasticError.illegal("a bulk has at most \(Self.linesMax) lines")
      }
    }
    guard !lines.isEmpty else {
      throw ElasticError("parse_exception", "request body is required")
    }
    var items: [ElasticItem] = []
    var next = 0
    while next < lines.count {
      let number = next + 1
      let header = try JSONValue(parsing: Array(lines[next]))
      guard case .object(let members) = header, let member = members.first, members.count == 1,
        ["index", "create", "update", "delete"].contains(member.name)
      else { throw ElasticError.illegal("Malformed action/metadata line [\(number)]") }
      next += 1
      var body: ArraySlice<UInt8>?
      if member.name != "delete" {
        guard next < lines.count else {
          throw ElasticError.illegal(
            "line [\(number)] is the last one, and its document is missing")
        }
        body = lines[next]
        next += 1
      }
      items.append(try item(member, body, index: index, line: number))
    }
    return items
  }

  private func item(
    _ member: JSONValue.Member, _ body: ArraySlice<UInt8>?, index: String, line: Int
  ) throws(ElasticError) -> ElasticItem {
    var header = try ElasticMembers(member.value, of: "line \(line)")
    let named = try header.text("_index") ?? (index.isEmpty ? nil : index)
    guard let name = named else {
      throw ElasticError(
        "action_request_validation_exception", "index is missing in line [\(line)]")
    }
    let id = try header.text("_id")
    let conditions = try ElasticConditions(&header)
    // Nobody writes beside a request, so there is nothing to try again for.
    header.ignore("retry_on_conflict")
    try header.require("require_alias", oneOf: ["false"])
    try header.finish()
    var item = ElasticItem(
      verb: member.name, index: name, id: id,
      action: .failure(Self.readOnly), bytes: body?.count ?? 0)
    do throws(ElasticError) {
      try check(name)
      let json = try body.map { (bytes) throws(ElasticError) in try Self.json(Array(bytes)) }
      let kind = try Self.kind(member.name, json)
      guard id != nil || member.name == "index" || member.name == "create" else {
        throw ElasticError("action_request_validation_exception", "id is missing")
      }
      item.action = .success(
        DocumentAction(index: name, id: id, kind, expected: conditions.sequence))
    } catch {
      item.action = .failure(error)
    }
    return item
  }

  static func json(_ bytes: [UInt8]) throws(ElasticError) -> JSONValue {
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      throw ElasticError("document_parsing_exception", "\(error)")
    }
  }

  static func kind(
    _ verb: String, _ body: JSONValue?
  ) throws(ElasticError) -> DocumentAction.Kind {
    switch verb {
    case "delete": return .delete
    case "update": return .update(try update(body ?? .object([])))
    case "create": return .create(body ?? .object([]))
    default: return .index(body ?? .object([]))
    }
  }

  private static func update(_ body: JSONValue) throws(ElasticError) -> DocumentUpdate {
    var members = try ElasticMembers(body, of: "update")
    try members.refuse("script", "scripted_upsert", "_source")
    var update = DocumentUpdate()
    update.part = members.take("doc")
    update.upsert = members.take("upsert")
    update.partIsUpsert = try members.flag("doc_as_upsert") ?? false
    update.detectsNoop = try members.flag("detect_noop") ?? true
    try members.finish()
    guard update.part != nil || update.upsert != nil else {
      throw ElasticError(
        "action_request_validation_exception", "an update requires [doc] or [upsert]")
    }
    return update
  }

  // MARK: Answers

  static func members(of outcome: DocumentOutcome) -> [JSONValue.Member] {
    [
      .init("_index", .string(outcome.index)), .init("_id", .string(outcome.id)),
      .init("_version", .int(outcome.version)), .init("result", .string(outcome.result.rawValue)),
      .init("_shards", ElasticAnswer.written), .init("_seq_no", .int(outcome.sequence)),
      .init("_primary_term", .int(1)),
    ]
  }

  static func json(
    _ item: ElasticItem, _ result: Result<DocumentOutcome, ElasticError>
  ) -> JSONValue {
    var members: [JSONValue.Member] = []
    switch result {
    case .success(let outcome):
      members =
        Self.members(of: outcome) + [.init("status", .int(Int64(outcome.status)))]
    case .failure(let error):
      members.append(.init("_index", .string(item.index)))
      if let id = item.id { members.append(.init("_id", .string(id))) }
      members += [.init("status", .int(Int64(error.status))), .init("error", error.cause)]
    }
    return .object([.init(item.verb, .object(members))])
  }
}

/// `if_seq_no` with `if_primary_term`, of which there is one only.
struct ElasticConditions {
  var sequence: Int64?

  init(_ members: inout ElasticMembers) throws(ElasticError) {
    let sequence = try members.integer("if_seq_no", 0...Int(UInt32.max))
    let term = try members.integer("if_primary_term", 1...Int(Int32.max))
    guard (sequence == nil) == (term == nil) else {
      throw ElasticError(
        "action_request_validation_exception", "if_seq_no and if_primary_term go together")
    }
    // No document has been changed in another term.
    self.sequence = sequence.map { term == 1 ? Int64($0) : -1 }
  }
}

extension MarketplaceServer {
  typealias ElasticResults = [Result<DocumentOutcome, ElasticError>]

  /// Makes the items, a chunk after another; `completion` gets one result for each.
  func perform(
    _ items: [ElasticItem], requestID: UUIDv7, done: ElasticResults = [],
    _ completion: @escaping @Sendable (ElasticResults) -> Void
  ) {
    guard done.count < items.count else { return completion(done) }
    var bytes = 0
    let chunk = items[done.count...].prefix(ElasticItems.chunkItems).prefix { item in
      bytes += item.bytes
      return bytes <= ElasticItems.chunkBytes || bytes == item.bytes
    }
    let database = market.database
    let room = DocumentRoom(database.snapshot().view(DocumentViewSnapshot.self))
    database.write(requestID: requestID) { transaction -> ElasticResults in
      var writer = DocumentWriter(transaction, room)
      var results: ElasticResults = []
      for item in chunk {
        do {
          results.append(.success(try writer.perform(item.action.get())))
        } catch let refusal as DocumentRefusal {
          results.append(.failure(ElasticError(refusal)))
        } catch let error as ElasticError {
          results.append(.failure(error))
        }
      }
      try writer.finish()
      return results
    } completion: { result in
      switch result {
      case .success(let commit):
        perform(items, requestID: requestID, done: done + commit.value, completion)
      case .failure(let error):
        let failure = ElasticError(telling: error)
        let failed = chunk.map { _ in Result<DocumentOutcome, ElasticError>.failure(failure) }
        perform(items, requestID: requestID, done: done + failed, completion)
      }
    }
  }

  // MARK: Handlers

  func elasticBulk(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters(ElasticParameters.writing)
    try call.door.checkMediaType(ElasticDoor.lineTypes + ElasticDoor.documentTypes)
    let parser = ElasticItems(caller: call.caller)
    // Credentials that are no good are told at once, not item by item.
    if case .refused(let error) = call.caller { throw error }
    let items = try parser.parse(call.context.request.body, index: call.index)
    let clock = ContinuousClock()
    let start = clock.now
    perform(items, requestID: call.context.commitRequestID) { results in
      let hasErrors = results.contains { result in
        if case .failure = result { return true }
        return false
      }
      answer.succeed(
        .object([
          .init("took", .int(Int64((clock.now - start) / .milliseconds(1)))),
          .init("errors", .bool(hasErrors)),
          .init("items", .array(zip(items, results).map { ElasticItems.json($0, $1) })),
        ]))
    }
  }

  /// One document: its verb is the route's, or the `op_type` of the request.
  func elasticWrite(_ verb: String, _ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters(
      ElasticParameters.writing + ["if_seq_no", "if_primary_term", "op_type", "retry_on_conflict"])
    try ElasticItems(caller: call.caller).check(call.index)
    let id = call.context.path("id")
    var verb = verb
    if verb == "index" {
      switch call.context.query("op_type") {
      case nil, "index": break
      case "create": verb = "create"
      case .some(let other): throw ElasticError.illegal("there is no op_type [\(other)]")
      }
    }
    let parameters = ["if_seq_no", "if_primary_term"].compactMap { name in
      call.context.query(name).map { JSONValue.Member(name, .string($0)) }
    }
    var conditions = try ElasticMembers(.object(parameters), of: "parameters")
    let expected = try ElasticConditions(&conditions).sequence
    if verb != "delete", call.context.request.body.isEmpty {
      throw ElasticError("parse_exception", "request body is required")
    }
    let body = verb == "delete" ? nil : try call.door.document()
    let action = DocumentAction(
      index: call.index, id: id.isEmpty ? nil : id, try ElasticItems.kind(verb, body),
      expected: expected)
    let item = ElasticItem(verb: verb, index: call.index, id: id, action: .success(action))
    perform([item], requestID: call.context.commitRequestID) { results in
      switch results.first {
      case .success(let outcome)?:
        answer.succeed(.object(ElasticItems.members(of: outcome)), status: outcome.status)
      case .failure(let error)?: answer.fail(error)
      case nil: answer.fail(ElasticError.illegal("nothing was asked for"))
      }
    }
  }
}
