// PaymentKeeper: asks, once a second, whether a payment is due to be looked at, and has it settled.
// With nothing open it reads one index entry and writes nothing.

import Bytes
import Marketplace
import RecordStore
import Synchronization

final class PaymentKeeper: Sendable {
  private let market: Marketplace
  private let log: Log
  private let isBusy = Mutex(false)
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(market: Marketplace, log: Log) {
    self.market = market
    self.log = log
  }

  func begin() {
    let running = Task.detached { [self] in
      while !Task.isCancelled {
        look()
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
      }
    }
    task.withLock { $0 = running }
  }

  func end() { task.withLock { $0?.cancel() } }

  private func look() {
    let records = market.database.snapshot().records
    // What cannot be read now is reported by whoever asks for it, and looked at again in a second.
    guard (try? Settlement.isDue(records, at: .now)) == true else { return }
    let isFirst = isBusy.withLock { busy in
      defer { busy = true }
      return !busy
    }
    guard isFirst else { return }
    market.database.write(requestID: .zero) { [market] transaction in
      try Settlement.settle(
        transaction, provider: market.provider, policies: market.policies)
    } completion: { [self] result in
      isBusy.withLock { $0 = false }
      if case .failure(let error) = result {
        log.notice("payments that are open could not be settled: \(error)")
      }
    }
  }
}
