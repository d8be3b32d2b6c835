// How the router charges requests to quotas: before anything else is done for them.
//
// A request is charged to the user who is signed in, else to the address it comes from. On routes
// that check a secret, an attempt is charged to the address and to the account before it runs, and
// given back when it succeeds, so that a thousand attempts at once cannot slip through together.

import Bytes
import Database

/// The quotas of a router.
struct RouterLimits: Sendable {
  let limiter: RateLimiter
  /// The bytes of the X-Api-Key that is not limited.
  let unlimitedKey: [UInt8]?

  init?(_ options: ServerOptions) {
    guard
      options.rateLimit != nil || options.authRateLimit != nil || options.accountRateLimit != nil
    else { return nil }
    limiter = RateLimiter(
      global: options.rateLimit, auth: options.authRateLimit, account: options.accountRateLimit)
    unlimitedKey = options.unlimitedKey.map { Array($0.utf8) }
  }

  static func nowMillis() -> UInt64 {
    UInt64(clamping: SystemClock.monotonicMicroseconds() / 1000)
  }

  /// Charges `request`; throws 429 when a quota is used up.
  func charge(
    _ request: Request, _ rule: Route.RateLimitRule, _ responder: Responder,
    _ marks: inout AnswerMarks
  ) throws(APIError) {
    if rule == .exempt || isUnlimited(request) { return }
    let now = Self.nowMillis()
    try take(.global, key(.global, request), &marks, now)
    guard case .failures(let field) = rule else { return }
    var charges: [RateCharge] = []
    func takeFailure(_ policy: RatePolicy, _ key: UInt64) throws(APIError) {
      do throws(APIError) {
        try take(policy, key, &marks, now)
        charges.append(RateCharge(policy: policy, key: key))
      } catch {
        for charge in charges { limiter.giveBack(charge.policy, charge.key, atMillis: now) }
        throw error
      }
    }
    try takeFailure(.auth, key(.auth, request))
    if let field, let account = Self.account(field, request) {
      try takeFailure(.account, account)
    }
    guard !charges.isEmpty else { return }
    marks.owesOutcome = true
    responder.owe(charges, to: limiter)
  }

  private func take(
    _ policy: RatePolicy, _ key: UInt64, _ marks: inout AnswerMarks, _ now: UInt64
  ) throws(APIError) {
    guard let verdict = limiter.take(policy, key, atMillis: now) else { return }
    marks.add(verdict)
    guard !verdict.isAllowed, let limit = limiter.limit(policy) else { return }
    throw APIError(
      .rateLimited, "Too many requests. Try again in \(verdict.seconds) seconds.",
      details: [
        .init("policy", .string(policy.name)), .init("requests", .int(Int64(limit.requests))),
        .init("windowSeconds", .int(Int64(limit.seconds))),
      ],
      headers: ["Retry-After": String(verdict.seconds)])
  }

  private func isUnlimited(_ request: Request) -> Bool {
    guard let unlimitedKey, let offered = request.headers["X-Api-Key"] else { return false }
    // Every byte is compared whatever the first ones are: the time tells nothing about the key.
    var difference: UInt8 = 0
    let bytes = Array(offered.utf8)
    guard bytes.count == unlimitedKey.count else { return false }
    for (left, right) in zip(bytes, unlimitedKey) { difference |= left ^ right }
    return difference == 0
  }

  private func key(_ policy: RatePolicy, _ request: Request) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(policy)
    if policy == .global, let principal = request.principal, !principal.isGuest {
      hasher.combine(principal.id)
    } else {
      ClientAddress.hash(request.remoteAddress, into: &hasher)
    }
    return Self.key(hasher)
  }

  /// 0 means a free entry in the limiter's table.
  private static func key(_ hasher: Hasher) -> UInt64 {
    max(1, UInt64(bitPattern: Int64(hasher.finalize())))
  }

  /// The account that the body's `field` names; spelling in capitals makes no other account.
  private static func account(_ field: String, _ request: Request) -> UInt64? {
    guard let body = try? JSONValue(parsing: request.body), let name = body[field]?.text else {
      return nil
    }
    var hasher = Hasher()
    hasher.combine(RatePolicy.account)
    hasher.combine(name.lowercased().filter { !$0.isWhitespace })
    return key(hasher)
  }
}

/// What is given back when the attempt turns out to be none of a guesser.
struct RateCharge: Sendable {
  var policy: RatePolicy
  var key: UInt64

  /// True for the statuses of a guess that failed. A malformed body (400) guesses nothing, and the
  /// server's own failures are not the client's.
  static func counts(_ status: Int) -> Bool {
    switch status {
    case 401, 403, 404, 409, 422: true
    default: false
    }
  }
}

extension Router {
  /// What the pool holds and what the limiter counted, as Prometheus text.
  func appendMetrics(to text: inout String) {
    MetricText.gauge(
      "souk_pool_queue_length", "Requests that wait for a thread or run on one.",
      UInt64(clamping: pooled.load(ordering: .relaxed)), to: &text)
    guard let limiter = limits?.limiter else { return }
    text += "# HELP souk_rate_limited_total Requests refused because a quota was used up.\n"
    text += "# TYPE souk_rate_limited_total counter\n"
    for policy in RatePolicy.allCases {
      text += "souk_rate_limited_total{policy=\"\(policy.name)\"} \(limiter.refusedCount(policy))\n"
    }
    text += "# HELP souk_rate_limit_evictions_total Clients forgotten because the table was full.\n"
    text += "# TYPE souk_rate_limit_evictions_total counter\n"
    text += "souk_rate_limit_evictions_total \(limiter.evictedCount)\n"
  }
}
