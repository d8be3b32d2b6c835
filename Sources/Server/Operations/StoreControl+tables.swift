// The marketplace's tables as `souk store get`, `scan`, `log show` and `page` print them: how a stored
// record becomes JSON, of what its keys consist, and what of it is a secret.
//
// Invariant: what can sign somebody in, or be replayed, is printed as "(redacted)" unless the caller
// asks for it: password hashes, token hashes, and the answers kept under idempotency keys.

import Bytes
import Marketplace
import RecordStore

/// One declared table.
struct StoreTable: Sendable {
  struct IndexShape: Sendable {
    var key: KeyParts
    var isSecret: Bool
  }

  static let redacted = "(redacted)"

  let descriptor: TableDescriptor
  let primaryKey: KeyParts
  /// By number; one that is missing here is printed in hex.
  let indexes: [UInt32: IndexShape]
  private let secrets: Set<String>
  private let decode: @Sendable ([UInt8]) throws(DecodeError) -> [UInt8]

  /// - Parameters:
  ///   - indexes: by name; the primary key behind a key that is not unique is added here.
  ///   - secrets: names of members and of indexes.
  init<R: Record>(
    _ type: R.Type, key: [KeyPart], indexes: [String: [KeyPart]] = [:], secrets: Set<String> = []
  ) {
    descriptor = R.table.descriptor
    primaryKey = KeyParts(parts: key)
    var shapes: [UInt32: IndexShape] = [:]
    for index in R.table.indexes {
      guard let parts = indexes[index.name] else { continue }
      shapes[index.number] = IndexShape(
        key: KeyParts(parts: parts + (index.isUnique ? [] : key)),
        isSecret: secrets.contains(index.name))
    }
    self.indexes = shapes
    self.secrets = secrets
    decode = { (bytes) throws(DecodeError) in
      FieldJSON.encode(try FieldBinary.decode(R.self, from: bytes))
    }
  }

  /// The record; nil when it does not decode.
  func json(of value: [UInt8], reveal: Bool) -> JSONValue? {
    guard let bytes = try? decode(value), let json = try? JSONValue(parsing: bytes) else {
      return nil
    }
    guard !reveal, case .object(let members) = json else { return json }
    return .object(
      members.map { member in
        secrets.contains(member.name)
          ? JSONValue.Member(member.name, .string(Self.redacted)) : member
      })
  }

  // MARK: All of them

