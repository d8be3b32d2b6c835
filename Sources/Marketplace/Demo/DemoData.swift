// DemoData: a believable little marketplace of our own making, the same for the same seed, as the
// NDJSON lines that `souk import` reads. Twelve shops of one county, their goods, and a category
// tree; so `seed --demo` is an import like any other.

import Bytes

public struct DemoData: Sendable {
  public let stores: [UInt8]
  public let categories: [UInt8]
  public let products: [UInt8]
  public let storeCount: Int
  public let productCount: Int

  public init(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var lines = DemoLines()
    for (index, shop) in Self.shops.enumerated() {
      lines.begin()
      lines.number("id", Int64(101 + index))
      lines.text("name", shop.name)
      lines.text("address", "\(1 + random.below(400)) \(random.pick(Self.streets))")
      lines.text("city", shop.city.name)
      lines.text("state", "VT")
      lines.text("zip", shop.city.zip)
      lines.point(
        "location", latitudeE7: shop.city.latitudeE7 + random.below(90_000) - 45_000,
        longitudeE7: shop.city.longitudeE7 + random.below(90_000) - 45_000)
      lines.text("hours", "Mon: 9-18; Tue: 9-18; Wed: 9-18; Thurs: 9-20; Fri: 9-20; Sat: 10-17")
      lines.texts("services", ["Pick-up", "Local delivery"])
      lines.end()
    }
    stores = lines.take()
    storeCount = Self.shops.count

    var categoryNumber = 0
    for department in Self.departments {
      categoryNumber += 1
      lines.category(id: "demo-\(categoryNumber)", path: [department.name])
      for kind in department.kinds {
        categoryNumber += 1
        lines.category(id: "demo-\(categoryNumber)", path: [department.name, kind.category])
      }
    }
    categories = lines.take()

    var productNumber = 0
    for department in Self.departments {
      for kind in department.kinds {
        for material in department.materials {
          productNumber += 1
          let maker = random.pick(Self.makers)
          let finish = random.pick(Self.finishes)
          lines.begin()
          lines.text("externalId", "demo-\(productNumber)")
          lines.text("title", "\(material.capitalisedFirst) \(kind.noun), \(finish)")
          lines.text(
            "description",
            "\(kind.article) \(kind.noun) in \(material), \(finish), made by \(maker). "
              + "\(kind.pitch) \(random.pick(Self.closings))")
          lines.text("brand", maker)
          lines.texts("categories", [department.name, kind.category])
          let base = Int64(kind.priceMinor) * Int64(70 + random.below(90)) / 100
          lines.decimal("price", minor: base / 100 * 100 + (random.below(2) == 0 ? 0 : 95))
          lines.text("currency", "USD")
          lines.number("popularity", Int64(random.below(5000)))
          lines.end()
        }
      }
    }
    products = lines.take()
    productCount = productNumber
  }

  struct City { var name, zip: String, latitudeE7, longitudeE7: Int }
  struct Shop { var name: String, city: City }
  struct Kind { var article, noun, category, pitch: String, priceMinor: Int }
  struct Department { var name: String, materials: [String], kinds: [Kind] }

  private static let makers = [
    "Hollow Hill Works", "Amberley & Daughters", "Northfield Yard", "Two Rivers",
    "Brightwater Mill",
    "Ferry Lane Studio", "Old Kiln", "Saltbox Makers",
  ]
  private static let finishes = [
    "natural finish", "dark finish", "hand rubbed", "left plain", "brushed", "second choice",
    "small batch", "reclaimed",
  ]
  private static let closings = [
    "Small marks are part of it.", "Mended free of charge in our shop.", "Packed without plastic.",
    "Come and try it before you buy.", "Delivered within the county on Fridays.",
  ]
  private static let streets = [
    "Main Street", "Mill Road", "Church Street", "Station Avenue", "River Lane", "Maple Street",
  ]
}

extension DemoData {
  private static let cities = [
    City(name: "Alderbrook", zip: "05471", latitudeE7: 444_759_000, longitudeE7: -732_121_000),
    City(name: "Fennimore Falls", zip: "05472", latitudeE7: 443_420_000, longitudeE7: -727_540_000),
    City(name: "Quarry Junction", zip: "05473", latitudeE7: 441_970_000, longitudeE7: -725_020_000),
    City(name: "Lower Thistle", zip: "05474", latitudeE7: 440_153_000, longitudeE7: -731_673_000),
  ]

