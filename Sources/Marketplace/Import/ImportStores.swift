// ImportStores: a shop becomes a user of role seller, without a way to sign in until an operator
// gives it one, and that user's primary location; a category becomes a category.

import Bytes
import RecordStore
import TextSearch

struct StoreRow: Sendable {
  var externalID: String
  var content = Location()

  init(_ row: inout ImportRow) {
    externalID = row.text("id", length: 1...64)
    content.name = row.text("name", length: 1...255)
    content.address = row.text("address", length: 0...500)
    content.city = row.text("city", length: 0...100)
    content.state = row.text("state", length: 0...100)
    content.zipCode = row.text("zip", length: 0...20)
    content.country = row.text("country", length: 0...2)
    content.hours = row.text("hours", length: 0...1000)
    content.services = row.texts("services", count: 0...100)
    let point = row.point("location")
    content.latitudeE7 = point?.latitude
    content.longitudeE7 = point?.longitude
  }

  func write(_ transaction: Transaction) throws -> ImportReport.Outcome {
    var location = content
    location.externalID = externalID
    location.isPrimary = true
    if let old = try Locations.imported(transaction, externalID) {
      location.id = old.id
      location.externalID = old.externalID
      location.isPrimary = old.isPrimary
      location.sellerID = old.sellerID
      location.createdAt = old.createdAt
      if location == old { return .unchanged }
      try transaction.put(location)
      return .updated
    }
    var user = User()
    user.id = transaction.newID()
    user.ordinal = try transaction.nextOrdinal(space: Accounts.ordinalSpace)
    user.role = .seller
    user.businessName = location.name
    user.createdAt = transaction.time
    user.updatedAt = transaction.time
    try transaction.insert(user)
    location.id = transaction.newID()
    location.sellerID = user.id
    location.createdAt = transaction.time
    try transaction.insert(location)
    return .created
  }
}

struct CategoryRow: Sendable {
  var externalID: String
  var path: [String]

  init(_ row: inout ImportRow) {
    externalID = row.text("id", length: 1...64)
    path = row.texts("path", count: 1...CategoryPath.levelsMax, nullAs: externalID)
    let name = row.text("name", length: 0...255)
    // Real trees have nodes without a name; their identifier stands for it.
    if let last = path.last, last != (name.isEmpty ? externalID : name) {
      row.refuse("path", "must end with the name")
    }
  }

  func write(_ transaction: Transaction) throws -> ImportReport.Outcome {
    let parent =
      path.count > 1 ? try Categories.find(transaction, path: path.dropLast()) : nil
    let known =
      try transaction.lookup(Category.byExternalID, key(externalID))
      ?? UUIDv7(externalID).flatMap { try transaction.get(Category.self, key($0)) }
    if var old = known {
      if old.path == path, old.parentID == parent?.id { return .unchanged }
      old.path = path
      old.name = path.last ?? old.name
      old.level = Int64(path.count - 1)
      old.parentID = parent?.id
      try transaction.put(old)
      return .updated
    }
    _ = try Categories.add(
      transaction, path: path, parentID: parent?.id, externalID: externalID)
    return .created
  }
}

extension Locations {
  /// The location of an import's identifier: that of the file it came from, or its own for one that
  /// was made here.
  static func imported(_ reader: some RecordReader, _ id: String) throws -> Location? {
    try reader.lookup(Location.byExternalID, Location.externalKey(id))
      ?? UUIDv7(id).flatMap { try reader.get(Location.self, key($0)) }
  }
}
