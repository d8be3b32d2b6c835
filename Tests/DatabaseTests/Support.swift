// Support: clocks, seeds and containers for tests that run without threads or wall time.

import Bytes
import Database
import Disk
import Glibc
import Synchronization

/// A clock that advances a millisecond each time it is asked.
final class StepClock: Sendable {
  private let ticks = Atomic<Int64>(0)

  func next() -> Timestamp {
    let tick = ticks.add(1, ordering: .relaxed).newValue
    return Timestamp(microseconds: 1_800_000_000_000_000 + tick * 1000)
  }
}

final class SharedRandom: Sendable {
  private let generator: Mutex<SplitMix64>

  init(seed: UInt64) { generator = Mutex(SplitMix64(seed: seed)) }

  func next() -> UInt64 { generator.withLock { $0.next() } }
}

/// A value that completions on any thread may write and the test reads.
final class Shared<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>

  init(_ value: sending Value) { storage = Mutex(value) }

  var value: Value { storage.withLock { $0 } }
  func update(_ change: (Value) -> Value) {
    storage.withLock { $0 = change($0) }
  }
}

/// The seed of a randomised test: SOUK_TEST_SEED, or the given one.
func testSeed(_ standard: UInt64) -> UInt64 {
  guard let text = getenv("SOUK_TEST_SEED") else { return standard }
  return UInt64(String(cString: text)) ?? standard
}
