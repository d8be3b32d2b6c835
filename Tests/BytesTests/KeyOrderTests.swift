// Keys: the order of the bytes is the order of the values, for every component and for tuples, and
// what was encoded is decoded. The oracle is the order of the plain values.

import Bytes
import Testing

@Suite struct KeyOrderTests {
  static let seed: UInt64 = 20_240_711

  /// -1, 0 or 1, as memcmp and then the length have it.
  static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
    left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
  }

  static func order<T: Comparable>(_ left: T, _ right: T) -> Int {
    left == right ? 0 : left < right ? -1 : 1
  }

  /// Texts compare by their UTF-8, not as people would sort them.
  static func order(_ left: String, _ right: String) -> Int {
    order(Array(left.utf8), Array(right.utf8))
  }

  /// nil comes first.
  static func order<T>(_ left: T?, _ right: T?, by inner: (T, T) -> Int) -> Int {
    switch (left, right) {
    case (nil, nil): 0
    case (nil, _): -1
    case (_, nil): 1
    case (let left?, let right?): inner(left, right)
    }
  }

  func check<T: KeyComponent>(
    _ make: (inout SplitMix64) -> T, by order: (T, T) -> Int,
    location: SourceLocation = #_sourceLocation
  ) throws {
    var generator = SplitMix64(seed: Self.seed)
    let values = (0..<150).map { _ in make(&generator) }
    let keys = values.map { key($0) }
    for left in values.indices {
      for right in values.indices {
        #expect(
          Self.order(keys[left], keys[right]) == order(values[left], values[right]),
          "\(values[left]) and \(values[right]), seed \(Self.seed)", sourceLocation: location)
      }
      let encoded = keys[left]
      var reader = KeyReader(encoded.span.bytes)
      let back = try reader.read(T.self)
      let isWhole = order(back, values[left]) == 0 && reader.isAtEnd
      #expect(isWhole, sourceLocation: location)
    }
  }

  @Test func numbersAreInOrder() throws {
    try check({ $0.next() & 1 == 0 }, by: { Self.order($0 ? 1 : 0, $1 ? 1 : 0) })
    try check({ UInt8(truncatingIfNeeded: $0.number()) }, by: { Self.order($0, $1) })
    try check({ UInt32(truncatingIfNeeded: $0.number()) }, by: { Self.order($0, $1) })
    try check({ $0.number() }, by: { Self.order($0, $1) })
    try check({ Int32(truncatingIfNeeded: $0.number()) }, by: { Self.order($0, $1) })
    try check({ Int64(truncatingIfNeeded: $0.number()) }, by: { Self.order($0, $1) })
    #expect(key(Int64.min) < key(Int64(-1)) && key(Int64(-1)) < key(Int64(0)))
    #expect(key(Int64(0)) < key(Int64.max) && key(Int32.min) < key(Int32.max))
  }

  @Test func momentsAndIdentifiersAreInOrder() throws {
    try check(
      { Timestamp(microseconds: Int64(truncatingIfNeeded: $0.number())) },
      by: { Self.order($0, $1) })
    try check({ UUIDv7(high: $0.number(), low: $0.number()) }, by: { Self.order($0, $1) })
  }

  @Test func textsAndBytesAreInOrder() throws {
    try check({ $0.text() }, by: { Self.order($0, $1) })
    try check({ $0.bytes() }, by: { Self.order($0, $1) })
    #expect(key("a\0b") == [0x61, 0x00, 0xff, 0x62, 0x00, 0x00])
    #expect(key("") < key("\0") && key("\0") < key("\0\0") && key("\0\0") < key("\u{1}"))
  }

  @Test func nilComesFirst() throws {
    try check(
      { $0.next() % 4 == 0 ? nil : $0.text() } as (inout SplitMix64) -> String?,
      by: { Self.order($0, $1, by: Self.order) })
    try check(
      { $0.next() % 4 == 0 ? nil : Int64(truncatingIfNeeded: $0.number()) }
        as (inout SplitMix64) -> Int64?,
      by: { Self.order($0, $1, by: Self.order) })
  }

  @Test func descendingTurnsTheOrderRound() throws {
    try check({ Descending($0.number()) }, by: { Self.order($1.value, $0.value) })
    try check({ Descending($0.text()) }, by: { Self.order($1.value, $0.value) })
    try check({ Descending($0.bytes()) }, by: { Self.order($1.value, $0.value) })
    try check(
      { Descending($0.next() % 4 == 0 ? nil : $0.text()) }
        as (inout SplitMix64) -> Descending<String?>,
      by: { Self.order($1.value, $0.value, by: Self.order) })
    try check(
      { Descending(Descending($0.text())) }, by: { Self.order($0.value.value, $1.value.value) })
    try check(
      { $0.next() % 4 == 0 ? nil : Descending($0.text()) }
        as (inout SplitMix64) -> Descending<String>?,
      by: { Self.order($0, $1) { Self.order($1.value, $0.value) } })
  }

  @Test func tuplesAreInOrderAndReadBack() throws {
    typealias Row = (text: String, back: String, note: [UInt8]?, number: Int32)
    var generator = SplitMix64(seed: Self.seed)
    let rows: [Row] = (0..<300).map { _ in
      // Few distinct texts, so that later components decide often.
      (
        ["", "\0", "a", "a\0", "a\0\0", "ab"][Int(generator.next() % 6)],
        ["", "\0", "a", "a\0"][Int(generator.next() % 4)],
        generator.next() % 3 == 0 ? nil : generator.bytes(most: 2),
        Int32(truncatingIfNeeded: generator.number())
      )
    }
    let keys = rows.map { key($0.text, Descending($0.back), $0.note, $0.number) }
    func order(_ left: Row, _ right: Row) -> Int {
      let parts = [
        Self.order(left.text, right.text), Self.order(right.back, left.back),
        Self.order(left.note, right.note, by: Self.order), Self.order(left.number, right.number),
      ]
      return parts.first { $0 != 0 } ?? 0
    }
    for (index, row) in rows.enumerated() {
      for (otherIndex, other) in rows.enumerated() {
        #expect(
          Self.order(keys[index], keys[otherIndex]) == order(row, other),
          "\(row) and \(other), seed \(Self.seed)")
      }
      let encoded = keys[index]
      var reader = KeyReader(encoded.span.bytes)
      #expect(try reader.read(String.self) == row.text)
      #expect(try reader.read(Descending<String>.self).value == row.back)
      #expect(try reader.read([UInt8]?.self) == row.note)
      #expect(try reader.read(Int32.self) == row.number)
      let isAtEnd = reader.isAtEnd
      #expect(isAtEnd)
    }
  }

  @Test func theFirstComponentsAreAPrefix() {
    #expect(key("a\0", UInt32(7), "b").starts(with: key("a\0", UInt32(7))))
    #expect(!key("ab", UInt32(7)).starts(with: key("a")))
  }

  @Test func theKeyAfterAPrefixIsTheLeastOneBeyondIt() throws {
    #expect(keyAfterPrefix([]) == nil)
    #expect(keyAfterPrefix([0xff, 0xff]) == nil)
    #expect(keyAfterPrefix([1, 0xff]) == [2])
    #expect(keyAfterPrefix([0]) == [1])
    var generator = SplitMix64(seed: Self.seed)
    for _ in 0..<2000 {
      let prefix = generator.bytes(most: 4)
      guard let end = keyAfterPrefix(prefix) else { continue }
      let key = generator.bytes(most: 6)
      #expect(
        key.starts(with: prefix)
          == (!key.lexicographicallyPrecedes(prefix) && key.lexicographicallyPrecedes(end)),
        "\(key) and \(prefix), seed \(Self.seed)")
    }
  }

  @Test func damagedKeysAreRefused() {
    func fails<T: KeyComponent>(_ bytes: [UInt8], _ type: T.Type) -> DecodeError.Kind? {
      decodeError { () throws(DecodeError) in
        var reader = KeyReader(bytes.span.bytes)
        _ = try reader.read(type)
      }?.kind
    }
    #expect(fails([2], Bool.self) == .invalid)
    #expect(fails([], Bool.self) == .truncated)
    #expect(fails([1, 2, 3], UInt32.self) == .truncated)
    #expect(fails([0x61, 0, 1], String.self) == .invalid)
    #expect(fails([0x61, 0], String.self) == .truncated)
    #expect(fails([0xff, 0, 0], String.self) == .invalid)
    #expect(fails([3, 0, 0], String?.self) == .invalid)
    #expect(fails([0x61], Descending<[UInt8]>.self) == .truncated)
  }

  @Test func arbitraryBytesNeverTrapAKeyReader() {
    var generator = SplitMix64(seed: Self.seed)
    for _ in 0..<20_000 {
      let bytes = generator.bytes(most: 30)
      let error = decodeError { () throws(DecodeError) in
        var reader = KeyReader(bytes.span.bytes)
        while !reader.isAtEnd {
          switch bytes.count % 5 {
          case 0: _ = try reader.read(String.self)
          case 1: _ = try reader.read(Descending<[UInt8]?>.self)
          case 2: _ = try reader.read(UUIDv7?.self)
          case 3: _ = try reader.read(Descending<Bool>.self)
          default: _ = try reader.read(Int32.self)
          }
        }
      }
      #expect((error?.offset ?? 0) <= bytes.count)
    }
  }
}

extension [UInt8] {
  fileprivate static func < (left: [UInt8], right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
  }
}
