// XXH64: the checksum of every page, frame and manifest. A 64-bit non-cryptographic hash
// (Yann Collet, xxHash specification 0.1.1, section "XXH64"); pinned by its published vectors.
// It detects accidents, not an attacker.

import Kernels

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
    let result: UInt64
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
      result = joined(lane1, lane2, lane3, lane4)
    } else {
      result = seed &+ prime5
    }
    return finished(result, base, from: offset, count: count)
  }

  /// The hashes, with seed 0, of four inputs of `count` bytes each: quicker than one after the other.
  /// Reads exactly those; the pointers are not kept.
  public static func hashFour(
    _ first: UnsafeRawPointer, _ second: UnsafeRawPointer, _ third: UnsafeRawPointer,
    _ fourth: UnsafeRawPointer, count: Int
  ) -> (UInt64, UInt64, UInt64, UInt64) {
    let stripes = count >= 32 ? count / 32 : 0
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { buffer in
      // A buffer of sixteen has an address.
      guard stripes > 0, let lanes = buffer.baseAddress else {
        func alone(_ start: UnsafeRawPointer) -> UInt64 {
          hash(UnsafeRawBufferPointer(start: start, count: count))
        }
        return (alone(first), alone(second), alone(third), alone(fourth))
      }
      for hash in 0..<4 {
        (lanes + 4 * hash).initialize(to: prime1 &+ prime2)
        (lanes + 4 * hash + 1).initialize(to: prime2)
        (lanes + 4 * hash + 2).initialize(to: 0)
        (lanes + 4 * hash + 3).initialize(to: 0 &- prime1)
      }
      kernels_hash_lanes(first, second, third, fourth, stripes, lanes)
      func end(_ hash: Int, _ start: UnsafeRawPointer) -> UInt64 {
        let own = lanes + 4 * hash
        return finished(
          joined(own[0], own[1], own[2], own[3]), start, from: 32 * stripes, count: count)
      }
      return (end(0, first), end(1, second), end(2, third), end(3, fourth))
    }
  }

  /// The four lanes as one.
  @inline(__always)
  private static func joined(
    _ lane1: UInt64, _ lane2: UInt64, _ lane3: UInt64, _ lane4: UInt64
  ) -> UInt64 {
    var result = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
    result = merge(result, lane1)
    result = merge(result, lane2)
    result = merge(result, lane3)
    return merge(result, lane4)
  }

  /// What is left after the last whole stripe, and the end.
  @inline(__always)
  private static func finished(
    _ start: UInt64, _ base: UnsafeRawPointer, from first: Int, count: Int
  ) -> UInt64 {
    var offset = first
    var result = start &+ UInt64(count)
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
