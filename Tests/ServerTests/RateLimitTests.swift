// Rate limits: the counter against a naive one, and what clients see through real sockets.

import Bytes
import Testing

@testable import Server

/// The same rule, with floating point and a dictionary of everything.
private struct NaiveCounter {
  var counts: [UInt64: [Int: Int]] = [:]

  mutating func take(_ key: UInt64, _ limit: RateLimit, _ now: UInt64) -> Bool {
    let millis = Double(limit.seconds * 1000)
    let window = Int(Double(now) / millis)
    let share = 1 - (Double(now) - Double(window) * millis) / millis
    let current = counts[key]?[window] ?? 0
    let previous = counts[key]?[window - 1] ?? 0
    // The limiter's floor; a tiny amount keeps floating point from falling below a whole number.
    let used = current + Int(Double(previous) * share + 1e-9)
    guard used < limit.requests else { return false }
    counts[key, default: [:]][window, default: 0] += 1
    return true
  }
}

@Suite struct RateLimiterTests {
  @Test func agreesWithANaiveCounter() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    for limit in [RateLimit(5, inSeconds: 1), RateLimit(100, inSeconds: 900)] {
      let limiter = RateLimiter(global: limit, auth: nil, account: nil)
      var naive = NaiveCounter()
      var now: UInt64 = 1_000_000
      for step in 0..<20_000 {
        now += random.next() % UInt64(limit.seconds * 1000 / limit.requests)
        let key = 1 + random.next() % 3
        let allowed = limiter.take(.global, key, atMillis: now)?.isAllowed
        #expect(allowed == naive.take(key, limit, now), "seed \(seed), step \(step)")
      }
    }
  }

  @Test func whoWaitsAsLongAsToldGetsIn() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let limit = RateLimit(7, inSeconds: 60)
    let limiter = RateLimiter(global: limit, auth: nil, account: nil)
    var now: UInt64 = 5_000_000
    var waits = 0
    for _ in 0..<2_000 {
      now += random.next() % 9_000
      let verdict = try #require(limiter.take(.global, 1, atMillis: now))
      guard !verdict.isAllowed else { continue }
      #expect(verdict.remaining == 0 && verdict.seconds >= 1)
      // Two seconds less is too early: the wait is not just a long one.
      if verdict.seconds > 2 {
        let early = now + UInt64(verdict.seconds - 2) * 1000
        let tooEarly = try #require(limiter.take(.global, 1, atMillis: early))
        #expect(!tooEarly.isAllowed, "seed \(seed)")
      }
      now += UInt64(verdict.seconds) * 1000
      let again = try #require(limiter.take(.global, 1, atMillis: now))
      #expect(again.isAllowed, "seed \(seed), after \(verdict.seconds) s")
      waits += 1
    }
    #expect(waits > 100)
  }

  @Test func aFloodOfAddressesDoesNotFreeTheOneAtItsLimit() throws {
    let limiter = RateLimiter(global: RateLimit(5, inSeconds: 900), auth: nil, account: nil)
    var random = SplitMix64(seed: 7)
    for _ in 0..<5 { _ = limiter.take(.global, 42, atMillis: 1000) }
    for _ in 0..<400_000 { _ = limiter.take(.global, max(1, random.next()), atMillis: 1000) }
    #expect(limiter.evictedCount > 100_000)
    #expect(limiter.take(.global, 42, atMillis: 1000)?.isAllowed == false)
  }

  @Test func whatIsGivenBackMayBeTakenAgain() {
    let limiter = RateLimiter(global: nil, auth: RateLimit(2, inSeconds: 10), account: nil)
    #expect(limiter.take(.global, 9, atMillis: 0) == nil)
    for _ in 0..<50 {
      #expect(limiter.take(.auth, 9, atMillis: 0)?.isAllowed == true)
      limiter.giveBack(.auth, 9, atMillis: 0)
    }
    #expect(limiter.take(.auth, 9, atMillis: 0)?.remaining == 1)
    #expect(limiter.take(.auth, 9, atMillis: 0)?.remaining == 0)
    #expect(limiter.take(.auth, 9, atMillis: 0)?.isAllowed == false)
  }

  @Test func limitsAreReadFromText() {
    #expect(RateLimit("100/900") == RateLimit(100, inSeconds: 900))
    for text in ["", "100", "0/900", "100/0", "-1/9", "1/86401", "1/2/3", "a/b", " 1/2"] {
      #expect(RateLimit(text) == nil, "\(text)")
    }
  }

  @Test func oneCustomerNetworkIsOneClient() {
    func key(_ address: String) -> Int {
      var hasher = Hasher()
      ClientAddress.hash(address, into: &hasher)
      return hasher.finalize()
    }
    #expect(key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9"))
    #expect(key("2001:db8:1:2::1") != key("2001:db8:1:3::1"))
    #expect(key("::ffff:192.0.2.1") == key("192.0.2.1"))
    #expect(key("192.0.2.1") != key("192.0.2.2"))
  }

  @Test func onlyATrustedProxySaysWhoItsClientIs() {
    func client(_ peer: String, _ fields: [String]) -> String {
      ClientAddress.behind(peer, fields, trusting: ["10.0.0.1", "10.0.0.2"])
    }
    #expect(client("192.0.2.9", ["198.51.100.7"]) == "192.0.2.9")
    #expect(client("10.0.0.1", ["198.51.100.7"]) == "198.51.100.7")
    #expect(client("10.0.0.1", ["1.1.1.1, 198.51.100.7, 10.0.0.2"]) == "198.51.100.7")
    #expect(client("10.0.0.1", ["1.1.1.1", "198.51.100.7"]) == "198.51.100.7")
    #expect(client("10.0.0.1", ["unknown"]) == "10.0.0.1")
    #expect(client("10.0.0.1", []) == "10.0.0.1")
    #expect(client("10.0.0.1", ["2001:db8::1"]) == "2001:db8::1")
  }

  @Test func marksKeepWhatTheyAreGiven() {
    var marks = AnswerMarks()
    marks.audience = .personal
    marks.owesOutcome = true
    marks.add(RateVerdict(policy: .global, isAllowed: true, remaining: 57, seconds: 321))
    marks.add(RateVerdict(policy: .account, isAllowed: true, remaining: 60, seconds: 9))
    #expect(marks.policies == 0b101 && marks.tightest == .global)
    #expect(marks.remaining == 57 && marks.seconds == 321)
    marks.add(RateVerdict(policy: .auth, isAllowed: false, remaining: 0, seconds: 86_400))
    #expect(marks.tightest == .auth && marks.remaining == 0 && marks.seconds == 86_400)
    #expect(marks.audience == .personal && marks.owesOutcome && marks.policies == 7)
  }
}

