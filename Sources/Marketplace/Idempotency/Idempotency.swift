// Idempotency: one key makes one effect, and every repetition gets the first answer, to the byte.
//
// Invariants
// 1. The answer is stored in the commit of its effect: no crash can part "done" from "remembered".
// 2. Transactions run one at a time, so of two requests with one key the second finds the first's
//    answer; there is no "still running".
// 3. Stored are successes and business refusals (BIZ_…). Anything else (a bad request, a missing
//    permission, a provider that is away) leaves nothing, and the key may be used again.
// 4. A refusal is stored only if it wrote nothing; else the whole transaction is dropped.
// 5. A key lives 24 hours of log time; each stored answer drops a few that are older.

import Bytes
import RecordStore

/// An answer that was given under a key. Table 14.
public struct IdempotencyRecord: Record, Equatable {
  public var principalID = UUIDv7.zero
  public var method = ""
  /// The operation of the API.
  public var route = ""
  public var idempotencyKey = ""
  /// SHA-256 of the request.
  public var fingerprint: [UInt8] = []
  public var status: Int64 = 0
  public var body: [UInt8] = []
  public var createdAt = Timestamp.zero
  public var headers: [StoredHeader] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "principalId", &principalID)
    try visitor.field(2, "method", &method)
    try visitor.field(3, "route", &route)
    try visitor.field(4, "idempotencyKey", &idempotencyKey)
    try visitor.field(5, "fingerprint", &fingerprint)
    try visitor.field(6, "status", &status)
    try visitor.field(7, "body", &body)
    try visitor.field(8, "createdAt", &createdAt)
    try visitor.field(9, "headers", &headers)
  }

  public static let table = Table<IdempotencyRecord>(
    number: 14, name: "idempotencyRecords", indexes: [byTime])
  public static let byTime = Index<IdempotencyRecord>(number: 1, name: "byTime") {
    [key($0.createdAt)]
  }
  public var primaryKey: [UInt8] { key(principalID, method, route, idempotencyKey) }
}

/// A header of an answer that is repeated with it: `ETag`, `Location`.
public struct StoredHeader: Fields, Equatable {
  public var name = ""
  public var value = ""

  public init() {}

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "value", &value)
  }
}

/// A JSON answer as bytes, first given or repeated. One without a body has no bytes.
public struct StoredAnswer: Equatable, Sendable {
  public var status: Int
  public var body: [UInt8]
  public var headers: [StoredHeader]
  public var isReplay: Bool

  public init(
    status: Int, body: [UInt8], headers: [StoredHeader] = [], isReplay: Bool = false
  ) {
    self.status = status
    self.body = body
    self.headers = headers
    self.isReplay = isReplay
  }
}

/// The request that a key stands for.
public struct IdempotentRequest: Sendable, Equatable {
  public static let keyBytesMax = 255

  public var principalID: UUIDv7
  public var method: String
  public var route: String
  public var key: String
  public var fingerprint: [UInt8]

  /// - Parameters:
  ///   - key: the header's value, in quotes or bare; nil when there was none.
  ///   - path: as it was sent.
  ///   - query: name and value of each parameter; their order does not matter.
  ///
  /// Throws VAL_3003 without a key, VAL_3001 for one that is too long or not printable.
  public init(
    principalID: UUIDv7, method: String, route: String, key: String?, path: String,
    query: [(name: String, value: String)], body: [UInt8]
  ) throws(MarketError) {
    guard let key else {
      throw MarketError(
        .missingRequiredField,
        "Send an Idempotency-Key: a new UUID for each purchase, the same one for each retry.")
    }
    self.principalID = principalID
    self.method = method
    self.route = route
    self.key = try Self.bare(key)
    fingerprint = Self.fingerprint(method: method, path: path, query: query, body: body)
  }

