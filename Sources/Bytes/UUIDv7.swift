// UUIDv7: a 128-bit identifier whose byte order is its creation order (RFC 9562, section 5.7).

/// A UUID. New ones are version 7: 48 bits of Unix milliseconds, 12 of the microseconds within that
/// millisecond, then random bits.
public struct UUIDv7: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The first eight bytes, big-endian.
  public var high: UInt64
  /// The last eight bytes, big-endian.
  public var low: UInt64

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  public static let zero = UUIDv7(high: 0, low: 0)

  /// A version 7 UUID for the moment `time`, with 64 bits taken from `random`. A later microsecond
  /// makes a greater one (RFC 9562, section 6.2, method 3): 4,096 parts of a millisecond are more
  /// than four to a microsecond, which leaves two bits to chance.
  public init(time: Timestamp, random: (UInt64, UInt64)) {
    let micros = UInt64(bitPattern: time.microseconds)
    let millis = (micros / 1000) & 0xffff_ffff_ffff
    high = millis << 16 | 0x7000 | (micros % 1000 * 4096 / 1000 + (random.0 & 3))
    low = 0x8000_0000_0000_0000 | (random.1 & 0x3fff_ffff_ffff_ffff)
  }

  @inlinable
  public static func < (left: UUIDv7, right: UUIDv7) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }

  /// The canonical form: 8-4-4-4-12 lower-case hexadecimal digits.
  public var description: String {
    String(unsafeUninitializedCapacity: Self.textBytes) { buffer in
      // Safe: the span writes within the buffer, which it is made of, and is finished with it.
      var text = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
      appendText(to: &text)
      return unsafe text.finalize(for: buffer)
    }
  }

  /// Bytes of the canonical form.
  static let textBytes = 36

  /// Appends the canonical form.
  func appendText(to text: inout OutputSpan<UInt8>) {
    precondition(text.freeCapacity >= Self.textBytes)
    let (first, second) = (Self.hexDigits(high >> 32), Self.hexDigits(high & 0xffff_ffff))
    let (third, fourth) = (Self.hexDigits(low >> 32), Self.hexDigits(low & 0xffff_ffff))
    // Safe: the text has the room, and each store lies within these 36 bytes.
    unsafe text.withUnsafeMutableBufferPointer { buffer, count in
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
      bytes.storeBytes(of: first.bigEndian, toByteOffset: 0, as: UInt64.self)
      Self.store(second, in: bytes, at: 8)
      Self.store(third, in: bytes, at: 18)
      bytes.storeBytes(of: fourth.bigEndian, toByteOffset: 28, as: UInt64.self)
      count += Self.textBytes
    }
  }

  /// Eight digits as two groups of four, each after a hyphen.
  private static func store(
    _ digits: UInt64, in bytes: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    bytes[offset] = UInt8(ascii: "-")
    let (first, last) = (UInt32(digits >> 32), UInt32(truncatingIfNeeded: digits))
    bytes.storeBytes(of: first.bigEndian, toByteOffset: offset + 1, as: UInt32.self)
    bytes[offset + 5] = UInt8(ascii: "-")
    bytes.storeBytes(of: last.bigEndian, toByteOffset: offset + 6, as: UInt32.self)
  }

  /// The eight digits of 32 bits, the first in the highest byte: all of them worked out at once.
  private static func hexDigits(_ word: UInt64) -> UInt64 {
    var nibbles = (word & 0xffff_0000) << 16 | word & 0xffff
    nibbles = (nibbles & 0x0000_ff00_0000_ff00) << 8 | nibbles & 0x0000_00ff_0000_00ff
    nibbles = (nibbles & 0x00f0_00f0_00f0_00f0) << 4 | nibbles & 0x000f_000f_000f_000f
    // 1 for each nibble above 9: those are letters.
    let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return nibbles + 0x3030_3030_3030_3030 + letters * 0x27
  }

  /// Parses the canonical form, in either case.
  @inlinable
  public init?(_ text: some StringProtocol) {
    let parsed =
      text.utf8.withContiguousStorageIfAvailable { Self(utf8: UnsafeRawBufferPointer($0)) }
      ?? Array(text.utf8).withUnsafeBytes { Self(utf8: $0) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Parses the bytes of a text.
  @usableFromInline
  init?(utf8: UnsafeRawBufferPointer) {
    guard utf8.count == Self.textBytes else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    var digits = 0
    for (position, byte) in utf8.enumerated() {
      if position == 8 || position == 13 || position == 18 || position == 23 {
        guard byte == UInt8(ascii: "-") else { return nil }
      } else {
        let nibble: UInt64
        switch byte {
        case 0x30...0x39: nibble = UInt64(byte - 0x30)
        case 0x61...0x66: nibble = UInt64(byte - 0x57)
        case 0x41...0x46: nibble = UInt64(byte - 0x37)
        default: return nil
        }
        if digits < 16 { words.0 = words.0 << 4 | nibble } else { words.1 = words.1 << 4 | nibble }
        digits += 1
      }
    }
    self.init(high: words.0, low: words.1)
  }
}