@Suite(.serialized) struct RateLimitTests {
  private static func shop(
    global: RateLimit? = RateLimit(3, inSeconds: 900), key: String? = nil,
    auth: RateLimit? = nil, account: RateLimit? = nil, proxies: Set<String> = []
  ) throws -> TestShop {
    try TestShop {
      $0.rateLimit = global
      $0.authRateLimit = auth
      $0.accountRateLimit = account
      $0.unlimitedKey = key
      $0.trustedProxies = proxies
    }
  }

  @Test func theFourthOfThreeIsRefusedAndToldWhen() throws {
    let shop = try Self.shop()
    defer { shop.stop() }
    let client = try shop.client()
    for left in [2, 1, 0] {
      let reply = try client.get("/products/1")
      #expect(reply.status == 200)
      #expect(reply["ratelimit-policy"] == #""global";q=3;w=900"#)
      #expect(reply["ratelimit"]?.hasPrefix(#""global";r=\#(left);t="#) == true)
    }
    let refused = try client.get("/products/1")
    #expect(refused.status == 429)
    try expectEnvelope(refused)
    #expect(refused.text.contains("SYS_9004"))
    let seconds = try #require(Int(refused["retry-after"] ?? ""))
    #expect((1...1800).contains(seconds))
    #expect(refused["ratelimit"] == #""global";r=0;t=\#(seconds)"#)
    // Another connection of the same address, and a path that is nowhere.
    #expect(try shop.client().get("/nowhere").status == 429)
    // What watches the server is never turned away.
    for path in ["/health", "/ready", "/metrics"] {
      let reply = try client.get(path)
      #expect(reply.status == 200 && reply["ratelimit"] == nil)
    }
  }

