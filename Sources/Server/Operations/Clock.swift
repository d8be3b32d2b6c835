// Clock: the wall clock, its HTTP form, and standard error.

import Bytes
import Database
import Glibc

extension Timestamp {
  /// The wall clock's present, to the microsecond.
  public static var now: Timestamp { SystemClock.now() }

  /// RFC 9110's date: `Sun, 22 Nov 2026 10:15:30 GMT`.
  public var httpDate: String {
    var seconds = time_t(microseconds / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let day = days[Int(parts.tm_wday) % 7]
    let month = months[Int(parts.tm_mon) % 12]
    return "\(day), \(two(parts.tm_mday)) \(month) \(parts.tm_year + 1900) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}

/// Standard error.
public enum StandardError {
  /// Writes `line` and a line break with one call, so that lines of several threads do not mix. A
  /// failure is ignored: there is nowhere left to report it.
  public static func write(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[offset...])
        let count = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
        if count > 0 {
          offset += count
        } else if errno != EINTR {
          return
        }
      }
    }
  }

  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