  static let shops: [Shop] = [
    Shop(name: "The Joinery", city: cities[0]), Shop(name: "Lamp & Ladder", city: cities[0]),
    Shop(name: "Thistle Pottery", city: cities[3]), Shop(name: "County Cycles", city: cities[0]),
    Shop(name: "Wool Exchange", city: cities[1]), Shop(name: "Falls Outfitters", city: cities[1]),
    Shop(name: "Second Story Books", city: cities[0]), Shop(name: "Quarry Tools", city: cities[2]),
    Shop(name: "Kitchen Table", city: cities[1]), Shop(name: "Junction Garden", city: cities[2]),
    Shop(name: "Little Larder", city: cities[3]), Shop(name: "Toy Loft", city: cities[2]),
  ]

  static let departments: [Department] = [
    Department(
      name: "Furniture", materials: ["oak", "walnut", "ash", "birch", "cherry", "pine"],
      kinds: [
        Kind(
          article: "A", noun: "stool", category: "Stools",
          pitch: "Three legs, so it never wobbles.", priceMinor: 8_500),
        Kind(
          article: "A", noun: "bench", category: "Benches",
          pitch: "Seats three at the table or in the hall.", priceMinor: 21_000),
        Kind(
          article: "A", noun: "bookcase", category: "Shelving",
          pitch: "Five shelves, the lowest deep enough for atlases.", priceMinor: 32_000),
        Kind(
          article: "A", noun: "writing desk", category: "Desks",
          pitch: "One drawer, one pencil groove, no cable holes.", priceMinor: 44_000),
        Kind(
          article: "A", noun: "bedside table", category: "Tables",
          pitch: "Room for a lamp, a glass and a book.", priceMinor: 14_500),
      ]),
    Department(
      name: "Lighting", materials: ["brass", "copper", "paper", "linen", "blown glass"],
      kinds: [
        Kind(
          article: "A", noun: "table lamp", category: "Lamps",
          pitch: "A warm light with a dimmer on the cord.", priceMinor: 9_800),
        Kind(
          article: "A", noun: "pendant light", category: "Pendants",
          pitch: "Hangs from a three-metre cloth cable.", priceMinor: 12_400),
        Kind(
          article: "A", noun: "reading light", category: "Lamps",
          pitch: "Clips to a shelf and leaves the other side of the bed dark.", priceMinor: 4_900),
      ]),
    Department(
      name: "Kitchen", materials: ["stoneware", "cast iron", "beech", "enamel", "carbon steel"],
      kinds: [
        Kind(
          article: "A", noun: "mixing bowl", category: "Bowls",
          pitch: "Holds two litres, pours from the lip.", priceMinor: 3_600),
        Kind(
          article: "A", noun: "skillet", category: "Pans",
          pitch: "Goes from the stove to the oven to the table.", priceMinor: 5_900),
        Kind(
          article: "A", noun: "serving board", category: "Boards",
          pitch: "Bread on one side, cheese on the other.", priceMinor: 2_800),
        Kind(
          article: "A", noun: "coffee dripper", category: "Coffee",
          pitch: "Takes ordinary filters and makes two cups.", priceMinor: 3_200),
      ]),
    Department(
      name: "Garden", materials: ["galvanised", "terracotta", "cedar", "willow"],
      kinds: [
        Kind(
          article: "A", noun: "watering can", category: "Watering",
          pitch: "A long spout for the plants at the back.", priceMinor: 4_200),
        Kind(
          article: "A", noun: "planter", category: "Pots",
          pitch: "Drains well and stands frost.", priceMinor: 3_900),
        Kind(
          article: "A", noun: "trellis", category: "Supports",
          pitch: "Two metres of something to climb.", priceMinor: 5_200),
      ]),
    Department(
      name: "Clothing", materials: ["merino", "linen", "waxed cotton", "alpaca", "tweed"],
      kinds: [
        Kind(
          article: "A", noun: "scarf", category: "Accessories",
          pitch: "Long enough to go round twice.", priceMinor: 4_800),
        Kind(
          article: "A", noun: "jacket", category: "Outerwear",
          pitch: "Four pockets that close.", priceMinor: 18_900),
        Kind(
          article: "A", noun: "cap", category: "Accessories",
          pitch: "Folds into a pocket and comes out as it went in.", priceMinor: 3_400),
      ]),
    Department(
      name: "Toys", materials: ["maple", "felt", "tin", "cotton"],
      kinds: [
        Kind(
          article: "A", noun: "train set", category: "Vehicles",
          pitch: "Twelve pieces of track and one stubborn engine.", priceMinor: 5_600),
        Kind(
          article: "A", noun: "puppet", category: "Theatre",
          pitch: "Bows, waves and never forgets its lines.", priceMinor: 2_600),
        Kind(
          article: "A", noun: "kite", category: "Outdoors",
          pitch: "Flies in a light wind, comes down gently.", priceMinor: 3_100),
      ]),
  ]
}
