// ProcessFigures: what the kernel says about this process, for /metrics and for the benchmarks that run in
// it. Memory is read from /proc: getrusage's peak is inherited from whoever started the process.

import Disk
import Glibc

package enum ProcessFigures {
  /// Processor time of all threads, user and system.
  package static var processorMicros: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
  }

  /// Bytes handed to the kernel in writes. What the kernel says it will write (write_bytes) counts
  /// whole folios, which are larger than the pages that are written in them.
  package static var bytesWritten: UInt64 { number(after: "wchar:", in: "/proc/self/io") }

  /// The most memory that was resident at any time, in bytes.
  package static var peakBytes: UInt64 { number(after: "VmHWM:", in: "/proc/self/status") * 1024 }

  /// What is resident now, in bytes.
  package static var residentBytes: UInt64 {
    number(after: "VmRSS:", in: "/proc/self/status") * 1024
  }

  /// What of it is this process's own: not the program, its libraries or mapped files.
  package static var privateBytes: UInt64 {
    number(after: "RssAnon:", in: "/proc/self/status") * 1024
  }

  private static func number(after name: String, in path: String) -> UInt64 {
    guard let file = try? PosixDisk().open(path, mode: .readOnly) else { return 0 }
    defer { file.close() }
    var buffer = [UInt8](repeating: 0, count: 8192)
    let count = (try? buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
    for line in String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n") {
      guard line.hasPrefix(name) else { continue }
      let digits = line.dropFirst(name.count).drop { !$0.isNumber }.prefix { $0.isNumber }
      return UInt64(digits) ?? 0
    }
    return 0
  }
}
