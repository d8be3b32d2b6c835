// The bound that is compared with: the same bytes from code written out for this one record.

import Bytes

enum HandUnrolled {
  static func encode(_ item: Item) -> [UInt8] {
    var writer = ByteWriter(reserving: 256)
    func text(_ tag: UInt8, _ text: String) {
      if text.isEmpty { return }
      writer.u8(tag)
      writer.string(text)
    }
    func integer(_ tag: UInt8, _ value: Int64) {
      if value == 0 { return }
      writer.u8(tag)
      writer.signedVarint(value)
    }
    func identifier(_ tag: UInt8, _ id: UUIDv7) {
      if id.high | id.low == 0 { return }
      writer.u8(tag)
      writer.u64(id.high.byteSwapped)
      writer.u64(id.low.byteSwapped)
    }
    identifier(1 << 3 | 3, item.id)
    identifier(2 << 3 | 3, item.ownerID)
    text(3 << 3 | 2, item.title)
    text(4 << 3 | 2, item.slug)
    text(5 << 3 | 2, item.summary)
    text(6 << 3 | 2, item.state.rawValue)
    text(7 << 3 | 2, item.currency)
    integer(8 << 3, item.price)
    if let listPrice = item.listPrice {
      writer.u8(9 << 3)
      writer.signedVarint(listPrice)
    }
    integer(10 << 3, item.stock)
    integer(11 << 3, item.weight)
    if item.isListed { writer.u16(1 << 8 | 12 << 3) }
    if item.rating.bitPattern != 0 {
      writer.u8(13 << 3 | 1)
      writer.u64(item.rating.bitPattern)
    }
    if !item.tags.isEmpty {
      writer.u8(14 << 3 | 2)
      var list = ByteWriter(reserving: 64)
      list.varint(UInt64(item.tags.count))
      for tag in item.tags { list.string(tag) }
      writer.lengthPrefixed(list.bytes)
    }
    if item.createdAt.microseconds != 0 {
      writer.u8(15 << 3 | 1)
      writer.i64(item.createdAt.microseconds)
    }
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]) throws(DecodeError) -> Item {
    var reader = ByteReader(bytes.span.bytes)
    var item = Item()
    while reader.offset < bytes.count {
      switch try reader.varint() {
      case 1 << 3 | 3: item.id = try identifier(&reader)
      case 2 << 3 | 3: item.ownerID = try identifier(&reader)
      case 3 << 3 | 2: item.title = try text(&reader)
      case 4 << 3 | 2: item.slug = try text(&reader)
      case 5 << 3 | 2: item.summary = try text(&reader)
      case 6 << 3 | 2:
        guard let state = ItemState(rawValue: try text(&reader)) else {
          throw DecodeError(.invalid, "state", at: reader.offset)
        }
        item.state = state
      case 7 << 3 | 2: item.currency = try text(&reader)
      case 8 << 3: item.price = try reader.signedVarint()
      case 9 << 3: item.listPrice = try reader.signedVarint()
      case 10 << 3: item.stock = try reader.signedVarint()
      case 11 << 3: item.weight = try reader.signedVarint()
      case 12 << 3: item.isListed = try reader.u8() == 1
      case 13 << 3 | 1: item.rating = Double(bitPattern: try reader.u64())
      case 14 << 3 | 2:
        _ = try reader.varint()
        let count = try reader.count(limit: bytes.count)
        item.tags.reserveCapacity(count)
        for _ in 0..<count { item.tags.append(try text(&reader)) }
      case 15 << 3 | 1: item.createdAt = Timestamp(microseconds: try reader.i64())
      default: throw DecodeError(.invalid, "tag", at: reader.offset)
      }
    }
    return item
  }

  private static func text(_ reader: inout ByteReader) throws(DecodeError) -> String {
    let bytes = try reader.lengthPrefixedSpan()
    do {
      return String(copying: try UTF8Span(validating: Span<UInt8>(_bytes: bytes)))
    } catch {
      throw DecodeError(.invalid, "text", at: reader.offset)
    }
  }

  private static func identifier(_ reader: inout ByteReader) throws(DecodeError) -> UUIDv7 {
    UUIDv7(high: try reader.u64().byteSwapped, low: try reader.u64().byteSwapped)
  }
}
