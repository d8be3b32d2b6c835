// XXH64: the checksum of every page, frame and manifest. A 64-bit non-cryptographic hash
// (Yann Collet, xxHash specification 0.1.1, section "XXH64"); pinned by its published vectors.
// It detects accidents, not an attacker.

/// The XXH64 hash of `bytes`.
public enum XXH64 {
  @usableFromInline static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  @usableFromInline static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  @usableFromInline static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  @usableFromInline static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  @usableFromInline static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { hash($0, seed: seed) }
  }

  public static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { hash($0, seed: seed) }
  }

  /// Reads exactly `bytes`; the pointer is not kept.
  public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    guard let base = bytes.baseAddress else {
      return avalanche(seed &+ prime5)
    }
    let count = bytes.count
    var offset = 0
    var result: UInt64
    if count >= 32 {
      var lane1 = seed &+ prime1 &+ prime2
      var lane2 = seed &+ prime2
      var lane3 = seed
      var lane4 = seed &- prime1
      let last = count - 32
      while offset <= last {
        lane1 = round(lane1, load64(base, offset))
        lane2 = round(lane2, load64(base, offset + 8))
        lane3 = round(lane3, load64(base, offset + 16))
        lane4 = round(lane4, load64(base, offset + 24))
        offset += 32
      }
      result = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
      result = merge(result, lane1)
      result = merge(result, lane2)
      result = merge(result, lane3)
      result = merge(result, lane4)
    } else {
      result = seed &+ prime5
    }
    result = result &+ UInt64(count)
    while offset + 8 <= count {
      result ^= round(0, load64(base, offset))
      result = rotate(result, 27) &* prime1 &+ prime4
      offset += 8
    }
    if offset + 4 <= count {
      result ^= UInt64(load32(base, offset)) &* prime1
      result = rotate(result, 23) &* prime2 &+ prime3
      offset += 4
    }
    while offset < count {
      result ^= UInt64(base.load(fromByteOffset: offset, as: UInt8.self)) &* prime5
      result = rotate(result, 11) &* prime1
      offset += 1
    }
    return avalanche(result)
  }

  @inline(__always)
  private static func load64(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private static func load32(_ base: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
    (value << bits) | (value >> (64 - bits))
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
    rotate(lane &+ input &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func merge(_ result: UInt64, _ lane: UInt64) -> UInt64 {
    (result ^ round(0, lane)) &* prime1 &+ prime4
  }

  @inline(__always)
  private static func avalanche(_ value: UInt64) -> UInt64 {
    var result = value
    result = (result ^ (result >> 33)) &* prime2
    result = (result ^ (result >> 29)) &* prime3
    return result ^ (result >> 32)
  }
}
