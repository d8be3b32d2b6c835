// Money against wider arithmetic and against its own identities, on seeded random amounts.

import Bytes
import Marketplace
import Testing

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}

@Test func aSplitSumsToTheWholeAndStaysWithinOneUnitOfTheExactShare() throws {
  let seed: UInt64 = 0x5011
  var random = SeededNumbers(seed: seed)
  for round in 0..<5000 {
    let count = Int.random(in: 1...12, using: &random)
    let weights = (0..<count).map { _ in
      Bool.random(using: &random)
        ? Int64.random(in: 0...3, using: &random)
        : Int64.random(in: 0...9_000_000_000_000_000_000, using: &random)
    }
    let whole = Int64.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random)
    let parts = try Money.split(whole, weights: weights)
    #expect(try Money.sum(parts) == whole, "seed \(seed) round \(round)")
    let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
    guard total > 0 else {
      #expect(parts.max()! - parts.min()! <= 1, "seed \(seed) round \(round)")
      continue
    }
    for (part, weight) in zip(parts, weights) {
      let distance = Int128(part) * total - Int128(whole) * Int128(weight)
      #expect(
        (distance < 0 ? -distance : distance) < total, "seed \(seed) round \(round)")
    }
  }
}

@Test func leftOverUnitsGoToTheLargestRemainders() throws {
  #expect(try Money.split(100, weights: [1, 1, 1]) == [34, 33, 33])
  #expect(try Money.split(10, weights: [1, 5, 3]) == [1, 6, 3])
  #expect(try Money.split(-10, weights: [1, 5, 3]) == [-1, -6, -3])
  #expect(try Money.split(5, weights: [0, 0]) == [3, 2])
  #expect(try Money.split(0, weights: [7, 9]) == [0, 0])
  #expect(throws: MoneyError.malformed) { try Money.split(1, weights: []) }
  #expect(throws: MoneyError.malformed) { try Money.split(1, weights: [2, -1]) }
}

@Test func halvesRoundAwayFromZero() throws {
  #expect(try Money.scaled(5, by: 1, over: 2) == 3)
  #expect(try Money.scaled(-5, by: 1, over: 2) == -3)
  #expect(try Money.scaled(4, by: 1, over: 3) == 1)
  #expect(try Money.scaled(5, by: 1, over: 3) == 2)
  #expect(try Money.scaled(9999, by: 825, over: 10_000) == 825)
  #expect(try Money.scaled(.max, by: .max, over: .max) == .max)
  #expect(throws: MoneyError.overflow) { try Money.scaled(.max, by: 2, over: 1) }
}

@Test func roundingIsWithinHalfAUnitOfTheExactQuotient() throws {
  let seed: UInt64 = 0x7a11
  var random = SeededNumbers(seed: seed)
  for round in 0..<5000 {
    let minor = Int64.random(in: -1_000_000_000...1_000_000_000, using: &random)
    let numerator = Int64.random(in: 0...20_000, using: &random)
    let denominator = Int64.random(in: 1...20_000, using: &random)
    let rounded = try Money.scaled(minor, by: numerator, over: denominator)
    let error = Int128(rounded) * Int128(denominator) - Int128(minor) * Int128(numerator)
    #expect(
      2 * (error < 0 ? -error : error) <= Int128(denominator), "seed \(seed) round \(round)")
  }
}

@Test func sumsAndProductsThrowInsteadOfWrapping() throws {
  #expect(throws: MoneyError.overflow) { try Money.sum([.max, 1]) }
  #expect(try Money.sum([.max, 1, -1]) == .max)
  #expect(throws: MoneyError.overflow) { try Money.product(.max, 2) }
  #expect(throws: MoneyError.currencyMismatch("USD", "EUR")) {
    try Money.zero("USD").adding(.zero("EUR"))
  }
  #expect(throws: MoneyError.overflow) {
    try Money(minor: .min, currency: "USD").subtracting(Money(minor: 1, currency: "USD"))
  }
}

@Test func textOfAnAmountParsesBackToTheSameAmount() throws {
  let seed: UInt64 = 0xca5
  var random = SeededNumbers(seed: seed)
  for round in 0..<2000 {
    let currency = ["USD", "JPY", "KWD", "CLF"].randomElement(using: &random)!
    let minor =
      Bool.random(using: &random)
      ? Int64.random(in: -200...200, using: &random)
      : Int64.random(in: .min ... .max, using: &random)
    let money = Money(minor: minor, currency: currency)
    #expect(
      try Money(money.text, currency: currency) == money, "seed \(seed) round \(round)")
  }
}

@Test func eachCurrencyHasItsDigits() throws {
  #expect(Money(minor: 4990, currency: "USD").text == "49.90")
  #expect(Money(minor: -5, currency: "USD").text == "-0.05")
  #expect(Money(minor: 1200, currency: "JPY").text == "1200")
  #expect(Money(minor: 1, currency: "KWD").text == "0.001")
  #expect(try Money("1.5", currency: "USD").minor == 150)
  #expect(try Money("1.500", currency: "USD").minor == 150)
  #expect(throws: MoneyError.tooManyDigits(allowed: 2)) { try Money("1.505", currency: "USD") }
  #expect(throws: MoneyError.tooManyDigits(allowed: 0)) { try Money("1.5", currency: "JPY") }
  for text in ["", "-", ".5", "5.", "1e3", "+1", "1,5", "1.2.3", " 1", "--1"] {
    #expect(throws: MoneyError.malformed, "\(text)") { try Money(text, currency: "USD") }
  }
  #expect(throws: MoneyError.overflow) { try Money("92233720368547758.08", currency: "USD") }
}

@Test func everyErrorCodeHasItsStatus() {
  #expect(ErrorCode.allCases.count == 25)
  let statuses = Dictionary(grouping: ErrorCode.allCases, by: \.status).mapValues(\.count)
  #expect(
    statuses == [401: 5, 403: 2, 400: 4, 404: 1, 409: 5, 402: 1, 502: 3, 500: 2, 503: 1, 429: 1])
  #expect(ErrorCode.allCases.filter(\.isBusinessRefusal).count == 5)
}
