// Support: a small shop as rows, its projection, and a naive answer to every query.

import Bytes
import CommitLog
import TextSearch
import Views

/// SplitMix64: the same numbers from the same seed everywhere.
struct Random {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func shuffle<T>(_ array: inout [T]) {
    for index in array.indices.reversed() where index > 0 { array.swapAt(index, below(index + 1)) }
  }
}

/// Table 1 has things, table 2 the stock of a thing's variants. A key is the ordinal, then a variant.
enum Shop {
  static let schema = TextSchema(
    fields: [.init("title", boost: 3), .init("category", boost: 2), .init("description")],
    columns: [.init("price", .assigned), .init("stock", .sum), .init("year", .document)],
    keywords: ["category"])

  struct Thing: Equatable {
    var ordinal: UInt32
    var title: [Int]
    var description: [Int]
    var categories: [String]
    var price: Int64
    var year: Int64
    var place: GeoPoint?

    static func words(_ numbers: [Int]) -> String {
      numbers.map { "w\($0)" }.joined(separator: " ")
    }

    var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.u32(ordinal)
      writer.string(Self.words(title))
      writer.string(Self.words(description))
      writer.string(categories.joined(separator: "|"))
      writer.i64(price)
      writer.i64(year)
      writer.u8(place == nil ? 0 : 1)
      writer.u32(UInt32(bitPattern: place?.latitude ?? 0))
      writer.u32(UInt32(bitPattern: place?.longitude ?? 0))
      return writer.bytes
    }
  }

  static func thingKey(_ ordinal: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.u32(ordinal)
    return writer.bytes
  }

  static func stockKey(_ ordinal: UInt32, _ variant: UInt8) -> [UInt8] {
    thingKey(ordinal) + [variant]
  }

  static func stockBytes(_ count: Int64) -> [UInt8] {
    var writer = ByteWriter()
    writer.i64(count)
    return writer.bytes
  }

  static let projection: TextProjection = { change in
    (try? operations(change)) ?? []
  }

  private static func operations(_ change: Change) throws(DecodeError) -> [TextOperation] {
    var key = ByteReader(change.key.span.bytes)
    let ordinal = try key.u32()
    if change.table == 2 {
      var delta: Int64 = 0
      if let after = change.after {
        var reader = ByteReader(after.span.bytes)
        delta = try reader.i64()
      }
      if let before = change.before {
        var reader = ByteReader(before.span.bytes)
        delta -= try reader.i64()
      }
      return [.add(ordinal: ordinal, column: "stock", delta: delta)]
    }
    guard let after = change.after else {
      return [.set(ordinal: ordinal, column: "price", value: 0), .remove(ordinal: ordinal)]
    }
    var row = ByteReader(after.span.bytes)
    _ = try row.u32()
    let title = try row.string()
    let description = try row.string()
    let joined = try row.string()
    let price = try row.i64()
    let year = try row.i64()
    let hasPlace = try row.u8() == 1
    let latitude = Int32(bitPattern: try row.u32())
    let longitude = Int32(bitPattern: try row.u32())
    let categories = joined.split(separator: "|").map(String.init)
    let document = TextDocument(
      key: change.key,
      texts: [
        "title": title, "category": categories.joined(separator: " "), "description": description,
      ], keywords: ["category": categories], numbers: year == 2000 ? [:] : ["year": year],
      location: hasPlace ? GeoPoint(latitude: latitude, longitude: longitude) : nil)
    return [
      .put(ordinal: ordinal, document: document),
      .set(ordinal: ordinal, column: "price", value: price),
    ]
  }
}

/// Rows as the store would hold them, a log of how they came, and naive answers.
struct Model {
  var things: [UInt32: Shop.Thing] = [:]
  var stock: [UInt32: [UInt8: Int64]] = [:]
  var lsn = LSN.zero
  var random: Random

  init(seed: UInt64) { random = Random(seed) }

  mutating func commit(changes: Int, ordinals: Int) -> LogEntry {
    var operations: [Operation] = []
    for _ in 0..<changes {
      let ordinal = UInt32(random.below(ordinals))
      switch random.below(10) {
      case 0:
        guard let old = things.removeValue(forKey: ordinal) else { continue }
        operations.append(.delete(table: 1, key: Shop.thingKey(ordinal), before: old.bytes))
      case 1, 2, 3:
        let variant = UInt8(random.below(2))
        let old = stock[ordinal]?[variant]
        let new = Int64(random.below(3))
        stock[ordinal, default: [:]][variant] = new
        operations.append(
          .put(
            table: 2, key: Shop.stockKey(ordinal, variant), value: Shop.stockBytes(new),
            before: old.map(Shop.stockBytes)))
      default:
        let thing = makeThing(ordinal)
        let old = things.updateValue(thing, forKey: ordinal)
        operations.append(
          .put(
            table: 1, key: Shop.thingKey(ordinal), value: thing.bytes, before: old?.bytes))
      }
    }
    lsn = lsn.next
    return LogEntry(lsn: lsn, time: .zero, operations: operations)
  }

  private mutating func makeThing(_ ordinal: UInt32) -> Shop.Thing {
    func words(_ count: Int) -> [Int] {
      (0..<count).map { _ in min(random.below(30), random.below(30)) }
    }
    return Shop.Thing(
      ordinal: ordinal, title: words(random.below(5)),
      description: words(random.below(random.below(8) == 0 ? 400 : 40)),
      categories: (0..<random.below(3)).map { _ in "w\(random.below(6))" },
      price: Int64(random.below(50)), year: Int64(2000 + random.below(5)),
      place: random.below(4) == 0
        ? nil
        : GeoPoint(
          latitude: Int32(random.below(1_800_000_001) - 900_000_000),
          longitude: Int32(random.below(3_600_000_001) - 1_800_000_000)))
  }

  /// Every row, in a random order.
  mutating func shuffledRows() -> [(table: UInt32, key: [UInt8], value: [UInt8])] {
    var rows = things.values.map { (UInt32(1), Shop.thingKey($0.ordinal), $0.bytes) }
    for (ordinal, variants) in stock {
      for (variant, count) in variants {
        rows.append((2, Shop.stockKey(ordinal, variant), Shop.stockBytes(count)))
      }
    }
    random.shuffle(&rows)
    return rows.map { (table: $0.0, key: $0.1, value: $0.2) }
  }

  func stock(of ordinal: UInt32) -> Int64 { stock[ordinal, default: [:]].values.reduce(0, +) }
}
