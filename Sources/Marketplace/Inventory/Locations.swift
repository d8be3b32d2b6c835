// Locations: the places that a seller keeps stock in and sells from: making, changing, removing.
//
// Invariants
// 1. A seller who has locations has exactly one primary one, and it comes first.
// 2. A location that stock lies in, or a product is sold from, cannot go.

import Bytes
import RecordStore
import TextSearch

/// POST and PUT /inventory/locations; of a change, what is left out stays.
public struct LocationChange: Fields, Equatable {
  public var name: String?
  public var address: String?
  public var city: String?
  public var state: String?
  public var zipCode: String?
  public var country: String?
  public var latitude: Double?
  public var longitude: Double?
  public var hours: String?
  public var isPrimary: Bool?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visit(&visitor, isNew: false)
  }

  mutating func visit(
    _ visitor: inout some FieldVisitor, isNew: Bool
  ) throws(FieldError) {
    try visitor.field(1, "name", &name, .length(1...255).required(isNew))
    try visitor.field(2, "address", &address, .length(0...500))
    try visitor.field(3, "city", &city, .length(0...100))
    try visitor.field(4, "state", &state, .length(0...100))
    try visitor.field(5, "zipCode", &zipCode, .length(0...20))
    try visitor.field(6, "country", &country, .format("country"))
    try visitor.field(7, "latitude", &latitude, .range(-90...90))
    try visitor.field(8, "longitude", &longitude, .range(-180...180))
    try visitor.field(9, "hours", &hours, .length(0...500))
    try visitor.field(
      10, "isPrimary", &isPrimary,
      FieldRules().summary("True makes it the primary one instead of the one that is."))
  }
}

/// POST /inventory/locations.
public struct LocationInput: Fields, Equatable {
  public var content = LocationChange()
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try content.visit(&visitor, isNew: true)
  }
}

public struct LocationView: Fields, Equatable {
  public var id = UUIDv7.zero
  public var sellerID = UUIDv7.zero
  public var name = ""
  public var address = ""
  public var city = ""
  public var state = ""
  public var zipCode = ""
  public var country = ""
  public var latitude: Double?
  public var longitude: Double?
  public var hours = ""
  public var isPrimary = false
  public var createdAt = Timestamp.zero

  public init() {}

  public init(_ location: Location) {
    id = location.id
    sellerID = location.sellerID
    name = location.name
    address = location.address
    city = location.city
    state = location.state
    zipCode = location.zipCode
    country = location.country
    latitude = location.latitudeE7.map { Double($0) / 1e7 }
    longitude = location.longitudeE7.map { Double($0) / 1e7 }
    hours = location.hours
    isPrimary = location.isPrimary
    createdAt = location.createdAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "sellerId", &sellerID)
    try visitor.field(3, "name", &name)
    try visitor.field(4, "address", &address)
    try visitor.field(5, "city", &city)
    try visitor.field(6, "state", &state)
    try visitor.field(7, "zipCode", &zipCode)
    try visitor.field(8, "country", &country)
    try visitor.field(9, "latitude", &latitude)
    try visitor.field(10, "longitude", &longitude)
    try visitor.field(11, "hours", &hours)
    try visitor.field(12, "isPrimary", &isPrimary)
    try visitor.field(13, "createdAt", &createdAt)
  }
}

public struct LocationList: Fields, Equatable {
  public var data: [LocationView] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

public enum Locations {
  /// A seller has at most so many: all of them fit in one answer.
  public static let perSellerMax = 1000

  // MARK: Asking

  /// A seller's primary location, or else the first; nil when there is none.
  public static func primary(
    _ reader: some RecordReader, sellerID: UUIDv7
  ) throws -> Location? {
    try reader.first(in: Location.bySeller, .prefix(key(sellerID)))
  }

  /// A seller's locations, the primary one first.
  public static func all(_ reader: some RecordReader, sellerID: UUIDv7) throws -> [Location] {
    try reader.all(in: Location.bySeller, .prefix(key(sellerID)), limit: perSellerMax)
  }

  /// The location that `actor` may touch; RES_4001 also for somebody else's.
  public static func owned(
    _ reader: some RecordReader, id: UUIDv7, by actor: CatalogActor
  ) throws -> Location {
    guard let location = try reader.get(Location.self, key(id)), actor.mayTouch(location.sellerID)
    else { throw MarketError.notFound("location") }
    return location
  }

  // MARK: Changing

