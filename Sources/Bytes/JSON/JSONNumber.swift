// JSONNumber: a number as it stands in the text, before anyone decides what it is. Money is read
// from it exactly; a Double is one of three readings, not the number itself.

/// A number of a JSON text: sign, digits and decimal exponent.
public struct JSONNumber: Equatable, Sendable {
  /// Place in the text, in bytes.
  public var start: Int
  public var count: Int
  public var isNegative: Bool
  /// The significant digits as an integer, as many as fit.
  public var mantissa: UInt64
  /// The value is mantissa * 10^exponent. Saturates far beyond every type's range.
  public var exponent: Int
  /// The mantissa holds every digit that matters.
  public var isExact: Bool
  /// A digit has been dropped.
  var isFull = false

  /// Takes one more digit; false when the mantissa would overflow.
  @inline(__always)
  mutating func append(_ digit: UInt8) -> Bool {
    // Below this bound one more digit cannot overflow.
    if mantissa < 1_000_000_000_000_000_000 {
      mantissa = mantissa &* 10 &+ UInt64(digit)
      return true
    }
    let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    if overflow || carry { return false }
    mantissa = sum
    return true
  }

  /// The value when it is an integer of this range: `12`, `12.0` and `1.2e1` are twelve.
  public var int64: Int64? {
    integerMagnitude.flatMap { Self.signed($0, isNegative) }
  }

  private static func signed(_ magnitude: UInt64, _ isNegative: Bool) -> Int64? {
    // The least integer has no positive counterpart.
    if isNegative, magnitude == 1 << 63 { return .min }
    return Int64(exactly: magnitude).map { isNegative ? -$0 : $0 }
  }

  /// The value when it is an integer of this range.
  public var uint64: UInt64? {
    guard let magnitude = integerMagnitude else { return nil }
    return isNegative && magnitude != 0 ? nil : magnitude
  }

  private var integerMagnitude: UInt64? {
    guard isExact else { return nil }
    if mantissa == 0 { return 0 }
    var magnitude = mantissa
    var rest = exponent
    while rest > 0 {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      magnitude = product
      rest -= 1
    }
    while rest < 0 {
      let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
      if remainder != 0 { return nil }
      magnitude = quotient
      rest += 1
    }
    return magnitude
  }

  /// The value as minor / 10^digits, with the digits that were written (`49.90` is 4990 and 2);
  /// nil beyond Int64 or 18 digits after the point.
  public var decimal: (minor: Int64, digits: UInt8)? {
    guard isExact else { return nil }
    if exponent >= 0 { return int64.map { ($0, 0) } }
    var magnitude = mantissa
    var digits = exponent == .min ? .max : -exponent
    while digits > 18, magnitude % 10 == 0 {
      if magnitude == 0 { return (0, 0) }
      magnitude /= 10
      digits -= 1
    }
    guard digits <= 18, let minor = Self.signed(magnitude, isNegative) else { return nil }
    return (minor, UInt8(digits))
  }

  /// Powers of ten that a Double holds exactly.
  private static let exactPowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// One multiplication or division of exact Doubles is correctly rounded (W. D. Clinger, "How to
  /// read floating point numbers accurately", 1990); nil when the number is outside that case.
  var fastDouble: Double? {
    guard isExact, mantissa <= 1 << 53, exponent >= -22, exponent <= 22 else { return nil }
    let magnitude =
      exponent < 0
      ? Double(mantissa) / Self.exactPowers[-exponent]
      : Double(mantissa) * Self.exactPowers[exponent]
    return isNegative ? -magnitude : magnitude
  }
}

extension JSONReader {
  /// Reads the next value, a number: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
  public mutating func number() throws(JSONError) -> JSONNumber {
    skipSpace()
    let start = offset
    var position = offset
    var number = JSONNumber(
      start: start, count: 0, isNegative: false, mantissa: 0, exponent: 0, isExact: true)
    if position < input.count, input[position] == UInt8(ascii: "-") {
      number.isNegative = true
      position += 1
    }
    let first = position
    digits(&position, &number, isFraction: false)
    guard position > first else {
      throw JSONError(offset: position, reason: "a digit is expected")
    }
    guard input[first] != 0x30 || position == first + 1 else {
      throw JSONError(offset: first, reason: "a number starts with zero")
    }
    if position < input.count, input[position] == UInt8(ascii: ".") {
      position += 1
      let firstFraction = position
      digits(&position, &number, isFraction: true)
      guard position > firstFraction else {
        throw JSONError(offset: position, reason: "a digit is expected")
      }
    }
    if position < input.count, input[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      number.exponent += try exponent(&position)
    }
    number.count = position - start
    offset = position
    return number
  }

  @inline(__always)
  private func digits(_ position: inout Int, _ number: inout JSONNumber, isFraction: Bool) {
    while position < input.count {
      let digit = input[position] &- 0x30
      guard digit <= 9 else { return }
      position += 1
      // A digit that no longer fits is dropped, and so is every digit after it.
      if !number.isFull, number.append(digit) {
        if isFraction { number.exponent -= 1 }
      } else {
        number.isFull = true
        if digit != 0 { number.isExact = false }
        if !isFraction { number.exponent += 1 }
      }
    }
  }

  private func exponent(_ position: inout Int) throws(JSONError) -> Int {
    var isNegative = false
    if position < input.count,
      input[position] == UInt8(ascii: "-") || input[position] == UInt8(ascii: "+")
    {
      isNegative = input[position] == UInt8(ascii: "-")
      position += 1
    }
    let first = position
    var value = 0
    while position < input.count {
      let digit = input[position] &- 0x30
      guard digit <= 9 else { break }
      if value < 1_000_000_000 { value = value * 10 + Int(digit) }
      position += 1
    }
    guard position > first else {
      throw JSONError(offset: position, reason: "a digit is expected")
    }
    return isNegative ? -value : value
  }

  /// The nearest Double; nil when the number is beyond the largest.
  public func double(of number: JSONNumber) -> Double? {
    if let fast = number.fastDouble { return fast }
    guard let value = Double(text(of: number)), value.isFinite else { return nil }
    return value
  }

  /// The characters of a number that was read before.
  public func text(of number: JSONNumber) -> String {
    let end = number.start + number.count
    return String(
      decoding: UnsafeRawBufferPointer(rebasing: input[number.start..<end]), as: UTF8.self)
  }
}
