// Gathering: what several threads of a benchmark count and collect together.

import Synchronization

/// Hands out numbers to several threads.
final class Counter: Sendable {
  private let count: Atomic<Int>
  init(_ first: Int) { count = Atomic(first) }
  func next() -> Int { count.add(1, ordering: .relaxed).oldValue }
  var value: Int { count.load(ordering: .relaxed) }
}

/// Tells several threads to end.
final class EndSignal: Sendable {
  private let given = Atomic(false)
  var isGiven: Bool { given.load(ordering: .relaxed) }
  func give() { given.store(true, ordering: .relaxed) }
}

final class Gathered: Sendable {
  private let values = Mutex<[Int64]>([])
  func add(_ more: [Int64]) { values.withLock { $0 += more } }
  var sorted: [Int64] { values.withLock { $0.sorted() } }
}

final class FirstFailure: Sendable {
  private let first = Mutex<(any Error)?>(nil)
  func note(_ error: any Error) { first.withLock { $0 = $0 ?? error } }
  var error: (any Error)? { first.withLock { $0 } }
}

/// The value below which so many of a hundred are; there is one at least.
func percentile(_ sorted: [Int64], _ percent: Int) -> Double {
  Double(sorted[sorted.count * percent / 100])
}

/// The middle value, or the mean of the two in the middle.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 0 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
