// SearchPlace: how far the hits of a search were told, as the bytes of a cursor.
//
//   told u32 | count u8 | ordinal u32 … | list u8 | position …
//   list      0: those that are not buried, 1: the buried ones
//   position  nothing at the beginning of the list, else  ordinal u32 | ( kind u8 | value )…
//   kind      0 score, 1 number, 2 metres: 8 bytes; 3 keyword: varint length, UTF-8; 4 missing: nothing
//
// The ordinals are those of the pinned products that were told, so that none comes twice, also when
// others become or cease to be findable in between.

import Bytes
import TextSearch

struct SearchPlace: Equatable {
  /// Hits before this place, pinned ones included.
  var told = 0
  var pinned: [UInt32] = []
  var isBuried = false
  /// In the list that `isBuried` names.
  var position: TextPosition?

  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.u32(UInt32(clamping: told))
    writer.u8(UInt8(clamping: pinned.count))
    for ordinal in pinned { writer.u32(ordinal) }
    writer.u8(isBuried ? 1 : 0)
    if let position { Self.append(position, to: &writer) }
    return writer.bytes
  }

  private static func append(_ position: TextPosition, to writer: inout ByteWriter) {
    writer.u32(position.ordinal)
    for value in position.values {
      switch value {
      case .score(let score):
        writer.u8(0)
        writer.u64(score.bitPattern)
      case .number(let number):
        writer.u8(1)
        writer.i64(number)
      case .metres(let metres):
        writer.u8(2)
        writer.u64(metres.bitPattern)
      case .keyword(let text):
        writer.u8(3)
        writer.string(text)
      case .missing: writer.u8(4)
      }
    }
  }

  init() {}

  /// VAL_3002 for bytes that are no place.
  init(_ bytes: [UInt8]) throws(MarketError) {
    do throws(DecodeError) {
      var reader = ByteReader(bytes.span.bytes)
      told = Int(try reader.u32())
      for _ in 0..<(try reader.u8()) { pinned.append(try reader.u32()) }
      switch try reader.u8() {
      case 0: isBuried = false
      case 1: isBuried = true
      default: throw DecodeError(.invalid, "search place", at: reader.offset)
      }
      if !reader.isAtEnd { position = try Self.position(&reader) }
    } catch {
      throw MarketError(.invalidInput, "The cursor does not belong to this search.")
    }
  }

  private static func position(
    _ reader: inout ByteReader
  ) throws(DecodeError) -> TextPosition {
    let ordinal = try reader.u32()
    var values: [SortValue] = []
    while !reader.isAtEnd {
      switch try reader.u8() {
      case 0: values.append(.score(Double(bitPattern: try reader.u64())))
      case 1: values.append(.number(try reader.i64()))
      case 2: values.append(.metres(Double(bitPattern: try reader.u64())))
      case 3: values.append(.keyword(try reader.string()))
      case 4: values.append(.missing)
      default: throw DecodeError(.invalid, "search position", at: reader.offset)
      }
    }
    return TextPosition(values: values, ordinal: ordinal)
  }
}
