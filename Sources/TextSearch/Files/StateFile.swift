// StateFile: what changes of an index without a segment changing: which documents fell, and the cells of
// the numeric columns (DataFormats/text-state.md).
//
//   magic 8 | u32 version | u32 zero | varint segments, for each: its file's name, varint fallen
//   documents, those ascending | varint columns, for each: varint cells, for each: varint ordinal (less
//   the one before, less one), signed varint value | u64 XXH64 of all before

import Bytes

struct StateFile: Equatable {
  struct Part: Equatable {
    var name: String
    var fallen: [UInt32]
  }

  struct Cell: Equatable {
    var ordinal: UInt32
    var value: Int64
  }

  static let magic: [UInt8] = [0x89, 0x53, 0x54, 0x53, 0x0d, 0x0a, 0x1a, 0x0a]
  static let version: UInt32 = 1

  var segments: [Part] = []
  var columns: [[Cell]] = []

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: 1 << 16)
    writer.append(Self.magic)
    writer.u32(Self.version)
    writer.u32(0)
    writer.varint(UInt64(segments.count))
    for part in segments {
      writer.string(part.name)
      writer.varint(UInt64(part.fallen.count))
      var last = UInt32.max
      for document in part.fallen {
        writer.varint(UInt64(document &- last &- 1))
        last = document
      }
    }
    writer.varint(UInt64(columns.count))
    for cells in columns {
      writer.varint(UInt64(cells.count))
      var last = UInt32.max
      for cell in cells {
        writer.varint(UInt64(cell.ordinal &- last &- 1))
        writer.signedVarint(cell.value)
        last = cell.ordinal
      }
    }
    writer.u64(XXH64.hash(writer.bytes))
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]) throws(DecodeError) -> StateFile {
    guard bytes.count >= 24 else { throw DecodeError(.truncated, "state", at: 0) }
    var reader = ByteReader(bytes.span.bytes)
    guard try reader.array(8) == magic else { throw DecodeError(.invalid, "state magic", at: 0) }
    guard try reader.u32() == version, try reader.u32() == 0 else {
      throw DecodeError(.invalid, "state version", at: 8)
    }
    let body = bytes.count.subtractingReportingOverflow(8).partialValue
    var seal = ByteReader(bytes.span.bytes)
    try seal.skip(body)
    guard try seal.u64() == XXH64.hash(bytes.span.bytes.extracting(first: body)) else {
      throw DecodeError(.invalid, "state hash", at: body)
    }
    var state = StateFile()
    for _ in 0..<(try reader.count(limit: reader.remaining, "segments")) {
      var part = Part(name: try reader.string(limit: 255), fallen: [])
      var next: UInt64 = 0
      for _ in 0..<(try reader.count(limit: reader.remaining, "fallen")) {
        part.fallen.append(try step(&reader, &next))
      }
      state.segments.append(part)
    }
    for _ in 0..<(try reader.count(limit: reader.remaining, "columns")) {
      var cells: [Cell] = []
      var next: UInt64 = 0
      for _ in 0..<(try reader.count(limit: reader.remaining, "cells")) {
        let ordinal = try step(&reader, &next)
        cells.append(Cell(ordinal: ordinal, value: try reader.signedVarint()))
      }
      state.columns.append(cells)
    }
    try reader.skip(8)
    try reader.finish("state")
    return state
  }

  /// The next of ascending numbers.
  private static func step(
    _ reader: inout ByteReader, _ next: inout UInt64
  ) throws(DecodeError) -> UInt32 {
    let (value, overflow) = next.addingReportingOverflow(try reader.varint())
    guard !overflow, value < 1 << 32 else {
      throw DecodeError(.overflow, "ascending numbers", at: reader.offset)
    }
    next = value.addingReportingOverflow(1).partialValue
    return UInt32(truncatingIfNeeded: value)
  }
}
