// NewFolder: a folder that appears whole or not at all. It is filled under a temporary name beside
// the one that it is to have, synced, and renamed.
//
//   backup.partial/…  ->  backup/…
//
// Invariants
// 1. What exists under the final name is never changed; an empty folder may be replaced.
// 2. The final name is there only when everything inside it is durable.

import Bytes
import Disk

struct NewFolder {
  static let suffix = ".partial"
  /// Bytes copied at a time, and hashed at a time: part of the MANIFEST's format.
  static let chunkBytes = 1 << 20

  let disk: any Disk
  let target: String
  /// Where to write.
  let path: String
  /// All folders made, the outer ones first.
  private var folders: [String]

  /// Makes the temporary folder; what an attempt before left there is removed.
  init(at target: String, disk: any Disk) throws {
    self.disk = disk
    self.target = target.count > 1 && target.hasSuffix("/") ? String(target.dropLast()) : target
    path = self.target + Self.suffix
    folders = [path]
    try Self.requireEmpty(self.target, disk)
    try Self.removeAll(path, disk)
    try disk.createDirectory(path)
  }

  private static func requireEmpty(_ target: String, _ disk: any Disk) throws {
    guard try disk.exists(target) else { return }
    let names: [String]
    do { names = try disk.list(target) } catch { throw DatabaseError.notEmpty(path: target) }
    guard names.isEmpty else { throw DatabaseError.notEmpty(path: target) }
  }

  mutating func makeFolder(_ name: String) throws {
    try disk.createDirectory(path + "/" + name)
    folders.append(path + "/" + name)
  }

  /// Copies a file and syncs the copy; gives its size and hash.
  func copy(_ source: String, from disk: any Disk, as name: String) throws -> FileProof {
    let file = try disk.open(source, mode: .readOnly)
    defer { file.close() }
    let copy = try self.disk.create(path + "/" + name)
    defer { copy.close() }
    let proof = try FileProof(of: file) { bytes, offset in
      try copy.write(UnsafeRawBufferPointer(bytes), at: offset)
    }
    try copy.sync()
    return proof
  }

  func write(_ bytes: [UInt8], as name: String) throws {
    let file = try disk.create(path + "/" + name)
    defer { file.close() }
    try file.write(bytes, at: 0)
    try file.sync()
  }

  /// Gives the folder its name. Everything in it has been synced but the names.
  func finish() throws {
    for folder in folders.reversed() { try disk.syncDirectory(folder) }
    let parent = DataDirectory.parent(of: target)
    try disk.syncDirectory(parent)
    try Self.requireEmpty(target, disk)
    if try disk.exists(target) {
      try disk.remove(target)
      try disk.syncDirectory(parent)
    }
    try disk.rename(path, to: target)
    try disk.syncDirectory(parent)
  }

  /// After an error: as if nothing had been begun, as far as the disk lets us.
  func abandon() { try? Self.removeAll(path, disk) }

  static func removeAll(_ path: String, _ disk: any Disk) throws {
    guard try disk.exists(path) else { return }
    // A file cannot be listed; whatever else is wrong shows when it is removed.
    for name in (try? disk.list(path)) ?? [] { try removeAll(path + "/" + name, disk) }
    try disk.remove(path)
  }
}

/// What a MANIFEST says of a file.
struct FileProof: Equatable {
  var bytes: UInt64 = 0
  /// XXH64 over chunks of 1 MiB, each seeded with the hash of the one before; the first with 0.
  var hash: UInt64 = 0

  init(
    of file: any DiskFile,
    _ body: (UnsafeMutableRawBufferPointer, UInt64) throws -> Void = { _, _ in }
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: NewFolder.chunkBytes, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let count = try file.read(into: buffer, at: bytes)
      guard count > 0 else { return }
      let chunk = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      hash = XXH64.hash(UnsafeRawBufferPointer(chunk), seed: hash)
      try body(chunk, bytes)
      bytes += UInt64(count)
    }
  }
}
