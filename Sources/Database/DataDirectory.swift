// DataDirectory: the folder of a database, its lock, and its secrets.
//
//   souk-data/
//     LOCK            flock'ed while a process has the folder open
//     records.souk    the record store (DataFormats/page.md, meta.md)
//     log/            the commit log (DataFormats/log.md)
//     views/NAME/     what a view wrote to be opened faster (DataFormats/manifest.md); may be removed
//     secrets/NAME    random bytes, mode 0600

import Bytes
import Disk
import Synchronization

final class DataDirectory: Sendable {
  let path: String
  let disk: any Disk
  private let lock: Mutex<(any DiskLock)?>

  var logFolder: String { path + "/log" }
  static let storeFile = "records.souk"
  /// Where a compaction makes the file that is to take the place of the store's.
  static let compactionName = "compaction"
  var viewsFolder: String { path + "/" + Self.viewsName }
  static let viewsName = "views"
  private var secretsFolder: String { path + "/" + Self.secretsName }
  static let secretsName = "secrets"

  private init(path: String, disk: any Disk, lock: any DiskLock) {
    self.path = path
    self.disk = disk
    self.lock = Mutex(lock)
  }

  /// Lets somebody else open the folder.
  func unlock() { lock.withLock { $0 = nil } }

  /// Takes the lock on an existing folder that holds a database.
  static func open(_ path: String, disk: any Disk) throws(DatabaseError) -> DataDirectory {
    do {
      guard try disk.exists(path + "/" + storeFile) else {
        throw DatabaseError.notFound(path: path)
      }
      let directory = DataDirectory(path: path, disk: disk, lock: try takeLock(path, disk))
      try NewFolder.removeAll(path + "/" + compactionName, disk)
      // The process that gave these names may have been killed before it had made them durable.
      for folder in [path, parent(of: path), directory.secretsFolder] {
        try disk.syncDirectory(folder)
      }
      return directory
    } catch {
      throw DatabaseError(error)
    }
  }

  /// Makes the folders, durably, and takes the lock. The store file comes last: a folder without it
  /// is not a database yet, and may be made again.
  static func create(_ path: String, disk: any Disk) throws(DatabaseError) -> DataDirectory {
    do {
      if try disk.exists(path + "/" + storeFile) {
        throw DatabaseError.alreadyExists(path: path)
      }
      for folder in [path, path + "/log", path + "/secrets"] where try !disk.exists(folder) {
        try disk.createDirectory(folder)
      }
      try disk.syncDirectory(path)
      try disk.syncDirectory(parent(of: path))
      let directory = DataDirectory(path: path, disk: disk, lock: try takeLock(path, disk))
      for leftover in try disk.list(path + "/log") {
        try disk.remove(path + "/log/" + leftover)
      }
      return directory
    } catch {
      throw DatabaseError(error)
    }
  }

  private static func takeLock(
    _ path: String, _ disk: any Disk
  ) throws(DatabaseError) -> any DiskLock {
    do {
      return try disk.lock(path + "/LOCK")
    } catch {
      throw error.kind == .locked ? .locked(path: path) : .disk(error)
    }
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Reads a secret, making it first when it is not there.
  func secret(named name: String, byteCount: Int, random: () -> UInt64) throws(DatabaseError)
    -> [UInt8]
  {
    do {
      let file = secretsFolder + "/" + name
      if try disk.exists(file) {
        let handle = try disk.open(file, mode: .readOnly)
        defer { handle.close() }
        let size = try handle.size()
        if size == UInt64(byteCount), let bytes = try handle.read(byteCount, at: 0) { return bytes }
        throw DatabaseError.secret(
          path: file, reason: "the secret has \(size) bytes instead of \(byteCount)")
      }
      var writer = ByteWriter(reserving: byteCount + 8)
      while writer.count < byteCount { writer.u64(random()) }
      let bytes = Array(writer.bytes.prefix(byteCount))
      let temporary = file + ".new"
      if try disk.exists(temporary) { try disk.remove(temporary) }
      let handle = try disk.create(temporary)
      defer { handle.close() }
      try handle.write(bytes, at: 0)
      try handle.sync()
      try disk.rename(temporary, to: file)
      try disk.syncDirectory(secretsFolder)
      return bytes
    } catch {
      throw DatabaseError(error)
    }
  }
}
