// Tax and delivery as an operator declares them, one rule a line:
//
//   tax        US-CA 8.25%            US 0%            * 19%
//   delivery   US 5.00 USD free from 50.00             * 12.00 EUR
//
// The most specific rule decides: country and state, then country, then `*`. Where no rule fits,
// nothing is added; a delivery rule fits orders in its own currency only. Without an address (a cart
// before checkout) only `*` fits.

import Bytes

/// What is wrong with a declared rule.
public struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  public var rule: String
  public var reason: String
  public var description: String { "“\(rule)”: \(reason)" }
}

/// Where a rule is good.
struct PolicyRegion: Equatable, Sendable {
  /// Empty for everywhere.
  var country = ""
  var state = ""

  init?(_ text: Substring) {
    if text == "*" { return }
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0].utf8.count == 2, parts[0].utf8.allSatisfy({ (0x41...0x5a).contains($0) }),
      parts.count == 1 || !parts[1].isEmpty
    else { return nil }
    country = String(parts[0])
    state = parts.count == 2 ? parts[1].uppercased() : ""
  }

  /// How specific the rule is for this address; nil where it is not good.
  func rank(for address: DeliveryAddress?) -> Int? {
    if country.isEmpty { return 0 }
    guard let address, address.country.uppercased() == country else { return nil }
    if state.isEmpty { return 1 }
    return address.state.uppercased() == state ? 2 : nil
  }
}

/// Picks the most specific of the rules that are good for the address.
private func best<Rule>(
  _ rules: [Rule], for address: DeliveryAddress?, _ region: (Rule) -> PolicyRegion
) -> Rule? {
  var chosen: (rule: Rule, rank: Int)?
  for rule in rules {
    guard let rank = region(rule).rank(for: address) else { continue }
    if rank > chosen?.rank ?? -1 { chosen = (rule, rank) }
  }
  return chosen?.rule
}

/// A rate for each region, added to the price.
public struct DeclaredTax: TaxPolicy {
  struct Rule: Equatable {
    var region: PolicyRegion
    /// Hundredths of a percent.
    var basisPoints: Int64
  }
  var rules: [Rule] = []

  /// - Parameter lines: such as `US-CA 8.25%`.
  public init(_ lines: [String]) throws(PolicyError) {
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count == 2, let region = PolicyRegion(words[0]), words[1].last == "%",
        let rate = Amount(String(words[1].dropLast()))?.rescaled(toDigits: 2),
        (0...10_000).contains(rate.minor)
      else {
        throw PolicyError(
          rule: line, reason: "a tax rule is a region and a rate, such as `US-CA 8.25%` or `* 19%`")
      }
      guard !rules.contains(where: { $0.region == region }) else {
        throw PolicyError(rule: line, reason: "there is a rule for this region already")
      }
      rules.append(Rule(region: region, basisPoints: rate.minor))
    }
  }

  public func tax(on amount: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64 {
    guard let rule = best(rules, for: address, { $0.region }) else { return 0 }
    return try Money.scaled(amount.minor, by: rule.basisPoints, over: 10_000)
  }
}

/// A fee for each region and currency, for each seller's part, waived from an amount of goods on.
public struct DeclaredDelivery: DeliveryPolicy {
  struct Rule: Equatable {
    var region: PolicyRegion
    var fee: Money
    var freeFromMinor: Int64?
  }
  var rules: [Rule] = []

  /// - Parameter lines: such as `US 5.00 USD free from 50.00`.
  public init(_ lines: [String]) throws(PolicyError) {
    for line in lines {
      guard let rule = Self.rule(line) else {
        throw PolicyError(
          rule: line,
          reason: "a delivery rule is a region, a fee and a currency, and perhaps from when it is "
            + "waived, such as `US 5.00 USD free from 50.00`")
      }
      let isThere = rules.contains {
        $0.region == rule.region && $0.fee.currency == rule.fee.currency
      }
      guard !isThere else {
        throw PolicyError(
          rule: line, reason: "there is a rule for this region and currency already")
      }
      rules.append(rule)
    }
  }

  private static func rule(_ line: String) -> Rule? {
    let words = line.split(separator: " ")
    guard words.count == 3 || words.count == 6, let region = PolicyRegion(words[0]),
      Currency.isWellFormed(String(words[2])),
      let fee = try? Money(words[1], currency: String(words[2])), fee.minor >= 0
    else { return nil }
    var rule = Rule(region: region, fee: fee)
    if words.count == 6 {
      guard words[3] == "free", words[4] == "from",
        let from = try? Money(words[5], currency: fee.currency), from.minor >= 0
      else { return nil }
      rule.freeFromMinor = from.minor
    }
    return rule
  }

  public func fee(for subtotal: Money, to address: DeliveryAddress?) throws(MoneyError) -> Int64 {
    let fitting = rules.filter { $0.fee.currency == subtotal.currency }
    guard let rule = best(fitting, for: address, { $0.region }) else { return 0 }
    if let from = rule.freeFromMinor, subtotal.minor >= from { return 0 }
    return rule.fee.minor
  }
}
