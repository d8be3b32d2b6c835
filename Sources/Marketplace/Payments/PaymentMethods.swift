// PaymentMethods: ways to pay that a user has saved. The provider knows the card; kept here are its token,
// sealed, and what people tell cards apart by. The number of a card never comes to this server, and one
// that is sent all the same is refused.
//
// Invariants
// 1. One of a user's methods is the default, as long as there is one.
// 2. A token is never shown, and no refusal repeats what was sent.

import Bytes
import RecordStore

/// A saved way to pay. Table 34.
public struct PaymentMethod: Record, Equatable {
  public var id = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var type = ""
  public var provider = ""
  /// The provider's token, sealed to this row.
  public var sealedToken: [UInt8] = []
  public var lastFour: String?
  public var expiryMonth: Int64?
  public var expiryYear: Int64?
  public var isDefault = false
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "type", &type)
    try visitor.field(4, "provider", &provider)
    try visitor.field(5, "sealedToken", &sealedToken)
    try visitor.field(6, "lastFour", &lastFour)
    try visitor.field(7, "expiryMonth", &expiryMonth)
    try visitor.field(8, "expiryYear", &expiryYear)
    try visitor.field(9, "isDefault", &isDefault)
    try visitor.field(10, "createdAt", &createdAt)
  }

  public static let table = Table<PaymentMethod>(
    number: 34, name: "paymentMethods", indexes: [byUser])
  public static let byUser = Index<PaymentMethod>(number: 1, name: "byUser") { [key($0.userID)] }
  public var primaryKey: [UInt8] { key(id) }
}

/// POST /payments/methods/add.
public struct PaymentMethodInput: Fields, Equatable {
  public var type = "card"
  public var token = ""
  public var lastFour: String?
  public var expiryMonth: Int64?
  public var expiryYear: Int64?
  public var isDefault = false

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "type", &type, .length(1...50))
    try visitor.field(
      2, "token", &token,
      .length(1...255).required.summary("The provider's token; never a card's number."))
    try visitor.field(3, "lastFour", &lastFour, .length(4...4))
    try visitor.field(4, "expiryMonth", &expiryMonth, .range(1...12))
    try visitor.field(5, "expiryYear", &expiryYear, .range(2000...2100))
    try visitor.field(6, "isDefault", &isDefault)
  }
}

/// A saved way to pay, as its owner sees it.
public struct PaymentMethodView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var type = ""
  public var provider = ""
  public var lastFour: String?
  public var expiryMonth: Int64?
  public var expiryYear: Int64?
  public var isDefault = false
  public var createdAt = Timestamp.zero

  public init() {}

  public init(_ method: PaymentMethod) {
    id = method.id
    type = method.type
    provider = method.provider
    lastFour = method.lastFour
    expiryMonth = method.expiryMonth
    expiryYear = method.expiryYear
    isDefault = method.isDefault
    createdAt = method.createdAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "type", &type)
    try visitor.field(3, "provider", &provider)
    try visitor.field(4, "lastFour", &lastFour)
    try visitor.field(5, "expiryMonth", &expiryMonth)
    try visitor.field(6, "expiryYear", &expiryYear)
    try visitor.field(7, "isDefault", &isDefault)
    try visitor.field(8, "createdAt", &createdAt)
  }
}

/// GET /payments/methods/{userId}: the default first, then the oldest.
public struct PaymentMethodList: Fields, Equatable {
  public var data: [PaymentMethodView] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

public enum PaymentMethods {
  public static let countMax = 20

  public static func all(
    _ reader: some RecordReader, of userID: UUIDv7
  ) throws -> [PaymentMethod] {
    try reader.all(in: PaymentMethod.byUser, .equal(key(userID))).sorted {
      $0.isDefault != $1.isDefault ? $0.isDefault : $0.id < $1.id
    }
  }

  /// Saves a way to pay; the first is the default.
  ///
  /// - Parameter nonce: drawn before the transaction.
  ///
  /// Errors: VAL_3001 for what looks like a card's number, for last digits that are none, and for a card
  /// that has run out; RES_4003 when there are too many.
  public static func add(
    _ transaction: Transaction, _ input: PaymentMethodInput, of userID: UUIDv7, provider: String,
    sealing: Sealing, nonce: Sealing.Nonce
  ) throws -> PaymentMethodView {
    try check(input, at: transaction.time)
    let others = try all(transaction, of: userID)
    guard others.count < countMax else {
      throw MarketError.conflict(
        "There are \(countMax) payment methods already; remove one first.", reason: "too_many")
    }
    var method = PaymentMethod()
    method.id = transaction.newID()
    method.userID = userID
    method.type = input.type
    method.provider = provider
    method.sealedToken = try sealing.seal(
      Array(input.token.utf8), table: PaymentMethod.table.number, row: method.primaryKey,
      nonce: nonce)
    method.lastFour = input.lastFour
    method.expiryMonth = input.expiryMonth
    method.expiryYear = input.expiryYear
    method.createdAt = transaction.time
    method.isDefault = input.isDefault || others.isEmpty
    if method.isDefault { try clearDefault(transaction, others) }
    try transaction.insert(method)
    return PaymentMethodView(method)
  }

