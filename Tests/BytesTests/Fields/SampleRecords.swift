// The records that the tests of fields share.

import Bytes

enum SampleStatus: String, FieldEnum {
  case draft, active, retired
}

struct SampleDimensions: Fields, Equatable {
  var width = 0.0
  var height = 0.0
  var unit = "cm"

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "width", &width, .range(0...1000))
    try visitor.field(2, "height", &height)
    try visitor.field(4, "unit", &unit, .length(1...4))
  }
}

/// One field of every kind, with gaps in the numbers and defaults that are not zero.
struct Sample: Fields, Equatable {
  var id = UUIDv7.zero
  var title = ""
  var isListed = true
  var stock: Int64 = 0
  var small: Int32 = 0
  var plain = 0
  var narrow: UInt32 = 0
  var wide: UInt64 = 7
  var rating = 0.0
  var picture: [UInt8] = []
  var createdAt = Timestamp.zero
  var note: String?
  var priority: Int64? = 5
  var tags: [String] = []
  var metadata: [String: String] = [:]
  var size = SampleDimensions()
  var boxes: [SampleDimensions] = []
  var status = SampleStatus.draft
  var previous: SampleStatus?
  var price = Amount(minor: 100, digits: 2)
  var extra = JSONText.null
  var related: [UUIDv7] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "id", &id)
    try visitor.field(2, "title", &title, .length(1...20).required)
    try visitor.field(3, "isListed", &isListed)
    try visitor.field(4, "stock", &stock, .range(0...1_000_000))
    try visitor.field(5, "small", &small)
    try visitor.field(6, "plain", &plain)
    try visitor.field(7, "narrow", &narrow)
    try visitor.field(8, "wide", &wide)
    try visitor.field(10, "rating", &rating)
    try visitor.field(11, "picture", &picture, .count(0...64))
    try visitor.field(12, "createdAt", &createdAt)
    try visitor.field(13, "note", &note, .length(1...10))
    try visitor.field(14, "priority", &priority)
    try visitor.field(15, "tags", &tags, .count(0...3))
    try visitor.field(16, "metadata", &metadata)
    try visitor.field(17, "size", &size)
    try visitor.field(18, "boxes", &boxes)
    try visitor.field(19, "status", &status)
    try visitor.field(20, "previous", &previous)
    try visitor.field(21, "price", &price, .amount(above: 0, to: 1_000_000).digits(2))
    try visitor.field(30, "extra", &extra)
    try visitor.field(100, "related", &related)
  }
}

extension SplitMix64 {
  mutating func text(upTo count: Int) -> String {
    let alphabet: [Unicode.Scalar] = ["a", "b", "\"", "\\", "\n", "\u{1}", "é", "漢", "😀", "/"]
    var text = ""
    for _ in 0..<Int.random(in: 0...count, using: &self) {
      text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &self)])
    }
    return text
  }
}

extension Sample {
  /// Any sample that JSON can also carry (milliseconds, finite numbers).
  static func random(_ random: inout SplitMix64) -> Sample {
    var sample = Sample()
    func flip() -> Bool { Bool.random(using: &random) }
    if flip() { sample.id = UUIDv7(high: random.next(), low: random.next()) }
    sample.title = "t" + random.text(upTo: 18)
    sample.isListed = flip()
    if flip() { sample.stock = .random(in: 0...1_000_000, using: &random) }
    if flip() { sample.small = .random(in: .min ... .max, using: &random) }
    if flip() { sample.plain = .random(in: .min ... .max, using: &random) }
    if flip() { sample.narrow = .random(in: .min ... .max, using: &random) }
    sample.wide = flip() ? 0 : random.next()
    if flip() { sample.rating = Double(Int64(bitPattern: random.next())) / 4096 }
    sample.picture = (0..<Int.random(in: 0...64, using: &random)).map { UInt8($0) }
    sample.createdAt = Timestamp(
      microseconds: .random(in: -62_000_000_000_000...250_000_000_000_000, using: &random) * 1000)
    if flip() { sample.note = "n" + random.text(upTo: 9) }
    sample.priority = flip() ? nil : flip() ? 5 : Int64.random(in: -9...9, using: &random)
    sample.tags = (0..<Int.random(in: 0...3, using: &random)).map { _ in random.text(upTo: 70) }
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      sample.metadata[random.text(upTo: 4)] = random.text(upTo: 50)
    }
    sample.size.width = Double(Int.random(in: 0...1000, using: &random))
    if flip() { sample.boxes = [SampleDimensions(), sample.size] }
    sample.status = SampleStatus.allCases.randomElement(using: &random) ?? .draft
    if flip() { sample.previous = .retired }
    sample.price = Amount(minor: .random(in: 1...100_000_000, using: &random), digits: 2)
    if flip(), let text = JSONText(.object([.init("a", .string(random.text(upTo: 9)))])) {
      sample.extra = text
    }
    sample.related = (0..<Int.random(in: 0...9, using: &random)).map { _ in
      UUIDv7(high: random.next(), low: random.next())
    }
    return sample
  }
}
