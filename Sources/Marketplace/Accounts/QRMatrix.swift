// QRMatrix: the modules of a QR code: patterns, data, mask, and the penalty by which masks are judged
// (ISO/IEC 18004, sections 7.7 to 7.10).
//
// Invariant: a module that belongs to a pattern is in `isPattern` and is neither data nor masked.

struct QRMatrix {
  let version: Int
  let size: Int
  private(set) var modules: [Bool]
  private var isPattern: [Bool]

  init(version: Int, codewords: [UInt8]) {
    self.version = version
    size = 17 + 4 * version
    modules = [Bool](repeating: false, count: size * size)
    isPattern = modules
    drawPatterns()
    drawData(codewords)
  }

  private mutating func setPattern(_ x: Int, _ y: Int, _ isDark: Bool) {
    guard (0..<size).contains(x), (0..<size).contains(y) else { return }
    modules[y * size + x] = isDark
    isPattern[y * size + x] = true
  }

  // MARK: Patterns

  private mutating func drawPatterns() {
    for index in 0..<size {
      setPattern(6, index, index % 2 == 0)
      setPattern(index, 6, index % 2 == 0)
    }
    for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] { drawFinder(x, y) }
    let places = Self.alignmentPlaces(version)
    let last = places.count - 1
    for (row, y) in places.enumerated() {
      for (column, x) in places.enumerated() {
        // The corners have finders.
        let isCorner =
          (row == 0 && column == 0) || (row == 0 && column == last) || (row == last && column == 0)
        if !isCorner { drawAlignment(x, y) }
      }
    }
    drawFormat(mask: 0)
    drawVersion()
  }

  /// The finder and the light modules round it.
  private mutating func drawFinder(_ centreX: Int, _ centreY: Int) {
    for dy in -4...4 {
      for dx in -4...4 {
        let ring = max(abs(dx), abs(dy))
        setPattern(centreX + dx, centreY + dy, ring != 2 && ring != 4)
      }
    }
  }

  private mutating func drawAlignment(_ centreX: Int, _ centreY: Int) {
    for dy in -2...2 {
      for dx in -2...2 { setPattern(centreX + dx, centreY + dy, max(abs(dx), abs(dy)) != 1) }
    }
  }

  /// The centres of the alignment patterns, in rising order (ISO/IEC 18004, annex E).
  static func alignmentPlaces(_ version: Int) -> [Int] {
    guard version > 1 else { return [] }
    let count = version / 7 + 2
    let step = (version * 8 + count * 3 + 5) / (count * 4 - 4) * 2
    let last = 10 + 4 * version
    return [6] + (0..<(count - 1)).reversed().map { last - $0 * step }
  }

  /// Level M and the mask, with a BCH (15, 5) code, twice.
  private mutating func drawFormat(mask: Int) {
    let data = UInt32(mask)
    var remainder = data
    for _ in 0..<10 { remainder = (remainder << 1) ^ ((remainder >> 9) * 0x537) }
    let bits = (data << 10 | remainder) ^ 0x5412
    func bit(_ index: Int) -> Bool { bits >> UInt32(index) & 1 == 1 }
    for index in 0..<6 { setPattern(8, index, bit(index)) }
    setPattern(8, 7, bit(6))
    setPattern(8, 8, bit(7))
    setPattern(7, 8, bit(8))
    for index in 9..<15 { setPattern(14 - index, 8, bit(index)) }
    for index in 0..<8 { setPattern(size - 1 - index, 8, bit(index)) }
    for index in 8..<15 { setPattern(8, size - 15 + index, bit(index)) }
    setPattern(8, size - 8, true)
  }

  /// The version with a BCH (18, 6) code, twice, from version 7.
  private mutating func drawVersion() {
    guard version >= 7 else { return }
    var remainder = UInt32(version)
    for _ in 0..<12 { remainder = (remainder << 1) ^ ((remainder >> 11) * 0x1f25) }
    let bits = UInt32(version) << 12 | remainder
    for index in 0..<18 {
      let isDark = bits >> UInt32(index) & 1 == 1
      let (near, far) = (index / 3, size - 11 + index % 3)
      setPattern(far, near, isDark)
      setPattern(near, far, isDark)
    }
  }

  // MARK: Data and mask

  /// The places of data bits: columns of two from the right, up and down by turns.
  private func visitData(_ body: (_ place: Int) -> Void) {
    var right = size - 1
    while right >= 1 {
      // The column of the timing pattern is passed over.
      if right == 6 { right = 5 }
      let isUpward = (right + 1) & 2 == 0
      for step in 0..<size {
        let y = isUpward ? size - 1 - step : step
        for x in [right, right - 1] where !isPattern[y * size + x] { body(y * size + x) }
      }
      right -= 2
    }
  }

  private mutating func drawData(_ codewords: [UInt8]) {
    var places: [Int] = []
    visitData { places.append($0) }
    // A few modules may be left over; they stay light.
    for (index, place) in places.enumerated() where index < codewords.count * 8 {
      modules[place] = codewords[index / 8] >> UInt8(7 - index % 8) & 1 == 1
    }
  }

  static func isMasked(_ mask: Int, _ x: Int, _ y: Int) -> Bool {
    switch mask {
    case 0: (x + y) % 2 == 0
    case 1: y % 2 == 0
    case 2: x % 3 == 0
    case 3: (x + y) % 3 == 0
    case 4: (x / 3 + y / 2) % 2 == 0
    case 5: x * y % 2 + x * y % 3 == 0
    case 6: (x * y % 2 + x * y % 3) % 2 == 0
    default: ((x + y) % 2 + x * y % 3) % 2 == 0
    }
  }

  mutating func apply(mask: Int) {
    for y in 0..<size {
      for x in 0..<size where !isPattern[y * size + x] && Self.isMasked(mask, x, y) {
        modules[y * size + x].toggle()
      }
    }
    drawFormat(mask: mask)
  }

  // MARK: Penalty

  /// Runs of one colour, blocks of one colour, what looks like a finder, and too much of one colour.
  var penalty: Int {
    var total = 0
    for line in 0..<size {
      total += linePenalty { self.modules[line * self.size + $0] }
      total += linePenalty { self.modules[$0 * self.size + line] }
    }
    var dark = 0
    for y in 0..<size {
      for x in 0..<size {
        let here = modules[y * size + x]
        if here { dark += 1 }
        guard x + 1 < size, y + 1 < size else { continue }
        let isBlock =
          modules[y * size + x + 1] == here && modules[(y + 1) * size + x] == here
          && modules[(y + 1) * size + x + 1] == here
        if isBlock { total += 3 }
      }
    }
    // Ten for each whole five per cent away from one half.
    let all = size * size
    return total + abs(dark * 20 - all * 10) / all * 10
  }

  private static let finderLike: [[Bool]] = [
    [true, false, true, true, true, false, true, false, false, false, false],
    [false, false, false, false, true, false, true, true, true, false, true],
  ]

  private func linePenalty(_ module: (Int) -> Bool) -> Int {
    var total = 0
    var run = 1
    for index in 1...size {
      if index < size, module(index) == module(index - 1) {
        run += 1
        continue
      }
      if run >= 5 { total += run - 2 }
      run = 1
    }
    for start in 0...(size - 11) {
      for pattern in Self.finderLike {
        if (0..<11).allSatisfy({ module(start + $0) == pattern[$0] }) { total += 40 }
      }
    }
    return total
  }
}
