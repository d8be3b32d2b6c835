// Money: amounts in whole minor units of a currency. No floating point anywhere.
//
// Invariants
// 1. 4990 with "USD" is 49.90; the number of digits comes from ISO 4217 (`Currency.digits`).
// 2. Sums and products that leave Int64 throw; they never wrap and never trap.
// 3. A split gives parts that sum to the whole (largest remainder), each within one minor unit of
//    its exact share.
// 4. Rounding is half-up, away from zero at the half, once a line.

import Bytes

/// ISO 4217 currency codes and their number of fraction digits.
public enum Currency {
  /// Currencies without a minor unit.
  private static let zeroDigits: Set<String> = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
  ]
  private static let threeDigits: Set<String> = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
  private static let fourDigits: Set<String> = ["CLF", "UYW"]

  /// Digits after the decimal point; 2 unless ISO 4217 says otherwise.
  public static func digits(_ code: String) -> UInt8 {
    if zeroDigits.contains(code) { return 0 }
    if threeDigits.contains(code) { return 3 }
    if fourDigits.contains(code) { return 4 }
    return 2
  }

  /// Three capital letters.
  public static func isWellFormed(_ code: String) -> Bool {
    code.utf8.count == 3 && code.utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5a }
  }
}

public enum MoneyError: Error, Equatable, Sendable {
  /// The result does not fit in 64 bits of minor units.
  case overflow
  /// Amounts of two currencies were to be added.
  case currencyMismatch(String, String)
  /// The text is not a decimal number.
  case malformed
  /// The text has more digits after the point than the currency.
  case tooManyDigits(allowed: UInt8)
}

/// An amount of one currency.
public struct Money: Equatable, Hashable, Sendable {
  /// Whole minor units: cents, fils, yen.
  public var minor: Int64
  /// ISO 4217 code.
  public var currency: String

  public init(minor: Int64, currency: String) {
    self.minor = minor
    self.currency = currency
  }

  public static func zero(_ currency: String) -> Money { Money(minor: 0, currency: currency) }

  public var digits: UInt8 { Currency.digits(currency) }

  public func adding(_ other: Money) throws(MoneyError) -> Money {
    guard currency == other.currency else {
      throw .currencyMismatch(currency, other.currency)
    }
    return Money(minor: try Money.sum([minor, other.minor]), currency: currency)
  }

  public func subtracting(_ other: Money) throws(MoneyError) -> Money {
    guard currency == other.currency else {
      throw .currencyMismatch(currency, other.currency)
    }
    let (result, overflow) = minor.subtractingReportingOverflow(other.minor)
    guard !overflow else { throw .overflow }
    return Money(minor: result, currency: currency)
  }

  public func multiplied(by count: Int64) throws(MoneyError) -> Money {
    Money(minor: try Money.product(minor, count), currency: currency)
  }

  // MARK: Minor units

  public static func sum(_ parts: some Sequence<Int64>) throws(MoneyError) -> Int64 {
    // 128 bits cannot overflow before memory does; only the result is checked.
    var total: Int128 = 0
    for part in parts { total += Int128(part) }
    guard let result = Int64(exactly: total) else { throw .overflow }
    return result
  }

  public static func product(_ minor: Int64, _ count: Int64) throws(MoneyError) -> Int64 {
    let (result, overflow) = minor.multipliedReportingOverflow(by: count)
    guard !overflow else { throw .overflow }
    return result
  }

  /// minor × numerator / denominator, rounded half-up (half away from zero). A rate of 8.25 % is
  /// 825 / 10 000. The denominator is positive.
  public static func scaled(
    _ minor: Int64, by numerator: Int64, over denominator: Int64
  ) throws(MoneyError) -> Int64 {
    guard denominator > 0 else { throw .overflow }
    let product = Int128(minor) * Int128(numerator)
    let divisor = Int128(denominator)
    let magnitude = product < 0 ? -product : product
    // 2 × remainder ≥ divisor, written so that nothing is doubled past 128 bits.
    var quotient = magnitude / divisor
    let remainder = magnitude % divisor
    if remainder >= divisor - remainder { quotient += 1 }
    guard let result = Int64(exactly: product < 0 ? -quotient : quotient) else { throw .overflow }
    return result
  }

  /// The largest-remainder method (Hamilton): parts proportional to `weights` that sum to `minor`.
  ///
  /// Units that rounding leaves over go to the largest remainders, the earlier part first among
  /// equals. When all weights are zero the parts are as equal as can be.
  public static func split(
    _ minor: Int64, weights: [Int64]
  ) throws(MoneyError) -> [Int64] {
    guard !weights.isEmpty, weights.allSatisfy({ $0 >= 0 }) else { throw .malformed }
    let effective = weights.allSatisfy { $0 == 0 } ? weights.map { _ in 1 } : weights
    let total = effective.reduce(Int128(0)) { $0 + Int128($1) }
    let isNegative = minor < 0
    let whole = Int128(minor.magnitude)
    var parts: [Int128] = []
    var remainders: [(index: Int, value: Int128)] = []
    var given: Int128 = 0
    for (index, weight) in effective.enumerated() {
      let share = whole * Int128(weight)
      parts.append(share / total)
      remainders.append((index, share % total))
      given += share / total
    }
    remainders.sort { $0.value != $1.value ? $0.value > $1.value : $0.index < $1.index }
    // Fewer units are left than there are parts: each remainder is below one unit.
    for remainder in remainders.prefix(Int(whole - given)) { parts[remainder.index] += 1 }
    var result: [Int64] = []
    for part in parts {
      guard let value = Int64(exactly: isNegative ? -part : part) else { throw .overflow }
      result.append(value)
    }
    return result
  }

  // MARK: Text

  /// The amount with exactly the currency's digits: `49.90`, `-0.05`, `1200`.
  public var text: String {
    var writer = JSONWriter(reserving: 24)
    writer.decimal(minor: minor, digits: digits)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Parses a plain decimal exactly: an optional sign, digits, and at most the currency's digits
  /// after a point. Zeros beyond the currency's digits carry no value and are accepted.
  public init(_ text: some StringProtocol, currency: String) throws(MoneyError) {
    let allowed = Int(Currency.digits(currency))
    var magnitude: UInt64 = 0
    var isNegative = false
    var fraction: Int?
    var hasDigit = false
    var endsWithPoint = false
    for (index, byte) in text.utf8.enumerated() {
      endsWithPoint = byte == 0x2e
      switch byte {
      case 0x2d where index == 0: isNegative = true
      case 0x2e where fraction == nil && hasDigit: fraction = 0
      case 0x30...0x39:
        hasDigit = true
        if let count = fraction {
          if count == allowed {
            guard byte == 0x30 else { throw .tooManyDigits(allowed: UInt8(allowed)) }
            continue
          }
          fraction = count + 1
        }
        magnitude = try Self.appending(byte, to: magnitude)
      default: throw .malformed
      }
    }
    guard hasDigit, !endsWithPoint else { throw .malformed }
    for _ in (fraction ?? 0)..<allowed { magnitude = try Self.appending(0x30, to: magnitude) }
    let signed = isNegative ? -Int128(magnitude) : Int128(magnitude)
    guard let minor = Int64(exactly: signed) else { throw .overflow }
    self.init(minor: minor, currency: currency)
  }

  private static func appending(_ digit: UInt8, to value: UInt64) throws(MoneyError) -> UInt64 {
    let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
    let (result, carry) = tens.addingReportingOverflow(UInt64(digit - 0x30))
    guard !overflow, !carry else { throw .overflow }
    return result
  }
}
