// The two records that are measured: a flat one of 15 fields, and a nested one whose JSON has about
// 1.1 KB. Foundation reads and writes the same JSON as the visitor does.

import Bytes

enum ItemState: String, FieldEnum, Codable {
  case draft, active, retired
}

/// 15 fields: 2 identifiers, 6 texts, a list of texts, 4 integers, a flag and a moment.
struct Item: Fields, Codable, Equatable {
  var id = UUIDv7.zero
  var ownerID = UUIDv7.zero
  var title = ""
  var slug = ""
  var summary = ""
  var state = ItemState.draft
  var currency = ""
  var price: Int64 = 0
  var listPrice: Int64?
  var stock: Int64 = 0
  var weight: Int64 = 0
  var isListed = false
  var rating = 0.0
  var tags: [String] = []
  var createdAt = Timestamp.zero

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "ownerID", &ownerID)
    try visitor.field(3, "title", &title, .length(1...200).required)
    try visitor.field(4, "slug", &slug)
    try visitor.field(5, "summary", &summary, .length(0...2000))
    try visitor.field(6, "state", &state)
    try visitor.field(7, "currency", &currency, .format("currency"))
    try visitor.field(8, "price", &price, .range(0...1_000_000_000))
    try visitor.field(9, "listPrice", &listPrice)
    try visitor.field(10, "stock", &stock, .range(0...1_000_000))
    try visitor.field(11, "weight", &weight)
    try visitor.field(12, "isListed", &isListed)
    try visitor.field(13, "rating", &rating)
    try visitor.field(14, "tags", &tags, .count(0...20))
    try visitor.field(15, "createdAt", &createdAt)
  }

  static var sample: Item {
    var item = Item()
    item.id = UUIDv7(high: 0x019a_0000_1234_7abc, low: 0x8000_1111_2222_3333)
    item.ownerID = UUIDv7(high: 0x019a_0000_1234_7abd, low: 0x8000_4444_5555_6666)
    item.title = "Three-legged oak stool"
    item.slug = "three-legged-oak-stool"
    item.summary = "Turned by hand from one plank, oiled, and flat enough to stand a lamp on."
    item.state = .active
    item.currency = "EUR"
    item.price = 4990
    item.listPrice = 5990
    item.stock = 17
    item.weight = 3200
    item.isListed = true
    item.rating = 4.6
    item.tags = ["oak", "stool", "hand-made"]
    item.createdAt = Timestamp(microseconds: 1_764_000_000_123_000)
    return item
  }
}

struct Version: Fields, Codable, Equatable {
  var sku = ""
  var name = ""
  var price: Int64 = 0
  var stock: Int64 = 0
  var colour = ""
  var width = 0.0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "sku", &sku, .length(1...40))
    try visitor.field(2, "name", &name)
    try visitor.field(3, "price", &price, .range(0...1_000_000_000))
    try visitor.field(4, "stock", &stock)
    try visitor.field(5, "colour", &colour)
    try visitor.field(6, "width", &width)
  }
}

/// A document with six versions.
struct Document: Fields, Codable, Equatable {
  var id = UUIDv7.zero
  var title = ""
  var text = ""
  var tags: [String] = []
  var versions: [Version] = []
  var createdAt = Timestamp.zero
  var updatedAt = Timestamp.zero

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "title", &title, .length(1...200).required)
    try visitor.field(3, "text", &text)
    try visitor.field(4, "tags", &tags)
    try visitor.field(5, "versions", &versions, .count(0...100))
    try visitor.field(6, "createdAt", &createdAt)
    try visitor.field(7, "updatedAt", &updatedAt)
  }

  static var sample: Document {
    var document = Document()
    document.id = Item.sample.id
    document.title = "Three-legged oak stool"
    document.text =
      Item.sample.summary + " It comes unpacked, with a cloth and a bottle of the oil that was "
      + "used, and can be ordered in six sizes. Größere Stücke auf Anfrage."
    document.tags = ["oak", "stool", "hand-made", "living room"]
    document.createdAt = Item.sample.createdAt
    document.updatedAt = Item.sample.createdAt
    for size in 1...6 {
      var version = Version()
      version.sku = "STOOL-OAK-0\(size)"
      version.name = "Size \(size), oiled"
      version.price = 4990 + Int64(size) * 500
      version.stock = Int64(size * 7)
      version.colour = "natural"
      version.width = 30.5 + Double(size)
      document.versions.append(version)
    }
    return document
  }
}

// The library has no Codable of its own; here it is given to Foundation's coders.
// swift-format-ignore: AvoidRetroactiveConformances
extension UUIDv7: @retroactive Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = UUIDv7(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no UUID")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

// swift-format-ignore: AvoidRetroactiveConformances
extension Timestamp: @retroactive Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Timestamp(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no time")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
