// CountingView: a view of the notes that is small enough to be checked by eye: how many there are,
// and their digest. It can be told to lose a change, to see that others notice.

import Bytes
import CommitLog
import Synchronization
import Views

final class CountingView: View {
  struct State: ViewSnapshot {
    var lsn = LSN.zero
    var rows = 0
    var digest = Digest()
    /// Changes seen since the rebuild.
    var changes = 0
  }

  private let state = Mutex(State())
  private let lostChange: Int?

  /// `losing`: the number of the change, from 1, that the view pretends not to have seen.
  init(losing: Int? = nil) { lostChange = losing }

  let name = "counting"
  let tables: [UInt32] = [Note.table.number]
  var appliedLSN: LSN { state.withLock { $0.lsn } }
  func snapshot() -> any ViewSnapshot { state.withLock { $0 } }
  func makeEmpty() -> any View { CountingView() }
  func maintain() -> Bool { false }

  func apply(_ entry: LogEntry) {
    state.withLock { state in
      guard entry.lsn > state.lsn else { return }
      for operation in entry.operations {
        switch operation {
        case .put(Note.table.number, let key, let value, let before):
          change(&state, key, before: before, after: value)
        case .delete(Note.table.number, let key, let before):
          change(&state, key, before: before, after: nil)
        case .put, .delete, .event: break
        }
      }
      state.lsn = entry.lsn
    }
  }

  private func change(_ state: inout State, _ key: [UInt8], before: [UInt8]?, after: [UInt8]?) {
    state.changes += 1
    if state.changes == lostChange { return }
    if let before {
      state.rows -= 1
      state.digest.remove(key + before)
    }
    if let after {
      state.rows += 1
      state.digest.add(key + after)
    }
  }

  func rebuild(
    at lsn: LSN, from rows: (_ body: (UInt32, RawSpan, RawSpan) -> Void) throws -> Void
  ) throws {
    var fresh = State(lsn: lsn)
    try rows { _, key, value in
      fresh.rows += 1
      fresh.digest.add([UInt8](copying: key) + [UInt8](copying: value))
    }
    state.withLock { $0 = fresh }
  }
}
