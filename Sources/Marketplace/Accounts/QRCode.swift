// QRCode: a QR code (ISO/IEC 18004) of bytes: byte mode, error correction level M (15 %), the smallest
// version that fits, the best of the eight masks.
//
//   bits     0100 | count (8 bits to version 9, then 16) | bytes | 0000 | fill to a byte | ec 11 ec 11 …
//   blocks   the data in blocks of nearly equal length, each with its Reed-Solomon codewords,
//            interleaved byte by byte
//   modules  finder, timing and alignment patterns, format and version, then the bits in columns of
//            two from the right, up and down, exclusive-or a mask
//
// `QRMatrix` places the modules and scores the masks.

public struct QRCode: Sendable {
  /// 1 ... 40.
  public let version: Int
  /// 0 ... 7.
  public let mask: Int
  /// Modules a side: 21 ... 177.
  public let size: Int
  private let modules: [Bool]

  /// Nil when there are more bytes than a code of this level holds, which are 2331.
  public init?(_ bytes: [UInt8]) {
    let fitting = (1...40).first { version in
      4 + Self.countBits(version) + bytes.count * 8 <= Self.dataCodewords(version) * 8
    }
    guard let version = fitting else { return nil }
    let data = Self.dataCodewords(bytes, version)
    var best: (matrix: QRMatrix, mask: Int, penalty: Int)?
    let plain = QRMatrix(version: version, codewords: Self.interleave(data, version))
    for mask in 0..<8 {
      var matrix = plain
      matrix.apply(mask: mask)
      let penalty = matrix.penalty
      if penalty < best?.penalty ?? .max { best = (matrix, mask, penalty) }
    }
    guard let best else { return nil }
    self.version = version
    mask = best.mask
    size = best.matrix.size
    modules = best.matrix.modules
  }

  /// Whether the module in column `x` of row `y` is dark.
  public func isDark(_ x: Int, _ y: Int) -> Bool { modules[y * size + x] }

  /// An SVG document with the quiet zone of four modules, to be shown at any size.
  public func svg() -> String {
    let border = 4
    let side = size + 2 * border
    var path = ""
    for y in 0..<size {
      var x = 0
      while x < size {
        guard isDark(x, y) else {
          x += 1
          continue
        }
        let start = x
        while x < size, isDark(x, y) { x += 1 }
        path += "M\(start + border) \(y + border)h\(x - start)v1h-\(x - start)z"
      }
    }
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(side) \(side)\" "
      + "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h\(side)v\(side)h-\(side)z\"/>"
      + "<path d=\"\(path)\"/></svg>"
  }

  // MARK: Codewords

  /// Error correction codewords a block at level M, by version (ISO/IEC 18004, table 9).
  static let correctionCodewords = [
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  ]
  /// Blocks at level M, by version.
  static let blocks = [
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25,
    26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
  ]

  private static func countBits(_ version: Int) -> Int { version < 10 ? 8 : 16 }

  /// All codewords of a version: what is left of its modules beside the patterns.
  static func codewords(_ version: Int) -> Int {
    var modules = (16 * version + 128) * version + 64
    if version >= 2 {
      let side = version / 7 + 2
      modules -= (25 * side - 10) * side - 55
      if version >= 7 { modules -= 36 }
    }
    return modules / 8
  }

  static func dataCodewords(_ version: Int) -> Int {
    codewords(version) - correctionCodewords[version - 1] * blocks[version - 1]
  }

  private static func dataCodewords(_ bytes: [UInt8], _ version: Int) -> [UInt8] {
    var bits = BitRun()
    bits.append(0b0100, 4)
    bits.append(UInt32(bytes.count), countBits(version))
    for byte in bytes { bits.append(UInt32(byte), 8) }
    let capacity = dataCodewords(version)
    bits.append(0, min(4, capacity * 8 - bits.count))
    bits.append(0, (8 - bits.count % 8) % 8)
    var data = bits.bytes
    var fill: UInt8 = 0xec
    while data.count < capacity {
      data.append(fill)
      fill ^= 0xec ^ 0x11
    }
    return data
  }

  /// The short blocks come first; the long ones have one data codeword more.
  static func interleave(_ data: [UInt8], _ version: Int) -> [UInt8] {
    let count = blocks[version - 1]
    let correction = correctionCodewords[version - 1]
    let shortBlocks = count - codewords(version) % count
    let shortData = codewords(version) / count - correction
    let generator = ReedSolomon.generator(correction)
    var parts: [(data: ArraySlice<UInt8>, correction: [UInt8])] = []
    var start = 0
    for index in 0..<count {
      let end = start + shortData + (index < shortBlocks ? 0 : 1)
      parts.append((data[start..<end], ReedSolomon.remainder(data[start..<end], generator)))
      start = end
    }
    var codewords: [UInt8] = []
    codewords.reserveCapacity(Self.codewords(version))
    for column in 0...shortData {
      for part in parts where column < part.data.count {
        codewords.append(part.data[part.data.startIndex + column])
      }
    }
    for column in 0..<correction {
      for part in parts { codewords.append(part.correction[column]) }
    }
    return codewords
  }
}

/// Bits, the highest first.
private struct BitRun {
  var bytes: [UInt8] = []
  var count = 0

  mutating func append(_ value: UInt32, _ width: Int) {
    for shift in stride(from: width - 1, through: 0, by: -1) {
      if count % 8 == 0 { bytes.append(0) }
      bytes[count / 8] |= UInt8(value >> UInt32(shift) & 1) << UInt8(7 - count % 8)
      count += 1
    }
  }
}

/// Reed-Solomon codes over GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
enum ReedSolomon {
  static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var product: UInt16 = 0
    for shift in stride(from: 7, through: 0, by: -1) {
      product = (product << 1) ^ ((product >> 7) * 0x11d)
      if right >> UInt8(shift) & 1 == 1 { product ^= UInt16(left) }
    }
    return UInt8(truncatingIfNeeded: product)
  }

  /// The product of (x - 2^i), i below `degree`, highest power first, without the leading 1.
  static func generator(_ degree: Int) -> [UInt8] {
    var coefficients = [UInt8](repeating: 0, count: degree)
    coefficients[degree - 1] = 1
    var root: UInt8 = 1
    for _ in 0..<degree {
      for index in 0..<degree {
        coefficients[index] = multiply(coefficients[index], root)
        if index + 1 < degree { coefficients[index] ^= coefficients[index + 1] }
      }
      root = multiply(root, 2)
    }
    return coefficients
  }

  /// What dividing `data`, shifted up by the generator's degree, leaves.
  static func remainder(_ data: ArraySlice<UInt8>, _ generator: [UInt8]) -> [UInt8] {
    var remainder = [UInt8](repeating: 0, count: generator.count)
    for byte in data {
      let factor = byte ^ remainder.removeFirst()
      remainder.append(0)
      for (index, coefficient) in generator.enumerated() {
        remainder[index] ^= multiply(coefficient, factor)
      }
    }
    return remainder
  }
}
