// RateLimiter: a sliding-window counter for each client, in a table that never grows.
//
//   used(now) = current window's count + previous window's count × the share of it still in sight
//
// The estimate takes the previous window's requests as evenly spread; for that error a client costs
// a few dozen bytes instead of one timestamp for each of its requests.
//
// Invariants
// 1. The table has `shards × sets × ways` entries, made once: 65,536 entries, 2 MiB.
// 2. A key lives in one set only. A full set gives up an entry that is stale, else the one with the
//    least count: a flood of new addresses drives out other new ones before those at their limit.
// 3. A refused request is not counted, so a client that waits as long as it was told gets in.
// 4. Keys are 64-bit hashes under a seed of this process; addresses and names are not kept.

import Synchronization

final class RateLimiter: Sendable {
  private struct Entry {
    /// 0 is free.
    var key: UInt64 = 0
    /// The number of the current window: milliseconds divided by its length.
    var window: UInt64 = 0
    var current: UInt32 = 0
    var previous: UInt32 = 0
    /// From this millisecond on nothing of it counts any more.
    var staleAt: UInt64 = 0

    var weight: UInt64 { UInt64(current) + UInt64(previous) }
  }

  private final class Shard: Sendable {
    let entries = Mutex([Entry](repeating: Entry(), count: RateLimiter.sets * RateLimiter.ways))
    let evicted = Atomic<UInt64>(0)
  }

  private static let shardBits: UInt64 = 4
  static let sets = 512
  static let ways = 8

  /// The limit of each policy, by its raw value; nil switches it off.
  private let limits: [RateLimit?]
  private let shards: [Shard]
  private let refusedByPolicy = RatePolicy.allCases.map { _ in Counter() }

  private final class Counter: Sendable {
    let value = Atomic<UInt64>(0)
  }

  init(global: RateLimit?, auth: RateLimit?, account: RateLimit?) {
    limits = [global, auth, account]
    shards = (0..<(1 << Self.shardBits)).map { _ in Shard() }
  }

  func limit(_ policy: RatePolicy) -> RateLimit? { limits[Int(policy.rawValue)] }

  /// Counts one request of `key`, unless its quota is used up. Nil when the policy is off.
  func take(_ policy: RatePolicy, _ key: UInt64, atMillis now: UInt64) -> RateVerdict? {
    guard let limit = limit(policy) else { return nil }
    let shard = shard(of: key)
    let verdict = shard.entries.withLock { entries in
      let index = Self.place(of: key, in: &entries, atMillis: now, evicted: shard.evicted)
      return Self.judge(&entries[index], policy, limit, atMillis: now)
    }
    if !verdict.isAllowed {
      refusedByPolicy[Int(policy.rawValue)].value.add(1, ordering: .relaxed)
    }
    return verdict
  }

  /// Takes a request back that was counted: it turned out not to be a failure.
  func giveBack(_ policy: RatePolicy, _ key: UInt64, atMillis now: UInt64) {
    guard let limit = limit(policy) else { return }
    let millis = UInt64(limit.seconds) * 1000
    shard(of: key).entries.withLock { entries in
      guard let index = Self.find(key, in: entries) else { return }
      Self.roll(&entries[index], to: now / millis, millis)
      if entries[index].current > 0 {
        entries[index].current -= 1
      } else if entries[index].previous > 0 {
        entries[index].previous -= 1
      }
    }
  }

  /// Requests refused under `policy`.
  func refusedCount(_ policy: RatePolicy) -> UInt64 {
    refusedByPolicy[Int(policy.rawValue)].value.load(ordering: .relaxed)
  }

  /// Clients forgotten because the table was full.
  var evictedCount: UInt64 { shards.reduce(0) { $0 + $1.evicted.load(ordering: .relaxed) } }

  // MARK: The table

  private func shard(of key: UInt64) -> Shard {
    shards[Int(key & (1 << Self.shardBits - 1))]
  }

  private static func setStart(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: key >> shardBits & UInt64(sets - 1)) * ways
  }

  private static func find(_ key: UInt64, in entries: [Entry]) -> Int? {
    let start = setStart(key)
    for index in start..<(start + ways) where entries[index].key == key { return index }
    return nil
  }

  private static func place(
    of key: UInt64, in entries: inout [Entry], atMillis now: UInt64,
    evicted: borrowing Atomic<UInt64>
  ) -> Int {
    let start = setStart(key)
    var worst = start
    for index in start..<(start + ways) {
      if entries[index].key == key { return index }
      let isBetter =
        entries[index].staleAt <= now
        ? entries[worst].staleAt > now
        : entries[worst].staleAt > now && entries[index].weight < entries[worst].weight
      if isBetter { worst = index }
    }
    if entries[worst].staleAt > now { evicted.add(1, ordering: .relaxed) }
    entries[worst] = Entry(key: key)
    return worst
  }

  private static func roll(_ entry: inout Entry, to window: UInt64, _ millis: UInt64) {
    if window > entry.window {
      entry.previous = window == entry.window + 1 ? entry.current : 0
      entry.current = 0
      entry.window = window
    }
    entry.staleAt = (entry.window + 2) * millis
  }

  private static func judge(
    _ entry: inout Entry, _ policy: RatePolicy, _ limit: RateLimit, atMillis now: UInt64
  ) -> RateVerdict {
    let millis = UInt64(limit.seconds) * 1000
    roll(&entry, to: now / millis, millis)
    let elapsed = now % millis
    let quota = UInt64(limit.requests)
    let used = UInt64(entry.current) + UInt64(entry.previous) * (millis - elapsed) / millis
    guard used < quota else {
      let wait = waitMillis(entry, quota, millis, elapsed)
      return RateVerdict(
        policy: policy, isAllowed: false, remaining: 0, seconds: Int((wait + 999) / 1000))
    }
    entry.current += 1
    return RateVerdict(
      policy: policy, isAllowed: true, remaining: Int(quota - used - 1),
      seconds: Int((millis - elapsed + 999) / 1000))
  }

  /// Milliseconds until `used < quota` holds, when nobody asks meanwhile.
  private static func waitMillis(
    _ entry: Entry, _ quota: UInt64, _ millis: UInt64, _ elapsed: UInt64
  ) -> UInt64 {
    let (current, previous) = (UInt64(entry.current), UInt64(entry.previous))
    if current < quota {
      // previous × (millis − e) / millis < quota − current, for the least e.
      let inSight = ((quota - current) * millis - 1) / max(1, previous)
      let least = millis - min(millis, inSight)
      return max(1, least - min(elapsed, least))
    }
    // This window's count becomes the previous one first.
    let inSight = (quota * millis - 1) / max(1, current)
    return millis - elapsed + (millis - min(millis, inSight))
  }
}
