// MetaBlock: the two blocks at the start of the data file that say which tree is the checkpoint.
//
// Format (DataFormats/meta.md), little endian unless said otherwise
//     0   8  magic 93 53 4B 52 0D 0A 1A 0A: a byte that is not ASCII, "SKR", CR LF, ^Z, LF
//     8   4  format version
//    12   4  page size in bytes
//    16  16  database UUID, big endian as it is written
//    32   8  sequence
//    40   8  LSN of the checkpoint
//    48   8  commit time of that LSN, microseconds
//    56   8  page count of the file
//    64   8  catalog root: page number, 0 for an empty catalog
//    72   8  catalog root: hash
//    80   8  free map: first page, 0 for "everything is free"
//    88   4  free map: bytes
//    92   4  zero
//    96   8  free map: hash
//   104 400  zero
//   504   8  XXH64 of bytes 0..<504, seeded with the block's offset in the file
//   512 3584 zero
//
// Invariants
// 1. All that a block says lies in one 512-byte sector, so a torn write leaves the old block, the
//    new one, or one that its checksum refuses.
// 2. Sequence n lies in slot n mod 2; a checkpoint writes the slot that does not hold the newest.

import Bytes
import CommitLog

package struct MetaBlock: Equatable, Sendable {
  package static let magic: [UInt8] = [0x93, 0x53, 0x4b, 0x52, 0x0d, 0x0a, 0x1a, 0x0a]
  package static let formatVersion: UInt32 = 1
  /// One block of the common file-system block size, so that the two never share one.
  package static let blockBytes = 4096
  package static let checksumOffset = 504
  /// Sequences and LSNs lie below: nobody counts so far, and what counts on does not overflow.
  package static let countMax: UInt64 = 1 << 62

  package var pageSize: Int
  package var databaseID: UUIDv7
  package var sequence: UInt64
  package var lsn: LSN
  package var time: Timestamp
  package var pageCount: UInt64
  package var root: PageReference
  package var freeMap: ExtentReference

  package init(
    pageSize: Int, databaseID: UUIDv7, sequence: UInt64, lsn: LSN, time: Timestamp,
    pageCount: UInt64, root: PageReference, freeMap: ExtentReference
  ) {
    self.pageSize = pageSize
    self.databaseID = databaseID
    self.sequence = sequence
    self.lsn = lsn
    self.time = time
    self.pageCount = pageCount
    self.root = root
    self.freeMap = freeMap
  }

  package var slot: Int { Int(sequence & 1) }

  package static func offset(slot: Int) -> UInt64 { UInt64(slot * blockBytes) }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: Self.blockBytes)
    writer.append(Self.magic)
    writer.u32(Self.formatVersion)
    writer.u32(UInt32(pageSize))
    writer.u64(databaseID.high.byteSwapped)
    writer.u64(databaseID.low.byteSwapped)
    writer.u64(sequence)
    writer.u64(lsn.rawValue)
    writer.i64(time.microseconds)
    writer.u64(pageCount)
    writer.u64(root.number)
    writer.u64(root.hash)
    writer.u64(freeMap.firstPage)
    writer.u32(freeMap.byteCount)
    writer.u32(0)
    writer.u64(freeMap.hash)
    writer.zeros(Self.checksumOffset - writer.count)
    writer.u64(XXH64.hash(writer.bytes, seed: Self.offset(slot: slot)))
    writer.zeros(Self.blockBytes - writer.count)
    return writer.bytes
  }

  /// Decodes the block of `slot`. Never traps, whatever the bytes.
  ///
  /// Throws `foreign` without the magic, `newerFormat` for a later version, else `corrupt`.
  package static func decode(_ block: [UInt8], slot: Int) throws(StoreError) -> MetaBlock {
    guard block.count == blockBytes else {
      throw .corrupt("meta block \(slot): \(block.count) bytes instead of \(blockBytes)")
    }
    guard Array(block.prefix(magic.count)) == magic else {
      throw .foreign("meta block \(slot) has no magic")
    }
    do {
      var reader = ByteReader(block.span.bytes)
      try reader.skip(magic.count)
      let version = try reader.u32()
      let sum = XXH64.hash(Array(block.prefix(checksumOffset)), seed: offset(slot: slot))
      var tail = ByteReader(block.span.bytes)
      try tail.skip(checksumOffset)
      let stored = try tail.u64()
      guard sum == stored else {
        throw StoreError.corrupt(
          "meta block \(slot): checksum \(hex(stored)), expected \(hex(sum))")
      }
      guard version == formatVersion else { throw StoreError.newerFormat(version: version) }
      let meta = try fields(&reader)
      guard meta.slot == slot else {
        throw StoreError.corrupt("meta block \(slot): holds sequence \(meta.sequence)")
      }
      guard meta.sequence < countMax, meta.lsn.rawValue < countMax else {
        throw StoreError.corrupt(
          "meta block \(slot): sequence \(meta.sequence), commit \(meta.lsn): no store gets there")
      }
      guard PageFile.pageSizes.contains(meta.pageSize) else {
        throw StoreError.corrupt("meta block \(slot): page size \(meta.pageSize)")
      }
      return meta
    } catch let error as StoreError {
      throw error
    } catch {
      throw .corrupt("meta block \(slot): \(error)")
    }
  }

  private static func fields(_ reader: inout ByteReader) throws(DecodeError) -> MetaBlock {
    let pageSize = Int(try reader.u32())
    let id = UUIDv7(
      high: UInt64(byteSwapping: try reader.u64()), low: UInt64(byteSwapping: try reader.u64()))
    let sequence = try reader.u64()
    let lsn = LSN(try reader.u64())
    let time = Timestamp(microseconds: try reader.i64())
    let pageCount = try reader.u64()
    let root = PageReference(number: try reader.u64(), hash: try reader.u64())
    let first = try reader.u64()
    let byteCount = try reader.u32()
    try reader.skip(4)
    let map = ExtentReference(firstPage: first, byteCount: byteCount, hash: try reader.u64())
    return MetaBlock(
      pageSize: pageSize, databaseID: id, sequence: sequence, lsn: lsn, time: time,
      pageCount: pageCount, root: root, freeMap: map)
  }
}

extension UInt64 {
  fileprivate init(byteSwapping value: UInt64) { self = value.byteSwapped }
}

/// `value` as 16 lower-case hexadecimal digits.
package func hex(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