  /// Errors: VAL_3001 for what the input lacks; RES_4003 beyond `perSellerMax`.
  public static func create(
    _ transaction: Transaction, _ input: LocationInput, by actor: CatalogActor
  ) throws -> Location {
    let others = try all(transaction, sellerID: actor.userID)
    guard others.count < perSellerMax else {
      throw MarketError.conflict(
        "A seller has at most \(perSellerMax) locations.", reason: "too_many_locations")
    }
    var location = Location()
    location.id = transaction.newID()
    location.sellerID = actor.userID
    location.createdAt = transaction.time
    try apply(input.content, to: &location)
    location.isPrimary = others.isEmpty || input.content.isPrimary == true
    if location.isPrimary { try demote(others, transaction) }
    try transaction.insert(location)
    return location
  }

  /// Errors: RES_4001; VAL_3001; RES_4003 when the primary one should stop to be it without another.
  public static func change(
    _ transaction: Transaction, id: UUIDv7, _ change: LocationChange, by actor: CatalogActor
  ) throws -> Location {
    var location = try owned(transaction, id: id, by: actor)
    try apply(change, to: &location)
    if change.isPrimary == true, !location.isPrimary {
      try demote(all(transaction, sellerID: location.sellerID), transaction)
      location.isPrimary = true
    } else if change.isPrimary == false, location.isPrimary {
      throw MarketError.conflict(
        "Make another location the primary one instead.", reason: "primary_location")
    }
    try transaction.put(location)
    return location
  }

  /// Errors: RES_4001; RES_4003 while stock lies there, a product is sold from there, or it is the
  /// primary one among several.
  public static func remove(
    _ transaction: Transaction, id: UUIDv7, by actor: CatalogActor
  ) throws {
    let location = try owned(transaction, id: id, by: actor)
    let levels = try transaction.all(in: StockLevel.byLocation, .prefix(key(id)))
    guard levels.allSatisfy({ $0.quantity == 0 && $0.reserved == 0 }) else {
      throw MarketError.conflict(
        "There is stock at this location; move it or set it to zero first.",
        reason: "location_in_stock")
    }
    guard levels.isEmpty else {
      throw MarketError.conflict(
        "The location has a history of stock, which its movements refer to.",
        reason: "location_in_use")
    }
    guard try !isSoldFrom(transaction, location) else {
      throw MarketError.conflict(
        "Products are sold from this location; give them another one first.",
        reason: "location_in_use")
    }
    let others = try all(transaction, sellerID: location.sellerID).filter { $0.id != id }
    guard !location.isPrimary || others.isEmpty else {
      throw MarketError.conflict(
        "Make another location the primary one first.", reason: "primary_location")
    }
    _ = try transaction.delete(Location.self, key(id))
  }

  /// The first location of a seller, where `product` is.
  static func makePrimary(_ transaction: Transaction, like product: Product) throws -> Location {
    var location = Location()
    location.id = transaction.newID()
    location.sellerID = product.sellerID
    location.name = product.address.isEmpty ? "Main" : product.address
    location.address = product.address
    location.city = product.city
    location.state = product.state
    location.zipCode = product.zipCode
    location.latitudeE7 = product.latitudeE7
    location.longitudeE7 = product.longitudeE7
    location.isPrimary = true
    location.createdAt = transaction.time
    try transaction.insert(location)
    return location
  }

  private static func isSoldFrom(_ reader: some RecordReader, _ location: Location) throws -> Bool {
    var found = false
    try reader.forEach(in: Product.bySeller, .prefix(key(location.sellerID))) {
      (product) throws(StoreError) -> ScanStep in
      found = product.locationID == location.id
      return found ? .stop : .next
    }
    return found
  }

  private static func demote(_ locations: [Location], _ transaction: Transaction) throws {
    for var location in locations where location.isPrimary {
      location.isPrimary = false
      try transaction.put(location)
    }
  }

  private static func apply(_ change: LocationChange, to location: inout Location) throws {
    if let name = change.name { location.name = name }
    if let address = change.address { location.address = address }
    if let city = change.city { location.city = city }
    if let state = change.state { location.state = state }
    if let zipCode = change.zipCode { location.zipCode = zipCode }
    if let country = change.country { location.country = country }
    if let hours = change.hours { location.hours = hours }
    switch (change.latitude, change.longitude) {
    case (nil, nil): break
    case (let latitude?, let longitude?):
      guard let point = GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude) else {
        throw MarketError.invalid("/latitude", rule: "range", "The place is not on Earth.")
      }
      location.latitudeE7 = point.latitude
      location.longitudeE7 = point.longitude
    default:
      throw MarketError.invalid(
        "/latitude", rule: "required", "A place needs latitude and longitude.")
    }
  }
}