  @Test func aUserHasAQuotaOfHisOwnAndABadTokenDoesNot() throws {
    let shop = try Self.shop()
    defer { shop.stop() }
    let client = try shop.client()
    for _ in 0..<3 {
      #expect(try client.get("/products/1", "Authorization: Bearer buyer\r\n").status == 200)
    }
    #expect(try client.get("/products/1", "Authorization: Bearer buyer\r\n").status == 429)
    for number in 0..<3 {
      let reply = try client.get("/products/1", "Authorization: Bearer made-up-\(number)\r\n")
      #expect(reply.status == 200)
    }
    #expect(try client.get("/products/1", "Authorization: Bearer made-up-4\r\n").status == 429)
    #expect(try client.get("/products/1").status == 429)
  }

  @Test func theUnlimitedKeyIsNotLimitedAndAnotherIs() throws {
    let shop = try Self.shop(key: "bench-key")
    defer { shop.stop() }
    let client = try shop.client()
    for _ in 0..<20 {
      let reply = try client.get("/products/1", "X-Api-Key: bench-key\r\n")
      #expect(reply.status == 200 && reply["ratelimit"] == nil)
    }
    for _ in 0..<3 { #expect(try client.get("/products/1", "X-Api-Key: x\r\n").status == 200) }
    #expect(try client.get("/products/1", "X-Api-Key: bench-keY\r\n").status == 429)
  }

  @Test func onlyFailedAttemptsToSignInCount() throws {
    let shop = try Self.shop(global: nil, auth: RateLimit(5, inSeconds: 900))
    defer { shop.stop() }
    let client = try shop.client()
    for _ in 0..<30 {
      #expect(try client.post("/auth/login", #"{"status":200}"#).status == 200)
      #expect(try client.post("/auth/login", #"{"status":400}"#).status == 400)
    }
    for _ in 0..<5 { #expect(try client.post("/auth/login", #"{"status":401}"#).status == 401) }
    let refused = try client.post("/auth/login", #"{"status":200}"#)
    #expect(refused.status == 429)
    #expect(refused["ratelimit-policy"] == #""auth";q=5;w=900"#)
    #expect(try client.get("/products/1").status == 200)
  }

  @Test func anAccountIsGuessedAtFromManyAddressesInVain() throws {
    let shop = try Self.shop(
      global: nil, account: RateLimit(4, inSeconds: 900), proxies: ["127.0.0.1"])
    defer { shop.stop() }
    let client = try shop.client()
    func attempt(_ email: String, _ status: Int, from address: Int) throws -> Int {
      try client.post(
        "/auth/login", #"{"status":\#(status),"email":"\#(email)"}"#,
        "X-Forwarded-For: 198.51.100.\(address)\r\n"
      ).status
    }
    for address in 1...4 { #expect(try attempt("Ada@Example.com", 401, from: address) == 401) }
    #expect(try attempt("ada@example.com", 200, from: 5) == 429)
    #expect(try attempt("bob@example.com", 200, from: 5) == 200)
  }

  @Test func clientsBehindATrustedProxyAreToldApart() throws {
    let shop = try Self.shop(proxies: ["127.0.0.1"])
    defer { shop.stop() }
    let client = try shop.client()
    for _ in 0..<3 {
      #expect(try client.get("/products/1", "X-Forwarded-For: 192.0.2.1\r\n").status == 200)
    }
    #expect(try client.get("/products/1", "X-Forwarded-For: 192.0.2.1\r\n").status == 429)
    #expect(try client.get("/products/1", "X-Forwarded-For: 192.0.2.2\r\n").status == 200)
  }
}
