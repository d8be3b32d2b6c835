// SignInGuard: makes guessing one account's password or code slow, whoever guesses and from wherever.
//
//   wrong attempts in a row    1…5   6    7    8   …   14 and more
//   wait before the next       none  1 s  2 s  4 s …   300 s
//
// Invariants
// 1. An attempt counts as wrong from its beginning and is forgiven when it turns out right, so that
//    many at once are no more than one after another.
// 2. What is counted is the name that was given, whether or not there is such an account.
// 3. At most `entriesMax` names are remembered, in memory; a name is forgotten `forgottenAfterSeconds`
//    after its last attempt. When there is no room the one quiet for longest goes.
// 4. It slows down and never locks: the owner is kept waiting five minutes at most.

import Bytes
import Synchronization

public final class SignInGuard: Sendable {
  public static let freeAttempts = 5
  public static let waitSecondsMax: Int64 = 300
  static let forgottenAfterSeconds: Int64 = 900
  let entriesMax: Int

  private struct Entry {
    var wrong = 0
    var last = Timestamp.zero
  }

  private let entries = Mutex<[[UInt8]: Entry]>([:])

  public init(entriesMax: Int = 10_000) { self.entriesMax = entriesMax }

  /// Begins an attempt; how many in a row are wrong if this one is. Throws SYS_9004 with the seconds
  /// to wait when it is too early.
  @discardableResult
  public func begin(_ name: String, at time: Timestamp) throws(MarketError) -> Int {
    let (wrong, wait) = entries.withLock { entries -> (Int, Int64) in
      let key = Self.key(name)
      var entry = entries[key] ?? Entry()
      if entry.last.adding(seconds: Self.forgottenAfterSeconds) < time { entry = Entry() }
      let due = entry.last.adding(seconds: Self.waitSeconds(afterWrong: entry.wrong))
      if time < due {
        let seconds = (due.microseconds - time.microseconds + 999_999) / 1_000_000
        return (entry.wrong, max(1, seconds))
      }
      if entries[key] == nil, entries.count >= entriesMax { makeRoom(&entries, time) }
      entry.wrong += 1
      entry.last = time
      entries[key] = entry
      return (entry.wrong, 0)
    }
    guard wait > 0 else { return wrong }
    throw MarketError(
      .rateLimited, "Too many wrong attempts. Wait before the next one.",
      details: .object([.init("retryAfterSeconds", .int(wait))]))
  }

  /// The attempt was right: all is forgiven.
  public func succeeded(_ name: String) {
    entries.withLock { _ = $0.removeValue(forKey: Self.key(name)) }
  }

  /// The attempt was neither right nor wrong: it came to nothing.
  public func abandoned(_ name: String) {
    entries.withLock { entries in
      let key = Self.key(name)
      guard var entry = entries[key] else { return }
      entry.wrong = max(0, entry.wrong - 1)
      entries[key] = entry
    }
  }

  /// Seconds between the last attempt and the next, after `wrong` wrong ones in a row.
  public static func waitSeconds(afterWrong wrong: Int) -> Int64 {
    guard wrong > freeAttempts else { return wrong == freeAttempts ? 1 : 0 }
    let doublings = min(wrong - freeAttempts, 10)
    return min(1 << Int64(doublings), waitSecondsMax)
  }

  public var count: Int { entries.withLock { $0.count } }

  private func makeRoom(_ entries: inout [[UInt8]: Entry], _ time: Timestamp) {
    let limit = time.adding(seconds: -Self.forgottenAfterSeconds)
    entries = entries.filter { $0.value.last >= limit }
    // A sixteenth at once, so that a flood of names does not sort the table for each of them.
    guard entries.count >= entriesMax else { return }
    let oldest = entries.sorted { $0.value.last < $1.value.last }
    for entry in oldest.prefix(max(1, entriesMax / 16)) { entries.removeValue(forKey: entry.key) }
  }

  /// Sixteen bytes whatever the name's length.
  private static func key(_ name: String) -> [UInt8] {
    Array(Crypto.sha256(Array(User.foldedEmail(name).utf8)).prefix(16))
  }
}
