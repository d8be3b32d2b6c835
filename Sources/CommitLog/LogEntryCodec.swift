// LogEntryCodec: one transaction in a group frame's payload. Little endian.
//
//    0  u32 size of this record, these four bytes included
//    4  u64 LSN
//   12  i64 commit time, microseconds since 1970
//   20  request UUID 16, as in its text form
//   36  u32 operation count
//   40  operations, each: u8 kind, then
//         1 put     varint table, bytes key, bytes value, u8 hasBefore (0 or 1), [bytes before]
//         2 delete  varint table, bytes key, u8 hasBefore, [bytes before]
//         3 event   varint stream, bytes payload
//       where bytes = varint length, then as many bytes. Kinds are never given a new meaning.

import Bytes

enum LogEntryCodec {
  private enum Kind: UInt8 {
    case put = 1
    case delete = 2
    case event = 3
  }

  static func encode(_ entry: LogEntry, into writer: inout ByteWriter) {
    let start = writer.count
    writer.u32(0)
    writer.u64(entry.lsn.rawValue)
    writer.i64(entry.time.microseconds)
    writer.u64(entry.requestID.high.bigEndian)
    writer.u64(entry.requestID.low.bigEndian)
    writer.u32(UInt32(entry.operations.count))
    for operation in entry.operations {
      switch operation {
      case .put(let table, let key, let value, let before):
        writer.u8(Kind.put.rawValue)
        writer.varint(UInt64(table))
        writer.lengthPrefixed(key)
        writer.lengthPrefixed(value)
        encodeBefore(before, into: &writer)
      case .delete(let table, let key, let before):
        writer.u8(Kind.delete.rawValue)
        writer.varint(UInt64(table))
        writer.lengthPrefixed(key)
        encodeBefore(before, into: &writer)
      case .event(let stream, let payload):
        writer.u8(Kind.event.rawValue)
        writer.varint(UInt64(stream))
        writer.lengthPrefixed(payload)
      }
    }
    // A record beyond 4 GiB wraps here; the frame limit refuses it before it is written.
    writer.patchU32(UInt32(truncatingIfNeeded: writer.count - start), at: start)
  }

  private static func encodeBefore(_ before: [UInt8]?, into writer: inout ByteWriter) {
    guard let before else { return writer.u8(0) }
    writer.u8(1)
    writer.lengthPrefixed(before)
  }

  static func decode(_ reader: inout ByteReader) throws(DecodeError) -> LogEntry {
    let start = reader.offset
    let size = Int(try reader.u32("record size"))
    guard size >= 40, size - 4 <= reader.remaining else {
      throw DecodeError(.truncated, "log record", at: start)
    }
    var record = ByteReader(try reader.span(size - 4))
    let lsn = LSN(try record.u64("LSN"))
    let time = Timestamp(microseconds: try record.i64("time"))
    let high = UInt64(bigEndian: try record.u64("request"))
    let low = UInt64(bigEndian: try record.u64("request"))
    let count = Int(try record.u32("operation count"))
    var operations: [Operation] = []
    // An operation takes at least three bytes: a false count reserves no more than the input.
    operations.reserveCapacity(min(count, record.remaining / 3))
    for _ in 0..<count { operations.append(try decodeOperation(&record)) }
    try record.finish("log record")
    return LogEntry(
      lsn: lsn, time: time, requestID: UUIDv7(high: high, low: low), operations: operations)
  }

  private static func decodeOperation(
    _ reader: inout ByteReader
  ) throws(DecodeError) -> Operation {
    let start = reader.offset
    guard let kind = Kind(rawValue: try reader.u8("operation kind")) else {
      throw DecodeError(.invalid, "operation kind", at: start)
    }
    switch kind {
    case .put:
      return .put(
        table: try number(&reader), key: try reader.lengthPrefixedArray("key"),
        value: try reader.lengthPrefixedArray("value"), before: try decodeBefore(&reader))
    case .delete:
      return .delete(
        table: try number(&reader), key: try reader.lengthPrefixedArray("key"),
        before: try decodeBefore(&reader))
    case .event:
      return .event(
        stream: try number(&reader), payload: try reader.lengthPrefixedArray("payload"))
    }
  }

  private static func number(_ reader: inout ByteReader) throws(DecodeError) -> UInt32 {
    UInt32(truncatingIfNeeded: try reader.count(limit: Int(UInt32.max), "table or stream"))
  }

  private static func decodeBefore(_ reader: inout ByteReader) throws(DecodeError) -> [UInt8]? {
    let start = reader.offset
    switch try reader.u8("before flag") {
    case 0: return nil
    case 1: return try reader.lengthPrefixedArray("before")
    default: throw DecodeError(.invalid, "before flag", at: start)
    }
  }

  /// The entries of a group frame, which must be dense from `firstLSN`.
  static func decodeGroup(
    _ payload: RawSpan, firstLSN: LSN, count: Int, _ body: (LogEntry) throws -> Void
  ) throws {
    var reader = ByteReader(payload)
    var expected = firstLSN
    for _ in 0..<count {
      let entry = try decode(&reader)
      guard entry.lsn == expected else {
        throw DecodeError(.invalid, "LSN of a log record", at: reader.offset)
      }
      expected = expected.next
      try body(entry)
    }
    try reader.finish("group")
  }
}
