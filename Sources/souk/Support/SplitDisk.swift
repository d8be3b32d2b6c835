// SplitDisk: one new folder is written for real, everything else is seen through an overlay. So a
// backup of a stopped directory is made without one byte of that directory being written.

import Disk

final class SplitDisk: Disk {
  private let target: String
  private let real = PosixDisk()
  private let overlay: OverlayDisk

  /// `target`, names that begin with it (`target.partial`), and the folder around it are real.
  init(writing target: String) {
    self.target = target
    overlay = OverlayDisk(over: real)
  }

  private func disk(of path: String) -> any Disk {
    path.hasPrefix(target) || path == Self.parent(of: target) ? real : overlay
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  func open(_ path: String, mode: OpenMode) throws(DiskError) -> any DiskFile {
    try disk(of: path).open(path, mode: mode)
  }
  func create(_ path: String) throws(DiskError) -> any DiskFile {
    try disk(of: path).create(path)
  }
  func createDirectory(_ path: String) throws(DiskError) {
    try disk(of: path).createDirectory(path)
  }
  func list(_ path: String) throws(DiskError) -> [String] { try disk(of: path).list(path) }
  func exists(_ path: String) throws(DiskError) -> Bool { try disk(of: path).exists(path) }
  func rename(_ from: String, to: String) throws(DiskError) {
    try disk(of: from).rename(from, to: to)
  }
  func remove(_ path: String) throws(DiskError) { try disk(of: path).remove(path) }
  func syncDirectory(_ path: String) throws(DiskError) { try disk(of: path).syncDirectory(path) }
  func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk(of: path).lock(path) }
  func freeBytes(_ path: String) throws(DiskError) -> UInt64 { try disk(of: path).freeBytes(path) }
}
