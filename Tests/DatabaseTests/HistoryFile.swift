// HistoryFile: the history of `IsolationTests` for checkers of others, such as Jepsen's Elle: a JSON array of
// invocations and completions in the order in which they happened, each a transaction over registers.
//
//   {"index": 0, "type": "invoke", "f": "txn", "process": 3, "value": [["r", 7, null], ["w", 7, 41]]}
//
// What is written is the number of the writing transaction, so no value is written twice; a register that
// nobody wrote reads null.

import Foundation

enum HistoryFile {
  /// Where to write the history; nil when nobody asks for it.
  static var path: String? { ProcessInfo.processInfo.environment["SOUK_HISTORY"] }

  /// The history as JSON. Transactions of one process must not overlap.
  static func json(_ histories: [[Observation]]) -> String {
    var events: [(ticket: Int, text: String)] = []
    for (process, history) in histories.enumerated() {
      for seen in history {
        events.append((seen.began, operation("invoke", process, seen, withValues: false)))
        events.append((seen.ended, operation("ok", process, seen, withValues: true)))
      }
    }
    events.sort { $0.ticket < $1.ticket }
    let lines = events.enumerated().map { "{\"index\": \($0.offset), \($0.element.text)}" }
    return "[" + lines.joined(separator: ",\n") + "]\n"
  }

  private static func operation(
    _ type: String, _ process: Int, _ seen: Observation, withValues: Bool
  ) -> String {
    var steps = seen.reads.map { read in
      let value = withValues && read.writer > 0 ? "\(read.writer)" : "null"
      return "[\"r\", \(read.id), \(value)]"
    }
    if seen.isWrite { steps += seen.reads.map { "[\"w\", \($0.id), \(seen.id)]" } }
    return "\"type\": \"\(type)\", \"f\": \"txn\", \"process\": \(process), "
      + "\"value\": [\(steps.joined(separator: ", "))]"
  }

  static func write(_ histories: [[Observation]], to path: String) throws {
    try Data(json(histories).utf8).write(to: URL(fileURLWithPath: path))
  }
}
