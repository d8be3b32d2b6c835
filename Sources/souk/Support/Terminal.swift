// Terminal: what the verbs print. Results go to stdout; errors, notes and progress to stderr.
// Colour only on a terminal and never with NO_COLOR; progress only on a terminal.

import Glibc

enum ExitStatus: Int32 {
  case fine = 0
  case failed = 1
  case usage = 2
  case locked = 4
  case corrupt = 65
  case inputOutput = 74
}

/// Ends the verb with a message of one or two sentences (what, where, what to do next) and a status.
struct VerbFailure: Error {
  var message: String
  var status: ExitStatus

  init(_ message: String, _ status: ExitStatus = .failed) {
    self.message = message
    self.status = status
  }
}

enum Terminal {
  static func out(_ line: String) {
    write(line + "\n", to: 1)
  }

  static func note(_ line: String) {
    write(line + "\n", to: 2)
  }

  static func error(_ message: String) {
    let label = isColoured ? "\u{1b}[31merror:\u{1b}[0m " : "error: "
    write(label + message + "\n", to: 2)
  }

  /// Replaces the last progress line; silent when stderr is not a terminal.
  static func progress(_ line: String) {
    guard isatty(2) == 1 else { return }
    write("\r\u{1b}[K" + line, to: 2)
  }

  static func endProgress() {
    guard isatty(2) == 1 else { return }
    write("\r\u{1b}[K", to: 2)
  }

  private static var isColoured: Bool { isatty(2) == 1 && getenv("NO_COLOR") == nil }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      written += count
    }
  }

  /// 12,345,678: digits in groups of three.
  static func grouped(_ value: Int) -> String {
    var digits = String(abs(value))
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// 12.3 MiB.
  static func size(_ bytes: UInt64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
  }
}

/// The candidate closest to `word`, when it is close enough to be what was meant.
func nearest(_ word: String, in candidates: [String]) -> String? {
  let scored = candidates.map { (distance: editDistance(word, $0), candidate: $0) }
  guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, word.count / 3) ? best.candidate : nil
}

/// Levenshtein distance in characters.
private func editDistance(_ left: String, _ right: String) -> Int {
  let target = Array(right)
  var row = Array(0...target.count)
  for (index, character) in left.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in target.indices {
      let substituted = diagonal + (character == target[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, row[column] + 1, row[column + 1] + 1)
    }
  }
  return row[target.count]
}
