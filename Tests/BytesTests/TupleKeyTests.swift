// Tuples of any length and any components: their bytes compare as the tuples do, component by
// component; a tuple's first components are a byte prefix of it and of nothing else; and the range
// of keys under a prefix holds exactly the tuples that begin with it. The oracle compares values.

import Bytes
import Testing

/// One component of a random tuple: what is encoded, and how it compares with its like.
private indirect enum Part: CustomStringConvertible {
  case bool(Bool)
  case unsigned(UInt64)
  case narrow(UInt32)
  case signed(Int64)
  case small(Int32)
  case text(String)
  case bytes([UInt8])
  case id(UUIDv7)
  case time(Timestamp)
  case optional(Int64?)
  case optionalText(String?)
  case descending(Part)

  static let kinds = 11

  static func random(_ kind: Int, _ generator: inout SplitMix64) -> Part {
    func pick<T>(_ values: [T]) -> T { values[Int(generator.next() % UInt64(values.count))] }
    // Few values of each kind, so that later components decide as often as earlier ones.
    let number = pick([0, 1, 255, 256, 1 << 31, 1 << 63, .max] as [UInt64])
    let text = pick(["", "\0", "\0\0", "a", "a\0", "a\0b", "ab", "\u{1}", "é", "\u{ff}", "😀"])
    let isNil = generator.next() % 4 == 0
    switch kind {
    case 0: return .bool(number & 1 == 1)
    case 1: return .unsigned(number)
    case 2: return .narrow(UInt32(truncatingIfNeeded: number))
    case 3: return .signed(Int64(bitPattern: number))
    case 4: return .small(Int32(truncatingIfNeeded: number))
    case 5: return .text(text)
    case 6: return .bytes(pick([[], [0], [0, 0], [0, 255], [1], [254], [255], [255, 0]]))
    case 7: return .id(UUIDv7(high: number, low: pick([0, 1, .max])))
    case 8: return .time(Timestamp(microseconds: Int64(bitPattern: number)))
    case 9: return .optional(isNil ? nil : Int64(bitPattern: number))
    default: return .optionalText(isNil ? nil : text)
    }
  }

  func encode(into key: inout KeyWriter) {
    switch self {
    case .bool(let value): key.append(value)
    case .unsigned(let value): key.append(value)
    case .narrow(let value): key.append(value)
    case .signed(let value): key.append(value)
    case .small(let value): key.append(value)
    case .text(let value): key.append(value)
    case .bytes(let value): key.append(value)
    case .id(let value): key.append(value)
    case .time(let value): key.append(value)
    case .optional(let value): key.append(value)
    case .optionalText(let value): key.append(value)
    case .descending(let part): part.encodeDescending(into: &key)
    }
  }

  func encodeDescending(into key: inout KeyWriter) {
    switch self {
    case .bool(let value): key.append(Descending(value))
    case .unsigned(let value): key.append(Descending(value))
    case .narrow(let value): key.append(Descending(value))
    case .signed(let value): key.append(Descending(value))
    case .small(let value): key.append(Descending(value))
    case .text(let value): key.append(Descending(value))
    case .bytes(let value): key.append(Descending(value))
    case .id(let value): key.append(Descending(value))
    case .time(let value): key.append(Descending(value))
    case .optional(let value): key.append(Descending(value))
    case .optionalText(let value): key.append(Descending(value))
    case .descending(let part): part.encode(into: &key)
    }
  }

  /// -1, 0 or 1; both parts are of one kind.
  func order(_ other: Part) -> Int {
    func compare<T: Comparable>(_ left: T, _ right: T) -> Int {
      left == right ? 0 : left < right ? -1 : 1
    }
    func bytes(_ left: [UInt8], _ right: [UInt8]) -> Int {
      left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
    }
    switch (self, other) {
    case (.bool(let left), .bool(let right)): return compare(left ? 1 : 0, right ? 1 : 0)
    case (.unsigned(let left), .unsigned(let right)): return compare(left, right)
    case (.narrow(let left), .narrow(let right)): return compare(left, right)
    case (.signed(let left), .signed(let right)): return compare(left, right)
    case (.small(let left), .small(let right)): return compare(left, right)
    case (.text(let left), .text(let right)): return bytes(Array(left.utf8), Array(right.utf8))
    case (.bytes(let left), .bytes(let right)): return bytes(left, right)
    case (.id(let left), .id(let right)): return compare(left, right)
    case (.time(let left), .time(let right)): return compare(left, right)
    case (.optional(let left), .optional(let right)):
      guard let left, let right else { return compare(left == nil ? 0 : 1, right == nil ? 0 : 1) }
      return compare(left, right)
    case (.optionalText(let left), .optionalText(let right)):
      guard let left, let right else { return compare(left == nil ? 0 : 1, right == nil ? 0 : 1) }
      return bytes(Array(left.utf8), Array(right.utf8))
    case (.descending(let left), .descending(let right)): return right.order(left)
    default: preconditionFailure("parts of one kind are compared")
    }
  }

  var description: String {
    switch self {
    case .bool(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .narrow(let value): "\(value)"
    case .signed(let value): "\(value)"
    case .small(let value): "\(value)"
    case .text(let value): value.debugDescription
    case .bytes(let value): "\(value)"
    case .id(let value): "\(value)"
    case .time(let value): "\(value.microseconds)"
    case .optional(let value): "\(value as Any)"
    case .optionalText(let value): "\(value as Any)"
    case .descending(let part): "descending \(part)"
    }
  }
}

/// The kinds of a tuple's components; negative is descending.
private struct Shape: CustomStringConvertible {
  var kinds: [(kind: Int, isDescending: Bool)]

  static func random(_ generator: inout SplitMix64) -> Shape {
    Shape(
      kinds: (0..<Int.random(in: 1...5, using: &generator)).map { _ in
        (Int(generator.next() % UInt64(Part.kinds)), generator.next() % 3 == 0)
      })
  }

  func tuple(_ generator: inout SplitMix64) -> [Part] {
    kinds.map { kind, isDescending in
      let part = Part.random(kind, &generator)
      return isDescending ? .descending(part) : part
    }
  }

  var description: String { "\(kinds)" }
}

@Suite struct TupleKeyTests {
  private static func encode(_ tuple: some Sequence<Part>) -> [UInt8] {
    var writer = KeyWriter()
    for part in tuple { part.encode(into: &writer) }
    return writer.bytes
  }

  private static func order(_ left: [Part], _ right: [Part]) -> Int {
    for (left, right) in zip(left, right) {
      let order = left.order(right)
      if order != 0 { return order }
    }
    return 0
  }

  private static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
    left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
  }

  @Test(arguments: 0..<120 as Range<UInt64>)
  func bytesCompareAsTheirTuplesDo(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let shape = Shape.random(&generator)
    let tuples = (0..<40).map { _ in shape.tuple(&generator) }
    let keys = tuples.map { Self.encode($0) }
    for (index, tuple) in tuples.enumerated() {
      for (otherIndex, other) in tuples.enumerated() {
        let isRight =
          Self.order(keys[index], keys[otherIndex]) == Self.order(tuple, other)
        #expect(isRight, "seed \(seed): \(tuple) and \(other)")
      }
    }
  }

  @Test(arguments: 0..<120 as Range<UInt64>)
  func thePrefixOfATupleIsThePrefixOfItsBytes(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let shape = Shape.random(&generator)
    let tuples = (0..<40).map { _ in shape.tuple(&generator) }
    let keys = tuples.map { Self.encode($0) }
    let count = Int(generator.next() % UInt64(shape.kinds.count + 1))
    for tuple in tuples {
      let prefix = Self.encode(tuple.prefix(count))
      let end = keyAfterPrefix(prefix)
      for (other, key) in zip(tuples, keys) {
        let begins = Self.order(Array(tuple.prefix(count)), Array(other.prefix(count))) == 0
        #expect(
          key.starts(with: prefix) == begins, "seed \(seed): \(tuple.prefix(count)) and \(other)")
        let isAfterStart = !key.lexicographicallyPrecedes(prefix)
        let isBeforeEnd = end.map { key.lexicographicallyPrecedes($0) } ?? true
        #expect(
          (isAfterStart && isBeforeEnd) == begins,
          "seed \(seed): the range of \(tuple.prefix(count)) and \(other)")
      }
    }
  }
}
