// Frame: one unit of the log, 8-byte aligned, little endian.
//
//    0  u32 frameBytes                  24  i64 time of the last transaction
//    4  u16 kind                        32  u64 hash of the frame before (or the header's chainIn)
//    6  u16 flags                       40  u64 hash of this frame, taken with this field zero
//    8  u64 firstLSN                    48  payload
//   16  u32 transactionCount             …  zeros, so that the frame ends at a multiple of 8
//   20  u32 payloadBytes                -1  A5
//
// frameBytes = 48 + payloadBytes + zeros + 1, rounded up to a multiple of 8: at least 56.
// hash = XXH64 with the seed of the segment's header. A frame is valid when its sizes agree, it lies
// inside the segment and its hash is right; it is in place when its chain hash and its LSN are the
// expected ones too. The closing byte is inside the hash; on its own it is a hint for the report.

import Bytes

public enum FrameKind: UInt16, Sendable {
  /// The transactions of one append.
  case group = 1
  /// Nothing follows in this segment. Payload: u64 last LSN, u64 frames before it in the segment.
  case seal = 2
  /// Empty: its presence proves that the frame before it was synced.
  case tick = 3
}

public struct FrameHeader: Equatable, Sendable {
  static let byteCount = 48
  static let closingByte: UInt8 = 0xa5
  static let sealBytes = FrameHeader.frameBytes(payload: 16)
  /// In the flags of a seal: written by a recovery, over a torn tail.
  static let sealedByRecovery: UInt16 = 1

  public var frameBytes: Int
  /// A `FrameKind`, or a number that this version does not know.
  public var kind: UInt16
  public var flags: UInt16
  public var firstLSN: LSN
  public var transactionCount: UInt32
  public var payloadBytes: Int
  public var time: Timestamp
  public var previousHash: UInt64
  public var hash: UInt64

  static func frameBytes(payload: Int) -> Int { (byteCount + payload + 8) & ~7 }

  /// The LSN after the frame; nil when the sum overflows.
  var nextLSN: LSN? {
    let sum = firstLSN.rawValue.addingReportingOverflow(UInt64(transactionCount))
    return sum.overflow ? nil : LSN(sum.partialValue)
  }

  /// Whatever stands at `offset`, when its sizes agree and it fits; its hash is not looked at.
  static func plausible(_ bytes: [UInt8], at offset: Int) -> FrameHeader? {
    guard offset >= 0, offset <= bytes.count - byteCount - 8, sizesAgree(bytes, at: offset)
    else { return nil }
    var reader = ByteReader(bytes.span.bytes.extracting(offset..<offset + byteCount))
    guard let header = try? FrameHeader(&reader), header.frameBytes <= bytes.count - offset
    else { return nil }
    return header
  }

  /// Whether the two sizes of a header at `offset` fit each other; the header lies inside `bytes`.
  /// Recovery asks this at every eighth byte of a segment, where an error for each no would cost
  /// more than all the rest of it.
  private static func sizesAgree(_ bytes: [UInt8], at offset: Int) -> Bool {
    bytes.withUnsafeBytes { buffer in
      func size(_ field: Int) -> Int {
        Int(UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: field, as: UInt32.self)))
      }
      return size(offset) == frameBytes(payload: size(offset + 20))
    }
  }

  /// What the first four bytes claim to be the size of a frame; 0 when they are not there.
  static func claimedBytes(_ bytes: [UInt8]) -> Int {
    bytes.prefix(4).count < 4
      ? 0 : bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The frame at `offset` when it is valid. `bytes` is only borrowed: the hash field is zero for a
  /// moment, so that no copy is needed.
  static func valid(_ bytes: inout [UInt8], at offset: Int, seed: UInt64) -> FrameHeader? {
    guard let header = plausible(bytes, at: offset),
      bytes[offset + header.frameBytes - 1] == closingByte
    else { return nil }
    return hash(&bytes, offset..<offset + header.frameBytes, seed: seed) == header.hash
      ? header : nil
  }

  /// The hash of the frame in `range`, which lies inside `bytes` and holds at least a header.
  static func hash(_ bytes: inout [UInt8], _ range: Range<Int>, seed: UInt64) -> UInt64 {
    bytes.withUnsafeMutableBytes { buffer in
      let field = range.lowerBound + 40
      let kept = buffer.loadUnaligned(fromByteOffset: field, as: UInt64.self)
      buffer.storeBytes(of: 0, toByteOffset: field, as: UInt64.self)
      defer { buffer.storeBytes(of: kept, toByteOffset: field, as: UInt64.self) }
      return XXH64.hash(UnsafeRawBufferPointer(rebasing: buffer[range]), seed: seed)
    }
  }

  private init(_ reader: inout ByteReader) throws(DecodeError) {
    frameBytes = Int(try reader.u32())
    kind = try reader.u16()
    flags = try reader.u16()
    firstLSN = LSN(try reader.u64())
    transactionCount = try reader.u32()
    payloadBytes = Int(try reader.u32())
    time = Timestamp(microseconds: try reader.i64())
    previousHash = try reader.u64()
    hash = try reader.u64()
    guard frameBytes == Self.frameBytes(payload: payloadBytes) else {
      throw DecodeError(.invalid, "frame sizes", at: 0)
    }
  }
}

/// Builds frames in one buffer that is used again and again.
struct FrameBuilder: Sendable {
  private(set) var writer = ByteWriter(reserving: 64 << 10)

  var bytes: [UInt8] { writer.bytes }
  var frameBytes: Int { FrameHeader.frameBytes(payload: payloadBytes) }
  private var payloadBytes: Int { writer.count - FrameHeader.byteCount }

  mutating func begin() {
    writer.bytes.removeAll(keepingCapacity: true)
    writer.zeros(FrameHeader.byteCount)
  }

  mutating func append(_ entry: LogEntry) { LogEntryCodec.encode(entry, into: &writer) }

  mutating func u64(_ value: UInt64) { writer.u64(value) }

  /// Fills in the header and closes the frame; returns its hash. The payload is below 4 GiB.
  mutating func finish(
    _ kind: FrameKind, flags: UInt16 = 0, firstLSN: LSN, count: Int, time: Timestamp,
    previousHash: UInt64, seed: UInt64
  ) -> UInt64 {
    let payload = payloadBytes
    let size = frameBytes
    writer.zeros(size - writer.count - 1)
    writer.u8(FrameHeader.closingByte)
    writer.patchU32(UInt32(size), at: 0)
    writer.patchU32(UInt32(kind.rawValue) | UInt32(flags) << 16, at: 4)
    writer.patchU64(firstLSN.rawValue, at: 8)
    writer.patchU32(UInt32(count), at: 16)
    writer.patchU32(UInt32(payload), at: 20)
    writer.patchU64(UInt64(bitPattern: time.microseconds), at: 24)
    writer.patchU64(previousHash, at: 32)
    let hash = FrameHeader.hash(&writer.bytes, 0..<size, seed: seed)
    writer.patchU64(hash, at: 40)
    return hash
  }
}
