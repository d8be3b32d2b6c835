// ByteReader and ByteWriter: what one writes the other reads, and no input traps the reader.

import Bytes
import Testing

@Suite struct ByteReaderTests {
  enum Item: Equatable {
    case u8(UInt8)
    case u16(UInt16)
    case u32(UInt32)
    case u64(UInt64)
    case i64(Int64)
    case varint(UInt64)
    case signed(Int64)
    case count(Int)
    case bytes([UInt8])
    case text(String)
    case raw([UInt8])

    static func random(_ generator: inout SplitMix64) -> Item {
      switch generator.next() % 11 {
      case 0: .u8(UInt8(truncatingIfNeeded: generator.number()))
      case 1: .u16(UInt16(truncatingIfNeeded: generator.number()))
      case 2: .u32(UInt32(truncatingIfNeeded: generator.number()))
      case 3: .u64(generator.number())
      case 4: .i64(Int64(bitPattern: generator.number()))
      case 5: .varint(generator.number())
      case 6: .signed(Int64(bitPattern: generator.number()))
      case 7: .count(Int(generator.number() >> 1))
      case 8: .bytes(generator.bytes(most: 300))
      case 9: .text(generator.text())
      default: .raw(generator.bytes())
      }
    }

    func write(_ writer: inout ByteWriter) {
      switch self {
      case .u8(let value): writer.u8(value)
      case .u16(let value): writer.u16(value)
      case .u32(let value): writer.u32(value)
      case .u64(let value): writer.u64(value)
      case .i64(let value): writer.i64(value)
      case .varint(let value): writer.varint(value)
      case .signed(let value): writer.signedVarint(value)
      case .count(let value): writer.varint(UInt64(value))
      case .bytes(let value): writer.lengthPrefixed(value)
      case .text(let value): writer.string(value)
      case .raw(let value): writer.append(value)
      }
    }

    /// Reads an item of the same kind (raw: of the same length).
    func read(_ reader: inout ByteReader) throws(DecodeError) -> Item {
      switch self {
      case .u8: .u8(try reader.u8())
      case .u16: .u16(try reader.u16())
      case .u32: .u32(try reader.u32())
      case .u64: .u64(try reader.u64())
      case .i64: .i64(try reader.i64())
      case .varint: .varint(try reader.varint())
      case .signed: .signed(try reader.signedVarint())
      case .count: .count(try reader.count(limit: .max))
      case .bytes: .bytes(try reader.lengthPrefixedArray())
      case .text: .text(try reader.string())
      case .raw(let value): .raw(try reader.array(value.count))
      }
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func whatIsWrittenIsRead(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let items = (0..<60).map { _ in Item.random(&generator) }
    var writer = ByteWriter()
    for item in items { item.write(&writer) }
    var reader = ByteReader(writer.bytes.span.bytes)
    for item in items { #expect(try item.read(&reader) == item, "seed \(seed)") }
    try reader.finish()
    // Every proper prefix of the input ends in an error, not in a wrong value.
    for length in 0..<writer.count {
      let cut = Array(writer.bytes[..<length])
      let error = decodeError { () throws(DecodeError) in
        var reader = ByteReader(cut.span.bytes)
        for item in items {
          let back = try item.read(&reader)
          guard back == item else { throw DecodeError(.invalid, "wrong value", at: -1) }
        }
      }
      #expect((error?.offset ?? -1) >= 0, "seed \(seed), cut at \(length)")
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func noInputTrapsAndAFailedReadMovesNothing(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let bytes = generator.bytes(most: 40)
      var reader = ByteReader(bytes.span.bytes)
      for _ in 0..<20 {
        let before = reader.offset
        do throws(DecodeError) {
          switch generator.next() % 4 {
          case 0: try reader.skip(Int(truncatingIfNeeded: generator.number()))
          case 1: _ = try reader.array(Int(truncatingIfNeeded: generator.number()))
          case 2: _ = try reader.lengthPrefixedArray(limit: Int(generator.next() % 20))
          default: _ = try Item.random(&generator).read(&reader)
          }
          #expect(reader.offset >= before && reader.offset <= bytes.count, "seed \(seed)")
        } catch {
          #expect(reader.offset == before, "seed \(seed): \(error)")
          #expect(error.offset >= 0 && error.offset <= bytes.count, "seed \(seed): \(error)")
        }
      }
    }
  }

  @Test func varintsHaveOneFormEach() throws {
    func varint(_ bytes: [UInt8]) -> (UInt64?, DecodeError.Kind?) {
      var reader = ByteReader(bytes.span.bytes)
      do throws(DecodeError) { return (try reader.varint(), nil) } catch {
        return (nil, error.kind)
      }
    }
    #expect(varint([0]) == (0, nil))
    #expect(varint([0xff, 0x01]) == (255, nil))
    let most = [UInt8](repeating: 0xff, count: 9)
    #expect(varint(most + [1]) == (.max, nil))
    #expect(varint(most + [2]) == (nil, .invalid))
    #expect(varint(most + [0x81]) == (nil, .invalid))
    #expect(varint(most + [0xff, 0xff]) == (nil, .invalid))
    #expect(varint([0x80, 0]) == (nil, .invalid))
    #expect(varint([0x80]) == (nil, .truncated))
    #expect(varint([]) == (nil, .truncated))
  }

  @Test func limitsAreKept() {
    let bytes: [UInt8] = [5, 1, 2, 3, 4, 5]
    var reader = ByteReader(bytes.span.bytes)
    #expect(decodeError { () throws(DecodeError) in try reader.count(limit: 4) }?.kind == .overflow)
    #expect(
      decodeError { () throws(DecodeError) in try reader.lengthPrefixedArray(limit: 4) }?.kind
        == .overflow)
    #expect((try? reader.lengthPrefixedArray(limit: 5)) == [1, 2, 3, 4, 5])
    #expect(decodeError { () throws(DecodeError) in try reader.u8() }?.kind == .truncated)
    #expect(decodeError { () throws(DecodeError) in try reader.skip(-1) }?.kind == .truncated)
  }

  @Test func textThatIsNotUTF8IsRefused() {
    for bytes: [UInt8] in [[2, 0xc0, 0x80], [1, 0xff], [3, 0xed, 0xa0, 0x80]] {
      var reader = ByteReader(bytes.span.bytes)
      #expect(decodeError { () throws(DecodeError) in try reader.string() }?.kind == .invalid)
      let offset = reader.offset
      #expect(offset == 0)
    }
  }

  @Test func bytesBehindTheEndAreRefused() throws {
    let bytes: [UInt8] = [1, 2]
    var reader = ByteReader(bytes.span.bytes)
    _ = try reader.u8()
    #expect(decodeError { () throws(DecodeError) in try reader.finish() }?.offset == 1)
  }

  @Test func patchedNumbersReadBack() throws {
    var writer = ByteWriter()
    writer.zeros(16)
    writer.patchU32(0xdead_beef, at: 1)
    writer.patchU64(0x0102_0304_0506_0708, at: 8)
    var reader = ByteReader(writer.bytes.span.bytes)
    try reader.skip(1)
    #expect(try reader.u32() == 0xdead_beef)
    try reader.skip(3)
    #expect(try reader.u64() == 0x0102_0304_0506_0708)
  }
}
