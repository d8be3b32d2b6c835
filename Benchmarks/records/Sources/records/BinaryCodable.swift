// A small binary coder under Swift's own Codable: values in the order of the calls, as little as
// the protocols allow. It could not skip a field that it does not know.

import Bytes

final class BinaryCodableEncoder: Encoder {
  var writer = ByteWriter(reserving: 256)
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  static func encode(_ item: Item) throws -> [UInt8] {
    let encoder = BinaryCodableEncoder()
    try item.encode(to: encoder)
    return encoder.writer.bytes
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Keyed(encoder: self))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { fatalError("no lists of containers") }
  func singleValueContainer() -> any SingleValueEncodingContainer { fatalError("no single values") }

  struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: BinaryCodableEncoder
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil(forKey key: Key) { encoder.writer.u8(0) }
    mutating func encode(_ value: Bool, forKey key: Key) { value.write(&encoder.writer) }
    mutating func encode(_ value: String, forKey key: Key) { value.write(&encoder.writer) }
    mutating func encode(_ value: Double, forKey key: Key) { value.write(&encoder.writer) }
    mutating func encode(_ value: Int64, forKey key: Key) { value.write(&encoder.writer) }
    mutating func encodeIfPresent(_ value: Int64?, forKey key: Key) {
      value.write(&encoder.writer)
    }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
      guard let value = value as? any Wire else {
        throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "kind"))
      }
      value.write(&encoder.writer)
    }
    mutating func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { encoder.container(keyedBy: type) }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      encoder.unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { encoder }
    mutating func superEncoder(forKey key: Key) -> any Encoder { encoder }
  }
}

final class BinaryCodableDecoder: Decoder {
  let bytes: [UInt8]
  var offset = 0
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static func decode(_ bytes: [UInt8]) throws -> Item {
    try Item(from: BinaryCodableDecoder(bytes))
  }

  func read<T: Wire>(_ type: T.Type) throws(DecodeError) -> T {
    // A reader cannot be kept in a class, so that each value makes one.
    let local = bytes
    var reader = ByteReader(local.span.bytes)
    try reader.skip(offset)
    let value = try T.read(&reader)
    offset = reader.offset
    return value
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Keyed(decoder: self))
  }
  func unkeyedContainer() -> any UnkeyedDecodingContainer { fatalError("no lists of containers") }
  func singleValueContainer() -> any SingleValueDecodingContainer { fatalError("no single values") }

  struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: BinaryCodableDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder.read(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder.read(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder.read(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder.read(type) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
      try decoder.read(Int64?.self)
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      guard let wire = type as? any Wire.Type, let value = try decoder.read(wire) as? T else {
        throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "kind"))
      }
      return value
    }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedDecodingContainer<Nested> { decoder.container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer {
      decoder.unkeyedContainer()
    }
    func superDecoder() -> any Decoder { decoder }
    func superDecoder(forKey key: Key) -> any Decoder { decoder }
  }
}
