// RateLimit: how many requests a client may make in how many seconds, and what it is told.
//
// Three policies (platform-conventions 4.6, IETF draft ratelimit-headers):
//   global    every request, for each user who is signed in, else for each address
//   auth      failed attempts to prove who one is, for each address
//   account   the same, for each account that is attempted, from wherever

/// A quota of requests in a sliding window.
public struct RateLimit: Sendable, Equatable, CustomStringConvertible {
  /// The longest window: a day, so that arithmetic in milliseconds stays far from 64 bits.
  static let secondsMax = 86_400
  static let requestsMax = 1_000_000_000

  public var requests: Int
  public var seconds: Int

  public init(_ requests: Int, inSeconds seconds: Int) {
    self.requests = min(max(1, requests), Self.requestsMax)
    self.seconds = min(max(1, seconds), Self.secondsMax)
  }

  /// `100/900`: a hundred in 900 seconds. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let requests = Int(parts[0]), let seconds = Int(parts[1]),
      (1...Self.requestsMax).contains(requests), (1...Self.secondsMax).contains(seconds)
    else { return nil }
    self.init(requests, inSeconds: seconds)
  }

  public var description: String { "\(requests)/\(seconds)" }
}

/// The policies, by the name that clients see.
enum RatePolicy: UInt8, CaseIterable, Sendable {
  case global, auth, account

  var name: String { String(describing: self) }
  var bit: UInt8 { 1 << rawValue }
}

/// What the limiter says about one request under one policy.
struct RateVerdict: Equatable, Sendable {
  var policy: RatePolicy
  var isAllowed: Bool
  /// Requests left now.
  var remaining: Int
  /// Seconds until a request is allowed again, when this one was not; else until the window ends.
  var seconds: Int
}

/// What the router knows of an answer before there is one, in 64 bits, so that it travels with the
/// responder through an atomic: who may keep the answer, and what is left of the quotas.
struct AnswerMarks: Equatable, Sendable {
  enum Audience: UInt64 {
    /// Nobody was looked for: an error before routing, an operator's question.
    case unknown
    /// Somebody known, or one who tried to be.
    case personal
    /// The same for every guest.
    case everyone
  }

  private(set) var bits: UInt64 = 0

  init() {}
  init(bits: UInt64) { self.bits = bits }

  var audience: Audience {
    get { Audience(rawValue: bits & 3) ?? .unknown }
    set { bits = bits & ~3 | newValue.rawValue }
  }

  /// True when the outcome decides whether the request counts.
  var owesOutcome: Bool {
    get { bits & 4 != 0 }
    set { bits = newValue ? bits | 4 : bits & ~4 }
  }

  /// The policies that applied; none when the request was not limited.
  var policies: UInt8 { UInt8(truncatingIfNeeded: bits >> 3 & 7) }
  /// The policy that is closest to empty.
  var tightest: RatePolicy {
    RatePolicy(rawValue: UInt8(truncatingIfNeeded: bits >> 6 & 3)) ?? .global
  }
  var remaining: Int { Int(bits >> 8 & 0xffff_ffff) }
  var seconds: Int { Int(bits >> 40) }

  /// Takes in a verdict; of several the one with the least left is told.
  mutating func add(_ verdict: RateVerdict) {
    let isTighter = policies == 0 || !verdict.isAllowed || verdict.remaining < remaining
    bits |= UInt64(verdict.policy.bit) << 3
    guard isTighter else { return }
    bits = bits & 0x3f | UInt64(verdict.policy.rawValue) << 6
    bits |= UInt64(UInt32(clamping: verdict.remaining)) << 8
    bits |= UInt64(min(verdict.seconds, 0xff_ffff)) << 40
  }
}
