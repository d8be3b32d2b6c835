// DiskFloor: what the disk can do with nothing above it, measured through the same calls that the
// log makes. Every durable figure stands beside it.

import Bytes
import Database
import Disk

enum DiskFloor {
  /// Overwrites of 4 KiB in a zeroed file, each followed by fdatasync, for `seconds`; a second.
  static func syncsPerSecond(folder: String, seconds: Double) throws -> Double {
    let disk = PosixDisk()
    let path = folder + "/sync-floor"
    let file = try disk.create(path)
    defer {
      file.close()
      try? disk.remove(path)
    }
    let block = [UInt8](repeating: 0xa5, count: 4096)
    let blocks = 4096
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    for index in 0..<blocks * block.count / zeros.count {
      try file.write(zeros, at: UInt64(index * zeros.count))
    }
    try file.sync()
    let start = SystemClock.monotonicMicroseconds()
    let end = start + Int64(seconds * 1_000_000)
    var count = 0
    var now = start
    while now < end {
      try file.write(block, at: UInt64(count % blocks * block.count))
      try file.sync()
      count += 1
      now = SystemClock.monotonicMicroseconds()
    }
    return Double(count) * 1_000_000 / Double(now - start)
  }
}
