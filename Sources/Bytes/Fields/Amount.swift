// Amount: a decimal number that is never a Double.

/// minor / 10^digits: 4990 and 2 are 49.90. Compared by value: 49.9 equals 49.90.
public struct Amount: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral,
  CustomStringConvertible
{
  /// Digits after the point at most. ISO 4217 has no currency with more than four; rates have more.
  public static let digitsMax: UInt8 = 18

  public var minor: Int64
  public var digits: UInt8

  @inlinable
  public init(minor: Int64, digits: UInt8) {
    self.minor = minor
    self.digits = digits
  }

  @inlinable
  public init(integerLiteral value: Int64) { self.init(minor: value, digits: 0) }

  /// Parses `-?[0-9]+(.[0-9]+)?` (a JSON number, exponent allowed); nil when it does not fit.
  public init?(_ text: String) {
    let number = try? JSONReader.read(Array(text.utf8).span.bytes) {
      (reader) throws(JSONError) -> JSONNumber in
      let number = try reader.number()
      try reader.finish()
      return number
    }
    guard let number, number.count == text.utf8.count, let decimal = number.decimal else {
      return nil
    }
    self.init(minor: decimal.minor, digits: decimal.digits)
  }

  /// The same value with `count` digits; nil when digits would be lost or it does not fit.
  public func rescaled(toDigits count: UInt8) -> Amount? {
    var result = self
    while result.digits < count {
      let (product, overflow) = result.minor.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      result.minor = product
      result.digits += 1
    }
    while result.digits > count {
      guard result.minor % 10 == 0 else { return nil }
      result.minor /= 10
      result.digits -= 1
    }
    return result
  }

  /// The value in units of 10^-18. |Int64.min| * 10^18 < 2^127, so it always fits.
  private var scaled: Int128 {
    var value = Int128(minor)
    var count = digits
    while count < Self.digitsMax {
      value &*= 10
      count += 1
    }
    return value
  }

  public static func == (left: Amount, right: Amount) -> Bool {
    left.digits == right.digits ? left.minor == right.minor : left.scaled == right.scaled
  }

  public static func < (left: Amount, right: Amount) -> Bool {
    left.digits == right.digits ? left.minor < right.minor : left.scaled < right.scaled
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(scaled) }

  /// With exactly `digits` digits after the point.
  public var description: String {
    var writer = JSONWriter(reserving: 24)
    writer.decimal(minor: minor, digits: digits)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension Amount: FieldElement {
  @inlinable public static var wireKind: WireKind { .bytes }

  @inlinable
  public func writeBinary(to writer: inout ByteWriter) {
    let start = writer.beginRun()
    writer.signedVarint(minor)
    writer.u8(digits)
    writer.endRun(start)
  }

  public static func readBinary(from source: inout BinarySource) throws(DecodeError) -> Amount {
    try source.container("amount") { (inner) throws(DecodeError) -> Amount in
      let minor = try inner.signedVarint("amount")
      let digits = try inner.u8("amount digits")
      guard digits <= digitsMax else {
        throw DecodeError(.overflow, "amount digits", at: inner.offset)
      }
      return Amount(minor: minor, digits: digits)
    }
  }

  public func writeJSON(to writer: inout JSONWriter) {
    writer.decimal(minor: minor, digits: digits)
  }

  /// A number or a string that holds one, read exactly.
  public static func readJSON(from source: inout JSONSource) throws(JSONError) -> Amount? {
    switch try source.reader.peek() {
    case .number:
      if let decimal = try source.reader.number().decimal {
        return Amount(minor: decimal.minor, digits: decimal.digits)
      }
      source.issues.add("digits", "has more digits than an amount can hold")
    case .string:
      if let amount = Amount(try source.reader.string()) { return amount }
      source.issues.add("format", "must be a decimal number such as 49.90")
    default: try source.refuse("type", "must be a number")
    }
    return nil
  }

  public func check(_ rules: FieldRules, _ issues: inout FieldIssues) {
    if let most = rules.digits, Int(digits) > most, rescaled(toDigits: UInt8(clamping: most)) == nil
    {
      issues.add("digits", "must have at most \(most) digits after the point")
    }
    if let bounds = rules.amount, !bounds.contains(self) {
      issues.add("range", "must be \(bounds)")
    }
    if let range = rules.range,
      self < Amount(integerLiteral: range.lowerBound)
        || self > Amount(integerLiteral: range.upperBound)
    {
      issues.outside(range)
    }
  }

  public static func describe(_ describer: inout FieldDescriber) -> FieldSchema { .amount }
}

/// Bounds of an amount.
public struct AmountBounds: Equatable, Sendable, CustomStringConvertible {
  public var least: Amount
  public var isLeastExcluded: Bool
  public var most: Amount

  public init(least: Amount, isLeastExcluded: Bool, most: Amount) {
    self.least = least
    self.isLeastExcluded = isLeastExcluded
    self.most = most
  }

  public func contains(_ amount: Amount) -> Bool {
    (isLeastExcluded ? amount > least : amount >= least) && amount <= most
  }

  public var description: String {
    "\(isLeastExcluded ? "above" : "from") \(least), up to \(most)"
  }
}
