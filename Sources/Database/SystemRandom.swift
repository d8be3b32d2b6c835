// SystemRandom: the system's random numbers, fetched 32 at a time. A call to the system for each took a
// tenth of a transaction that makes some twenty identifiers.
//
// Invariant: a number is handed out once, and is then no longer in memory here.

import Glibc
import Synchronization

public final class SystemRandom: Sendable {
  /// `getentropy` gives 256 bytes at most, and all of them or none.
  private static let atOnce = 256 / MemoryLayout<UInt64>.size

  private let numbers = Mutex<[UInt64]>([])

  public init() {}

  public func next() -> UInt64 {
    numbers.withLock { numbers in
      if numbers.isEmpty {
        numbers = [UInt64](unsafeUninitializedCapacity: Self.atOnce) { buffer, count in
          let bytes = Self.atOnce * MemoryLayout<UInt64>.size
          precondition(
            getentropy(buffer.baseAddress, bytes) == 0, "no random numbers: errno \(errno)")
          count = Self.atOnce
        }
      }
      let last = numbers.count - 1
      let number = numbers[last]
      numbers[last] = 0
      numbers.removeLast()
      return number
    }
  }
}
