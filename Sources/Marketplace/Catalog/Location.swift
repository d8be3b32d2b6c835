// Location: a place that a seller keeps stock in and sells from. Table 7.

import Bytes
import RecordStore

public struct Location: Fields, Equatable {
  public var id = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  /// The identifier in the file it was imported from; empty when it was made here.
  public var externalID = ""
  public var name = ""
  public var address = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  /// ISO 3166-1 alpha-2.
  public var country = ""
  /// Units of 1e-7 degrees; both or neither.
  public var latitudeE7: Int32?
  public var longitudeE7: Int32?
  public var hours = ""
  public var services: [String] = []
  public var isPrimary = false
  public var createdAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "sellerId", &sellerID)
    try visitor.field(3, "externalId", &externalID)
    try visitor.field(4, "name", &name)
    try visitor.field(5, "address", &address)
    try visitor.field(6, "city", &city)
    try visitor.field(7, "state", &state)
    try visitor.field(8, "zipCode", &zipCode)
    try visitor.field(9, "country", &country)
    try visitor.field(10, "latitudeE7", &latitudeE7)
    try visitor.field(11, "longitudeE7", &longitudeE7)
    try visitor.field(12, "hours", &hours)
    try visitor.field(13, "services", &services)
    try visitor.field(14, "isPrimary", &isPrimary)
    try visitor.field(15, "createdAt", &createdAt)
  }
}

extension Location: Record {
  public static let table = Table<Location>(
    number: 7, name: "locations", indexes: [bySeller, byExternalID])

  public var primaryKey: [UInt8] { key(id) }

  /// (seller, the primary one first)
  public static let bySeller = Index<Location>(number: 1, name: "bySeller") {
    [key($0.sellerID, !$0.isPrimary)]
  }
  /// Imported places in the order of their numbers: decimal identifiers by value, then the others
  /// by their bytes. `--assign-to-stores` counts in this order.
  public static let byExternalID = Index<Location>(
    number: 2, name: "byExternalID", isUnique: true
  ) {
    $0.externalID.isEmpty ? [] : [externalKey($0.externalID)]
  }

  public static func externalKey(_ externalID: String) -> [UInt8] {
    key(UInt64(externalID) ?? UInt64.max, externalID)
  }
}