  /// The key without the quotes of a structured field (RFC 8941, section 3.3.3).
  static func bare(_ value: String) throws(MarketError) -> String {
    var text = value[...]
    if text.utf8.count >= 2, text.first == "\"", text.last == "\"" {
      text = text.dropFirst().dropLast()
    }
    guard (1...keyBytesMax).contains(text.utf8.count),
      text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f })
    else {
      throw .invalid(
        "/Idempotency-Key", rule: "length",
        "The Idempotency-Key must have 1 to \(keyBytesMax) printable ASCII characters.")
    }
    return String(text)
  }

  /// SHA-256 over method, path, sorted query and body, each with its length before it.
  static func fingerprint(
    method: String, path: String, query: [(name: String, value: String)], body: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter(reserving: body.count + 256)
    func part(_ bytes: [UInt8]) {
      writer.varint(UInt64(bytes.count))
      writer.append(bytes)
    }
    part(Array(method.utf8))
    part(Array(path.utf8))
    for pair in query.sorted(by: { ($0.name, $0.value) < ($1.name, $1.value) }) {
      part(Array(pair.name.utf8))
      part(Array(pair.value.utf8))
    }
    part(body)
    return Crypto.sha256(writer.bytes)
  }
}

public enum Idempotency {
  /// How long an answer can be repeated.
  public static let retentionSeconds: Int64 = 24 * 3600
  /// Old answers that one new answer drops: more than one, so that a backlog shrinks.
  static let prunedAtOnce = 4

  /// The stored answer of a request that was carried out before; nil for a new one.
  ///
  /// Throws 422 RES_4003 when the key stood for another request.
  public static func replay(
    _ reader: some RecordReader, _ request: IdempotentRequest, at time: Timestamp
  ) throws -> StoredAnswer? {
    let primaryKey = key(request.principalID, request.method, request.route, request.key)
    guard let record = try reader.get(IdempotencyRecord.self, primaryKey),
      record.createdAt > oldest(at: time)
    else { return nil }
    guard record.fingerprint == request.fingerprint else {
      var refusal = MarketError.conflict(
        "This Idempotency-Key was used for another request. Use a new key.",
        reason: "idempotency_key_reused")
      refusal.status = 422
      throw refusal
    }
    return StoredAnswer(
      status: Int(record.status), body: record.body, headers: record.headers, isReplay: true)
  }

  /// Remembers the answer in the transaction of its effect, and drops a few old ones.
  public static func save(
    _ transaction: Transaction, _ request: IdempotentRequest, _ answer: StoredAnswer
  ) throws {
    var record = IdempotencyRecord()
    record.principalID = request.principalID
    record.method = request.method
    record.route = request.route
    record.idempotencyKey = request.key
    record.fingerprint = request.fingerprint
    record.status = Int64(answer.status)
    record.body = answer.body
    record.headers = answer.headers
    record.createdAt = transaction.time
    let old = try transaction.all(
      in: IdempotencyRecord.byTime,
      .range(KeyRange(to: key(oldest(at: transaction.time)))), limit: prunedAtOnce)
    for record in old { try transaction.delete(IdempotencyRecord.self, record.primaryKey) }
    try transaction.put(record)
  }

  /// Repeats the answer of `request`, or carries out `body` and remembers its answer; without a
  /// request, carries it out only.
  ///
  /// - Parameter render: the error envelope of a business refusal, which is stored as it is.
  public static func perform(
    _ transaction: Transaction, _ request: IdempotentRequest?,
    render: (MarketError) -> [UInt8], _ body: () throws -> StoredAnswer
  ) throws -> StoredAnswer {
    guard let request else { return try body() }
    if let answer = try replay(transaction, request, at: transaction.time) { return answer }
    let answer: StoredAnswer
    do {
      answer = try body()
    } catch let refusal as MarketError where refusal.code.isBusinessRefusal {
      guard transaction.operations.isEmpty else { throw refusal }
      answer = StoredAnswer(status: refusal.status, body: render(refusal))
    }
    try save(transaction, request, answer)
    return answer
  }

  private static func oldest(at time: Timestamp) -> Timestamp {
    time.adding(seconds: -retentionSeconds)
  }
}
