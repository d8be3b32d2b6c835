// DueWork: looks, once a second, whether something is due: payments to be settled, escrows to be released,
// holds of stock that have run out, searches to be counted. With nothing due it reads one index entry of
// each and writes nothing.
//
// A thread of its own: nothing that keeps Swift's few shared ones busy may hold up money.

import Bytes
import Dispatch
import Marketplace
import RecordStore
import Synchronization

/// One kind of work, done by one transaction at a time.
private final class Duty: Sendable {
  /// What could not be done, for the log: "payments that are open could not be settled".
  let failure: String
  let isDue: @Sendable (Snapshot, Timestamp) throws -> Bool
  let run: @Sendable (Transaction) throws -> Void
  private let isBusy = Mutex(false)

  init(
    _ failure: String, isDue: @escaping @Sendable (Snapshot, Timestamp) throws -> Bool,
    run: @escaping @Sendable (Transaction) throws -> Void
  ) {
    self.failure = failure
    self.isDue = isDue
    self.run = run
  }

  func look(_ market: Marketplace, _ log: Log) {
    // What cannot be read now is reported by whoever asks for it, and looked at again in a second.
    guard (try? isDue(market.database.snapshot().records, .now)) == true else { return }
    let isFirst = isBusy.withLock { busy in
      defer { busy = true }
      return !busy
    }
    guard isFirst else { return }
    market.database.write(requestID: .zero, run) { [self] result in
      isBusy.withLock { $0 = false }
      if case .failure(let error) = result { log.notice("\(failure): \(error)") }
    }
  }
}

final class DueWork: Sendable {
  private let market: Marketplace
  private let log: Log
  private let duties: [Duty]
  private let queue = DispatchQueue(label: "souk.due-work")
  private let hasEnded = Mutex(false)

  init(market: Marketplace, log: Log) {
    self.market = market
    self.log = log
    duties = [
      Duty("payments that are open could not be settled") {
        try Settlement.isDue($0, at: $1)
      } run: { [market] transaction in
        _ = try Settlement.settle(
          transaction, provider: market.provider, policies: market.policies)
      },
      Duty("money in escrow that is due could not be released") {
        try Escrows.isDue($0, at: $1)
      } run: {
        try Escrows.releaseDue($0)
      },
      Duty("stock that was held too long could not be given back") {
        try Inventory.hasExpiredHolds($0, at: $1)
      } run: {
        _ = try Inventory.releaseExpired($0)
      },
    ]
  }

  func begin() { lookAgain(after: .now()) }

  private func lookAgain(after time: DispatchTime) {
    queue.asyncAfter(deadline: time) { [self] in
      guard !hasEnded.withLock({ $0 }) else { return }
      for duty in duties { duty.look(market, log) }
      writeSearches()
      lookAgain(after: .now() + .seconds(1))
    }
  }

  private func writeSearches() {
    guard market.searches.isDue(at: .now) else { return }
    market.searches.write(to: market.database) { [log] result in
      if case .failure(let error) = result {
        log.notice("searches could not be counted, and will be later: \(error)")
      }
    }
  }

  func end() { hasEnded.withLock { $0 = true } }
}