  static let all: [StoreTable] = [
    StoreTable(
      User.self, key: [.uuid],
      indexes: ["byEmail": [.text], "byOrdinal": [.u32], "byRole": [.text]],
      secrets: ["passwordHash"]),
    StoreTable(
      Session.self, key: [.uuid],
      indexes: ["byRefreshToken": [.bytes], "byPreviousToken": [.bytes], "byUser": [.uuid]],
      secrets: ["refreshTokenHash", "previousTokenHash", "byRefreshToken", "byPreviousToken"]),
    StoreTable(
      Product.self, key: [.uuid],
      indexes: [
        "bySlug": [.text], "bySeller": [.uuid, .latestFirst], "byNewest": [.text, .latestFirst],
        "byPrice": [.text, .i64], "byExternalID": [.text], "byVariant": [.uuid],
        "byCategory": [.bytes, .text, .latestFirst], "bySKU": [.uuid, .text],
      ]),
    StoreTable(
      StockLevel.self, key: [.uuid, .uuid],
      indexes: ["byProduct": [.uuid], "byLocation": [.uuid, .uuid], "byLow": [.uuid, .i64]]),
    StoreTable(
      StockMovement.self, key: [.uuid],
      indexes: ["byLevel": [.uuid, .uuid], "byReference": [.uuid]]),
    StoreTable(
      Reservation.self, key: [.uuid],
      indexes: [
        "byOwner": [.uuid], "bySeller": [.uuid, .latestFirst], "heldByVariant": [.uuid, .time],
        "heldByExpiry": [.time],
      ]),
    StoreTable(AppliedFeed.self, key: [.uuid, .text]),
    StoreTable(
      Location.self, key: [.uuid],
      indexes: ["bySeller": [.uuid, .bool], "byExternalID": [.u64, .text]]),
    StoreTable(
      Category.self, key: [.uuid],
      indexes: [
        "bySlug": [.text], "byPath": [.bytes], "byParent": [.optionalUUID, .text],
        "byExternalID": [.text], "byName": [.text],
      ]),
    StoreTable(Cart.self, key: [.uuid], indexes: ["byGuestTime": [.time]]),
    StoreTable(
      Order.self, key: [.uuid], indexes: ["byNumber": [.text], "byBuyer": [.uuid]]),
    StoreTable(
      SellerOrder.self, key: [.uuid], indexes: ["byOrder": [.uuid], "bySeller": [.uuid]]),
    StoreTable(
      PaymentTransaction.self, key: [.uuid], indexes: ["byOrder": [.uuid], "byUser": [.uuid]]),
    StoreTable(Escrow.self, key: [.uuid], indexes: ["byRelease": [.time]]),
    StoreTable(
      PaymentMethod.self, key: [.uuid], indexes: ["byUser": [.uuid]], secrets: ["sealedToken"]),
    StoreTable(PaymentAttempt.self, key: [.uuid, .u32], indexes: ["byCheck": [.time]]),
    StoreTable(Coupon.self, key: [.text]),
    StoreTable(CouponUse.self, key: [.text, .uuid]),
    StoreTable(LedgerEntry.self, key: [.uuid, .u32], indexes: ["byAccount": [.text, .text]]),
    StoreTable(
      IdempotencyRecord.self, key: [.uuid, .text, .text, .text], indexes: ["byTime": [.time]],
      secrets: ["fingerprint", "body", "headers"]),
    StoreTable(TestCharge.self, key: [.text], indexes: ["byReference": [.text]]),
    StoreTable(Counter.self, key: [.text]),
    StoreTable(StoredSetting.self, key: [.text]),
    StoreTable(DocumentIndex.self, key: [.u32], indexes: ["byName": [.text]]),
    StoreTable(IndexedDocument.self, key: [.u32, .text]),
    StoreTable(AccessKey.self, key: [.uuid], indexes: ["byUser": [.uuid]], secrets: ["hash"]),
    StoreTable(PastSlug.self, key: [.text]),
    StoreTable(
      OneTimeToken.self, key: [.bytes], indexes: ["byUser": [.uuid, .text], "byExpiry": [.time]],
      secrets: ["hash"]),
    StoreTable(
      MailMessage.self, key: [.uuid], indexes: ["byDue": [.time]], secrets: ["sealedText"]),
    StoreTable(TwoFactor.self, key: [.uuid], secrets: ["sealedKey", "recoveryHashes"]),
    StoreTable(UserAddress.self, key: [.uuid], indexes: ["byUser": [.uuid]]),
    StoreTable(AuditEntry.self, key: [.uuid]),
    StoreTable(ProviderAccount.self, key: [.text, .text], indexes: ["byUser": [.uuid]]),
    StoreTable(UserProfile.self, key: [.uuid]),
    StoreTable(SearchDay.self, key: [.i64]),
    StoreTable(SearchedQuery.self, key: [.i64, .text]),
    StoreTable(SearchRule.self, key: [.uuid], indexes: ["byTarget": [.text, .uuid]]),
  ]
}

/// A tree as it is printed: a table, one of its indexes, or one that nobody declares.
public struct StoreTree: Sendable {
  public let number: UInt32
  private let table: StoreTable?
  private let index: StoreTable.IndexShape?

  public init(_ number: UInt32) {
    self.number = number
    table = StoreTable.all.first { $0.descriptor.number == number >> 8 }
    index = table.flatMap { number & 0xff == 0 ? nil : $0.indexes[number & 0xff] }
  }

  /// As `stats` calls it.
  public var name: String {
    if number == 0 { return "catalog" }
    if number == Transaction.ordinalsTable.tree { return Transaction.ordinalsTable.name }
    guard let descriptor = table?.descriptor else { return "tree \(number)" }
    guard isIndex else { return descriptor.name }
    let index = descriptor.indexes.first { $0.number == number & 0xff }
    return index.map { descriptor.name + "." + $0.name } ?? "tree \(number)"
  }

  private var isIndex: Bool { number & 0xff != 0 }
  var key: KeyParts {
    isIndex ? index?.key ?? KeyParts(parts: []) : table?.primaryKey ?? KeyParts(parts: [])
  }

  /// The key as `get` takes it, or that it is a secret.
  public func text(ofKey bytes: [UInt8], reveal: Bool) -> String {
    index?.isSecret == true && !reveal ? StoreTable.redacted : key.text(of: bytes)
  }

  public func entry(key: [UInt8], value: [UInt8], reveal: Bool) -> StoreEntry {
    var entry = StoreEntry()
    entry.key = text(ofKey: key, reveal: reveal)
    entry.valueBytes = Int64(value.count)
    if isIndex, let table {
      entry.primaryKey = table.primaryKey.text(of: value)
    } else if let json = table?.json(of: value, reveal: reveal) {
      entry.value = AnyJSON(json)
    } else if table == nil || reveal {
      entry.valueHex = Hex.encode(value)
    } else {
      // A record that does not decode may still hold a secret.
      entry.valueHex = StoreTable.redacted
    }
    return entry
  }
}
