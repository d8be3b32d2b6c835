// BenchFolder: a temporary folder of a benchmark, measured and removed with all that is in it.

import Disk
import Glibc

enum BenchFolder {
  /// Makes an empty folder in `base`, or where temporary files go.
  static func make(in base: String?) throws -> String {
    let base = base ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let path = "\(base)/souk-bench-\(getpid())"
    try PosixDisk().createDirectory(path)
    return path
  }

  /// Bytes of all files below `path`.
  static func bytes(_ path: String) -> UInt64 {
    let disk = PosixDisk()
    if let names = try? disk.list(path) {
      return names.reduce(0) { $0 + bytes(path + "/" + $1) }
    }
    guard let file = try? disk.open(path, mode: .readOnly) else { return 0 }
    defer { file.close() }
    return (try? file.size()) ?? 0
  }

  /// Removes `path` and all below it; what is not there is no error.
  static func remove(_ path: String) throws {
    let disk = PosixDisk()
    guard try disk.exists(path) else { return }
    if let names = try? disk.list(path) {
      for name in names { try remove(path + "/" + name) }
    }
    try disk.remove(path)
  }

  /// Replaces the file `path`.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let disk = PosixDisk()
    if try disk.exists(path) { try disk.remove(path) }
    let file = try disk.create(path)
    defer { file.close() }
    try file.write(bytes, at: 0)
  }
}
