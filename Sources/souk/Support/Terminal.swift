// Terminal: what the verbs print. Results go to stdout; errors, notes and progress to stderr.
// Colour only on a terminal and never with NO_COLOR; progress only on a terminal.

import Bytes
import Glibc
import Server

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

  /// A result that is a file by itself.
  static func bytes(_ bytes: [UInt8]) { write(bytes, to: 1) }

  private static func write(_ text: String, to descriptor: Int32) {
    write(Array(text.utf8), to: descriptor)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
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
  static func grouped(_ value: some BinaryInteger) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// 1 segment, 2,345 segments; `plural` where an s is not enough.
  static func count(_ value: some BinaryInteger, _ noun: String, _ plural: String? = nil) -> String
  {
    "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
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

  /// 350 ms, 12.3 s, 4 min 5 s.
  static func duration(micros: Int64) -> String {
    let seconds = micros / 1_000_000
    if seconds < 1 { return "\(micros / 1000) ms" }
    if seconds < 60 { return "\((Double(micros) / 100_000).rounded() / 10) s" }
    if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }
}

/// `text` as a JSON string.
func quoted(_ text: String) -> String {
  var writer = JSONWriter()
  writer.string(text)
  return String(decoding: writer.bytes, as: UTF8.self)
}

/// The candidate closest to `word`, when it is close enough to be what was meant.
func nearest(_ word: String, in candidates: [String]) -> String? {
  NearestWord.find(word, in: candidates)
}
