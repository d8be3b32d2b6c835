// Timestamp: a moment as microseconds since 1970-01-01T00:00:00Z, and its RFC 3339 form.

/// A moment in UTC, to the microsecond.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var microseconds: Int64

  @inlinable
  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  public static let zero = Timestamp(microseconds: 0)

  @inlinable
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microseconds < right.microseconds
  }

  public func adding(seconds: Int64) -> Timestamp {
    Timestamp(microseconds: microseconds &+ seconds &* 1_000_000)
  }

  /// RFC 3339, UTC, milliseconds: `2026-11-22T10:15:30.123Z`.
  public var description: String {
    String(unsafeUninitializedCapacity: Self.textBytesMax) { buffer in
      // Safe: the span writes within the buffer, which it is made of, and is finished with it.
      var text = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
      appendText(to: &text)
      return unsafe text.finalize(for: buffer)
    }
  }

  /// The longest description: a sign, six digits of a year, and 20 characters.
  static let textBytesMax = 27

  /// Appends the description.
  func appendText(to text: inout OutputSpan<UInt8>) {
    let millis = Self.floorDivide(microseconds, 1000)
    let seconds = Self.floorDivide(millis, 1000)
    let days = Self.floorDivide(seconds, 86_400)
    let date = Self.civil(fromDays: days)
    let secondOfDay = Int(seconds - days * 86_400)
    if date.year < 0 { text.append(UInt8(ascii: "-")) }
    text.decimal(UInt64(date.year.magnitude), atLeast: 4)
    text.append(UInt8(ascii: "-"))
    text.twoDigits(date.month)
    text.append(UInt8(ascii: "-"))
    text.twoDigits(date.day)
    text.append(UInt8(ascii: "T"))
    text.twoDigits(secondOfDay / 3600)
    text.append(UInt8(ascii: ":"))
    text.twoDigits(secondOfDay / 60 % 60)
    text.append(UInt8(ascii: ":"))
    text.twoDigits(secondOfDay % 60)
    text.append(UInt8(ascii: "."))
    text.decimal(UInt64(millis - seconds * 1000), atLeast: 3)
    text.append(UInt8(ascii: "Z"))
  }

  static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }

  /// Days since 1970-01-01 to a proleptic Gregorian date (Howard Hinnant, "chrono-Compatible
  /// Low-Level Date Algorithms", civil_from_days).
  static func civil(fromDays days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (Int(year), Int(month), Int(day))
  }

  /// The inverse of `civil(fromDays:)`.
  static func days(year: Int, month: Int, day: Int) -> Int64 {
    let shiftedYear = Int64(month <= 2 ? year - 1 : year)
    let era = floorDivide(shiftedYear, 400)
    let yearOfEra = shiftedYear - era * 400
    let monthIndex = Int64(month > 2 ? month - 3 : month + 9)
    let dayOfYear = (153 * monthIndex + 2) / 5 + Int64(day) - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}

extension Timestamp {
  /// Parses RFC 3339 with `Z` or a numeric offset. Fractional digits beyond the sixth are dropped, and
  /// a leap second (`:60`) is the second after it.
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
    guard utf8.count >= 20, utf8.count <= 40 else { return nil }
    func number(_ from: Int, _ count: Int) -> Int? {
      guard from + count <= utf8.count else { return nil }
      var value = 0
      for index in from..<from + count {
        let byte = utf8[index]
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
      let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
      utf8[4] == UInt8(ascii: "-"), utf8[7] == UInt8(ascii: "-"),
      utf8[10] | 0x20 == UInt8(ascii: "t"),
      utf8[13] == UInt8(ascii: ":"), utf8[16] == UInt8(ascii: ":"),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    let daysSinceEpoch = Self.days(year: year, month: month, day: day)
    guard Self.civil(fromDays: daysSinceEpoch) == (year, month, day) else { return nil }
    var index = 19
    var fraction: Int64 = 0
    if utf8[index] == UInt8(ascii: ".") {
      index += 1
      var scale: Int64 = 100_000
      let start = index
      while index < utf8.count, utf8[index] >= 0x30, utf8[index] <= 0x39 {
        fraction += Int64(utf8[index] - 0x30) * scale
        scale /= 10
        index += 1
      }
      guard index > start else { return nil }
    }
    guard index < utf8.count else { return nil }
    var offsetMinutes = 0
    if utf8[index] | 0x20 == UInt8(ascii: "z") {
      guard index + 1 == utf8.count else { return nil }
    } else {
      guard utf8[index] == UInt8(ascii: "+") || utf8[index] == UInt8(ascii: "-"),
        index + 6 == utf8.count, utf8[index + 3] == UInt8(ascii: ":"),
        let offsetHour = number(index + 1, 2), let offsetMinute = number(index + 4, 2),
        offsetHour < 24, offsetMinute < 60
      else { return nil }
      offsetMinutes = (offsetHour * 60 + offsetMinute) * (utf8[index] == UInt8(ascii: "-") ? -1 : 1)
    }
    let seconds =
      daysSinceEpoch * 86_400 + Int64(hour * 3600 + minute * 60 + second)
      - Int64(offsetMinutes * 60)
    self.init(microseconds: seconds * 1_000_000 + fraction)
  }
}
