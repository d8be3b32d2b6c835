// SearchReindexing: PUT /search/reindex as a job: the text index is made anew beside the live one, on a
// thread of its own, and takes its place. One at a time; its state is told by GET and forgotten at a
// restart.

import Bytes
import Database
import Marketplace
import NIOPosix
import Synchronization

enum ReindexStatus: String, FieldEnum {
  case idle, running, completed, failed
}

struct ReindexState: Fields, Equatable {
  var status = ReindexStatus.idle
  /// What the job says of how far it is.
  var progress = ""
  /// Documents' rows that were read; known at the end.
  var rows: UInt64?
  /// The commit that the new index shows.
  var commit: UInt64?
  /// Whether the index that was replaced equalled the records.
  var wasSound: Bool?
  var startedAt: Timestamp?
  var endedAt: Timestamp?
  var failure: String?

  init() {}

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "status", &status)
    try visitor.field(2, "progress", &progress)
    try visitor.field(3, "rows", &rows)
    try visitor.field(4, "commit", &commit)
    try visitor.field(5, "wasSound", &wasSound)
    try visitor.field(6, "startedAt", &startedAt)
    try visitor.field(7, "endedAt", &endedAt)
    try visitor.field(8, "failure", &failure)
  }
}

final class Reindexing: Sendable {
  private static let view = "text"

  private let database: Database
  private let thread = NIOThreadPool(numberOfThreads: 1)
  private let current = Mutex(ReindexState())

  init(_ database: Database) {
    self.database = database
    thread.start()
  }

  var state: ReindexState { current.withLock { $0 } }

  /// The state of the job that begins. Errors: RES_4003 while one is running.
  func start() throws(APIError) -> ReindexState {
    var begun = ReindexState()
    begun.status = .running
    begun.startedAt = .now
    let isFree = current.withLock { state in
      guard state.status != .running else { return false }
      state = begun
      return true
    }
    guard isFree else {
      throw APIError(.conflict, "The index is being made anew already.")
    }
    thread.submit { [self] work in
      guard case .active = work else { return finish { $0.failure = "the server is stopping" } }
      run()
    }
    return begun
  }

  private func run() {
    do {
      let rebuilt = try database.rebuildView(Self.view) { progress in
        current.withLock { $0.progress = progress.text }
      }
      finish {
        $0.rows = rebuilt.rows
        $0.commit = rebuilt.lsn.rawValue
        $0.wasSound = rebuilt.digest == rebuilt.replacedDigest
        $0.failure = rebuilt.failure
      }
    } catch {
      finish { $0.failure = "\(error)" }
    }
  }

  private func finish(_ change: (inout ReindexState) -> Void) {
    current.withLock { state in
      change(&state)
      state.status = state.failure == nil ? .completed : .failed
      state.endedAt = .now
    }
  }

  /// Waits for a job that runs. Blocks.
  func shutDown() throws { try thread.syncShutdownGracefully() }
}
