// Random numbers come once each, from any thread.

import Database
import Synchronization
import Testing

@Suite struct SystemRandomTests {
  @Test func noNumberComesTwice() {
    let random = SystemRandom()
    let seen = Mutex<Set<UInt64>>([])
    let workers = (0..<4).map { _ in
      Worker {
        let numbers = (0..<1000).map { _ in random.next() }
        seen.withLock { $0.formUnion(numbers) }
      }
    }
    for worker in workers { worker.join() }
    // Two equal ones among four thousand of 64 bits: once in a million million runs.
    #expect(seen.withLock { $0.count } == 4000)
    #expect(!seen.withLock { $0.contains(0) })
  }
}
