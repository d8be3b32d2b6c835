// PasswordPool: bcrypt on a few threads of its own, with a queue that ends.
//
// A hash at cost 12 takes a third of a second of processor time. On an event loop it would stop
// every connection of that loop; without a bound, a flood of sign-ins would queue for minutes and
// every one of them would time out. Beyond the bound the answer is 503 SYS_9002 at once.

import Marketplace
import NIOPosix
import Synchronization

final class PasswordPool: Sendable {
  /// Two, so that a slow flood leaves processors for everybody else.
  static let threads = 2
  /// Waiting and running: about five seconds of work at cost 12.
  static let queuedMax = 32

  private let hasher: PasswordHasher
  private let pool: NIOThreadPool
  private let queued = Atomic<Int>(0)

  /// Waiting and running.
  var queuedCount: Int { queued.load(ordering: .relaxed) }

  init(hasher: PasswordHasher) {
    self.hasher = hasher
    pool = NIOThreadPool(numberOfThreads: Self.threads)
    pool.start()
  }

  func shutDown() throws {
    try pool.syncShutdownGracefully()
  }

  /// Hashes on the pool and calls `completion` there.
  func hash(
    _ password: String, _ completion: @escaping @Sendable (Result<String, any Error>) -> Void
  ) {
    submit(completion) { hasher in try hasher.hash(password) }
  }

  /// Verifies on the pool and calls `completion` there.
  func verify(
    _ password: String, against hash: String?,
    _ completion: @escaping @Sendable (Result<Bool, any Error>) -> Void
  ) {
    submit(completion) { hasher in hasher.verify(password, against: hash) }
  }

  private func submit<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<Value, any Error>) -> Void,
    _ work: @escaping @Sendable (PasswordHasher) throws -> Value
  ) {
    guard queued.add(1, ordering: .relaxed).newValue <= Self.queuedMax else {
      queued.subtract(1, ordering: .relaxed)
      return completion(
        .failure(APIError.unavailable("Too many people are signing in.", retrySeconds: 5)))
    }
    pool.submit { [self] state in
      defer { queued.subtract(1, ordering: .relaxed) }
      guard case .active = state else {
        return completion(
          .failure(APIError.unavailable("The server is stopping.", retrySeconds: 5)))
      }
      completion(Result { try work(hasher) })
    }
  }
}
