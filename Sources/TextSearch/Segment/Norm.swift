// Norm: a field's length in one byte, as Lucene keeps it (SmallFloat.intToByte4): exact up to 40, then
// four significant bits, rounded down. Norms order as lengths do.

enum Norm {
  /// Lengths below are their own norm; above, the rest is a tiny float.
  private static let exactLengths: UInt32 = 24

  static func norm(ofLength length: UInt32) -> UInt8 {
    guard length >= exactLengths else { return UInt8(length) }
    let rest = min(length, UInt32(Int32.max)) - exactLengths
    let bits = UInt32(32 - rest.leadingZeroBitCount)
    guard bits > 3 else { return UInt8(exactLengths + rest) }
    let shift = bits - 4
    return UInt8(exactLengths + ((rest >> shift) & 7 | (shift + 1) << 3))
  }

  static func length(ofNorm norm: UInt8) -> UInt32 {
    guard norm >= exactLengths else { return UInt32(norm) }
    let code = UInt32(norm) - exactLengths
    let bits = code & 7
    guard code >> 3 > 0 else { return exactLengths + bits }
    return exactLengths + (bits | 8) << (code >> 3 - 1)
  }
}
