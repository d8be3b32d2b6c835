// ElasticAdministration: indices made, mapped and deleted, and keys given out; for administrators.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  /// Documents of a deleted index that go in one commit.
  private static let sweptInCommit = 2_000

  /// Runs `body` as a transaction that the audit trail has, and answers what it gives.
  private func administer(
    _ call: ElasticCall, _ answer: ElasticAnswering,
    _ body: @escaping @Sendable (Transaction) throws -> JSONValue
  ) throws {
    let userID = try call.caller.administrator(for: "[\(call.index)]")
    let entry = call.context.auditEntry()
    market.database.write(requestID: call.context.commitRequestID) { transaction in
      let value = try body(transaction)
      try Audit.append(transaction, entry, userID: userID, role: .admin)
      return value
    } completion: { result in
      switch result {
      case .success(let commit): answer.succeed(commit.value)
      case .failure(let error): answer.fail(error)
      }
    }
  }

  // MARK: Indices

  func elasticMake(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters(["wait_for_active_shards", "timeout", "master_timeout"])
    guard call.index != ElasticDocuments.index else { throw ElasticItems.readOnly }
    try call.caller.administrator(for: "[\(call.index)]")
    var members = try ElasticMembers(call.door.document(), of: "create index")
    let mappings = members.take("mappings")
    if let settings = members.take("settings") { try Self.checkSettings(settings) }
    if let aliases = members.take("aliases"), aliases != .object([]) {
      throw ElasticError.illegal("[aliases] are not supported by this server")
    }
    try members.finish()
    let name = call.index
    try administer(call, answer) { transaction in
      try Documents.create(transaction, name: name, mappings: mappings)
      return .object([
        .init("acknowledged", .bool(true)), .init("shards_acknowledged", .bool(true)),
        .init("index", .string(name)),
      ])
    }
  }

  /// An index is one shard without copies, and always fresh, whatever is asked for. Anything else would
  /// change something, and is refused.
  static func checkSettings(_ value: JSONValue) throws(ElasticError) {
    guard case .object(let members) = value else { throw .parsing("[settings] must be an object") }
    for member in members {
      let name = member.name.hasPrefix("index.") ? String(member.name.dropFirst(6)) : member.name
      switch name {
      case "index": try checkSettings(member.value)
      case "number_of_shards", "number_of_replicas", "refresh_interval", "auto_expand_replicas":
        break
      case "analysis":
        throw .illegal(
          "[analysis] is not supported: there are the analyzers standard, english and autocomplete")
      default: throw .illegal("unknown setting [index.\(name)] (docs/search.md)")
      }
    }
  }

  func elasticMap(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters(["timeout", "master_timeout"])
    guard call.index != ElasticDocuments.index else { throw ElasticItems.readOnly }
    try call.caller.administrator(for: "[\(call.index)]")
    let (mappings, name) = (try call.door.document(), call.index)
    try administer(call, answer) { transaction in
      try Documents.extend(transaction, name: name, mappings: mappings)
      return .object([.init("acknowledged", .bool(true))])
    }
  }

  func elasticDelete(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters([
      "timeout", "master_timeout", "ignore_unavailable", "allow_no_indices",
    ])
    guard call.index != ElasticDocuments.index else { throw ElasticItems.readOnly }
    guard !call.index.contains("*"), !call.index.contains(","), call.index != "_all" else {
      throw ElasticError.illegal("name the one index that is to go")
    }
    let name = call.index
    let sweeping = ElasticAnswering(answer, after: sweep)
    try administer(call, sweeping) { transaction in
      try Documents.delete(transaction, name: name)
      return .object([.init("acknowledged", .bool(true))])
    }
  }

  /// The documents of indices that are gone; what cannot be taken away now goes the next time.
  @Sendable
  private func sweep(_ completion: @escaping @Sendable () -> Void) {
    market.database.write { transaction in
      try Documents.sweep(transaction, limit: Self.sweptInCommit)
    } completion: { result in
      guard case .success(let commit) = result, commit.value == Self.sweptInCommit else {
        return completion()
      }
      sweep(completion)
    }
  }

  // MARK: Keys

  func elasticMakeKey(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters(["refresh"])
    let userID = try call.caller.administrator(for: "api keys")
    var members = try ElasticMembers(call.door.document(), of: "api_key")
    guard let name = try members.text("name"), (1...256).contains(name.utf8.count) else {
      throw ElasticError.illegal("[api_key] requires a [name] of 1 to 256 bytes")
    }
    var lifetime: Int64?
    if let text = try members.text("expiration") {
      guard let unit = text.last, let seconds = DocumentCells.seconds(of: unit),
        let count = Int64(text.dropLast()), (1...1_000_000).contains(count)
      else { throw ElasticError.illegal("[expiration] must be like 7d") }
      lifetime = seconds * count
    }
    // A key can do what its administrator can, which is everything.
    if let roles = members.take("role_descriptors"), roles != .object([]) {
      throw ElasticError.illegal("[role_descriptors] are not supported by this server")
    }
    try members.finish()
    let (secret, seconds) = (SecretText(), lifetime)
    try administer(call, answer) { transaction in
      let made = try AccessKeys.issue(
        transaction, secret, userID: userID, name: name, lifetimeSeconds: seconds)
      var members: [JSONValue.Member] = [
        .init("id", .string(made.id.description)), .init("name", .string(name)),
        .init("api_key", .string(secret.text)),
        .init("encoded", .string(Base64.encode(Array("\(made.id):\(secret.text)".utf8)))),
      ]
      if let expires = made.expiresAt {
        members.append(.init("expiration", .int(expires.microseconds / 1_000)))
      }
      return .object(members)
    }
  }

  func elasticKeys(_ call: ElasticCall) throws -> JSONValue {
    try call.checkParameters(["owner", "id", "name"])
    let userID = try call.caller.administrator(for: "api keys")
    let keys = try AccessKeys.all(call.snapshot.records, of: userID).filter { key in
      call.context.query("id").map { $0 == key.id.description } ?? true
        && call.context.query("name").map { ElasticPattern.matches(key.name, $0) } ?? true
    }
    let list = keys.map { key -> JSONValue in
      var members: [JSONValue.Member] = [
        .init("id", .string(key.id.description)), .init("name", .string(key.name)),
        .init("creation", .int(key.createdAt.microseconds / 1_000)),
        .init("invalidated", .bool(false)),
      ]
      if let expires = key.expiresAt {
        members.append(.init("expiration", .int(expires.microseconds / 1_000)))
      }
      return .object(members)
    }
    return .object([.init("api_keys", .array(list))])
  }

  func elasticEndKeys(_ call: ElasticCall, _ answer: ElasticAnswering) throws {
    try call.checkParameters([])
    let userID = try call.caller.administrator(for: "api keys")
    var members = try ElasticMembers(call.door.document(), of: "api_key")
    let ids = try (members.take("ids") ?? members.take("id")).map { (value) throws(ElasticError) in
      try ElasticValue.names(value, "ids")
    }
    let name = try members.text("name")
    let all = try members.flag("owner") ?? false
    try members.finish()
    guard ids != nil || name != nil || all else {
      throw ElasticError.illegal("one of [ids], [name] and [owner] is required")
    }
    try administer(call, answer) { transaction in
      var ended: [JSONValue] = []
      for key in try AccessKeys.all(transaction, of: userID) {
        let isNamed = (ids ?? []).contains(key.id.description) || name == key.name
        guard isNamed || (all && ids == nil && name == nil) else { continue }
        try transaction.delete(AccessKey.self, key.primaryKey)
        ended.append(.string(key.id.description))
      }
      return .object([
        .init("invalidated_api_keys", .array(ended)),
        .init("previously_invalidated_api_keys", .array([])), .init("error_count", .int(0)),
      ])
    }
  }
}
