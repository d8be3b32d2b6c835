// ControlFile: control.json in the data directory, by which `souk store` finds the running server and is
// let in. Mode 0600, written when the server listens, removed at a clean stop; one that a killed server
// left is not looked at, because the lock is free.

import Bytes
import Disk
import Glibc
import Marketplace
import Server

enum ControlFile {
  private static let tokenBytes = 32

  /// A token that nobody can guess.
  static func makeToken() -> String { Hex.encode(Crypto.randomBytes(tokenBytes)) }

  private static func path(in data: String) -> String { data + "/" + StoreControlFile.name }

  /// Writes the file; false when the server cannot be asked over loopback.
  static func write(
    _ address: HTTPServer.Address, token: String, in data: String
  ) throws(DiskError) -> Bool {
    guard let host = StoreControlFile.loopback(for: address.host) else {
      try remove(from: data)
      return false
    }
    var content = StoreControlFile()
    content.host = host
    content.port = Int64(address.port)
    content.token = token
    content.pid = Int64(getpid())
    let disk = PosixDisk()
    let temporary = path(in: data) + ".new"
    if try disk.exists(temporary) { try disk.remove(temporary) }
    // New files have mode 0600.
    let file = try disk.create(temporary)
    defer { file.close() }
    try file.write(FieldJSON.encode(content), at: 0)
    try disk.rename(temporary, to: path(in: data))
    return true
  }

  static func remove(from data: String) throws(DiskError) {
    let disk = PosixDisk()
    if try disk.exists(path(in: data)) { try disk.remove(path(in: data)) }
  }

  /// What a running server wrote; nil when there is none, or when it cannot be read.
  static func read(from data: String) -> StoreControlFile? {
    let bytesMax = 4096
    guard let file = try? PosixDisk().open(path(in: data), mode: .readOnly) else { return nil }
    defer { file.close() }
    guard let size = try? file.size(), size <= UInt64(bytesMax),
      let bytes = (try? file.read(Int(size), at: 0)) ?? nil
    else { return nil }
    return try? FieldJSON.decode(StoreControlFile.self, from: bytes, unknownFields: .ignored)
  }
}