  /// Makes a method the one that is offered first. Throws RES_4001 for one of somebody else.
  public static func makeDefault(
    _ transaction: Transaction, id: UUIDv7, of userID: UUIDv7
  ) throws -> PaymentMethodView {
    var method = try find(transaction, id: id, of: userID)
    try clearDefault(transaction, try all(transaction, of: userID).filter { $0.id != id })
    method.isDefault = true
    try transaction.put(method)
    return PaymentMethodView(method)
  }

  /// Throws RES_4001 for one of somebody else.
  public static func remove(
    _ transaction: Transaction, id: UUIDv7, of userID: UUIDv7
  ) throws {
    let method = try find(transaction, id: id, of: userID)
    try transaction.delete(PaymentMethod.self, method.primaryKey)
    guard method.isDefault, var next = try all(transaction, of: userID).first else { return }
    next.isDefault = true
    try transaction.put(next)
  }

  /// The payment with its token. Throws VAL_3003 without token and method, VAL_3001 with both, RES_4001
  /// for a method of somebody else, RES_4003 for one whose token cannot be opened any more.
  static func resolved(
    _ reader: some RecordReader, _ payment: CheckoutPayment, of userID: UUIDv7, sealing: Sealing
  ) throws -> CheckoutPayment {
    guard let id = payment.methodID else {
      guard !payment.token.isEmpty else {
        throw MarketError.invalid(
          "/payment/token", rule: "required",
          "A payment has a token, or the methodId of a saved one.")
      }
      return payment
    }
    guard payment.token.isEmpty else {
      throw MarketError.invalid(
        "/payment/methodId", rule: "exclusive", "Give a token or a methodId, not both.")
    }
    let method = try find(reader, id: id, of: userID)
    guard
      let token = sealing.open(
        method.sealedToken, table: PaymentMethod.table.number, row: method.primaryKey)
    else {
      throw MarketError.conflict(
        "The payment method cannot be used any more; save it again.", reason: "unusable_method")
    }
    var payment = payment
    payment.methodID = nil
    payment.method = method.type
    payment.token = String(decoding: token, as: UTF8.self)
    return payment
  }

  // MARK: Parts

  private static func find(
    _ reader: some RecordReader, id: UUIDv7, of userID: UUIDv7
  ) throws -> PaymentMethod {
    guard let method = try reader.get(PaymentMethod.self, key(id)), method.userID == userID else {
      throw MarketError.notFound("payment method")
    }
    return method
  }

  private static func clearDefault(
    _ transaction: Transaction, _ methods: [PaymentMethod]
  ) throws {
    for var method in methods where method.isDefault {
      method.isDefault = false
      try transaction.put(method)
    }
  }

  private static func check(_ input: PaymentMethodInput, at time: Timestamp) throws(MarketError) {
    guard !looksLikeCardNumber(input.token) else {
      throw .invalid(
        "/token", rule: "card_number",
        "This looks like a card's number, which must never come here: give the provider's token.")
    }
    if let digits = input.lastFour, !digits.utf8.allSatisfy({ (48...57).contains($0) }) {
      throw .invalid("/lastFour", rule: "digits", "The last four digits are digits.")
    }
    guard let year = input.expiryYear else { return }
    let now = time.description.utf8.prefix(7)
    let month = input.expiryMonth ?? 12
    let last = "\(year)-\(month < 10 ? "0" : "")\(month)"
    guard !last.utf8.lexicographicallyPrecedes(now) else {
      throw .invalid("/expiryYear", rule: "expired", "The card has run out.")
    }
  }

  /// 12 to 19 digits, spaces and dashes aside, with the check digit of ISO/IEC 7812 (Luhn).
  static func looksLikeCardNumber(_ text: String) -> Bool {
    let digits = text.utf8.filter { $0 != 32 && $0 != 45 }
    guard (12...19).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else {
      return false
    }
    var sum = 0
    for (place, digit) in digits.reversed().enumerated() {
      let value = Int(digit) - 48
      let doubled = value * 2
      sum += place % 2 == 0 ? value : (doubled > 9 ? doubled - 9 : doubled)
    }
    return sum % 10 == 0
  }
}
