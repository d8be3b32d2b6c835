// A record as a list of key paths, each with the closures that write and read its value. No
// protocol visit is needed and the list can be data; every field pays for a key path and a closure.

import Bytes

/// What both rivals, the key paths and Codable, write a value with.
protocol Wire {
  func write(_ writer: inout ByteWriter)
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Self
}

extension Int64: Wire {
  func write(_ writer: inout ByteWriter) { writer.signedVarint(self) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Int64 {
    try reader.signedVarint()
  }
}

extension Bool: Wire {
  func write(_ writer: inout ByteWriter) { writer.u8(self ? 1 : 0) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Bool {
    try reader.u8() == 1
  }
}

extension Double: Wire {
  func write(_ writer: inout ByteWriter) { writer.u64(bitPattern) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Double {
    Double(bitPattern: try reader.u64())
  }
}

extension String: Wire {
  func write(_ writer: inout ByteWriter) { writer.string(self) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> String {
    try reader.string(limit: 1 << 20)
  }
}

extension UUIDv7: Wire {
  func write(_ writer: inout ByteWriter) {
    writer.u64(high)
    writer.u64(low)
  }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> UUIDv7 {
    UUIDv7(high: try reader.u64(), low: try reader.u64())
  }
}

extension Timestamp: Wire {
  func write(_ writer: inout ByteWriter) { writer.i64(microseconds) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Timestamp {
    Timestamp(microseconds: try reader.i64())
  }
}

extension ItemState: Wire {
  func write(_ writer: inout ByteWriter) { writer.string(rawValue) }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> ItemState {
    guard let state = ItemState(rawValue: try String.read(&reader)) else {
      throw DecodeError(.invalid, "state", at: reader.offset)
    }
    return state
  }
}

extension Optional: Wire where Wrapped: Wire {
  func write(_ writer: inout ByteWriter) {
    writer.u8(self == nil ? 0 : 1)
    self?.write(&writer)
  }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> Wrapped? {
    try reader.u8() == 1 ? try Wrapped.read(&reader) : nil
  }
}

extension Array: Wire where Element: Wire {
  func write(_ writer: inout ByteWriter) {
    writer.varint(UInt64(count))
    for element in self { element.write(&writer) }
  }
  static func read(_ reader: inout ByteReader) throws(DecodeError) -> [Element] {
    let count = try reader.count(limit: 1 << 16)
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try Element.read(&reader)) }
    return elements
  }
}

struct KeyPathField<Record> {
  let number: UInt64
  let write: (Record, inout ByteWriter) -> Void
  let read: (inout Record, inout ByteReader) throws(DecodeError) -> Void

  init<Value: Wire>(_ number: UInt64, _ path: WritableKeyPath<Record, Value>) {
    self.number = number
    write = { record, writer in record[keyPath: path].write(&writer) }
    read = { (record, reader) throws(DecodeError) in
      record[keyPath: path] = try Value.read(&reader)
    }
  }
}

struct KeyPathList {
  let fields: [KeyPathField<Item>] = [
    KeyPathField(1, \.id), KeyPathField(2, \.ownerID), KeyPathField(3, \.title),
    KeyPathField(4, \.slug), KeyPathField(5, \.summary), KeyPathField(6, \.state),
    KeyPathField(7, \.currency), KeyPathField(8, \.price), KeyPathField(9, \.listPrice),
    KeyPathField(10, \.stock), KeyPathField(11, \.weight), KeyPathField(12, \.isListed),
    KeyPathField(13, \.rating), KeyPathField(14, \.tags), KeyPathField(15, \.createdAt),
  ]

  func encode(_ item: Item) -> [UInt8] {
    var writer = ByteWriter(reserving: 256)
    for field in fields {
      writer.varint(field.number)
      field.write(item, &writer)
    }
    return writer.bytes
  }

  func decode(_ bytes: [UInt8]) throws(DecodeError) -> Item {
    var reader = ByteReader(bytes.span.bytes)
    var item = Item()
    for field in fields {
      guard try reader.varint() == field.number else {
        throw DecodeError(.invalid, "number", at: reader.offset)
      }
      try field.read(&item, &reader)
    }
    return item
  }
}
