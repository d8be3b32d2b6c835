// SystemClock: the wall clock, and the end of the process when the log fails. The only places where
// the database touches either; everything else is given time as a value.

import Bytes
import Glibc

public enum SystemClock {
  public static let now: @Sendable () -> Timestamp = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  /// Microseconds that never go back, for measuring how long something took.
  public static func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}

/// Writes one line to standard error and ends the process with exit code 74, running no destructor:
/// after a failed sync nothing may be written any more.
public let exitAfterFatal: @Sendable (String) -> Void = { line in
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
  _exit(74)
}
