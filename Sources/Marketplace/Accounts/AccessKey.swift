// AccessKey: a secret by which a program acts for an administrator, as Elasticsearch's clients send it.
//
// Invariants
// 1. Only the SHA-256 of the secret is stored; the secret is told once.
// 2. A key is worth what its user is: one who is kept out, or no administrator any more, has no keys.

import Bytes
import RecordStore

/// A key that was given out. Table 62.
public struct AccessKey: Record, Equatable {
  public var id = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var name = ""
  /// SHA-256 of the secret.
  public var hash: [UInt8] = []
  public var createdAt = Timestamp.zero
  /// Nil: until it is taken back.
  public var expiresAt: Timestamp?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "name", &name)
    try visitor.field(4, "hash", &hash)
    try visitor.field(5, "createdAt", &createdAt)
    try visitor.field(6, "expiresAt", &expiresAt)
  }

  public static let table = Table<AccessKey>(number: 62, name: "accessKeys", indexes: [byUser])
  public static let byUser = Index<AccessKey>(number: 1, name: "byUser") { [key($0.userID)] }
  public var primaryKey: [UInt8] { key(id) }
}

public enum AccessKeys {
  /// More would be forgotten ones.
  static let perUserMax = 100

  /// Makes a key of a user's.
  public static func issue(
    _ transaction: Transaction, _ secret: SecretText, userID: UUIDv7, name: String,
    lifetimeSeconds: Int64?
  ) throws -> AccessKey {
    let count = try transaction.all(
      in: AccessKey.byUser, .equal(key(userID)), limit: perUserMax
    ).count
    guard count < perUserMax else {
      throw MarketError(.conflict, "A user has at most \(perUserMax) keys; take some back first.")
    }
    var made = AccessKey()
    made.id = transaction.newID()
    made.userID = userID
    made.name = name
    made.hash = secret.hash
    made.createdAt = transaction.time
    made.expiresAt = lifetimeSeconds.map { transaction.time.adding(seconds: $0) }
    try transaction.insert(made)
    return made
  }

  /// The user whose key it is; nil when the key is not good, whatever the reason.
  public static func user(
    _ reader: some RecordReader, id: String, secret: String, at time: Timestamp
  ) throws -> User? {
    guard let id = UUIDv7(id[...]), let found = try reader.get(AccessKey.self, key(id)),
      Crypto.isEqual(found.hash, SecretText(text: secret).hash),
      found.expiresAt.map({ $0 > time }) ?? true,
      let user = try Accounts.user(reader, id: found.userID), user.disabledAt == nil
    else { return nil }
    return user
  }

  public static func all(_ reader: some RecordReader, of userID: UUIDv7) throws -> [AccessKey] {
    try reader.all(in: AccessKey.byUser, .equal(key(userID)))
  }
}
