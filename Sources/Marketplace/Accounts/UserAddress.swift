// UserAddress: the addresses that a user keeps for delivery and bills.
//
// Invariant: of the addresses of one kind exactly one is the default, as long as there is one.

import Bytes
import RecordStore

public enum AddressType: String, FieldEnum {
  case shipping, billing
}

public struct AddressCoordinates: Fields, Equatable {
  public var latitude = 0.0
  public var longitude = 0.0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "latitude", &latitude, .range(-90...90).required)
    try visitor.field(2, "longitude", &longitude, .range(-180...180).required)
  }
}

/// An address. Table 21.
public struct UserAddress: Record, Equatable {
  public var id = UUIDv7.zero
  public var userID = UUIDv7.zero
  public var type = AddressType.shipping
  public var street = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var country = ""
  public var isDefault = false
  public var coordinates: AddressCoordinates?
  public var createdAt = Timestamp.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "userId", &userID)
    try visitor.field(3, "type", &type)
    try visitor.field(4, "street", &street)
    try visitor.field(5, "city", &city)
    try visitor.field(6, "state", &state)
    try visitor.field(7, "zipCode", &zipCode)
    try visitor.field(8, "country", &country)
    try visitor.field(9, "isDefault", &isDefault)
    try visitor.field(10, "coordinates", &coordinates)
    try visitor.field(11, "createdAt", &createdAt)
    try visitor.field(12, "updatedAt", &updatedAt)
  }

  public static let table = Table<UserAddress>(number: 21, name: "addresses", indexes: [byUser])
  public static let byUser = Index<UserAddress>(number: 1, name: "byUser") { [key($0.userID)] }
  public var primaryKey: [UInt8] { key(id) }
}

/// POST and PUT of an address.
public struct AddressInput: Fields, Equatable {
  public var type = AddressType.shipping
  public var street = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var country = ""
  public var isDefault = false
  public var coordinates: AddressCoordinates?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "type", &type)
    try visitor.field(2, "street", &street, .length(1...255).required)
    try visitor.field(3, "city", &city, .length(1...100).required)
    try visitor.field(4, "state", &state, .length(0...100))
    try visitor.field(5, "zipCode", &zipCode, .length(1...20).required)
    try visitor.field(6, "country", &country, .format("country").required)
    try visitor.field(7, "isDefault", &isDefault)
    try visitor.field(8, "coordinates", &coordinates)
  }
}

/// An address as its owner sees it.
public struct AddressView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var type = AddressType.shipping
  public var street = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var country = ""
  public var isDefault = false
  public var coordinates: AddressCoordinates?

  public init() {}

  public init(_ address: UserAddress) {
    id = address.id
    type = address.type
    street = address.street
    city = address.city
    state = address.state
    zipCode = address.zipCode
    country = address.country
    isDefault = address.isDefault
    coordinates = address.coordinates
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "type", &type)
    try visitor.field(3, "street", &street)
    try visitor.field(4, "city", &city)
    try visitor.field(5, "state", &state)
    try visitor.field(6, "zipCode", &zipCode)
    try visitor.field(7, "country", &country)
    try visitor.field(8, "isDefault", &isDefault)
    try visitor.field(9, "coordinates", &coordinates)
  }
}

/// GET /users/me/addresses: the default of each kind first, then the oldest.
public struct AddressList: Fields, Equatable {
  public var data: [AddressView] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

public enum Addresses {
  /// More than anybody lives at.
  public static let countMax = 50

  public static func all(_ reader: some RecordReader, of userID: UUIDv7) throws -> [UserAddress] {
    try reader.all(in: UserAddress.byUser, .equal(key(userID))).sorted {
      $0.isDefault != $1.isDefault ? $0.isDefault : $0.id < $1.id
    }
  }

  /// Throws RES_4001 for one that is somebody else's too.
  public static func find(
    _ reader: some RecordReader, id: UUIDv7, of userID: UUIDv7
  ) throws -> UserAddress {
    guard let address = try reader.get(UserAddress.self, key(id)), address.userID == userID else {
      throw MarketError.notFound("address")
    }
    return address
  }

  public static func create(
    _ transaction: Transaction, _ input: AddressInput, of userID: UUIDv7
  ) throws -> UserAddress {
    let others = try all(transaction, of: userID)
    guard others.count < countMax else {
      throw MarketError.conflict(
        "There are \(countMax) addresses already; delete one first.", reason: "too_many")
    }
    var address = UserAddress()
    address.id = transaction.newID()
    address.userID = userID
    address.createdAt = transaction.time
    return try store(transaction, input, &address, others)
  }

  public static func replace(
    _ transaction: Transaction, id: UUIDv7, _ input: AddressInput, of userID: UUIDv7
  ) throws -> UserAddress {
    var address = try find(transaction, id: id, of: userID)
    let former = address
    let others = try all(transaction, of: userID).filter { $0.id != id }
    let stored = try store(transaction, input, &address, others)
    if former.type != stored.type, former.isDefault {
      try promote(transaction, others, former.type)
    }
    return stored
  }

  public static func delete(
    _ transaction: Transaction, id: UUIDv7, of userID: UUIDv7
  ) throws {
    let address = try find(transaction, id: id, of: userID)
    try transaction.delete(UserAddress.self, address.primaryKey)
    guard address.isDefault else { return }
    try promote(transaction, try all(transaction, of: userID), address.type)
  }

  private static func store(
    _ transaction: Transaction, _ input: AddressInput, _ address: inout UserAddress,
    _ others: [UserAddress]
  ) throws -> UserAddress {
    address.type = input.type
    address.street = input.street
    address.city = input.city
    address.state = input.state
    address.zipCode = input.zipCode
    address.country = input.country
    address.coordinates = input.coordinates
    address.updatedAt = transaction.time
    let rivals = others.filter { $0.type == input.type && $0.isDefault }
    // The default stays one until another takes its place.
    address.isDefault = input.isDefault || rivals.isEmpty
    if address.isDefault {
      for var rival in rivals {
        rival.isDefault = false
        try transaction.put(rival)
      }
    }
    try transaction.put(address)
    return address
  }

  /// Makes the oldest of a kind the default when none is.
  private static func promote(
    _ transaction: Transaction, _ addresses: [UserAddress], _ type: AddressType
  ) throws {
    let kind = addresses.filter { $0.type == type }
    guard !kind.contains(where: \.isDefault), var next = kind.min(by: { $0.id < $1.id }) else {
      return
    }
    next.isDefault = true
    try transaction.put(next)
  }
}
