// SegmentHeader: the first 4 KiB of a log segment. Little endian; identifiers as in their text form.
//
//    0  magic 8: 89 53 4C 47 0D 0A 1A 0A      48  u64 chainIn: hash of the frame before the segment
//    8  u32 version = 1                       56  i64 created, microseconds since 1970
//   12  u32 headerBytes = 4096                64  u64 segmentBytes, header included
//   16  database UUID 16                      72  zeros
//   32  u64 epoch                           4088  u64 XXH64 of bytes 0..<4088, seed 0
//   40  u64 firstLSN                        4096  the first frame
//
// 1. A segment has its `.log` name only after its header is durable; so a bad header is damage.
// 2. No two segments of a database that hold frames share an epoch.

import Bytes

public struct SegmentHeader: Equatable, Sendable {
  static let byteCount = 4096
  static let formatVersion: UInt32 = 1
  static let magic: [UInt8] = [0x89, 0x53, 0x4c, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  private static let checksumOffset = 4088

  public var databaseID: UUIDv7
  public var epoch: UInt64
  public var firstLSN: LSN
  public var chainIn: UInt64
  public var created: Timestamp
  public var segmentBytes: UInt64

  /// What every frame hash of the segment is seeded with: frames of another database or of the
  /// file's earlier life do not validate.
  var seed: UInt64 {
    var writer = ByteWriter(reserving: 24)
    writer.u64(databaseID.high.bigEndian)
    writer.u64(databaseID.low.bigEndian)
    writer.u64(epoch)
    return XXH64.hash(writer.bytes)
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: Self.byteCount)
    writer.append(Self.magic)
    writer.u32(Self.formatVersion)
    writer.u32(UInt32(Self.byteCount))
    writer.u64(databaseID.high.bigEndian)
    writer.u64(databaseID.low.bigEndian)
    writer.u64(epoch)
    writer.u64(firstLSN.rawValue)
    writer.u64(chainIn)
    writer.i64(created.microseconds)
    writer.u64(segmentBytes)
    writer.zeros(Self.checksumOffset - writer.count)
    writer.u64(XXH64.hash(writer.bytes))
    return writer.bytes
  }

  /// Checks and decodes the first block of `file`; more bytes may follow.
  static func decode(_ bytes: [UInt8], file: String) throws(LogError) -> SegmentHeader {
    do throws(DecodeError) {
      guard bytes.count >= byteCount else {
        throw DecodeError(.truncated, "segment header", at: bytes.count)
      }
      guard bytes.starts(with: magic) else {
        throw DecodeError(.invalid, "magic of the segment header", at: 0)
      }
      var reader = ByteReader(bytes.span.bytes)
      try reader.skip(checksumOffset)
      let checksum = try reader.u64("checksum")
      guard XXH64.hash(Array(bytes[..<checksumOffset])) == checksum else {
        throw DecodeError(.invalid, "checksum of the segment header", at: checksumOffset)
      }
      return try fields(bytes)
    } catch {
      if error.what.description == "format version" {
        throw .newerFormat(file: file, version: UInt32(truncatingIfNeeded: error.offset))
      }
      throw .corrupt(file: file, offset: 0, reason: "\(error)")
    }
  }

  private static func fields(_ bytes: [UInt8]) throws(DecodeError) -> SegmentHeader {
    var reader = ByteReader(bytes.span.bytes)
    try reader.skip(8)
    let version = try reader.u32("version")
    guard version == formatVersion else {
      throw DecodeError(.invalid, "format version", at: Int(version))
    }
    guard try reader.u32() == UInt32(byteCount) else {
      throw DecodeError(.invalid, "header size", at: 12)
    }
    let high = UInt64(bigEndian: try reader.u64())
    let low = UInt64(bigEndian: try reader.u64())
    return SegmentHeader(
      databaseID: UUIDv7(high: high, low: low), epoch: try reader.u64(),
      firstLSN: LSN(try reader.u64()), chainIn: try reader.u64(),
      created: Timestamp(microseconds: try reader.i64()), segmentBytes: try reader.u64())
  }
}
